//! How the demo prints: chapters, and one aligned line for each exchange. At most 100 columns.

use std::io::{IsTerminal as _, Stdout, Write as _};

use super::receipt::Receipt;
use crate::exit::Failure;

/// Whether escape codes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    On,
    Off,
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// A heading.
    Bold,
    /// A side remark.
    Dim,
    /// As it should be.
    Good,
    /// A refusal that was expected.
    Refused,
    /// Not as it should be.
    Bad,
}

/// Standard output, with the count of what went wrong.
#[derive(Debug)]
pub(super) struct Stage {
    out: Stdout,
    colour: Colour,
    /// Exchanges shown so far.
    pub(super) step_count: u32,
    /// Expectations that did not hold.
    pub(super) wrong_count: u32,
    chapter_count: u32,
}

/// One exchange as it is shown.
#[derive(Debug, Default)]
pub(super) struct Shown<'a> {
    pub(super) what: &'a str,
    pub(super) card: &'a str,
    pub(super) amount_fen: Option<u64>,
    pub(super) receipt: Option<&'a Receipt>,
    /// Stands where the answer would be.
    pub(super) no_answer: &'a str,
    pub(super) available_fen: Option<u64>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let out = std::io::stdout();
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = match out.is_terminal() && !is_set("NO_COLOR") && !is_dumb {
            true => Colour::On,
            false => Colour::Off,
        };
        Self {
            out,
            colour,
            step_count: 0,
            wrong_count: 0,
            chapter_count: 0,
        }
    }

    /// A line of text.
    pub(super) fn say(&mut self, tone: Tone, text: &str) -> Result<(), Failure> {
        let line = self.paint(tone, text);
        Ok(writeln!(self.out, "{line}")?)
    }

    /// A heading with a sentence on what is to be seen.
    pub(super) fn chapter(&mut self, title: &str, about: &[&str]) -> Result<(), Failure> {
        self.chapter_count += 1;
        let heading = format!("{}. {title}", self.chapter_count);
        self.say(Tone::Plain, "")?;
        self.say(Tone::Bold, &heading)?;
        for line in about {
            self.say(Tone::Dim, &format!("   {line}"))?;
        }
        Ok(())
    }

    /// The names of the columns.
    pub(super) fn columns(&mut self) -> Result<(), Failure> {
        let line = format!(
            "{:>3} {:<29} {:<4} {:>8}  {:<19} {:>9}  {:<12} {:<6}",
            "",
            "what the terminal asks",
            "card",
            "amount",
            "answer",
            "available",
            "reference",
            "code"
        );
        self.say(Tone::Dim, line.trim_end())
    }

    /// One exchange.
    pub(super) fn exchange(&mut self, shown: &Shown<'_>) -> Result<(), Failure> {
        self.step_count += 1;
        let amount = shown.amount_fen.map(yuan).unwrap_or_default();
        let available = shown.available_fen.map(yuan).unwrap_or_default();
        let (answer, reference, approval) = match shown.receipt {
            Some(receipt) => (
                receipt.code_text(),
                receipt.reference.as_str(),
                receipt.approval.as_str(),
            ),
            None => (shown.no_answer.to_owned(), "", ""),
        };
        let tone = match shown.receipt {
            Some(receipt) if receipt.is_approved() => Tone::Good,
            Some(_) => Tone::Refused,
            None => Tone::Bad,
        };
        let answer = self.paint(tone, &format!("{answer:<19}"));
        let step = self.paint(Tone::Dim, &format!("{:>3}", self.step_count));
        let line = format!(
            "{step} {:<29} {:<4} {amount:>8}  {answer} {available:>9}  {reference:<12} {approval:<6}",
            shown.what, shown.card,
        );
        Ok(writeln!(self.out, "{}", line.trim_end())?)
    }

    /// Compares; a difference is said and counted.
    pub(super) fn expect(
        &mut self,
        what: &str,
        (found, wanted): (&str, &str),
    ) -> Result<(), Failure> {
        if found == wanted {
            return Ok(());
        }
        self.wrong_count += 1;
        self.say(
            Tone::Bad,
            &format!("    ^ WRONG: {what} is {found}, expected {wanted}"),
        )
    }

    /// A fact with a mark that says whether it holds.
    pub(super) fn proof(&mut self, holds: Holds, text: &str) -> Result<(), Failure> {
        let mark = match holds {
            Holds::Yes => self.paint(Tone::Good, "  ok  "),
            Holds::No => {
                self.wrong_count += 1;
                self.paint(Tone::Bad, "WRONG ")
            }
        };
        Ok(writeln!(self.out, "{mark}{text}")?)
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match (self.colour, tone) {
            (Colour::Off, _) | (_, Tone::Plain) => return text.to_owned(),
            (Colour::On, Tone::Bold) => "1",
            (Colour::On, Tone::Dim) => "2",
            (Colour::On, Tone::Good) => "32",
            (Colour::On, Tone::Refused) => "33",
            (Colour::On, Tone::Bad) => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Whether a fact is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Yes,
    No,
}

impl Holds {
    /// Whether two values are the same.
    pub(super) fn equal<T: PartialEq>(found: T, wanted: T) -> Self {
        if found == wanted { Self::Yes } else { Self::No }
    }
}

/// Fen as yuan with two decimals.
pub(super) fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}
