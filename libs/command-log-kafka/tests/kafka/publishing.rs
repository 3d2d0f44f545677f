//! What is taken, and what is refused at once.

use std::time::Duration;

use bytes::Bytes;
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::support::{PATIENCE, numbers, open, settings, unborn};
use card::PartitionId;
use command_log::{AppendError, CommandLog, LogId, NewRecord, Sequence, contract};
use command_log_kafka::{Compression, KafkaLog, KafkaSettings, LogOptions, OpenError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_bound_is_refused_as_a_whole() {
    let (names, id) = unborn(1).await;
    let options = LogOptions {
        in_flight_max: 10,
        ..LogOptions::default()
    };
    let log = KafkaLog::open(&settings(), &names, id, &options).unwrap();
    let batch = |count| (0..count).map(|_| contract::command(0, "1")).collect();
    let refused = log.submit(batch(11));
    assert!(
        matches!(refused, Err(AppendError::NotAppended(_))),
        "{refused:?}"
    );
    log.submit(batch(10)).unwrap();
    log.flush(PATIENCE).unwrap();
    log.submit(batch(10)).unwrap();
    log.flush(PATIENCE).unwrap();
    assert_eq!(log.end_offset(PartitionId(0)), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_too_large_is_refused_with_its_batch() {
    let (names, id) = unborn(1).await;
    let log = open(&names, &id);
    let large = NewRecord {
        payload: Bytes::from(vec![b'x'; 100_000]),
        ..contract::command(0, "")
    };
    let refused = log.submit(vec![contract::command(0, "1"), large.clone()]);
    assert!(
        matches!(refused, Err(AppendError::NotAppended(_))),
        "{refused:?}"
    );
    let refused = log.append(large).await;
    assert!(
        matches!(refused, Err(AppendError::NotAppended(_))),
        "{refused:?}"
    );
    log.flush(PATIENCE).unwrap();
    assert_eq!(log.end_offset(PartitionId(0)), 0);
    let fits = NewRecord {
        payload: Bytes::from(vec![b'x'; 60 * 1024]),
        ..contract::command(0, "")
    };
    log.append(fits).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lingering_and_compressing_change_nothing() {
    let (names, id) = unborn(1).await;
    let options = LogOptions {
        linger: Duration::from_millis(1),
        compression: Compression::Lz4,
        ..LogOptions::default()
    };
    let log = KafkaLog::open(&settings(), &names, id, &options).unwrap();
    let mut reader = log.consume(&[(PartitionId(0), 0)]).unwrap();
    for number in 0..500 {
        log.submit(vec![contract::command(0, &number.to_string())])
            .unwrap();
    }
    let records = contract::read(&mut reader, 500).await;
    assert_eq!(numbers(&records), (0..500).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_not_there_cannot_be_opened() {
    let (names, id) = unborn(2).await;
    let mut other = id.clone();
    other.partition_count = 3;
    let refused = KafkaLog::open(&settings(), &names, other, &LogOptions::default());
    assert!(
        matches!(refused, Err(OpenError::PartitionCount { .. })),
        "{refused:?}"
    );
    let nowhere = crate::support::names();
    let refused = KafkaLog::open(&settings(), &nowhere, id, &LogOptions::default());
    assert!(matches!(refused, Err(OpenError::NoTopic(_))), "{refused:?}");
}

/// An idempotent producer that is refused its identity can never send again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_fails_for_good_stops_the_log() {
    let mock = MockCluster::new(1).unwrap();
    let names = crate::support::names();
    mock.create_topic(&names.commands(), 1, 1).unwrap();
    let refusals = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 10];
    mock.request_errors(RDKafkaApiKey::InitProducerId, &refusals);
    let settings = KafkaSettings::new(&mock.bootstrap_servers(), "test").unwrap();
    let id = LogId {
        incarnation: [1; 16],
        partition_count: 1,
        hash_version: command_log::HASH_VERSION,
    };
    let log = KafkaLog::open(&settings, &names, id, &LogOptions::default()).unwrap();
    let mut durable = log.durable();
    let failed = log.append(contract::command(0, "1")).await;
    assert!(failed.is_err(), "{failed:?}");
    let ended = durable.wait_for(|durable| durable.covers(Sequence(u64::MAX)));
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    assert!(ended.expect("the end is told").is_err());
    let refused = log.append(contract::command(0, "2")).await;
    assert!(
        matches!(refused, Err(AppendError::NotAppended(_))),
        "{refused:?}"
    );
}

/// Too few replicas for a while, or a leader that moves: tried again until it is in, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_brokers_cannot_take_yet_is_tried_again() {
    let mock = MockCluster::new(1).unwrap();
    let names = crate::support::names();
    mock.create_topic(&names.commands(), 1, 1).unwrap();
    let settings = KafkaSettings::new(&mock.bootstrap_servers(), "test").unwrap();
    let id = LogId {
        incarnation: [1; 16],
        partition_count: 1,
        hash_version: command_log::HASH_VERSION,
    };
    let log = KafkaLog::open(&settings, &names, id, &LogOptions::default()).unwrap();
    log.append(contract::command(0, "1")).await.unwrap();
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        ],
    );
    let position = log.append(contract::command(0, "2")).await.unwrap();
    assert_eq!(position.offset, 1);
}
