//! The bytes of a log record: protobuf outside, the types of `card` inside, converted by hand so
//! that a change of the wire never reaches the rules.
//!
//! Reading fails closed: an unknown kind, a field of the wrong length or an amount out of range is
//! an error, and the partition stops rather than guess.

use bytes::Bytes;
use prost::Message as _;

use crate::facts_wire::{facts_from_wire, facts_to_wire};
use crate::request_wire::{original_to_wire, put_particulars, request_from_wire, split_request};
use card::{
    AcquirerId, CardId, Command, Day, Fingerprint, LegKey, MerchantId, Place, ReplyTo, TerminalId,
};

#[expect(unreachable_pub, reason = "generated from proto/envelope.proto")]
pub(crate) mod wire {
    include!(concat!(env!("OUT_DIR"), "/floatswitch.log.v1.rs"));
}

/// The logic that this build folds with. A record that asks for a later one stops the partition.
pub const LOGIC_VERSION: u32 = 2;

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
        acquirer: acquirer_to_wire(command.place.acquirer),
        batch: command.place.batch,
        trace: command.place.trace,
        kind: kind.into(),
        amount_minor: amount.minor(),
        original: original.map(original_to_wire),
        facts: Some(facts_to_wire(&command.facts)),
        reply_to: Some(reply_to_wire(command.reply_to)),
        logic_version_min: LOGIC_VERSION,
        ..wire::CommandEnvelope::default()
    };
    put_particulars(&command.request, &mut envelope);
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
            acquirer: acquirer_from_wire(&envelope.acquirer)?,
            merchant: MerchantId(array(&envelope.merchant, "merchant")?),
            terminal: TerminalId(array(&envelope.terminal, "terminal")?),
            batch: envelope.batch,
            trace: envelope.trace,
        },
        request: request_from_wire(&envelope)?,
        facts: facts_from_wire(envelope.facts.as_ref())?,
        reply_to: reply_from_wire(envelope.reply_to.as_ref())?,
    })
}

/// Nobody takes no room.
fn acquirer_to_wire(acquirer: AcquirerId) -> Bytes {
    match acquirer {
        AcquirerId::NOBODY => Bytes::new(),
        AcquirerId(digits) => Bytes::copy_from_slice(&digits),
    }
}

fn acquirer_from_wire(bytes: &Bytes) -> Result<AcquirerId, EnvelopeError> {
    match bytes.is_empty() {
        true => Ok(AcquirerId::NOBODY),
        false => array(bytes, "acquirer").map(AcquirerId),
    }
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

pub(crate) fn array<const N: usize>(
    bytes: &[u8],
    name: &'static str,
) -> Result<[u8; N], EnvelopeError> {
    bytes.try_into().map_err(|_| EnvelopeError::Field(name))
}

pub(crate) fn small<T: TryFrom<u32>>(value: u32, name: &'static str) -> Result<T, EnvelopeError> {
    T::try_from(value).map_err(|_| EnvelopeError::Field(name))
}

fn day(value: u32) -> Result<Day, EnvelopeError> {
    small(value, "day").map(Day)
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
