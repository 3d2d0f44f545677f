//! One command against one card: the same inputs give the same decision, everywhere and always.

use smallvec::SmallVec;

use crate::again;
use crate::card::Card;
use crate::command::{Adjusted, Command, CompletionForm, Request};
use crate::decision::{Change, Decision, Written};
use crate::entry::{Entry, Kind, Step};
use crate::ids::{Day, LegKey, Position, Timestamp, Version};
use crate::outcome::{DeclineReason, Outcome, Reply};
use crate::programme::{CardKind, Programme, Rules};
use crate::row::{Case, Row};
use crate::rules::{self, Effect, Refusal, Turn};
use money::Amount;

/// Everything besides card and command that a decision depends on; each is a function of the log.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The log's clock when the command was appended.
    pub appended_at: Timestamp,
    /// The command's record.
    pub position: Position,
    /// The day that new work is dated with.
    pub day: Day,
    /// Days up to this one take no more bookings.
    pub frozen_through: Day,
    /// The products in force.
    pub rules: &'a Rules,
    /// What was fetched for this command because the card no longer has it at hand.
    pub recalled: &'a Recalled,
}

/// Old entries fetched before the turn, and what was looked for in vain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recalled {
    /// What was found.
    pub entries: Vec<Entry>,
    /// What was asked, found or not.
    pub asked: Vec<Need>,
}

/// Something that a command refers to and the card no longer has at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The key row of a request.
    Key(LegKey),
    /// The key row whose RRN names this offset.
    Offset(u64),
    /// The key row of the decision with this number.
    Version(Version),
}

/// Decides one command. Nothing is random, local or read from a clock (CARD-7).
///
/// # Panics
/// Only on a bug of ours; the card is untouched then.
#[must_use]
pub fn decide(card: Option<&Card>, command: &Command, context: &Context<'_>) -> Decision {
    match (card, &command.request) {
        (Some(card), _) => decide_on(card, command, context),
        (None, Request::Issue { .. }) => rules::issue::decide_first(command, context),
        (None, _) => unwritten(
            command,
            context,
            Outcome::Declined(DeclineReason::UnknownCard),
        ),
    }
}

/// What must be fetched before the command can be decided; ask again until nothing is left.
///
/// A young card never asks: its ring is complete.
#[must_use]
pub fn needs(card: &Card, command: &Command, context: &Context<'_>) -> SmallVec<[Need; 3]> {
    let Some(programme) = context.rules.programmes.get(&card.programme) else {
        return SmallVec::new();
    };
    let now = card.now(context.appended_at);
    let turn = Turn {
        card,
        command,
        context,
        programme,
        now,
    };
    let mut needs = rules::references(&turn);
    needs.retain(|need| !context.recalled.asked.contains(need));
    needs
}

fn decide_on(card: &Card, command: &Command, context: &Context<'_>) -> Decision {
    let Some(programme) = context.rules.programmes.get(&card.programme) else {
        return unwritten(
            command,
            context,
            Outcome::Declined(DeclineReason::NotPermitted),
        );
    };
    let turn = Turn {
        card,
        command,
        context,
        programme,
        now: card.now(context.appended_at),
    };
    if let Some(earlier) = turn.by_key(command.key)
        && earlier.is_retained(turn.now, programme.key_retention_ms)
    {
        return again::answer(&turn, &earlier);
    }
    if command.request.only_asks() {
        return inquire(&turn);
    }
    let head = Head {
        card_kind: card.kind,
        version: next(card.version),
        previous: card.hash,
    };
    match rules::apply(&turn) {
        Ok(effect) => approved(&turn, head, effect),
        Err(refusal) => declined(&turn, head, refusal),
    }
}

fn inquire(turn: &Turn<'_>) -> Decision {
    let is_check = turn.command.request == Request::AccountCheck;
    let answer = match is_check {
        true => rules::inquiry::account(turn),
        false => rules::inquiry::balance(turn),
    };
    let outcome = match answer {
        Ok(()) => Outcome::Approved,
        Err(reason) => Outcome::Declined(reason),
    };
    let mut decision = unwritten(turn.command, turn.context, outcome);
    if outcome.is_approved() && !is_check {
        decision.reply.available = Some(turn.card.available(turn.now));
    }
    decision
}

