//! Brokers that are frozen, killed and restarted under load. What was acknowledged is there once; what was refused
//! is not there; nobody is told "not appended" of a record that shows up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::support::{PATIENCE, names, numbers};
use card::PartitionId;
use command_log::{AppendError, CommandLog, LogId, LogRecord, contract};
use command_log_kafka::{
    KafkaLog, KafkaSettings, LogOptions, Membership, MembershipEvent, MembershipOptions,
    TopicNames, TopicPlan, create_or_verify,
};
use test_servers::{KafkaCluster, KafkaOptions};

const PARTITIONS: u16 = 2;

async fn cluster() -> Arc<KafkaCluster> {
    let start = || KafkaCluster::start(KafkaOptions::default()).unwrap();
    Arc::new(tokio::task::spawn_blocking(start).await.unwrap())
}

async fn with(cluster: &Arc<KafkaCluster>, work: impl FnOnce(&KafkaCluster) + Send + 'static) {
    let cluster = Arc::clone(cluster);
    let done = tokio::task::spawn_blocking(move || work(&cluster));
    done.await.unwrap();
}

struct Bed {
    settings: KafkaSettings,
    names: TopicNames,
    id: LogId,
}

async fn bed(cluster: &KafkaCluster) -> Bed {
    let settings = KafkaSettings::new(&cluster.bootstrap(), "test").unwrap();
    let plan = TopicPlan {
        partition_count: PARTITIONS,
        reply_partition_count: 1,
        replication_factor: 1,
        ..TopicPlan::new(names())
    };
    let report = create_or_verify(&settings, &plan, None, PATIENCE).await;
    Bed {
        settings,
        names: plan.names,
        id: report.unwrap().log_id,
    }
}

impl Bed {
    fn open(&self, options: &LogOptions) -> Arc<KafkaLog> {
        let log = KafkaLog::open(&self.settings, &self.names, self.id.clone(), options);
        Arc::new(log.unwrap())
    }

