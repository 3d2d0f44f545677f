//! Traces of sampled requests: where the time of one request went, hop by hop.
//!
//! The edge picks one request in so many ([`Tracer::sample`]); only that one carries a [`SpanContext`]
//! through the log, and only for it does anybody read a clock or make a [`SpanRecord`]. Everybody else
//! pays for one `Option` that is `None`.
//!
//! Spans leave the process by OTLP only when it was built with the feature `otlp`; without it the types
//! are the same and [`Tracer::start`] says what is missing.

mod context;
#[cfg(feature = "otlp")]
mod recorder;
#[cfg(not(feature = "otlp"))]
#[path = "recorder_absent.rs"]
mod recorder;
mod span;
pub mod span_name;
mod tracer;

pub use context::{SpanContext, TRACEPARENT_SIZE};
pub use span::{Attribute, SpanKind, SpanRecord, now};
pub use tracer::{Tracer, TracingError, TracingGuard, TracingSettings};
