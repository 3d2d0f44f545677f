//! How fast the log on Kafka takes records, gives them back, and is recognized.
//!
//! `cargo run --release -p command-log-kafka --example log_bench -- HOST:PORT [PARTITIONS [LINGER_US [none|lz4 [PRODUCERS [READERS]]]]]`.
//! Measures this crate and the broker, nothing else. Leaves no topic behind.

#![expect(
    clippy::print_stdout,
    reason = "the figures are the product of this program"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;

use card::PartitionId;
use command_log::{AppendError, CommandLog, LogConsumer, LogId, NewRecord, RecordKind};
use command_log_kafka::{
    Compression, KafkaLog, KafkaSettings, LogOptions, TopicNames, TopicPlan, create_or_verify,
    delete_topics, verify_log, watermarks,
};

/// About what the envelope of a purchase takes.
const PAYLOAD_SIZE: usize = 250;
const SPAN: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
const BATCH: usize = 64;

struct Bench {
    settings: KafkaSettings,
    names: TopicNames,
    id: LogId,
    log: Arc<KafkaLog>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let bench = open(&arguments).await?;
    bench.recognize()?;
    bench.warm_up().await?;
    for in_flight in [1, 16, 256] {
        bench.append("nobody reading", in_flight).await?;
    }
    let mut reader = bench.log.consume(&bench.starts()?)?;
    bench.idle();
    for in_flight in [1, 16, 256] {
        bench.append("all read", in_flight).await?;
    }
    bench.end_to_end(&mut reader).await?;
    drop(reader);
    bench.submit().await?;
    bench.read_all().await?;
    let (settings, names) = (bench.settings.clone(), bench.names.clone());
    drop(bench);
    delete_topics(&settings, &names, PATIENCE).await?;
    Ok(())
}

async fn open(arguments: &[String]) -> Result<Bench, Box<dyn Error>> {
    let bootstrap = arguments.first().ok_or("give HOST:PORT")?;
    let settings = KafkaSettings::new(bootstrap, "log-bench")?;
    let names = TopicNames::new(&format!("bench{}.", std::process::id()))?;
    let plan = TopicPlan {
        partition_count: arguments.get(1).map_or(Ok(256), |count| count.parse())?,
        replication_factor: 1,
        ..TopicPlan::new(names.clone())
    };
    let linger = arguments.get(2).map_or(Ok(0), |linger| linger.parse())?;
    let is_lz4 = arguments.get(3).is_some_and(|name| name == "lz4");
    let producers = arguments.get(4).map_or(Ok(4), |count| count.parse())?;
    let readers = arguments.get(5).map_or(Ok(4), |count| count.parse())?;
    let options = LogOptions {
        readers,
        producers,
        linger: Duration::from_micros(linger),
        // Slow answers are figures too.
        delivery_timeout: PATIENCE,
        stall_after: PATIENCE,
        compression: if is_lz4 {
            Compression::Lz4
        } else {
            Compression::None
        },
        ..LogOptions::default()
    };
    let started = Instant::now();
    let report = create_or_verify(&settings, &plan, None, PATIENCE).await?;
    println!(
        "{} partitions created in {} ms",
        plan.partition_count,
        started.elapsed().as_millis()
    );
    let id = report.log_id;
    let log = KafkaLog::open(&settings, &names, id.clone(), &options)?;
    Ok(Bench {
        settings,
        names,
        id,
        log: Arc::new(log),
    })
}

impl Bench {
    fn partitions(&self) -> Vec<PartitionId> {
        (0..self.id.partition_count).map(PartitionId).collect()
    }

    /// The ends of all partitions.
    fn starts(&self) -> Result<Vec<(PartitionId, u64)>, Box<dyn Error>> {
        let marks = self.log.watermarks(&self.partitions())?;
        Ok(marks
            .iter()
            .map(|marks| (marks.partition, marks.end))
            .collect())
    }

    fn record(&self, number: u64) -> NewRecord {
        let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let partition = spread % u64::from(self.id.partition_count);
        NewRecord {
            partition: PartitionId(u16::try_from(partition).unwrap_or(0)),
            kind: RecordKind::Command,
            payload: Bytes::from(vec![b'x'; PAYLOAD_SIZE]),
            trace: None,
        }
    }

    fn recognize(&self) -> Result<(), Box<dyn Error>> {
        for _ in 0..3 {
            let started = Instant::now();
            verify_log(&self.settings, &self.names, &self.id, PATIENCE)?;
            let verified = started.elapsed();
            watermarks(&self.settings, &self.names, &self.partitions(), PATIENCE)?;
            println!(
                "verify_log {} ms, watermarks of all partitions {} ms",
                verified.as_millis(),
                (started.elapsed() - verified).as_millis()
            );
        }
        Ok(())
    }

