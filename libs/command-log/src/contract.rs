//! What every adapter of [`CommandLog`] must do, as a suite that its tests run.
//!
//! Each function panics with what was wrong. The logs that `make` returns must be empty.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    AppendError, CommandLog, ConsumeError, Durable, LogConsumer, LogRecord, NewRecord, RecordKind,
    Sequence,
};
use card::{PartitionId, Position};

/// How long anything may take before the suite calls it stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// A command for tests.
#[must_use]
pub fn command(partition: u16, payload: &str) -> NewRecord {
    NewRecord {
        partition: PartitionId(partition),
        kind: RecordKind::Command,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        trace: None,
    }
}

/// Reads until `count` records are there.
///
/// # Panics
/// When they don't come, or more than asked for.
pub async fn read<C: LogConsumer>(consumer: &mut C, count: usize) -> Vec<LogRecord> {
    let mut records = Vec::new();
    while records.len() < count {
        let before = records.len();
        let wanted = count - before;
        let poll = consumer.poll(&mut records, wanted);
        let polled = tokio::time::timeout(PATIENCE, poll).await;
        polled
            .unwrap_or_else(|_| panic!("only {before} of {count} records came"))
            .expect("the log goes on");
        assert!(records.len() > before, "poll returned without a record");
        assert!(
            records.len() <= count,
            "poll gave more than it was asked for"
        );
    }
    records
}

/// Runs the suite on fresh logs.
pub async fn run<L: CommandLog>(mut make: impl AsyncFnMut(u16) -> L) {
    keeps_the_order(&make(3).await).await;
    appends_are_durable_and_readable(&make(2).await).await;
    reads_from_any_offset(&make(2).await).await;
    polls_at_most_what_is_asked(&make(1).await).await;
    a_cancelled_poll_loses_nothing(&make(1).await).await;
    takes_all_or_nothing(&make(2).await).await;
    serves_consumers_of_disjoint_partitions(&make(4).await).await;
    goes_from_old_to_live_without_a_gap(&make(2).await).await;
    releases_only_what_it_may(&make(2).await).await;
    refuses_starts_it_cannot_serve(&make(2).await);
}

/// Offsets of a partition have no gaps, and its records come in the order of submission (LOG-3).
/// Between partitions there is no order.
async fn keeps_the_order<L: CommandLog>(log: &L) {
    let mut consumer = log
        .consume(&starts(&[0, 0, 0]))
        .expect("an empty log can be read");
    log.submit(vec![command(0, "a"), command(2, "b"), command(0, "c")])
        .expect("taken");
    log.submit(Vec::new()).expect("nothing is taken");
    let mark = NewRecord {
        kind: RecordKind::Mark,
        ..command(2, "d")
    };
    log.submit(vec![mark]).expect("taken");
    let records = by_partition(read(&mut consumer, 4).await);
    assert_eq!(places(&records), [(0, 0), (0, 1), (2, 0), (2, 1)]);
    assert_eq!(payloads(&records), ["a", "c", "b", "d"]);
    assert_eq!(records[2].kind, RecordKind::Command);
    assert_eq!(records[3].kind, RecordKind::Mark);
    assert!(records.iter().all(|record| record.witness.is_none()));
    for partition in [&records[..2], &records[2..]] {
        assert!(
            partition.is_sorted_by_key(|record| record.sequence),
            "sequence must not fall"
        );
        assert!(
            partition.is_sorted_by_key(|record| record.appended_at),
            "time must not go back"
        );
    }
    assert_eq!(ends(log, 3), [2, 0, 2]);
}

async fn appends_are_durable_and_readable<L: CommandLog>(log: &L) {
    let mut consumer = log.consume(&starts(&[0, 0])).expect("readable");
    for (count, name) in ["a", "b", "c"].into_iter().enumerate() {
        let position = append(log, command(1, name)).await;
        assert_eq!(position, at(1, count as u64));
        let record = read(&mut consumer, 1).await.remove(0);
        assert_eq!(
            (record.position, payloads(std::slice::from_ref(&record))),
            (position, vec![name.into()])
        );
        let durable = *log.durable().borrow();
        assert!(
            durable.covers(record.sequence),
            "LOG-1: append returned before it was durable"
        );
    }
}

