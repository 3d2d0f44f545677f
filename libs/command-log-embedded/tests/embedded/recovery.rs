//! What is found again after a crash, and what is refused.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::support::{append, copy_folder, options, payloads, read_all, record};
use command_log::CommandLog;
use command_log_embedded::{Disk, EmbeddedLog, OpenError, Options, SystemDisk};

/// A log as a crash left it: `blocks` are the places of its blocks in the one segment.
struct Crashed {
    dir: TempDir,
    blocks: Vec<Range<usize>>,
    records: Vec<String>,
}

impl Crashed {
    /// Three small blocks, then a large one of several sectors.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let live = dir.path().join("live");
        let log = EmbeddedLog::create(&live, options(2)).unwrap();
        let mut records: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        records.push("d".repeat(700));
        let mut blocks = Vec::new();
        let mut end = 4_096;
        for text in &records {
            log.append(record(1, text)).await.unwrap();
            let written = fs::read(segment(&live)).unwrap();
            let payload_size = u32::from_le_bytes(written[end + 24..end + 28].try_into().unwrap());
            let unpadded = 32 + payload_size as usize;
            blocks.push(end..end + unpadded);
            end += unpadded.next_multiple_of(512);
        }
        copy_folder(&live, &dir.path().join("crashed"));
        Self {
            dir,
            blocks,
            records,
        }
    }

    /// A fresh copy whose segment is changed.
    fn changed(&self, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
        let copy = self.dir.path().join("copy");
        let _may_be_missing = fs::remove_dir_all(&copy);
        copy_folder(&self.dir.path().join("crashed"), &copy);
        let mut bytes = fs::read(segment(&copy)).unwrap();
        change(&mut bytes);
        // A new file: some file systems flush one that is written over.
        fs::remove_file(segment(&copy)).unwrap();
        fs::write(segment(&copy), bytes).unwrap();
        copy
    }

    /// Opens what a torn write left: all earlier records are there, the last one whole or not at
    /// all, and the log goes on, now and after one more start.
    async fn check_recovers(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let dir = self.changed(change);
        let log = EmbeddedLog::open(&dir, options(2)).unwrap();
        let found = payloads(&read_all(&log).await);
        let earlier = self.records.len() - 1;
        assert!(
            found == self.records || found == self.records[..earlier],
            "found {found:?}"
        );
        let position = log.append(record(1, "next")).await.unwrap();
        assert_eq!(position.offset, found.len() as u64);
        drop(log);
        let log = EmbeddedLog::open(&dir, options(2)).unwrap();
        let mut expected = found;
        expected.push("next".to_owned());
        assert_eq!(payloads(&read_all(&log).await), expected);
    }

    /// Refuses to open what was damaged, and leaves it as it is.
    fn check_refused(&self, change: impl FnOnce(&mut Vec<u8>)) -> OpenError {
        let dir = self.changed(change);
        let before = fs::read(segment(&dir)).unwrap();
        let error = EmbeddedLog::open(&dir, options(2)).expect_err("damage must be seen");
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(
            fs::read(segment(&dir)).unwrap() == before,
            "the evidence was changed"
        );
        error
    }
}

fn segment(dir: &Path) -> PathBuf {
    dir.join("segments/00000000000000000000.log")
}

#[tokio::test]
async fn a_tail_cut_anywhere_is_recovered() {
    let crashed = Crashed::new().await;
    for at in crashed.blocks[3].clone() {
        crashed.check_recovers(|bytes| bytes.truncate(at)).await;
    }
}

#[tokio::test]
async fn a_tail_garbled_anywhere_is_recovered() {
    let crashed = Crashed::new().await;
    for at in crashed.blocks[3].clone() {
        crashed.check_recovers(|bytes| bytes[at] ^= 0x55).await;
    }
}

#[tokio::test]
async fn a_tail_whose_sectors_came_out_of_order_is_recovered() {
    let crashed = Crashed::new().await;
    let last = crashed.blocks[3].clone();
    for lost in [0..512, 512..755, 0..4] {
        let lost = last.start + lost.start..last.start + lost.end;
        crashed.check_recovers(|bytes| bytes[lost].fill(0)).await;
    }
    crashed
        .check_recovers(|bytes| bytes[last.end + 2_000..].fill(0xEE))
        .await;
}

#[tokio::test]
async fn damage_before_the_tail_is_refused() {
    let crashed = Crashed::new().await;
    for block in &crashed.blocks[..3] {
        for at in block.clone() {
            crashed.check_refused(|bytes| bytes[at] ^= 0x55);
        }
    }
    for at in 0..88 {
        crashed.check_refused(|bytes| bytes[at] ^= 0x55);
    }
    let error = crashed.check_refused(|bytes| bytes[crashed.blocks[1].clone()].fill(0));
    let text = error.to_string();
    assert!(
        text.contains("a block does not read back, although a later one"),
        "{text}"
    );
    assert!(text.contains("restore its folder from a backup"), "{text}");
}

#[tokio::test]
async fn after_a_clean_stop_damage_of_the_last_record_is_refused_too() {
    let crashed = Crashed::new().await;
    let dir = crashed.changed(|_| {});
    drop(EmbeddedLog::open(&dir, options(2)).unwrap());
    let mut bytes = fs::read(segment(&dir)).unwrap();
    bytes[crashed.blocks[3].start + 40] ^= 1;
    fs::write(segment(&dir), bytes).unwrap();
    let error = EmbeddedLog::open(&dir, options(2)).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::create(dir.path(), options(1)).unwrap();
    for _ in 0..100 {
        append(&log, record(0, "x")).await;
    }
    drop(log);
    fs::remove_file(dir.path().join("segments/00000000000000000001.log")).unwrap();
    let error = EmbeddedLog::open(dir.path(), options(1))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("of segment 2, but what is left of the log before it ends"),
        "{error}"
    );
}

