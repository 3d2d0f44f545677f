//! The bytes of a log record: protobuf outside, the types of `card` inside, converted by hand so
//! that a change of the wire never reaches the rules.
//!
//! Reading fails closed: an unknown kind, a field of the wrong length or an amount out of range is
//! an error, and the partition stops rather than guess.

use bytes::Bytes;
use prost::Message as _;

use card::{
    CardId, CheckFact, Command, CompletionForm, CreditSource, Day, Facts, FeeTerms, Fingerprint,
    LegKey, MerchantId, OriginalRef, Place, ProgrammeId, ReplyTo, Request, TerminalId, Version,
};
use money::Amount;

#[expect(unreachable_pub, reason = "generated from proto/envelope.proto")]
pub(crate) mod wire {
    include!(concat!(env!("OUT_DIR"), "/floatswitch.log.v1.rs"));
}

/// The logic that this build folds with. A record that asks for a later one stops the partition.
pub const LOGIC_VERSION: u32 = 1;

/// A record to a whole partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// From here on these rules and this logic hold (LOG-5).
    Barrier {
        /// SHA-256 of the immutable rules bundle.
        rules_hash: [u8; 32],
        /// The logic version.
        logic_version: u32,
    },
    /// From here on new work is dated with this day.
    Cut {
        /// Grows by one with each cut; a lower or equal one is a no-op.
        number: u64,
        /// The day that opens.
        day: Day,
    },
    /// Days up to this one take no more bookings.
    Freeze {
        /// Grows by one with each freeze; a lower or equal one is a no-op.
        number: u64,
        /// The day that closes.
        day: Day,
    },
    /// A heartbeat of the log's clock.
    Tick,
}

impl Mark {
    /// The cut that opens a day. Days rise, so a day is its own number: whoever opens the same day
    /// writes the same mark (LOG-5).
    #[must_use]
    pub fn cut(day: Day) -> Self {
        let number = u64::from(day.0);
        Self::Cut { number, day }
    }

    /// The freeze of all days up to this one, numbered like a cut.
    #[must_use]
    pub fn freeze(day: Day) -> Self {
        let number = u64::from(day.0);
        Self::Freeze { number, day }
    }
}

/// Why a record's bytes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not protobuf, or not this message.
    #[error("record is not a valid envelope: {0}")]
    Malformed(String),
    /// A field is missing, of the wrong length or out of range.
    #[error("record has a bad {0}")]
    Field(&'static str),
    /// Written for later logic than this build has.
    #[error("record needs logic version {needed}, this build has {LOGIC_VERSION}: upgrade it")]
    LaterLogic {
        /// What it asks for.
        needed: u32,
    },
}

/// Writes a command.
#[must_use]
pub fn encode_command(command: &Command) -> Bytes {
    let (kind, amount, original) = split_request(&command.request);
    let mut envelope = wire::CommandEnvelope {
        card: Bytes::copy_from_slice(command.card.as_bytes()),
        medium: u32::from(command.medium),
        key: Bytes::copy_from_slice(&command.key.0),
        fingerprint: command.fingerprint.0,
        merchant: Bytes::copy_from_slice(&command.place.merchant.0),
        terminal: Bytes::copy_from_slice(&command.place.terminal.0),
        kind: kind.into(),
        amount_minor: amount.minor(),
        original: original.map(original_to_wire),
        facts: Some(facts_to_wire(&command.facts)),
        reply_to: Some(reply_to_wire(command.reply_to)),
        logic_version_min: LOGIC_VERSION,
        ..wire::CommandEnvelope::default()
    };
    if let Request::DirectCredit { source, .. } | Request::Issue { source, .. } = &command.request {
        envelope.source = source_to_wire(*source).into();
    }
    if let Request::Issue {
        programme, expiry, ..
    } = &command.request
    {
        envelope.programme = u32::from(programme.0);
        envelope.expiry = u32::from(*expiry);
    }
    Bytes::from(envelope.encode_to_vec())
}

