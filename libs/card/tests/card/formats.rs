//! The stored forms, pinned: a change of these bytes makes stored cards unreadable, so it needs a
//! new format number. And no bytes make reading panic.

use proptest::prelude::*;

use crate::support::{World, check};
use card::{Card, CodecError, Entry, Place, Row, Rules};

/// A card with a hold, uncleared money, a lost mark, refunds, declines and an early reversal.
fn eventful() -> World {
    check(
        "card registered 1000.00 group 7 expiry 2912
         offset 5000000000
         purchase 123.45 as p1 group 7 -> approved
         refund 23.45 as f1 of p1 -> approved
         preauth 200.00 as a1 group 7 -> approved
         preauth 100.00 as a2 group 7 -> approved
         advise 80.00 as c1 of a2 -> approved
         purchase 10.00 as p2 group 7 -> approved
         void 10.00 as v1 of p2 -> approved
         purchase 5000.00 as p3 group 7 -> declined InsufficientFunds
         reverse 1.00 as r1 of p4 -> declined OriginalNotFound
         lose as l1 -> approved",
    )
}

fn rows(world: &World) -> Vec<Vec<u8>> {
    world.rows.iter().map(Row::encode).collect()
}

#[test]
fn stored_bytes_are_pinned() {
    let world = eventful();
    for (what, found, golden) in [
        (
            "body",
            vec![world.body()],
            include_str!("../golden/card_body_2.hex"),
        ),
        (
            "rows",
            rows(&world),
            include_str!("../golden/journal_rows_2.hex"),
        ),
        (
            "rules",
            vec![world.rules.encode()],
            include_str!("../golden/rules_2.hex"),
        ),
    ] {
        let found: String = found.iter().map(|bytes| hex(bytes) + "\n").collect();
        assert_eq!(found, golden, "{what}");
    }
}

#[test]
fn golden_bytes_read_back() {
    let world = eventful();
    let body = unhex(include_str!("../golden/card_body_2.hex"));
    assert_eq!(
        Card::decode(&body[0]).as_ref(),
        Ok(world.card.as_ref().unwrap())
    );
    let rows = unhex(include_str!("../golden/journal_rows_2.hex"));
    let read: Vec<Row> = rows
        .iter()
        .map(|bytes| Row::decode(bytes).unwrap())
        .collect();
    assert_eq!(read, world.rows);
    let rules = unhex(include_str!("../golden/rules_2.hex"));
    assert_eq!(Rules::decode(&rules[0]).as_ref(), Ok(&world.rules));
}

/// A bundle of format 1 has none of the later bounds, and keeps its bytes and so its name.
#[test]
fn rules_of_format_1_read_back() {
    let world = eventful();
    let old = unhex(include_str!("../golden/rules_1.hex"));
    let rules = Rules::decode(&old[0]).unwrap();
    let mut expected = world.rules;
    for programme in expected.programmes.values_mut() {
        programme.tip_ratio_percent = 0;
    }
    assert_eq!(rules, expected);
    assert_eq!(rules.encode(), old[0]);
}

/// Rows of format 1 did not keep how it was asked; all else is read from them.
#[test]
fn rows_of_format_1_read_back() {
    let world = eventful();
    let rows = unhex(include_str!("../golden/journal_rows_1.hex"));
    assert_eq!(rows.len(), world.rows.len());
    let mut previous = [0; 32];
    for (bytes, now) in rows.iter().zip(&world.rows) {
        let mut expected = now.clone();
        expected.place = Place {
            batch: 0,
            trace: 0,
            ..now.place
        };
        expected.previous = previous;
        assert_eq!(Row::decode(bytes), Ok(expected));
        previous = Row::hash_of(bytes);
    }
}

/// A body of format 1 is the same card, but that nothing was counted; and its chain has another
/// head, as its rows had.
#[test]
fn a_body_of_format_1_reads_back() {
    let old = unhex(include_str!("../golden/card_body_1.hex"));
    let new = unhex(include_str!("../golden/card_body_2.hex"));
    let again = |bytes: &[u8]| {
        let mut body = Vec::new();
        Card::decode(bytes).unwrap().encode(&mut body);
        body[..body.len() - 32].to_vec()
    };
    // Day, amount and count of day and month, top-ups: 11 bytes here, 7 when all are zero.
    let counters = 1 + 16 + 2 + 1 + 2 + 8 + 8 + 8 + 1;
    let new = again(&new[0]);
    let uncounted = [&new[..counters], &[0; 7], &new[counters + 11..]].concat();
    assert_eq!(hex(&again(&old[0])), hex(&uncounted));
    let rows = unhex(include_str!("../golden/journal_rows_1.hex"));
    let head = Row::hash_of(rows.last().unwrap());
    assert_eq!(Card::decode(&old[0]).unwrap().hash(), head);
}

/// A later format stops the card rather than being guessed at; so does anything cut or longer.
#[test]
fn other_formats_and_lengths_are_refused() {
    let world = eventful();
    let refuses = |bytes: &[u8], read: &dyn Fn(&[u8]) -> Option<CodecError>| {
        let later = [&[3], &bytes[1..]].concat();
        assert_eq!(read(&later), Some(CodecError::Format(3)));
        assert_eq!(read(&[bytes, &[0]].concat()), Some(CodecError::Trailing(1)));
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_some(), "cut at {length}");
        }
        assert_eq!(read(bytes), None);
    };
    refuses(&world.body(), &|bytes| Card::decode(bytes).err());
    refuses(&rows(&world)[1], &|bytes| Row::decode(bytes).err());
    refuses(&world.rules.encode(), &|bytes| Rules::decode(bytes).err());
}

proptest! {
    #[test]
    fn random_bytes_are_read_or_refused(bytes: Vec<u8>, format in 0u8..3) {
        let framed = [&[format][..], &bytes].concat();
        for bytes in [&bytes, &framed] {
            let _card = Card::decode(bytes);
            let _row = Row::decode(bytes);
            let _entry = Entry::from_bytes(bytes);
            let _rules = Rules::decode(bytes);
        }
    }

    #[test]
    fn changed_bytes_are_read_or_refused(at: prop::sample::Index, to: u8, row in 0..11usize) {
        let world = eventful();
        let change = |mut bytes: Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] = to;
            bytes
        };
        if let Ok(card) = Card::decode(&change(world.body())) {
            let mut again = Vec::new();
            card.encode(&mut again);
            prop_assert_eq!(Card::decode(&again), Ok(card));
        }
        if let Ok(row) = Row::decode(&change(rows(&world)[row].clone())) {
            prop_assert_eq!(Row::decode(&row.encode()), Ok(row));
        }
        if let Ok(rules) = Rules::decode(&change(world.rules.encode())) {
            prop_assert_eq!(Rules::decode(&rules.encode()), Ok(rules));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(lines: &str) -> Vec<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    lines
        .lines()
        .map(|line| line.as_bytes().chunks(2).map(byte).collect())
        .collect()
}
