//! Plays a story on the card and on the reference, side by side, and compares after each event.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::model::moves::{AmountPick, Asked, Move, TracePick};
use crate::model::record::{Answer, Key, Original, Question};
use crate::model::reference::Reference;
use crate::support::Stage;
use card::{DeclineReason, Outcome};
use ledger::{Account, Side};

/// What a completion may capture of its hold, so that advices may come short.
pub(crate) const RATIO_PERCENT: u16 = 115;
const BALANCE_YUAN: &str = "100.00";

/// A request that was written, as later ones may point at it.
#[derive(Debug, Clone)]
struct Written {
    name: String,
    trace: String,
    record: usize,
    amount: u64,
}

/// Both sides and the story so far.
pub(crate) struct Player {
    pub(crate) stage: Stage,
    pub(crate) hashes: Vec<[u8; 32]>,
    reference: Reference,
    /// What happened, for the test that looks whether stories are rich enough.
    pub(crate) seen: BTreeSet<String>,
    story: Vec<String>,
    sent: Vec<(String, Question)>,
    written: Vec<Written>,
    traces: Vec<String>,
    serial: usize,
}

impl Player {
    pub(crate) fn new() -> Self {
        let mut player = Self {
            stage: Stage::new(),
            hashes: Vec::new(),
            reference: Reference::new(RATIO_PERCENT),
            seen: BTreeSet::new(),
            story: Vec::new(),
            sent: Vec::new(),
            written: Vec::new(),
            traces: Vec::new(),
            serial: 0,
        };
        player.tell(&format!(
            "card registered {BALANCE_YUAN} ratio {RATIO_PERCENT}"
        ));
        player.reference.issue(10_000);
        player
    }

    pub(crate) fn play(&mut self, next: &Move) -> Result<(), TestCaseError> {
        match next {
            Move::Ask(asked) => self.ask(asked)?,
            Move::Repeat(index) => self.repeat(usize::from(*index))?,
            // Time passes too: the guard against repeated refunds looks no further than the ring.
            Move::Fill => {
                self.tell("fill 66");
                self.wait(301_000);
            }
            Move::Wait(ms) => self.wait(*ms),
            Move::Cut => self.cut(),
            Move::Freeze => self.tell("freeze"),
        }
        self.hashes
            .push(self.stage.world.card.as_ref().unwrap().hash());
        self.compare_money()
    }

    fn tell(&mut self, line: &str) {
        self.story.push(line.to_owned());
        self.stage.play(line);
    }

    fn wait(&mut self, ms: i64) {
        self.tell(&format!("wait {}s", ms / 1_000));
        self.reference.wait(ms);
        // Keys live longer than days do: nobody keeps a day open beyond their retention.
        if ms > 86_400_000 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.tell("cut");
        self.reference.cut();
    }

    fn repeat(&mut self, index: usize) -> Result<(), TestCaseError> {
        match self.sent.get(index % self.sent.len().max(1)).cloned() {
            Some((line, question)) => {
                self.serial += 1;
                self.send(&line, question)
            }
            None => Ok(()),
        }
    }

    fn ask(&mut self, asked: &Asked) -> Result<(), TestCaseError> {
        self.serial += 1;
        let is_undo = !matches!(
            asked.verb,
            "purchase" | "preauth" | "topup" | "lose" | "find" | "balance"
        );
        let target = if is_undo { self.target(asked) } else { None };
        let fen = match (asked.amount, &target) {
            (AmountPick::Fen(fen), _) => fen,
            (AmountPick::Same, Some(target)) => target.amount,
            (AmountPick::Third, Some(target)) => target.amount.div_ceil(3),
            (AmountPick::Over, Some(target)) => target.amount * u64::from(RATIO_PERCENT) / 100,
            (AmountPick::Same | AmountPick::Third | AmountPick::Over, None) => 1_000,
        };
        let fen = if matches!(asked.verb, "lose" | "find" | "balance") {
            0
        } else {
            fen
        };
        // The message class is part of a key: a reversal never has its original's.
        // An inquiry does not look far back for its key, so it gets one of its own.
        let class = match asked.verb {
            "reverse" => "r",
            "confirm" => "c",
            "balance" => "b",
            _ => "",
        };
        let mut trace = format!("{class}{}", self.trace(asked.trace));
        // An early reversal names what comes next.
        let next_trace = format!("k{}", self.serial + 1);
        let of_trace = target
            .as_ref()
            .map_or(next_trace, |target| target.trace.clone());
        if asked.verb == "reverse" && of_trace == trace {
            trace.push('x');
        }
        let of = target
            .as_ref()
            .map_or(of_trace.clone(), |target| target.name.clone());
        let only = if matches!(asked.verb, "reverse" | "confirm") {
            "key"
        } else {
            asked.only
        };
        let Asked {
            verb,
            terminal,
            merchant,
            ..
        } = asked;
        let mut line = format!("{verb} {}.{:02} as NAME key {trace}", fen / 100, fen % 100);
        line += &format!(" at {terminal} merchant {merchant}");
        if is_undo {
            line += &format!(" of {of} only {only}");
        }
        let key = |trace: String| Key {
            merchant,
            terminal,
            trace,
        };
        let record = target.as_ref().map(|target| target.record);
        let question = Question {
            verb,
            fen: i64::try_from(fen).unwrap(),
            key: key(trace),
            original: Original {
                key: (is_undo && matches!(only, "all" | "key")).then(|| key(of_trace)),
                rrn: record.filter(|_| matches!(only, "all" | "rrn")),
                code: record.filter(|_| matches!(only, "all" | "code")),
            },
        };
        self.sent.push((line.clone(), question.clone()));
        self.send(&line, question)
    }