/// Reads a command.
///
/// # Errors
/// As [`EnvelopeError`] says.
pub fn decode_command(bytes: &Bytes) -> Result<Command, EnvelopeError> {
    let envelope = wire::CommandEnvelope::decode(bytes.clone())
        .map_err(|error| EnvelopeError::Malformed(error.to_string()))?;
    if envelope.logic_version_min > LOGIC_VERSION {
        return Err(EnvelopeError::LaterLogic {
            needed: envelope.logic_version_min,
        });
    }
    Ok(Command {
        card: CardId::from_bytes(array(&envelope.card, "card id")?),
        medium: small(envelope.medium, "medium")?,
        key: LegKey(array(&envelope.key, "leg key")?),
        fingerprint: Fingerprint(envelope.fingerprint),
        place: Place {
            merchant: MerchantId(array(&envelope.merchant, "merchant")?),
            terminal: TerminalId(array(&envelope.terminal, "terminal")?),
        },
        request: request_from_wire(&envelope)?,
        facts: facts_from_wire(envelope.facts.as_ref())?,
        reply_to: reply_from_wire(envelope.reply_to.as_ref())?,
    })
}

/// Reads only the card of a command.
///
/// # Errors
/// As [`EnvelopeError`] says.
pub fn card_of(bytes: &Bytes) -> Result<CardId, EnvelopeError> {
    decode_command(bytes).map(|command| command.card)
}

/// Writes a mark.
#[must_use]
pub fn encode_mark(mark: Mark) -> Bytes {
    use wire::mark_envelope::Mark as Wire;
    let mark = match mark {
        Mark::Barrier {
            rules_hash,
            logic_version,
        } => Wire::Barrier(wire::Barrier {
            rules_hash: Bytes::copy_from_slice(&rules_hash),
            logic_version,
        }),
        Mark::Cut { number, day } => Wire::Cut(wire::Cut {
            number,
            day: u32::from(day.0),
        }),
        Mark::Freeze { number, day } => Wire::Freeze(wire::Freeze {
            number,
            day: u32::from(day.0),
        }),
        Mark::Tick => Wire::Tick(wire::Tick {}),
    };
    Bytes::from(wire::MarkEnvelope { mark: Some(mark) }.encode_to_vec())
}

/// Reads a mark.
///
/// # Errors
/// As [`EnvelopeError`] says.
pub fn decode_mark(bytes: &Bytes) -> Result<Mark, EnvelopeError> {
    use wire::mark_envelope::Mark as Wire;
    let envelope = wire::MarkEnvelope::decode(bytes.clone())
        .map_err(|error| EnvelopeError::Malformed(error.to_string()))?;
    match envelope.mark.ok_or(EnvelopeError::Field("mark"))? {
        Wire::Barrier(barrier) => Ok(Mark::Barrier {
            rules_hash: array(&barrier.rules_hash, "rules hash")?,
            logic_version: barrier.logic_version,
        }),
        Wire::Cut(cut) => Ok(Mark::Cut {
            number: cut.number,
            day: day(cut.day)?,
        }),
        Wire::Freeze(freeze) => Ok(Mark::Freeze {
            number: freeze.number,
            day: day(freeze.day)?,
        }),
        Wire::Tick(wire::Tick {}) => Ok(Mark::Tick),
    }
}

fn array<const N: usize>(bytes: &[u8], name: &'static str) -> Result<[u8; N], EnvelopeError> {
    bytes.try_into().map_err(|_| EnvelopeError::Field(name))
}

pub(crate) fn small<T: TryFrom<u32>>(value: u32, name: &'static str) -> Result<T, EnvelopeError> {
    T::try_from(value).map_err(|_| EnvelopeError::Field(name))
}

fn day(value: u32) -> Result<Day, EnvelopeError> {
    small(value, "day").map(Day)
}

