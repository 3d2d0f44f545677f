//! Rows, states and totals that were tampered with.

use super::life::{
    ID, PROGRAMME, alter, block_on, corrected_life, decide, fen, forge, long_life, row, short_life,
    store, with_key,
};
use crate::check::Audit;
use card::{CreditSource, DeclineReason, Kind, Outcome, PartitionId, ProgrammeId, Request};
use card::{Timestamp, Version};
use card_processor::ControlTotals;
use card_store::CardWrite;
use ledger::{Account, Entry, Posting};

fn audit(writes: &[CardWrite]) -> Audit {
    let store = store(writes);
    let mut audit = Audit::new(1);
    block_on(audit.card(&store, ID, None));
    audit
}

/// Each finding names the card, so that one line is enough to look it up.
fn check(writes: &[CardWrite], version: u32, expected: &str) {
    let found: Vec<String> = (audit(writes).findings.kept.iter())
        .map(ToString::to_string)
        .collect();
    let line = match version {
        0 => format!("card {ID}: {expected}"),
        _ => format!("card {ID} version {version}: {expected}"),
    };
    assert!(
        found.iter().any(|found| found.starts_with(&line)),
        "{line}: {found:?}"
    );
}

#[test]
fn lives_that_nobody_touched_are_clean() {
    for writes in [short_life(), long_life(), corrected_life()] {
        assert_eq!(audit(&writes).findings.kept, []);
    }
}

#[test]
fn what_was_tampered_with_is_found() {
    let altered = |version, change: fn(&mut card::Row)| {
        let mut writes = short_life();
        alter(&mut writes, version, change);
        writes
    };
    let chain = "hash chain is broken before this row";
    check(&altered(1, |row| row.amount = fen(10_001)), 2, chain);
    check(&altered(2, |row| row.amount = fen(2_999)), 3, chain);
    check(&altered(2, |row| row.decided_at = Timestamp(1)), 3, chain);
    check(&altered(1, |row| row.previous = [1; 32]), 1, chain);
    check(
        &altered(3, |row| row.held_after = fen(1)),
        3,
        "state does not carry the hash",
    );
    check(
        &altered(2, |row| row.ledger = None),
        2,
        "row tells balance 70.00, entries make 10000",
    );
    check(
        &altered(2, |row| row.ledger = None),
        3,
        "does not mirror version 2",
    );
    check(
        &altered(3, |row| row.posted_after = fen(1)),
        3,
        "row tells balance 0.01",
    );
    check(
        &altered(3, |row| row.position.offset = 2),
        3,
        "row is out of log order",
    );
    check(
        &altered(3, |row| row.version = Version(9)),
        9,
        "row is filed as version 3",
    );
    check(
        &altered(2, |row| row.programme = ProgrammeId(2)),
        2,
        "row is of another programme",
    );
    let moved = altered(2, |row| row.position.partition = PartitionId(1));
    check(&moved, 2, "row is of partition 1, the card of 0");
}

/// What a sale comes to after its adjustments is what was booked for it, and bounds its refunds.
#[test]
fn forged_adjustments_are_found() {
    let forged = |version, change: fn(&mut card::Row)| {
        let mut writes = corrected_life();
        forge(&mut writes, version, change);
        writes
    };
    check(
        &forged(9, |row| row.amount = fen(3_200)),
        10,
        "adjustments of version 7 do not come to 32.00",
    );
    check(
        &forged(9, |row| row.amount = fen(3_200)),
        10,
        "refunds are over version 7",
    );
    check(
        &forged(3, |row| row.link = Version(0)),
        3,
        "direct credit of 10.00 moved 0 fen",
    );
}

/// A forger who mends the hash chain cannot mend the state, nor what follows from the money.
#[test]
fn forged_rows_with_a_mended_chain_are_found() {
    let forged = |version, change: fn(&mut card::Row)| {
        let mut writes = long_life();
        forge(&mut writes, version, change);
        writes
    };
    let hash = "state does not carry the hash of the last row";
    check(&forged(2, |row| row.amount = fen(2_999)), 8, hash);
    check(
        &forged(2, |row| row.amount = fen(2_999)),
        2,
        "purchase of 29.99 moved -3000 fen",
    );
    check(
        &forged(2, |row| row.amount = fen(999)),
        3,
        "refunds are over version 2",
    );
    check(
        &forged(3, |row| row.link = Version(3)),
        3,
        "acts on version 3, which is not older",
    );
    check(
        &forged(8, |row| row.ledger = Some(sale(1))),
        8,
        "a decline moved money",
    );
    check(
        &forged(2, |row| row.ledger = Some(sale(2_999))),
        2,
        "row tells balance 70.00",
    );
    check(
        &forged(2, |row| row.ledger = Some(sale(2_999))),
        8,
        "state has 64.00, all entries",
    );
    check(
        &forged(4, |row| row.held_after = fen(9_999)),
        4,
        "holds are over the balance",
    );
    check(
        &forged(7, |row| row.held_after = fen(501)),
        7,
        "holds rose without a hold",
    );
    check(
        &forged(6, |row| row.ledger = Some(sale(1))),
        6,
        "pre-auth of 5.00 moved -1 fen",
    );
    let declined = forged(2, |row| {
        row.outcome = Outcome::Declined(DeclineReason::LostCard)
    });
    check(&declined, 2, "a decline moved money");
}

