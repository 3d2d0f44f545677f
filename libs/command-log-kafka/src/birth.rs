//! Birth records: how a log on Kafka knows that it is still itself (LOG-2).
//!
//! A topic that was deleted and created again has the same name. What differs is the record at offset 0 of each
//! partition: it carries 16 random bytes that were made once, with the log. Retention drops these records in
//! time; then a partition is known by the offsets it has left behind, and the owner's checkpoint is the other
//! half of the proof.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use crate::context::PlainContext;
use crate::record;
use crate::settings::{KafkaSettings, TopicNames};
use crate::watermarks::{WatermarkError, list, query};
use card::PartitionId;
use command_log::LogId;

/// Why a log is not the one that was expected, or cannot be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The brokers did not answer.
    #[error(transparent)]
    Watermarks(#[from] WatermarkError),
    /// The brokers did not answer.
    #[error("cannot read the log's birth records: {0}")]
    Client(String),
    /// Not all birth records came in time.
    #[error("only {read} of {wanted} birth records could be read in time: are all brokers up?")]
    Slow {
        /// How many came.
        read: usize,
        /// How many there are.
        wanted: usize,
    },
    /// There is no such topic.
    #[error("there is no topic {0}: run `cluster init`")]
    NoTopic(String),
    /// The partition count is part of the log's identity.
    #[error(
        "topic {topic} has {found} partitions, this log has {expected}: \
         the topic was re-created or belongs to another switch, or partitions were added to it"
    )]
    PartitionCount {
        /// The topic.
        topic: String,
        /// What it has.
        found: usize,
        /// What the log has.
        expected: u16,
    },
    /// The partition lost its past.
    #[error(
        "partition {0} is empty: the topic was re-created or belongs to another switch; \
         restore it, or start over with a new prefix and a new store"
    )]
    Empty(PartitionId),
    /// The partition's first record is no birth record.
    #[error(
        "partition {0} does not begin with a birth record: \
         the topic was re-created or belongs to another program"
    )]
    NoBirth(PartitionId),
    /// Another log.
    #[error(
        "partition {partition} belongs to log {found}, expected {expected}: \
         the topic was re-created or belongs to another switch"
    )]
    Other {
        /// The partition.
        partition: PartitionId,
        /// Its log, as `incarnation/partitions/hash version`.
        found: String,
        /// The log that was expected.
        expected: String,
    },
    /// No birth record is left to read the id from.
    #[error(
        "no birth record is left in topic {0}: its id must come from the store's checkpoint instead"
    )]
    Forgotten(String),
}

/// What the beginning of a partition tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// It never had a record.
    Empty,
    /// Retention dropped the birth record.
    Forgotten,
    /// It begins with another record.
    NoBirth,
    /// It begins with a birth record.
    Born(LogId),
}

/// Shows an id for people.
pub(crate) fn show(id: &LogId) -> String {
    let (count, hash) = (id.partition_count, id.hash_version);
    format!("{}/{count}/{hash}", record::hex(&id.incarnation))
}

/// Checks that the commands topic is the expected log: its partition count, and the birth record of every
/// partition that still holds one. Blocks, at most about `timeout`; 256 partitions take some 0.1 s.
///
/// A partition whose first records were dropped by retention passes: compare its end with the owner's checkpoint.
///
/// # Errors
/// As [`IdentityError`] says.
pub fn verify_log(
    settings: &KafkaSettings,
    names: &TopicNames,
    expected: &LogId,
    timeout: Duration,
) -> Result<(), IdentityError> {
    let beginnings = Beginnings::open(settings, names)?;
    let deadline = Instant::now() + timeout;
    let count = beginnings.partition_count(deadline)?;
    if count != usize::from(expected.partition_count) {
        return Err(IdentityError::PartitionCount {
            topic: names.commands(),
            found: count,
            expected: expected.partition_count,
        });
    }
    let all = (0..expected.partition_count).map(PartitionId);
    let found = beginnings.read(&all.collect::<Vec<_>>(), deadline)?;
    found
        .iter()
        .try_for_each(|(partition, beginning)| judge(*partition, beginning, expected))
}

pub(crate) fn judge(
    partition: PartitionId,
    beginning: &Beginning,
    expected: &LogId,
) -> Result<(), IdentityError> {
    match beginning {
        Beginning::Empty => Err(IdentityError::Empty(partition)),
        Beginning::NoBirth => Err(IdentityError::NoBirth(partition)),
        Beginning::Forgotten => Ok(()),
        Beginning::Born(id) if id == expected => Ok(()),
        Beginning::Born(id) => Err(IdentityError::Other {
            partition,
            found: show(id),
            expected: show(expected),
        }),
    }
}

