//! Puts records into the commands topic: idempotent, acknowledged by all replicas in sync (LOG-1).
//!
//! Never waits: what does not fit into the bound is refused at once. What the client took and cannot deliver in
//! time is of unknown fate; this crate cannot see whether any of its bytes reached a broker, and does not guess.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::sync::oneshot;

use crate::birth::left;
use crate::context::fatal_error;
use crate::ending::Ending;
use crate::flow::Flow;
use crate::options::LogOptions;
use crate::record;
use crate::reports::{AcknowledgedHook, Reports, SharedReports, Waiter};
use crate::settings::{KafkaSettings, millis};
use crate::topic_file::RECORD_BYTES_MAX;
use card::Position;
use command_log::{AppendError, LogId, NewRecord};

/// The thread of reports looks at its stop flag this often.
const REPORT_WAIT: Duration = Duration::from_millis(100);

/// Each producer has its own connection to every broker and a few threads.
const PRODUCERS_MAX: usize = 16;

/// The producers of one log.
pub(crate) struct Publisher {
    topic: String,
    reports: Arc<Reports>,
    /// Never empty; a partition always has the same one, which keeps its order.
    shards: Vec<Shard>,
}

/// A producer and its thread.
struct Shard {
    producer: Arc<BaseProducer<SharedReports>>,
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
        let reports = Arc::new(Reports::new(flow, ending));
        let config = config(settings, options);
        let count = options.producers.clamp(1, PRODUCERS_MAX);
        let shards = (0..count).map(|_| Shard::open(&config, Arc::clone(&reports)));
        Ok(Self {
            topic,
            shards: shards.collect::<KafkaResult<_>>()?,
            reports,
        })
    }

    pub(crate) fn on_acknowledged(&self, hook: AcknowledgedHook) {
        // A second hook is not told.
        drop(self.reports.acknowledged.set(hook));
    }

    /// All or nothing, as far as the client allows.
    pub(crate) fn submit(&self, records: &[NewRecord]) -> Result<(), AppendError> {
        self.admit(records)?;
        for (index, record) in records.iter().enumerate() {
            if let Err(error) = self.send(record, None) {
                let rest = &records[index..];
                rest.iter()
                    .for_each(|record| self.reports.flow.take_back(record.partition));
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
            self.reports.flow.take_back(record.partition);
            return Err(self.not_taken(&error, 0));
        }
        Ok(report)
    }

    fn admit(&self, records: &[NewRecord]) -> Result<(), AppendError> {
        let reports = &self.reports;
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
        let shard = usize::from(record.partition.0) % self.shards.len();
        let producer = &self.shards[shard].producer;
        producer.send(sent).map_err(|(error, _)| error)
    }

    /// `taken` records of the same submit went before.
    fn not_taken(&self, error: &KafkaError, taken: usize) -> AppendError {
        self.reports.refused_by_client.increment(1);
        let reason = format!("the kafka client took no more: {error}");
        match taken {
            0 => AppendError::NotAppended(reason),
            _ => AppendError::Unknown(reason),
        }
    }

    /// Records that are not reported on yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.reports.flow.in_flight()
    }

    /// Waits until all that was taken is reported on.
    pub(crate) fn flush(&self, timeout: Duration) -> KafkaResult<()> {
        let deadline = Instant::now() + timeout;
        let mut shards = self.shards.iter();
        shards.try_for_each(|shard| shard.producer.flush(left(deadline)))
    }
}

impl Shard {
    fn open(config: &ClientConfig, reports: Arc<Reports>) -> KafkaResult<Self> {
        let producer = BaseProducer::from_config_and_context(config, SharedReports(reports))?;
        let producer = Arc::new(producer);
        let is_stopping = Arc::new(AtomicBool::new(false));
        let work = {
            let (producer, is_stopping) = (Arc::clone(&producer), Arc::clone(&is_stopping));
            move || {
                while !is_stopping.load(Ordering::Relaxed) {
                    producer.poll(REPORT_WAIT);
                    if let Some(reason) = fatal_error(producer.client()) {
                        let ending = &producer.context().0.ending;
                        ending.stop(&format!("the kafka producer failed: {reason}"));
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("kafka-reports".into());
        Ok(Self {
            producer,
            is_stopping,
            thread: Some(thread.spawn(work).expect("a thread can be started")),
        })
    }
}

impl Drop for Publisher {
    /// What is still on its way ends as unknown. All are told before one is waited for.
    fn drop(&mut self) {
        for shard in &self.shards {
            shard.is_stopping.store(true, Ordering::Relaxed);
        }
        for shard in &mut self.shards {
            if let Some(thread) = shard.thread.take() {
                drop(thread.join());
            }
        }
    }
}

fn config(settings: &KafkaSettings, options: &LogOptions) -> ClientConfig {
    let mut config = settings.client("log");
    let queue = options
        .in_flight_max
        .saturating_mul(2)
        .clamp(1_000, 10_000_000);
    let request_timeout = (options.delivery_timeout / 4).max(Duration::from_millis(500));
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