async fn reads_from_any_offset<L: CommandLog>(log: &L) {
    for name in ["a", "b", "c"] {
        append(log, command(0, name)).await;
        append(log, command(1, name)).await;
    }
    for start in 0..=3u64 {
        let mut consumer = log.consume(&[(PartitionId(0), start)]).expect("held");
        let name = format!("live {start}");
        append(log, command(0, &name)).await;
        let count = usize::try_from(log.end_offset(PartitionId(0)) - start).expect("few");
        let records = read(&mut consumer, count).await;
        let expected: Vec<_> = (start..).take(count).map(|offset| (0, offset)).collect();
        assert_eq!(places(&records), expected);
        assert_eq!(payloads(&records).last(), Some(&name));
    }
}

async fn polls_at_most_what_is_asked<L: CommandLog>(log: &L) {
    let mut consumer = log.consume(&starts(&[0])).expect("readable");
    log.submit((0..10).map(|_| command(0, "x")).collect())
        .expect("taken");
    let mut batch = Vec::new();
    consumer.poll(&mut batch, 0).await.expect("goes on");
    assert!(batch.is_empty());
    while batch.len() < 10 {
        let before = batch.len();
        consumer.poll(&mut batch, 3).await.expect("goes on");
        assert!(
            (1..=3).contains(&(batch.len() - before)),
            "poll adds between one and max"
        );
    }
    let offsets: Vec<_> = batch.iter().map(|record| record.position.offset).collect();
    assert_eq!(offsets, (0..10).collect::<Vec<_>>());
}

async fn a_cancelled_poll_loses_nothing<L: CommandLog>(log: &L) {
    let mut consumer = log.consume(&starts(&[0])).expect("readable");
    for name in ["a", "b", "c"] {
        let mut batch = Vec::new();
        let poll = consumer.poll(&mut batch, 10);
        let polled = tokio::time::timeout(Duration::from_millis(1), poll).await;
        assert!(polled.is_err(), "there was nothing to poll");
        log.submit(vec![command(0, name)]).expect("taken");
        assert_eq!(payloads(&read(&mut consumer, 1).await), [name]);
    }
}

async fn takes_all_or_nothing<L: CommandLog>(log: &L) {
    let mut consumer = log.consume(&starts(&[0, 0])).expect("readable");
    let refused = log.submit(vec![command(0, "a"), command(2, "no such partition")]);
    assert!(
        matches!(refused, Err(AppendError::NotAppended(_))),
        "{refused:?}"
    );
    assert_eq!(ends(log, 2), [0, 0]);
    let refused = log.append(command(2, "no such partition")).await;
    assert!(
        matches!(refused, Err(AppendError::NotAppended(_))),
        "{refused:?}"
    );
    append(log, command(0, "b")).await;
    assert_eq!(payloads(&read(&mut consumer, 1).await), ["b"]);
}

async fn serves_consumers_of_disjoint_partitions<L: CommandLog>(log: &L) {
    let mut even = log
        .consume(&[(PartitionId(0), 0), (PartitionId(2), 0)])
        .expect("readable");
    let mut odd = log
        .consume(&[(PartitionId(1), 0), (PartitionId(3), 0)])
        .expect("readable");
    for round in 0..50 {
        let name = round.to_string();
        log.submit((0..4).map(|partition| command(partition, &name)).collect())
            .expect("taken");
    }
    for (consumer, partitions) in [(&mut even, [0, 2]), (&mut odd, [1, 3])] {
        let records = by_partition(read(consumer, 100).await);
        let expected: Vec<_> = partitions
            .into_iter()
            .flat_map(|p| (0..50).map(move |round| (p, round)))
            .collect();
        assert_eq!(places(&records), expected);
    }
    drop(even);
    append(log, command(0, "nobody reads this")).await;
    append(log, command(1, "but this")).await;
    assert_eq!(payloads(&read(&mut odd, 1).await), ["but this"]);
}

