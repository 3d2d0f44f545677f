//! Damaged files, full disks and wrong folders: clear errors, no panic.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tempfile::TempDir;

use card_store::contract::{card, decision, offsets, ready};
use card_store::{CardStore, JournalRow, StoreError, WriteError};
use card_store_embedded::{EmbeddedStore, OpenError, Options};

fn options() -> Options {
    Options {
        segment_size_max: 2 << 20,
        compaction_threads: 1,
        ..Options::default()
    }
}

fn create(folder: &TempDir) -> EmbeddedStore {
    EmbeddedStore::create(folder.path(), &options()).unwrap()
}

fn open_error(folder: &Path) -> String {
    EmbeddedStore::open(folder, &options())
        .map(|_| "opened")
        .unwrap_err()
        .to_string()
}

fn checkpoint(store: &EmbeddedStore, next_offset: u64) {
    store
        .checkpoint(store.freeze(), &[offsets(0, next_offset)])
        .unwrap();
}

/// Flips one bit of a file.
fn damage(path: &Path, offset: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

#[test]
fn a_damaged_row_is_named_by_file_and_byte() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder);
    for version in 1..=3 {
        ready(store.write(decision(card(1), version))).unwrap();
    }
    checkpoint(&store, 3);
    drop(store);
    let segment = folder.path().join("journal/0001.seg");
    let row_size = 36 + "row 00010101010101010101010101010101 1".len() as u64;
    damage(&segment, 16 + row_size + 40); // In the content of the second row.

    let store = EmbeddedStore::open(folder.path(), &options()).unwrap();
    let newest = ready(store.rows_back(card(1), None, 1)).unwrap();
    assert_eq!(newest.len(), 1, "what is whole can be read");
    let error = ready(store.rows_back(card(1), None, 3)).unwrap_err();
    let expected = format!(
        "{} at byte {}: the checksum of the row is wrong (wanted card {} version 2)",
        segment.display(),
        16 + row_size,
        card(1)
    );
    assert_eq!(error, StoreError::Damaged(expected));
}

#[test]
fn segments_that_are_missing_short_or_foreign_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder);
    ready(store.write(decision(card(1), 1))).unwrap();
    checkpoint(&store, 1);
    drop(store);
    let segment = folder.path().join("journal/0001.seg");
    let content = std::fs::read(&segment).unwrap();

    std::fs::write(&segment, &content[..content.len() - 1]).unwrap();
    assert_eq!(
        open_error(folder.path()),
        format!(
            "card store holds damaged data: {} has {} bytes, the last checkpoint saw {}; restore \
             a backup",
            segment.display(),
            content.len() - 1,
            content.len()
        )
    );
    std::fs::write(&segment, vec![b'x'; content.len()]).unwrap();
    assert!(
        open_error(folder.path()).ends_with("0001.seg at byte 0: not the header of this segment")
    );
    std::fs::remove_file(&segment).unwrap();
    assert!(open_error(folder.path()).ends_with("0001.seg is missing; restore a backup"));

    std::fs::write(
        &segment,
        [&content[..], b"rows after the checkpoint"].concat(),
    )
    .unwrap();
    let store = EmbeddedStore::open(folder.path(), &options()).unwrap();
    assert_eq!(
        std::fs::read(&segment).unwrap(),
        content,
        "what was not checkpointed is cut"
    );
    assert_eq!(ready(store.rows_back(card(1), None, 9)).unwrap().len(), 1);
}

#[test]
fn a_full_disk_stops_writes_and_checkpoints_but_not_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder);
    ready(store.write(decision(card(1), 1))).unwrap();
    let segment = folder.path().join("journal/0001.seg");
    symlink("/dev/full", &segment).unwrap();

    let full = WriteError::Stopped(format!(
        "write {}: No space left on device (os error 28)",
        segment.display()
    ));
    let frozen = store.freeze();
    assert_eq!(
        store.checkpoint(frozen, &[offsets(0, 1)]),
        Err(full.clone())
    );
    assert_eq!(
        ready(store.write(decision(card(1), 2))),
        Err(full.clone()),
        "and stays stopped"
    );
    assert_eq!(store.checkpoint(store.freeze(), &[]), Err(full));
    let state = ready(store.load(card(1))).unwrap().unwrap();
    assert_eq!(state, decision(card(1), 1).state);
    assert_eq!(ready(store.rows_back(card(1), None, 9)).unwrap().len(), 1);

    drop(store);
    std::fs::remove_file(&segment).unwrap();
    let store = EmbeddedStore::open(folder.path(), &options()).unwrap();
    assert_eq!(
        ready(store.checkpoints()),
        Ok(vec![]),
        "nothing was promised"
    );
}

