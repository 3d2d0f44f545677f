//! What a batch comes to by our own books, and how it differs from what a terminal says.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::pos::batch::{BatchTotals, Side};
use card::{CardId, Kind, Version};
use card_store::BatchItem;
use money::Amount;

/// Which side of the totals an item is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SideOf {
    Debit,
    Credit,
    Neither,
}

/// An item that counts: not reversed, and with the amount that it was corrected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) trace: u32,
    pub(crate) card: CardId,
    pub(crate) amount: Amount,
    side: SideOf,
}

/// The items that count, in the order of their records.
pub(crate) fn counted(items: &[BatchItem]) -> Vec<Counted> {
    let links = |kinds: fn(Kind) -> bool| {
        let items = items.iter().filter(move |item| kinds(item.kind));
        items.map(|item| ((item.card, item.link), item))
    };
    let reversed: HashSet<(CardId, Version)> = links(|kind| kind == Kind::Reversal)
        .map(|(original, _)| original)
        .collect();
    let mut corrected: HashMap<(CardId, Version), &BatchItem> = HashMap::new();
    for (original, item) in links(|kind| matches!(kind, Kind::Adjust | Kind::Tip)) {
        let latest = corrected.entry(original).or_insert(item);
        if latest.version < item.version {
            *latest = item;
        }
    }
    let mut counted: Vec<(u64, Counted)> = Vec::new();
    for item in items {
        let name = (item.card, item.version);
        let side = side_of(item.kind);
        if side == SideOf::Neither || reversed.contains(&name) {
            continue;
        }
        let amount = corrected.get(&name).map_or(item.amount, |item| item.amount);
        let one = Counted {
            trace: item.trace,
            card: item.card,
            amount,
            side,
        };
        counted.push((item.position.offset, one));
    }
    counted.sort_by_key(|(offset, one)| (one.trace, *offset));
    counted.into_iter().map(|(_, one)| one).collect()
}

/// Debits are what takes money from cards, credits what gives it to them. A void counts beside its
/// purchase, a reversal takes its original away.
pub(crate) fn side_of(kind: Kind) -> SideOf {
    match kind {
        Kind::Purchase | Kind::Completion | Kind::CompletionAdvice | Kind::OfflineSale => {
            SideOf::Debit
        }
        Kind::Void
        | Kind::CompletionVoid
        | Kind::Refund
        | Kind::DirectCredit
        | Kind::CreditConfirm => SideOf::Credit,
        Kind::PreAuth
        | Kind::PreAuthVoid
        | Kind::Reversal
        | Kind::Issue
        | Kind::ReportLoss
        | Kind::LiftLoss
        | Kind::ReversedFirst
        | Kind::BalanceInquiry
        | Kind::AccountCheck
        | Kind::Adjust
        | Kind::Tip
        | Kind::ConfirmedFirst
        | Kind::Replace => SideOf::Neither,
    }
}

/// Sums and counts of both sides.
pub(crate) fn totals(counted: &[Counted]) -> BatchTotals {
    let mut totals = BatchTotals::default();
    for one in counted {
        let side: &mut Side = match one.side {
            SideOf::Debit => &mut totals.debit,
            SideOf::Credit => &mut totals.credit,
            SideOf::Neither => continue,
        };
        side.add(one.amount);
    }
    totals
}

/// One uploaded item, its card found by the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uploaded {
    pub(crate) trace: u32,
    /// None: no card of ours has this number.
    pub(crate) card: Option<CardId>,
    pub(crate) amount: Amount,
}

/// One difference between a terminal's items and ours. Ours count; people look at the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// The trace number of the item.
    pub(crate) trace: u32,
    pub(crate) what: What,
    /// What the terminal says, in fen.
    pub(crate) told_fen: Option<u64>,
    /// What our books say, in fen.
    pub(crate) ours_fen: Option<u64>,
}

/// How an item differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// The terminal has it, we do not. It is never posted for that: a stripe can be copied.
    MissingHere,
    /// We have it, the terminal does not.
    MissingThere,
    OtherAmount,
    OtherCard,
}

