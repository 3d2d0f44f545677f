//! One card's journal, followed from its newest row back to its first.
//!
//! Nothing is kept but the row that was seen last and what younger rows say of older ones, so that
//! a card with millions of rows takes no more memory than one with ten.

use std::collections::BTreeMap;

use crate::check::findings::Findings;
use card::{Card, Kind, PartitionId, Position, Row, Version};
use ledger::{Account, Entry, Side};
use money::Amount;

/// The walk over one card.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    card: &'a Card,
    /// LOG-2: where the card's commands are.
    partition: PartitionId,
    findings: &'a mut Findings,
    newer: Option<Newer>,
    /// What all entries moved so far, in fen.
    moved: i128,
    /// What younger rows say of rows that are still to come, by their versions.
    awaited: BTreeMap<Version, Awaited>,
}

/// The row that was seen last: the one behind the next.
#[derive(Debug)]
struct Newer {
    version: Version,
    position: Position,
    previous: [u8; 32],
    posted_after: Amount,
    held_after: Amount,
    moved: i128,
    may_hold: bool,
}

/// What younger rows did with a row.
#[derive(Debug, Default)]
struct Awaited {
    /// The youngest of them.
    by: Version,
    /// Entries that must undo its entry to the fen.
    mirrors: Vec<(Version, Entry)>,
    reversal_count: u32,
    refunded_fen: u64,
    /// The total that its youngest adjustment left it.
    settled: Option<Amount>,
    /// What all adjustments gave or took on the merchant's side, fee included.
    adjusted_fen: i128,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(card: &'a Card, partition: PartitionId, findings: &'a mut Findings) -> Self {
        Self {
            card,
            partition,
            findings,
            newer: None,
            moved: 0,
            awaited: BTreeMap::new(),
        }
    }

    /// Takes the next older row and the hash of its bytes.
    pub(crate) fn row(&mut self, row: &Row, hash: [u8; 32]) {
        let moved = self.moved_by(row);
        self.moved += moved;
        match self.newer.take() {
            None => self.state_follows(row, hash),
            Some(newer) => self.newer_follows(&newer, row, hash),
        }
        self.stands_alone(row, moved);
        self.answer_to_younger(row);
        self.ask_of_older(row);
        self.newer = Some(Newer {
            version: row.version,
            position: row.position,
            previous: row.previous,
            posted_after: row.posted_after,
            held_after: row.held_after,
            moved,
            may_hold: row.outcome.is_approved() && may_hold(row.kind),
        });
    }

    /// After the first row of the card: nothing lies before it.
    pub(crate) fn finish(mut self) {
        if let Some(first) = self.newer.take() {
            let version = first.version;
            if first.previous != [0; 32] {
                self.wrong(version, BROKEN);
            }
            self.balance_follows(&first, 0);
            if first.held_after > Amount::ZERO && !first.may_hold {
                self.wrong(version, "holds rose without a hold");
            }
        }
        let (posted, moved) = (self.card.posted(), self.moved);
        if i128::from(posted.minor()) != moved {
            let what = format!("state has {posted}, all entries make {moved} fen");
            self.wrong(self.card.version(), what);
        }
        for (version, awaited) in std::mem::take(&mut self.awaited) {
            self.wrong(
                awaited.by,
                format!("acts on version {version}, which is not there"),
            );
        }
    }

    pub(crate) fn wrong(&mut self, version: Version, what: impl Into<String>) {
        self.findings.add(Some(self.card.id()), Some(version), what);
    }

