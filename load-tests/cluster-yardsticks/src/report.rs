//! Results and how they are printed, and what can go wrong on the way. The same shapes as those of `yardsticks`.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// What a yardstick prints: a line for people or one JSON object for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

/// Why there is no number.
#[derive(Debug, thiserror::Error)]
pub(crate) enum YardstickError {
    #[error("cannot {act}: {source}")]
    Io {
        act: &'static str,
        #[source]
        source: io::Error,
    },
    /// Something of Kafka or of the card store.
    #[error("cannot {act}: {reason}")]
    Server { act: &'static str, reason: String },
    #[error("no record came back for {0:?}; is the broker alive")]
    Silent(Duration),
    #[error("keyspace {0} has no cards")]
    NoCards(String),
    #[error("a task of the yardstick panicked")]
    Panicked,
}

impl YardstickError {
    /// For `map_err`: names the act that failed.
    pub(crate) fn io(act: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { act, source }
    }

    /// For `map_err`: names the act that a server or its client failed.
    pub(crate) fn server<E: fmt::Display>(act: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Server {
            act,
            reason: error.to_string(),
        }
    }
}

/// Prints the error and gives the exit code for it.
pub(crate) fn fail(error: &YardstickError) -> ExitCode {
    // Nothing is left to be done when even stderr is gone.
    drop(writeln!(io::stderr(), "error: {error}"));
    ExitCode::from(3)
}

/// The longest latency told apart; a longer one counts as this.
const LATENCY_MAX: Duration = Duration::from_secs(3600);

/// Durations, kept to three significant digits.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        let bound = LATENCY_MAX.as_nanos() as u64;
        Self(Histogram::new_with_max(bound, 3).expect("three digits up to an hour are in range"))
    }

    pub(crate) fn record(&mut self, took: Duration) {
        self.0
            .saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0
            .add(&other.0)
            .expect("both histograms have the same bounds");
    }

    /// The summary of what was recorded during `window`.
    pub(crate) fn summary(&self, window: Duration) -> Summary {
        let micros = |nanos: u64| nanos.div_ceil(1_000);
        let window_us = u64::try_from(window.as_micros()).unwrap_or(u64::MAX).max(1);
        Summary {
            count: self.0.len(),
            per_second: self.0.len().saturating_mul(1_000_000) / window_us,
            latency_us: LatencyMicros {
                p50: micros(self.0.value_at_quantile(0.5)),
                p90: micros(self.0.value_at_quantile(0.9)),
                p99: micros(self.0.value_at_quantile(0.99)),
                p999: micros(self.0.value_at_quantile(0.999)),
                max: micros(self.0.max()),
            },
        }
    }
}

/// A rate and its latencies; the same shape as the end of `floatswitch sim pos -o json`.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) per_second: u64,
    pub(crate) latency_us: LatencyMicros,
}

#[derive(Debug, Serialize)]
pub(crate) struct LatencyMicros {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LatencyMicros {
            p50,
            p90,
            p99,
            p999,
            max,
        } = self.latency_us;
        write!(
            f,
            "{:>9}/s  p50 {p50} us  p90 {p90} us  p99 {p99} us  p99.9 {p999} us  max {max} us",
            self.per_second
        )
    }
}

/// Something a yardstick ends with.
pub(crate) trait Report: Serialize + fmt::Display + Sized {
    /// Prints to stdout.
    fn print(&self, output: Output) -> Result<(), YardstickError> {
        let mut out = io::stdout().lock();
        let printed = match output {
            Output::Text => writeln!(out, "{self}"),
            Output::Json => serde_json::to_writer(&mut out, self)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out)),
        };
        printed.map_err(YardstickError::io("print the result"))
    }
}

impl Report for Summary {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_microseconds() {
        let mut latencies = Latencies::new();
        for micros in 1..=1_000 {
            latencies.record(Duration::from_micros(micros));
        }
        let mut both = Latencies::new();
        both.add(&latencies);
        both.record(Duration::from_secs(10_000));
        let summary = both.summary(Duration::from_secs(2));
        assert_eq!((summary.count, summary.per_second), (1_001, 500));
        assert!(summary.latency_us.p50.abs_diff(501) <= 2, "{summary}");
        assert!(summary.latency_us.max >= 3_600_000_000, "{summary}");
    }
}
