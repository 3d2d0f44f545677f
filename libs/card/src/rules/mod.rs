//! One file per request. Each is a ladder: checks in the order of precedence, each an early
//! return with its reason, and at the end what becomes of the card and the books.

pub(crate) mod adjust;
pub(crate) mod completion;
pub(crate) mod completion_void;
pub(crate) mod credit;
pub(crate) mod credit_confirm;
pub(crate) mod inquiry;
pub(crate) mod issue;
pub(crate) mod loss;
pub(crate) mod pre_auth;
pub(crate) mod pre_auth_void;
pub(crate) mod purchase;
pub(crate) mod refund;
pub(crate) mod replacement;
pub(crate) mod reversal;
pub(crate) mod void;

mod acceptance;
mod booking;
mod limits;
mod original;

use smallvec::SmallVec;

use crate::card::{Card, HOLDS_MAX, Hold, MediumStatus, UNCLEARED_MAX, Uncleared};
use crate::command::{CheckFact, Command, CompletionForm, Request};
use crate::decide::{Context, Need};
use crate::decision::Change;
use crate::entry::Entry;
use crate::ids::{Day, LegKey, Timestamp, Version};
use crate::outcome::{DeclineReason, Outcome};
use crate::programme::Programme;
use crate::row::Case;
use ledger::Entry as LedgerEntry;
use money::Amount;

/// What an approved request does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effect {
    /// What becomes of the state.
    pub(crate) changes: SmallVec<[Change; 5]>,
    /// The money that moves.
    pub(crate) ledger: Option<LedgerEntry>,
    /// What of it may be refunded later, or what its undo needs, see [`Entry::remainder`].
    pub(crate) remainder: Amount,
    /// The merchant's fee.
    pub(crate) fee: Amount,
    /// What the balance did not cover.
    pub(crate) short: Amount,
    /// The transaction that it acts on.
    pub(crate) link: Version,
    /// The day it counts for, when that is not the open one.
    pub(crate) day: Option<Day>,
    /// Why people must look at it.
    pub(crate) case: Option<Case>,
    /// The key of a direct credit that was confirmed before it came.
    pub(crate) confirmed_first: Option<LegKey>,
    /// How it ends: approved, or accepted with a defect.
    pub(crate) outcome: Outcome,
}

/// Why a request is refused, and what is remembered of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) reason: DeclineReason,
    pub(crate) case: Option<Case>,
    /// The key that is reversed before it came (CARD-3).
    pub(crate) tombstone: Option<LegKey>,
    pub(crate) link: Version,
}

impl From<DeclineReason> for Refusal {
    fn from(reason: DeclineReason) -> Self {
        Self {
            reason,
            case: None,
            tombstone: None,
            link: Version(0),
        }
    }
}

impl Refusal {
    pub(crate) const fn outcome(self) -> Outcome {
        Outcome::Declined(self.reason)
    }

    pub(crate) fn with_case(self, case: Case) -> Self {
        Self {
            case: Some(case),
            ..self
        }
    }
}

/// What a rule says.
pub(crate) type Verdict = Result<Effect, Refusal>;

/// One command's turn at its card.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn<'a> {
    pub(crate) card: &'a Card,
    pub(crate) command: &'a Command,
    pub(crate) context: &'a Context<'a>,
    pub(crate) programme: &'a Programme,
    pub(crate) now: Timestamp,
}

/// Balances after a decision's changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct After {
    pub(crate) posted: Amount,
    pub(crate) held: Amount,
}

