//! The command log on Kafka.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::consumer::KafkaConsumer;
use crate::ending::Ending;
use crate::feed::FeedSource;
use crate::options::LogOptions;
use crate::publisher::Publisher;
use crate::readers::Readers;
use crate::settings::{KafkaSettings, TopicNames};
use crate::watermarks::{WatermarkError, Watermarks};
use card::{PartitionId, Position};
use command_log::{
    AppendError, CommandLog, ConsumeError, Digest, DurableWatch, LogId, NewRecord, TraceContext,
};

/// Why the log could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The client could not be made, or no broker answered.
    #[error("cannot open the log on kafka: {0}")]
    Client(String),
    /// There is no such topic.
    #[error("there is no topic {0}: run `cluster init`")]
    NoTopic(String),
    /// It is not the log that was asked for.
    #[error("topic {topic} has {found} partitions, log {expected:?} has another number")]
    PartitionCount {
        /// The topic.
        topic: String,
        /// What it has.
        found: usize,
        /// The log that was asked for.
        expected: LogId,
    },
}

/// A log on Kafka: a few producers and consumers that share the partitions, each with a thread.
///
/// Records are durable when all replicas in sync have them, and only such records are handed out (LOG-1), so
/// [`CommandLog::durable`] always covers. There are no gaps between offsets: the topic is neither compacted nor
/// written to by transactions (LOG-3). Dropping the log gives up what is still on its way: use
/// [`KafkaLog::flush`] before.
pub struct KafkaLog {
    id: LogId,
    publisher: Publisher,
    readers: Readers,
    ending: Arc<Ending>,
    query_timeout: Duration,
    offset_base: u64,
}

impl KafkaLog {
    /// Opens the log. That it is the expected one is for [`crate::verify_log`] to tell; only the partition count
    /// is compared here. Blocks until a broker answers, at most about `query_timeout`.
    ///
    /// # Errors
    /// As [`OpenError`] says.
    pub fn open(
        settings: &KafkaSettings,
        names: &TopicNames,
        id: LogId,
        options: &LogOptions,
    ) -> Result<Self, OpenError> {
        let failed = |error: rdkafka::error::KafkaError| OpenError::Client(error.to_string());
        let topic = names.commands();
        let source = FeedSource {
            settings: settings.clone(),
            names: names.clone(),
            topic: topic.clone(),
            id: id.clone(),
            query_timeout: options.query_timeout,
        };
        let readers = Readers::open(source, options).map_err(failed)?;
        match readers.partition_count().map_err(failed)? {
            0 => return Err(OpenError::NoTopic(topic)),
            found if found == usize::from(id.partition_count) => {}
            found => {
                return Err(OpenError::PartitionCount {
                    topic,
                    found,
                    expected: id,
                });
            }
        }
        let ending = Arc::new(Ending::open());
        let publisher = Publisher::open(settings, topic, &id, options, Arc::clone(&ending));
        Ok(Self {
            id,
            publisher: publisher.map_err(failed)?,
            readers,
            ending,
            query_timeout: options.query_timeout,
            offset_base: options.offset_base,
        })
    }

    /// Where partitions begin and end, in the order given. Blocks for two round trips, at most about
    /// `query_timeout`.
    ///
    /// # Errors
    /// When a partition has no leader or the brokers do not answer in time.
    pub fn watermarks(
        &self,
        partitions: &[PartitionId],
    ) -> Result<Vec<Watermarks>, WatermarkError> {
        self.readers.watermarks(partitions)
    }

    /// Has `hook` told when the record of a sampled request was acknowledged, and how long that took. Called from
    /// the thread of reports, so it must not wait. Only the first hook is told.
    pub fn on_acknowledged(&self, hook: impl Fn(TraceContext, Duration) + Send + Sync + 'static) {
        self.publisher.on_acknowledged(Box::new(hook));
    }

    /// Waits until nothing is on its way any more. Blocks.
    ///
    /// # Errors
    /// When something still is after `timeout`.
    pub fn flush(&self, timeout: Duration) -> Result<(), AppendError> {
        let flushed = self.publisher.flush(timeout);
        flushed.map_err(|error| AppendError::Unknown(error.to_string()))
    }

