//! Finding the transaction that a request points at.

use smallvec::SmallVec;

use crate::command::{OriginalRef, Request};
use crate::decide::Need;
use crate::decision::Change;
use crate::entry::{Entry, Kind, Step};
use crate::ids::{LegKey, Version};
use crate::outcome::DeclineReason;
use crate::rules::{Effect, Turn};

/// How strictly the terminal must be the original's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// Same terminal, batch and day.
    Same,
    /// Any terminal of the same merchant.
    OfMerchant,
}

/// The transaction that a void or refund names by RRN, or by batch and trace.
pub(crate) fn find(turn: &Turn<'_>, original: &OriginalRef) -> Option<Entry> {
    let by_key = original.key.and_then(|key| turn.by_key(key));
    let found = match original.offset {
        Some(offset) => turn.by_offset(offset).or(by_key)?,
        None => by_key?,
    };
    // A reversal's own entry and a tombstone share the original's record; they are not it.
    (found.kind != Kind::ReversedFirst && found.kind != Kind::Reversal).then_some(found)
}

/// As [`matching`], but the approval code alone will do: a receipt may have nothing else.
pub(crate) fn matching_any(
    turn: &Turn<'_>,
    original: &OriginalRef,
    terminal: Terminal,
    kinds: &[Kind],
) -> Result<Entry, DeclineReason> {
    let by_code = by_code_alone(original).and_then(|version| turn.by_version(version));
    match by_code {
        Some(found) => check(turn, original, found, (terminal, kinds)),
        None => matching(turn, original, terminal, kinds),
    }
}

/// The approval code, where nothing else is named.
const fn by_code_alone(original: &OriginalRef) -> Option<Version> {
    match (original.key, original.offset) {
        (None, None) => original.approval,
        _ => None,
    }
}

/// Checks that what was found is what was named, of one of these kinds, approved and by the same
/// merchant. The order of the checks is the order of precedence.
pub(crate) fn matching(
    turn: &Turn<'_>,
    original: &OriginalRef,
    terminal: Terminal,
    kinds: &[Kind],
) -> Result<Entry, DeclineReason> {
    let found = find(turn, original).ok_or(DeclineReason::OriginalNotFound)?;
    check(turn, original, found, (terminal, kinds))
}

fn check(
    turn: &Turn<'_>,
    original: &OriginalRef,
    found: Entry,
    (terminal, kinds): (Terminal, &[Kind]),
) -> Result<Entry, DeclineReason> {
    let named_rrn = original.offset.is_none_or(|offset| offset == found.offset);
    let named_code = original
        .approval
        .is_none_or(|version| version == found.version || is_linked_to(&found, version));
    if found.merchant != turn.merchant() || !kinds.contains(&found.kind) {
        return Err(DeclineReason::OriginalNotFound);
    }
    if terminal == Terminal::Same && original.key.is_some_and(|key| key != found.key) {
        return Err(DeclineReason::TerminalMismatch);
    }
    if !named_rrn || !named_code {
        return Err(DeclineReason::OriginalNotFound);
    }
    if !found.outcome.is_approved() {
        return Err(DeclineReason::OriginalInvalid);
    }
    Ok(found)
}

/// Whether the approval code is that of the hold which a completion captured. Version 0 is none.
fn is_linked_to(found: &Entry, version: Version) -> bool {
    found.link != Version(0) && found.link == version
}

/// The pre-authorisation that a completion or its void names, by approval code first.
pub(crate) fn pre_auth(turn: &Turn<'_>, original: &OriginalRef) -> Result<Entry, DeclineReason> {
    let found = match original.approval {
        Some(version) => turn.by_version(version),
        None => find(turn, original),
    };
    let found = found.ok_or(DeclineReason::OriginalNotFound)?;
    let named_rrn = original.offset.is_none_or(|offset| offset == found.offset);
    if found.kind != Kind::PreAuth || found.merchant != turn.merchant() || !named_rrn {
        return Err(DeclineReason::OriginalNotFound);
    }
    if !found.outcome.is_approved() {
        return Err(DeclineReason::OriginalInvalid);
    }
    Ok(found)
}

