//! The row of terminals behind one connection: who is free, what they ask, what the answers mean.
//!
//! Knows no socket and no clock. [`Checkout::send_due`] writes all that is due into one buffer, so
//! that one write carries it.

use std::sync::Arc;
use std::time::Instant;

use super::answer::Answer;
use super::args::{PosSimArgs, SignOn};
use super::cards::Cards;
use super::error::SimError;
use super::kind::{Ask, Kind};
use super::pace::Pace;
use super::random::Random;
use super::record::{RecordPlace, RunClock, Step};
use super::tally::Tally;
use super::template::{Template, Templates, Values};
use super::terminal::{DATE_UNKNOWN, Earlier, Pending, Received, Request, Terminal, Times};
use iso8583::Mti;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) args: PosSimArgs,
    pub(crate) cards: Cards,
    pub(crate) templates: Templates,
    pub(crate) clock: RunClock,
}

/// The terminals of one connection.
#[derive(Debug)]
pub(crate) struct Checkout {
    plan: Arc<Plan>,
    terminals: Vec<Terminal>,
    first_terminal: u32,
    /// Indexes of terminals that wait for nothing.
    free: Vec<usize>,
    /// Terminals whose sign-on is not answered yet.
    unsigned: Vec<usize>,
    random: Random,
    pace: Pace,
    /// From the last answer that told it.
    today: [u8; 2],
    tally: Tally,
    place: RecordPlace,
    /// From here on nothing new is sent.
    over_at: Option<Instant>,
    /// Lines for the record; `None` when none is kept.
    lines: Option<Vec<u8>>,
}

impl Checkout {
    /// The terminals of connection number `connection`, from 0.
    ///
    /// # Errors
    /// [`SimError::Options`] when there are not enough terminal ids.
    pub(crate) fn new(plan: Arc<Plan>, connection: u32) -> Result<Self, SimError> {
        let args = &plan.args;
        let first_terminal = args.first_terminal(connection).map_err(SimError::Options)?;
        let ids = first_terminal..first_terminal + args.in_flight;
        let terminals: Vec<_> = ids.map(|id| Terminal::new(id, args.batch)).collect();
        Ok(Self {
            free: (0..terminals.len()).rev().collect(),
            terminals,
            first_terminal,
            unsigned: Vec::new(),
            random: Random::new(args.seed, connection.into()),
            pace: Pace::new((connection, args.connections), None, None, Some(0)),
            today: DATE_UNKNOWN,
            tally: Tally::new(),
            place: RecordPlace {
                merchant: args.merchant.clone(),
                bin: args.bin,
                clock: plan.clock,
            },
            over_at: None,
            lines: args.record.is_some().then(Vec::new),
            plan,
        })
    }

