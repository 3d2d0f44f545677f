//! What the switch tells its operators: metrics over HTTP and log lines on standard error.
//!
//! Every metric of the whole program has its name, meaning and buckets in [`metric`], so a dashboard can be
//! built from one file. [`start_metrics`] serves them to Prometheus, [`start_logging`] writes log lines.
//!
//! Knows nothing of cards. No card number, trace number or key is ever a label or a log field.
#![warn(missing_docs)]

mod logging;
pub mod metric;
mod scrape;

pub use logging::{LogFormat, LoggingError, start_logging};
pub use scrape::{MetricsError, MetricsHandle, start_metrics};