#[test]
fn writers_that_outrun_a_full_disk_stop_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder);
    symlink("/dev/full", folder.path().join("journal/0001.seg")).unwrap();
    let mut unit = decision(card(1), 1);
    unit.rows = vec![JournalRow {
        bytes: Bytes::from(vec![7; 100_000]),
        ..unit.rows[0].clone()
    }];
    let stopped = (0..10_000).find_map(|_| ready(store.write(unit.clone())).err());
    assert!(matches!(stopped, Some(WriteError::Stopped(text)) if text.contains("No space left")));
}

#[test]
fn wrong_folders_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cards");
    assert!(matches!(
        EmbeddedStore::open(&path, &options()),
        Err(OpenError::NotThere(_))
    ));
    assert!(!path.exists());
    let store = EmbeddedStore::create(&path, &options()).unwrap();
    assert!(matches!(
        EmbeddedStore::create(&path, &options()),
        Err(OpenError::AlreadyThere(_))
    ));
    assert_eq!(
        open_error(&path),
        "card store is unavailable: lsm tree: another process uses it; end that one first"
    );
    drop(store);

    std::fs::rename(path.join("lsm"), folder.path().join("lost")).unwrap();
    assert!(matches!(
        EmbeddedStore::open(&path, &options()),
        Err(OpenError::Incomplete(_))
    ));
    std::fs::create_dir(path.join("lsm")).unwrap();
    assert!(open_error(&path).ends_with("lsm is empty though the store exists; restore a backup"));

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = EmbeddedStore::create(&file, &options())
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("create {}", file.join("lsm").display())),
        "{error}"
    );
}

#[test]
fn options_out_of_range_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |options: Options| {
        EmbeddedStore::create(folder.path(), &options)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(Options {
            segment_size_max: 1 << 20,
            ..options()
        }),
        "card store options: segment_size_max is 1048576, set at least 1048592"
    );
    assert_eq!(
        refused(Options {
            compaction_threads: 0,
            ..options()
        }),
        "card store options: compaction_threads and checkpoint_batch_size must be at least 1"
    );
}

#[test]
fn many_threads_write_while_checkpoints_run() {
    const THREADS: u8 = 4;
    const VERSIONS: u32 = 4_000;
    let folder = tempfile::tempdir().unwrap();
    let store = create(&folder);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|number| {
                let store = &store;
                scope.spawn(move || {
                    for version in 1..=VERSIONS {
                        for card in [card(number), card(number + THREADS)] {
                            ready(store.write(decision(card, version))).unwrap();
                            let state = ready(store.load(card)).unwrap().unwrap();
                            assert_eq!(state.version.0, version, "the newest is never missing");
                        }
                    }
                })
            })
            .collect();
        let checkpoints = scope.spawn(|| {
            while !is_done.load(Ordering::Acquire) {
                checkpoint(&store, 1);
            }
        });
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        is_done.store(true, Ordering::Release);
        checkpoints.join().unwrap();
    });
    checkpoint(&store, 2);
    let stats = store.stats().unwrap();
    assert_eq!(stats.dirty_count, 0);
    assert!(
        stats.segment_count >= 2 && stats.journal_size > 2 << 20,
        "{stats:?}"
    );
    drop(store);

    let store = EmbeddedStore::open(folder.path(), &options()).unwrap();
    for number in 0..2 * THREADS {
        let rows = ready(store.rows_back(card(number), None, usize::MAX)).unwrap();
        assert_eq!(rows.len(), VERSIONS as usize, "rows of card {number}");
    }
}
