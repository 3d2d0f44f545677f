//! Picks requests, makes ids and queues finished steps for the exporter.

use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::context::SpanContext;
use super::span::SpanRecord;
use super::tracer::{TracingError, TracingSettings};
use crate::metric;

mod export;

/// Spans that wait to be sent. Past it a span is dropped: a trace is worth less than a payment.
const QUEUE_SPANS_MAX: usize = 4_096;

#[derive(Debug)]
pub(super) struct Recorder {
    queue: mpsc::Sender<SpanRecord>,
    /// A request whose draw is not above it is traced.
    draw_max: u64,
    ids: RandomIdGenerator,
}

// === impl Recorder ===

impl Recorder {
    pub(super) fn start(settings: TracingSettings) -> Result<(Self, Sender), TracingError> {
        let runtime = Handle::try_current().map_err(|_| TracingError::NoRuntime)?;
        let exporter = export::exporter(&settings)?;
        let (queue, spans) = mpsc::channel(QUEUE_SPANS_MAX);
        let (open, closing) = oneshot::channel();
        let export = export::Export::new(exporter, spans, closing);
        let recorder = Self {
            queue,
            draw_max: u64::MAX / u64::from(settings.sample_one_in.get()),
            ids: RandomIdGenerator::default(),
        };
        let export = runtime.spawn(export.run());
        Ok((recorder, Sender { open, export }))
    }

    pub(super) fn sample(&self) -> Option<SpanContext> {
        // Not counted off one by one: requests come in patterns, and chance sees them all.
        if u64::from_be_bytes(self.new_span_id()) > self.draw_max {
            return None;
        }
        Some(SpanContext {
            trace_id: self.ids.new_trace_id().to_bytes(),
            span_id: self.new_span_id(),
        })
    }

    pub(super) fn child_of(&self, cause: SpanContext) -> SpanContext {
        SpanContext {
            trace_id: cause.trace_id,
            span_id: self.new_span_id(),
        }
    }

    pub(super) fn record(&self, span: SpanRecord) {
        let Err(error) = self.queue.try_send(span) else {
            return;
        };
        let reason = match error {
            TrySendError::Full(_) => "queue_full",
            TrySendError::Closed(_) => "closed",
        };
        metric::count_spans_dropped(reason, 1);
    }

    fn new_span_id(&self) -> [u8; 8] {
        self.ids.new_span_id().to_bytes()
    }
}

/// The task that sends, and the way to end it.
#[derive(Debug)]
pub(super) struct Sender {
    /// Dropping it asks the task to end.
    open: oneshot::Sender<()>,
    export: JoinHandle<()>,
}

// === impl Sender ===

impl Sender {
    pub(super) async fn close(self) {
        drop(self.open);
        if let Err(error) = self.export.await {
            tracing::error!(%error, "traces were lost at the end");
        }
    }
}
