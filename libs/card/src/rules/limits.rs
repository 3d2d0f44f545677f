//! What a holder may spend at once, in a local day and in a local month.

use crate::command::Channel;
use crate::counters::{Counters, local_day};
use crate::decision::Change;
use crate::entry::Entry;
use crate::ids::{Day, Timestamp};
use crate::outcome::DeclineReason;
use crate::rules::booking::Holder;
use crate::rules::{Effect, Turn};
use money::Amount;

/// The sums with one more purchase or hold, if all limits leave room for it.
pub(crate) fn spend(turn: &Turn<'_>, amount: Amount) -> Result<Counters, DeclineReason> {
    let limits = &turn.programme.limits;
    let sums = today(turn).with(amount);
    let is_over_sum = is_over(limits.transaction, amount)
        || is_over(limits.day_amount, sums.day_amount)
        || is_over(limits.month_amount, sums.month_amount);
    if is_over_sum {
        return Err(DeclineReason::OverLimit);
    }
    let is_over_count =
        is_over(limits.day_count, sums.day_count) || is_over(limits.month_count, sums.month_count);
    if is_over_count {
        return Err(DeclineReason::OverCount);
    }
    Ok(sums)
}

/// What of a top-up counts against the day limit of machines and agents: cash that was not paid in
/// at the issuer's own counter.
pub(crate) fn agent_part(turn: &Turn<'_>, amount: Amount, holder: Holder) -> Amount {
    match (turn.command.facts.channel, holder) {
        (Channel::SelfService | Channel::Agent, Holder::SalesPoint) => amount,
        (Channel::SelfService | Channel::Agent, Holder::Bank)
        | (
            Channel::Attended | Channel::Online | Channel::MailOrPhone | Channel::BackOffice,
            Holder::SalesPoint | Holder::Bank,
        ) => Amount::ZERO,
    }
}

/// The sums with one more top-up, if the limit of machines and agents leaves room for it.
pub(crate) fn top_up(turn: &Turn<'_>, part: Amount) -> Result<(), DeclineReason> {
    let sums = today(turn).with_top_up(part);
    if !part.is_zero() && is_over(turn.programme.limits.agent_top_up_day, sums.agent_top_ups) {
        return Err(DeclineReason::OverLimit);
    }
    Ok(())
}

/// Counts a top-up that was let through.
pub(crate) fn count_top_up(turn: &Turn<'_>, part: Amount, effect: &mut Effect) {
    if !part.is_zero() {
        let sums = today(turn).with_top_up(part);
        effect.changes.push(Change::SetCounters(sums));
    }
}

/// The undo of a purchase or hold gives its room back, in the periods that it was counted in.
pub(crate) fn give_back(turn: &Turn<'_>, original: &Entry, effect: &mut Effect) {
    let sums = today(turn);
    set(
        turn,
        sums.without(day_of(turn, original.at()), original.amount),
        effect,
    );
}

/// A purchase or hold is in force again and takes its room again, even if others took it meanwhile.
pub(crate) fn take_again(turn: &Turn<'_>, original: &Entry, effect: &mut Effect) {
    let sums = today(turn);
    set(
        turn,
        sums.with_late(day_of(turn, original.at()), original.amount),
        effect,
    );
}

/// The undo of a top-up gives its room back.
pub(crate) fn give_back_top_up(turn: &Turn<'_>, credit: &Entry, effect: &mut Effect) {
    let day = day_of(turn, credit.at());
    set(turn, today(turn).without_top_up(day, credit.short), effect);
}

fn set(turn: &Turn<'_>, sums: Counters, effect: &mut Effect) {
    if sums != turn.card.counters {
        effect.changes.push(Change::SetCounters(sums));
    }
}

fn today(turn: &Turn<'_>) -> Counters {
    turn.card.counters.on(day_of(turn, turn.now))
}

fn day_of(turn: &Turn<'_>, moment: Timestamp) -> Day {
    local_day(moment, turn.context.rules.utc_offset_minutes)
}

fn is_over<T: PartialOrd>(limit: Option<T>, value: T) -> bool {
    limit.is_some_and(|limit| value > limit)
}
