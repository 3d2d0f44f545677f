//! What a sender sees when one of three brokers is killed or frozen under load.
//!
//! `cargo run --release -p command-log-kafka --example failover -- [PER_SECOND [SECONDS]]`. Starts brokers of its own.

#![expect(
    clippy::print_stdout,
    reason = "the figures are the product of this program"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use card::PartitionId;
use command_log::{AppendError, CommandLog, NewRecord, RecordKind};
use command_log_kafka::{
    KafkaLog, KafkaSettings, LogOptions, TopicNames, TopicPlan, create_or_verify,
};
use test_servers::{KafkaCluster, KafkaOptions, Size};

const PARTITIONS: u16 = 64;
const PATIENCE: Duration = Duration::from_secs(60);
/// From the start of the load.
const FAULT_AT: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy)]
enum Fault {
    Kill,
    Freeze,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rate = arguments.first().map_or(Ok(1_000), |rate| rate.parse())?;
    let seconds = arguments.get(1).map_or(Ok(20), |span| span.parse())?;
    for fault in [Fault::Kill, Fault::Freeze] {
        measure(fault, rate, Duration::from_secs(seconds)).await?;
    }
    Ok(())
}

async fn measure(fault: Fault, rate: u64, span: Duration) -> Result<(), Box<dyn Error>> {
    let options = KafkaOptions {
        brokers: Size::Three,
        ..KafkaOptions::default()
    };
    let cluster = tokio::task::block_in_place(|| KafkaCluster::start(options))?;
    let settings = KafkaSettings::new(&cluster.bootstrap(), "failover")?;
    let names = TopicNames::new("failover.")?;
    let plan = TopicPlan {
        partition_count: PARTITIONS,
        ..TopicPlan::new(names.clone())
    };
    let id = create_or_verify(&settings, &plan, None, PATIENCE)
        .await?
        .log_id;
    let log = Arc::new(KafkaLog::open(
        &settings,
        &names,
        id,
        &LogOptions::default(),
    )?);
    for partition in (0..PARTITIONS).map(PartitionId) {
        log.append(record(partition)).await?;
    }
    let appends = load(&log, rate, span);
    let strike = async {
        tokio::time::sleep(FAULT_AT).await;
        tokio::task::block_in_place(|| match fault {
            Fault::Kill => cluster.kill(1),
            Fault::Freeze => cluster.freeze(1),
        })
    };
    let (appends, struck) = tokio::join!(appends, strike);
    struck?;
    report(fault, &appends.join_all().await)
}

fn record(partition: PartitionId) -> NewRecord {
    NewRecord {
        partition,
        kind: RecordKind::Command,
        payload: Bytes::from_static(&[b'x'; 250]),
        trace: None,
    }
}

/// When it was sent, after the start, what became of it, and how long that took.
type Append = (Duration, Result<(), AppendError>, Duration);

async fn load(log: &Arc<KafkaLog>, rate: u64, span: Duration) -> JoinSet<Append> {
    let started = Instant::now();
    let mut appends = JoinSet::new();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let mut number: u64 = 0;
    while started.elapsed() < span {
        tick.tick().await;
        for _ in 0..rate / 100 {
            number += 1;
            let partition = number % u64::from(PARTITIONS);
            let partition = PartitionId(u16::try_from(partition).unwrap_or(0));
            let log = Arc::clone(log);
            appends.spawn(async move {
                let sent = Instant::now();
                let done = log.append(record(partition)).await;
                (sent - started, done.map(|_| ()), sent.elapsed())
            });
        }
    }
    appends
}

fn report(fault: Fault, appends: &[Append]) -> Result<(), Box<dyn Error>> {
    let mut times = Histogram::<u64>::new(3)?;
    let (mut unknown, mut refused, mut last_bad) = (0, 0, FAULT_AT);
    for (sent, done, took) in appends {
        match done {
            Ok(()) => times.record(u64::try_from(took.as_millis())?)?,
            Err(AppendError::Unknown(_)) => unknown += 1,
            Err(AppendError::NotAppended(_)) => refused += 1,
        }
        if done.is_err() || *took > Duration::from_millis(500) {
            last_bad = last_bad.max(*sent);
        }
    }
    println!(
        "{fault:?}: {} sent, {} acknowledged (p50 {} ms, p99 {} ms, max {} ms), {unknown} unknown, {refused} refused, \
         all well again {} ms after the fault",
        appends.len(),
        times.len(),
        times.value_at_quantile(0.5),
        times.value_at_quantile(0.99),
        times.max(),
        (last_bad - FAULT_AT).as_millis()
    );
    Ok(())
}
