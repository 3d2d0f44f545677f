//! What a terminal sends, as plain data that both the card and the reference are given, and what
//! comes of it, as plain data that both must give.

use card::{Case, Outcome};

/// What a message asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Issue,
    Purchase,
    Void,
    Refund,
    PreAuth,
    PreAuthVoid,
    Completion,
    CompletionAdvice,
    CompletionVoid,
    Reversal,
    TopUp,
    /// The paid half of a confirmed top-up; it has the trace number of the other half.
    Confirm,
    OfflineSale,
    Adjust,
    Tip,
    /// By telephone, for five days.
    PhoneLoss,
    Loss,
    Lift,
    /// Another medium, by its number.
    Replace(u8),
}

/// The message type, as far as it tells keys apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Authorization,
    Financial,
    Advice,
    Reversal,
    Office,
}

impl What {
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::PreAuth | Self::PreAuthVoid => Class::Authorization,
            Self::Purchase | Self::Void | Self::Completion | Self::CompletionVoid | Self::TopUp => {
                Class::Financial
            }
            Self::Refund
            | Self::CompletionAdvice
            | Self::Confirm
            | Self::OfflineSale
            | Self::Adjust
            | Self::Tip => Class::Advice,
            Self::Reversal => Class::Reversal,
            Self::Issue | Self::PhoneLoss | Self::Loss | Self::Lift | Self::Replace(_) => {
                Class::Office
            }
        }
    }

    /// Whether it goes by the trace number of what it is about.
    pub(crate) const fn shares_trace(self) -> bool {
        matches!(self, Self::Reversal | Self::Confirm)
    }

    /// Whether it is about money.
    pub(crate) const fn has_amount(self) -> bool {
        matches!(self, Self::Issue) || !matches!(self.class(), Class::Office)
    }
}

/// The identity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) merchant: u8,
    pub(crate) terminal: u8,
    pub(crate) batch: u32,
    pub(crate) trace: u32,
    pub(crate) class: Class,
}

/// How a message points at an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Named {
    pub(crate) key: Option<Key>,
    /// The number of its record in the log.
    pub(crate) rrn: Option<u64>,
    /// Its approval code: the number of the card's decision.
    pub(crate) code: Option<u32>,
}

/// Who holds the money of a top-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Cash,
    Transfer,
}

/// One message. Two are the same message when they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) what: What,
    pub(crate) fen: i64,
    pub(crate) key: Key,
    pub(crate) named: Named,
    pub(crate) medium: u8,
    pub(crate) source: Source,
}

/// The money of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Money {
    pub(crate) booked: i64,
    pub(crate) held: i64,
    pub(crate) uncleared: i64,
    pub(crate) available: i64,
}

/// The accounts that a card's entries touch, in the order of [`Postings`].
pub(crate) const ACCOUNTS: [u16; 6] = [2001, 2101, 4001, 1301, 1003, 1002];

/// What an entry books on each account, debits positive, in fen.
pub(crate) type Postings = [i64; ACCOUNTS.len()];

/// What comes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) replayed: bool,
    pub(crate) written: bool,
    pub(crate) rrn: u64,
    pub(crate) code: Option<u32>,
    /// Days after the first one.
    pub(crate) day: i32,
    /// Seconds since 1970.
    pub(crate) decided_at: i64,
    pub(crate) case: Option<Case>,
    pub(crate) postings: Postings,
    pub(crate) money: Money,
}

impl Answer {
    /// A line for people.
    pub(crate) fn line(&self) -> String {
        let outcome = match self.outcome {
            Outcome::Declined(reason) => format!("declined {reason:?}"),
            other @ (Outcome::Approved
            | Outcome::AcceptedUnseen
            | Outcome::AcceptedAfterRefusal) => format!("{other:?}").to_lowercase(),
        };
        let how = match (self.replayed, self.written) {
            (true, _) => " (stored answer)",
            (false, true) => "",
            (false, false) => " (unwritten)",
        };
        let case = self
            .case
            .map_or(String::new(), |case| format!(", case {case:?}"));
        let booked: Vec<String> = ACCOUNTS
            .iter()
            .zip(self.postings)
            .filter(|(_, fen)| *fen != 0)
            .map(|(account, fen)| format!("{account} {}", yuan(fen)))
            .collect();
        let booked = match booked.is_empty() {
            true => String::new(),
            false => format!(", books {}", booked.join(" / ")),
        };
        let Money {
            booked: posted,
            held,
            uncleared,
            available,
        } = self.money;
        format!(
            "{outcome}{how}{case}{booked}; posted {} held {} uncleared {} available {}; \
             RRN {} code {} day {:+} second {}",
            yuan(posted),
            yuan(held),
            yuan(uncleared),
            yuan(available),
            self.rrn,
            self.code.map_or("-".to_owned(), |code| code.to_string()),
            self.day,
            self.decided_at,
        )
    }
}

/// Fen as yuan.
pub(crate) fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}
