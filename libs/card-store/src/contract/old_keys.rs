//! Cases about old keys: found by either name, listed by both.

use super::{Place, card, checkpoint, decision, key, key_row, write};
use crate::port::{CardStore, CardWrite, KeyName, KeyRow, NamedKey};
use card::CardId;

pub(super) async fn run<P: Place>(place: &P) {
    listed_keys_outlive_a_crash(place).await;
}

pub(super) async fn run_visible<P: Place>(place: &P) {
    a_later_key_row_replaces(place).await;
    old_keys_are_listed_by_both_names(place).await;
    keys_are_listed_over_all_layers(place).await;
}

async fn a_later_key_row_replaces<P: Place>(place: &P) {
    let store = place.create();
    let mut unit = decision(card(1), 1);
    unit.keys = vec![key_row(7, 70, "whole")];
    write(&store, unit).await;
    checkpoint(&store, &[]);
    for (version, text) in [(2, "half"), (3, "none")] {
        let mut unit = decision(card(1), version);
        unit.keys = vec![key_row(7, 70, text)];
        write(&store, unit).await;
        let expected = Ok(Some(key_row(7, 70, text).bytes));
        assert_eq!(store.find_key(card(1), key(7)).await, expected);
        assert_eq!(store.find_offset(card(1), 70).await, expected);
    }
    // A terminal came round to the same trace number: the key names the younger transaction, the
    // RRNs still name both.
    let mut unit = decision(card(1), 4);
    unit.keys = vec![key_row(7, 71, "young")];
    write(&store, unit).await;
    let (old, young) = (key_row(7, 70, "none").bytes, key_row(7, 71, "young").bytes);
    assert_eq!(
        store.find_key(card(1), key(7)).await,
        Ok(Some(young.clone()))
    );
    assert_eq!(store.find_offset(card(1), 71).await, Ok(Some(young)));
    assert_eq!(store.find_offset(card(1), 70).await, Ok(Some(old)));
}

/// The unit of work of one decision that lets these keys go.
fn letting_go(card: CardId, version: u32, keys: &[KeyRow]) -> CardWrite {
    CardWrite {
        keys: keys.to_vec(),
        ..decision(card, version)
    }
}

/// What is found under the names of these rows.
fn by_key(row: &KeyRow) -> NamedKey {
    NamedKey {
        name: KeyName::Key(row.key),
        bytes: row.bytes.clone(),
    }
}

fn by_offset(row: &KeyRow) -> NamedKey {
    NamedKey {
        name: KeyName::Offset(row.offset),
        bytes: row.bytes.clone(),
    }
}

/// All of them, read in pages of every size.
async fn check_listed(store: &impl CardStore, card: CardId, expected: &[NamedKey]) {
    for size in 1..=expected.len() + 1 {
        let mut listed: Vec<NamedKey> = Vec::new();
        loop {
            let after = listed.last().map(|found| found.name);
            let page = store.keys_after(card, after, size).await.expect("list");
            assert!(page.len() <= size, "a page is not longer than asked for");
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert_eq!(listed, expected, "STORE-6: in pages of {size}");
    }
    let none = store.keys_after(card, None, 0).await;
    assert_eq!(none, Ok(Vec::new()), "a page of none");
}

async fn old_keys_are_listed_by_both_names<P: Place>(place: &P) {
    let store = place.create();
    check_listed(&store, card(1), &[]).await;
    let (old, young) = (key_row(7, 70, "old"), key_row(7, 71, "young"));
    // A reversal that came first leaves two keys of one record.
    let (noted, own) = (key_row(3, 300, "noted"), key_row(9, 300, "own"));
    let high = key_row(u8::MAX, u64::MAX, "high");
    write(&store, letting_go(card(1), 1, &[high.clone(), old.clone()])).await;
    let keys = [noted.clone(), own.clone(), young.clone()];
    write(&store, letting_go(card(1), 2, &keys)).await;
    write(&store, letting_go(card(2), 1, &[key_row(5, 50, "other")])).await;
    let expected = [
        by_key(&noted),
        by_key(&young),
        by_key(&own),
        by_key(&high),
        by_offset(&old),
        by_offset(&young),
        by_offset(&own),
        by_offset(&high),
    ];
    check_listed(&store, card(1), &expected).await;
    check_listed(&store, card(3), &[]).await;
}

async fn keys_are_listed_over_all_layers<P: Place>(place: &P) {
    let store = place.create();
    let texts = |text| [1, 2, 3, 4].map(|number| key_row(number, u64::from(number), text));
    let [bottom, frozen, live] = ["bottom", "frozen", "live"].map(texts);
    write(&store, letting_go(card(1), 1, &bottom)).await;
    checkpoint(&store, &[]);
    write(&store, letting_go(card(1), 2, &frozen[1..])).await;
    let set_aside = store.freeze();
    write(&store, letting_go(card(1), 3, &live[2..3])).await;
    let newest = [&bottom[0], &frozen[1], &live[2], &frozen[3]];
    let names = newest.map(by_key).into_iter();
    let expected: Vec<NamedKey> = names.chain(newest.map(by_offset)).collect();
    check_listed(&store, card(1), &expected).await;
    store.checkpoint(set_aside, &[]).expect("checkpoint");
    check_listed(&store, card(1), &expected).await;
    checkpoint(&store, &[]);
    check_listed(&store, card(1), &expected).await;
}

async fn listed_keys_outlive_a_crash<P: Place>(place: &P) {
    let store = place.create();
    let (kept, lost) = (key_row(7, 70, "kept"), key_row(8, 80, "lost"));
    write(&store, letting_go(card(1), 1, std::slice::from_ref(&kept))).await;
    checkpoint(&store, &[]);
    write(&store, letting_go(card(1), 2, &[lost])).await;
    let store = place.crash(store);
    check_listed(&store, card(1), &[by_key(&kept), by_offset(&kept)]).await;
}
