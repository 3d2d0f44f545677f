//! What the tests share: small logs, disks that fail on demand, clocks with hands.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use card::{PartitionId, Position, Timestamp};
use command_log::{AppendError, CommandLog, LogRecord, NewRecord, contract};
use command_log_embedded::{Clock, Disk, EmbeddedLog, Options, Reading, SystemDisk};

/// The smallest segments that there are: some dozens of blocks.
pub(crate) const SEGMENT_SIZE: u64 = 20 * 1_024;

/// Small segments on a disk that syncs in no time.
pub(crate) fn options(partition_count: u16) -> Options {
    on_disk(partition_count, &Arc::new(TestDisk::default()))
}

pub(crate) fn on_disk(partition_count: u16, disk: &Arc<TestDisk>) -> Options {
    Options {
        segment_size: SEGMENT_SIZE,
        space_retry_ms: 1,
        disk: Arc::<TestDisk>::clone(disk),
        ..Options::new(partition_count)
    }
}

pub(crate) fn record(partition: u16, payload: &str) -> NewRecord {
    contract::command(partition, payload)
}

/// Everything that is in the partitions of a log, in log order.
pub(crate) async fn read_all(log: &EmbeddedLog) -> Vec<LogRecord> {
    let partitions = (0..log.log_id().partition_count).map(PartitionId);
    let count: u64 = partitions
        .clone()
        .map(|partition| log.end_offset(partition))
        .sum();
    let starts: Vec<_> = partitions.map(|partition| (partition, 0)).collect();
    let mut consumer = log.consume(&starts).unwrap();
    contract::read(&mut consumer, usize::try_from(count).unwrap()).await
}

pub(crate) fn payloads(records: &[LogRecord]) -> Vec<String> {
    records
        .iter()
        .map(|record| String::from_utf8(record.payload.to_vec()).unwrap())
        .collect()
}

/// The text of a refusal that certainly took nothing.
pub(crate) fn not_appended(result: Result<(), AppendError>) -> String {
    match result {
        Err(AppendError::NotAppended(reason)) => reason,
        Err(AppendError::Unknown(_)) | Ok(()) => panic!("not a clear refusal: {result:?}"),
    }
}

/// Appends; waits while the keeper is behind, as it may be with segments this small.
pub(crate) async fn append(log: &EmbeddedLog, record: NewRecord) -> Position {
    loop {
        match log.append(record.clone()).await {
            Ok(position) => return position,
            Err(error) => assert!(
                error.to_string().contains("still being prepared"),
                "{error}"
            ),
        }
        tokio::task::yield_now().await;
    }
}

/// Submits until that is refused; returns how many were taken and why no more.
pub(crate) fn submit_until_refused(log: &EmbeddedLog, record: &NewRecord) -> (u64, String) {
    for taken in 0..1_000_000 {
        if let Err(error) = log.submit(vec![record.clone()]) {
            return (taken, not_appended(Err(error)));
        }
    }
    panic!("everything is taken");
}

/// Copies a folder as a crash would leave it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            copy_file(&entry.path(), &target);
        }
    }
}

/// The keeper may rename or remove a file while the folder is copied.
fn copy_file(from: &Path, to: &Path) {
    match fs::copy(from, to) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => panic!("copy {}: {error}", from.display()),
    }
}

/// What a disk does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Answer {
    #[default]
    Work,
    Fail(io::ErrorKind),
    Wait,
    Panic,
}

#[derive(Debug, Default)]
struct Answers {
    fill: Answer,
    write: Answer,
    sync: Answer,
    sync_count: u64,
}

/// A disk in the hands of a test. Only the threads of an open log are answered as told; creating
/// and opening always work.
#[derive(Debug, Default)]
pub(crate) struct TestDisk {
    answers: Mutex<Answers>,
    changed: Condvar,
}

impl TestDisk {
    pub(crate) fn on_fill(&self, answer: Answer) {
        self.answers.lock().fill = answer;
        self.changed.notify_all();
    }

    pub(crate) fn on_write(&self, answer: Answer) {
        self.answers.lock().write = answer;
        self.changed.notify_all();
    }

    pub(crate) fn on_sync(&self, answer: Answer) {
        self.answers.lock().sync = answer;
        self.changed.notify_all();
    }

    /// How often the writer has begun to sync.
    pub(crate) fn sync_count(&self) -> u64 {
        self.answers.lock().sync_count
    }

    /// Returns when the writer has begun its sync number `count`.
    pub(crate) fn wait_for_sync(&self, count: u64) {
        let mut answers = self.answers.lock();
        while answers.sync_count < count {
            self.changed.wait(&mut answers);
        }
    }

    fn obey(&self, thread_name: &str, answer: impl Fn(&Answers) -> Answer) -> io::Result<()> {
        if thread::current().name() != Some(thread_name) {
            return Ok(());
        }
        let mut answers = self.answers.lock();
        loop {
            match answer(&answers) {
                Answer::Work => return Ok(()),
                Answer::Fail(kind) => return Err(kind.into()),
                Answer::Panic => panic!("the disk driver went mad"),
                Answer::Wait => self.changed.wait(&mut answers),
            }
        }
    }
}

impl Disk for TestDisk {
    fn fill(&self, file: &File, offset: u64, size: usize) -> io::Result<()> {
        self.obey("log-keeper", |answers| answers.fill)?;
        SystemDisk.fill(file, offset, size)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.obey("log-writer", |answers| answers.write)?;
        SystemDisk.write(file, bytes, offset)
    }

    fn sync(&self, _file: &File) -> io::Result<()> {
        if thread::current().name() == Some("log-writer") {
            self.answers.lock().sync_count += 1;
            self.changed.notify_all();
        }
        self.obey("log-writer", |answers| answers.sync)
    }

    fn sync_names(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// A clock with hands.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<Reading>);

impl TestClock {
    pub(crate) fn at(wall_ms: i64) -> Self {
        Self(Mutex::new(Reading {
            wall: Timestamp(wall_ms),
            monotonic: Duration::ZERO,
        }))
    }

    /// Time passes.
    pub(crate) fn pass(&self, ms: u32) {
        let mut reading = self.0.lock();
        reading.wall = reading.wall.plus_ms(i64::from(ms));
        reading.monotonic += Duration::from_millis(u64::from(ms));
    }

    /// Somebody sets the wall clock.
    pub(crate) fn set(&self, wall_ms: i64) {
        self.0.lock().wall = Timestamp(wall_ms);
    }
}

impl Clock for TestClock {
    fn read(&self) -> Reading {
        *self.0.lock()
    }
}