fn split_request(request: &Request) -> (wire::RequestKind, Amount, Option<&OriginalRef>) {
    use wire::RequestKind as Kind;
    match request {
        Request::BalanceInquiry => (Kind::BalanceInquiry, Amount::ZERO, None),
        Request::Purchase { amount } => (Kind::Purchase, *amount, None),
        Request::Void { amount, original } => (Kind::Void, *amount, Some(original)),
        Request::Refund { amount, original } => (Kind::Refund, *amount, Some(original)),
        Request::PreAuth { amount } => (Kind::PreAuth, *amount, None),
        Request::PreAuthVoid { amount, original } => (Kind::PreAuthVoid, *amount, Some(original)),
        Request::Completion {
            amount,
            original,
            form: CompletionForm::Request,
        } => (Kind::CompletionRequest, *amount, Some(original)),
        Request::Completion {
            amount,
            original,
            form: CompletionForm::Advice,
        } => (Kind::CompletionAdvice, *amount, Some(original)),
        Request::CompletionVoid { amount, original } => {
            (Kind::CompletionVoid, *amount, Some(original))
        }
        Request::Reversal { amount, original } => (Kind::Reversal, *amount, Some(original)),
        Request::DirectCredit { amount, .. } => (Kind::DirectCredit, *amount, None),
        Request::Issue { amount, .. } => (Kind::Issue, *amount, None),
        Request::ReportLoss => (Kind::ReportLoss, Amount::ZERO, None),
        Request::LiftLoss => (Kind::LiftLoss, Amount::ZERO, None),
    }
}

fn request_from_wire(envelope: &wire::CommandEnvelope) -> Result<Request, EnvelopeError> {
    use wire::RequestKind as Kind;
    let amount =
        Amount::from_minor(envelope.amount_minor).map_err(|_| EnvelopeError::Field("amount"))?;
    let original = original_from_wire(envelope.original.as_ref());
    let kind = Kind::try_from(envelope.kind).map_err(|_| EnvelopeError::Field("request kind"))?;
    Ok(match kind {
        Kind::Unspecified => return Err(EnvelopeError::Field("request kind")),
        Kind::BalanceInquiry => Request::BalanceInquiry,
        Kind::Purchase => Request::Purchase { amount },
        Kind::Void => Request::Void {
            amount,
            original: original?,
        },
        Kind::Refund => Request::Refund {
            amount,
            original: original?,
        },
        Kind::PreAuth => Request::PreAuth { amount },
        Kind::PreAuthVoid => Request::PreAuthVoid {
            amount,
            original: original?,
        },
        Kind::CompletionRequest => Request::Completion {
            amount,
            original: original?,
            form: CompletionForm::Request,
        },
        Kind::CompletionAdvice => Request::Completion {
            amount,
            original: original?,
            form: CompletionForm::Advice,
        },
        Kind::CompletionVoid => Request::CompletionVoid {
            amount,
            original: original?,
        },
        Kind::Reversal => Request::Reversal {
            amount,
            original: original?,
        },
        Kind::DirectCredit => Request::DirectCredit {
            amount,
            source: source(envelope)?,
        },
        Kind::Issue => Request::Issue {
            programme: ProgrammeId(small(envelope.programme, "programme")?),
            expiry: small(envelope.expiry, "expiry")?,
            amount,
            source: source(envelope)?,
        },
        Kind::ReportLoss => Request::ReportLoss,
        Kind::LiftLoss => Request::LiftLoss,
    })
}

fn source_to_wire(source: CreditSource) -> wire::CreditSource {
    match source {
        CreditSource::Transfer => wire::CreditSource::Transfer,
        CreditSource::Cash => wire::CreditSource::Cash,
    }
}

fn source(envelope: &wire::CommandEnvelope) -> Result<CreditSource, EnvelopeError> {
    match wire::CreditSource::try_from(envelope.source) {
        Ok(wire::CreditSource::Transfer) => Ok(CreditSource::Transfer),
        Ok(wire::CreditSource::Cash) => Ok(CreditSource::Cash),
        Ok(wire::CreditSource::Unspecified) | Err(_) => Err(EnvelopeError::Field("credit source")),
    }
}