async fn goes_from_old_to_live_without_a_gap<L: CommandLog>(log: &L) {
    let name = |index: usize| format!("{index}");
    let mut sent = 0;
    let mut send = |count: usize| {
        let records = (sent..sent + count).map(|index| command(1, &name(index)));
        log.submit(records.collect()).expect("taken");
        sent += count;
        sent
    };
    for _ in 0..100 {
        send(3);
    }
    let mut consumer = log.consume(&starts(&[0, 10])).expect("held");
    let mut received = 10;
    loop {
        let records = read(&mut consumer, 7).await;
        for record in &records {
            assert_eq!(record.position, at(1, received as u64));
            assert_eq!(record.payload, name(received));
            received += 1;
        }
        let sent = send(1);
        if sent - received < 7 {
            return;
        }
    }
}

async fn releases_only_what_it_may<L: CommandLog>(log: &L) {
    for _ in 0..20 {
        append(log, command(0, "a")).await;
        append(log, command(1, "b")).await;
    }
    log.release_before(&[(PartitionId(0), 15), (PartitionId(1), 20)]);
    let mut consumer = log.consume(&starts(&[15, 20])).expect("not released");
    append(log, command(1, "c")).await;
    let records = by_partition(read(&mut consumer, 6).await);
    assert_eq!(
        places(&records)[..5],
        [(0, 15), (0, 16), (0, 17), (0, 18), (0, 19)]
    );
    assert_eq!(places(&records)[5], (1, 20));
}

fn refuses_starts_it_cannot_serve<L: CommandLog>(log: &L) {
    for start in [(PartitionId(0), 1), (PartitionId(2), 0)] {
        assert!(
            log.consume(&[start]).is_err(),
            "{start:?} is not in the log"
        );
    }
}

/// Runs what must hold when a log is opened again; `restart` ends one life and begins the next.
pub async fn run_again_after_restart<L: CommandLog>(
    mut make: impl AsyncFnMut(u16) -> L,
    mut restart: impl AsyncFnMut(L) -> L,
) {
    let mut log = make(3).await;
    let id = log.log_id().clone();
    let mut expected: Vec<LogRecord> = Vec::new();
    for life in 0..3 {
        let mut consumer = log.consume(&starts(&[0, 0, 0])).expect("held");
        let replayed = by_partition(read(&mut consumer, expected.len()).await);
        assert_eq!(
            without_sequence(&replayed),
            without_sequence(&expected),
            "life {life}"
        );
        let durable: Durable = *log.durable().borrow();
        assert!(
            replayed
                .iter()
                .all(|record| durable.covers(record.sequence))
        );
        for round in 0..40 {
            let name = format!("{life} {round}");
            log.submit(vec![command(0, &name), command(2, &name)])
                .expect("taken");
            append(&log, command(1, &name)).await;
        }
        expected.extend(read(&mut consumer, 120).await);
        expected = by_partition(expected);
        assert_eq!(ends(&log, 3), [(life + 1) * 40; 3]);
        let time_goes_on = |(a, b): (&LogRecord, &LogRecord)| {
            a.position.partition != b.position.partition || a.appended_at <= b.appended_at
        };
        assert!(
            expected.iter().zip(&expected[1..]).all(time_goes_on),
            "time must not go back"
        );
        drop(consumer);
        log = restart(log).await;
        assert_eq!(log.log_id(), &id);
        assert_eq!(ends(&log, 3), [(life + 1) * 40; 3]);
    }
}

