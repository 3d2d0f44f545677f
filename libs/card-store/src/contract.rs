//! What every adapter of the port must do, as code: call [`run`] from the adapter's tests.
//!
//! The cases panic with their name when a promise is broken. Adapters whose writes are durable at
//! once pass [`run_visible`] only. Crashes in the middle of a checkpoint, damaged files and speed
//! are the adapter's own tests.

mod cuts;
mod old_keys;

use std::future::Future;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::port::{CardStore, CardWrite, JournalRow, KeyRow, PartitionCheckpoint, StoredCard};
use card::{CardId, LegKey, PartitionId, Position, Version};

/// Where an adapter under test keeps its cards.
pub trait Place {
    /// The adapter.
    type Store: CardStore;

    /// Makes an empty store, apart from every other one.
    fn create(&self) -> Self::Store;

    /// Ends the process that used the store, without a farewell, and opens it again.
    fn crash(&self, store: Self::Store) -> Self::Store;
}

/// Runs a future that never waits. For adapters that do their work in place.
///
/// # Panics
/// When the future waits after all.
pub fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the store waits for something; run it on an executor"),
    }
}

/// Runs every case.
///
/// # Panics
/// When a promise is broken.
pub async fn run<P: Place>(place: &P) {
    run_visible(place).await;
    a_checkpoint_survives_a_crash(place).await;
    what_was_not_checkpointed_is_folded_again(place).await;
    a_frozen_set_without_checkpoint_joins_the_next(place).await;
    old_rows_and_keys_outlive_later_crashes(place).await;
    old_keys::run(place).await;
    cuts::run(place).await;
    offsets_move_partition_by_partition(place).await;
}

/// Runs the cases about what reads see before any crash.
///
/// # Panics
/// When a promise is broken.
pub async fn run_visible<P: Place>(place: &P) {
    an_empty_store_knows_nothing(place).await;
    a_write_is_visible_as_one_unit(place).await;
    rows_come_newest_first_and_in_pages(place).await;
    several_rows_in_one_write(place).await;
    old_keys::run_visible(place).await;
    cuts::run_visible(place).await;
    reads_see_the_newest_of_frozen_and_live(place).await;
    cards_are_listed_once(place).await;
    dirty_cards_are_counted_until_frozen(place).await;
}

/// A card of the tests.
#[must_use]
pub fn card(number: u8) -> CardId {
    CardId::new(1, [number; 14])
}

/// The unit of work of one decision, with content that tells card and version.
#[must_use]
pub fn decision(card: CardId, version: u32) -> CardWrite {
    decisions(card, version, version)
}

/// The unit of work of the decisions `first..=last` folded together.
#[must_use]
pub fn decisions(card: CardId, first: u32, last: u32) -> CardWrite {
    CardWrite {
        card,
        state: StoredCard {
            version: Version(last),
            position: Position {
                partition: PartitionId(3),
                offset: u64::from(last) * 10,
            },
            body: Bytes::from(format!("body {card} {last}").repeat(3)),
        },
        rows: (first..=last).map(|version| row(card, version)).collect(),
        keys: Vec::new(),
    }
}

/// The journal row that [`decision`] writes for this version.
#[must_use]
pub fn row(card: CardId, version: u32) -> JournalRow {
    JournalRow {
        version: Version(version),
        bytes: Bytes::from(format!("row {card} {version}")),
    }
}

/// A key row with content that tells key, offset and `text`.
#[must_use]
pub fn key_row(number: u8, offset: u64, text: &str) -> KeyRow {
    KeyRow {
        key: key(number),
        offset,
        bytes: Bytes::from(format!("{number} {offset} {text}")),
    }
}

/// The key of [`key_row`].
#[must_use]
pub fn key(number: u8) -> LegKey {
    LegKey([number; 12])
}

/// A checkpoint of a partition whose context tells its offset.
#[must_use]
pub fn offsets(partition: u16, next_offset: u64) -> PartitionCheckpoint {
    PartitionCheckpoint {
        partition: PartitionId(partition),
        next_offset,
        context: Bytes::from(format!("context {partition} {next_offset}")),
    }
}