    /// All records after the births, by partition.
    async fn read_all(&self) -> Vec<Vec<LogRecord>> {
        let log = self.open(&LogOptions::default());
        let mut all = Vec::new();
        for partition in (0..PARTITIONS).map(PartitionId) {
            let mut reader = log.consume(&[(partition, 1)]).unwrap();
            let count = usize::try_from(log.end_offset(partition) - 1).unwrap();
            all.push(contract::read(&mut reader, count).await);
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_makes_nobody_lie() {
    let cluster = cluster().await;
    let bed = bed(&cluster).await;
    let options = LogOptions {
        delivery_timeout: Duration::from_secs(2),
        stall_after: Duration::from_millis(800),
        in_flight_max: 300,
        ..LogOptions::default()
    };
    let log = bed.open(&options);
    log.append(contract::command(0, "0")).await.unwrap();
    with(&cluster, |cluster| cluster.freeze(1).unwrap()).await;
    let mut appends = JoinSet::new();
    for number in 1..=1_000u64 {
        let log = Arc::clone(&log);
        appends.spawn(async move {
            let started = Instant::now();
            let partition = u16::try_from(number % 2).unwrap();
            let done = log
                .append(contract::command(partition, &number.to_string()))
                .await;
            (number, done, started.elapsed())
        });
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    with(&cluster, |cluster| cluster.thaw(1).unwrap()).await;
    let results = appends.join_all().await;

    let unknown = results
        .iter()
        .filter(|(_, done, _)| matches!(done, Err(AppendError::Unknown(_))));
    assert!(
        unknown.count() > 0,
        "what was under way has an unknown fate"
    );
    let is_refused = |done: &Result<_, _>| matches!(done, Err(AppendError::NotAppended(_)));
    let refused = results.iter().filter(|(_, done, _)| is_refused(done));
    let slowest = refused
        .map(|(_, _, took)| *took)
        .max()
        .expect("the bound was met");
    assert!(
        slowest < Duration::from_millis(500),
        "refused at once, not after {slowest:?}"
    );
    contract::read(&mut log.consume(&[(PartitionId(0), 1)]).unwrap(), 1).await;
    append_until_taken(&log, 2_000).await;
    drop(log);

    let mut seen = BTreeMap::new();
    for number in bed
        .read_all()
        .await
        .iter()
        .flat_map(|records| numbers(records))
    {
        *seen.entry(number).or_insert(0) += 1;
    }
    for (number, done, _) in results {
        let count = seen.get(&number).copied().unwrap_or(0);
        match done {
            Ok(_) => assert_eq!(count, 1, "{number} was acknowledged"),
            Err(AppendError::NotAppended(_)) => assert_eq!(count, 0, "{number} was refused"),
            Err(AppendError::Unknown(_)) => assert!(count <= 1, "{number} is there {count} times"),
        }
    }
    assert_eq!(seen.get(&2_000), Some(&1), "the log goes on");
}

/// The first one may be told that the partition still fails.
async fn append_until_taken(log: &KafkaLog, number: u64) {
    let started = Instant::now();
    while let Err(error) = log.append(contract::command(0, &number.to_string())).await {
        assert!(matches!(error, AppendError::NotAppended(_)), "{error}");
        assert!(started.elapsed() < PATIENCE, "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_and_repeats_nothing() {
    const SUBMITTERS: u64 = 4;
    let cluster = cluster().await;
    let bed = bed(&cluster).await;
    // One broker takes seconds to come back; the order must hold over the retries of that time.
    let patient = LogOptions {
        delivery_timeout: Duration::from_secs(40),
        stall_after: Duration::from_secs(40),
        ..LogOptions::default()
    };
    let log = bed.open(&patient);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut submitters = JoinSet::new();
    for submitter in 0..SUBMITTERS {
        let (log, is_over) = (Arc::clone(&log), Arc::clone(&is_over));
        submitters.spawn(async move { (submitter, submit(&log, submitter, &is_over).await) });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    with(&cluster, |cluster| cluster.kill(1).unwrap()).await;
    with(&cluster, |cluster| cluster.restart(1).unwrap()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_over.store(true, Ordering::Relaxed);
    let acknowledged = submitters.join_all().await;
    drop(log);

    let all = bed.read_all().await;
    for (submitter, sent) in acknowledged {
        let found = numbers(&all[usize::try_from(submitter % 2).unwrap()]);
        let theirs = found
            .into_iter()
            .filter(|number| number % SUBMITTERS == submitter);
        let theirs: Vec<_> = theirs.collect();
        assert!(
            sent.len() > 500,
            "submitter {submitter} was acknowledged {}",
            sent.len()
        );
        assert_eq!(theirs.len(), sent.len(), "submitter {submitter}");
        assert!(theirs == sent, "submitter {submitter}: each once, in order");
    }
}

/// About 500 a second, without waiting for the one before. Returns what was acknowledged, in order of submission;
/// nothing may end otherwise.
async fn submit(log: &Arc<KafkaLog>, submitter: u64, is_over: &AtomicBool) -> Vec<u64> {
    let mut appends = Vec::new();
    let mut number = submitter;
    while !is_over.load(Ordering::Relaxed) {
        let log = Arc::clone(log);
        let partition = u16::try_from(submitter % 2).unwrap();
        let record = contract::command(partition, &number.to_string());
        // Handed to the client here, so that the order is that of this loop.
        let mut append = Box::pin(async move { log.append(record).await });
        let first_poll = poll_once(&mut append).await;
        appends.push((number, append, first_poll));
        number += 4;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut acknowledged = Vec::new();
    for (number, append, first_poll) in appends {
        let done = match first_poll {
            Some(done) => done,
            None => append.await,
        };
        done.unwrap();
        acknowledged.push(number);
    }
    acknowledged
}

/// Polls once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(match polled {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

/// A process that is told to end while its brokers hang must still end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_does_not_wait_for_a_frozen_broker() {
    let cluster = cluster().await;
    let bed = bed(&cluster).await;
    let log = bed.open(&LogOptions::default());
    let mut reader = log.consume(&[(PartitionId(0), 0)]).unwrap();
    contract::read(&mut reader, 1).await;
    let (membership, mut events) =
        Membership::join(&bed.settings, &bed.names, &MembershipOptions::default()).unwrap();
    let assigned = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap();
    assert!(
        matches!(assigned, Some(MembershipEvent::Assigned(_))),
        "{assigned:?}"
    );
    with(&cluster, |cluster| cluster.freeze(1).unwrap()).await;
    log.submit(vec![contract::command(0, "1")]).unwrap();

    let started = Instant::now();
    let leaving = membership.leave();
    let tells = async { while events.recv().await.is_some() {} };
    tokio::join!(leaving, tells);
    let left = started.elapsed();
    drop(reader);
    tokio::task::block_in_place(|| drop(log));
    let closed = started.elapsed() - left;
    println!("left in {left:?}, closed in {closed:?}");
    assert!(left < Duration::from_secs(10) && closed < Duration::from_secs(5));
    with(&cluster, |cluster| cluster.thaw(1).unwrap()).await;
}