    /// Recent ones more often than old ones; none asks for what has not come yet.
    fn target(&self, asked: &Asked) -> Option<Written> {
        let wanted: &[&str] = match asked.verb {
            "void" => &["purchase"],
            "refund" | "adjust" | "tip" => &["purchase", "complete", "advise", "settle"],
            "void-preauth" | "complete" | "advise" | "settle" => &["preauth"],
            "confirm" => &["topup"],
            "void-completion" => &["complete", "advise"],
            // The rare ends of long chains more often.
            _ if asked.target.is_multiple_of(3) => &["void-", "complete"],
            _ => &[""],
        };
        let fits = |written: &&Written| {
            let verb = self.reference.verb_of(written.record);
            let is_kind = wanted.iter().any(|wanted| verb.starts_with(wanted));
            let may_be_refused = asked.verb == "confirm";
            is_kind && (may_be_refused || self.reference.is_approved(written.record))
        };
        // Now and then something of another kind, or something refused.
        let all: Vec<&Written> = match asked.target {
            0..=15 => self.written.iter().collect(),
            _ => self.written.iter().filter(fits).collect(),
        };
        if matches!(asked.verb, "reverse" | "confirm") && asked.target >= 240 {
            return None;
        }
        let is_latest = asked.target.is_multiple_of(2);
        let back = if is_latest {
            0
        } else {
            usize::from(asked.target) % 7
        };
        let index = all.len().checked_sub(1 + back % all.len().max(1))?;
        all.get(index).map(|written| (*written).clone())
    }

    fn trace(&mut self, pick: TracePick) -> String {
        let trace = match pick {
            TracePick::Used(index) if !self.traces.is_empty() => {
                self.traces[usize::from(index) % self.traces.len()].clone()
            }
            TracePick::Used(_) | TracePick::Fresh => format!("k{}", self.serial),
        };
        self.traces.push(trace.clone());
        trace
    }

    fn send(&mut self, line: &str, question: Question) -> Result<(), TestCaseError> {
        let name = format!("n{}", self.serial);
        let line = line.replace("NAME", &name);
        self.story.push(line.clone());
        let decision = self.stage.submit(&line);
        let found = match decision.outcome {
            _ if decision.reply.replayed => Answer::Replayed,
            Outcome::Declined(DeclineReason::Duplicate) if decision.written.is_none() => {
                Answer::Clash
            }
            Outcome::Approved | Outcome::AcceptedUnseen | Outcome::AcceptedAfterRefusal => {
                Answer::Approved
            }
            Outcome::Declined(_) => Answer::Declined,
        };
        let (trace, amount) = (question.key.trace.clone(), question.fen);
        let verb = question.verb;
        let (wanted, record) = self.reference.answer(question);
        self.seen.insert(format!("{verb} {wanted:?}"));
        if let (Answer::Approved, Some(on)) = (wanted, self.reference.acted_on(record)) {
            self.seen
                .insert(format!("{verb} of {}", self.reference.verb_of(on)));
        }
        if let Some(case) = decision
            .written
            .as_ref()
            .and_then(|written| written.row.case)
        {
            self.seen.insert(format!("{case:?}"));
        }
        prop_assert_eq!(
            found,
            wanted,
            "{:?}\n{}",
            decision.outcome,
            self.story.join("\n")
        );
        if let Some(record) = record {
            let amount = u64::try_from(amount).unwrap();
            self.written.push(Written {
                name,
                trace,
                record,
                amount,
            });
        }
        Ok(())
    }

    fn compare_money(&self) -> Result<(), TestCaseError> {
        let world = &self.stage.world;
        let card = world.card.as_ref().unwrap();
        let fen = |amount: money::Amount| i64::try_from(amount.minor()).unwrap();
        let now = card.now(world.now);
        let shows = |account, side| i64::try_from(world.shows(account, side)).unwrap();
        let found = [
            fen(card.posted()),
            fen(card.held(now)),
            fen(card.available(now)),
            shows(Account::MerchantPayable, Side::Credit),
            shows(Account::MerchantFees, Side::Credit),
            shows(Account::SuspenseShort, Side::Debit),
            shows(Account::CashInTransit, Side::Debit),
        ];
        let what = "posted, held, available, merchant, fees, suspense, cash";
        prop_assert_eq!(
            found,
            self.reference.money(),
            "{}\n{}",
            what,
            self.story.join("\n")
        );
        Ok(())
    }
}
