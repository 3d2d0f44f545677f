//! Puts records into the commands topic: idempotent, acknowledged by all replicas in sync (LOG-1).
//!
//! Never waits: what does not fit into the bound is refused at once. What the client took and cannot deliver in
//! time is of unknown fate; this crate cannot see whether any of its bytes reached a broker, and does not guess.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use tokio::sync::oneshot;

use card::{PartitionId, Position};
use command_log::{AppendError, LogId, NewRecord, TraceContext};

use crate::context::{ClientLog, Throttle, is_fatal};
use crate::ending::Ending;
use crate::flow::{Flow, Outcome, Refusal};
use crate::metric_names::{
    APPEND_SECONDS, LABEL_REASON, RECORDS_IN_FLIGHT, RECORDS_REFUSED, RECORDS_UNKNOWN,
};
use crate::options::LogOptions;
use crate::record;
use crate::settings::{KafkaSettings, millis};
use crate::topic_file::RECORD_BYTES_MAX;

/// The thread of reports looks at its stop flag this often.
const REPORT_WAIT: Duration = Duration::from_millis(100);

/// Told when a sampled record was acknowledged, and how long that took.
pub(crate) type AcknowledgedHook = Box<dyn Fn(TraceContext, Duration) + Send + Sync>;

/// Who waits for the report on a record.
pub(crate) struct Waiter {
    sent_at: Instant,
    /// Of a sampled record.
    trace: Option<TraceContext>,
    answer: Option<oneshot::Sender<Result<Position, AppendError>>>,
}

/// The producer and its thread.
pub(crate) struct Publisher {
    topic: String,
    producer: Arc<BaseProducer<Reports>>,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    pub(crate) fn open(
        settings: &KafkaSettings,
        topic: String,
        id: &LogId,
        options: &LogOptions,
        ending: Arc<Ending>,
    ) -> KafkaResult<Self> {
        let flow = Flow::new(
            id.partition_count,
            options.in_flight_max,
            options.stall_after,
        );
        let reports = Reports::new(flow, ending);
        let config = config(settings, options);
        let producer = Arc::new(BaseProducer::from_config_and_context(&config, reports)?);
        let is_stopping = Arc::new(AtomicBool::new(false));
        let thread = {
            let (producer, is_stopping) = (Arc::clone(&producer), Arc::clone(&is_stopping));
            let work = move || {
                while !is_stopping.load(Ordering::Relaxed) {
                    producer.poll(REPORT_WAIT);
                }
            };
            let thread = std::thread::Builder::new().name("kafka-reports".into());
            thread.spawn(work).expect("a thread can be started")
        };
        Ok(Self {
            topic,
            producer,
            is_stopping,
            thread: Some(thread),
        })
    }

    fn reports(&self) -> &Reports {
        self.producer.client().context()
    }

    pub(crate) fn on_acknowledged(&self, hook: AcknowledgedHook) {
        // A second hook is not told.
        drop(self.reports().acknowledged.set(hook));
    }

    /// All or nothing, as far as the client allows.
    pub(crate) fn submit(&self, records: &[NewRecord]) -> Result<(), AppendError> {
        self.admit(records)?;
        for (index, record) in records.iter().enumerate() {
            if let Err(error) = self.send(record, None) {
                let rest = &records[index..];
                rest.iter()
                    .for_each(|record| self.reports().flow.take_back(record.partition));
                return Err(self.not_taken(&error, index));
            }
        }
        Ok(())
    }

    /// One record, whose report comes through the channel.
    pub(crate) fn append(
        &self,
        record: &NewRecord,
    ) -> Result<oneshot::Receiver<Result<Position, AppendError>>, AppendError> {
        self.admit(std::slice::from_ref(record))?;
        let (answer, report) = oneshot::channel();
        if let Err(error) = self.send(record, Some(answer)) {
            self.reports().flow.take_back(record.partition);
            return Err(self.not_taken(&error, 0));
        }
        Ok(report)
    }

