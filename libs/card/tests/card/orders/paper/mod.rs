//! The reference: a card kept on paper, as a clerk would who knows the trade's rules and not our
//! code.
//!
//! A sheet is a list of notes, and what a note is worth follows from where it stands. Balances and
//! books are never carried forward: they are summed up from the notes each time, and what an entry
//! must post is the difference between the books after it and before it.

mod credits;
mod holds;
mod office;
mod sales;
mod undo;

use crate::orders::message::{Answer, Key, Message, Money, Postings, Source, What};
use card::{Case, DeclineReason, Outcome};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
/// How long a void may be reversed, and its money not be spent.
const REVERSAL_WINDOW: i64 = 10 * MINUTE;
const HOLD_LIFE: i64 = 30 * DAY;
const REFUND_WINDOW: i64 = 180 * DAY;
const REFUND_REPEAT: i64 = 5 * MINUTE;
/// Beijing is ahead of the world's clock.
const WALL: i64 = 8 * 60 * MINUTE;
const KEYS_KEPT: i64 = 8 * DAY;
/// The merchant's fee in parts per million.
const FEE_PPM: i64 = 6_000;

/// What the product says, and when the card expires.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) cap: i64,
    pub(crate) completion_percent: i64,
    pub(crate) tip_percent: i64,
    /// The most that may be spent in a day of the wall clock.
    pub(crate) day_limit: Option<i64>,
    /// The first second after its last month.
    pub(crate) expires_at: Option<i64>,
    pub(crate) is_anonymous: bool,
}

/// The time and the settlement day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// Days after the first one.
    pub(crate) day: i32,
    /// Days up to this one are closed for good.
    pub(crate) frozen: i32,
}

/// Where a note stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    InForce,
    Refused,
    Voided,
    Reversed,
    /// A hold that was captured.
    Captured,
    /// A sale whose total was corrected.
    Adjusted,
    /// A refused top-up that was paid all the same.
    PaidAnyway,
    /// Nothing but a key: its reversal came first.
    ReversedFirst,
    /// The same, after the late original was refused.
    Met,
    /// Nothing but a key: its confirmation came first.
    ConfirmedFirst,
    /// A top-up that came after its confirmation; that one is worth the money.
    ConfirmedBefore,
}

/// What was written down of one message.
#[derive(Debug, Clone, Copy)]
struct Note {
    key: Key,
    said: Message,
    outcome: Outcome,
    stand: Stand,
    rrn: u64,
    code: u32,
    at: i64,
    day: i32,
    /// The note that it is about.
    on: Option<usize>,
    /// Of a hold: what it keeps; of the void of a hold: what it released.
    kept: i64,
    /// Of a sale: its total by now.
    total: i64,
    /// Of a sale: what was given back.
    returned: i64,
    /// Of a sale: what the card could not pay.
    short: i64,
}

/// A refusal, and why people must look at it.
#[derive(Debug, Clone, Copy)]
struct No {
    reason: DeclineReason,
    case: Option<Case>,
}

impl From<DeclineReason> for No {
    fn from(reason: DeclineReason) -> Self {
        Self { reason, case: None }
    }
}

const fn case(reason: DeclineReason, case: Case) -> No {
    No {
        reason,
        case: Some(case),
    }
}

/// What is written down when a message is accepted.
#[derive(Debug, Clone, Copy, Default)]
struct Yes {
    on: Option<usize>,
    kept: i64,
    short: i64,
    day: Option<i32>,
    case: Option<Case>,
    outcome: Option<Outcome>,
}

/// One card on paper.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    terms: Terms,
    notes: Vec<Note>,
    decisions: u32,
    loss: Option<office::Loss>,
    medium: u8,
}

