//! Clients of the copy loop: librdkafka with the settings of `command-log-kafka`, but nothing else around it.
//!
//! Only what decides how fast a record goes is repeated here; what is about faults is left out.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use crate::report::YardstickError;

/// Nothing that is alive takes longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a poll waits when nothing arrives; an arrival ends it at once.
const POLL_WAIT: Duration = Duration::from_millis(20);

fn client(brokers: &str, role: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", format!("yardstick-{role}"))
        .set("enable.metrics.push", "false")
        .set("socket.nagle.disable", "true");
    config
}

/// Puts records into a topic.
pub(crate) struct Sender {
    producer: BaseProducer,
    topic: String,
}

impl Sender {
    pub(crate) fn open(brokers: &str, topic: &str) -> Result<Self, YardstickError> {
        let producer = client(brokers, "sender")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("max.in.flight.requests.per.connection", "5")
            .set("linger.ms", "0")
            .set("compression.codec", "none")
            .create()
            .map_err(YardstickError::server("make a kafka producer"))?;
        Ok(Self {
            producer,
            topic: topic.to_owned(),
        })
    }

    /// Hands a record over and returns at once.
    pub(crate) fn send(&self, partition: i32, payload: &[u8]) -> Result<(), YardstickError> {
        let record = BaseRecord::<[u8], [u8]>::to(&self.topic)
            .partition(partition)
            .key(b"c")
            .payload(payload);
        let sent = self.producer.send(record);
        sent.map_err(|(error, _)| YardstickError::server("send a record")(error))
    }

    /// Takes the reports on what was sent. Without it the client's queue fills.
    pub(crate) fn take_reports(&self) {
        self.producer.poll(Duration::ZERO);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // What is still on its way belongs to no measurement.
        drop(self.producer.flush(PATIENCE));
    }
}

/// Takes records from all partitions of a topic, from its present end on.
pub(crate) struct Receiver(BaseConsumer);

impl Receiver {
    pub(crate) fn open(
        brokers: &str,
        topic: &str,
        partition_count: u16,
    ) -> Result<Self, YardstickError> {
        let consumer = consumer(brokers)?;
        let starts = ends(&consumer, topic, partition_count);
        let starts = starts.map_err(YardstickError::server("ask where a topic ends"))?;
        Self::from(consumer, &starts)
    }

    /// Takes the last `count` records of each partition of a topic, and what comes then.
    pub(crate) fn open_at_tail(
        brokers: &str,
        topic: &str,
        count: i64,
    ) -> Result<Self, YardstickError> {
        let consumer = consumer(brokers)?;
        let starts = tails(&consumer, topic, count);
        let starts = starts.map_err(YardstickError::server("look at a topic"))?;
        Self::from(consumer, &starts)
    }

    fn from(consumer: BaseConsumer, starts: &TopicPartitionList) -> Result<Self, YardstickError> {
        let assigned = consumer.assign(starts);
        assigned.map_err(YardstickError::server("read a topic"))?;
        Ok(Self(consumer))
    }

    /// Waits a little for a record and hands it to `take` with its partition; `None` when there was none.
    pub(crate) fn receive<T>(
        &self,
        take: impl FnOnce(i32, &[u8]) -> T,
    ) -> Result<Option<T>, YardstickError> {
        match self.0.poll(POLL_WAIT) {
            Some(Ok(message)) => {
                let payload = message.payload().unwrap_or_default();
                Ok(Some(take(message.partition(), payload)))
            }
            Some(Err(error)) => Err(YardstickError::server("receive a record")(error)),
            None => Ok(None),
        }
    }
}

/// Reads what it is told to read, in no group.
fn consumer(brokers: &str) -> Result<BaseConsumer, YardstickError> {
    let consumer = client(brokers, "receiver")
        .set("group.id", "yardstick")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_uncommitted")
        // A partition with fewer records than asked for is read from its beginning.
        .set("auto.offset.reset", "earliest")
        .set("fetch.min.bytes", "1")
        .set("fetch.wait.max.ms", "50")
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "16384")
        .set("max.partition.fetch.bytes", "1048576")
        .create();
    consumer.map_err(YardstickError::server("make a kafka consumer"))
}

/// An explicit offset for each partition: "the end" would be looked up later, when records are on their way.
fn ends(
    consumer: &BaseConsumer,
    topic: &str,
    partition_count: u16,
) -> Result<TopicPartitionList, KafkaError> {
    let mut wanted = TopicPartitionList::with_capacity(partition_count.into());
    for partition in 0..partition_count {
        wanted.add_partition_offset(topic, i32::from(partition), Offset::End)?;
    }
    let found = consumer.offsets_for_times(wanted, PATIENCE)?;
    match found
        .elements()
        .iter()
        .all(|one| matches!(one.offset(), Offset::Offset(_)))
    {
        true => Ok(found),
        false => Err(KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset)),
    }
}

fn tails(
    consumer: &BaseConsumer,
    topic: &str,
    count: i64,
) -> Result<TopicPartitionList, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut wanted = TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        wanted.add_partition_offset(topic, partition.id(), Offset::OffsetTail(count))?;
    }
    Ok(wanted)
}
