//! Plays a script against a switch, line by line, and notes what came of each.

use std::collections::BTreeMap;

use crate::certify::line::{Line, Target};
use crate::certify::message::{Answered, Numbers, Sent, compose, encode, masked_frame};
use crate::certify::office::Office;
use crate::certify::script::{
    Act, CardSetup, Exchange, Expect, Figure, OfficeAct, Place, Script, Step, Wanted,
};
use crate::engine::now;
use crate::exit::Failure;
use card::calendar::Civil;
use iso8583::Balance;

/// What came of one line of the script.
#[derive(Debug)]
pub(super) struct Played {
    /// Its number in the file.
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) result: Outcome,
    /// What was answered, for people.
    pub(super) answer: String,
    /// The messages of the line, both ways, decoded and masked.
    pub(super) messages: Vec<String>,
}

/// Whether a line held.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A heading.
    Heading,
    Held,
    /// What was wanted and what came instead.
    Broken(String),
}

/// A script in play.
pub(super) struct Player<'s> {
    script: &'s Script,
    target: Target,
    office: Office,
    lines: BTreeMap<String, Line>,
    /// Messages by the names that the script gave them.
    named: BTreeMap<String, Sent>,
    trace: u32,
    utc_offset_minutes: i16,
    /// Of the line that is being played.
    messages: Vec<String>,
}

impl<'s> Player<'s> {
    /// `first_trace` is the trace number before that of the first message.
    pub(super) fn new(
        script: &'s Script,
        target: Target,
        office: Office,
        first_trace: u32,
    ) -> Self {
        Self {
            script,
            lines: script
                .places
                .iter()
                .map(|place| (place.name.clone(), Line::new(&target)))
                .collect(),
            target,
            office,
            named: BTreeMap::new(),
            trace: first_trace,
            utc_offset_minutes: 480,
            messages: Vec::new(),
        }
    }

    /// Plays the whole script.
    ///
    /// # Errors
    /// The switch cannot be reached, or a line asks for what cannot be sent.
    pub(super) async fn play(mut self) -> Result<Vec<Played>, Failure> {
        let mut played = Vec::new();
        for step in &self.script.steps {
            let (result, answer) = self.step(step).await?;
            played.push(Played {
                line: step.line,
                text: step.text.clone(),
                result,
                answer,
                messages: std::mem::take(&mut self.messages),
            });
        }
        Ok(played)
    }

    async fn step(&mut self, step: &Step) -> Result<(Outcome, String), Failure> {
        match &step.act {
            Act::Chapter => Ok((Outcome::Heading, String::new())),
            Act::Exchange(exchange) => self.exchange(step.line, exchange).await,
            Act::Parallel(exchanges, together) => {
                self.parallel(exchanges, together.as_deref()).await
            }
            Act::Available {
                place,
                card,
                amount,
            } => {
                let available = self.available(step.line, place, card).await?;
                let result = compare("available", Some(amount.minor()), available);
                Ok((result, shown_fen(available)))
            }
            Act::Books {
                card,
                figure,
                expected,
            } => Ok(self.figure(card, *figure, *expected).await),
            Act::Office {
                card,
                act,
                expected,
            } => Ok(self.office_does(card, *act, expected).await),
            Act::Wait(time) => {
                tokio::time::sleep(*time).await;
                Ok((Outcome::Held, String::new()))
            }
        }
    }

    async fn exchange(
        &mut self,
        line: usize,
        exchange: &Exchange,
    ) -> Result<(Outcome, String), Failure> {
        let (mut sent, original) = self.send(line, exchange).await?;
        let answer = match exchange.expect {
            Expect::Lost => {
                // Until the switch has dealt with it, or the next message could overtake it.
                let line = self.line_of(exchange);
                line.answer_to(&sent).await?;
                line.cut();
                None
            }
            Expect::Answer(..) | Expect::Silence => self.line_of(exchange).answer_to(&sent).await?,
        };
        let result = judge(&exchange.expect, answer.as_ref(), original.as_ref());
        let shown = shown(answer.as_ref());
        sent.answer = answer;
        self.remember(exchange, sent);
        Ok((result, shown))
    }

