//! Reads the replies of one connector: one partition of the replies topic, from its end at the start.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::{Counter, counter};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::context::{PlainContext, Throttle};
use crate::metric_names::REPLIES_UNREADABLE;
use crate::record;
use crate::replies::ReplyError;
use crate::settings::{KafkaSettings, TopicNames};
use card::Reply;
use command_log::reply_envelope::decode_reply;
use command_log::{ReplySink, TracedReply};

/// The thread looks at its stop flag this often. A reply that arrives ends the wait at once.
const STOP_WAIT: Duration = Duration::from_millis(50);
/// Replies handed over at one time.
const BATCH_MAX: usize = 256;

/// A running reader. Dropping it ends it.
pub struct ReplyReader {
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ReplyReader {
    /// Begins to hand the replies of this partition to `deliver`. Replies to what is published after this returned
    /// are not missed: the place to read from is fixed before. Blocks for two round trips, each at most `timeout`.
    ///
    /// # Errors
    /// As [`ReplyError`] says.
    pub fn start(
        settings: &KafkaSettings,
        names: &TopicNames,
        partition: u16,
        deliver: Arc<dyn ReplySink>,
        timeout: Duration,
    ) -> Result<Self, ReplyError> {
        let topic = names.replies();
        let mut config = settings.reader("reply-reader", &names.reader_group());
        config
            .set("fetch.wait.max.ms", "100")
            // Behind by more than the topic keeps: nobody waits for those any more.
            .set("auto.offset.reset", "latest");
        let context = PlainContext::new("reply-reader");
        let consumer: BaseConsumer<_> =
            BaseConsumer::from_config_and_context(&config, context).map_err(ReplyError::client)?;
        let metadata = consumer
            .fetch_metadata(Some(&topic), timeout)
            .map_err(ReplyError::client)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        if found.is_none_or(|found| found.partitions().len() <= usize::from(partition)) {
            return Err(ReplyError::NoPartition { topic, partition });
        }
        let index = i32::from(partition);
        let (_, end) = consumer
            .fetch_watermarks(&topic, index, timeout)
            .map_err(ReplyError::client)?;
        let mut start = TopicPartitionList::with_capacity(1);
        start
            .add_partition_offset(&topic, index, Offset::Offset(end))
            .and_then(|()| consumer.assign(&start))
            .map_err(ReplyError::client)?;
        Self::spawn(consumer, deliver)
    }

    fn spawn(
        consumer: BaseConsumer<PlainContext>,
        deliver: Arc<dyn ReplySink>,
    ) -> Result<Self, ReplyError> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let mut reading = Reading {
            consumer,
            deliver,
            batch: Vec::with_capacity(BATCH_MAX),
            traced: Vec::new(),
            unreadable: counter!(REPLIES_UNREADABLE),
            throttle: Throttle::new(),
        };
        let work = {
            let is_stopping = Arc::clone(&is_stopping);
            move || {
                while !is_stopping.load(Ordering::Relaxed) {
                    reading.turn();
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("kafka-reply-reader".into())
            .spawn(work)
            .map_err(|error| ReplyError::Client(error.to_string()))?;
        Ok(Self {
            is_stopping,
            thread: Some(thread),
        })
    }
}

impl Drop for ReplyReader {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for ReplyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyReader").finish_non_exhaustive()
    }
}

struct Reading {
    consumer: BaseConsumer<PlainContext>,
    deliver: Arc<dyn ReplySink>,
    batch: Vec<Reply>,
    traced: Vec<TracedReply>,
    unreadable: Counter,
    throttle: Throttle,
}

impl Reading {
    /// Waits for the first reply, adds those that are there, and hands them over.
    fn turn(&mut self) {
        let mut wait = STOP_WAIT;
        while self.batch.len() < BATCH_MAX {
            // Errors are healed by the client, and logged.
            let Some(Ok(message)) = self.consumer.poll(wait) else {
                break;
            };
            let read = read(&message);
            if let Ok(reply) = &read {
                self.traced
                    .extend(record::traced_reply(&message, reply.reply_to));
            }
            self.keep(read);
            wait = Duration::ZERO;
        }
        if !self.batch.is_empty() {
            self.deliver.deliver(&mut self.batch, &self.traced);
            self.traced.clear();
            // A sink empties the list; one that does not must not be given the same twice.
            self.batch.clear();
        }
    }

    fn keep(&mut self, read: Result<Reply, String>) {
        match read {
            Ok(reply) => self.batch.push(reply),
            Err(error) => {
                self.unreadable.increment(1);
                if let Some(held_back) = self.throttle.pass() {
                    tracing::warn!(
                        error,
                        held_back,
                        "a record of the replies topic is no reply"
                    );
                }
            }
        }
    }
}

fn read(message: &BorrowedMessage<'_>) -> Result<Reply, String> {
    let payload = message.payload().unwrap_or_default();
    decode_reply(payload).map_err(|error| format!("offset {}: {error}", message.offset()))
}
