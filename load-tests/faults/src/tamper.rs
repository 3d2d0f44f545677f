//! What nobody may do: records, topics and rows written by other hands than the switch's.

use std::future::Future;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

use crate::error::FaultError;
use crate::rig::Rig;
use crate::wait::wait_for;

const DROPS_MAX: u32 = 10;
const DROP_PAUSE: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(30);
/// The key of a command; the value is the garbage.
const COMMAND_KEY: &str = "c";
const GARBAGE: &[u8] = b"\xff\xff\xffthis is no command";

/// Appends a record that no version of the switch can read, and gives its offset.
pub(crate) fn append_garbage(rig: &Rig, partition: u16) -> Result<u64, FaultError> {
    let topic = rig.commands_topic();
    block_on(async {
        let producer: FutureProducer = config(rig).set("acks", "all").create().map_err(told)?;
        let record = FutureRecord::to(&topic)
            .partition(partition.into())
            .key(COMMAND_KEY)
            .payload(GARBAGE);
        let delivered = producer.send(record, LIMIT).await;
        let offset = delivered.map_err(|(error, _)| told(error))?.offset;
        u64::try_from(offset).map_err(told)
    })
}

/// Deletes the commands topic and makes another one that looks the same.
pub(crate) fn recreate_commands(rig: &Rig) -> Result<(), FaultError> {
    let topic = rig.commands_topic();
    let admin: AdminClient<DefaultClientContext> = config(rig).create().map_err(told)?;
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    let deleted = block_on(async { admin.delete_topics(&[&topic], &options).await.map_err(told) })?;
    deleted.into_iter().try_for_each(each)?;
    let consumer: BaseConsumer = config(rig).create().map_err(told)?;
    wait_for("the topic is gone", LIMIT, || {
        let metadata = consumer.fetch_metadata(None, LIMIT).map_err(told)?;
        let is_gone = metadata.topics().iter().all(|one| one.name() != topic);
        Ok(is_gone.then_some(()))
    })?;
    let copies = i32::try_from(rig.site.topic_copies()).map_err(told)?;
    let made = NewTopic::new(
        &topic,
        rig.plan.partitions.into(),
        TopicReplication::Fixed(copies),
    )
    .set("message.timestamp.type", "LogAppendTime");
    let made = block_on(async { admin.create_topics(&[made], &options).await.map_err(told) })?;
    made.into_iter().try_for_each(each)
}

/// Reads a card's state, as text of CQL. The card is named by the 32 hexadecimal digits of its id.
pub(crate) fn state_of(rig: &Rig, card: &str) -> Result<String, FaultError> {
    let keyspace = &rig.name;
    block_on(async {
        let session = session(rig).await?;
        let read = format!("SELECT state FROM {keyspace}.cards WHERE card = 0x{card} LIMIT 1");
        let rows = session.query_unpaged(read, ()).await.map_err(told)?;
        let rows = rows.into_rows_result().map_err(told)?;
        let (state,) = rows.first_row::<(Vec<u8>,)>().map_err(told)?;
        Ok(state.iter().map(|byte| format!("{byte:02x}")).collect())
    })
}

/// Sets a card's state, as a hand at the database's shell does.
pub(crate) fn set_state(rig: &Rig, card: &str, state: &str) -> Result<(), FaultError> {
    let keyspace = &rig.name;
    block_on(async {
        let session = session(rig).await?;
        let write = format!("UPDATE {keyspace}.cards SET state = 0x{state} WHERE card = 0x{card}");
        session
            .query_unpaged(write, ())
            .await
            .map_err(told)
            .map(drop)
    })
}

/// Removes topics and tables of a rig: servers are shared by many.
pub(crate) fn remove(rig: &Rig) -> Result<(), FaultError> {
    let consumer: BaseConsumer = config(rig).create().map_err(told)?;
    let metadata = consumer.fetch_metadata(None, LIMIT).map_err(told)?;
    let names = metadata.topics().iter().map(|topic| topic.name());
    let ours: Vec<&str> = names.filter(|name| name.starts_with(&rig.name)).collect();
    let admin: AdminClient<DefaultClientContext> = config(rig).create().map_err(told)?;
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    block_on(async {
        let deleted = admin.delete_topics(&ours, &options).await.map_err(told)?;
        deleted.into_iter().try_for_each(each)?;
        let session = session(rig).await?;
        let drop_all = format!("DROP KEYSPACE IF EXISTS {}", rig.name);
        // A node that has just come back may meet tables that it has not heard of ("unknown CF").
        for _ in 1..DROPS_MAX {
            if session.query_unpaged(drop_all.as_str(), ()).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(DROP_PAUSE).await;
        }
        let dropped = session.query_unpaged(drop_all, ()).await;
        dropped.map_err(told).map(drop)
    })
}

async fn session(rig: &Rig) -> Result<Session, FaultError> {
    SessionBuilder::new()
        .known_nodes(rig.site.cassandra.split(','))
        .build()
        .await
        .map_err(told)
}

fn config(rig: &Rig) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &rig.site.kafka);
    config
}

fn each(done: rdkafka::admin::TopicResult) -> Result<(), FaultError> {
    match done {
        Ok(_) => Ok(()),
        Err((topic, code)) => Err(FaultError::Driver(format!("topic {topic}: {code}"))),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, FaultError>>) -> Result<T, FaultError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(FaultError::io("start a runtime"))?;
    runtime.block_on(work)
}

fn told(error: impl std::fmt::Display) -> FaultError {
    FaultError::Driver(error.to_string())
}
