//! Old keys in an order that leads to what they lead to now.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use crate::transfer::copy::in_write_order;
use card::{Counterparty, Day, Entry, Fingerprint, Kind, LegKey, Outcome, Step, Version};
use card_store::{KeyName, KeyRow, NamedKey};
use money::Amount;

fn entry(key: u8, offset: u64, remainder: u64) -> Entry {
    let fen = |minor| Amount::from_minor(minor).unwrap();
    Entry {
        key: LegKey([key; 12]),
        fingerprint: Fingerprint(offset),
        offset,
        version: Version(u32::try_from(offset).unwrap()),
        at_seconds: 0,
        day: Day(1),
        kind: Kind::Purchase,
        outcome: Outcome::Approved,
        step: Step::Open,
        counterparty: Counterparty::Merchant,
        amount: fen(100),
        settled: fen(100),
        remainder: fen(remainder),
        fee: fen(0),
        short: fen(0),
        link: Version(0),
        merchant: 0,
    }
}

fn row(entry: &Entry) -> KeyRow {
    KeyRow {
        key: entry.key,
        offset: entry.offset,
        bytes: Bytes::from(entry.to_bytes()),
    }
}

/// What a store finds once these rows were written, one after the other.
fn names(rows: &[KeyRow]) -> Vec<NamedKey> {
    let mut names = BTreeMap::new();
    for row in rows {
        names.insert(KeyName::Key(row.key), row.bytes.clone());
        names.insert(KeyName::Offset(row.offset), row.bytes.clone());
    }
    let names = names.into_iter();
    names
        .map(|(name, bytes)| NamedKey { name, bytes })
        .collect()
}

fn check(entries: &[Entry]) {
    let rows: Vec<KeyRow> = entries.iter().map(row).collect();
    let found = names(&rows);
    let ordered = in_write_order(&found).unwrap();
    assert_eq!(names(&ordered), found);
    assert!(ordered.len() <= rows.len(), "nothing is invented");
}

#[test]
fn each_name_leads_where_it_led() {
    check(&[]);
    check(&[entry(1, 10, 0), entry(2, 11, 0)]);
    // What is left of a sale shrank.
    check(&[entry(1, 10, 100), entry(1, 10, 40)]);
    // A trace number came round again.
    check(&[entry(1, 10, 0), entry(1, 20, 0), entry(1, 30, 0)]);
    // A reversal came first: two keys of one record.
    check(&[entry(1, 10, 0), entry(2, 10, 0)]);
    check(&[entry(2, 10, 0), entry(1, 10, 0)]);
    // Both, and the reversal's own trace number came round as well.
    check(&[
        entry(1, 5, 0),
        entry(1, 10, 0),
        entry(2, 10, 0),
        entry(2, 20, 0),
    ]);
}

#[test]
fn what_was_filed_wrongly_is_told() {
    let refused = |found: &[NamedKey]| in_write_order(found).unwrap_err();
    let mut found = names(&[row(&entry(1, 10, 0))]);
    found.truncate(1);
    assert_eq!(refused(&found), "an old key is filed under another name");
    let mut found = names(&[row(&entry(1, 10, 0))]);
    found[1].name = KeyName::Offset(11);
    assert_eq!(refused(&found), "an old key is filed under another name");
    found[0].name = KeyName::Key(LegKey([2; 12]));
    assert_eq!(refused(&found), "an old key is filed under another name");
    let found = names(&[row(&entry(1, 10, 0))]);
    assert_eq!(refused(&found[1..]), "old keys contradict each other");
    let mut found = names(&[row(&entry(1, 10, 0))]);
    found[0].bytes = Bytes::from_static(b"x");
    assert!(refused(&found).starts_with("old key: "));
}

proptest! {
    /// As rings let keys go: a record leaves one or two keys, a later one may take over a key, and
    /// what is left of an old one may shrink while its key is still its own.
    #[test]
    fn any_past_is_told_again(steps in proptest::collection::vec((0u8..4, 0u8..6, 0u64..100), 0..60)) {
        let mut rows: Vec<Entry> = Vec::new();
        for (offset, (kind, key, remainder)) in (1..).zip(steps) {
            match (kind, rows.iter().rev().find(|row| row.key == LegKey([key; 12]))) {
                (0, Some(holder)) => rows.push(entry(key, holder.offset, remainder)),
                (1, _) => {
                    rows.push(entry(key, offset, remainder));
                    rows.push(entry(key + 100, offset, remainder));
                }
                _ => rows.push(entry(key, offset, remainder)),
            }
        }
        check(&rows);
    }
}
