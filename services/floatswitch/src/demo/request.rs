//! What a terminal of the demo says: one row per kind of message, and the numbers that fill it.
//!
//! Written the plain way, element by element. The load generator has a faster one.

use super::receipt::Receipt;
use super::world::Card;
use iso8583::{Dialect, EncodeError, Encoder, Mti, Prefix};

const PREFIX: Prefix = Prefix::Pos {
    tpdu: [0x60, 0x00, 0x03, 0x00, 0x00],
    header: [0x60, 0x31, 0x00, 0x31, 0x10, 0x01],
};
/// Magnetic stripe, no PIN (DE22).
const ENTRY_MODE: u64 = 22;
/// Why a terminal reverses: it got no answer (DE39 of a 0400).
const REASON_NO_ANSWER: &str = "98";
const CURRENCY: &str = "156";
/// DE60 after the batch: payments, and what the terminal can do.
const PAYMENT: &str = "00020";

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// DE41.
    pub(super) terminal: &'static str,
    /// DE42.
    pub(super) merchant: &'static str,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Business {
    Inquiry,
    Purchase,
    Void,
    Refund,
    PreAuth,
    PreAuthVoid,
    Completion,
    CompletionAdvice,
    CompletionVoid,
    TopUp,
}

/// How a kind of message is told from the others.
struct Row {
    mti: Mti,
    /// DE3.
    processing: u64,
    /// DE25.
    condition: u64,
    /// DE60.1.
    kind_code: &'static str,
    /// What it names its original by, beside DE61.
    names: Names,
}

/// How much of its original a request repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Nothing,
    /// DE37.
    Reference,
    /// DE38.
    Approval,
    /// DE37 and DE38.
    Both,
}

impl Business {
    const fn row(self) -> Row {
        const REQUEST: Mti = Mti::FINANCIAL_REQUEST;
        const ADVICE: Mti = Mti::FINANCIAL_ADVICE;
        const AUTHORIZATION: Mti = Mti::AUTHORIZATION_REQUEST;
        let (mti, processing, condition, kind_code, names) = match self {
            Self::Inquiry => (REQUEST, 310_000, 0, "01", Names::Nothing),
            Self::Purchase => (REQUEST, 0, 0, "22", Names::Nothing),
            Self::Void => (REQUEST, 200_000, 0, "23", Names::Both),
            Self::Refund => (ADVICE, 200_000, 0, "25", Names::Reference),
            Self::PreAuth => (AUTHORIZATION, 30_000, 6, "10", Names::Nothing),
            Self::PreAuthVoid => (AUTHORIZATION, 200_000, 6, "11", Names::Approval),
            Self::Completion => (REQUEST, 0, 6, "20", Names::Approval),
            Self::CompletionAdvice => (ADVICE, 0, 6, "24", Names::Approval),
            Self::CompletionVoid => (REQUEST, 200_000, 6, "21", Names::Both),
            Self::TopUp => (REQUEST, 630_000, 0, "48", Names::Nothing),
        };
        Row {
            mti,
            processing,
            condition,
            kind_code,
            names,
        }
    }
}

/// Whether a request does something or takes it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Do,
    /// A 0400 with everything of the request it undoes.
    Reverse,
}

/// A message about a card, with the numbers that its terminal gave it.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) place: Place,
    pub(super) business: Business,
    pub(super) amount_fen: u64,
    /// DE60.2.
    pub(super) batch: u32,
    /// DE11.
    pub(super) trace: u32,
    direction: Direction,
    pub(super) card: Card,
    original: Option<Receipt>,
}

impl Ask {
    /// A new request with the numbers that its terminal gave it.
    pub(super) fn new(
        place: Place,
        (batch, trace): (u32, u32),
        business: Business,
        card: &Card,
        amount_fen: u64,
    ) -> Self {
        Self {
            place,
            business,
            amount_fen,
            batch,
            trace,
            direction: Direction::Do,
            card: card.clone(),
            original: None,
        }
    }

    /// The same request pointing at what it undoes, captures or refunds.
    pub(super) fn of(self, original: &Receipt) -> Self {
        Self {
            original: Some(original.clone()),
            ..self
        }
    }

    /// The same key with another amount, which no honest terminal sends.
    pub(super) fn with_amount(&self, amount_fen: u64) -> Self {
        Self {
            amount_fen,
            ..self.clone()
        }
    }

    /// What a terminal sends when it got no answer to this.
    pub(super) fn reversal(&self) -> Self {
        Self {
            direction: Direction::Reverse,
            ..self.clone()
        }
    }

    pub(super) fn is_reversal(&self) -> bool {
        self.direction == Direction::Reverse
    }

    pub(super) fn mti(&self) -> Mti {
        match self.direction {
            Direction::Do => self.business.row().mti,
            Direction::Reverse => Mti::REVERSAL_REQUEST,
        }
    }

    /// Writes the frame at the end of a buffer.
    pub(super) fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        let row = self.business.row();
        let mut encoder = Encoder::new(Dialect::pos(), buffer, &PREFIX, self.mti());
        encoder
            .digits(2, self.card.pan.expose())
            .number(3, row.processing);
        if self.business != Business::Inquiry {
            encoder.number(4, self.amount_fen);
        }
        encoder
            .number(11, self.trace.into())
            .number(22, ENTRY_MODE)
            .number(25, row.condition);
        let original = self.original.as_ref().filter(|_| !self.is_reversal());
        if let Some(original) = original {
            if matches!(row.names, Names::Reference | Names::Both) {
                encoder.text(37, &original.reference);
            }
            if matches!(row.names, Names::Approval | Names::Both) {
                encoder.text(38, &original.approval);
            }
        }
        if self.is_reversal() {
            encoder.text(39, REASON_NO_ANSWER);
        }
        encoder
            .text(41, self.place.terminal)
            .text(42, self.place.merchant)
            .text(49, CURRENCY)
            .digits(60, format!("{}{:06}{PAYMENT}", row.kind_code, self.batch));
        if let Some(original) = original {
            let (batch, trace) = (original.batch, original.trace);
            encoder.digits(61, format!("{batch:06}{trace:06}{}", original.date));
        }
        encoder.finish()
    }
}

/// What a terminal says of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    SignOn,
    Echo,
    SignOff,
}

impl Session {
    pub(super) const fn mti(self) -> Mti {
        match self {
            Self::SignOn => Mti::NETWORK_REQUEST,
            Self::Echo | Self::SignOff => Mti::NETWORK_ADVICE,
        }
    }

    /// Writes the frame at the end of a buffer.
    pub(super) fn encode(
        self,
        place: Place,
        (batch, trace): (u32, u32),
        buffer: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let network_code = match self {
            Self::SignOn => "003",
            Self::Echo => "301",
            Self::SignOff => "002",
        };
        let mut encoder = Encoder::new(Dialect::pos(), buffer, &PREFIX, self.mti());
        encoder
            .number(11, trace.into())
            .text(41, place.terminal)
            .text(42, place.merchant)
            .digits(60, format!("00{batch:06}{network_code}"));
        if self == Self::SignOn {
            encoder.text(63, "01 "); // The operator.
        }
        encoder.finish()
    }
}
