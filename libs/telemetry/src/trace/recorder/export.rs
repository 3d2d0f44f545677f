//! Takes queued steps in batches and sends them to a collector by OTLP over HTTP.
//!
//! No TLS: a collector beside the switch does that. Nothing is kept on disk.

use std::num::NonZeroU16;
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext as OtelContext, SpanId, SpanKind as OtelKind, Status, TraceFlags, TraceId,
    TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::metric;
use crate::trace::span::{Attribute, SpanKind, SpanRecord};
use crate::trace::tracer::{TracingError, TracingSettings};

/// Spans of one request to the collector.
const BATCH_SPANS_MAX: usize = 512;
/// How long a span waits for others to travel with.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// One request to the collector with its answer, and no new attempt after it.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(2);
const EXPORT_RETRIES_MAX: usize = 2;
const EXPORT_RETRY_DELAY: Duration = Duration::from_millis(200);
const EXPORT_RETRY_JITTER: Duration = Duration::from_millis(100);
/// From the wish to end until whatever is left is given up.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// A collector that answers within its time is not given up at the end.
const _: () = assert!(EXPORT_TIMEOUT.as_millis() < CLOSE_TIMEOUT.as_millis());

const TRACES_PATH: &str = "/v1/traces";

/// Makes the exporter; connects to nobody yet.
pub(super) fn exporter(settings: &TracingSettings) -> Result<SpanExporter, TracingError> {
    let retries = RetryPolicy::disabled()
        .with_max_retries(EXPORT_RETRIES_MAX)
        .with_initial_delay(EXPORT_RETRY_DELAY)
        .with_max_delay(EXPORT_TIMEOUT)
        .with_max_jitter(EXPORT_RETRY_JITTER);
    let built = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(traces_url(&settings.endpoint)?)
        .with_timeout(EXPORT_TIMEOUT)
        .with_retry_policy(retries)
        .build();
    let mut exporter = built.map_err(|error| TracingError::Exporter(error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name(settings.service_name.clone())
        .with_attribute(KeyValue::new(
            "service.instance.id",
            settings.service_instance.clone(),
        ))
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

/// Adds the path to the base address. The address itself is never repeated in an error.
fn traces_url(endpoint: &str) -> Result<String, TracingError> {
    let refuse = |reason| Err(TracingError::Endpoint { reason });
    if endpoint.starts_with("https://") {
        return refuse("asks for TLS, which is left to a collector beside the switch");
    }
    let Some(authority) = endpoint.strip_prefix("http://") else {
        return refuse("does not begin with http://");
    };
    if authority.contains('@') {
        return refuse("holds a user name, which belongs in OTEL_EXPORTER_OTLP_HEADERS");
    }
    if authority.contains(['?', '#']) {
        return refuse("holds more than host, port and path");
    }
    // The exporter would take the usual port instead of one that it cannot read.
    if !is_port_readable(authority) {
        return refuse("has a port that is no number from 1 to 65535");
    }
    Ok(format!("{}{TRACES_PATH}", endpoint.trim_end_matches('/')))
}

fn is_port_readable(authority: &str) -> bool {
    let host_and_port = authority.split('/').next().unwrap_or_default();
    match host_and_port.rsplit_once(':') {
        Some((_, port)) => port.ends_with(']') || port.parse::<NonZeroU16>().is_ok(),
        None => true,
    }
}

/// The task that sends.
#[derive(Debug)]
pub(super) struct Export {
    exporter: SpanExporter,
    spans: mpsc::Receiver<SpanRecord>,
    closing: Closing,
    scope: InstrumentationScope,
    health: Health,
}

/// Whether the last batch arrived. Only a change is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Arriving,
    Failing,
}

// === impl Export ===

impl Export {
    pub(super) fn new(
        exporter: SpanExporter,
        spans: mpsc::Receiver<SpanRecord>,
        asked: oneshot::Receiver<()>,
    ) -> Self {
        Self {
            exporter,
            spans,
            closing: Closing {
                asked,
                deadline: None,
            },
            scope: InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
            health: Health::Arriving,
        }
    }

    /// Sends until it is asked to end and the queue is empty.
    pub(super) async fn run(mut self) {
        loop {
            let batch = self.next_batch().await;
            if batch.is_empty() {
                return;
            }
            self.send(batch).await;
        }
    }

    /// Waits for a first span and a little for more. Empty at the end.
    async fn next_batch(&mut self) -> Vec<SpanRecord> {
        let mut batch = Vec::new();
        let mut received_count = self.receive(&mut batch).await;
        let sent_at = Instant::now() + BATCH_WAIT;
        while received_count > 0 && batch.len() < BATCH_SPANS_MAX {
            // Safe to give up: spans are in the batch or still in the queue.
            let received = timeout_at(sent_at, self.receive(&mut batch)).await;
            received_count = received.unwrap_or(0);
        }
        batch
    }

    /// Moves spans from the queue to the batch; 0 when there will be no more.
    async fn receive(&mut self, batch: &mut Vec<SpanRecord>) -> usize {
        let room = BATCH_SPANS_MAX - batch.len();
        tokio::select! {
            biased;
            () = self.closing.asked_to_end() => {}
            count = self.spans.recv_many(batch, room) => return count,
        }
        // New spans are refused from here on; what is queued can still be received.
        self.spans.close();
        self.spans.recv_many(batch, room).await
    }

    async fn send(&mut self, batch: Vec<SpanRecord>) {
        let count = batch.len() as u64;
        let scope = &self.scope;
        let data = batch.into_iter().map(|span| span_data(span, scope));
        let outcome = tokio::select! {
            biased;
            outcome = self.exporter.export(data.collect()) => outcome,
            () = self.closing.overdue() => {
                metric::count_spans_dropped("closed", count);
                return;
            }
        };
        match outcome {
            Ok(()) => {
                metric::count_spans_exported(count);
                if self.health == Health::Failing {
                    self.health = Health::Arriving;
                    tracing::info!("traces arrive at the collector again");
                }
            }
            Err(error) => {
                metric::count_spans_dropped("export_failed", count);
                if self.health == Health::Arriving {
                    self.health = Health::Failing;
                    tracing::warn!(%error, "traces do not arrive at the collector and are dropped");
                }
            }
        }
    }
}

/// The wish to end, with the time by which it must be granted.
#[derive(Debug)]
struct Closing {
    asked: oneshot::Receiver<()>,
    deadline: Option<Instant>,
}

// === impl Closing ===

impl Closing {
    /// Waits until somebody asks to end; at once when that has been.
    async fn asked_to_end(&mut self) {
        self.deadline().await;
    }

    /// Waits until the end is overdue.
    async fn overdue(&mut self) {
        let deadline = self.deadline().await;
        sleep_until(deadline).await;
    }

    /// Safe to cancel: the wish is noted in the same step that hears it.
    async fn deadline(&mut self) -> Instant {
        if let Some(deadline) = self.deadline {
            return deadline;
        }
        // Never sent to: dropping the other end is the wish.
        (&mut self.asked).await.ok();
        *self.deadline.insert(Instant::now() + CLOSE_TIMEOUT)
    }
}

fn span_data(span: SpanRecord, scope: &InstrumentationScope) -> SpanData {
    let (span_kind, is_parent_remote) = kind_of(span.kind);
    SpanData {
        span_context: OtelContext::new(
            TraceId::from_bytes(span.context.trace_id),
            SpanId::from_bytes(span.context.span_id),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: is_parent_remote && span.parent.is_some(),
        span_kind,
        name: span.name.into(),
        start_time: span.started_at,
        // A clock that stepped back must not make a step of negative length.
        end_time: span.ended_at.max(span.started_at),
        attributes: span.attributes.into_iter().map(key_value).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope.clone(),
    }
}

/// The kind, and whether the step's cause came from outside with the record.
fn kind_of(kind: SpanKind) -> (OtelKind, bool) {
    match kind {
        SpanKind::Server => (OtelKind::Server, false),
        SpanKind::Client => (OtelKind::Client, false),
        SpanKind::Producer => (OtelKind::Producer, false),
        SpanKind::Consumer => (OtelKind::Consumer, true),
        SpanKind::Internal => (OtelKind::Internal, false),
    }
}

fn key_value(attribute: Attribute) -> KeyValue {
    match attribute {
        Attribute::Kind(kind) => KeyValue::new("switch.kind", kind),
        Attribute::Mti(digits) => KeyValue::new("switch.mti", text(&digits)),
        Attribute::ResponseCode(code) => KeyValue::new("switch.response_code", text(&code)),
        Attribute::Acquirer(digits) => KeyValue::new("switch.acquirer", text(&digits)),
        Attribute::Partition(partition) => KeyValue::new("switch.partition", i64::from(partition)),
        // OTLP has no unsigned number; no log is that long.
        Attribute::Offset(offset) => {
            KeyValue::new("switch.offset", i64::try_from(offset).unwrap_or(i64::MAX))
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::traces_url;

    #[track_caller]
    fn check(endpoint: &str, expected: Result<&str, &str>) {
        match (traces_url(endpoint), expected) {
            (Ok(url), Ok(expected)) => assert_eq!(url, expected, "{endpoint}"),
            (Err(error), Err(part)) => {
                let error = error.to_string();
                assert!(error.contains(part), "{endpoint}: {error}");
                assert!(!error.contains("secret"), "{error}");
            }
            (found, _) => panic!("{endpoint}: {found:?}"),
        }
    }

    #[test]
    fn endpoints() {
        let traces = "http://127.0.0.1:4318/v1/traces";
        check("http://127.0.0.1:4318", Ok(traces));
        check("http://127.0.0.1:4318/", Ok(traces));
        check(
            "http://collector/otlp",
            Ok("http://collector/otlp/v1/traces"),
        );
        check("http://[::1]:4318", Ok("http://[::1]:4318/v1/traces"));
        check("http://[::1]", Ok("http://[::1]/v1/traces"));
        check("http://collector:port", Err("has a port that is no number"));
        check("http://collector:0/", Err("has a port that is no number"));
        check(
            "http://collector:65536",
            Err("has a port that is no number"),
        );
        check("https://collector:4318", Err("asks for TLS"));
        check("127.0.0.1:4317", Err("does not begin with http://"));
        check("", Err("does not begin with http://"));
        check("http://me:secret@collector", Err("holds a user name"));
        check("http://collector/?token=secret", Err("holds more than"));
    }
}
