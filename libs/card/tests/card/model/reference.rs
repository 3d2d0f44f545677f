//! The rules once more, as an accountant would tell them: a list of what was done, and balances
//! that are summed anew each time from what of it is in force.

use crate::model::record::{Answer, Key, Original, Question, Record, State};

pub(super) const DAY_MS: i64 = 86_400_000;
const CAP_FEN: i64 = 500_000;
pub(super) const HOLDS_MAX: usize = 32;

/// A key that was reversed before it came, and what came late.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) key: Key,
    pub(super) at: i64,
    pub(super) met: Option<Question>,
    /// The confirmation that came first instead, and whether it was reversed since.
    pub(super) confirmed: Option<usize>,
    pub(super) reversed: bool,
}

#[derive(Debug)]
pub(super) enum Known<'a> {
    Record(usize),
    Early(&'a mut Early),
}

/// The card as the reference sees it.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(super) ratio: i64,
    pub(super) now: i64,
    pub(super) day: i64,
    pub(super) lost: bool,
    pub(super) records: Vec<Record>,
    pub(super) early: Vec<Early>,
}

impl Reference {
    pub(crate) fn new(ratio: u16) -> Self {
        let ratio = i64::from(ratio);
        Self {
            ratio,
            now: 0,
            day: 0,
            lost: false,
            records: Vec::new(),
            early: Vec::new(),
        }
    }

    pub(crate) fn issue(&mut self, fen: i64) {
        let key = Key {
            merchant: "",
            terminal: "",
            trace: "sale".to_owned(),
        };
        let original = Original {
            key: None,
            rrn: None,
            code: None,
        };
        self.record(
            Question {
                verb: "issue",
                fen,
                key,
                original,
            },
            None,
            0,
            State::InForce,
        );
    }

    pub(crate) fn wait(&mut self, ms: i64) {
        self.now += ms;
    }

    pub(crate) fn cut(&mut self) {
        self.day += 1;
    }