fn sale(minor: u64) -> Entry {
    let amount = fen(minor);
    let debit = Posting::debit(Account::RegisteredCards, amount);
    Entry::new([debit, Posting::credit(Account::MerchantPayable, amount)]).unwrap()
}

#[test]
fn a_step_that_is_reversed_twice_is_found() {
    let mut writes = decide([
        with_key(
            1,
            Request::Issue {
                programme: PROGRAMME,
                expiry: 0,
                amount: fen(10_000),
                source: CreditSource::Cash,
            },
        ),
        with_key(2, Request::Purchase { amount: fen(3_000) }),
        with_key(
            3,
            Request::DirectCredit {
                amount: fen(3_000),
                source: CreditSource::Cash,
            },
        ),
        with_key(
            4,
            Request::DirectCredit {
                amount: fen(3_000),
                source: CreditSource::Cash,
            },
        ),
    ]);
    let mirror = row(&writes, 2).ledger.unwrap().mirror();
    for version in [3, 4] {
        forge(&mut writes, version, |row| {
            row.kind = Kind::Reversal;
            row.link = Version(2);
            row.ledger = Some(mirror.clone());
        });
    }
    check(&writes, 4, "version 2 is reversed more than once");
}

#[test]
fn missing_foreign_and_unreadable_rows_are_found() {
    let mut gap = long_life();
    gap[3].rows.clear();
    check(&gap, 3, "row 4 is missing");
    let mut headless = short_life();
    headless[0].rows.clear();
    check(&headless, 0, "journal ends before version 1");
    let mut foreign = short_life();
    let other = decide([with_key(
        1,
        Request::Issue {
            programme: PROGRAMME,
            expiry: 0,
            amount: fen(10_001),
            source: CreditSource::Cash,
        },
    )]);
    foreign[0].rows = other[0].rows.clone();
    check(&foreign, 2, "hash chain is broken before this row");
    let mut cut = short_life();
    cut[1].rows[0].bytes.truncate(100);
    check(&cut, 0, "row 2: ");
    let mut flipped = short_life();
    let mut bytes = flipped[1].rows[0].bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    flipped[1].rows[0].bytes = bytes.into();
    assert!(!audit(&flipped).findings.is_empty());
}

#[test]
fn states_that_are_not_their_last_row_are_found() {
    let mut old_body = short_life();
    old_body[2].state.body = old_body[1].state.body.clone();
    check(&old_body, 0, "state belongs to another card or version");
    // A write that lost its last row, as a torn one could: the state is ahead of its journal.
    let mut ahead = short_life();
    ahead[2].rows.clear();
    check(&ahead, 2, "row 3 is missing");
    check(
        &ahead,
        3,
        "state has 100.00 and holds 0.00, its last row 70.00",
    );
    check(&ahead, 3, "state is of record 0:3, its last row of another");
    let mut behind = short_life();
    behind[2].state = behind[1].state.clone();
    check(&behind, 3, "row is ahead of the state");
    let mut unreadable = short_life();
    unreadable[2].state.body.truncate(20);
    check(&unreadable, 0, "state: ");
}

#[test]
fn totals_that_disagree_with_the_rows_are_found() {
    let writes = long_life();
    let entries: Vec<Entry> = (1..=writes.len())
        .filter_map(|version| row(&writes, version).ledger)
        .collect();
    let compare = |entries: &[Entry], programme| {
        let mut totals = ControlTotals::default();
        entries
            .iter()
            .for_each(|entry| totals.post(programme, entry));
        let mut audit = audit(&writes);
        audit.compare_totals(&totals);
        audit.findings.kept
    };
    assert_eq!(compare(&entries, PROGRAMME), []);
    let lost = compare(&entries[1..], PROGRAMME);
    assert_eq!(
        lost[0].to_string(),
        "programme 1: journal rows and control totals differ"
    );
    assert_eq!(
        compare(&entries, ProgrammeId(2)).len(),
        2,
        "both programmes are wrong"
    );
}