    /// Sends all, then reads all: none waits for another's answer.
    async fn parallel(
        &mut self,
        exchanges: &[(usize, Exchange)],
        together: Option<&[String]>,
    ) -> Result<(Outcome, String), Failure> {
        let mut all = Vec::new();
        for (line, exchange) in exchanges {
            all.push((exchange, self.send(*line, exchange).await?));
        }
        let mut codes = Vec::new();
        let mut broken = Vec::new();
        for (exchange, (mut sent, original)) in all {
            let answer = self.line_of(exchange).answer_to(&sent).await?;
            codes.push(answer.as_ref().map_or("none", Answered::code).to_owned());
            let result = judge(&exchange.expect, answer.as_ref(), original.as_ref());
            if let Outcome::Broken(why) = result {
                broken.push(why);
            }
            sent.answer = answer;
            self.remember(exchange, sent);
        }
        codes.sort_unstable();
        if let Some(together) = together {
            let mut wanted = together.to_vec();
            wanted.sort_unstable();
            if wanted != codes {
                broken.push(format!("wanted together {}", wanted.join(" ")));
            }
        }
        let shown = codes.join(" ");
        match broken.is_empty() {
            true => Ok((Outcome::Held, shown)),
            false => Ok((Outcome::Broken(broken.join("; ")), shown)),
        }
    }

    async fn send(
        &mut self,
        line: usize,
        exchange: &Exchange,
    ) -> Result<(Sent, Option<Sent>), Failure> {
        let original = exchange.of.as_ref().and_then(|name| self.named.get(name));
        let original = original.cloned();
        let place = self.place(&exchange.place);
        let card = exchange.card.as_ref().and_then(|name| self.card(name));
        self.trace = self.trace % 999_999 + 1;
        let numbers = Numbers {
            trace: self.trace,
            now: self.now(),
            year: self.year(),
        };
        let pan = card.map(|card| &card.pan);
        let dialect = self.target.dialect;
        let wrong = |cause: String| Failure::usage(format!("line {line}: {cause}"));
        let sent =
            compose(dialect, exchange, (place, pan), &numbers, original.as_ref()).map_err(wrong)?;
        let mut frame = Vec::new();
        encode(dialect, &sent, &mut frame).map_err(wrong)?;
        self.messages.push(masked_frame(dialect, &frame));
        self.line_of(exchange).send(&frame).await?;
        Ok((sent, original))
    }

    async fn available(
        &mut self,
        line: usize,
        place: &str,
        card: &str,
    ) -> Result<Option<u64>, Failure> {
        let exchange = Exchange {
            place: place.to_owned(),
            message: "balance-inquiry".to_owned(),
            card: Some(card.to_owned()),
            amount: None,
            of: None,
            name: None,
            with: Vec::new(),
            without: Vec::new(),
            expect: Expect::Answer(Vec::new(), Vec::new()),
        };
        let (sent, _) = self.send(line, &exchange).await?;
        let answer = self.line_of(&exchange).answer_to(&sent).await?;
        Ok(answer.and_then(|answer| {
            let text = answer.fields.get(&54)?.clone();
            let balance = Balance::parse_all(text.as_bytes()).last()?.ok()?;
            u64::try_from(balance.amount).ok()
        }))
    }

    async fn figure(&mut self, name: &str, figure: Figure, expected: u64) -> (Outcome, String) {
        let Some(card) = self.script.cards.iter().find(|card| card.name == name) else {
            return (Outcome::Broken("no such card".to_owned()), String::new());
        };
        match self.office.figure(card, figure).await {
            Err(why) => (Outcome::Broken(why), String::new()),
            Ok(found) => {
                let shown = match figure {
                    Figure::Ledger | Figure::Held => shown_fen(Some(found)),
                    Figure::Postings => found.to_string(),
                };
                (compare("the books", Some(expected), Some(found)), shown)
            }
        }
    }

    async fn office_does(
        &mut self,
        name: &str,
        act: OfficeAct,
        expected: &str,
    ) -> (Outcome, String) {
        let Some(card) = self.script.cards.iter().find(|card| card.name == name) else {
            return (Outcome::Broken("no such card".to_owned()), String::new());
        };
        match self.office.act(card, act).await {
            Err(why) => (Outcome::Broken(why), String::new()),
            Ok(found) if found == expected => (Outcome::Held, found),
            Ok(found) => {
                let why = format!("wanted {expected}, the card decided {found}");
                (Outcome::Broken(why), found)
            }
        }
    }

