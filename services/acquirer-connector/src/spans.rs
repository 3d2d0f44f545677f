//! Spans of sampled requests at the edge: the whole request, and its reply's way back.

use std::time::{Duration, SystemTime};

use crate::response_code::ResponseCode;
use card::Reply;
use command_log::{TraceContext, TracedReply};
use registry::ParticipantId;
use telemetry::trace::{self, Attribute, SpanContext, SpanKind, SpanRecord, Tracer, span_name};

/// The trace of a parked request.
#[derive(Debug)]
pub(crate) struct Sampled {
    context: SpanContext,
    /// When its frame was read.
    began_at: SystemTime,
}

impl Sampled {
    /// The request begins now.
    pub(crate) fn begin(context: SpanContext) -> Box<Self> {
        let began_at = trace::now();
        Box::new(Self { context, began_at })
    }

    /// The request is answered: its span ends, and with it the trace.
    pub(crate) fn answered(&self, tracer: &Tracer, reply: &Reply, acquirer: ParticipantId) {
        tracer.record(SpanRecord {
            context: self.context,
            parent: None,
            name: span_name::REQUEST,
            kind: SpanKind::Server,
            started_at: self.began_at,
            ended_at: trace::now(),
            attributes: vec![
                Attribute::Acquirer(*acquirer.padded()),
                Attribute::ResponseCode(*ResponseCode::of(reply.outcome).as_bytes()),
                Attribute::Partition(reply.position.partition.0),
                Attribute::Offset(reply.position.offset),
            ],
        });
    }
}

/// What the log carries of a trace.
pub(crate) fn trace_context(context: SpanContext) -> TraceContext {
    TraceContext {
        trace_id: context.trace_id,
        span_id: context.span_id,
    }
}

/// From the release of a reply to the connector that waits for it: in a cluster, by way of a topic.
pub(crate) fn reply_came(tracer: &Tracer, traced: &TracedReply) {
    let cause = SpanContext {
        trace_id: traced.context.trace_id,
        span_id: traced.context.span_id,
    };
    let since_1970 = Duration::from_micros(u64::try_from(traced.released_at_us).unwrap_or(0));
    tracer.record(SpanRecord {
        context: tracer.child_of(cause),
        parent: Some(cause.span_id),
        name: span_name::REPLY,
        kind: SpanKind::Consumer,
        started_at: SystemTime::UNIX_EPOCH + since_1970,
        ended_at: trace::now(),
        attributes: Vec::new(),
    });
}