    pub(crate) fn verb_of(&self, record: usize) -> &'static str {
        self.records[record].asked.verb
    }

    pub(crate) fn is_approved(&self, record: usize) -> bool {
        self.records[record].state != State::Refused
    }

    pub(crate) fn acted_on(&self, record: Option<usize>) -> Option<usize> {
        self.records[record?].on
    }

    /// Posted, held, available, owed to merchants, fees, paid by suspense, cash of top-ups.
    pub(crate) fn money(&self) -> [i64; 7] {
        let captures = || self.records.iter().filter(|record| record.is_capture());
        let merchant = captures()
            .map(|capture| capture.amount_left() - capture.fee_left())
            .sum();
        let fees = captures().map(Record::fee_left).sum();
        let suspense = captures().map(Record::short_left).sum();
        let cash = self.cash();
        [
            self.posted(),
            self.held(),
            self.available(),
            merchant,
            fees,
            suspense,
            cash,
        ]
    }

    fn posted(&self) -> i64 {
        let sold: i64 = self.in_force("issue").map(|sale| sale.asked.fen).sum();
        let credited = sold + self.cash();
        let captures = self.records.iter().filter(|record| record.is_capture());
        let debited: i64 = captures.map(|c| c.amount_left() - c.short_left()).sum();
        credited - debited
    }

    fn cash(&self) -> i64 {
        let credits = self.records.iter().filter(|record| record.credited);
        credits.map(|credit| credit.asked.fen).sum()
    }

    fn held(&self) -> i64 {
        self.holds().map(|hold| hold.part).sum()
    }

    pub(super) fn available(&self) -> i64 {
        let waiting = self.in_force("void").filter(|void| !self.is_cleared(void));
        self.posted() - self.held() - waiting.map(|void| void.asked.fen).sum::<i64>()
    }

    pub(super) fn is_cleared(&self, void: &Record) -> bool {
        self.now >= void.at + 600_000
    }

    fn in_force(&self, verb: &'static str) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |r| r.asked.verb == verb && r.state == State::InForce)
    }

    pub(super) fn holds(&self) -> impl Iterator<Item = &Record> {
        self.in_force("preauth").filter(|hold| self.is_alive(hold))
    }

    pub(super) fn is_alive(&self, hold: &Record) -> bool {
        self.now < hold.at + 30 * DAY_MS
    }

    /// Answers, and tells which record that left, if any.
    pub(crate) fn answer(&mut self, asked: Question) -> (Answer, Option<usize>) {
        let now = self.now;
        match self.known(&asked.key) {
            Some(Known::Record(index)) => {
                let same = self.records[index].asked == asked;
                return (
                    if same {
                        Answer::Replayed
                    } else {
                        Answer::Clash
                    },
                    None,
                );
            }
            Some(Known::Early(early)) if early.confirmed.is_some() && early.met.is_none() => {
                return self.answer_confirmed(asked);
            }
            Some(Known::Early(early)) => match &early.met {
                Some(late) if *late == asked => return (Answer::Replayed, None),
                Some(_) => return (Answer::Clash, None),
                None if asked.verb == "balance" => return (Answer::Declined, None),
                None => {
                    (early.met, early.at) = (Some(asked), now);
                    return (Answer::Declined, None);
                }
            },
            None => {}
        }
        if asked.verb == "balance" {
            return (
                if self.lost {
                    Answer::Declined
                } else {
                    Answer::Approved
                },
                None,
            );
        }
        match self.decide(&asked) {
            Some((on, part)) => {
                let is_confirmation = asked.verb == "confirm";
                let index = self.record(asked, on, part, State::InForce);
                self.records[index].credited |= is_confirmation && (on.is_none() || part == 1);
                (Answer::Approved, Some(index))
            }
            None => {
                let index = self.record(asked, None, 0, State::Refused);
                (Answer::Declined, Some(index))
            }
        }
    }

    /// The late request of a top-up whose confirmation came first.
    fn answer_confirmed(&mut self, asked: Question) -> (Answer, Option<usize>) {
        let now = self.now;
        let index = self.early.iter().rposition(|early| early.key == asked.key);
        let early = &mut self.early[index.unwrap()];
        let confirmation = early.confirmed.unwrap();
        if early.reversed && asked.verb != "balance" {
            (early.met, early.at) = (Some(asked), now);
            return (Answer::Declined, None);
        }
        let is_it = asked.verb == "topup" && asked.fen == self.records[confirmation].asked.fen;
        if early.reversed || !is_it {
            return (Answer::Clash, None);
        }
        self.early.remove(index.unwrap());
        let record = self.record(asked, Some(confirmation), 0, State::InForce);
        self.records[record].credited = false;
        (Answer::Approved, Some(record))
    }

    /// The youngest that has the key, while keys are kept.
    pub(super) fn known(&mut self, key: &Key) -> Option<Known<'_>> {
        let since = self.now - 8 * DAY_MS;
        let record = self
            .records
            .iter()
            .rposition(|r| r.asked.key == *key && r.at >= since);
        let early = self
            .early
            .iter_mut()
            .rfind(|early| early.key == *key && early.at >= since);
        match (record, early) {
            (Some(index), None) => Some(Known::Record(index)),
            (_, early) => early.map(Known::Early),
        }
    }

    pub(super) fn record(
        &mut self,
        asked: Question,
        on: Option<usize>,
        part: i64,
        state: State,
    ) -> usize {
        let (at, day) = (self.now, self.day);
        let last_refunds = Vec::new();
        let (settled, credited) = (asked.fen, asked.verb == "topup" && state == State::InForce);
        self.records.push(Record {
            asked,
            state,
            at,
            day,
            on,
            part,
            settled,
            credited,
            confirmed: false,
            refunded: 0,
            last_refunds,
        });
        self.records.len() - 1
    }

    /// Approved: what it acts on and its part. None: refused.
    fn decide(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        let fen = asked.fen;
        match asked.verb {
            "purchase" => (!self.lost && fen > 0 && fen <= self.available()).then_some((None, 0)),
            "preauth" => {
                let has_room = self.holds().count() < HOLDS_MAX;
                let ok = !self.lost && fen > 0 && has_room && fen <= self.available();
                ok.then_some((None, fen))
            }
            "topup" => {
                (!self.lost && fen > 0 && self.posted() + fen <= CAP_FEN).then_some((None, 0))
            }
            "lose" | "find" => {
                self.lost = asked.verb == "lose";
                Some((None, 0))
            }
            "void" => self.void(asked),
            "refund" => self.refund(asked),
            "void-preauth" => self.void_hold(asked),
            "complete" | "advise" | "settle" => self.capture(asked),
            "adjust" | "tip" => self.adjust(asked),
            "confirm" => self.confirm(asked),
            "void-completion" => self.void_capture(asked),
            "reverse" => self.reverse(asked),
            verb => panic!("{verb}?"),
        }
    }

    /// What RRN or else key names, when all that is said of it is true.
    pub(super) fn named(&self, asked: &Question, verbs: &[&str]) -> Option<usize> {
        let original = &asked.original;
        let by_key = |key: &Key| self.youngest(key);
        let index = original
            .rrn
            .or_else(|| original.key.as_ref().and_then(by_key))?;
        let found = &self.records[index];
        let is_code = original
            .code
            .is_none_or(|code| code == index || Some(code) == found.on);
        let fits = verbs.contains(&found.asked.verb)
            && found.state != State::Refused
            && found.asked.key.merchant == asked.key.merchant
            && is_code;
        fits.then_some(index)
    }

    /// The youngest record with a key, however old. One that was reversed first is no record.
    fn youngest(&self, key: &Key) -> Option<usize> {
        let index = self
            .records
            .iter()
            .rposition(|record| record.asked.key == *key);
        let early = self.early.iter().rfind(|early| early.key == *key);
        let since = early.map_or(i64::MIN, |early| early.at);
        index.filter(|index| {
            self.records[*index].at >= since
                && early.is_none_or(|_| self.records[*index].at > since)
        })
    }

    fn named_here(&self, asked: &Question, verbs: &[&str]) -> Option<usize> {
        let index = self.named(asked, verbs)?;
        let found = &self.records[index];
        let is_here = asked
            .original
            .key
            .as_ref()
            .is_none_or(|key| *key == found.asked.key);
        let is_whole = found.state == State::InForce && found.refunded == 0;
        let fits = is_here && is_whole && found.day == self.day && found.asked.fen == asked.fen;
        fits.then_some(index)
    }

    fn void(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        let purchase = self.named_here(asked, &["purchase"])?;
        let waiting = self
            .in_force("void")
            .filter(|void| !self.is_cleared(void))
            .count();
        (waiting < HOLDS_MAX).then(|| self.records[purchase].state = State::Voided)?;
        Some((Some(purchase), 0))
    }

    fn refund(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        let (now, fen) = (self.now, asked.fen);
        let index = self.named(asked, &["purchase", "complete", "advise", "settle"])?;
        let sale = &mut self.records[index];
        let is_repeat = sale
            .last_refunds
            .iter()
            .any(|(at, part)| *part == fen && now - at <= 300_000);
        let left = sale.settled - sale.refunded;
        let in_force = matches!(sale.state, State::InForce | State::Adjusted);
        let in_time = now - sale.at <= 180 * DAY_MS;
        let ok = fen > 0 && in_force && in_time && !is_repeat && fen <= left;
        ok.then(|| {
            sale.refunded += fen;
            sale.last_refunds.push((now, fen));
            (Some(index), 0)
        })
    }

    /// The hold that an approval code names, or else RRN or key.
    fn open_hold(&self, asked: &Question) -> Option<usize> {
        let index = match asked.original.code {
            Some(code) => Some(code).filter(|code| {
                let found = &self.records[*code];
                let is_merchant = found.asked.key.merchant == asked.key.merchant;
                found.asked.verb == "preauth" && is_merchant
            }),
            None => self.named(asked, &["preauth"]),
        };
        index.filter(|index| {
            let hold = &self.records[*index];
            hold.state == State::InForce && self.is_alive(hold)
        })
    }

    fn void_hold(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        let index = self.open_hold(asked)?;
        let hold = &mut self.records[index];
        (hold.asked.fen == asked.fen).then(|| {
            hold.state = State::Voided;
            (Some(index), hold.part)
        })
    }

    fn capture(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        let index = self.open_hold(asked)?;
        let reach = self.available() + self.records[index].part;
        let bound = self.records[index].asked.fen * self.ratio / 100;
        let short = (asked.fen - reach).max(0);
        let ok = asked.fen > 0 && asked.fen <= bound && (short == 0 || asked.verb != "complete");
        ok.then(|| {
            self.records[index].state = State::Captured;
            (Some(index), short)
        })
    }

    fn void_capture(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        let index = self.named_here(asked, &["complete", "advise"])?;
        self.undo_capture(index, State::Voided)?;
        Some((Some(index), 0))
    }

    /// The money and the hold come back, the hold with what of the freed difference is left.
    pub(super) fn undo_capture(&mut self, index: usize, state: State) -> Option<()> {
        (self.holds().count() < HOLDS_MAX).then_some(())?;
        let capture = &self.records[index];
        let (paid, hold) = (capture.asked.fen - capture.part, capture.on?);
        let freed = (self.records[hold].asked.fen - paid).max(0);
        self.records[hold].part = paid + freed.min(self.available());
        self.records[hold].state = State::InForce;
        self.records[index].state = state;
        Some(())
    }
}
