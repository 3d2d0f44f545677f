//! Reads a certification script. Every mistake is told with its line and what would be right.

use std::time::Duration;

use crate::card_issue::parse_yuan;
use crate::certify::Round;
use crate::certify::message::test_pan;
use crate::certify::script::{
    Act, CardSetup, Exchange, Expect, Figure, OfficeAct, Place, Script, Step, Wanted,
};
use money::Amount;

/// Why a script cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {cause}")]
pub(super) struct ScriptError {
    line: usize,
    cause: String,
}

/// Words that end the part of a message line before them.
const WORDS: [&str; 5] = ["of", "as", "with", "without", "->"];

/// Reads a whole script.
///
/// # Errors
/// The first mistake.
pub(super) fn parse(text: &str, round: Round) -> Result<Script, ScriptError> {
    let mut reader = Reader::new(round);
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let content = line.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        reader
            .take(line_number, content)
            .map_err(|cause| ScriptError {
                line: line_number,
                cause,
            })?;
    }
    reader.finish().map_err(|cause| ScriptError {
        line: text.lines().count(),
        cause,
    })
}

struct Reader {
    round: Round,
    title: Option<String>,
    dialect: Option<String>,
    places: Vec<Place>,
    cards: Vec<CardSetup>,
    steps: Vec<Step>,
    names: Vec<String>,
    /// The line of an open `parallel`, and its messages so far.
    parallel: Option<(usize, Vec<(usize, Exchange)>)>,
}

impl Reader {
    const fn new(round: Round) -> Self {
        Self {
            round,
            title: None,
            dialect: None,
            places: Vec::new(),
            cards: Vec::new(),
            steps: Vec::new(),
            names: Vec::new(),
            parallel: None,
        }
    }

    fn take(&mut self, line: usize, content: &str) -> Result<(), String> {
        let (word, rest) = content
            .split_once(char::is_whitespace)
            .unwrap_or((content, ""));
        let rest = rest.trim();
        if self.parallel.is_some() && !matches!(word, "end") {
            return self.take_parallel(line, content);
        }
        match word {
            "certify" => set(&mut self.title, unquoted(rest), "certify"),
            "speaks" => set(&mut self.dialect, rest.to_owned(), "speaks"),
            "terminal" | "institution" => self.take_place(rest),
            "card" => self.take_card(rest),
            "step" => self.push(line, content, Act::Chapter),
            "parallel" => {
                self.parallel = Some((line, Vec::new()));
                Ok(())
            }
            "end" => self.take_end(rest),
            "available" => self.take_available(line, content, rest),
            "ledger" | "held" | "postings" => self.take_books(line, content, (word, rest)),
            "office" => self.take_office(line, content, rest),
            "wait" => {
                let wait = seconds(rest)?;
                self.push(line, content, Act::Wait(wait))
            }
            _ => {
                let exchange = self.exchange(content)?;
                self.push(line, content, Act::Exchange(exchange))
            }
        }
    }

    fn push(&mut self, line: usize, text: &str, act: Act) -> Result<(), String> {
        self.steps.push(Step {
            line,
            text: text.to_owned(),
            act,
        });
        Ok(())
    }

    fn take_parallel(&mut self, line: usize, content: &str) -> Result<(), String> {
        let exchange = self.exchange(content)?;
        if let Some((_, exchanges)) = &mut self.parallel {
            exchanges.push((line, exchange));
        }
        Ok(())
    }

    fn take_end(&mut self, rest: &str) -> Result<(), String> {
        let (line, exchanges) = self
            .parallel
            .take()
            .ok_or("`end` closes nothing: write `parallel` before the messages that go together")?;
        let together = match rest.split_once("->") {
            Some((_, codes)) => Some(codes.split_whitespace().map(str::to_owned).collect()),
            None if rest.is_empty() => None,
            None => {
                return Err(
                    "write `end`, or `end -> 00 61` with the codes that come together".to_owned(),
                );
            }
        };
        let text = format!("parallel, {} messages {rest}", exchanges.len());
        self.push(line, text.trim(), Act::Parallel(exchanges, together))
    }

