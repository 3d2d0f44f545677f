//! Cards between owners, and cards that somebody changed by hand.

use crate::support::{ByHand, fresh_card, fresh_partition, session, settings, store_at};
use card::Version;
use card_store::contract::{decision, decisions, key, key_row};
use card_store::{CardStore, CardWrite, StoreError, StoredCard, WriteError};
use card_store_scylla::{AssignedStore, Epoch, ScyllaReader, Stamp, Term};

async fn version_of(store: &impl CardStore, card: card::CardId) -> Option<u32> {
    let state: Option<StoredCard> = store.load(card).await.unwrap();
    state.map(|state| state.version.0)
}

async fn versions_of(store: &impl CardStore, card: card::CardId) -> Vec<u32> {
    let rows = store.rows_back(card, None, 99).await.unwrap();
    rows.into_iter().map(|row| row.version.0).collect()
}

/// An owner and the one that came after it.
async fn two_owners() -> (AssignedStore, AssignedStore) {
    let (session, partition) = (session().await, fresh_partition());
    let old = store_at(&session, partition, 1).await;
    (old, store_at(&session, partition, 2).await)
}

/// STORE-4: whatever arrives late, the newer owner's state stays; rows of both are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_write_of_an_earlier_owner_loses() {
    let (old, new) = two_owners().await;
    let card = fresh_card();
    old.write(decision(card, 1)).await.unwrap();
    assert_eq!(version_of(&new, card).await, Some(1));
    new.write(decisions(card, 2, 3)).await.unwrap();
    // The old owner folded further, and the store tells it that its writes are done.
    for version in 2..=6 {
        old.write(decision(card, version)).await.unwrap();
    }
    assert_eq!(new.load(card).await, Ok(Some(decisions(card, 2, 3).state)));
    new.write(decision(card, 4)).await.unwrap();
    assert_eq!(version_of(&new, card).await, Some(4));
    // Its rows equal those that the new owner is going to write, since both fold the same log.
    assert_eq!(versions_of(&new, card).await, [6, 5, 4, 3, 2, 1]);
    for version in 5..=6 {
        new.write(decision(card, version)).await.unwrap();
    }
    let rows = new.rows_back(card, None, 9).await.unwrap();
    for row in rows {
        assert_eq!(row, card_store::contract::row(card, row.version.0));
    }
}

/// STORE-3: the same write again, in any order with a later one, changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_or_overtaken_write_changes_nothing() {
    let store = store_at(&session().await, fresh_partition(), 1).await;
    let card = fresh_card();
    let mut first = decision(card, 1);
    first.keys = vec![key_row(7, 70, "whole")];
    let mut second = decision(card, 2);
    second.keys = vec![key_row(7, 70, "half")];
    for write in [&first, &first, &second, &first, &second, &first] {
        store.write(write.clone()).await.unwrap();
    }
    assert_eq!(store.load(card).await, Ok(Some(second.state)));
    assert_eq!(versions_of(&store, card).await, [2, 1]);
    let half = Ok(Some(key_row(7, 70, "half").bytes));
    assert_eq!(store.find_key(card, key(7)).await, half);
    assert_eq!(store.find_offset(card, 70).await, half);
}

/// Of two rows of one key in one write the later one stays, though both have one stamp.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_later_of_two_key_rows_in_one_write_stays() {
    let store = store_at(&session().await, fresh_partition(), 1).await;
    let card = fresh_card();
    for (version, texts) in [(1, ["a", "z"]), (2, ["z", "a"])] {
        let mut write = decision(card, version);
        write.keys = texts.map(|text| key_row(7, 70, text)).to_vec();
        store.write(write).await.unwrap();
        let last = Ok(Some(key_row(7, 70, texts[1]).bytes));
        assert_eq!(store.find_key(card, key(7)).await, last);
        assert_eq!(store.find_offset(card, 70).await, last);
    }
}

/// STORE-5: what an earlier owner left is ours, with the rows it carries, before the card works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_takes_over_the_state_and_its_rows() {
    let (old, new) = two_owners().await;
    let (card, by_hand) = (fresh_card(), ByHand::new(&settings().await).await);
    let mut last = decisions(card, 2, 4);
    last.keys = vec![key_row(7, 70, "old")];
    old.write(decision(card, 1)).await.unwrap();
    old.write(last.clone()).await.unwrap();
    // Its rows are lost, as on a copy that only the state had reached.
    let stamp = Stamp::new(Term::FIRST, Epoch(1), 4).unwrap().as_micros();
    for (kind, key) in [
        (1, "00000003"),
        (1, "00000004"),
        (2, &"07".repeat(12)),
        (3, "0000000000000046"),
    ] {
        let row = format!("DELETE FROM {{keyspace}}.cards USING TIMESTAMP {stamp}");
        by_hand
            .run(
                &format!("{row} WHERE card = {{card}} AND kind = {kind} AND key = 0x{key}"),
                card,
            )
            .await;
    }
    assert_eq!(versions_of(&new, card).await, [2, 1]);

    assert_eq!(new.load(card).await, Ok(Some(last.state.clone())));
    assert_eq!(versions_of(&new, card).await, [4, 3, 2, 1]);
    let old_key = Ok(Some(key_row(7, 70, "old").bytes));
    assert_eq!(new.find_key(card, key(7)).await, old_key);
    assert_eq!(new.find_offset(card, 70).await, old_key);
    // From here on the old owner cannot change the state, and notices at its next load.
    old.write(decision(card, 5)).await.unwrap();
    assert_eq!(new.load(card).await, Ok(Some(last.state)));
    assert!(matches!(
        old.load(card).await,
        Err(StoreError::Unavailable(_))
    ));
}