    /// Ends the log for this process: nothing more is taken, and consumers hear so after what is in the log now.
    pub fn stop(&self, reason: &str) {
        self.ending.stop(reason);
        self.readers.stop(reason);
    }

    /// Offsets of the topic for offsets of the log.
    fn in_topic(
        &self,
        starts: &[(PartitionId, u64)],
    ) -> Result<Vec<(PartitionId, u64)>, ConsumeError> {
        let base = self.offset_base;
        let start = |(partition, wanted): &(PartitionId, u64)| {
            let in_topic = wanted.checked_sub(base).ok_or(ConsumeError::Gone {
                partition: *partition,
                begin: base,
                wanted: *wanted,
            })?;
            Ok((*partition, in_topic))
        };
        starts.iter().map(start).collect()
    }

    /// The error with offsets of the log.
    fn in_log(&self, error: ConsumeError) -> ConsumeError {
        match error {
            ConsumeError::Gone {
                partition,
                begin,
                wanted,
            } => ConsumeError::Gone {
                partition,
                begin: begin + self.offset_base,
                wanted: wanted + self.offset_base,
            },
            ConsumeError::Stopped(reason) => ConsumeError::Stopped(reason),
        }
    }

    fn check(&self, records: &[NewRecord]) -> Result<(), AppendError> {
        let count = self.id.partition_count;
        match records.iter().find(|record| record.partition.0 >= count) {
            Some(record) => Err(AppendError::NotAppended(format!(
                "the log has no partition {}",
                record.partition
            ))),
            None => Ok(()),
        }
    }
}

impl CommandLog for KafkaLog {
    type Consumer = KafkaConsumer;

    fn log_id(&self) -> &LogId {
        &self.id
    }

    /// Never blocks. [`AppendError::Unknown`] when the client took some of them and then failed.
    fn submit(&self, records: Vec<NewRecord>) -> Result<(), AppendError> {
        self.check(&records)?;
        self.publisher.submit(&records)
    }

    async fn append(&self, record: NewRecord) -> Result<Position, AppendError> {
        self.check(std::slice::from_ref(&record))?;
        let report = self.publisher.append(&record)?;
        let gone = |_| Err(AppendError::Unknown("the log was closed".to_owned()));
        let position = report.await.unwrap_or_else(gone)?;
        Ok(Position {
            offset: position.offset + self.offset_base,
            ..position
        })
    }

    /// Blocks for two round trips. When the brokers do not answer in time it is `u64::MAX`: an end that no reader
    /// reaches, so nobody takes a log that cannot be seen for one that was read. [`KafkaLog::watermarks`] tells why.
    fn end_offset(&self, partition: PartitionId) -> u64 {
        match self.readers.watermarks(&[partition]) {
            Ok(found) => found
                .first()
                .map_or(u64::MAX, |found| found.end + self.offset_base),
            Err(error) => {
                tracing::error!(%partition, %error, "the end of a partition is not known");
                u64::MAX
            }
        }
    }

    /// Blocks for two round trips, at most about `query_timeout`; when a start is behind the end, also until
    /// what this process has on its way is in the log. A partition has one consumer at a time.
    fn consume(&self, starts: &[(PartitionId, u64)]) -> Result<KafkaConsumer, ConsumeError> {
        if let Some(reason) = self.ending.reason() {
            return Err(ConsumeError::Stopped(reason));
        }
        let starts = self.in_topic(starts)?;
        let consumer = match self.readers.consume(&starts) {
            Err(ConsumeError::Stopped(_)) if self.publisher.in_flight() > 0 => {
                self.publisher
                    .flush(self.query_timeout)
                    .map_err(|error| ConsumeError::Stopped(error.to_string()))?;
                self.readers.consume(&starts)
            }
            consumer => consumer,
        };
        consumer
            .map(|consumer| consumer.counting_from(self.offset_base))
            .map_err(|error| self.in_log(error))
    }

    fn durable(&self) -> DurableWatch {
        self.ending.watch()
    }

    /// Ignored: an owner compares digests with its store.
    fn witness(&self, _decided: &[(Position, Digest)]) {}

    /// Ignored: the topic's retention goes by time.
    fn release_before(&self, _starts: &[(PartitionId, u64)]) {}
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.id;
        f.debug_struct("KafkaLog")
            .field("id", id)
            .finish_non_exhaustive()
    }
}
