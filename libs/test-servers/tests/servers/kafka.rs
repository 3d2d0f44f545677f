//! One broker: it answers, keeps its topics when killed, and is gone when dropped.

use std::path::Path;

use crate::wire::Connection;
use test_servers::{KafkaCluster, KafkaOptions, ServerError, unique};

const CREATE_TOPICS: u8 = 19;
const API_VERSIONS: u8 = 18;
const NONE: i16 = 0;
const TOPIC_ALREADY_EXISTS: i16 = 36;

#[test]
fn a_broker_survives_what_a_test_does_to_it() {
    let cluster = KafkaCluster::start(KafkaOptions::default()).unwrap();
    let address = cluster.bootstrap();
    assert!(answers(&mut Connection::open(&address)));

    let topic = unique("cards");
    assert_eq!(create(&address, &topic), NONE);
    let killed = cluster.pid(1).unwrap();
    cluster.kill(1).unwrap();
    assert!(!is_alive(killed));
    assert!(matches!(
        cluster.kill(1),
        Err(ServerError::NotRunning { .. })
    ));
    cluster.restart(1).unwrap();
    assert_eq!(cluster.bootstrap(), address);
    assert_eq!(create(&address, &topic), TOPIC_ALREADY_EXISTS);

    let mut connection = Connection::open(&address);
    cluster.freeze(1).unwrap();
    connection.send_kafka(API_VERSIONS, 0, &[]);
    connection.expect_silence();
    cluster.thaw(1).unwrap();
    assert!(is_api_versions(&connection.receive_kafka()));

    let pid = cluster.pid(1).unwrap();
    let log = cluster.log_path(1).unwrap();
    assert!(log.is_file());
    drop(cluster);
    assert!(!is_alive(pid));
    assert!(!log.ancestors().nth(2).unwrap().exists());
}

#[test]
fn a_broker_that_does_not_start_says_why() {
    let wrong = KafkaOptions {
        settings: vec![("num.io.threads".to_owned(), "none".to_owned())],
        ..KafkaOptions::default()
    };
    let error = KafkaCluster::start(wrong).unwrap_err();
    assert!(matches!(error, ServerError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("num.io.threads"), "{error}");
}

fn answers(connection: &mut Connection) -> bool {
    connection.send_kafka(API_VERSIONS, 0, &[]);
    is_api_versions(&connection.receive_kafka())
}

/// No error, and some versions.
fn is_api_versions(body: &[u8]) -> bool {
    body.starts_with(&[0, 0, 0, 0, 0]) && body.len() > 6
}

/// Creates a topic with one partition and gives the error code.
fn create(address: &str, topic: &str) -> i16 {
    let name_size = u16::try_from(topic.len()).unwrap().to_be_bytes();
    let topics = [0, 0, 0, 1];
    let one_partition = [0, 0, 0, 1];
    let one_copy = [0, 1];
    let nothing_assigned_or_configured = [0; 8];
    let timeout_ms = 10_000_u32.to_be_bytes();
    let body = [
        &topics[..],
        &name_size,
        topic.as_bytes(),
        &one_partition,
        &one_copy,
        &nothing_assigned_or_configured,
        &timeout_ms,
        &[0],
    ];
    let mut connection = Connection::open(address);
    connection.send_kafka(CREATE_TOPICS, 2, &body.concat());
    let answer = connection.receive_kafka();
    let throttle_and_count = 8;
    let code = &answer[throttle_and_count + 2 + topic.len()..][..2];
    i16::from_be_bytes(code.try_into().unwrap())
}

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
