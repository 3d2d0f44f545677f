//! The state of one card, and how a decision changes it.

use crate::counters::Counters;
use crate::decision::{Adjustment, Change, Written};
use crate::entry::{Entry, RING_ENTRIES_MAX, Ring, Step};
use crate::ids::{CardId, LegKey, PartitionId, Position, ProgrammeId, Timestamp, Version};
use crate::programme::CardKind;
use ledger::Account;
use money::Amount;
use mutants::{Mutant, broken};

/// Open holds that a card may have; one more is declined.
pub const HOLDS_MAX: usize = 32;

/// Voids whose credit has not cleared that a card may have; one more is declined.
pub const UNCLEARED_MAX: usize = 32;

/// The size that a body must never pass (OWN-4).
pub const BODY_SIZE_MAX: usize = 32 * 1024;

const ENTRY_SIZE_MAX: usize = 100;
const _: () = assert!(RING_ENTRIES_MAX * ENTRY_SIZE_MAX + 64 * 64 + 256 < BODY_SIZE_MAX / 2);

/// A memo against the available balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The decision that placed it; its approval code.
    pub version: Version,
    /// The offset of its record; its RRN.
    pub offset: u64,
    /// How much.
    pub amount: Amount,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// From here on it is not counted and cannot be captured.
    pub expires_at: Timestamp,
    /// A digest of the merchant.
    pub merchant: u32,
}

/// Credit of a void that may still be reversed: on the books, not spendable (CARD-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncleared {
    /// The decision that voided.
    pub version: Version,
    /// How much.
    pub amount: Amount,
    /// From here on it may be spent.
    pub clears_at: Timestamp,
}

/// A loss report in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// When it was reported.
    pub since: Timestamp,
    /// When a temporary report ends by itself; none for a formal one.
    pub until: Option<Timestamp>,
}

/// What a medium of a card is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediumStatus {
    /// Everything.
    Active,
    /// It was replaced: what comes back to the card still finds it, nothing is spent.
    CreditsOnly,
}

/// One card: what its journal adds up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub(crate) id: CardId,
    pub(crate) programme: ProgrammeId,
    pub(crate) kind: CardKind,
    pub(crate) expiry: u16,
    pub(crate) issued_at: Timestamp,
    pub(crate) loss: Option<Loss>,
    /// The medium that replaced all others; 0 while none was replaced.
    pub(crate) active_medium: u8,
    pub(crate) version: Version,
    pub(crate) last_time: Timestamp,
    pub(crate) applied: Position,
    pub(crate) posted: Amount,
    pub(crate) holds: Vec<Hold>,
    pub(crate) uncleared: Vec<Uncleared>,
    pub(crate) counters: Counters,
    pub(crate) ring: Ring,
    pub(crate) hash: [u8; 32],
}

impl Card {
    /// A card before its first decision.
    pub(crate) fn new(id: CardId, programme: ProgrammeId, kind: CardKind, expiry: u16) -> Self {
        Self {
            id,
            programme,
            kind,
            expiry,
            issued_at: Timestamp(0),
            loss: None,
            active_medium: 0,
            version: Version(0),
            last_time: Timestamp(0),
            applied: Position {
                partition: PartitionId(0),
                offset: 0,
            },
            posted: Amount::ZERO,
            holds: Vec::new(),
            uncleared: Vec::new(),
            counters: Counters::default(),
            ring: Ring::default(),
            hash: [0; 32],
        }
    }

    /// The card's id.
    #[must_use]
    pub const fn id(&self) -> CardId {
        self.id
    }

    /// The product.
    #[must_use]
    pub const fn programme(&self) -> ProgrammeId {
        self.programme
    }

    /// Registered or anonymous.
    #[must_use]
    pub const fn kind(&self) -> CardKind {
        self.kind
    }

    /// The control account of its balance.
    #[must_use]
    pub const fn account(&self) -> Account {
        self.kind.account()
    }

    /// The last month of validity as YYMM, 0 = none.
    #[must_use]
    pub const fn expiry(&self) -> u16 {
        self.expiry
    }

    /// The last loss report that was not lifted. A temporary one may have ended by itself.
    #[must_use]
    pub const fn loss(&self) -> Option<Loss> {
        self.loss
    }