    fn take_place(&mut self, rest: &str) -> Result<(), String> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [name, pairs @ ..] = words.as_slice() else {
            return Err("write `terminal NAME id ID merchant ID [batch N]`".to_owned());
        };
        let mut place = Place {
            name: (*name).to_owned(),
            terminal: String::new(),
            merchant: String::new(),
            batch: self.round.batch(1),
            acquirer: String::new(),
            forwarder: String::new(),
            category: "5411".to_owned(),
        };
        for pair in pairs.chunks(2) {
            let [key, value] = pair else {
                return Err(format!("`{}` has no value", pair.join(" ")));
            };
            let value = (*value).to_owned();
            match *key {
                "id" | "terminal" => place.terminal = value,
                "merchant" => place.merchant = value,
                "batch" => place.batch = self.round.batch(number(&value)?),
                "acquirer" => place.acquirer = value,
                "forwarder" => place.forwarder = value,
                "category" => place.category = value,
                other => {
                    return Err(format!(
                        "`{other}` is not known here: use id, merchant, batch, acquirer, forwarder, category"
                    ));
                }
            }
        }
        if place.terminal.len() != 8 || place.merchant.len() != 15 {
            return Err("an id has 8 characters, a merchant 15".to_owned());
        }
        self.places.push(place);
        Ok(())
    }

    fn take_card(&mut self, rest: &str) -> Result<(), String> {
        const FORM: &str = "write `card NAME programme N bin DIGITS serial N balance YUAN`";
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [
            name,
            "programme",
            programme,
            "bin",
            bin,
            "serial",
            serial,
            "balance",
            balance,
        ] = words.as_slice()
        else {
            return Err(FORM.to_owned());
        };
        let serial = self.round.serial(number(serial)?);
        self.cards.push(CardSetup {
            name: (*name).to_owned(),
            pan: test_pan(bin, serial)?,
            serial,
            programme: number(programme)?,
            balance: parse_yuan(balance)?,
        });
        Ok(())
    }

    fn take_available(&mut self, line: usize, content: &str, rest: &str) -> Result<(), String> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [card, amount, "at", place] = words.as_slice() else {
            return Err("write `available CARD YUAN at PLACE`".to_owned());
        };
        self.known_card(card)?;
        self.known_place(place)?;
        let act = Act::Available {
            place: (*place).to_owned(),
            card: (*card).to_owned(),
            amount: parse_yuan(amount)?,
        };
        self.push(line, content, act)
    }

    fn take_books(
        &mut self,
        line: usize,
        content: &str,
        (word, rest): (&str, &str),
    ) -> Result<(), String> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [card, value] = words.as_slice() else {
            return Err(format!("write `{word} CARD VALUE`"));
        };
        self.known_card(card)?;
        let (figure, expected) = match word {
            "ledger" => (Figure::Ledger, parse_yuan(value)?.minor()),
            "held" => (Figure::Held, parse_yuan(value)?.minor()),
            _ => (Figure::Postings, number(value)?),
        };
        let card = (*card).to_owned();
        self.push(
            line,
            content,
            Act::Books {
                card,
                figure,
                expected,
            },
        )
    }

    fn take_office(&mut self, line: usize, content: &str, rest: &str) -> Result<(), String> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (card, act, expected) = match words.as_slice() {
            ["loss", card, "temporary", "->", expected] => {
                (card, OfficeAct::Loss("temporary"), expected)
            }
            ["loss", card, "formal", "->", expected] => (card, OfficeAct::Loss("formal"), expected),
            ["unfreeze", card, "->", expected] => (card, OfficeAct::Unfreeze, expected),
            _ => {
                return Err("write `office loss CARD temporary|formal -> approved` or \
                     `office unfreeze CARD -> approved`"
                    .to_owned());
            }
        };
        self.known_card(card)?;
        let act = Act::Office {
            card: (*card).to_owned(),
            act,
            expected: (*expected).to_owned(),
        };
        self.push(line, content, act)
    }

    /// `PLACE sends MESSAGE [CARD] [YUAN] [of NAME] [as NAME] [with N=V]... [without N]... -> CODES`.
    fn exchange(&mut self, content: &str) -> Result<Exchange, String> {
        let mut words = content.split_whitespace().peekable();
        let place = words.next().unwrap_or_default();
        let known: Vec<&str> = self
            .places
            .iter()
            .map(|place| place.name.as_str())
            .collect();
        if !known.contains(&place) || words.next() != Some("sends") {
            return Err(format!(
                "`{content}` is not understood: a line begins with certify, speaks, terminal, institution, card, step, \
                 parallel, end, available, ledger, held, postings, office or wait, or is `PLACE sends MESSAGE ... -> CODE` with \
                 one of the places {known:?}"
            ));
        }
        let message = words.next().ok_or("which message is sent?")?;
        let mut exchange = Exchange {
            place: place.to_owned(),
            message: message.to_owned(),
            card: None,
            amount: None,
            of: None,
            name: None,
            with: Vec::new(),
            without: Vec::new(),
            expect: Expect::Answer(Vec::new(), Vec::new()),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` has no value"));
            match word {
                "of" => exchange.of = Some(self.known_name(value()?)?),
                "as" => exchange.name = Some(value()?.to_owned()),
                "with" => exchange.with.push(pair(value()?)?),
                "without" => exchange.without.push(number(value()?)?),
                "->" => {
                    exchange.expect = expect(&mut words)?;
                }
                word if self.cards.iter().any(|card| card.name == word) => {
                    exchange.card = Some(word.to_owned());
                }
                word => exchange.amount = Some(amount_or_card(word)?),
            }
        }
        if let Some(name) = &exchange.name {
            self.names.push(name.clone());
        }
        Ok(exchange)
    }

    fn known_card(&self, name: &str) -> Result<(), String> {
        match self.cards.iter().any(|card| card.name == name) {
            true => Ok(()),
            false => Err(format!(
                "no card `{name}`: set it up with a `card` line above"
            )),
        }
    }

    fn known_place(&self, name: &str) -> Result<(), String> {
        match self.places.iter().any(|place| place.name == name) {
            true => Ok(()),
            false => Err(format!(
                "no place `{name}`: name it with a `terminal` line above"
            )),
        }
    }

    fn known_name(&self, name: &str) -> Result<String, String> {
        match self.names.iter().any(|known| known == name) {
            true => Ok(name.to_owned()),
            false => Err(format!(
                "no earlier message is called `{name}`: end its line with `as {name}`"
            )),
        }
    }

    fn finish(self) -> Result<Script, String> {
        if let Some((line, _)) = self.parallel {
            return Err(format!("`parallel` of line {line} has no `end`"));
        }
        if self.places.is_empty() {
            return Err("nobody sends anything: add a `terminal` or `institution` line".to_owned());
        }
        Ok(Script {
            title: self.title.ok_or("begin with `certify \"TITLE\"`")?,
            dialect: self.dialect.unwrap_or_else(|| "pos".to_owned()),
            places: self.places,
            cards: self.cards,
            steps: self.steps,
        })
    }
}

