//! Sends replies to the connectors that asked.
//!
//! A reply is a courtesy: the decision is durable already, and a terminal that hears nothing repeats or reverses. So
//! one acknowledgement is enough, and nothing ever waits: what does not fit is dropped and counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::{Counter, counter};
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use crate::context::{ClientLog, Throttle};
use crate::metric_names::{LABEL_REASON, REPLIES_DROPPED, REPLIES_FAILED};
use crate::record;
use crate::settings::{KafkaSettings, TopicNames};
use card::{Reply, ReplyTo};
use command_log::reply_envelope::encode_reply;
use command_log::{ReplySink, TracedReply};

/// Replies on their way at one time (OWN-4).
const QUEUE_MAX: usize = 50_000;
/// Nobody waits for a reply that is older.
const REPLY_TIMEOUT_MS: &str = "5000";
/// The thread of reports looks at its stop flag this often.
const REPORT_WAIT: Duration = Duration::from_millis(100);

/// Why replies cannot be sent or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The client could not be made, or no broker answered.
    #[error("cannot open the replies topic: {0}")]
    Client(String),
    /// There is no such topic, or it has no such partition.
    #[error("topic {topic} has no partition {partition}: run `cluster init` with enough of them")]
    NoPartition {
        /// The topic.
        topic: String,
        /// What was asked for.
        partition: u16,
    },
    /// Not all replies could be sent in time.
    #[error("replies were still on their way: {0}")]
    Flush(String),
}

impl ReplyError {
    pub(crate) fn client(error: KafkaError) -> Self {
        Self::Client(error.to_string())
    }
}

/// Hands replies to the replies topic: partition = that of the address, no key; headers of a
/// sampled one only.
pub struct KafkaReplySink {
    topic: String,
    partition_count: u16,
    producer: Arc<BaseProducer<ReplyReports>>,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    astray: Counter,
    full: Counter,
}

impl KafkaReplySink {
    /// `partition_count` is that of the replies topic ([`crate::TopicPlan::reply_partition_count`]). Asks no broker.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn open(
        settings: &KafkaSettings,
        names: &TopicNames,
        partition_count: u16,
    ) -> Result<Self, ReplyError> {
        let mut config = settings.client("replies");
        config
            .set("acks", "1")
            .set("linger.ms", "0")
            // One round of the client serves all partitions, see the log's producer.
            .set(
                "queue.buffering.backpressure.threshold",
                partition_count.max(16).to_string(),
            )
            .set("message.timeout.ms", REPLY_TIMEOUT_MS)
            .set("socket.timeout.ms", "3000")
            .set("request.timeout.ms", "3000")
            .set("retry.backoff.ms", "20")
            .set("retry.backoff.max.ms", "200")
            .set("queue.buffering.max.messages", QUEUE_MAX.to_string());
        let reports = ReplyReports::new();
        let producer = BaseProducer::from_config_and_context(&config, reports);
        let producer = Arc::new(producer.map_err(ReplyError::client)?);
        let is_stopping = Arc::new(AtomicBool::new(false));
        let work = {
            let (producer, is_stopping) = (Arc::clone(&producer), Arc::clone(&is_stopping));
            move || {
                while !is_stopping.load(Ordering::Relaxed) {
                    producer.poll(REPORT_WAIT);
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("kafka-replies".into())
            .spawn(work)
            .map_err(|error| ReplyError::Client(error.to_string()))?;
        Ok(Self {
            topic: names.replies(),
            partition_count,
            producer,
            is_stopping,
            thread: Some(thread),
            astray: counter!(REPLIES_DROPPED, LABEL_REASON => "partition"),
            full: counter!(REPLIES_DROPPED, LABEL_REASON => "full"),
        })
    }

    /// Waits until nothing is on its way any more. Blocks; for a drain.
    ///
    /// # Errors
    /// When something still is after `timeout`.
    pub fn flush(&self, timeout: Duration) -> Result<(), ReplyError> {
        let flushed = self.producer.flush(timeout);
        flushed.map_err(|error| ReplyError::Flush(error.to_string()))
    }

    fn send(&self, reply: &Reply, traced: Option<&TracedReply>) {
        if reply.reply_to == ReplyTo::NOBODY {
            return;
        }
        let partition = reply.reply_to.partition;
        if partition >= self.partition_count {
            self.astray.increment(1);
            return;
        }
        let payload = encode_reply(reply);
        let record = BaseRecord::<[u8], [u8]>::to(&self.topic)
            .partition(i32::from(partition))
            .payload(&payload);
        let record = match traced {
            Some(traced) => record.headers(record::traced_headers(traced)),
            None => record,
        };
        if let Err((error, _)) = self.producer.send(record) {
            self.full.increment(1);
            self.producer.client().context().dropped(&error);
        }
    }
}

impl ReplySink for KafkaReplySink {
    fn deliver(&self, replies: &mut Vec<Reply>, traced: &[TracedReply]) {
        for reply in replies.drain(..) {
            let traced = traced
                .iter()
                .find(|traced| traced.reply_to == reply.reply_to);
            self.send(&reply, traced);
        }
    }
}

impl Drop for KafkaReplySink {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for KafkaReplySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaReplySink")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

struct ReplyReports {
    log: ClientLog,
    failures: Throttle,
    failed: Counter,
}

impl ReplyReports {
    fn new() -> Self {
        Self {
            log: ClientLog::new("replies"),
            failures: Throttle::new(),
            failed: counter!(REPLIES_FAILED),
        }
    }

    fn dropped(&self, error: &KafkaError) {
        if let Some(held_back) = self.failures.pass() {
            tracing::warn!(%error, held_back, "a reply could not be sent");
        }
    }
}

impl ClientContext for ReplyReports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(&error, reason);
    }
}

impl ProducerContext for ReplyReports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.failed.increment(1);
            self.dropped(error);
        }
    }
}