async fn version_of(store: &impl CardStore, card: CardId) -> Option<u32> {
    store
        .load(card)
        .await
        .expect("load")
        .map(|state| state.version.0)
}

async fn versions_back(
    store: &impl CardStore,
    card: CardId,
    newest: Option<u32>,
    max: usize,
) -> Vec<u32> {
    let rows = store
        .rows_back(card, newest.map(Version), max)
        .await
        .expect("read rows");
    for found in &rows {
        assert_eq!(found, &row(card, found.version.0), "bytes of a row");
    }
    rows.into_iter().map(|row| row.version.0).collect()
}

async fn write(store: &impl CardStore, write: CardWrite) {
    store.write(write).await.expect("write");
}

fn checkpoint<S: CardStore>(store: &S, partitions: &[PartitionCheckpoint]) {
    let frozen = store.freeze();
    store.checkpoint(frozen, partitions).expect("checkpoint");
}

async fn an_empty_store_knows_nothing<P: Place>(place: &P) {
    let store = place.create();
    assert_eq!(store.load(card(1)).await, Ok(None));
    assert_eq!(store.find_key(card(1), key(1)).await, Ok(None));
    assert_eq!(store.find_offset(card(1), 0).await, Ok(None));
    assert_eq!(store.rows_back(card(1), None, 10).await, Ok(Vec::new()));
    assert_eq!(store.cards_after(None, 10).await, Ok(Vec::new()));
    assert_eq!(store.checkpoints().await, Ok(Vec::new()));
    assert_eq!(store.dirty_count(), 0);
}

async fn a_write_is_visible_as_one_unit<P: Place>(place: &P) {
    let store = place.create();
    let mut first = decision(card(1), 1);
    first.keys = vec![key_row(7, 70, "first"), key_row(8, 80, "first")];
    write(&store, first.clone()).await;
    assert_eq!(
        store.load(card(1)).await,
        Ok(Some(first.state)),
        "STORE-1: state"
    );
    assert_eq!(
        versions_back(&store, card(1), None, 10).await,
        [1],
        "STORE-1: row"
    );
    for (number, offset) in [(7, 70), (8, 80)] {
        let expected = Ok(Some(key_row(number, offset, "first").bytes));
        assert_eq!(
            store.find_key(card(1), key(number)).await,
            expected,
            "STORE-6: by key"
        );
        assert_eq!(
            store.find_offset(card(1), offset).await,
            expected,
            "STORE-6: by RRN"
        );
    }
    assert_eq!(store.load(card(2)).await, Ok(None), "another card");
    assert_eq!(
        store.find_key(card(2), key(7)).await,
        Ok(None),
        "another card's key"
    );
    assert_eq!(
        store.find_offset(card(2), 70).await,
        Ok(None),
        "another card's offset"
    );
}

async fn rows_come_newest_first_and_in_pages<P: Place>(place: &P) {
    let store = place.create();
    for version in 1..=9 {
        write(&store, decision(card(1), version)).await;
        write(&store, decision(card(2), version)).await;
        if version % 4 == 0 {
            checkpoint(&store, &[]);
        }
    }
    for (newest, max, expected) in [
        (None, 3, &[9, 8, 7][..]),
        (Some(6), 4, &[6, 5, 4, 3]),
        (Some(2), 10, &[2, 1]),
        (Some(1), 1, &[1]),
        (Some(9), 0, &[]),
        (Some(0), 5, &[]),
        (Some(99), 2, &[9, 8]), // There is nothing newer than the newest.
    ] {
        let found = versions_back(&store, card(1), newest, max).await;
        assert_eq!(found, expected, "{max} rows back from {newest:?}");
    }
}

async fn several_rows_in_one_write<P: Place>(place: &P) {
    let store = place.create();
    write(&store, decision(card(1), 1)).await;
    write(&store, decisions(card(1), 2, 6)).await;
    write(&store, decision(card(1), 7)).await;
    assert_eq!(version_of(&store, card(1)).await, Some(7));
    assert_eq!(
        versions_back(&store, card(1), None, 10).await,
        [7, 6, 5, 4, 3, 2, 1]
    );
    assert_eq!(versions_back(&store, card(1), Some(4), 2).await, [4, 3]);
}