impl Sheet {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            notes: Vec::new(),
            decisions: 0,
            loss: None,
            medium: 0,
        }
    }

    /// Answers a message that is number `rrn` in the log.
    pub(crate) fn receive(&mut self, message: &Message, clock: Clock, rrn: u64) -> Answer {
        let kept_key = self
            .by_key(message.key)
            .filter(|index| clock.now - self.notes[*index].at <= KEYS_KEPT);
        if let Some(index) = kept_key {
            return self.receive_again(index, message, clock, rrn);
        }
        let money_before = self.money(clock);
        let before = self.books(money_before);
        let verdict = self.decide(message, clock);
        self.decisions += 1;
        let (outcome, yes) = match verdict {
            Ok(yes) => (yes.outcome.unwrap_or(Outcome::Approved), yes),
            Err(no) => (
                Outcome::Declined(no.reason),
                Yes {
                    case: no.case,
                    ..Yes::default()
                },
            ),
        };
        let note = self.note(message, outcome, (clock, rrn), yes);
        self.notes.push(note);
        self.remember_early(message, clock);
        let money = self.money(clock);
        let after = self.books(money);
        // What comes back may lift the card over its cap, but people are told.
        let is_over = money.booked > money_before.booked && money.booked > self.terms.cap;
        Answer {
            outcome,
            replayed: false,
            written: true,
            rrn,
            code: Some(self.decisions),
            day: note.day,
            decided_at: clock.now,
            case: yes.case.or(is_over.then_some(Case::OverCapRefund)),
            postings: std::array::from_fn(|account| after[account] - before[account]),
            money,
        }
    }

    /// What comes back to a key that is known.
    fn receive_again(&mut self, index: usize, message: &Message, clock: Clock, rrn: u64) -> Answer {
        let known = self.notes[index];
        if known.stand == Stand::ReversedFirst {
            return self.refuse_late(index, message, clock, rrn);
        }
        if known.stand == Stand::ConfirmedFirst {
            return self.meet_confirmed(index, message, clock, rrn);
        }
        if known.said != *message {
            return self.clash(clock, rrn);
        }
        Answer {
            outcome: known.outcome,
            replayed: true,
            written: false,
            rrn: known.rrn,
            code: Some(known.code),
            day: known.day,
            decided_at: known.at,
            case: None,
            postings: Postings::default(),
            money: self.money(clock),
        }
    }

    /// Same key, other content: nothing happens.
    fn clash(&self, clock: Clock, rrn: u64) -> Answer {
        Answer {
            outcome: Outcome::Declined(DeclineReason::Duplicate),
            replayed: false,
            written: false,
            rrn,
            code: None,
            day: clock.day,
            decided_at: clock.now,
            case: None,
            postings: Postings::default(),
            money: self.money(clock),
        }
    }

    /// The late original of an early reversal: refused for good, and remembered in its place.
    fn refuse_late(&mut self, index: usize, message: &Message, clock: Clock, rrn: u64) -> Answer {
        let outcome = Outcome::Declined(DeclineReason::ReversedFirst);
        self.decisions += 1;
        self.notes[index] = Note {
            stand: Stand::Met,
            ..self.note(message, outcome, (clock, rrn), Yes::default())
        };
        self.written(index, clock)
    }

    /// The answer of a note that moves no money.
    fn written(&self, index: usize, clock: Clock) -> Answer {
        let note = self.notes[index];
        Answer {
            outcome: note.outcome,
            replayed: false,
            written: true,
            rrn: note.rrn,
            code: Some(note.code),
            day: note.day,
            decided_at: clock.now,
            case: None,
            postings: Postings::default(),
            money: self.money(clock),
        }
    }

    fn note(
        &self,
        message: &Message,
        outcome: Outcome,
        (clock, rrn): (Clock, u64),
        yes: Yes,
    ) -> Note {
        Note {
            key: message.key,
            said: *message,
            outcome,
            stand: match outcome {
                Outcome::Declined(_) => Stand::Refused,
                Outcome::Approved | Outcome::AcceptedUnseen | Outcome::AcceptedAfterRefusal => {
                    Stand::InForce
                }
            },
            rrn,
            code: self.decisions,
            at: clock.now,
            day: yes.day.unwrap_or(clock.day),
            on: yes.on,
            kept: yes.kept,
            total: message.fen,
            returned: 0,
            short: yes.short,
        }
    }

    /// A message about something that has not come yet takes that one's key. It is noted below the
    /// message itself: both go by one number, and receipts mean that one.
    fn remember_early(&mut self, message: &Message, clock: Clock) {
        let own = self.notes.len() - 1;
        let note = self.notes[own];
        let stand = if note.outcome == Outcome::AcceptedUnseen {
            Stand::ConfirmedFirst
        } else {
            Stand::ReversedFirst
        };
        let is_unmatched = note.outcome == Outcome::Declined(DeclineReason::OriginalNotFound);
        let is_early =
            stand == Stand::ConfirmedFirst || (message.what == What::Reversal && is_unmatched);
        let key = message.named.key.filter(|_| is_early);
        let Some(key) = key.filter(|key| self.kept(*key, clock).is_none()) else {
            return;
        };
        let early = Note {
            key,
            stand,
            on: Some(own + 1),
            ..note
        };
        self.notes.insert(own, early);
    }

    fn decide(&mut self, message: &Message, clock: Clock) -> Result<Yes, No> {
        match message.what {
            What::Issue => Ok(Yes::default()),
            What::Purchase => self.purchase(message, clock),
            What::Void => self.void(message, clock),
            What::Refund => self.refund(message, clock),
            What::PreAuth => self.pre_auth(message, clock),
            What::PreAuthVoid => self.void_pre_auth(message, clock),
            What::Completion => self.complete(message, clock),
            What::CompletionAdvice | What::OfflineSale => self.advise(message, clock),
            What::CompletionVoid => self.void_completion(message, clock),
            What::Reversal => self.reverse(message, clock),
            What::TopUp => self.top_up(message, clock),
            What::Confirm => self.confirm(message, clock),
            What::Adjust | What::Tip => self.adjust(message, clock),
            What::PhoneLoss | What::Loss => self.report(message.what, clock),
            What::Lift => self.lift(),
            What::Replace(medium) => self.replace(medium),
        }
    }

    fn by_key(&self, key: Key) -> Option<usize> {
        self.notes.iter().rposition(|note| note.key == key)
    }

    /// The youngest note with a key, as long as keys are kept.
    fn kept(&self, key: Key, clock: Clock) -> Option<usize> {
        self.by_key(key)
            .filter(|index| clock.now - self.notes[*index].at <= KEYS_KEPT)
    }

    fn by_rrn(&self, rrn: u64) -> Option<usize> {
        self.notes.iter().rposition(|note| note.rrn == rrn)
    }

    fn by_code(&self, code: u32) -> Option<usize> {
        self.notes.iter().rposition(|note| note.code == code)
    }

    fn is_expired(&self, clock: Clock) -> bool {
        self.terms.expires_at.is_some_and(|at| clock.now >= at)
    }

    /// What was spent since midnight and was not undone since.
    fn spent_today(&self, clock: Clock) -> i64 {
        let wall_day = |at: i64| (at + WALL) / DAY;
        let spent = self.notes.iter().filter(|note| {
            let is_undone = matches!(note.stand, Stand::Refused | Stand::Voided | Stand::Reversed);
            matches!(note.said.what, What::Purchase | What::PreAuth)
                && !is_undone
                && note.outcome == Outcome::Approved
                && wall_day(note.at) == wall_day(clock.now)
        });
        spent.map(|note| note.said.fen).sum()
    }

    fn fee(total: i64) -> i64 {
        half_up(total * FEE_PPM, 1_000_000)
    }

    fn sales(&self) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(|note| note.is_sale_in_force())
    }

    fn standing(&self, what: What) -> impl Iterator<Item = &Note> {
        self.notes
            .iter()
            .filter(move |note| note.said.what == what && note.stand == Stand::InForce)
    }

    fn money(&self, clock: Clock) -> Money {
        let paid_in: i64 = self.paid_in().map(|note| note.said.fen).sum();
        let booked = paid_in - self.sales().map(Note::paid_by_card).sum::<i64>();
        let held = self
            .standing(What::PreAuth)
            .filter(|hold| hold.is_alive(clock))
            .map(|hold| hold.kept)
            .sum();
        let uncleared = self
            .standing(What::Void)
            .filter(|void| void.is_uncleared(clock))
            .map(|void| void.said.fen)
            .sum();
        Money {
            booked,
            held,
            uncleared,
            available: booked - held - uncleared,
        }
    }

    /// The books that follow from the notes, debits positive.
    fn books(&self, money: Money) -> Postings {
        let sum = |part: fn(&Note) -> i64| self.sales().map(part).sum::<i64>();
        let paid_in_by = |source| -> i64 {
            let paid = self.paid_in().filter(|note| note.said.source == source);
            paid.map(|note| note.said.fen).sum()
        };
        [
            -money.booked,
            -sum(|sale| sale.kept_total() - sale.kept_fee()),
            -sum(Note::kept_fee),
            sum(Note::kept_short),
            paid_in_by(Source::Cash),
            paid_in_by(Source::Transfer),
        ]
    }
}