impl Turn<'_> {
    /// A recent or recalled transaction, by the identity of its request. The ring wins over what
    /// was recalled.
    pub(crate) fn by_key(&self, key: LegKey) -> Option<Entry> {
        let recalled = || self.recalled(|entry| entry.key == key);
        self.card.ring.by_key(key).copied().or_else(recalled)
    }

    pub(crate) fn by_offset(&self, offset: u64) -> Option<Entry> {
        let recalled = || self.recalled(|entry| entry.offset == offset);
        self.card.ring.by_offset(offset).copied().or_else(recalled)
    }

    pub(crate) fn by_version(&self, version: Version) -> Option<Entry> {
        let recalled = || self.recalled(|entry| entry.version == version);
        self.card
            .ring
            .by_version(version)
            .copied()
            .or_else(recalled)
    }

    /// The youngest that fits, since a terminal may use a key again after the retention. What has
    /// come back to the ring is newer than what the store told.
    fn recalled(&self, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let fitting = self
            .context
            .recalled
            .entries
            .iter()
            .filter(|entry| wanted(entry));
        let found = fitting.max_by_key(|entry| entry.version)?;
        let at_hand = self.card.ring.by_version(found.version);
        let same = at_hand.filter(|entry| entry.kind == found.kind);
        Some(same.copied().unwrap_or(*found))
    }

    /// A digest of the merchant, as entries keep it.
    pub(crate) fn merchant(&self) -> u32 {
        merchant_digest(&self.command.place.merchant.0)
    }

    pub(crate) fn available(&self) -> Amount {
        self.card.available(self.now)
    }

    /// OWN-4: no room for one more hold that counts.
    pub(crate) fn is_full_of_holds(&self) -> bool {
        let open = |hold: &&Hold| hold.expires_at > self.now;
        self.card.holds.iter().filter(open).count() >= HOLDS_MAX
    }

    /// OWN-4: no room for one more credit that waits to clear.
    pub(crate) fn is_full_of_credits(&self) -> bool {
        let waiting = |credit: &&Uncleared| credit.clears_at > self.now;
        self.card.uncleared.iter().filter(waiting).count() >= UNCLEARED_MAX
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.card
            .is_expired(self.now, self.context.rules.utc_offset_minutes)
    }

    /// The day of an undone step: its own while that is open, else the open one.
    pub(crate) fn day_of_undo(&self, original: &Entry) -> Day {
        if original.day > self.context.frozen_through {
            original.day
        } else {
            self.context.day
        }
    }

    /// The rungs that every new debit stands on: state of the card, then what was checked, then
    /// where it is. A locked or lost card is judged before the PIN, so that guessing tells nothing.
    pub(crate) fn may_debit(&self) -> Result<(), DeclineReason> {
        self.may_use()?;
        if self.is_expired() {
            return Err(DeclineReason::ExpiredCard);
        }
        self.facts_hold()?;
        acceptance::check(self.programme, &self.command.facts)
    }

    /// Nothing is spent, and no balance told, by a lost card or a medium that was replaced.
    pub(crate) fn may_use(&self) -> Result<(), DeclineReason> {
        let status = self.card.medium_status(self.command.medium);
        if self.is_lost() || status == MediumStatus::CreditsOnly {
            return Err(DeclineReason::LostCard);
        }
        Ok(())
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.card.is_lost(self.now)
    }

    pub(crate) fn facts_hold(&self) -> Result<(), DeclineReason> {
        match (self.command.facts.pin, self.command.facts.cryptogram) {
            (CheckFact::Failed, _) => Err(DeclineReason::WrongPin),
            (_, CheckFact::Failed) => Err(DeclineReason::WrongCryptogram),
            _ => Ok(()),
        }
    }

    /// The balances that a decision's row tells.
    pub(crate) fn after(&self, changes: &[Change]) -> After {
        let start = After {
            posted: self.card.posted,
            held: self.card.held(self.now),
        };
        changes
            .iter()
            .fold(start, |after, change| self.after_one(after, change))
    }

    fn after_one(&self, after: After, change: &Change) -> After {
        let add = |a: Amount, b| a.checked_add(b).expect("bounded by the rule that made it");
        match change {
            Change::Credit(amount) => After {
                posted: add(after.posted, *amount),
                ..after
            },
            Change::Debit(amount) => After {
                posted: after.posted.saturating_sub(*amount),
                ..after
            },
            Change::PlaceHold(hold) if hold.expires_at > self.now => After {
                held: add(after.held, hold.amount),
                ..after
            },
            Change::RemoveHold(version) => {
                let freed = self
                    .card
                    .open_hold(*version, self.now)
                    .map(|hold| hold.amount);
                After {
                    held: after.held.saturating_sub(freed.unwrap_or_default()),
                    ..after
                }
            }
            Change::PlaceHold(_)
            | Change::AddUncleared(_)
            | Change::RemoveUncleared(_)
            | Change::Remember(_)
            | Change::SetStep(..)
            | Change::SetRemainder(..)
            | Change::MeetTombstone(..)
            | Change::SetIssued(_)
            | Change::SetLoss(_)
            | Change::SetStepOfKey(..)
            | Change::Adjust(..)
            | Change::SetCounters(_)
            | Change::SetMedium(_) => after,
        }
    }
}

