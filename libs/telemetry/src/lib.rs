//! What the switch tells its operators: metrics over HTTP, log lines on standard error, traces by OTLP.
//!
//! Every metric of the whole program has its name, meaning and buckets in [`metric`], so a dashboard can be
//! built from one file. [`start_metrics`] serves them to Prometheus, [`start_logging`] writes log lines.
//! [`trace`] tells of single requests, one in so many, where their time went; sending it needs the feature
//! `otlp`. The feature `otlp-receiver` adds a small collector for tests.
//!
//! Knows nothing of cards. No card number, trace number or key is ever a label, a log field or an attribute
//! of a trace.
#![warn(missing_docs)]

mod logging;
pub mod metric;
#[cfg(feature = "otlp-receiver")]
pub mod otlp_receiver;
mod scrape;
pub mod trace;

pub use logging::{LogFormat, LoggingError, start_logging};
pub use scrape::{MetricsError, MetricsHandle, start_metrics};
pub use trace::{SpanContext, Tracer, TracingError, TracingGuard, TracingSettings};