async fn reads_see_the_newest_of_frozen_and_live<P: Place>(place: &P) {
    let store = place.create();
    write(&store, decision(card(1), 1)).await;
    write(&store, decision(card(2), 1)).await;
    let frozen = store.freeze();
    assert_eq!(
        version_of(&store, card(1)).await,
        Some(1),
        "frozen, not yet checkpointed"
    );
    write(&store, decision(card(1), 2)).await;
    assert_eq!(
        version_of(&store, card(1)).await,
        Some(2),
        "live over frozen"
    );
    assert_eq!(
        version_of(&store, card(2)).await,
        Some(1),
        "frozen beside live"
    );
    assert_eq!(versions_back(&store, card(1), None, 9).await, [2, 1]);
    store
        .checkpoint(frozen, &[offsets(3, 11)])
        .expect("checkpoint");
    assert_eq!(
        version_of(&store, card(1)).await,
        Some(2),
        "live over the checkpoint"
    );
    assert_eq!(
        version_of(&store, card(2)).await,
        Some(1),
        "from the checkpoint"
    );
    write(&store, decision(card(2), 2)).await;
    assert_eq!(
        versions_back(&store, card(2), None, 9).await,
        [2, 1],
        "rows across a checkpoint"
    );
}

async fn cards_are_listed_once<P: Place>(place: &P) {
    let store = place.create();
    for number in [9, 3, 5] {
        write(&store, decision(card(number), 1)).await;
    }
    checkpoint(&store, &[]);
    for number in [4, 5, 1] {
        write(&store, decision(card(number), 2)).await;
    }
    let frozen = store.freeze();
    for number in [2, 1, 9] {
        write(&store, decision(card(number), 3)).await;
    }
    let all = [1, 2, 3, 4, 5, 9].map(card);
    let listed = store.cards_after(None, 100).await.expect("list cards");
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, all, "each once");
    for size in 1..=7 {
        assert_eq!(pages(&store, size).await, listed, "in pages of {size}");
    }
    store.checkpoint(frozen, &[]).expect("checkpoint");
    assert_eq!(pages(&store, 2).await, listed, "after the checkpoint");
}