    /// The state is what its last row says.
    fn state_follows(&mut self, last: &Row, hash: [u8; 32]) {
        let card = self.card;
        let version = card.version();
        if last.version > version {
            return self.wrong(last.version, "row is ahead of the state");
        }
        self.numbered(last, version);
        if card.hash() != hash {
            self.wrong(version, "state does not carry the hash of the last row");
        }
        if card.applied() != last.position {
            let what = format!(
                "state is of record {}, its last row of another",
                card.applied()
            );
            self.wrong(version, what);
        }
        let now = last.decided_at;
        let told = [card.posted(), card.held(now)];
        if told != [last.posted_after, last.held_after] {
            let [posted, held] = told;
            let what = format!(
                "state has {posted} and holds {held}, its last row {} and {}",
                last.posted_after, last.held_after
            );
            self.wrong(version, what);
        }
        // CARD-1, without the saturation of `available`.
        let bound = card.held(now).checked_add(card.uncleared(now));
        if bound.is_ok_and(|bound| bound > card.posted()) || bound.is_err() {
            self.wrong(version, "holds and uncleared credits are over the balance");
        }
    }

    /// STORE-6: versions without a gap, each row with the hash of the one before, in log order.
    fn newer_follows(&mut self, newer: &Newer, row: &Row, hash: [u8; 32]) {
        self.numbered(row, Version(newer.version.0.saturating_sub(1)));
        if newer.previous != hash {
            self.wrong(newer.version, BROKEN);
        }
        if newer.position.offset <= row.position.offset {
            self.wrong(newer.version, "row is out of log order");
        }
        self.balance_follows(newer, i128::from(row.posted_after.minor()));
        if newer.held_after > row.held_after && !newer.may_hold {
            self.wrong(newer.version, "holds rose without a hold");
        }
    }

    fn numbered(&mut self, row: &Row, expected: Version) {
        if row.version != expected {
            self.wrong(row.version, format!("row {expected} is missing"));
        }
    }

    fn balance_follows(&mut self, newer: &Newer, before: i128) {
        let made = before + newer.moved;
        if i128::from(newer.posted_after.minor()) != made {
            let told = newer.posted_after;
            let what = format!("row tells balance {told}, entries make {made} fen");
            self.wrong(newer.version, what);
        }
    }

    /// What is wrong with a row whatever lies around it.
    fn stands_alone(&mut self, row: &Row, moved: i128) {
        let version = row.version;
        if row.position.partition != self.partition {
            let (found, own) = (row.position.partition, self.partition);
            self.wrong(
                version,
                format!("row is of partition {found}, the card of {own}"),
            );
        }
        if row.programme != self.card.programme() {
            self.wrong(version, "row is of another programme");
        }
        if row.held_after > row.posted_after {
            self.wrong(version, "holds are over the balance");
        }
        if !row.outcome.is_approved() {
            if row.ledger.is_some() {
                self.wrong(version, "a decline moved money");
            }
            return;
        }
        let amount = i128::from(row.amount.minor());
        let is_due = match row.kind {
            Kind::Purchase => moved == -amount,
            Kind::Issue => moved == amount,
            // A confirmed top-up is booked by whichever half came first.
            Kind::DirectCredit | Kind::CreditConfirm => {
                moved == amount || (moved == 0 && row.link != Version(0))
            }
            Kind::Refund => (0..=amount).contains(&moved), // Suspense is repaid first.
            Kind::Completion | Kind::CompletionAdvice | Kind::OfflineSale => {
                (-amount..=0).contains(&moved)
            }
            Kind::Void | Kind::CompletionVoid | Kind::Reversal => moved.abs() <= amount,
            Kind::Adjust | Kind::Tip => row.link != Version(0), // Checked at its sale.
            Kind::PreAuth
            | Kind::PreAuthVoid
            | Kind::ReportLoss
            | Kind::LiftLoss
            | Kind::Replace
            | Kind::ReversedFirst
            | Kind::ConfirmedFirst
            | Kind::AccountCheck
            | Kind::BalanceInquiry => row.ledger.is_none(),
        };
        if !is_due {
            let what = format!("{} of {} moved {moved} fen", row.kind.text(), row.amount);
            self.wrong(version, what);
        }
    }

