//! What happens when the disk fails, is full or slow, when the clock jumps, when readers lag.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use crate::support::{
    Answer, TestClock, TestDisk, not_appended, on_disk, options, payloads, read_all, record,
    submit_until_refused,
};
use card::PartitionId;
use command_log::{AppendError, CommandLog, ConsumeError, LogConsumer, Sequence, contract};
use command_log_embedded::{Disk, EmbeddedLog, FORWARD_JUMP_MAX_MS, Options};

fn log_on(disk: &Arc<TestDisk>) -> (TempDir, EmbeddedLog) {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::create(dir.path(), on_disk(1, disk)).unwrap();
    (dir, log)
}

/// After the fault: nothing is acknowledged, nothing is taken, nothing is tried again, and the
/// next start has all that was acknowledged.
async fn check_stops_for_good(fault: impl FnOnce(&TestDisk), reason: &str) {
    let disk = Arc::new(TestDisk::default());
    let (dir, log) = log_on(&disk);
    log.append(record(0, "acknowledged")).await.unwrap();
    let mut consumer = log.consume(&[(PartitionId(0), 1)]).unwrap();
    let mut durable = log.durable();
    fault(&disk);

    let fate = log.append(record(0, "fate unknown")).await;
    assert!(matches!(fate, Err(AppendError::Unknown(_))), "{fate:?}");
    let failed = log.failed().unwrap();
    assert!(failed.contains(reason), "{failed}");
    disk.on_write(Answer::Work);
    disk.on_sync(Answer::Work);
    assert_eq!(
        not_appended(log.submit(vec![record(0, "too late")])),
        failed
    );
    assert!(
        durable
            .wait_for(|durable| durable.covers(Sequence(2)))
            .await
            .is_err()
    );
    assert_eq!(
        payloads(&contract::read(&mut consumer, 1).await),
        ["fate unknown"]
    );
    assert_eq!(
        consumer.poll(&mut Vec::new(), 1).await,
        Err(ConsumeError::Stopped(failed))
    );
    let mut late = log.consume(&[(PartitionId(0), 0)]).unwrap();
    assert_eq!(
        payloads(&contract::read(&mut late, 1).await),
        ["acknowledged"]
    );
    assert!(late.poll(&mut Vec::new(), 1).await.is_err());

    drop(log);
    let log = EmbeddedLog::open(dir.path(), options(1)).unwrap();
    assert_eq!(log.failed(), None);
    assert_eq!(payloads(&read_all(&log).await)[0], "acknowledged");
    log.append(record(0, "goes on")).await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_stops_the_log() {
    let fault = |disk: &TestDisk| disk.on_sync(Answer::Fail(ErrorKind::Other));
    check_stops_for_good(fault, "writing the command log failed").await;
}

#[tokio::test]
async fn a_failed_write_stops_the_log() {
    let fault = |disk: &TestDisk| disk.on_write(Answer::Fail(ErrorKind::ReadOnlyFilesystem));
    check_stops_for_good(fault, "read-only").await;
}

#[tokio::test]
async fn a_panic_of_the_writer_stops_the_log() {
    let fault = |disk: &TestDisk| disk.on_sync(Answer::Panic);
    check_stops_for_good(fault, "ended unexpectedly").await;
}

#[tokio::test]
async fn a_reader_of_a_stopped_log_gets_no_record_after_a_gap() {
    let disk = Arc::new(TestDisk::default());
    let (_dir, log) = log_on(&disk);
    log.append(record(0, "safe")).await.unwrap();
    disk.on_sync(Answer::Wait);
    log.submit(vec![record(0, "never safe")]).unwrap();
    let mut consumer = log.consume(&[(PartitionId(0), 0)]).unwrap();
    log.submit(vec![record(0, "after it")]).unwrap();
    disk.on_sync(Answer::Fail(ErrorKind::Other));
    assert_eq!(payloads(&contract::read(&mut consumer, 1).await), ["safe"]);
    let stopped = consumer.poll(&mut Vec::new(), 1).await;
    assert!(
        matches!(stopped, Err(ConsumeError::Stopped(_))),
        "{stopped:?}"
    );
}

#[tokio::test]
async fn a_full_disk_refuses_before_anything_is_lost_and_goes_on_when_there_is_room() {
    let disk = Arc::new(TestDisk::default());
    disk.on_fill(Answer::Fail(ErrorKind::StorageFull));
    let (_dir, log) = log_on(&disk);
    let mut appended = 0;
    let reason = loop {
        match log.append(record(0, "x")).await {
            Ok(_) => appended += 1,
            Err(AppendError::NotAppended(reason)) if reason.contains("still being prepared") => {}
            Err(error) => break not_appended(Err(error)),
        }
        tokio::task::yield_now().await;
    };
    assert!(
        reason.contains("free some space, the switch goes on by itself"),
        "{reason}"
    );
    assert_eq!(log.failed(), None);
    assert_eq!(
        read_all(&log).await.len(),
        appended,
        "all that was taken can be read"
    );

    disk.on_fill(Answer::Work);
    while log.append(record(0, "after")).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(read_all(&log).await.len(), appended + 1);
}

/// A disk that is full from the start.
#[derive(Debug)]
struct FullDisk;

impl Disk for FullDisk {
    fn fill(&self, _file: &File, _offset: u64, _size: usize) -> io::Result<()> {
        Err(ErrorKind::StorageFull.into())
    }

    fn write(&self, _file: &File, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(ErrorKind::StorageFull.into())
    }

    fn sync(&self, _file: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_names(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_full_at_creation_leaves_nothing_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let full = Options {
        disk: Arc::new(FullDisk),
        ..options(1)
    };
    let refused = EmbeddedLog::create(dir.path(), full).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.starts_with("cannot prepare the first segment in "),
        "{text}"
    );
    EmbeddedLog::create(dir.path(), options(1)).unwrap();
}

#[test]
fn a_record_is_only_taken_when_its_room_is_prepared() {
    let disk = Arc::new(TestDisk::default());
    disk.on_fill(Answer::Wait);
    let (_dir, log) = log_on(&disk);
    let big = record(0, &"x".repeat(1_500));
    let (taken, reason) = submit_until_refused(&log, &big);
    assert!(reason.contains("still being prepared"), "{reason}");
    // The keeper still waits, so all of it must fit the first segment.
    let mut durable = log.durable();
    wait_until_durable(&mut durable, taken);
    assert_eq!(log.failed(), None);

    disk.on_fill(Answer::Work);
    while log.submit(vec![big.clone()]).is_err() {
        std::thread::yield_now();
    }
    wait_until_durable(&mut durable, taken + 1);
}

/// Waits on a plain thread until so many records are durable.
fn wait_until_durable(durable: &mut command_log::DurableWatch, count: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let covers = durable.wait_for(|durable| durable.covers(Sequence(count)));
    runtime.block_on(covers).unwrap();
}

#[tokio::test]
async fn a_slow_disk_bounds_what_waits_for_it() {
    let disk = Arc::new(TestDisk::default());
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        pending_size_max: 4_096,
        ..on_disk(1, &disk)
    };
    let log = EmbeddedLog::create(dir.path(), options).unwrap();
    disk.on_sync(Answer::Wait);
    let (taken, reason) = submit_until_refused(&log, &record(0, &"x".repeat(100)));
    assert!(reason.contains("the disk is slow"), "{reason}");
    assert!(
        (20..=4_096 / 123).contains(&taken),
        "{taken} records wait in 4,096 bytes"
    );
    disk.on_sync(Answer::Work);
    assert_eq!(read_all(&log).await.len() as u64, taken);
    log.append(record(0, "goes on")).await.unwrap();
}

#[tokio::test]
async fn a_processor_that_lags_bounds_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        consumer_records_max: 10,
        ..options(2)
    };
    let log = EmbeddedLog::create(dir.path(), options).unwrap();
    let mut consumer = log.consume(&[(PartitionId(0), 0)]).unwrap();
    let (taken, reason) = submit_until_refused(&log, &record(0, "x"));
    assert_eq!(taken, 10);
    assert!(
        reason.contains("processor is behind by 10 records"),
        "{reason}"
    );
    let eleven = (0..11).map(|_| record(0, "x")).collect();
    contract::read(&mut consumer, 10).await;
    assert!(not_appended(log.submit(eleven)).contains("processor is behind"));
    log.submit(vec![record(0, "x")]).unwrap();
    drop(consumer);
    for _ in 0..20 {
        log.submit(vec![record(0, "nobody reads")]).unwrap();
    }
}