fn set(slot: &mut Option<String>, value: String, word: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err(format!("`{word}` has no value"));
    }
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("a second `{word}`: a script has one")),
    }
}

fn unquoted(text: &str) -> String {
    text.trim_matches('"').to_owned()
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number that fits here"))
}

fn amount_or_card(word: &str) -> Result<Amount, String> {
    parse_yuan(word).map_err(|_| {
        format!(
            "`{word}` is neither a card of this script, nor yuan as 123.45, nor one of {WORDS:?}"
        )
    })
}

fn pair(text: &str) -> Result<(u8, String), String> {
    let (element, value) = text
        .split_once('=')
        .ok_or(format!("`{text}`: write the data element as 22=012"))?;
    Ok((number(element)?, value.replace('_', " ")))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}`: write seconds as 2s or milliseconds as 200ms");
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1_000),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    Ok(Duration::from_millis(count.saturating_mul(unit)))
}

/// After the arrow: `lost`, `silence`, or codes `00|A4` and data elements `38 !54 4=000000010000 37=same`.
fn expect<'t>(words: &mut impl Iterator<Item = &'t str>) -> Result<Expect, String> {
    let first = words
        .next()
        .ok_or("what must come back? write `-> 00`, `-> lost` or `-> silence`")?;
    match first {
        "lost" => return Ok(Expect::Lost),
        "silence" => return Ok(Expect::Silence),
        _ => {}
    }
    let codes = match first {
        "any" => Vec::new(),
        codes => codes.split('|').map(str::to_owned).collect(),
    };
    let wanted = words.map(wanted).collect::<Result<_, _>>()?;
    Ok(Expect::Answer(codes, wanted))
}

fn wanted(word: &str) -> Result<Wanted, String> {
    if let Some(element) = word.strip_prefix('!') {
        return Ok(Wanted::Absent(number(element)?));
    }
    let Some((element, value)) = word.split_once('=') else {
        return Ok(Wanted::Present(number(word)?));
    };
    let element = number(element)?;
    Ok(match value {
        "same" => Wanted::Same(element),
        value => Wanted::Value(element, value.replace('_', " ")),
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