/// Compares item by item, in the order of the trace numbers.
pub(crate) fn differences(uploaded: &[Uploaded], counted: &[Counted]) -> Vec<Difference> {
    let mut ours: HashMap<u32, Counted> = counted.iter().map(|one| (one.trace, *one)).collect();
    let mut found: Vec<Difference> = Vec::new();
    for told in uploaded {
        let difference = match ours.remove(&told.trace) {
            None => Some((What::MissingHere, None)),
            Some(own) if Some(own.card) != told.card => Some((What::OtherCard, Some(own))),
            Some(own) if own.amount != told.amount => Some((What::OtherAmount, Some(own))),
            Some(_) => None,
        };
        found.extend(difference.map(|(what, own)| Difference {
            trace: told.trace,
            what,
            told_fen: Some(told.amount.minor()),
            ours_fen: own.map(|own| own.amount.minor()),
        }));
    }
    found.extend(ours.into_values().map(|own| Difference {
        trace: own.trace,
        what: What::MissingThere,
        told_fen: None,
        ours_fen: Some(own.amount.minor()),
    }));
    found.sort_by_key(|difference| difference.trace);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::{AcquirerId, Day, MerchantId, PartitionId, Position, TerminalId};
    use card_store::BatchName;

    const CARD: CardId = CardId::from_bytes([1; 16]);

    fn item(version: u32, kind: Kind, fen: u64, link: u32) -> BatchItem {
        BatchItem {
            batch: BatchName {
                acquirer: AcquirerId::NOBODY,
                merchant: MerchantId([b'1'; 15]),
                terminal: TerminalId([b'1'; 8]),
                batch: 1,
            },
            trace: version,
            position: Position {
                partition: PartitionId(0),
                offset: version.into(),
            },
            card: CARD,
            version: Version(version),
            link: Version(link),
            kind,
            amount: Amount::from_minor(fen).unwrap(),
            day: Day(1),
        }
    }

    fn side(fen: u64, count: u32) -> Side {
        Side {
            sum: Amount::from_minor(fen).unwrap(),
            count,
        }
    }

    #[test]
    fn voids_count_beside_their_purchases_and_reversed_items_do_not() {
        let items = [
            item(1, Kind::Purchase, 10_000, 0),
            item(2, Kind::Purchase, 3_000, 0),
            item(3, Kind::Void, 3_000, 2),
            item(4, Kind::Purchase, 700, 0),
            item(5, Kind::Reversal, 700, 4),
            item(6, Kind::Refund, 2_000, 1),
            item(7, Kind::DirectCredit, 5_000, 0),
            item(8, Kind::OfflineSale, 4_000, 0),
            item(9, Kind::Tip, 4_400, 8),
            item(10, Kind::Tip, 4_600, 8),
        ];
        let expected = BatchTotals {
            debit: side(17_600, 3),
            credit: side(10_000, 3),
        };
        assert_eq!(totals(&counted(&items)), expected);
    }

    #[test]
    fn differences_are_found_both_ways() {
        let ours = counted(&[
            item(1, Kind::Purchase, 100, 0),
            item(2, Kind::Purchase, 200, 0),
            item(3, Kind::Purchase, 300, 0),
            item(5, Kind::Purchase, 500, 0),
        ]);
        let told = |trace, card, fen| Uploaded {
            trace,
            card,
            amount: Amount::from_minor(fen).unwrap(),
        };
        let uploaded = [
            told(1, Some(CARD), 100),
            told(2, Some(CARD), 201),
            told(4, Some(CARD), 400),
            told(5, None, 500),
        ];
        let found: Vec<_> = differences(&uploaded, &ours)
            .iter()
            .map(|found| (found.trace, found.what))
            .collect();
        let expected = [
            (2, What::OtherAmount),
            (3, What::MissingThere),
            (4, What::MissingHere),
            (5, What::OtherCard),
        ];
        assert_eq!(found, expected);
        assert_eq!(differences(&uploaded[..1], &ours[..1]), []);
    }
}