async fn pages(store: &impl CardStore, size: usize) -> Vec<CardId> {
    let mut all = Vec::new();
    loop {
        let page = store
            .cards_after(all.last().copied(), size)
            .await
            .expect("list cards");
        assert!(page.len() <= size, "a page is not longer than asked for");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

async fn dirty_cards_are_counted_until_frozen<P: Place>(place: &P) {
    let store = place.create();
    for version in 1..=3 {
        write(&store, decision(card(1), version)).await;
    }
    write(&store, decision(card(2), 1)).await;
    assert_eq!(store.dirty_count(), 2, "cards, not writes");
    let frozen = store.freeze();
    assert_eq!(store.dirty_count(), 0, "frozen");
    write(&store, decision(card(1), 4)).await;
    assert_eq!(store.dirty_count(), 1, "again");
    store.checkpoint(frozen, &[]).expect("checkpoint");
    assert_eq!(store.dirty_count(), 1, "the checkpoint was not about it");
}

async fn a_checkpoint_survives_a_crash<P: Place>(place: &P) {
    let store = place.create();
    let mut unit = decision(card(1), 1);
    unit.keys = vec![key_row(7, 70, "kept")];
    write(&store, unit.clone()).await;
    write(&store, decisions(card(2), 1, 3)).await;
    checkpoint(&store, &[offsets(0, 5), offsets(3, 31)]);

    let store = place.crash(store);
    assert_eq!(
        store.checkpoints().await,
        Ok(vec![offsets(0, 5), offsets(3, 31)])
    );
    assert_eq!(store.load(card(1)).await, Ok(Some(unit.state)));
    assert_eq!(version_of(&store, card(2)).await, Some(3));
    assert_eq!(versions_back(&store, card(2), None, 9).await, [3, 2, 1]);
    let kept = Ok(Some(key_row(7, 70, "kept").bytes));
    assert_eq!(store.find_key(card(1), key(7)).await, kept);
    assert_eq!(store.find_offset(card(1), 70).await, kept);
    assert_eq!(pages(&store, 9).await.len(), 2);
    assert_eq!(store.dirty_count(), 0);
}

async fn what_was_not_checkpointed_is_folded_again<P: Place>(place: &P) {
    let store = place.create();
    write(&store, decision(card(1), 1)).await;
    let frozen = store.freeze();
    let mut unit = decisions(card(1), 2, 4);
    unit.keys = vec![key_row(7, 70, "late")];
    write(&store, unit.clone()).await;
    write(&store, decision(card(2), 1)).await;
    store
        .checkpoint(frozen, &[offsets(3, 11)])
        .expect("checkpoint");

    let store = place.crash(store);
    assert_eq!(
        version_of(&store, card(1)).await,
        Some(1),
        "the frozen state, not a later one"
    );
    assert_eq!(versions_back(&store, card(1), None, 9).await, [1]);
    assert_eq!(store.find_key(card(1), key(7)).await, Ok(None));
    assert_eq!(version_of(&store, card(2)).await, None);
    assert_eq!(store.checkpoints().await, Ok(vec![offsets(3, 11)]));

    // The log has the rest: the same decisions come again.
    write(&store, unit).await;
    write(&store, decision(card(2), 1)).await;
    assert_eq!(versions_back(&store, card(1), None, 9).await, [4, 3, 2, 1]);
    checkpoint(&store, &[offsets(3, 41)]);
    let store = place.crash(store);
    assert_eq!(versions_back(&store, card(1), None, 9).await, [4, 3, 2, 1]);
    assert_eq!(versions_back(&store, card(2), None, 9).await, [1]);
}

async fn a_frozen_set_without_checkpoint_joins_the_next<P: Place>(place: &P) {
    let store = place.create();
    let mut unit = decision(card(1), 1);
    unit.keys = vec![key_row(7, 70, "old"), key_row(8, 80, "old")];
    write(&store, unit).await;
    write(&store, decision(card(2), 1)).await;
    drop(store.freeze());
    let mut unit = decision(card(1), 2);
    unit.keys = vec![key_row(7, 70, "new")];
    write(&store, unit).await;
    assert_eq!(version_of(&store, card(2)).await, Some(1), "still readable");
    checkpoint(&store, &[offsets(3, 21)]);

    let store = place.crash(store);
    assert_eq!(
        version_of(&store, card(1)).await,
        Some(2),
        "the newer of two frozen states"
    );
    assert_eq!(
        version_of(&store, card(2)).await,
        Some(1),
        "only in the older set"
    );
    let (new, old) = (key_row(7, 70, "new").bytes, key_row(8, 80, "old").bytes);
    assert_eq!(store.find_key(card(1), key(7)).await, Ok(Some(new)));
    assert_eq!(store.find_key(card(1), key(8)).await, Ok(Some(old)));
}

async fn old_rows_and_keys_outlive_later_crashes<P: Place>(place: &P) {
    let mut store = place.create();
    for version in 1..=6 {
        let number = u8::try_from(version).expect("a small number");
        let mut unit = decision(card(1), version);
        unit.keys = vec![key_row(number, u64::from(version), "kept")];
        write(&store, unit).await;
        checkpoint(&store, &[offsets(3, u64::from(version) * 10 + 1)]);
        write(&store, decision(card(1), version + 1)).await; // Lost, and comes again.
        store = place.crash(store);
    }
    assert_eq!(
        versions_back(&store, card(1), None, 9).await,
        [6, 5, 4, 3, 2, 1]
    );
    for number in 1..=6 {
        let kept = Ok(Some(key_row(number, u64::from(number), "kept").bytes));
        assert_eq!(store.find_key(card(1), key(number)).await, kept);
        assert_eq!(store.find_offset(card(1), u64::from(number)).await, kept);
    }
}

async fn offsets_move_partition_by_partition<P: Place>(place: &P) {
    let store = place.create();
    checkpoint(&store, &[offsets(2, 5), offsets(300, 7)]);
    checkpoint(&store, &[offsets(2, 6)]);
    let expected = Ok(vec![offsets(2, 6), offsets(300, 7)]);
    assert_eq!(
        store.checkpoints().await,
        expected,
        "in the order of the partitions"
    );
    let store = place.crash(store);
    assert_eq!(store.checkpoints().await, expected);
}