fn original_to_wire(original: &OriginalRef) -> wire::OriginalRef {
    wire::OriginalRef {
        key: original
            .key
            .map(|key| Bytes::copy_from_slice(&key.0))
            .unwrap_or_default(),
        offset: original.offset,
        approval: original.approval.map(|version| version.0),
    }
}

fn original_from_wire(wire: Option<&wire::OriginalRef>) -> Result<OriginalRef, EnvelopeError> {
    let wire = wire.ok_or(EnvelopeError::Field("original"))?;
    let key = match wire.key.len() {
        0 => None,
        _ => Some(LegKey(array(&wire.key, "original key")?)),
    };
    Ok(OriginalRef {
        key,
        offset: wire.offset,
        approval: wire.approval.map(Version),
    })
}

fn facts_to_wire(facts: &Facts) -> wire::Facts {
    wire::Facts {
        mac: check_to_wire(facts.mac).into(),
        pin: check_to_wire(facts.pin).into(),
        cryptogram: check_to_wire(facts.cryptogram).into(),
        merchant_group: facts.merchant_group,
        merchant_category: u32::from(facts.merchant_category),
        fee_rate_ppm: facts.fee.rate_ppm,
        fee_fixed_minor: facts.fee.fixed_minor,
        fee_min_minor: facts.fee.min_minor,
        fee_max_minor: facts.fee.max_minor,
        register_version: facts.register_version,
    }
}

fn facts_from_wire(wire: Option<&wire::Facts>) -> Result<Facts, EnvelopeError> {
    let wire = wire.ok_or(EnvelopeError::Field("facts"))?;
    Ok(Facts {
        mac: check_from_wire(wire.mac)?,
        pin: check_from_wire(wire.pin)?,
        cryptogram: check_from_wire(wire.cryptogram)?,
        merchant_group: wire.merchant_group,
        merchant_category: small(wire.merchant_category, "merchant category")?,
        fee: FeeTerms {
            rate_ppm: wire.fee_rate_ppm,
            fixed_minor: wire.fee_fixed_minor,
            min_minor: wire.fee_min_minor,
            max_minor: wire.fee_max_minor,
        },
        register_version: wire.register_version,
    })
}

fn check_to_wire(fact: CheckFact) -> wire::CheckFact {
    match fact {
        CheckFact::NotChecked => wire::CheckFact::NotChecked,
        CheckFact::Absent => wire::CheckFact::Absent,
        CheckFact::Passed => wire::CheckFact::Passed,
        CheckFact::Failed => wire::CheckFact::Failed,
    }
}

fn check_from_wire(value: i32) -> Result<CheckFact, EnvelopeError> {
    match wire::CheckFact::try_from(value) {
        Ok(wire::CheckFact::NotChecked) => Ok(CheckFact::NotChecked),
        Ok(wire::CheckFact::Absent) => Ok(CheckFact::Absent),
        Ok(wire::CheckFact::Passed) => Ok(CheckFact::Passed),
        Ok(wire::CheckFact::Failed) => Ok(CheckFact::Failed),
        Err(_) => Err(EnvelopeError::Field("check fact")),
    }
}

pub(crate) fn reply_to_wire(reply_to: ReplyTo) -> wire::ReplyTo {
    wire::ReplyTo {
        partition: u32::from(reply_to.partition),
        incarnation: reply_to.incarnation,
        exchange: reply_to.exchange,
    }
}

pub(crate) fn reply_from_wire(wire: Option<&wire::ReplyTo>) -> Result<ReplyTo, EnvelopeError> {
    let wire = wire.ok_or(EnvelopeError::Field("reply address"))?;
    Ok(ReplyTo {
        partition: small(wire.partition, "reply partition")?,
        incarnation: wire.incarnation,
        exchange: wire.exchange,
    })
}