/// For adapters that keep digests: they come back with their records after a restart.
pub async fn keeps_witnesses<L: CommandLog>(
    mut make: impl AsyncFnMut(u16) -> L,
    mut restart: impl AsyncFnMut(L) -> L,
) {
    let log = make(2).await;
    for name in ["a", "b", "c"] {
        append(&log, command(1, name)).await;
    }
    // Cards decide at their own pace: digests come in any order.
    log.witness(&[(at(1, 2), 22), (at(1, 0), 20)]);
    append(&log, command(0, "carries the digests")).await;
    log.witness(&[(at(1, 0), 99)]);
    append(&log, command(0, "the first one counts")).await;
    let log = restart(log).await;
    let mut consumer = log.consume(&starts(&[0, 0])).expect("held");
    let records = read(&mut consumer, 5).await;
    let witnesses: Vec<_> = records.iter().map(|record| record.witness).collect();
    assert_eq!(witnesses, [Some(20), None, Some(22), None, None]);
    assert_eq!(ends(&log, 2), [2, 3], "a digest is no record");
}

/// After its end a log takes nothing, and says so to those who read.
pub async fn refuses_when_stopped<L: CommandLog>(log: L, stop: impl FnOnce(&L)) {
    append(&log, command(0, "a")).await;
    let mut consumer = log.consume(&[(PartitionId(0), 0)]).expect("held");
    let mut durable = log.durable();
    stop(&log);
    let refused = log.submit(vec![command(0, "b")]);
    assert!(
        matches!(refused, Err(AppendError::NotAppended(_))),
        "{refused:?}"
    );
    let refused = log.append(command(0, "b")).await;
    assert!(
        matches!(refused, Err(AppendError::NotAppended(_))),
        "{refused:?}"
    );
    assert_eq!(
        payloads(&read(&mut consumer, 1).await),
        ["a"],
        "what was taken is handed out"
    );
    let mut batch = Vec::new();
    let stopped = tokio::time::timeout(PATIENCE, consumer.poll(&mut batch, 1)).await;
    assert!(
        matches!(stopped, Ok(Err(ConsumeError::Stopped(_)))),
        "{stopped:?}"
    );
    let never = durable.wait_for(|durable| durable.covers(Sequence(u64::MAX)));
    let never = tokio::time::timeout(PATIENCE, never)
        .await
        .expect("the sender is dropped");
    assert!(never.is_err());
    assert_eq!(log.end_offset(PartitionId(0)), 1);
}

async fn append<L: CommandLog>(log: &L, record: NewRecord) -> Position {
    let appended = tokio::time::timeout(PATIENCE, log.append(record)).await;
    appended.expect("append returns in time").expect("appended")
}

const fn at(partition: u16, offset: u64) -> Position {
    Position {
        partition: PartitionId(partition),
        offset,
    }
}

fn starts(offsets: &[u64]) -> Vec<(PartitionId, u64)> {
    (0..)
        .map(PartitionId)
        .zip(offsets.iter().copied())
        .collect()
}

fn ends<L: CommandLog>(log: &L, count: u16) -> Vec<u64> {
    (0..count)
        .map(|partition| log.end_offset(PartitionId(partition)))
        .collect()
}

/// Sorts by partition and keeps the order within each.
fn by_partition(mut records: Vec<LogRecord>) -> Vec<LogRecord> {
    records.sort_by_key(|record| record.position.partition);
    records
}

fn places(records: &[LogRecord]) -> Vec<(u16, u64)> {
    let place = |record: &LogRecord| (record.position.partition.0, record.position.offset);
    records.iter().map(place).collect()
}

fn payloads(records: &[LogRecord]) -> Vec<String> {
    records
        .iter()
        .map(|record| String::from_utf8_lossy(&record.payload).into_owned())
        .collect()
}

/// Sequences are only good within one life of a log.
fn without_sequence(records: &[LogRecord]) -> Vec<LogRecord> {
    let strip = |record: &LogRecord| LogRecord {
        sequence: Sequence(0),
        ..record.clone()
    };
    records.iter().map(strip).collect()
}