/// An answer that leaves no trace on the card.
pub(crate) fn unwritten(command: &Command, context: &Context<'_>, outcome: Outcome) -> Decision {
    Decision {
        kind: kind_of(&command.request),
        outcome,
        reply: Reply {
            reply_to: command.reply_to,
            outcome,
            replayed: false,
            amount: amount_of(&command.request),
            available: None,
            version: None,
            position: context.position,
            decided_at: whole_seconds(context.appended_at),
            day: context.day,
        },
        written: None,
    }
}

/// A refusal before there is a card to remember it.
pub(crate) fn declined_unwritten(
    command: &Command,
    context: &Context<'_>,
    reason: DeclineReason,
) -> Decision {
    unwritten(command, context, Outcome::Declined(reason))
}

/// Where a decision attaches to the card's chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) card_kind: CardKind,
    pub(crate) version: Version,
    pub(crate) previous: [u8; 32],
}

/// What a decision comes to.
pub(crate) struct Conclusion {
    pub(crate) effect: Effect,
    pub(crate) case: Option<Case>,
}

pub(crate) fn approved(turn: &Turn<'_>, head: Head, mut effect: Effect) -> Decision {
    let outcome = effect.outcome;
    let entry = entry_of(turn, head.version, outcome, &effect);
    if let Some(key) = effect.confirmed_first {
        effect.changes.push(Change::Remember(Entry {
            key,
            kind: Kind::ConfirmedFirst,
            link: entry.version,
            ..entry
        }));
    }
    effect.changes.push(Change::Remember(entry));
    let case = effect.case;
    conclude(turn, head, outcome, Conclusion { effect, case })
}

fn declined(turn: &Turn<'_>, head: Head, refusal: Refusal) -> Decision {
    let outcome = refusal.outcome();
    let mut effect = Effect {
        link: refusal.link,
        ..Effect::default()
    };
    if let Some(original) = refusal.tombstone {
        let own = entry_of(turn, head.version, outcome, &effect);
        effect.changes.push(Change::Remember(Entry {
            key: original,
            kind: Kind::ReversedFirst,
            ..own
        }));
    }
    let entry = entry_of(turn, head.version, outcome, &effect);
    effect.changes.push(Change::Remember(entry));
    conclude(
        turn,
        head,
        outcome,
        Conclusion {
            effect,
            case: refusal.case,
        },
    )
}

pub(crate) fn entry_of(
    turn: &Turn<'_>,
    version: Version,
    outcome: Outcome,
    effect: &Effect,
) -> Entry {
    let command = turn.command;
    let amount = amount_of(&command.request).unwrap_or_default();
    Entry {
        key: command.key,
        fingerprint: command.fingerprint,
        offset: turn.context.position.offset,
        version,
        at_seconds: seconds(turn.now),
        day: effect.day.unwrap_or(turn.context.day),
        kind: kind_of(&command.request),
        outcome,
        step: Step::Open,
        counterparty: command.facts.counterparty,
        amount,
        settled: amount,
        remainder: effect.remainder,
        fee: effect.fee,
        short: effect.short,
        link: effect.link,
        merchant: turn.merchant(),
    }
}

pub(crate) fn conclude(
    turn: &Turn<'_>,
    head: Head,
    outcome: Outcome,
    conclusion: Conclusion,
) -> Decision {
    let Conclusion { effect, case } = conclusion;
    let (command, context) = (turn.command, turn.context);
    let day = effect.day.unwrap_or(context.day);
    let after = turn.after(&effect.changes);
    let row = Row {
        version: head.version,
        position: context.position,
        decided_at: turn.now,
        day,
        programme: turn.card.programme,
        kind: kind_of(&command.request),
        outcome,
        case,
        key: command.key,
        fingerprint: command.fingerprint,
        place: command.place,
        medium: command.medium,
        channel: command.facts.channel,
        entry: command.facts.entry,
        amount: amount_of(&command.request).unwrap_or_default(),
        link: effect.link,
        register_version: command.facts.register_version,
        ledger: effect.ledger,
        posted_after: after.posted,
        held_after: after.held,
        previous: head.previous,
    };
    let row_bytes = row.encode();
    let hash = Row::hash_of(&row_bytes);
    let reply = Reply {
        reply_to: command.reply_to,
        outcome,
        replayed: false,
        amount: amount_of(&command.request),
        available: None,
        version: Some(head.version),
        position: context.position,
        decided_at: whole_seconds(turn.now),
        day,
    };
    let written = Written {
        card_kind: head.card_kind,
        version: head.version,
        position: context.position,
        now: turn.now,
        changes: effect.changes,
        row,
        row_bytes,
        hash,
    };
    Decision {
        kind: kind_of(&command.request),
        outcome,
        reply,
        written: Some(Box::new(written)),
    }
}

