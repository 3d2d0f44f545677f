//! Segments: filled one after the other, released from the oldest on.

use std::fs;
use std::path::Path;

use crate::support::{append, options, read_all, record};
use card::PartitionId;
use command_log::{CommandLog, ConsumeError, contract};
use command_log_embedded::{EmbeddedLog, OpenError, Options, Retention};

fn files(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".log")).collect();
    names.sort_unstable();
    names
}

async fn fill(log: &EmbeddedLog, count: u64) {
    for index in 0..count {
        let partition = u16::try_from(index % 2).unwrap();
        append(log, record(partition, &format!("{index}"))).await;
    }
}

#[tokio::test]
async fn a_log_that_goes_on_from_another_begins_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options {
        first_offset: 5_000,
        ..options(2)
    };
    let log = EmbeddedLog::create(dir.path(), options()).unwrap();
    assert_eq!(log.end_offset(PartitionId(1)), 5_000);
    let first = append(&log, record(1, "first")).await;
    assert_eq!((first.partition, first.offset), (PartitionId(1), 5_000));
    drop(log);
    let log = EmbeddedLog::open(dir.path(), crate::support::options(2)).unwrap();
    assert_eq!(
        log.end_offset(PartitionId(0)),
        5_000,
        "the log keeps its own"
    );
    assert_eq!(log.end_offset(PartitionId(1)), 5_001);
    let mut consumer = log.consume(&[(PartitionId(1), 5_000)]).unwrap();
    let records = contract::read(&mut consumer, 1).await;
    assert_eq!(records[0].payload, "first");
    let below = log.consume(&[(PartitionId(0), 4_999)]);
    assert!(matches!(
        below,
        Err(ConsumeError::Gone { begin: 5_000, .. })
    ));
}

/// Fills some segments, releases, and says which files are left and which are archived.
async fn check_release(retention: Retention) -> (Vec<String>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options {
        retention,
        ..options(2)
    };
    let log = EmbeddedLog::create(dir.path(), options()).unwrap();
    fill(&log, 200).await;
    let before = files(&dir.path().join("segments"));
    assert!(before.len() > 4, "{before:?}");
    assert_eq!(log.closed_segments().len(), before.len() - 1);
    log.release_before(&[(PartitionId(0), 100)]);
    log.close();
    assert_eq!(
        files(&dir.path().join("segments")),
        before,
        "partition 1 still needs them"
    );
    drop(log);

    let log = EmbeddedLog::open(dir.path(), options()).unwrap();
    log.release_before(&[(PartitionId(0), 60), (PartitionId(1), 50)]);
    log.close();
    drop(log);
    let log = EmbeddedLog::open(dir.path(), options()).unwrap();
    let mut consumer = log
        .consume(&[(PartitionId(0), 60), (PartitionId(1), 50)])
        .unwrap();
    let records = contract::read(&mut consumer, 90).await;
    assert_eq!(records.last().unwrap().payload, "199");
    let gone = log
        .consume(&[(PartitionId(0), 60), (PartitionId(1), 0)])
        .unwrap_err();
    let ConsumeError::Gone {
        partition,
        begin,
        wanted: 0,
    } = gone
    else {
        panic!("{gone}")
    };
    assert_eq!(partition, PartitionId(1));
    assert!((1..=50).contains(&begin));

    log.release_before(&[(PartitionId(0), 100), (PartitionId(1), 100)]);
    log.close();
    (
        files(&dir.path().join("segments")),
        files(&dir.path().join("archive")),
    )
}

#[tokio::test]
async fn released_segments_are_dropped_but_the_last_two_stay() {
    let (left, archived) = check_release(Retention::Drop).await;
    assert_eq!(left.len(), 2);
    assert!(archived.is_empty());
}

#[tokio::test]
async fn released_segments_are_archived_when_wished() {
    let (left, archived) = check_release(Retention::Archive).await;
    assert_eq!(left.len(), 2);
    assert_eq!(archived[0], "00000000000000000000.log");
    assert!(archived.last() < left.first());
}

#[tokio::test]
async fn a_log_made_with_other_segments_goes_on_with_new_ones() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::create(dir.path(), options(2)).unwrap();
    fill(&log, 50).await;
    drop(log);
    let larger = Options {
        segment_size: 64 * 1_024,
        ..options(2)
    };
    let log = EmbeddedLog::open(dir.path(), larger).unwrap();
    fill(&log, 300).await;
    drop(log);
    let log = EmbeddedLog::open(dir.path(), options(2)).unwrap();
    assert_eq!(read_all(&log).await.len(), 350);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_senders_and_readers_at_once_see_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let larger = Options {
        segment_size: 256 * 1_024,
        ..options(4)
    };
    let log = std::sync::Arc::new(EmbeddedLog::create(dir.path(), larger).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for sender in 0..8u16 {
        let log = std::sync::Arc::clone(&log);
        tasks.spawn(async move {
            for index in 0..250 {
                append(&log, record(sender % 4, &format!("{sender} {index}"))).await;
            }
        });
    }
    let mut readers = tokio::task::JoinSet::new();
    for partition in 0..4 {
        let mut consumer = log.consume(&[(PartitionId(partition), 0)]).unwrap();
        readers.spawn(async move { contract::read(&mut consumer, 500).await });
    }
    tasks.join_all().await;
    let live = readers.join_all().await;
    let mut live: Vec<_> = live.into_iter().flatten().collect();
    live.sort_unstable_by_key(|record| record.sequence);
    assert_eq!(read_all(&log).await, live);
    for partition in 0..4 {
        let of_partition = live
            .iter()
            .filter(|record| record.position.partition.0 == partition);
        let offsets: Vec<_> = of_partition.map(|record| record.position.offset).collect();
        assert_eq!(offsets, (0..500).collect::<Vec<_>>());
    }
}

#[test]
fn settings_out_of_range_say_what_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let check = |options: Options, expected: &str| {
        let error = EmbeddedLog::create(dir.path(), options).unwrap_err();
        assert!(matches!(error, OpenError::Setting { .. }));
        assert_eq!(error.to_string(), expected);
    };
    check(
        options(0),
        "partition_count is 0: a log has at least one partition",
    );
    check(
        Options {
            segment_size: 4_096,
            ..options(1)
        },
        "segment_size is 4096: it must be a multiple of 4096, at least 20480",
    );
    check(
        Options {
            segment_size: 30_000,
            ..options(256)
        },
        "segment_size is 30000: it must be a multiple of 4096, at least 20480",
    );
}
