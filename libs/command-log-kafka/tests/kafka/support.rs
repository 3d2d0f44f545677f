//! Topics and logs for tests, on the Kafka that all tests share.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use command_log::{HASH_VERSION, LogId, LogRecord};
use command_log_kafka::{
    KafkaLog, KafkaSettings, LogOptions, TopicNames, TopicPlan, create_or_verify,
};
use test_servers::{shared_kafka, unique};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn settings() -> KafkaSettings {
    KafkaSettings::new(shared_kafka(), "test").unwrap()
}

/// A prefix that no other test has.
pub(crate) fn names() -> TopicNames {
    TopicNames::new(&format!("{}.", unique("log"))).unwrap()
}

/// Small topics with one copy.
pub(crate) fn plan(partition_count: u16) -> TopicPlan {
    TopicPlan {
        partition_count,
        reply_partition_count: 4,
        replication_factor: 1,
        ..TopicPlan::new(names())
    }
}

pub(crate) fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config.create().unwrap()
}

pub(crate) fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE))
}

/// A commands topic without birth records: what the contract calls an empty log.
pub(crate) async fn unborn(partition_count: u16) -> (TopicNames, LogId) {
    let names = names();
    let topic = names.commands();
    let count = i32::from(partition_count);
    let topic = NewTopic::new(&topic, count, TopicReplication::Fixed(1))
        .set("message.timestamp.type", "LogAppendTime");
    let admin = admin(shared_kafka());
    let made = admin.create_topics([&topic], &admin_options()).await;
    made.unwrap().remove(0).unwrap();
    let id = LogId {
        incarnation: [7; 16],
        partition_count,
        hash_version: HASH_VERSION,
    };
    (names, id)
}

pub(crate) fn open(names: &TopicNames, id: &LogId) -> KafkaLog {
    KafkaLog::open(&settings(), names, id.clone(), &LogOptions::default()).unwrap()
}

/// Topics with birth records, and the log on them.
pub(crate) async fn born(partition_count: u16) -> (TopicNames, LogId) {
    let plan = plan(partition_count);
    let report = create_or_verify(&settings(), &plan, None, PATIENCE).await;
    (plan.names, report.unwrap().log_id)
}

pub(crate) async fn delete_topic(name: &str) {
    let admin = admin(shared_kafka());
    let deleted = admin.delete_topics(&[name], &admin_options()).await;
    deleted.unwrap().remove(0).unwrap();
}

/// Drops the records of a partition before this offset, as retention does.
pub(crate) async fn drop_before(topic: &str, partition: u16, offset: i64) {
    let admin = admin(shared_kafka());
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, i32::from(partition), Offset::Offset(offset))
        .unwrap();
    admin.delete_records(&list, &admin_options()).await.unwrap();
}

/// Writes as another program would.
pub(crate) fn write_raw(record: BaseRecord<'_, [u8], [u8]>) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", shared_kafka());
    let producer: BaseProducer = config.create().unwrap();
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

pub(crate) fn numbers(records: &[LogRecord]) -> Vec<u64> {
    let number = |record: &LogRecord| str::from_utf8(&record.payload).unwrap().parse().unwrap();
    records.iter().map(number).collect()
}