pub(crate) fn next(version: Version) -> Version {
    Version(
        version
            .0
            .checked_add(1)
            .expect("a card does not decide four billion times"),
    )
}

fn seconds(moment: Timestamp) -> u32 {
    u32::try_from(moment.0.div_euclid(1_000)).unwrap_or_default()
}

/// Stored answers keep whole seconds; the first answer tells the same.
fn whole_seconds(moment: Timestamp) -> Timestamp {
    Timestamp(i64::from(seconds(moment)).saturating_mul(1_000))
}

/// The stored kind of a request.
#[must_use]
pub const fn kind_of(request: &Request) -> Kind {
    match request {
        Request::BalanceInquiry => Kind::BalanceInquiry,
        Request::AccountCheck => Kind::AccountCheck,
        Request::Purchase { .. } => Kind::Purchase,
        Request::Void { .. } => Kind::Void,
        Request::Refund { .. } => Kind::Refund,
        Request::PreAuth { .. } => Kind::PreAuth,
        Request::PreAuthVoid { .. } => Kind::PreAuthVoid,
        Request::Completion {
            form: CompletionForm::Request,
            ..
        } => Kind::Completion,
        Request::Completion {
            form: CompletionForm::Advice,
            ..
        } => Kind::CompletionAdvice,
        Request::OfflineSale { .. } => Kind::OfflineSale,
        Request::Adjust {
            what: Adjusted::Sale,
            ..
        } => Kind::Adjust,
        Request::Adjust {
            what: Adjusted::Tip,
            ..
        } => Kind::Tip,
        Request::CompletionVoid { .. } => Kind::CompletionVoid,
        Request::Reversal { .. } => Kind::Reversal,
        Request::DirectCredit { .. } => Kind::DirectCredit,
        Request::CreditConfirm { .. } => Kind::CreditConfirm,
        Request::Issue { .. } => Kind::Issue,
        Request::ReportLoss { .. } => Kind::ReportLoss,
        Request::LiftLoss => Kind::LiftLoss,
        Request::Replace { .. } => Kind::Replace,
    }
}

/// The amount that a request names, if its kind has one.
#[must_use]
pub const fn amount_of(request: &Request) -> Option<Amount> {
    match request {
        Request::BalanceInquiry
        | Request::AccountCheck
        | Request::ReportLoss { .. }
        | Request::LiftLoss
        | Request::Replace { .. } => None,
        Request::Purchase { amount }
        | Request::PreAuth { amount }
        | Request::Void { amount, .. }
        | Request::Refund { amount, .. }
        | Request::PreAuthVoid { amount, .. }
        | Request::Completion { amount, .. }
        | Request::OfflineSale { amount, .. }
        | Request::Adjust { amount, .. }
        | Request::CompletionVoid { amount, .. }
        | Request::Reversal { amount, .. }
        | Request::DirectCredit { amount, .. }
        | Request::CreditConfirm { amount, .. }
        | Request::Issue { amount, .. } => Some(*amount),
    }
}

/// Makes the card that its first decision describes, or takes a decision into the card.
///
/// # Panics
/// When the decision was not made from this state: a bug of ours.
pub fn apply(card: &mut Option<Card>, command: &Command, written: &Written) -> Vec<Entry> {
    if let (
        None,
        Request::Issue {
            programme, expiry, ..
        },
    ) = (&card, &command.request)
    {
        *card = Some(Card::new(
            command.card,
            *programme,
            written.card_kind,
            *expiry,
        ));
    }
    card.as_mut()
        .expect("only an issue writes a card that is not there")
        .apply(written)
}

/// The programme of a card, when the rules in force know it.
#[must_use]
pub fn programme_of<'a>(card: &Card, rules: &'a Rules) -> Option<&'a Programme> {
    rules.programmes.get(&card.programme)
}