    /// Sets what is to be sent; nothing is before this.
    pub(crate) fn start(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Ends sending; what is pending is still waited for.
    pub(crate) fn end(&mut self, now: Instant) {
        self.pace.end(now);
    }

    /// Whether there is nothing to send and nothing to wait for.
    pub(crate) fn is_done(&self, now: Instant) -> bool {
        self.free.len() == self.terminals.len() && self.pace.is_over(now)
    }

    /// Writes the sign-on of every terminal, if they do sign on.
    pub(crate) fn sign_on(&mut self, out: &mut Vec<u8>) {
        self.unsigned.clear();
        if self.plan.args.sign_on == SignOn::No {
            return;
        }
        for (index, terminal) in self.terminals.iter_mut().enumerate() {
            let values = Values {
                pan: [0; 8],
                amount_fen: 0,
                trace: terminal.next_trace(),
                terminal: terminal.id(),
                original: None,
            };
            self.plan.templates.sign_on().write(&values, out);
            self.unsigned.push(index);
        }
    }

    /// Whether every terminal is let in.
    pub(crate) fn is_signed_on(&self) -> bool {
        self.unsigned.is_empty()
    }

    /// Writes all requests that are due and have a free terminal.
    pub(crate) fn send_due(&mut self, now: Instant, out: &mut Vec<u8>) {
        while let Some(index) = self.free.last().copied()
            && let Some(due_at) = self.pace.take_due(now)
        {
            self.free.pop();
            let request = self.next_request(index);
            self.tally.requests += 1;
            let times = Times {
                since: due_at,
                ..self.times(now)
            };
            self.send(index, request, times, out);
        }
    }

    /// Takes the body of a frame.
    ///
    /// # Errors
    /// [`SimError`] for an answer that cannot be read and for a refused sign-on.
    pub(crate) fn receive(&mut self, body: &[u8], now: Instant) -> Result<(), SimError> {
        let answer = Answer::read(body)?;
        if let Some(date) = answer.date {
            self.today = date;
        }
        let index = answer
            .terminal
            .checked_sub(self.first_terminal)
            .map(|index| index as usize);
        let Some(index) = index.filter(|index| *index < self.terminals.len()) else {
            self.tally.unmatched += 1;
            return Ok(());
        };
        if answer.mti == Mti::NETWORK_RESPONSE {
            return self.receive_sign_on(index, &answer);
        }
        match self.terminals[index].receive(&answer, now) {
            Received::Unmatched => self.tally.unmatched += 1,
            Received::PutOff => self.tally.put_off += 1,
            Received::Answer(pending) => {
                self.tally.count_answer(&answer, pending.since, now);
                self.record(index, &pending, now, Some(&answer));
                self.free.push(index);
            }
        }
        Ok(())
    }

    /// Tells every terminal that its connection is gone.
    pub(crate) fn lose_connection(&mut self, now: Instant) {
        for index in 0..self.terminals.len() {
            self.lose_answer(index, now);
        }
    }

    /// Writes again, on a new connection, all that must be answered before anything else.
    pub(crate) fn resume(&mut self, out: &mut Vec<u8>) {
        self.tally.reconnections += 1;
        for terminal in &self.terminals {
            if let Some(pending) = terminal.pending() {
                let (template, values) = frame(&self.plan, terminal.id(), &pending.request);
                template.write(&values, out);
            }
        }
    }

    /// Gives up answers that are overdue, and writes what their terminals do about it.
    ///
    /// A reversal or advice is repeated for a while after the end, so that it settles what is open.
    pub(crate) fn expire(&mut self, now: Instant, out: &mut Vec<u8>) {
        let is_ending = self.has_settled_enough(now);
        for index in 0..self.terminals.len() {
            let Some(pending) = self.terminals[index].pending().copied() else {
                continue;
            };
            if now < pending.expires_at {
                continue;
            }
            self.lose_answer(index, now);
            let Some(next) = self.terminals[index].pending().copied() else {
                continue;
            };
            let is_repetition = next.request == pending.request;
            if is_ending && is_repetition {
                self.give_up(index, now);
                continue;
            }
            let times = match is_repetition {
                true => Times {
                    expires_at: self.times(now).expires_at,
                    ..pending.times()
                },
                false => self.times(now),
            };
            self.send(index, next.request, times, out);
        }
    }

    fn times(&self, now: Instant) -> Times {
        Times::from(now, self.plan.args.answer_timeout)
    }

    /// Whether the time after the end in which reversals and advices are repeated is over, too.
    fn has_settled_enough(&mut self, now: Instant) -> bool {
        if !self.pace.is_over(now) {
            return false;
        }
        let over_at = *self.over_at.get_or_insert(now);
        let patience = self.plan.args.reconnect_for.unwrap_or_default();
        now.saturating_duration_since(over_at) >= patience
    }

    /// Ends waiting for good and gives the tally.
    pub(crate) fn finish(&mut self, now: Instant) -> Tally {
        for index in 0..self.terminals.len() {
            self.give_up(index, now);
        }
        self.tally.unsent = self.pace.unsent(now);
        std::mem::replace(&mut self.tally, Tally::new())
    }

    /// Lines for the record since the last call; empty when none is kept.
    pub(crate) fn take_lines(&mut self) -> Vec<u8> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Answers so far, for the line of progress.
    pub(crate) fn answered(&self) -> u64 {
        self.tally.answered
    }

    fn next_request(&mut self, index: usize) -> Request {
        let plan = Arc::clone(&self.plan);
        let drawn = plan.args.mix.draw(&mut self.random);
        let terminal = &mut self.terminals[index];
        let mut ask = drawn;
        let mut earlier = None;
        // At most twice: a completion may be missing, and then the hold that it needs.
        while let Some(sort) = Earlier::needed_by(ask) {
            earlier = terminal.take_earlier(sort);
            if earlier.is_some() {
                break;
            }
            ask = sort.maker();
        }
        let Some(done) = earlier else {
            let amount_fen = match ask {
                Ask::Step(Kind::Balance) => 0,
                Ask::Step(_) | Ask::Reversal(_) => self.random.within(&plan.args.amount_fen),
            };
            let card = plan.cards.pick(&mut self.random);
            return Request {
                ask,
                card,
                amount_fen,
                trace: terminal.next_trace(),
                original: None,
            };
        };
        let amount_fen = match ask {
            Ask::Step(Kind::Refund | Kind::Completion | Kind::CompletionAdvice) => {
                self.random.within(&(1..=done.amount_fen))
            }
            Ask::Step(_) | Ask::Reversal(_) => done.amount_fen,
        };
        let trace = match ask {
            Ask::Reversal(_) => done.original.trace,
            Ask::Step(_) => terminal.next_trace(),
        };
        Request {
            ask,
            card: done.card,
            amount_fen,
            trace,
            original: Some(done.original),
        }
    }

    fn send(&mut self, index: usize, request: Request, times: Times, out: &mut Vec<u8>) {
        let terminal = &mut self.terminals[index];
        let (template, values) = frame(&self.plan, terminal.id(), &request);
        template.write(&values, out);
        terminal.wait(request, template.mti(), times);
    }

    fn receive_sign_on(&mut self, index: usize, answer: &Answer) -> Result<(), SimError> {
        if !answer.is_approved() {
            return Err(SimError::SignOnRefused {
                terminal: answer.terminal,
                code: String::from_utf8_lossy(&answer.code).into_owned(),
            });
        }
        self.unsigned.retain(|unsigned| *unsigned != index);
        Ok(())
    }

    fn lose_answer(&mut self, index: usize, now: Instant) {
        let times = self.times(now);
        let Some(lost) = self.terminals[index].lose_answer(times, self.today) else {
            return;
        };
        self.record(index, &lost, now, None);
        match self.terminals[index].pending() {
            Some(_) => self.tally.requests += 1,
            None => self.free.push(index),
        }
    }

    fn give_up(&mut self, index: usize, now: Instant) {
        if let Some(lost) = self.terminals[index].give_up() {
            self.record(index, &lost, now, None);
            self.free.push(index);
        }
    }

    fn record(&mut self, index: usize, pending: &Pending, now: Instant, answer: Option<&Answer>) {
        if let Some(lines) = &mut self.lines {
            let step = Step {
                terminal: self.terminals[index].id(),
                mti: self.plan.templates.of(pending.request.ask).mti().digits(),
                request: &pending.request,
                sent_at: pending.sent_at,
                ended_at: now,
            };
            self.place.write(&step, answer, lines);
        }
    }
}

fn frame<'p>(plan: &'p Plan, terminal: u32, request: &Request) -> (&'p Template, Values) {
    let values = Values {
        pan: plan.cards.packed_pan(request.card),
        amount_fen: request.amount_fen,
        trace: request.trace,
        terminal,
        original: request.original,
    };
    (plan.templates.of(request.ask), values)
}
