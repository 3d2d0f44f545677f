//! A certification script, parsed: who takes part, what they send, what must come back.

use std::time::Duration;

use money::Amount;
use pan::Pan;

/// A whole script.
#[derive(Debug)]
pub(super) struct Script {
    /// What is shown of it.
    pub(super) title: String,
    /// A built-in dialect, or the path of a dialect file.
    pub(super) dialect: String,
    pub(super) places: Vec<Place>,
    pub(super) cards: Vec<CardSetup>,
    pub(super) steps: Vec<Step>,
}

/// A terminal, or an institution that speaks for one.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: String,
    /// Data element 41.
    pub(super) terminal: String,
    /// Data element 42.
    pub(super) merchant: String,
    /// Data element 60.2 of a terminal.
    pub(super) batch: u32,
    /// Data element 32 of an institution.
    pub(super) acquirer: String,
    /// Data element 33 of an institution.
    pub(super) forwarder: String,
    /// Data element 18 of an institution.
    pub(super) category: String,
}

/// A card that must be there before the script is played.
#[derive(Debug)]
pub(super) struct CardSetup {
    pub(super) name: String,
    pub(super) pan: Pan,
    pub(super) serial: u64,
    pub(super) programme: u16,
    pub(super) balance: Amount,
}

/// A line of the script that does or checks something.
#[derive(Debug)]
pub(super) struct Step {
    /// Its number in the file.
    pub(super) line: usize,
    /// As it is written.
    pub(super) text: String,
    pub(super) act: Act,
}

#[derive(Debug)]
pub(super) enum Act {
    /// A heading of the report.
    Chapter,
    /// One message and what must come of it.
    Exchange(Exchange),
    /// Messages that are sent without waiting for one another; then, if it is said, which codes
    /// they must bring together, in any order.
    Parallel(Vec<(usize, Exchange)>, Option<Vec<String>>),
    /// A balance inquiry and what must be available.
    Available {
        place: String,
        card: String,
        amount: Amount,
    },
    /// What the books must say of a card.
    Books {
        card: String,
        figure: Figure,
        expected: u64,
    },
    /// The back office does something with a card, and what the card must decide.
    Office {
        card: String,
        act: OfficeAct,
        expected: String,
    },
    /// Lets time pass.
    Wait(Duration),
}

/// What the back office does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfficeAct {
    /// Reports it lost, `temporary` or `formal`.
    Loss(&'static str),
    /// Lifts the report.
    Unfreeze,
}

/// A figure of a card that no message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// What is booked, in fen.
    Ledger,
    /// What open holds block, in fen.
    Held,
    /// Decisions that moved money.
    Postings,
}

/// One message.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) place: String,
    pub(super) message: String,
    pub(super) card: Option<String>,
    pub(super) amount: Option<Amount>,
    /// The earlier exchange that it is about.
    pub(super) of: Option<String>,
    /// What later lines call it by.
    pub(super) name: Option<String>,
    /// Data elements with other values than the message's own.
    pub(super) with: Vec<(u8, String)>,
    pub(super) without: Vec<u8>,
    pub(super) expect: Expect,
}

/// What must come of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expect {
    /// One of these codes, and these data elements. No code: any.
    Answer(Vec<String>, Vec<Wanted>),
    /// The connection is cut before an answer can be read: it is lost.
    Lost,
    /// Nothing within the patience.
    Silence,
}

/// What must be in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This value, as digits, text, or hex of bytes.
    Value(u8, String),
    /// Anything.
    Present(u8),
    /// Nothing.
    Absent(u8),
    /// The same as in the answer to the exchange that this one is about.
    Same(u8),
}
