//! Takes the reports of the producers: who waits for a record hears of it here.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use tokio::sync::oneshot;

use crate::context::{ClientLog, Throttle};
use crate::ending::Ending;
use crate::flow::{Flow, Outcome, Refusal};
use crate::metric_names::{
    APPEND_SECONDS, LABEL_REASON, RECORDS_IN_FLIGHT, RECORDS_REFUSED, RECORDS_UNKNOWN,
};
use crate::record;
use card::{PartitionId, Position};
use command_log::{AppendError, TraceContext};

/// Told when a sampled record was acknowledged, and how long that took.
pub(crate) type AcknowledgedHook = Box<dyn Fn(TraceContext, Duration) + Send + Sync>;

/// Who waits for the report on a record.
pub(crate) struct Waiter {
    pub(crate) sent_at: Instant,
    /// Of a sampled record.
    pub(crate) trace: Option<TraceContext>,
    pub(crate) answer: Option<oneshot::Sender<Result<Position, AppendError>>>,
}

/// Counts, and tells who waits.
pub(crate) struct Reports {
    log: ClientLog,
    pub(crate) flow: Flow,
    pub(crate) ending: Arc<Ending>,
    failures: Throttle,
    refusals: Throttle,
    append_seconds: Histogram,
    in_flight: Gauge,
    unknown: Counter,
    pub(crate) refused_by_client: Counter,
    /// Told of sampled records.
    pub(crate) acknowledged: OnceLock<AcknowledgedHook>,
}

impl Reports {
    pub(crate) fn new(flow: Flow, ending: Arc<Ending>) -> Self {
        Self {
            log: ClientLog::new("log"),
            flow,
            ending,
            failures: Throttle::new(),
            refusals: Throttle::new(),
            append_seconds: histogram!(APPEND_SECONDS),
            in_flight: gauge!(RECORDS_IN_FLIGHT),
            unknown: counter!(RECORDS_UNKNOWN),
            refused_by_client: counter!(RECORDS_REFUSED, LABEL_REASON => "client"),
            acknowledged: OnceLock::new(),
        }
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> AppendError {
        counter!(RECORDS_REFUSED, LABEL_REASON => refusal.label()).increment(1);
        if let Some(held_back) = self.refusals.pass() {
            tracing::warn!(reason = %refusal, held_back, "records are refused");
        }
        AppendError::NotAppended(refusal.to_string())
    }

    fn failed(&self, partition: i32, error: &KafkaError) -> AppendError {
        self.unknown.increment(1);
        if let Some(held_back) = self.failures.pass() {
            tracing::warn!(partition, %error, held_back, "fate of a record is unknown");
        }
        AppendError::Unknown(format!("kafka did not acknowledge it: {error}"))
    }
}

/// What several producers report to.
pub(crate) struct SharedReports(pub(crate) Arc<Reports>);

impl ClientContext for SharedReports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.log.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.log.error(&error, reason);
    }
}

impl ProducerContext for SharedReports {
    type DeliveryOpaque = Box<Waiter>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiter: Box<Waiter>) {
        self.0.report(result, *waiter);
    }
}

impl Reports {
    fn report(&self, result: &DeliveryResult<'_>, waiter: Waiter) {
        let now = Instant::now();
        let message = match result {
            Ok(message) | Err((_, message)) => message,
        };
        let partition = message.partition();
        let outcome = match result {
            Ok(_) => Outcome::Acknowledged,
            Err(_) => Outcome::Failed,
        };
        let index = u16::try_from(partition).unwrap_or(u16::MAX);
        self.flow.settle(PartitionId(index), outcome, now);
        #[expect(
            clippy::cast_precision_loss,
            clippy::disallowed_types,
            reason = "a gauge is a float; counts are far below its precision"
        )]
        self.in_flight.set(self.flow.in_flight() as f64);
        let answer = match result {
            Ok(message) => {
                let took = now.saturating_duration_since(waiter.sent_at);
                self.append_seconds.record(took);
                if let (Some(trace), Some(hook)) = (waiter.trace, self.acknowledged.get()) {
                    hook(trace, took);
                }
                record::position_of(partition, message.offset()).ok_or_else(|| {
                    AppendError::Unknown("kafka acknowledged it without an offset".to_owned())
                })
            }
            Err((error, _)) => Err(self.failed(partition, error)),
        };
        if let Some(sender) = waiter.answer {
            // Nobody may be waiting any more.
            drop(sender.send(answer));
        }
    }
}
