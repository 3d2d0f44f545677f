//! What a request leads to whose key came before: its stored answer, a clash, or the place that an
//! early reversal or confirmation keeps for it (CARD-2, CARD-3).

use smallvec::SmallVec;

use crate::decide::{Conclusion, Head, amount_of, conclude, entry_of, kind_of, next, unwritten};
use crate::decision::{Change, Decision};
use crate::entry::{Entry, Kind, Step};
use crate::ids::Position;
use crate::outcome::{DeclineReason, Outcome, Reply};
use crate::rules::{Effect, Refusal, Turn};
use mutants::{Mutant, broken};

/// CARD-2, CARD-3: what an equal key leads to.
pub(crate) fn answer(turn: &Turn<'_>, earlier: &Entry) -> Decision {
    let same = earlier.fingerprint == turn.command.fingerprint;
    let same = same || broken(Mutant::ContentNotCompared);
    match (earlier.kind, earlier.step) {
        (Kind::ReversedFirst, Step::Open) if turn.command.request.only_asks() => {
            let outcome = Outcome::Declined(DeclineReason::ReversedFirst);
            unwritten(turn.command, turn.context, outcome) // CARD-6
        }
        (Kind::ReversedFirst, Step::Open) | (Kind::ConfirmedFirst, Step::Reversed)
            if !turn.command.request.only_asks() =>
        {
            meet_tombstone(turn)
        }
        (Kind::ConfirmedFirst, Step::Open) if is_confirmed(turn, earlier) => {
            meet_confirmed(turn, earlier)
        }
        _ if same => replay(turn, earlier),
        _ => {
            let outcome = Outcome::Declined(DeclineReason::Duplicate);
            unwritten(turn.command, turn.context, outcome)
        }
    }
}

/// The stored answer, to whoever asks now.
fn replay(turn: &Turn<'_>, earlier: &Entry) -> Decision {
    let position = Position {
        offset: earlier.offset,
        ..turn.context.position
    };
    Decision {
        kind: kind_of(&turn.command.request),
        outcome: earlier.outcome,
        reply: Reply {
            reply_to: turn.command.reply_to,
            outcome: earlier.outcome,
            replayed: true,
            amount: amount_of(&turn.command.request),
            available: None,
            version: Some(earlier.version),
            position,
            decided_at: earlier.at(),
            day: earlier.day,
        },
        written: None,
    }
}

/// The late original of an early reversal is refused, and remembered as refused.
fn meet_tombstone(turn: &Turn<'_>) -> Decision {
    let card = turn.card;
    let head = Head {
        card_kind: card.kind,
        version: next(card.version),
        previous: card.hash,
    };
    let refusal = Refusal::from(DeclineReason::ReversedFirst);
    let mut entry = entry_of(turn, head.version, refusal.outcome(), &Effect::default());
    entry.kind = Kind::ReversedFirst;
    entry.step = Step::Met;
    let effect = Effect {
        changes: take_place(turn, entry),
        ..Effect::default()
    };
    conclude(
        turn,
        head,
        refusal.outcome(),
        Conclusion { effect, case: None },
    )
}

/// Whether this is the top-up that was confirmed before it came.
fn is_confirmed(turn: &Turn<'_>, confirmed: &Entry) -> bool {
    kind_of(&turn.command.request) == Kind::DirectCredit
        && amount_of(&turn.command.request) == Some(confirmed.amount)
}

/// The late request of a confirmed top-up is approved; its money is booked already.
fn meet_confirmed(turn: &Turn<'_>, confirmed: &Entry) -> Decision {
    let head = Head {
        card_kind: turn.card.kind,
        version: next(turn.card.version),
        previous: turn.card.hash,
    };
    let mut effect = Effect {
        remainder: confirmed.remainder,
        short: confirmed.short,
        link: confirmed.version,
        ..Effect::default()
    };
    let entry = entry_of(turn, head.version, Outcome::Approved, &effect);
    effect.changes = take_place(turn, entry);
    conclude(
        turn,
        head,
        Outcome::Approved,
        Conclusion { effect, case: None },
    )
}

/// A late request takes the place of what was remembered under its key. What was recalled enters
/// the ring with the decision that uses it.
fn take_place(turn: &Turn<'_>, entry: Entry) -> SmallVec<[Change; 5]> {
    let key = turn.command.key;
    let mut changes = SmallVec::new();
    if turn.card.ring.by_key(key).is_none()
        && let Some(remembered) = turn.by_key(key)
    {
        changes.push(Change::Remember(remembered));
    }
    changes.push(Change::MeetTombstone(key, entry));
    changes
}