    fn remember(&mut self, exchange: &Exchange, sent: Sent) {
        let answer = sent.answer.as_ref();
        self.messages
            .extend(answer.map(|answer| answer.table.clone()));
        if let Some(name) = &exchange.name {
            self.named.insert(name.clone(), sent);
        }
    }

    fn place(&self, name: &str) -> &'s Place {
        let places = &self.script.places;
        let found = places.iter().find(|place| place.name == name);
        found.expect("the parser knows every place")
    }

    fn card(&self, name: &str) -> Option<&'s CardSetup> {
        self.script.cards.iter().find(|card| card.name == name)
    }

    fn line_of(&mut self, exchange: &Exchange) -> &mut Line {
        self.lines
            .get_mut(&exchange.place)
            .expect("each place has a line")
    }

    /// YY.
    fn year(&self) -> String {
        let civil = Civil::at(now(), self.utc_offset_minutes);
        format!("{:02}", civil.year % 100)
    }

    /// MMDDhhmmss.
    fn now(&self) -> String {
        let civil = Civil::at(now(), self.utc_offset_minutes);
        let Civil {
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = civil;
        format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}")
    }
}

fn judge(expect: &Expect, answer: Option<&Answered>, original: Option<&Sent>) -> Outcome {
    match (expect, answer) {
        (Expect::Lost, _) | (Expect::Silence, None) => Outcome::Held,
        (Expect::Silence, Some(answer)) => {
            Outcome::Broken(format!("wanted no answer, got {}", answer.code()))
        }
        (Expect::Answer(..), None) => Outcome::Broken("no answer came".to_owned()),
        (Expect::Answer(codes, wanted), Some(answer)) => {
            judge_answer(codes, wanted, answer, original)
        }
    }
}

fn judge_answer(
    codes: &[String],
    wanted: &[Wanted],
    answer: &Answered,
    original: Option<&Sent>,
) -> Outcome {
    if !codes.is_empty() && !codes.iter().any(|code| code == answer.code()) {
        return Outcome::Broken(format!(
            "wanted {}, got {}",
            codes.join(" or "),
            answer.code()
        ));
    }
    let first = original.and_then(|original| original.answer.as_ref());
    let problems = wanted
        .iter()
        .filter_map(|wanted| problem(wanted, answer, first));
    let problems: Vec<String> = problems.collect();
    match problems.is_empty() {
        true => Outcome::Held,
        false => Outcome::Broken(problems.join("; ")),
    }
}

fn problem(wanted: &Wanted, answer: &Answered, first: Option<&Answered>) -> Option<String> {
    let of = |number: &u8| answer.fields.get(number).map(String::as_str);
    match wanted {
        Wanted::Value(number, value) if of(number) != Some(value.as_str()) => Some(format!(
            "data element {number}: wanted {value}, got {}",
            of(number).unwrap_or("none")
        )),
        Wanted::Present(number) if of(number).is_none() => {
            Some(format!("data element {number} is missing"))
        }
        Wanted::Absent(number) if of(number).is_some() => {
            Some(format!("data element {number} should not be there"))
        }
        Wanted::Same(number)
            if of(number)
                != first
                    .and_then(|first| first.fields.get(number))
                    .map(String::as_str) =>
        {
            Some(format!(
                "data element {number} differs from the first answer's"
            ))
        }
        Wanted::Value(..) | Wanted::Present(_) | Wanted::Absent(_) | Wanted::Same(_) => None,
    }
}

fn compare(what: &str, expected: Option<u64>, found: Option<u64>) -> Outcome {
    if expected == found {
        return Outcome::Held;
    }
    Outcome::Broken(format!(
        "{what}: wanted {}, got {}",
        shown_fen(expected),
        shown_fen(found)
    ))
}

fn shown_fen(fen: Option<u64>) -> String {
    match fen {
        Some(fen) => format!("{}.{:02}", fen / 100, fen % 100),
        None => "nothing".to_owned(),
    }
}

/// Code, reference and approval code; never a card number.
fn shown(answer: Option<&Answered>) -> String {
    let Some(answer) = answer else {
        return "no answer".to_owned();
    };
    let mut shown = format!("{} {}", answer.mti, answer.code());
    for number in [37, 38, 15] {
        if let Some(value) = answer.fields.get(&number) {
            shown = format!("{shown} {number}={value}");
        }
    }
    shown
}
