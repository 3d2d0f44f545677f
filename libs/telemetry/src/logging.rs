//! Log lines on standard error.

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing_subscriber::EnvFilter;

/// Crates of others that say a lot at the levels we use; they may only warn.
const QUIET_CRATES: &[&str] = &[
    "fjall",
    "lsm_tree",
    "value_log",
    "ractor",
    "hyper",
    "opentelemetry",
    "metrics_exporter_prometheus",
    "scylla",
    "scylla_cql",
    "librdkafka",
    "rdkafka",
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry_otlp",
];

/// Places of others that warn of what we mean: the store's keepalive of a second is our choice.
const SILENT_PLACES: &[&str] = &["scylla::client::session_builder"];

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per event, coloured on a terminal only.
    Text,
    /// One JSON object per event.
    Json,
}

/// Why log lines could not be started.
#[derive(Debug, thiserror::Error)]
#[error("logging was started before in this process; start it once")]
pub struct LoggingError;

/// Starts to write log lines of `level` and above to standard error, for the whole process.
///
/// # Errors
///
/// [`LoggingError`] when it was called before.
pub fn start_logging(format: LogFormat, level: Level) -> Result<(), LoggingError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives(level)))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let started = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|_| LoggingError)
}

fn directives(level: Level) -> String {
    let quiet = if level < Level::WARN {
        level
    } else {
        Level::WARN
    };
    let crates = QUIET_CRATES.iter().map(|name| format!(",{name}={quiet}"));
    let places = SILENT_PLACES.iter().map(|name| format!(",{name}=ERROR"));
    format!("{level}{}", crates.chain(places).collect::<String>())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::directives;

    #[test]
    fn others_are_never_louder_than_asked() {
        assert!(directives(Level::DEBUG).starts_with("DEBUG,fjall=WARN,"));
        assert!(directives(Level::ERROR).starts_with("ERROR,fjall=ERROR,"));
    }
}
