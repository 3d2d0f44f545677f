//! The checks at the end of a story: cards, rows, chains, totals, cuts, batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::node::Group;
use crate::oracle::Expected;
use crate::orders::message::{ACCOUNTS, Postings};
use crate::plan::PARTITIONS;
use crate::terminal::card_id;
use card::{PartitionId, Position, Row, Version};
use card_processor::{ControlTotals, PassedCut};
use card_store::BatchItem;
use ledger::{Account, Side};

/// Whether every partition has an owner who has released and checkpointed everything.
pub(crate) fn is_settled(group: &Arc<Group>) -> bool {
    let running = group.running.lock();
    let records = group.world.records.lock();
    (0..PARTITIONS).map(PartitionId).all(|partition| {
        let end = records.end(partition);
        let mut of_partition = running.iter().filter(|((_, of), _)| *of == partition);
        let is_done = |slot: &crate::node::Slot| {
            slot.lock().as_ref().is_some_and(|running| {
                running.watermarks() == [(partition, end)]
                    && running.checkpointed() == [(partition, end)]
            })
        };
        of_partition.any(|(_, slot)| is_done(slot))
    })
}

/// Checks everything that a quiet world must show.
pub(crate) fn check(group: &Arc<Group>) {
    let checked = rows(group)
        .and_then(|()| totals(group))
        .and_then(|()| cuts(group))
        .and_then(|()| items(group));
    if let Err((invariant, seen)) = checked {
        group.world.violate(invariant, seen);
    }
}

type Checked = Result<(), (&'static str, String)>;

#[expect(clippy::fn_params_excessive_bools, reason = "what must be")]
fn must(is_so: bool, invariant: &'static str, seen: impl FnOnce() -> String) -> Checked {
    match is_so {
        true => Ok(()),
        false => Err((invariant, seen())),
    }
}

/// CARD-6, STORE-6: one row for each written decision, chained, with what the reference says.
fn rows(group: &Group) -> Checked {
    let oracle = group.world.oracle.lock();
    let tables = group.world.tables.lock();
    let mut written: BTreeMap<u8, Vec<(Position, &Expected)>> = BTreeMap::new();
    for (position, expected) in oracle.all().filter(|(_, expected)| expected.answer.written) {
        written
            .entry(expected.sent.card)
            .or_default()
            .push((position, expected));
    }
    for (card, decisions) in written {
        let id = card_id(card);
        let rows = tables.rows(id);
        let count = decisions.len();
        must(rows.len() == count, "CARD-6", || {
            format!(
                "card {card} has {} rows, the log has {count} decisions",
                rows.len()
            )
        })?;
        let mut previous = [0; 32];
        for ((position, expected), (version, bytes)) in decisions.into_iter().zip(rows) {
            let copies = tables.copies(id, version);
            must(copies >= 2, "STORE-1", || {
                format!("row {version} of card {card} has {copies} copies")
            })?;
            let row = Row::decode(&bytes);
            let row = row.map_err(|error| ("STORE-6", error.to_string()))?;
            must(row.previous == previous, "STORE-6", || {
                format!("row {version} of card {card} does not follow the one before it")
            })?;
            previous = Row::hash_of(&bytes);
            must(is_row(&row, (position, version), expected), "row", || {
                let line = expected.answer.line();
                format!("row {version} of card {card} is {row:?}\n  must be {line}")
            })?;
        }
    }
    Ok(())
}

fn is_row(row: &Row, (position, version): (Position, Version), expected: &Expected) -> bool {
    let answer = &expected.answer;
    let fen = |amount: money::Amount| i64::try_from(amount.minor()).unwrap_or(i64::MAX);
    let postings = row
        .ledger
        .as_ref()
        .map(|entry| postings_of(entry.postings()));
    row.position == position
        && row.version == version
        && answer.code == Some(version.0)
        && row.outcome == answer.outcome
        && row.case == answer.case
        && fen(row.posted_after) == answer.money.booked
        && fen(row.held_after) == answer.money.held
        && postings.unwrap_or_default() == answer.postings
}

fn postings_of(postings: &[ledger::Posting]) -> Postings {
    let mut sums = Postings::default();
    for posting in postings {
        let fen = i64::try_from(posting.amount.minor()).unwrap_or(i64::MAX);
        let index = ACCOUNTS
            .iter()
            .position(|number| *number == posting.account.number());
        if let Some(sum) = index.and_then(|index| sums.get_mut(index)) {
            *sum += match posting.side {
                Side::Debit => fen,
                Side::Credit => -fen,
            };
        }
    }
    sums
}

fn balances(totals: &ControlTotals) -> Postings {
    let books = totals.all();
    ACCOUNTS.map(|number| {
        let account = Account::from_number(number);
        let minor = account.map_or(0, |account| books.balance(account));
        i64::try_from(minor).unwrap_or(i64::MAX)
    })
}

/// LEDGER-2: the control totals are the sum of what was booked.
fn totals(group: &Group) -> Checked {
    let oracle = group.world.oracle.lock();
    for ((node, partition), slot) in group.running.lock().iter() {
        let Some((totals, _)) = slot.lock().as_ref().map(crate::node::Running::totals) else {
            continue;
        };
        let (told, must_be) = (balances(&totals), oracle.totals(*partition));
        must(told == must_be, "LEDGER-2", || {
            format!(
                "node {node} has totals {told:?} for partition {partition}, must be {must_be:?}"
            )
        })?;
    }
    Ok(())
}

fn cuts(group: &Group) -> Checked {
    let oracle = group.world.oracle.lock();
    let tables = group.world.tables.lock();
    for partition in (0..PARTITIONS).map(PartitionId) {
        for (number, must_be) in oracle.cuts(partition) {
            let kept = tables.cuts.get(&(partition, number));
            let kept = kept.and_then(|kept| PassedCut::read(kept).ok());
            let told = kept.map(|cut| balances(&cut.totals));
            must(told == Some(must_be), "LEDGER-2", || {
                format!("cut {number} of partition {partition} is {told:?}, must be {must_be:?}")
            })?;
        }
    }
    Ok(())
}

/// Every booked decision of a batch is among the batch's items.
fn items(group: &Group) -> Checked {
    let oracle = group.world.oracle.lock();
    let tables = group.world.tables.lock();
    let cards: std::collections::BTreeSet<u8> = oracle
        .all()
        .map(|(_, expected)| expected.sent.card)
        .collect();
    for card in cards {
        let id = card_id(card);
        for bytes in tables.rows(id).values() {
            let row = Row::decode(bytes).map_err(|error| ("STORE-6", error.to_string()))?;
            let item = BatchItem::of(id, &row);
            let is_kept = item.is_none_or(|item| tables.items.get(&item.key()) == Some(&item));
            must(is_kept, "LEDGER-2", || {
                format!(
                    "decision {} of card {card} is missing in its batch",
                    row.version
                )
            })?;
        }
    }
    Ok(())
}
