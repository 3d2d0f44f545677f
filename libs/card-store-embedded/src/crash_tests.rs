//! Copies of the folder taken in the middle of a checkpoint, and checkpoints that fail there.

use std::cell::{Cell, RefCell};
use std::path::Path;

use tempfile::TempDir;

use crate::checkpoint::Step;
use crate::{EmbeddedStore, Options};
use card_store::contract::{card, decision, decisions, key, key_row, offsets, ready};
use card_store::{CardStore, WriteError};

const CARDS: u8 = 9;

fn options() -> Options {
    // A batch of one or two cards, so that there are moments between batches.
    Options {
        checkpoint_batch_size: 200,
        compaction_threads: 1,
        ..Options::default()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (source, target) = {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            (path, target)
        };
        if source.is_dir() {
            copy_folder(&source, &target);
        } else {
            std::fs::copy(&source, &target).unwrap();
        }
    }
}

fn snapshot(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(folder, copy.path());
    copy
}

fn version_of(store: &EmbeddedStore, number: u8) -> u32 {
    ready(store.load(card(number)))
        .unwrap()
        .map_or(0, |state| state.version.0)
}

/// Folds the log again from the offsets: every card up to `last`, skipping what it has applied.
fn fold_up_to(store: &EmbeddedStore, last: u32) {
    for number in 0..CARDS {
        for version in version_of(store, number) + 1..=last {
            ready(store.write(decision(card(number), version))).unwrap();
        }
    }
}

fn assert_whole(store: &EmbeddedStore, at: &str) {
    for number in 0..CARDS {
        let version = version_of(store, number);
        let rows = ready(store.rows_back(card(number), None, usize::MAX)).unwrap();
        let found: Vec<_> = rows.iter().map(|row| row.version.0).collect();
        let expected: Vec<_> = (1..=version).rev().collect();
        assert_eq!(found, expected, "{at}: rows of card {number}");
    }
}

/// A store with versions 1 and 2 of every card on disk, and 3 to 5 frozen, 6 live.
fn prepared(folder: &Path) -> (EmbeddedStore, crate::Frozen) {
    let store = EmbeddedStore::create(folder, &options()).unwrap();
    fold_up_to(&store, 2);
    store.checkpoint(store.freeze(), &[offsets(0, 2)]).unwrap();
    for number in 0..CARDS {
        let mut unit = decisions(card(number), 3, 5);
        unit.keys = vec![key_row(1, 30, "evicted")];
        ready(store.write(unit)).unwrap();
    }
    let frozen = store.freeze();
    fold_up_to(&store, 6);
    (store, frozen)
}

#[test]
fn every_moment_of_a_checkpoint_can_be_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let (store, frozen) = prepared(folder.path());
    let moments = RefCell::new(vec![("before".to_owned(), snapshot(folder.path()))]);
    store
        .checkpoint_with(&frozen, &[offsets(0, 5)], &|step| {
            let mut moments = moments.borrow_mut();
            let name = format!("moment {}, {step:?}", moments.len());
            moments.push((name, snapshot(folder.path())));
            Ok(())
        })
        .unwrap();
    moments
        .borrow_mut()
        .push(("after".to_owned(), snapshot(folder.path())));
    let moments = moments.into_inner();
    assert!(moments.len() > 6, "several batches");
    for (at, copy) in moments {
        check_moment(&at, copy.path());
    }
}

fn check_moment(at: &str, folder: &Path) {
    let store = EmbeddedStore::open(folder, &options()).unwrap();
    let partitions = ready(store.checkpoints()).unwrap();
    let is_done = partitions == [offsets(0, 5)];
    assert!(
        is_done || partitions == [offsets(0, 2)],
        "{at}: one set of offsets, {partitions:?}"
    );
    for number in 0..CARDS {
        let version = version_of(&store, number);
        let is_behind = is_done && version != 5;
        assert!(
            !is_behind,
            "{at}: offsets ahead of card {number} at version {version}"
        );
        assert!(
            [2, 5].contains(&version),
            "{at}: card {number} at version {version}"
        );
        let evicted = ready(store.find_key(card(number), key(1))).unwrap();
        assert_eq!(
            evicted.is_some(),
            version == 5,
            "{at}: STORE-1: state and keys together"
        );
        assert_eq!(
            ready(store.find_offset(card(number), 30)).unwrap(),
            evicted,
            "{at}"
        );
    }
    assert_whole(&store, at);

    fold_up_to(&store, 8);
    assert_whole(&store, at);
    store.checkpoint(store.freeze(), &[offsets(0, 8)]).unwrap();
    drop(store);
    let store = EmbeddedStore::open(folder, &options()).unwrap();
    assert_eq!(ready(store.checkpoints()).unwrap(), [offsets(0, 8)], "{at}");
    for number in 0..CARDS {
        assert_eq!(version_of(&store, number), 8, "{at}");
    }
    assert_whole(&store, at);
}

#[test]
fn a_checkpoint_that_failed_anywhere_is_part_of_the_next() {
    for fail_at in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let (store, frozen) = prepared(folder.path());
        let at = format!("failed at step {fail_at}");
        let count = Cell::new(0);
        let failed = store.checkpoint_with(&frozen, &[offsets(0, 5)], &|_| {
            count.set(count.get() + 1);
            let is_now = count.get() > fail_at;
            if is_now {
                Err(WriteError::Stopped("by the test".to_owned()))
            } else {
                Ok(())
            }
        });
        if failed.is_ok() {
            assert!(fail_at > 4, "{at}");
            return;
        }
        for number in 0..CARDS {
            assert_eq!(version_of(&store, number), 6, "{at}");
            let evicted = ready(store.find_offset(card(number), 30)).unwrap();
            assert_eq!(evicted, Some(key_row(1, 30, "evicted").bytes), "{at}");
        }
        assert_whole(&store, &at);
        store.checkpoint(store.freeze(), &[offsets(0, 6)]).unwrap();
        assert_eq!(
            store.waiting_count(),
            0,
            "{at}: nothing waits in memory any more"
        );
        drop(store);
        let store = EmbeddedStore::open(folder.path(), &options()).unwrap();
        for number in 0..CARDS {
            assert_eq!(
                version_of(&store, number),
                6,
                "{at}: after the next checkpoint"
            );
            assert!(
                ready(store.find_key(card(number), key(1)))
                    .unwrap()
                    .is_some(),
                "{at}"
            );
        }
        assert_whole(&store, &at);
    }
    panic!("the hook was never passed");
}

#[test]
fn steps_come_in_the_order_that_makes_crashes_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let (store, frozen) = prepared(folder.path());
    let steps = RefCell::new(Vec::new());
    let record = |step| {
        steps.borrow_mut().push(step);
        Ok(())
    };
    store.checkpoint_with(&frozen, &[], &record).unwrap();
    let steps = steps.into_inner();
    assert_eq!(steps.first(), Some(&Step::JournalSynced));
    assert_eq!(steps.last(), Some(&Step::Committed));
    assert!(
        steps[1..steps.len() - 1]
            .iter()
            .all(|step| *step == Step::BatchCommitted)
    );
}