    /// The first records of a partition make its files.
    async fn warm_up(&self) -> Result<(), AppendError> {
        for round in 0..3 {
            let started = Instant::now();
            for partition in self.partitions() {
                let record = NewRecord {
                    partition,
                    ..self.record(0)
                };
                self.log.append(record).await?;
            }
            let took = started.elapsed().as_millis();
            println!("round {round} over all partitions, one by one: {took} ms");
        }
        Ok(())
    }

    fn idle(&self) {
        let before = processor_ms();
        std::thread::park_timeout(SPAN);
        let used = processor_ms() - before;
        println!(
            "idle with all partitions read: {used} ms of processor time in {} s",
            SPAN.as_secs()
        );
    }

    async fn append(&self, how: &str, in_flight: u64) -> Result<(), Box<dyn Error>> {
        let until = Instant::now() + SPAN;
        let used = processor_ms();
        let mut tasks = Vec::new();
        for task in 0..in_flight {
            let log = Arc::clone(&self.log);
            let records: Vec<_> = (0..64).map(|n| self.record(task * 64 + n)).collect();
            tasks.push(tokio::spawn(async move {
                let mut times = Histogram::<u64>::new(3).expect("three digits are allowed");
                while Instant::now() < until {
                    for record in &records {
                        let started = Instant::now();
                        log.append(record.clone()).await?;
                        // Grows with what it is given.
                        times.record(micros(started)).expect("any time fits");
                    }
                }
                Ok::<_, AppendError>(times)
            }));
        }
        let mut all = Histogram::<u64>::new(3)?;
        for task in tasks {
            all.add(task.await??)?;
        }
        let used = processor_ms() - used;
        show(
            &format!("append, {how}, {in_flight} in flight, {used} ms of processor time"),
            &all,
        );
        Ok(())
    }

    async fn end_to_end<C: LogConsumer>(&self, reader: &mut C) -> Result<(), Box<dyn Error>> {
        let mut batch = Vec::new();
        // What the appends left.
        while tokio::time::timeout(Duration::from_secs(1), reader.poll(&mut batch, 4096))
            .await
            .is_ok()
        {
            batch.clear();
        }
        let mut times = Histogram::<u64>::new(3)?;
        let until = Instant::now() + SPAN;
        let mut number = 0;
        while Instant::now() < until {
            let started = Instant::now();
            self.log.submit(vec![self.record(number)])?;
            reader.poll(&mut batch, 16).await?;
            times.record(micros(started))?;
            batch.clear();
            number += 1;
        }
        show("submit to poll, 1 in flight", &times);
        Ok(())
    }

    async fn submit(&self) -> Result<(), Box<dyn Error>> {
        let (started, mut taken, mut number) = (Instant::now(), 0, 0);
        while started.elapsed() < SPAN * 2 {
            let batch: Vec<_> = (0..BATCH as u64).map(|n| self.record(number + n)).collect();
            number += BATCH as u64;
            match self.log.submit(batch) {
                Ok(()) => taken += BATCH,
                Err(AppendError::NotAppended(_)) => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(unknown) => return Err(unknown.into()),
            }
        }
        self.log.flush(PATIENCE)?;
        show_rate("submit", taken, started);
        Ok(())
    }

    async fn read_all(&self) -> Result<(), Box<dyn Error>> {
        let ends = self.starts()?;
        let count: u64 = ends.iter().map(|(_, end)| *end).sum();
        let starts: Vec<_> = ends.iter().map(|(partition, _)| (*partition, 0)).collect();
        let started = Instant::now();
        let mut reader = self.log.consume(&starts)?;
        let (mut read, mut batch) = (0, Vec::new());
        while u64::try_from(read)? < count {
            reader.poll(&mut batch, 4096).await?;
            read += batch.len();
            batch.clear();
        }
        show_rate("read", read, started);
        Ok(())
    }
}

fn micros(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn show(what: &str, times: &Histogram<u64>) {
    let at = |percent| times.value_at_quantile(percent);
    let rate = u128::from(times.len()) * 1000 / SPAN.as_millis();
    println!(
        "{what}: p50 {} us, p99 {} us, max {} us, {rate}/s",
        at(0.5),
        at(0.99),
        times.max()
    );
}

fn show_rate(what: &str, count: usize, started: Instant) {
    let rate = count as u128 * 1000 / started.elapsed().as_millis().max(1);
    println!("{what}: {count} records of {PAYLOAD_SIZE} B, {rate}/s");
}

/// Of this process, as Linux counts it: hundredths of a second, user and system.
fn processor_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let fields = after_name.split(' ').skip(11).take(2);
    fields
        .filter_map(|field| field.parse::<u64>().ok())
        .sum::<u64>()
        * 10
}
