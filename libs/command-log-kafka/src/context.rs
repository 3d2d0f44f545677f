//! What the Kafka clients say of themselves: to the log, and to the counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use metrics::counter;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::metric_names::{CLIENT_ERRORS, LABEL_CLIENT};

/// A client that cannot reach a broker says so many times a second.
const QUIET: Duration = Duration::from_secs(5);

/// Lets one line pass in each span of time, and counts those that it held back.
#[derive(Debug)]
pub(crate) struct Throttle {
    start: Instant,
    /// Milliseconds after `start` from which on the next line passes.
    next_ms: AtomicU64,
    held_back: AtomicU64,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            next_ms: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
        }
    }

    /// How many lines were held back since the last one that passed; `None` holds this one back too.
    pub(crate) fn pass(&self) -> Option<u64> {
        let now = as_ms(self.start.elapsed());
        let next = self.next_ms.load(Ordering::Relaxed);
        let is_mine = now >= next
            && self
                .next_ms
                .compare_exchange(
                    next,
                    now + as_ms(QUIET),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if is_mine {
            return Some(self.held_back.swap(0, Ordering::Relaxed));
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

pub(crate) fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Logs for one client. The texts come from the client library: addresses, topics, partitions, codes; never a
/// record's bytes.
#[derive(Debug)]
pub(crate) struct ClientLog {
    role: &'static str,
    throttle: Throttle,
}

impl ClientLog {
    pub(crate) fn new(role: &'static str) -> Self {
        Self {
            role,
            throttle: Throttle::new(),
        }
    }

    pub(crate) fn line(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        let client = self.role;
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(client, facility, "{text}");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                if let Some(held_back) = self.throttle.pass() {
                    tracing::warn!(client, facility, held_back, "{text}");
                }
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(client, facility, "{text}");
            }
        }
    }

    pub(crate) fn error(&self, error: &KafkaError, reason: &str) {
        let client = self.role;
        counter!(CLIENT_ERRORS, LABEL_CLIENT => client).increment(1);
        if let Some(held_back) = self.throttle.pass() {
            tracing::warn!(client, %error, held_back, "kafka client has trouble: {reason}");
        }
    }
}

/// Why the client can't go on, if so. The code of an error does not tell.
pub(crate) fn fatal_error<C: ClientContext>(client: &Client<C>) -> Option<String> {
    client.fatal_error().map(|(_, reason)| reason)
}

/// A client that only logs.
#[derive(Debug)]
pub(crate) struct PlainContext(pub(crate) ClientLog);

impl PlainContext {
    pub(crate) fn new(role: &'static str) -> Self {
        Self(ClientLog::new(role))
    }
}

impl ClientContext for PlainContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(&error, reason);
    }
}

impl ConsumerContext for PlainContext {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_lines_becomes_one() {
        let throttle = Throttle::new();
        assert_eq!(throttle.pass(), Some(0));
        assert!((0..1000).all(|_| throttle.pass().is_none()));
        throttle.next_ms.store(0, Ordering::Relaxed);
        assert_eq!(throttle.pass(), Some(1000));
    }
}