    /// Whether a loss report is in force.
    #[must_use]
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.loss
            .is_some_and(|loss| loss.until.is_none_or(|until| now < until))
    }

    /// What a medium is good for.
    #[must_use]
    pub const fn medium_status(&self, medium: u8) -> MediumStatus {
        if self.active_medium == 0 || self.active_medium == medium {
            MediumStatus::Active
        } else {
            MediumStatus::CreditsOnly
        }
    }

    /// The medium that replaced all others; none while none was replaced.
    #[must_use]
    pub const fn active_medium(&self) -> Option<u8> {
        match self.active_medium {
            0 => None,
            medium => Some(medium),
        }
    }

    /// The number of its last decision.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The record that led to its last decision. What is at or below it is not decided again
    /// (LOG-3).
    #[must_use]
    pub const fn applied(&self) -> Position {
        self.applied
    }

    /// The hash of its last journal row.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// What is booked.
    #[must_use]
    pub const fn posted(&self) -> Amount {
        self.posted
    }

    /// The card's own time: never before its last decision (LOG-5).
    #[must_use]
    pub fn now(&self, appended_at: Timestamp) -> Timestamp {
        match broken(Mutant::TimeRunsBack) {
            true => appended_at,
            false => self.last_time.max(appended_at),
        }
    }

    /// The open holds, with those past their life.
    #[must_use]
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// The sum of holds that still count.
    #[must_use]
    pub fn held(&self, now: Timestamp) -> Amount {
        sum(self
            .holds
            .iter()
            .filter(|hold| hold.expires_at > now)
            .map(|hold| hold.amount))
    }

    /// The sum of credits that may not be spent yet.
    #[must_use]
    pub fn uncleared(&self, now: Timestamp) -> Amount {
        sum(self
            .uncleared
            .iter()
            .filter(|credit| credit.clears_at > now)
            .map(|c| c.amount))
    }

    /// CARD-1: posted − held − uncleared, never below zero.
    #[must_use]
    pub fn available(&self, now: Timestamp) -> Amount {
        if broken(Mutant::HoldNotCounted) {
            return self.posted.saturating_sub(self.uncleared(now));
        }
        self.posted
            .saturating_sub(self.held(now))
            .saturating_sub(self.uncleared(now))
    }

    /// A hold that still counts.
    pub(crate) fn open_hold(&self, version: Version, now: Timestamp) -> Option<&Hold> {
        self.holds
            .iter()
            .find(|hold| hold.version == version && hold.expires_at > now)
    }

    /// Whether the last month of validity is over at `now`.
    pub(crate) fn is_expired(&self, now: Timestamp, utc_offset_minutes: i16) -> bool {
        self.expiry != 0 && crate::calendar::Civil::at(now, utc_offset_minutes).yymm() > self.expiry
    }

    /// Takes a decision's changes in. Entries that left the ring are handed back for their key
    /// rows.
    ///
    /// # Panics
    /// When the decision was not made from this state, or breaks CARD-1: a bug, caught before
    /// anything is written.
    pub fn apply(&mut self, written: &Written) -> Vec<Entry> {
        assert_eq!(
            written.version.0,
            self.version.0.wrapping_add(1),
            "CARD-6: one version each"
        );
        self.version = written.version;
        self.last_time = written.now;
        self.applied = written.position;
        self.hash = written.hash;
        self.holds.retain(|hold| hold.expires_at > written.now);
        self.uncleared
            .retain(|credit| credit.clears_at > written.now);
        written
            .changes
            .iter()
            .for_each(|change| self.change(change));
        let evicted = self.ring.evict();
        let bound = self
            .held(written.now)
            .checked_add(self.uncleared(written.now));
        assert!(
            bound.is_ok_and(|bound| bound <= self.posted),
            "CARD-1: available below zero"
        );
        evicted
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Credit(amount) => {
                self.posted = self
                    .posted
                    .checked_add(*amount)
                    .expect("checked by the rule");
            }
            Change::Debit(amount) => {
                self.posted = self.posted.checked_sub(*amount).expect("CARD-1: covered");
            }
            Change::PlaceHold(hold) => self.holds.push(*hold),
            Change::RemoveHold(version) => self.holds.retain(|hold| hold.version != *version),
            Change::AddUncleared(credit) => self.uncleared.push(*credit),
            Change::RemoveUncleared(version) => {
                self.uncleared.retain(|credit| credit.version != *version);
            }
            Change::Remember(entry) => self.ring.push(*entry),
            Change::SetStep(version, step) => self.entry_mut(*version).step = *step,
            Change::SetRemainder(version, rest) => self.entry_mut(*version).remainder = *rest,
            Change::MeetTombstone(key, entry) => self.meet(*key, *entry),
            Change::SetIssued(at) => self.issued_at = *at,
            Change::SetLoss(loss) => self.loss = *loss,
            Change::SetStepOfKey(key, step) => {
                let entry = self.ring.by_key_mut(*key);
                entry.expect("the rule saw it in the ring").step = *step;
            }
            Change::Adjust(version, adjustment) => self.adjust(*version, *adjustment),
            Change::SetCounters(counters) => self.counters = *counters,
            Change::SetMedium(medium) => self.active_medium = *medium,
        }
    }

    fn entry_mut(&mut self, version: Version) -> &mut Entry {
        self.ring
            .by_version_mut(version)
            .expect("the rule saw it in the ring")
    }

    fn adjust(&mut self, version: Version, adjustment: Adjustment) {
        let sale = self.entry_mut(version);
        sale.step = Step::Adjusted;
        sale.settled = adjustment.settled;
        sale.remainder = adjustment.settled;
        sale.fee = adjustment.fee;
        sale.short = adjustment.short;
    }

    fn meet(&mut self, key: LegKey, entry: Entry) {
        let tombstone = self
            .ring
            .by_key_mut(key)
            .expect("the rule saw it in the ring");
        *tombstone = entry;
    }
}

fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, |sum, amount| {
        sum.checked_add(amount)
            .expect("holds and credits are bounded by the balance")
    })
}
