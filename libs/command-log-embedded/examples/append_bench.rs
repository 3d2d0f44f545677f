//! How fast the log takes records, and how fast it gives them back after a restart.
//!
//! `cargo run --release -p command-log-embedded --example append_bench -- DIR SECONDS`. Measures
//! the log alone: no ISO 8583, no rules, no sockets. Compare with the plain sync time that it
//! prints first.

#![expect(
    clippy::print_stdout,
    reason = "the figures are the product of this program"
)]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use card::PartitionId;
use command_log::{CommandLog, LogConsumer, NewRecord, RecordKind, Sequence};
use command_log_embedded::{Disk, EmbeddedLog, Options, SystemDisk};

const PARTITION_COUNT: u16 = 256;
/// About what the envelope of a purchase takes.
const PAYLOAD_SIZE: usize = 220;
const REPLAYED_COUNT: u64 = 1_000_000;

/// Counts what the log's writer syncs.
#[derive(Debug, Default)]
struct CountingDisk {
    sync_count: AtomicU64,
}

impl Disk for CountingDisk {
    fn fill(&self, file: &File, offset: u64, size: usize) -> io::Result<()> {
        SystemDisk.fill(file, offset, size)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        SystemDisk.write(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if std::thread::current().name() == Some("log-writer") {
            self.sync_count.fetch_add(1, Ordering::Relaxed);
        }
        SystemDisk.sync(file)
    }

    fn sync_names(&self, folder: &Path) -> io::Result<()> {
        SystemDisk.sync_names(folder)
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("usage: append_bench DIR SECONDS")?);
    let seconds = arguments
        .next()
        .ok_or("usage: append_bench DIR SECONDS")?
        .parse()?;
    fs::create_dir_all(&dir)?;
    let duration = Duration::from_secs(seconds);
    plain_sync(&dir, duration)?;
    println!("in flight = senders x records per submit");
    for (senders, batch) in [(1, 1), (1, 16), (1, 256), (16, 1), (16, 16), (16, 64)] {
        measure_appends(&dir, duration, senders, batch).await?;
    }
    measure_submit(&dir).await?;
    measure_replay(&dir).await
}

/// What the disk can do: overwrite one sector of a written file and sync it.
fn plain_sync(dir: &Path, duration: Duration) -> io::Result<()> {
    let path = dir.join("plain");
    let file = File::create(&path)?;
    file.write_all_at(&vec![0; 1 << 22], 0)?;
    file.sync_all()?;
    let mut times = Vec::new();
    let started = Instant::now();
    while started.elapsed() < duration {
        let before = Instant::now();
        file.write_all_at(&[1; 512], (times.len() as u64 * 512) % (1 << 22))?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    println!("plain write + fdatasync: {}", spread(&mut times));
    fs::remove_file(path)
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 1_000].as_micros();
    let max = times[times.len() - 1].as_micros();
    format!(
        "p50 {} p99 {} p99.9 {} max {max} us",
        at(500),
        at(990),
        at(999)
    )
}

fn records(sender: usize, batch: usize) -> Vec<NewRecord> {
    let record = |index: usize| NewRecord {
        partition: PartitionId(((sender * 61 + index * 7) % 256) as u16),
        kind: RecordKind::Command,
        payload: Bytes::from(vec![0xA5; PAYLOAD_SIZE]),
        trace: None,
    };
    (0..batch).map(record).collect()
}

async fn measure_appends(
    dir: &Path,
    duration: Duration,
    senders: usize,
    batch: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let disk = Arc::new(CountingDisk::default());
    let (dir, log) = fresh_log(dir, &disk)?;
    let log = Arc::new(log);
    let mut reader = log.consume(&all_from_start())?;
    let reading = tokio::spawn(async move {
        let mut records = Vec::new();
        while reader.poll(&mut records, 4_096).await.is_ok() {
            records.clear();
        }
    });
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for sender in 0..senders {
        let log = Arc::clone(&log);
        tasks.spawn(async move {
            let (mut times, mut refusals) = (Vec::new(), 0);
            while started.elapsed() < duration {
                let before = Instant::now();
                refusals += append_batch(&log, records(sender, batch)).await;
                times.push(before.elapsed());
            }
            (times, refusals)
        });
    }
    let (times, refusals): (Vec<_>, Vec<usize>) = tasks.join_all().await.into_iter().unzip();
    let mut times = times.concat();
    let refusals: usize = refusals.into_iter().sum();
    let count = times.len() * batch;
    let syncs = usize::try_from(disk.sync_count.load(Ordering::Relaxed))?.max(1);
    let rate = count as u128 * 1_000_000 / started.elapsed().as_micros();
    println!(
        "{senders:>3} x {batch:<3} {rate:>8} records/s {:>5} records/sync  {}, {refusals} refused",
        count / syncs,
        spread(&mut times)
    );
    log.close();
    reading.await?;
    drop(log);
    Ok(fs::remove_dir_all(dir)?)
}

/// Submits and waits until all is durable. Returns how often it was told to come again.
async fn append_batch(log: &EmbeddedLog, records: Vec<NewRecord>) -> usize {
    let mut refusals = 0;
    let (last, first) = records.split_last().expect("a batch has records");
    while log.submit(first.to_vec()).is_err() {
        refusals += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    while log.append(last.clone()).await.is_err() {
        refusals += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    refusals
}

fn fresh_log(dir: &Path, disk: &Arc<CountingDisk>) -> io::Result<(PathBuf, EmbeddedLog)> {
    let dir = dir.join("log");
    let options = Options {
        disk: Arc::<CountingDisk>::clone(disk),
        consumer_records_max: 2_000_000,
        ..Options::new(PARTITION_COUNT)
    };
    let log = EmbeddedLog::create(&dir, options).map_err(io::Error::other)?;
    Ok((dir, log))
}

fn all_from_start() -> Vec<(PartitionId, u64)> {
    (0..PARTITION_COUNT)
        .map(|partition| (PartitionId(partition), 0))
        .collect()
}

/// What a submit costs its caller while the writer is busy.
async fn measure_submit(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (dir, log) = fresh_log(dir, &Arc::default())?;
    let _reader = log.consume(&all_from_start())?;
    for batch in [1, 16, 256] {
        let submits: Vec<_> = (0..50_000 / batch)
            .map(|sender| records(sender, batch))
            .collect();
        let count = submits.len() * batch;
        let started = Instant::now();
        for submit in submits {
            log.submit(submit)?;
        }
        let ns = started.elapsed().as_nanos() / count as u128;
        println!("submit of {batch:>3}: {ns} ns a record");
        let mut durable = log.durable();
        let end = Sequence(count as u64);
        durable.wait_for(|durable| durable.covers(end)).await?;
    }
    drop(log);
    Ok(fs::remove_dir_all(dir)?)
}

async fn measure_replay(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (dir, log) = fresh_log(dir, &Arc::default())?;
    let mut written = 0;
    while written < REPLAYED_COUNT {
        append_batch(&log, records(usize::try_from(written)?, 250)).await;
        written += 250;
    }
    drop(log);
    let started = Instant::now();
    let log = EmbeddedLog::open(&dir, Options::new(PARTITION_COUNT))?;
    let opened = started.elapsed();
    let mut reader = log.consume(&all_from_start())?;
    let mut count = 0;
    let mut batch = Vec::new();
    while count < REPLAYED_COUNT {
        reader.poll(&mut batch, 1_024).await?;
        count += batch.len() as u64;
        batch.clear();
    }
    let replayed = started.elapsed().saturating_sub(opened);
    let rate = u128::from(count) * 1_000_000 / replayed.as_micros();
    println!(
        "open: {} ms for {count} records; replay: {} ms = {rate} records/s",
        opened.as_millis(),
        replayed.as_millis()
    );
    drop((reader, log));
    Ok(fs::remove_dir_all(dir)?)
}
