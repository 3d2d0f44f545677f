//! The handle by which everybody records steps, and its start and end.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::context::SpanContext;
use super::recorder::{Recorder, Sender};
use super::span::SpanRecord;

/// Where traces go and how many are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracingSettings {
    /// Base address of an OTLP/HTTP collector such as `http://127.0.0.1:4318`; `/v1/traces` is added.
    ///
    /// Plain HTTP: a collector beside the switch passes it on by TLS. Headers that it wants, such as a
    /// token, come from the environment variable `OTEL_EXPORTER_OTLP_HEADERS`.
    pub endpoint: String,
    /// One request in so many is traced, picked by chance at the edge; 1 traces all.
    pub sample_one_in: NonZeroU32,
    /// What this program calls itself in traces, such as `floatswitch`.
    pub service_name: String,
    /// Which of several equal processes this is.
    pub service_instance: String,
}

/// Why tracing could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TracingError {
    /// The address of the collector cannot be used.
    #[error(
        "`tracing.endpoint` {reason}; give the base address of a collector, such as http://127.0.0.1:4318"
    )]
    Endpoint {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The exporter refused its settings.
    #[error(
        "the trace exporter refused its settings: {0}; check `tracing.endpoint` and the environment variables OTEL_EXPORTER_OTLP_*"
    )]
    Exporter(String),
    /// There is no async runtime to send from.
    #[error("tracing needs a running tokio runtime; start it inside one")]
    NoRuntime,
    /// This binary cannot send traces.
    #[error(
        "this binary was built without tracing; remove the `tracing` settings or build it with `--features otlp`"
    )]
    NotBuilt,
}

/// Records steps of sampled requests. Cheap to clone; one that is off does nothing.
///
/// It never blocks and never fails: a span that does not fit into the queue is dropped and counted.
#[derive(Debug, Clone)]
pub struct Tracer(Option<Arc<Recorder>>);

// === impl Tracer ===

impl Tracer {
    /// A tracer that samples nothing and records nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Starts to send spans to a collector. Whether it can be reached is not asked: it may come later.
    ///
    /// Call it inside a tokio runtime, and [`TracingGuard::close`] before that ends.
    ///
    /// # Errors
    ///
    /// [`TracingError`] when the settings cannot be used or this binary cannot trace.
    pub fn start(settings: TracingSettings) -> Result<(Self, TracingGuard), TracingError> {
        let (recorder, sender) = Recorder::start(settings)?;
        Ok((Self(Some(Arc::new(recorder))), TracingGuard(sender)))
    }

    /// Tells whether spans are recorded at all.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Decides by chance whether a new request is traced; then makes the context of its first step.
    #[must_use]
    pub fn sample(&self) -> Option<SpanContext> {
        self.0.as_ref()?.sample()
    }

    /// Makes the context of a step that `cause` has caused.
    ///
    /// When tracing is off this is `cause` itself, so that others can go on with the trace around us.
    #[must_use]
    pub fn child_of(&self, cause: SpanContext) -> SpanContext {
        match &self.0 {
            Some(recorder) => recorder.child_of(cause),
            None => cause,
        }
    }

    /// Queues a finished step to be sent.
    pub fn record(&self, span: SpanRecord) {
        if let Some(recorder) = &self.0 {
            recorder.record(span);
        }
    }
}

/// Sends what is queued. Keep it as long as spans are recorded.
///
/// Dropped without [`close`](Self::close), it still sends what is queued while the runtime lives.
#[derive(Debug)]
#[must_use = "spans are sent only while it is kept"]
pub struct TracingGuard(Sender);

// === impl TracingGuard ===

impl TracingGuard {
    /// Sends what is queued and ends, within three seconds. Later spans are dropped and counted.
    pub async fn close(self) {
        self.0.close().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::{SpanContext, SpanRecord, Tracer};
    use crate::trace::{SpanKind, span_name};

    #[test]
    fn off_does_nothing() {
        let tracer = Tracer::off();
        let cause = SpanContext {
            trace_id: [1; 16],
            span_id: [2; 8],
        };
        assert!(!tracer.is_on());
        assert_eq!(tracer.sample(), None);
        assert_eq!(tracer.child_of(cause), cause);
        tracer.record(SpanRecord {
            context: cause,
            parent: None,
            name: span_name::REQUEST,
            kind: SpanKind::Server,
            started_at: SystemTime::UNIX_EPOCH,
            ended_at: SystemTime::UNIX_EPOCH,
            attributes: Vec::new(),
        });
    }

    #[cfg(not(feature = "otlp"))]
    #[test]
    fn a_binary_without_tracing_says_so() {
        let settings = super::TracingSettings {
            endpoint: "http://127.0.0.1:4318".to_owned(),
            sample_one_in: std::num::NonZeroU32::MIN,
            service_name: "floatswitch".to_owned(),
            service_instance: "1".to_owned(),
        };
        let error = Tracer::start(settings).unwrap_err();
        assert!(error.to_string().ends_with("`--features otlp`"), "{error}");
    }
}
