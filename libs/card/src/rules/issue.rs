//! The first decision of a card: it comes on the books, with the balance that it was sold with.

use crate::card::Card;
use crate::command::{Command, Request};
use crate::decide::{Context, Head, approved, declined_unwritten};
use crate::decision::{Change, Decision};
use crate::ids::{Timestamp, Version};
use crate::outcome::DeclineReason;
use crate::rules::booking::{self, Holder};
use crate::rules::{Effect, Turn};
use money::Amount;

pub(crate) fn decide_first(command: &Command, context: &Context<'_>) -> Decision {
    let Request::Issue {
        programme: id,
        expiry,
        amount,
        source,
    } = command.request
    else {
        return declined_unwritten(command, context, DeclineReason::UnknownCard);
    };
    let Some(programme) = context.rules.programmes.get(&id) else {
        return declined_unwritten(command, context, DeclineReason::NotPermitted);
    };
    if amount > programme.balance_cap {
        return declined_unwritten(command, context, DeclineReason::OverLimit);
    }
    let holder = match Holder::of(source) {
        Ok(holder) => holder,
        Err(reason) => return declined_unwritten(command, context, reason),
    };
    let card = Card::new(command.card, id, programme.kind, expiry);
    let now = card.now(context.appended_at);
    let turn = Turn {
        card: &card,
        command,
        context,
        programme,
        now,
    };
    let head = Head {
        card_kind: programme.kind,
        version: Version(1),
        previous: [0; 32],
    };
    approved(&turn, head, sold(&turn, amount, holder, now))
}

fn sold(turn: &Turn<'_>, amount: Amount, holder: Holder, now: Timestamp) -> Effect {
    let mut effect = Effect::default();
    effect.changes.push(Change::SetIssued(now));
    if !amount.is_zero() {
        effect.changes.push(Change::Credit(amount));
        effect.ledger = Some(booking::credit(turn.card.account(), amount, holder));
    }
    effect
}