#[test]
fn another_log_than_expected_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::create(dir.path(), options(2)).unwrap();
    let incarnation = log.log_id().incarnation;
    let text = |result: Result<EmbeddedLog, OpenError>| result.unwrap_err().to_string();
    let in_use = text(EmbeddedLog::open(dir.path(), options(2)));
    assert!(
        in_use.contains("in use by another switch: stop that one first"),
        "{in_use}"
    );
    drop(log);
    let other = text(EmbeddedLog::open(dir.path(), options(3)));
    assert!(
        other.contains("log has partition_count 2, but 3 was asked for"),
        "{other}"
    );
    assert!(other.contains("set partition_count to 2"), "{other}");
    let wanted = Options {
        incarnation: Some([7; 16]),
        ..options(2)
    };
    let other = text(EmbeddedLog::open(dir.path(), wanted));
    assert!(
        other.contains("but 07070707070707070707070707070707 was asked for"),
        "{other}"
    );
    let again = text(EmbeddedLog::create(dir.path(), options(2)));
    assert!(again.contains("already holds a command log"), "{again}");
    let none = text(EmbeddedLog::open(&dir.path().join("nothing"), options(2)));
    assert!(none.contains("holds no command log"), "{none}");
    let right = Options {
        incarnation: Some(incarnation),
        ..options(2)
    };
    EmbeddedLog::open(dir.path(), right).unwrap();
}

#[tokio::test]
async fn a_creation_cut_short_can_be_finished() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedLog::create(dir.path(), options(1)).unwrap());
    // Cut short before the segment got its name.
    fs::rename(segment(dir.path()), dir.path().join("segments/next.tmp")).unwrap();
    let log = EmbeddedLog::open(dir.path(), options(1)).unwrap();
    log.append(record(0, "a")).await.unwrap();
    drop(log);
    // Cut short before the log got its id.
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("segments")).unwrap();
    fs::write(other.path().join("segments/next.tmp"), b"half").unwrap();
    EmbeddedLog::create(other.path(), options(1)).unwrap();
}

/// Takes a picture of the folder in the middle of every write, as a crash would leave it.
#[derive(Debug)]
struct Photographer {
    dir: PathBuf,
    pictures: PathBuf,
    acknowledged: Arc<AtomicU64>,
    /// For each picture: how many records were acknowledged before.
    taken: Mutex<Vec<u64>>,
}

impl Photographer {
    fn shoot(&self) {
        let mut taken = self.taken.lock();
        let acknowledged = self.acknowledged.load(Ordering::SeqCst);
        copy_folder(&self.dir, &self.picture(taken.len()));
        taken.push(acknowledged);
    }

    fn picture(&self, index: usize) -> PathBuf {
        self.pictures.join(index.to_string())
    }
}

impl Disk for Photographer {
    fn fill(&self, file: &File, offset: u64, size: usize) -> io::Result<()> {
        SystemDisk.fill(file, offset, size)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let is_live = std::thread::current().name() == Some("log-writer");
        if is_live {
            let half = bytes.len() / 2 + self.taken.lock().len() % 97;
            file.write_all_at(&bytes[..half.min(bytes.len())], offset)?;
            self.shoot();
        }
        SystemDisk.write(file, bytes, offset)
    }

    fn sync(&self, _file: &File) -> io::Result<()> {
        let is_live = std::thread::current().name() == Some("log-writer");
        if is_live {
            self.shoot();
        }
        Ok(())
    }

    fn sync_names(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_crash_at_any_write_keeps_what_was_acknowledged_and_invents_nothing() {
    const RECORD_COUNT: u64 = 90;
    let root = tempfile::tempdir().unwrap();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let photographer = Arc::new(Photographer {
        dir: root.path().join("live"),
        pictures: root.path().join("pictures"),
        acknowledged: Arc::clone(&acknowledged),
        taken: Mutex::default(),
    });
    let disk: Arc<dyn Disk> = Arc::<Photographer>::clone(&photographer);
    let log = EmbeddedLog::create(&photographer.dir, Options { disk, ..options(1) }).unwrap();
    for index in 0..RECORD_COUNT {
        let text = format!("{index:>size$}", size = 1 + (index as usize * 37) % 700);
        append(&log, record(0, &text)).await;
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    drop(log);
    let taken = photographer.taken.lock().clone();
    assert!(
        taken.len() > 180,
        "every write and sync of several segments"
    );
    for (index, acknowledged) in taken.into_iter().enumerate() {
        let log = EmbeddedLog::open(&photographer.picture(index), options(1)).unwrap();
        let found = payloads(&read_all(&log).await);
        let found: Vec<u64> = found
            .iter()
            .map(|text| text.trim().parse().unwrap())
            .collect();
        assert_eq!(found, (0..found.len() as u64).collect::<Vec<_>>());
        // At most the one record that was on its way is there without having been acknowledged.
        let extra = found.len() as u64 - acknowledged;
        assert!(
            extra <= 1,
            "picture {index}: {} found, {acknowledged} acknowledged",
            found.len()
        );
        append(&log, record(0, "next")).await;
    }
}