/// An owner that meets a newer one's card has been superseded, whatever it believes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zombie_ends_at_its_next_load() {
    let (old, new) = two_owners().await;
    let card = fresh_card();
    new.write(decision(card, 1)).await.unwrap();
    assert!(!old.ended().is_ended());
    let refused = old.load(card).await.unwrap_err();
    assert!(
        refused.to_string().contains("superseded by 1.2"),
        "{refused}"
    );
    old.ended().ended().await;
    assert!(matches!(
        old.write(decision(card, 2)).await,
        Err(WriteError::Stopped(_))
    ));
    assert!(
        matches!(old.checkpoint(old.freeze(), &[]), Ok(())),
        "there is nothing to write"
    );
    assert_eq!(version_of(&new, card).await, Some(1));
}

/// STORE-5: a state that somebody changed stops its card, whatever they changed, and only that one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_changed_by_hand_is_damaged() {
    let (old, new) = two_owners().await;
    let by_hand = ByHand::new(&settings().await).await;
    let reader = ScyllaReader::new(session().await);
    let other = fresh_card();
    old.write(decision(other, 1)).await.unwrap();
    let cases = [
        (
            "UPDATE {keyspace}.cards SET state = 0xf501 WHERE card = {card}",
            "damaged",
        ),
        (
            "DELETE state FROM {keyspace}.cards WHERE card = {card}",
            "deleted by hand",
        ),
        (
            "DELETE FROM {keyspace}.cards WHERE card = {card} AND kind = 1",
            "deleted by hand",
        ),
    ];
    for (statement, expected) in cases {
        let card = fresh_card();
        new.write(decision(card, 1)).await.unwrap();
        by_hand.run(statement, card).await;
        let error = new.load(card).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged(_)) && error.to_string().contains(expected),
            "{error}"
        );
    }
    // The very same bytes, but not written by the switch.
    let card = fresh_card();
    for store in [&old, &new] {
        store.write(decision(card, 1)).await.unwrap();
    }
    let state = by_hand.state(card).await;
    by_hand
        .run(
            &format!("UPDATE {{keyspace}}.cards SET state = 0x{state} WHERE card = {{card}}"),
            card,
        )
        .await;
    for error in [new.load(card).await, reader.load(card).await].map(Result::unwrap_err) {
        assert!(error.to_string().contains("written by hand"), "{error}");
    }
    assert_eq!(version_of(&new, other).await, Some(1), "another card works");
    assert_eq!(version_of(&reader, other).await, Some(1));
}

/// A state of another card, copied with its stamp.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_of_another_card_is_damaged() {
    let store = store_at(&session().await, fresh_partition(), 1).await;
    let (rich, poor) = (fresh_card(), fresh_card());
    store.write(decision(poor, 1)).await.unwrap();
    store.write(decisions(rich, 1, 2)).await.unwrap();
    let by_hand = ByHand::new(&settings().await).await;
    let state = by_hand.state(rich).await;
    let stamp = Stamp::new(Term::FIRST, Epoch(1), 2).unwrap().as_micros();
    let cql = format!(
        "UPDATE {{keyspace}}.cards USING TIMESTAMP {stamp} SET state = 0x{state} WHERE card = {{card}}"
    );
    by_hand.run(&cql, poor).await;
    let error = store.load(poor).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
}

/// What can never be kept is refused before anything is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impossible_writes_stop() {
    let store = store_at(&session().await, fresh_partition(), 1).await;
    let card = fresh_card();
    let mut too_late = decision(card, 1);
    too_late.state.version = Version(1 << 28);
    let without_row = CardWrite {
        rows: Vec::new(),
        ..decision(card, 1)
    };
    for write in [too_late, without_row] {
        assert!(matches!(
            store.write(write).await,
            Err(WriteError::Stopped(_))
        ));
    }
    assert_eq!(store.load(card).await, Ok(None));
    assert_eq!(store.dirty_count(), 0);
}

/// The reader sees everything and changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_only_reads() {
    let session = session().await;
    let store = store_at(&session, fresh_partition(), 4).await;
    let reader = ScyllaReader::new(session);
    let card = fresh_card();
    let mut write = decision(card, 1);
    write.keys = vec![key_row(7, 70, "old")];
    store.write(write.clone()).await.unwrap();
    assert_eq!(reader.load(card).await, Ok(Some(write.state)));
    assert_eq!(versions_of(&reader, card).await, [1]);
    let old_key = Ok(Some(key_row(7, 70, "old").bytes));
    assert_eq!(reader.find_key(card, key(7)).await, old_key);
    assert_eq!(reader.find_offset(card, 70).await, old_key);
    assert!(matches!(
        reader.write(decision(card, 2)).await,
        Err(WriteError::Stopped(_))
    ));
    assert!(matches!(
        reader.checkpoint((), &[]),
        Err(WriteError::Stopped(_))
    ));
    assert_eq!(version_of(&store, card).await, Some(1));
}