    fn admit(&self, records: &[NewRecord]) -> Result<(), AppendError> {
        let reports = self.reports();
        if let Some(reason) = reports.ending.reason() {
            return Err(AppendError::NotAppended(reason));
        }
        if let Some(large) = records.iter().find(|r| r.payload.len() > RECORD_BYTES_MAX) {
            let bytes = large.payload.len();
            return Err(AppendError::NotAppended(format!(
                "a record of {bytes} bytes is too large, {RECORD_BYTES_MAX} fit"
            )));
        }
        let partitions = records.iter().map(|record| record.partition);
        let admitted = reports.flow.admit(partitions, Instant::now());
        admitted.map_err(|refusal| reports.refused(refusal))
    }

    fn send(
        &self,
        record: &NewRecord,
        answer: Option<oneshot::Sender<Result<Position, AppendError>>>,
    ) -> KafkaResult<()> {
        let waiter = Waiter {
            sent_at: Instant::now(),
            trace: record.trace,
            answer,
        };
        let sent = BaseRecord::with_opaque_to(&self.topic, Box::new(waiter))
            .partition(i32::from(record.partition.0))
            .key(record::key_of(record.kind))
            .payload(&record.payload[..]);
        let sent = match record.trace {
            Some(trace) => sent.headers(record::trace_header(trace)),
            None => sent,
        };
        self.producer.send(sent).map_err(|(error, _)| error)
    }

    /// `taken` records of the same submit went before.
    fn not_taken(&self, error: &KafkaError, taken: usize) -> AppendError {
        self.reports().refused_by_client.increment(1);
        let reason = format!("the kafka client took no more: {error}");
        match taken {
            0 => AppendError::NotAppended(reason),
            _ => AppendError::Unknown(reason),
        }
    }

    /// Records that are not reported on yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.reports().flow.in_flight()
    }

    /// Waits until all that was taken is reported on.
    pub(crate) fn flush(&self, timeout: Duration) -> KafkaResult<()> {
        self.producer.flush(timeout)
    }
}

impl Drop for Publisher {
    /// What is still on its way ends as unknown.
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn config(settings: &KafkaSettings, options: &LogOptions) -> ClientConfig {
    let mut config = settings.client("log");
    let queue = options
        .in_flight_max
        .saturating_mul(2)
        .clamp(1_000, 10_000_000);
    let request_timeout = (options.delivery_timeout / 2).max(Duration::from_millis(500));
    config
        // LOG-1. Idempotence also keeps the order within a partition when a request is sent again.
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("max.in.flight.requests.per.connection", "5")
        .set("message.timeout.ms", millis(options.delivery_timeout))
        // A frozen broker must be given up while there is time for the next one.
        .set("request.timeout.ms", millis(request_timeout))
        .set("socket.timeout.ms", millis(request_timeout))
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "200")
        .set("linger.ms", millis(options.linger))
        .set("compression.codec", options.compression.name())
        .set("message.max.bytes", (RECORD_BYTES_MAX + 4096).to_string())
        // Our own bound comes first (OWN-4), so that a submit is refused as a whole.
        .set("queue.buffering.max.messages", queue.to_string())
        .set("queue.buffering.max.kbytes", "2097151");
    config
}

/// Takes the client's reports.
pub(crate) struct Reports {
    log: ClientLog,
    flow: Flow,
    ending: Arc<Ending>,
    failures: Throttle,
    refusals: Throttle,
    append_seconds: Histogram,
    in_flight: Gauge,
    unknown: Counter,
    refused_by_client: Counter,
    /// Told of sampled records.
    acknowledged: OnceLock<AcknowledgedHook>,
}

impl Reports {
    fn new(flow: Flow, ending: Arc<Ending>) -> Self {
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

    fn refused(&self, refusal: Refusal) -> AppendError {
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

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(&error, reason);
        if is_fatal(&error) {
            self.ending
                .stop(&format!("the kafka producer failed: {reason}"));
        }
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Waiter>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiter: Box<Waiter>) {
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