    fn moved_by(&self, row: &Row) -> i128 {
        let account = self.card.account();
        let postings = row.ledger.iter().flat_map(|entry| entry.postings());
        postings
            .filter(|posting| posting.account == account)
            .map(|posting| match posting.side {
                Side::Credit => i128::from(posting.amount.minor()),
                Side::Debit => -i128::from(posting.amount.minor()),
            })
            .sum()
    }

    /// Keeps what this row did with an older one.
    fn ask_of_older(&mut self, row: &Row) {
        if row.link == Version(0) {
            return;
        }
        if row.link >= row.version {
            self.wrong(
                row.version,
                format!("acts on version {}, which is not older", row.link),
            );
            return;
        }
        if !row.outcome.is_approved() {
            return;
        }
        let awaited = self.awaited.entry(row.link).or_default();
        awaited.by = awaited.by.max(row.version);
        match (row.kind, &row.ledger) {
            (Kind::Refund, _) => awaited.refunded_fen += row.amount.minor(),
            (Kind::Adjust | Kind::Tip, entry) => {
                awaited.settled = awaited.settled.or(Some(row.amount));
                awaited.adjusted_fen += entry.as_ref().map_or(0, merchant_side);
            }
            (Kind::Void | Kind::CompletionVoid | Kind::Reversal, Some(entry)) => {
                awaited.reversal_count += u32::from(row.kind == Kind::Reversal);
                awaited.mirrors.push((row.version, entry.clone()));
            }
            _ => {}
        }
    }

    /// CARD-4: what undoes a row mirrors it to the fen, and its refunds never come to more than it.
    fn answer_to_younger(&mut self, row: &Row) {
        let Some(awaited) = self.awaited.remove(&row.version) else {
            return;
        };
        let mirror = row.ledger.as_ref().map(Entry::mirror);
        for (version, entry) in &awaited.mirrors {
            if mirror.as_ref() != Some(entry) {
                self.wrong(*version, format!("does not mirror version {}", row.version));
            }
        }
        if awaited.reversal_count > 1 {
            self.wrong(
                awaited.by,
                format!("version {} is reversed more than once", row.version),
            );
        }
        let total = awaited.settled.unwrap_or(row.amount);
        if i128::from(row.amount.minor()) + awaited.adjusted_fen != i128::from(total.minor()) {
            self.wrong(
                awaited.by,
                format!(
                    "adjustments of version {} do not come to {total}",
                    row.version
                ),
            );
        }
        if awaited.refunded_fen > total.minor() {
            self.wrong(
                awaited.by,
                format!("refunds are over version {}", row.version),
            );
        }
    }
}

/// What an entry gives whoever gets the money of a sale, before the fee.
fn merchant_side(entry: &Entry) -> i128 {
    let postings = entry.postings().iter();
    postings
        .map(|posting| {
            let fen = i128::from(posting.amount.minor());
            match (posting.account, posting.side) {
                (
                    Account::MerchantPayable | Account::NetworkPosition | Account::MerchantFees,
                    side,
                ) => match side {
                    Side::Credit => fen,
                    Side::Debit => -fen,
                },
                _ => 0,
            }
        })
        .sum()
}

const BROKEN: &str = "hash chain is broken before this row";

/// Decisions after which more may be held than before.
fn may_hold(kind: Kind) -> bool {
    match kind {
        // A reversal brings back the hold that a void released or a completion captured.
        Kind::PreAuth | Kind::CompletionVoid | Kind::Reversal => true,
        Kind::Purchase
        | Kind::Void
        | Kind::Refund
        | Kind::PreAuthVoid
        | Kind::Completion
        | Kind::CompletionAdvice
        | Kind::DirectCredit
        | Kind::Issue
        | Kind::ReportLoss
        | Kind::LiftLoss
        | Kind::OfflineSale
        | Kind::Adjust
        | Kind::Tip
        | Kind::CreditConfirm
        | Kind::ConfirmedFirst
        | Kind::Replace
        | Kind::ReversedFirst
        | Kind::AccountCheck
        | Kind::BalanceInquiry => false,
    }
}