#[tokio::test]
async fn one_sync_takes_all_that_came_during_the_last() {
    let disk = Arc::new(TestDisk::default());
    let (_dir, log) = log_on(&disk);
    disk.on_sync(Answer::Wait);
    log.submit(vec![record(0, "first")]).unwrap();
    disk.wait_for_sync(1);
    for index in 0..50 {
        log.submit(vec![record(0, &index.to_string())]).unwrap();
    }
    let mut durable = log.durable();
    assert!(!durable.borrow().covers(Sequence(1)));
    disk.on_sync(Answer::Work);
    durable
        .wait_for(|durable| durable.covers(Sequence(51)))
        .await
        .unwrap();
    assert_eq!(disk.sync_count(), 2, "51 records, two syncs");
}

#[tokio::test]
async fn digests_alone_cause_no_sync() {
    let disk = Arc::new(TestDisk::default());
    let (_dir, log) = log_on(&disk);
    let position = log.append(record(0, "a")).await.unwrap();
    log.witness(&[(position, 1)]);
    log.append(record(0, "b")).await.unwrap();
    assert_eq!(disk.sync_count(), 2);
}

#[tokio::test]
async fn a_wall_clock_that_leaps_stops_the_log_and_a_restart_accepts_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::at(1_000_000));
    let options = || Options {
        clock: Arc::<TestClock>::clone(&clock),
        ..options(1)
    };
    let log = EmbeddedLog::create(dir.path(), options()).unwrap();
    log.append(record(0, "a")).await.unwrap();
    clock.set(1_000_001 + FORWARD_JUMP_MAX_MS);
    let reason = not_appended(log.submit(vec![record(0, "b")]));
    assert!(
        reason.contains("the wall clock jumped 300001 ms ahead"),
        "{reason}"
    );
    assert_eq!(log.failed(), Some(reason.clone()));
    assert_eq!(not_appended(log.submit(vec![record(0, "c")])), reason);
    drop(log);

    let log = EmbeddedLog::open(dir.path(), options()).unwrap();
    log.append(record(0, "d")).await.unwrap();
    let records = read_all(&log).await;
    assert_eq!(payloads(&records), ["a", "d"]);
    assert_eq!(records[1].appended_at.0, 1_000_001 + FORWARD_JUMP_MAX_MS);
}

