//! The embedded log keeps the contract of every command log.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use command_log::{CommandLog, contract};
use command_log_embedded::{EmbeddedLog, Options};

/// The machine's own disk, and small segments.
fn options(partition_count: u16) -> Options {
    Options {
        segment_size: 128 * 1_024,
        ..Options::new(partition_count)
    }
}

/// Makes logs in folders of their own, and remembers where.
struct Workshop {
    root: TempDir,
    made: u32,
}

impl Workshop {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            made: 0,
        }
    }

    fn make(&mut self, partition_count: u16) -> EmbeddedLog {
        self.made += 1;
        EmbeddedLog::create(&self.last(), options(partition_count)).unwrap()
    }

    fn last(&self) -> PathBuf {
        self.root.path().join(self.made.to_string())
    }
}

fn reopen(dir: &Path, log: EmbeddedLog) -> EmbeddedLog {
    let partition_count = log.log_id().partition_count;
    drop(log);
    EmbeddedLog::open(dir, options(partition_count)).unwrap()
}

#[tokio::test]
async fn keeps_the_contract() {
    let mut workshop = Workshop::new();
    contract::run(async |count| workshop.make(count)).await;
}

#[tokio::test]
async fn keeps_its_records_over_restarts() {
    let mut workshop = Workshop::new();
    let dir = workshop.root.path().join("1");
    contract::run_again_after_restart(
        async |count| workshop.make(count),
        async |log| reopen(&dir, log),
    )
    .await;
}

#[tokio::test]
async fn keeps_digests_over_restarts() {
    let mut workshop = Workshop::new();
    let dir = workshop.root.path().join("1");
    contract::keeps_witnesses(
        async |count| workshop.make(count),
        async |log| reopen(&dir, log),
    )
    .await;
}

#[tokio::test]
async fn takes_nothing_after_its_end() {
    let mut workshop = Workshop::new();
    contract::refuses_when_stopped(workshop.make(1), EmbeddedLog::close).await;
}