impl Note {
    fn is_sale_in_force(&self) -> bool {
        let is_sale = matches!(
            self.said.what,
            What::Purchase | What::Completion | What::CompletionAdvice | What::OfflineSale
        );
        is_sale && matches!(self.stand, Stand::InForce | Stand::Adjusted)
    }

    fn kept_total(&self) -> i64 {
        self.total - self.returned
    }

    /// The fee goes back pro rata, the parts adding up to the whole.
    fn kept_fee(&self) -> i64 {
        let fee = Sheet::fee(self.total);
        fee - half_up(fee * self.returned, self.total)
    }

    /// What comes back makes whole first who paid for the card.
    fn kept_short(&self) -> i64 {
        self.short - self.returned.min(self.short)
    }

    fn paid_by_card(&self) -> i64 {
        self.kept_total() - self.kept_short()
    }

    fn is_alive(&self, clock: Clock) -> bool {
        clock.now < self.at + HOLD_LIFE
    }

    fn is_uncleared(&self, clock: Clock) -> bool {
        clock.now < self.at + REVERSAL_WINDOW
    }

    /// A top-up whose money a confirmation brought before it.
    fn is_confirmed(&self) -> bool {
        matches!(self.stand, Stand::ConfirmedFirst | Stand::ConfirmedBefore)
    }

    /// In force, as it was, nothing given back.
    fn is_whole(&self) -> bool {
        self.stand == Stand::InForce && self.returned == 0
    }
}

fn half_up(product: i64, divisor: i64) -> i64 {
    (product * 2 + divisor) / (divisor * 2)
}
