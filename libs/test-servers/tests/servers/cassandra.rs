//! One node: it answers, keeps its rows when killed, and holds its tongue when frozen.

use crate::wire::Connection;
use test_servers::{CassandraCluster, CassandraOptions, ServerError, unique};

const STARTUP: u8 = 1;
const READY: u8 = 2;
const OPTIONS: u8 = 5;
const SUPPORTED: u8 = 6;
const QUERY: u8 = 7;
const RESULT: u8 = 8;

#[test]
fn a_node_survives_what_a_test_does_to_it() {
    let cluster = CassandraCluster::start(CassandraOptions::default()).unwrap();
    let [address] = &cluster.contact_points()[..] else {
        panic!("one node has one address");
    };
    let mut connection = Connection::open(address);
    connection.send_cql(OPTIONS, &[]);
    assert_eq!(connection.receive_cql().0, SUPPORTED);

    let keyspace = unique("cards");
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    let mut connection = start_up(address);
    for statement in [
        format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}"),
        format!("CREATE TABLE {keyspace}.notes (id int PRIMARY KEY, note text)"),
        format!("INSERT INTO {keyspace}.notes (id, note) VALUES (1, 'acknowledged')"),
    ] {
        query(&mut connection, &statement);
    }
    cluster.kill(1).unwrap();
    cluster.restart(1).unwrap();
    let mut connection = start_up(address);
    let rows = query(
        &mut connection,
        &format!("SELECT note FROM {keyspace}.notes"),
    );
    assert!(String::from_utf8_lossy(&rows).contains("acknowledged"));

    cluster.freeze(1).unwrap();
    connection.send_cql(OPTIONS, &[]);
    connection.expect_silence();
    cluster.thaw(1).unwrap();
    assert_eq!(connection.receive_cql().0, SUPPORTED);

    cluster.stop(1).unwrap();
    assert_eq!(cluster.pid(1), None);
    assert!(matches!(
        cluster.kill(2),
        Err(ServerError::NoSuchNode { .. })
    ));
}

#[test]
fn a_node_that_does_not_start_says_why() {
    let wrong = CassandraOptions {
        settings: vec![("no_such_setting".to_owned(), "1".to_owned())],
        ..CassandraOptions::default()
    };
    let error = CassandraCluster::start(wrong).unwrap_err();
    assert!(matches!(error, ServerError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

fn start_up(address: &str) -> Connection {
    let mut connection = Connection::open(address);
    let options = [&[0, 1, 0, 11][..], b"CQL_VERSION", &[0, 5], b"3.0.0"].concat();
    connection.send_cql(STARTUP, &options);
    assert_eq!(connection.receive_cql().0, READY);
    connection
}

#[track_caller]
fn query(connection: &mut Connection, statement: &str) -> Vec<u8> {
    let size = u32::try_from(statement.len()).unwrap().to_be_bytes();
    let consistency_one_and_no_flags = [0, 1, 0];
    let body = [
        &size[..],
        statement.as_bytes(),
        &consistency_one_and_no_flags,
    ]
    .concat();
    connection.send_cql(QUERY, &body);
    let (opcode, answer) = connection.receive_cql();
    assert_eq!(
        opcode,
        RESULT,
        "{statement}: {}",
        String::from_utf8_lossy(&answer)
    );
    answer
}
