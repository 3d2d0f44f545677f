//! Settings of one acquirer: its listener, its limits and its terminals.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::value::{Ans, DialectName, Digits, Label, ListenAddress, Within};

/// An institution that sends us card messages, with the listener that is its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acquirer {
    /// Acquiring institution code (DE32), 1 to 11 digits.
    pub id: Digits<1, 11>,
    /// Its name in logs and lists.
    pub name: Label,
    /// Where its connections arrive. No other acquirer may share it.
    pub listen: ListenAddress,
    /// The form of its messages: a built-in dialect, or a dialect file.
    pub dialect: DialectName,
    /// Open connections, 1 to 10000; one more is closed at once.
    pub connections_max: Within<u32, 1, 10_000>,
    /// Unanswered requests of one connection, 1 to 10000; one more is answered 96.
    pub in_flight_max: Within<u32, 1, 10_000>,
    /// Longest frame in bytes after its length prefix, 64 to 65535; a longer one closes the connection.
    pub frame_size_max: Within<u32, 64, 65_535>,
    /// A connection without a frame for this time is closed, 5 to 86400 seconds.
    pub idle_timeout_seconds: Within<u32, 5, 86_400>,
    /// A frame that has started must be complete within this time, 1 to 60 seconds.
    pub read_timeout_seconds: Within<u32, 1, 60>,
    /// A request without a decision is given up after this time, 100 to 50000 ms. A terminal waits 60 s.
    pub reply_timeout_milliseconds: Within<u32, 100, 50_000>,
    /// Whether a terminal must sign on before its first payment.
    pub require_sign_on: bool,
    /// Whether its terminals settle their batches here (0500, 0320). Each booked payment then leaves an
    /// item of its batch in the store; without, the batch desk answers 40.
    #[serde(default)]
    pub batch_settlement: bool,
    /// Whether an institution of ISO 8583:1987 or 1993 reconciles its settlement days here (0500, 0520).
    /// Each booked payment then leaves an item of its day in the store; without, it is answered 40.
    #[serde(default)]
    pub day_reconciliation: bool,
    /// Whether it is the network whose cut-over (data element 70 = 201) opens the settlement days of this
    /// switch. One acquirer at most, and only with `cut_at = "manual"`.
    #[serde(default)]
    pub leads_days: bool,
    /// What its terminals download (0800 with 60.3 = 360): tags of two digits, each with a value.
    #[serde(default)]
    pub terminal_parameters: BTreeMap<String, String>,
    /// What is done with the message authentication code (DE64).
    pub mac: EdgeCheck,
    /// What is done with the PIN block (DE52).
    pub pin: EdgeCheck,
    /// Its terminals; an institution, which brings its own merchants, has none here.
    #[serde(default)]
    pub terminals: Vec<Terminals>,
}

impl Acquirer {
    /// The most bytes that data element 62 has room for.
    const PARAMETERS_SIZE_MAX: usize = 999;

    /// What is wrong with the terminal parameters, if something is.
    pub(crate) fn parameters_problem(&self) -> Option<String> {
        let is_tag = |tag: &str| tag.len() == 2 && tag.bytes().all(|byte| byte.is_ascii_digit());
        let is_value =
            |value: &str| !value.is_empty() && value.bytes().all(|b| (32..127).contains(&b));
        for (tag, value) in &self.terminal_parameters {
            if !is_tag(tag) || !is_value(value) {
                return Some(format!(
                    "has `{tag} = {value:?}`; write a tag of two digits and a value of printable ASCII"
                ));
            }
        }
        let size = self.parameter_text().len();
        (size > Self::PARAMETERS_SIZE_MAX).then(|| {
            format!(
                "has {size} bytes; data element 62 has room for {}",
                Self::PARAMETERS_SIZE_MAX
            )
        })
    }

    /// Tags and values, one behind the other, in the order of the tags.
    #[must_use]
    pub fn parameter_text(&self) -> String {
        let pairs = self.terminal_parameters.iter();
        pairs.map(|(tag, value)| format!("{tag}{value}")).collect()
    }
}

/// What the edge does with a proof that came with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeCheck {
    /// Nothing: whoever reaches the port is believed. The only value this build knows.
    Unchecked,
}

/// One terminal, or a run of numbered ones, at one merchant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminals {
    /// Terminal id (DE41) of a single terminal.
    terminal: Option<Ans<8>>,
    /// Lowest number of a run, written with 8 digits.
    terminal_from: Option<Digits<8, 8>>,
    /// Highest number of a run, written with 8 digits.
    terminal_to: Option<Digits<8, 8>>,
    /// Merchant id (DE42) of the shop they stand in.
    merchant: Ans<15>,
}

/// What a terminal entry means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TerminalIds<'a> {
    One(&'a str),
    Run(RangeInclusive<u32>),
}

impl Terminals {
    /// Most terminals that one run may name; a register is not a way to accept any number.
    pub const RUN_COUNT_MAX: u32 = 100_000;

    /// Returns the merchant.
    pub fn merchant(&self) -> &str {
        self.merchant.as_str()
    }

    /// Lists the terminal ids in ascending order; none when [`Settings::validate`] refuses the entry.
    ///
    /// [`Settings::validate`]: crate::Settings::validate
    pub fn ids(&self) -> impl Iterator<Item = String> + '_ {
        let (one, run) = match self.parsed() {
            Ok(TerminalIds::One(terminal)) => (Some(terminal.to_owned()), None),
            Ok(TerminalIds::Run(run)) => (None, Some(run)),
            Err(_) => (None, None),
        };
        let numbered = run
            .into_iter()
            .flatten()
            .map(|number| format!("{number:08}"));
        one.into_iter().chain(numbered)
    }

    /// Returns what the entry means, or what to write instead.
    pub(crate) fn parsed(&self) -> Result<TerminalIds<'_>, String> {
        match (&self.terminal, &self.terminal_from, &self.terminal_to) {
            (Some(terminal), None, None) => Ok(TerminalIds::One(terminal.as_str())),
            (None, Some(first), Some(last)) => run(first, last),
            _ => Err(
                "is not clear; write either `terminal`, or both `terminal_from` and `terminal_to`"
                    .to_owned(),
            ),
        }
    }
}

fn run<'a>(first: &Digits<8, 8>, last: &Digits<8, 8>) -> Result<TerminalIds<'a>, String> {
    let number = |digits: &Digits<8, 8>| {
        digits
            .as_str()
            .parse::<u32>()
            .map_err(|error| error.to_string())
    };
    let (first, last) = (number(first)?, number(last)?);
    if last < first {
        return Err(format!(
            "ends at {last:08}, below its start {first:08}; swap the two"
        ));
    }
    let count = last - first + 1;
    if count > Terminals::RUN_COUNT_MAX {
        return Err(format!(
            "names {count} terminals; write at most {}",
            Terminals::RUN_COUNT_MAX
        ));
    }
    Ok(TerminalIds::Run(first..=last))
}