#[tokio::test]
async fn time_stands_still_while_the_wall_clock_is_behind() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::at(1_000_000));
    let options = || Options {
        clock: Arc::<TestClock>::clone(&clock),
        ..options(1)
    };
    let log = EmbeddedLog::create(dir.path(), options()).unwrap();
    log.append(record(0, "a")).await.unwrap();
    clock.set(400_000);
    log.append(record(0, "b")).await.unwrap();
    drop(log);
    let log = EmbeddedLog::open(dir.path(), options()).unwrap();
    assert_eq!(log.last_appended_at().0, 1_000_000);
    log.append(record(0, "c")).await.unwrap();
    clock.pass(600_001);
    log.append(record(0, "d")).await.unwrap();
    let times: Vec<_> = read_all(&log)
        .await
        .iter()
        .map(|record| record.appended_at.0)
        .collect();
    assert_eq!(times, [1_000_000, 1_000_000, 1_000_000, 1_000_001]);
}

#[test]
fn a_payload_that_no_block_holds_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::create(dir.path(), options(1)).unwrap();
    let reason = not_appended(log.submit(vec![record(0, "ok"), record(0, &"x".repeat(5_000))]));
    assert!(
        reason.contains("payload of 5000 bytes is over the"),
        "{reason}"
    );
    assert_eq!(log.end_offset(PartitionId(0)), 0);
}
