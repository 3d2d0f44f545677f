//! Where partitions begin and end, for all of them in two round trips.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::birth::left;
use crate::context::PlainContext;
use crate::settings::{KafkaSettings, TopicNames};
use card::PartitionId;

/// Leaders are asked for again this soon.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// What a partition holds: the offsets from `begin` up to but without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The partition.
    pub partition: PartitionId,
    /// Its oldest record; grows as retention drops old ones.
    pub begin: u64,
    /// The offset that the next record will get.
    pub end: u64,
}

/// Why the watermarks are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot ask the brokers where the log begins and ends: {0}")]
pub struct WatermarkError(pub(crate) KafkaError);

impl WatermarkError {
    /// Whether the brokers know no such topic or partition.
    pub(crate) fn is_no_topic(&self) -> bool {
        use RDKafkaErrorCode as Code;
        matches!(
            self.0.rdkafka_error_code(),
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)
        )
    }
}

/// Asks for the partitions of the commands topic, in the order given. Blocks, at most about `timeout`.
///
/// # Errors
/// When a partition has no leader or the brokers do not answer in time.
pub fn watermarks(
    settings: &KafkaSettings,
    names: &TopicNames,
    partitions: &[PartitionId],
    timeout: Duration,
) -> Result<Vec<Watermarks>, WatermarkError> {
    let config = settings.reader("status", &names.reader_group());
    let consumer = BaseConsumer::from_config_and_context(&config, PlainContext::new("status"))
        .map_err(WatermarkError)?;
    query(&consumer, &names.commands(), partitions, timeout)
}

pub(crate) fn query<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: &[PartitionId],
    timeout: Duration,
) -> Result<Vec<Watermarks>, WatermarkError> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let deadline = Instant::now() + timeout;
    let ask = |which| -> KafkaResult<Vec<u64>> {
        let times = list(topic, partitions, which)?;
        loop {
            match offsets(consumer, &times, left(deadline)) {
                Err(error) if may_pass(&error) && !left(deadline).is_zero() => {
                    // Learns the new leaders.
                    consumer.fetch_metadata(Some(topic), left(deadline))?;
                    std::thread::park_timeout(ASK_AGAIN);
                }
                answer => return answer,
            }
        }
    };
    let begins = ask(Offset::Beginning).map_err(WatermarkError)?;
    let ends = ask(Offset::End).map_err(WatermarkError)?;
    let all = partitions.iter().zip(begins.into_iter().zip(ends));
    Ok(all
        .map(|(partition, (begin, end))| Watermarks {
            partition: *partition,
            begin,
            end,
        })
        .collect())
}

/// A list of partitions of one topic, all with this offset.
pub(crate) fn list(
    topic: &str,
    partitions: &[PartitionId],
    offset: Offset,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition_offset(topic, i32::from(partition.0), offset)?;
    }
    Ok(list)
}

/// What an election or a broker that comes back leaves behind for a moment.
fn may_pass(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::ReplicaNotAvailable
                | Code::OffsetNotAvailable
                | Code::BrokerNotAvailable
                | Code::BrokerTransportFailure
                | Code::NetworkException
                | Code::KafkaStorageError
        )
    )
}

/// The protocol asks for begin and end as for two special times.
fn offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    times: &TopicPartitionList,
    timeout: Duration,
) -> KafkaResult<Vec<u64>> {
    let answer = consumer.offsets_for_times(times.clone(), timeout)?;
    // The client keeps the order of the list only by chance.
    let found = answer.to_topic_map();
    times
        .elements()
        .iter()
        .map(|asked| {
            let key = (asked.topic().to_owned(), asked.partition());
            match found.get(&key) {
                Some(Offset::Offset(offset)) => u64::try_from(*offset).ok(),
                Some(_) | None => None,
            }
            .ok_or_else(|| partition_error(&answer, asked.partition()))
        })
        .collect()
}

fn partition_error(answer: &TopicPartitionList, partition: i32) -> KafkaError {
    let code = answer
        .elements()
        .iter()
        .find(|element| element.partition() == partition)
        .and_then(|element| element.error().err())
        .and_then(|error| error.rdkafka_error_code());
    KafkaError::OffsetFetch(code.unwrap_or(RDKafkaErrorCode::NoOffset))
}
