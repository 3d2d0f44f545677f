//! Spans of sampled commands: how long each waited, was decided, was written.

use std::time::{Duration, SystemTime};

use crate::inbox::Work;
use card::ReplyTo;
use command_log::{TraceContext, TracedReply};
use telemetry::trace::{self, Attribute, SpanContext, SpanKind, SpanRecord, Tracer, span_name};

/// The trace of a command that is being decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    /// Of the step that caused it.
    cause: SpanContext,
    /// The step that ended last.
    last: SpanContext,
    /// When it ended.
    at: SystemTime,
}

impl Steps {
    /// The command is taken up: it waited since its record was appended.
    pub(crate) fn begin(tracer: &Tracer, work: &Work) -> Option<Self> {
        let trace = work.trace.filter(|_| tracer.is_on())?;
        let cause = SpanContext {
            trace_id: trace.trace_id,
            span_id: trace.span_id,
        };
        let appended = Duration::from_millis(u64::try_from(work.appended_at.0).unwrap_or(0));
        let mut steps = Self {
            cause,
            last: cause,
            at: SystemTime::UNIX_EPOCH + appended,
        };
        steps.end(tracer, span_name::LOG_WAIT, SpanKind::Consumer, work);
        Some(steps)
    }

    /// It is decided.
    pub(crate) fn decided(&mut self, tracer: &Tracer, work: &Work) {
        self.end(tracer, span_name::DECIDE, SpanKind::Internal, work);
    }

    /// What it wrote is durable, with what was written together with it.
    pub(crate) fn written(&mut self, tracer: &Tracer, work: &Work) {
        self.end(tracer, span_name::STORE_WRITE, SpanKind::Client, work);
    }

    /// A step ends now, and the next one begins.
    fn end(&mut self, tracer: &Tracer, name: &'static str, kind: SpanKind, work: &Work) {
        let now = trace::now();
        self.last = tracer.child_of(self.cause);
        tracer.record(SpanRecord {
            context: self.last,
            parent: Some(self.cause.span_id),
            name,
            kind,
            started_at: self.at,
            ended_at: now,
            attributes: vec![
                Attribute::Partition(work.position.partition.0),
                Attribute::Offset(work.position.offset),
            ],
        });
        self.at = now;
    }

    /// What goes with the reply that is released now.
    pub(crate) fn released(self, reply_to: ReplyTo) -> TracedReply {
        let now = trace::now().duration_since(SystemTime::UNIX_EPOCH);
        TracedReply {
            reply_to,
            context: TraceContext {
                trace_id: self.last.trace_id,
                span_id: self.last.span_id,
            },
            released_at_us: now
                .ok()
                .and_then(|now| i64::try_from(now.as_micros()).ok())
                .unwrap_or(0),
        }
    }
}