/// Puts a recalled transaction back into the ring, with the decision that uses it, so that its
/// new step or remainder has a place (STORE-6).
///
/// CARD-2: if a younger request uses its key by now, it comes back under a key that nobody asks
/// for, and is found by RRN or approval code; else it would hide the younger one's entry.
pub(crate) fn bring_back(turn: &Turn<'_>, entry: &Entry, effect: &mut Effect) {
    let at_hand = turn.card.ring.by_version(entry.version).is_some();
    let brought = effect
        .changes
        .iter()
        .any(|change| matches!(change, Change::Remember(other) if other.version == entry.version));
    if at_hand || brought {
        return;
    }
    let holder = turn.by_key(entry.key);
    let is_reused = holder.is_some_and(|holder| holder.version != entry.version);
    let key = if is_reused {
        LegKey::retired(entry.version)
    } else {
        entry.key
    };
    effect
        .changes
        .push(Change::Remember(Entry { key, ..*entry }));
}

/// Moves the transaction that holds a key to another step.
pub(crate) fn set_step_of_key(turn: &Turn<'_>, entry: &Entry, step: Step, effect: &mut Effect) {
    if turn.card.ring.by_key(entry.key).is_none() {
        effect.changes.push(Change::Remember(*entry));
    }
    effect.changes.push(Change::SetStepOfKey(entry.key, step));
}

/// Moves a transaction to another step.
pub(crate) fn set_step(turn: &Turn<'_>, entry: &Entry, step: Step, effect: &mut Effect) {
    bring_back(turn, entry, effect);
    effect.changes.push(Change::SetStep(entry.version, step));
}

/// What of the request's references is not at hand.
pub(super) fn references(turn: &Turn<'_>, needs: &mut SmallVec<[Need; 3]>) {
    match &turn.command.request {
        Request::BalanceInquiry
        | Request::AccountCheck
        | Request::Purchase { .. }
        | Request::PreAuth { .. }
        | Request::DirectCredit { .. }
        | Request::Issue { .. }
        | Request::ReportLoss { .. }
        | Request::LiftLoss
        | Request::Replace { .. } => {}
        Request::PreAuthVoid { original, .. }
        | Request::Completion { original, .. }
        | Request::OfflineSale { original, .. } => match original.approval {
            Some(version) => need_version(turn, version, needs),
            None => need_original(turn, original, needs),
        },
        Request::Adjust { original, .. } => {
            match by_code_alone(original) {
                Some(version) => need_version(turn, version, needs),
                None => need_original(turn, original, needs),
            }
            need_links(turn, original, needs);
        }
        Request::Void { original, .. }
        | Request::Refund { original, .. }
        | Request::CompletionVoid { original, .. }
        | Request::CreditConfirm { original, .. }
        | Request::Reversal { original, .. } => {
            need_original(turn, original, needs);
            need_links(turn, original, needs);
        }
    }
}

fn need_original(turn: &Turn<'_>, original: &OriginalRef, needs: &mut SmallVec<[Need; 3]>) {
    if let Some(offset) = original.offset
        && turn.by_offset(offset).is_none()
    {
        needs.push(Need::Offset(offset));
    }
    if let Some(key) = original.key
        && turn.by_key(key).is_none()
    {
        needs.push(Need::Key(key));
    }
}

/// The hold of a completion, the purchase of a void, and what those link to in turn.
fn need_links(turn: &Turn<'_>, original: &OriginalRef, needs: &mut SmallVec<[Need; 3]>) {
    let by_code = by_code_alone(original).and_then(|version| turn.by_version(version));
    let mut next = by_code.or_else(|| find(turn, original));
    // A link leads to an older version, but that a key confirmed first names its own confirmation.
    let leads_back = |entry: &Entry| entry.link != Version(0) && entry.link < entry.version;
    while let Some(entry) = next.filter(leads_back) {
        need_version(turn, entry.link, needs);
        next = turn.by_version(entry.link);
    }
}

fn need_version(turn: &Turn<'_>, version: Version, needs: &mut SmallVec<[Need; 3]>) {
    if version != Version(0) && turn.by_version(version).is_none() {
        needs.push(Need::Version(version));
    }
}
