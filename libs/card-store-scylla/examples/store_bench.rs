//! What a card's write and load cost through this adapter: a 2 KiB body and a row of 200 bytes.
//!
//! Against the servers of `FLOATSWITCH_TEST_CQL`, or a Cassandra node of its own that syncs before
//! it acknowledges. `cargo run --release -p card-store-scylla --example store_bench [SECONDS]`
#![expect(clippy::print_stdout, reason = "a report for people")]
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should fail"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;

use card::{CardId, PartitionId, Position, Version};
use card_store::{CardStore as _, CardWrite, JournalRow, StoreError, StoredCard, WriteError};
use card_store_scylla::{
    AssignedStore, Assignment, CqlSession, CqlSettings, Ended, Epoch, Keyspace, Reach, Replication,
    Schema, Term,
};
use test_servers::{CASSANDRA_VARIABLE, CassandraCluster, CassandraOptions, Tuning};

const BODY_SIZE: usize = 2_048;
const ROW_SIZE: usize = 200;
const CARDS: u32 = 1_024;

#[tokio::main]
async fn main() {
    let seconds = std::env::args()
        .nth(1)
        .map_or(10, |text| text.parse().unwrap());
    let length = Duration::from_secs(seconds);
    let (points, _own) = servers();
    println!("servers: {}", points.join(", "));
    let store = Arc::new(store(points).await);
    for card in 0..CARDS {
        store.write(write(card, 1)).await.unwrap();
    }
    measure("warm up", &store, 64, length).await;
    for in_flight in [1, 16, 64, 256, 1_024] {
        measure(
            &format!("write, {in_flight} in flight"),
            &store,
            in_flight,
            length,
        )
        .await;
    }
    measure_loads(&store, length).await;
}

fn servers() -> (Vec<String>, Option<CassandraCluster>) {
    if let Ok(points) = std::env::var(CASSANDRA_VARIABLE) {
        return (points.split(',').map(str::to_owned).collect(), None);
    }
    let options = CassandraOptions {
        tuning: Tuning::Throughput,
        heap_mib: 1_024,
        ..CassandraOptions::default()
    };
    let cluster = CassandraCluster::start(options).unwrap();
    (cluster.contact_points(), Some(cluster))
}

async fn store(contact_points: Vec<String>) -> AssignedStore {
    let settings = CqlSettings {
        contact_points,
        keyspace: Keyspace::new(&test_servers::unique("bench")).unwrap(),
        reach: Reach::Everywhere,
        request_timeout: Duration::from_secs(5),
        login: None,
    };
    Schema::apply(&settings, &Replication::everywhere(1).unwrap())
        .await
        .unwrap();
    let session = CqlSession::connect(&settings).await.unwrap();
    let assignment = Assignment {
        partition: PartitionId(0),
        term: Term::FIRST,
        epoch: Epoch::FIRST,
    };
    AssignedStore::for_assignment(session, assignment, Ended::new())
        .await
        .unwrap()
}

fn card(number: u32) -> CardId {
    let mut own = [0; 14];
    own[..4].copy_from_slice(&number.to_be_bytes());
    CardId::new(1, own)
}

fn write(number: u32, version: u32) -> CardWrite {
    let filled = |size: usize| Bytes::from(vec![u8::try_from(version % 251).unwrap(); size]);
    CardWrite {
        card: card(number),
        state: StoredCard {
            version: Version(version),
            position: Position {
                partition: PartitionId(0),
                offset: u64::from(version),
            },
            body: filled(BODY_SIZE),
        },
        rows: vec![JournalRow {
            version: Version(version),
            bytes: filled(ROW_SIZE),
        }],
        keys: Vec::new(),
    }
}

/// Each of the tasks has its own cards and one write on its way (STORE-2).
async fn measure(name: &str, store: &Arc<AssignedStore>, in_flight: u32, length: Duration) {
    let began = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|task| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut latencies = Histogram::<u64>::new(3).unwrap();
                let first = version_of(&store, task).await;
                for version in first + 1.. {
                    let sent = Instant::now();
                    write_until_done(&store, task, version).await;
                    latencies.record(micros(sent.elapsed())).unwrap();
                    if began.elapsed() >= length {
                        break;
                    }
                }
                latencies
            })
        })
        .collect();
    let mut all = Histogram::<u64>::new(3).unwrap();
    for task in tasks {
        all.add(task.await.unwrap()).unwrap();
    }
    report(name, &all, began.elapsed());
}

/// STORE-3: as the card's actor does.
async fn write_until_done(store: &AssignedStore, number: u32, version: u32) {
    loop {
        match store.write(write(number, version)).await {
            Ok(()) => return,
            Err(WriteError::Unknown(_)) => {}
            Err(stopped @ WriteError::Stopped(_)) => panic!("{stopped}"),
        }
    }
}

async fn version_of(store: &AssignedStore, number: u32) -> u32 {
    loop {
        match store.load(card(number)).await {
            Ok(state) => return state.expect("written before").version.0,
            Err(StoreError::Unavailable(_)) => {}
            Err(damaged @ StoreError::Damaged(_)) => panic!("{damaged}"),
        }
    }
}

async fn measure_loads(store: &AssignedStore, length: Duration) {
    let mut latencies = Histogram::<u64>::new(3).unwrap();
    let began = Instant::now();
    for number in (0..CARDS).cycle() {
        let sent = Instant::now();
        version_of(store, number).await;
        latencies.record(micros(sent.elapsed())).unwrap();
        if began.elapsed() >= length {
            break;
        }
    }
    report("load, 1 in flight", &latencies, began.elapsed());
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

fn report(name: &str, latencies: &Histogram<u64>, took: Duration) {
    let per_second = latencies.len() * 1_000 / u64::try_from(took.as_millis()).unwrap().max(1);
    let at = |quantile| latencies.value_at_quantile(quantile);
    println!(
        "{name}: {per_second}/s, p50 {} us, p99 {} us, p99.9 {} us, max {} us",
        at(0.5),
        at(0.99),
        at(0.999),
        latencies.max()
    );
}