/// Reads the log's id from its birth records, and checks that they agree. Blocks, at most about `timeout`.
///
/// # Errors
/// As [`IdentityError`] says; [`IdentityError::Forgotten`] when retention dropped all of them.
pub fn read_log_id(
    settings: &KafkaSettings,
    names: &TopicNames,
    timeout: Duration,
) -> Result<LogId, IdentityError> {
    let beginnings = Beginnings::open(settings, names)?;
    let deadline = Instant::now() + timeout;
    let count = beginnings.partition_count(deadline)?;
    let expected = u16::try_from(count).unwrap_or(u16::MAX);
    let all = (0..expected).map(PartitionId);
    let found = beginnings.read(&all.collect::<Vec<_>>(), deadline)?;
    let id = known_id(&found).ok_or_else(|| IdentityError::Forgotten(names.commands()))?;
    for (partition, beginning) in &found {
        judge(*partition, beginning, &id)?;
    }
    if usize::from(id.partition_count) != count {
        return Err(IdentityError::PartitionCount {
            topic: names.commands(),
            found: count,
            expected: id.partition_count,
        });
    }
    Ok(id)
}

/// The id of the first birth record.
pub(crate) fn known_id(found: &BTreeMap<PartitionId, Beginning>) -> Option<LogId> {
    found.values().find_map(|beginning| match beginning {
        Beginning::Born(id) => Some(id.clone()),
        Beginning::Empty | Beginning::Forgotten | Beginning::NoBirth => None,
    })
}

/// Reads the first record of many partitions at once.
pub(crate) struct Beginnings {
    topic: String,
    consumer: BaseConsumer<PlainContext>,
}

impl Beginnings {
    pub(crate) fn open(
        settings: &KafkaSettings,
        names: &TopicNames,
    ) -> Result<Self, IdentityError> {
        let mut config = settings.reader("identity", &names.reader_group());
        config
            .set("fetch.wait.max.ms", "20")
            // One record of each partition is wanted; the brokers send at least one whole batch.
            .set("max.partition.fetch.bytes", "1024");
        let context = PlainContext::new("identity");
        let consumer =
            BaseConsumer::from_config_and_context(&config, context).map_err(client_error)?;
        Ok(Self {
            topic: names.commands(),
            consumer,
        })
    }

    /// How many partitions the topic has.
    pub(crate) fn partition_count(&self, deadline: Instant) -> Result<usize, IdentityError> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.topic), left(deadline))
            .map_err(client_error)?;
        let topic = metadata.topics().iter().find(|t| t.name() == self.topic);
        match topic.map(|topic| topic.partitions().len()) {
            Some(0) | None => Err(IdentityError::NoTopic(self.topic.clone())),
            Some(count) => Ok(count),
        }
    }

    pub(crate) fn read(
        &self,
        partitions: &[PartitionId],
        deadline: Instant,
    ) -> Result<BTreeMap<PartitionId, Beginning>, IdentityError> {
        let mut found = BTreeMap::new();
        let mut wanted = Vec::new();
        for marks in query(&self.consumer, &self.topic, partitions, left(deadline))? {
            match (marks.begin, marks.end) {
                (0, 0) => drop(found.insert(marks.partition, Beginning::Empty)),
                (0, _) => wanted.push(marks.partition),
                (_, _) => drop(found.insert(marks.partition, Beginning::Forgotten)),
            }
        }
        self.read_first(&wanted, deadline, &mut found)?;
        Ok(found)
    }

    fn read_first(
        &self,
        wanted: &[PartitionId],
        deadline: Instant,
        found: &mut BTreeMap<PartitionId, Beginning>,
    ) -> Result<(), IdentityError> {
        let all = found.len() + wanted.len();
        let start = list(&self.topic, wanted, Offset::Offset(0)).map_err(client_error)?;
        self.consumer.assign(&start).map_err(client_error)?;
        while found.len() < all {
            let remaining = left(deadline);
            if remaining.is_zero() {
                let read = found.len() + wanted.len() - all;
                let wanted = wanted.len();
                return Err(IdentityError::Slow { read, wanted });
            }
            // Errors of single brokers are tried again by the client, and logged.
            let Some(Ok(message)) = self.consumer.poll(remaining) else {
                continue;
            };
            let place = record::position_of(message.partition(), message.offset());
            if let Some(place) = place.filter(|place| place.offset == 0) {
                let beginning =
                    record::birth_of(&message).map_or(Beginning::NoBirth, Beginning::Born);
                found.insert(place.partition, beginning);
            }
        }
        self.consumer.unassign().map_err(client_error)
    }
}

pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn client_error(error: KafkaError) -> IdentityError {
    IdentityError::Client(error.to_string())
}