/// FNV-1a over a merchant id: tells two merchants of one card apart.
pub(crate) fn merchant_digest(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Applies the rule of the request.
pub(crate) fn apply(turn: &Turn<'_>) -> Verdict {
    let mut effect = rule(turn)?;
    let credited = effect.changes.iter().find_map(|change| match change {
        Change::Credit(amount) => Some(*amount),
        Change::Debit(_)
        | Change::PlaceHold(_)
        | Change::RemoveHold(_)
        | Change::AddUncleared(_)
        | Change::RemoveUncleared(_)
        | Change::Remember(_)
        | Change::SetStep(..)
        | Change::SetRemainder(..)
        | Change::MeetTombstone(..)
        | Change::SetIssued(_)
        | Change::SetLoss(_)
        | Change::SetStepOfKey(..)
        | Change::Adjust(..)
        | Change::SetCounters(_)
        | Change::SetMedium(_) => None,
    });
    if let Some(credited) = credited {
        let posted = turn.card.posted.checked_add(credited);
        let posted = posted.map_err(|_| DeclineReason::OverLimit)?; // More than the type can say.
        // CARD-5: what is given back is never refused for the cap, but people are told.
        let is_over_cap = posted > turn.programme.balance_cap;
        effect.case = effect.case.or(is_over_cap.then_some(Case::OverCapRefund));
    }
    Ok(effect)
}

fn rule(turn: &Turn<'_>) -> Verdict {
    match &turn.command.request {
        Request::BalanceInquiry | Request::AccountCheck => {
            unreachable!("CARD-6: what only asks was answered before")
        }
        Request::OfflineSale { amount, original } => {
            completion::decide(turn, *amount, original, CompletionForm::Advice)
        }
        Request::Adjust {
            amount,
            original,
            what,
        } => adjust::decide(turn, *amount, original, *what),
        Request::CreditConfirm {
            amount,
            source,
            original,
        } => credit_confirm::decide(turn, *amount, *source, original),
        Request::Replace { medium, reason } => replacement::decide(turn, *medium, *reason),
        Request::Purchase { amount } => purchase::decide(turn, *amount),
        Request::Void { amount, original } => void::decide(turn, *amount, original),
        Request::Refund { amount, original } => refund::decide(turn, *amount, original),
        Request::PreAuth { amount } => pre_auth::decide(turn, *amount),
        Request::PreAuthVoid { amount, original } => pre_auth_void::decide(turn, *amount, original),
        Request::Completion {
            amount,
            original,
            form,
        } => completion::decide(turn, *amount, original, *form),
        Request::CompletionVoid { amount, original } => {
            completion_void::decide(turn, *amount, original)
        }
        Request::Reversal { amount, original } => reversal::decide(turn, *amount, original),
        Request::DirectCredit { amount, source } => credit::decide(turn, *amount, *source),
        Request::Issue { .. } => Err(DeclineReason::AlreadyIssued.into()),
        Request::ReportLoss { form } => loss::report(turn, *form),
        Request::LiftLoss => loss::lift(turn),
    }
}

/// A recalled entry may go back into the ring: whether its key still is its own must be known then.
fn need_keys_of_recalled(turn: &Turn<'_>, needs: &mut SmallVec<[Need; 3]>) {
    let entries = turn.context.recalled.entries.iter();
    let unknown = entries.filter(|entry| turn.card.ring.by_key(entry.key).is_none());
    needs.extend(unknown.map(|entry| Need::Key(entry.key)));
}

/// What the request refers to and the card does not have at hand.
pub(crate) fn references(turn: &Turn<'_>) -> SmallVec<[Need; 3]> {
    let mut needs = SmallVec::new();
    let retention = turn.programme.key_retention_ms;
    let young_are_here = turn.card.ring.is_complete(turn.now, retention);
    if !turn.command.request.only_asks()
        && !young_are_here
        && turn.by_key(turn.command.key).is_none()
    {
        needs.push(Need::Key(turn.command.key));
    }
    if turn.card.ring.has_evicted() {
        original::references(turn, &mut needs);
        need_keys_of_recalled(turn, &mut needs);
    }
    needs
}
