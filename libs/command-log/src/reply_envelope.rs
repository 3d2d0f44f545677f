//! The bytes of a reply on its way back to the connector that asked. Holds no card number, no key
//! of the request and nothing secret (LOG-4): the address names a parked exchange.

use bytes::Bytes;
use prost::Message as _;

use crate::envelope::{EnvelopeError, reply_from_wire, reply_to_wire, small, wire};
use card::{Day, Outcome, PartitionId, Position, Reply, Timestamp, Version};
use money::Amount;

/// Writes a reply.
#[must_use]
pub fn encode_reply(reply: &Reply) -> Bytes {
    let envelope = wire::ReplyEnvelope {
        reply_to: Some(reply_to_wire(reply.reply_to)),
        outcome: u32::from(reply.outcome.number()),
        replayed: reply.replayed,
        amount_minor: reply.amount.map(Amount::minor),
        available_minor: reply.available.map(Amount::minor),
        version: reply.version.map(|version| version.0),
        partition: u32::from(reply.position.partition.0),
        offset: reply.position.offset,
        decided_at_ms: reply.decided_at.0,
        day: u32::from(reply.day.0),
    };
    Bytes::from(envelope.encode_to_vec())
}

/// Reads a reply.
///
/// # Errors
/// As [`EnvelopeError`] says.
pub fn decode_reply(bytes: &[u8]) -> Result<Reply, EnvelopeError> {
    let envelope = wire::ReplyEnvelope::decode(bytes)
        .map_err(|error| EnvelopeError::Malformed(error.to_string()))?;
    Ok(Reply {
        reply_to: reply_from_wire(envelope.reply_to.as_ref())?,
        outcome: Outcome::from_number(small(envelope.outcome, "outcome")?)
            .ok_or(EnvelopeError::Field("outcome"))?,
        replayed: envelope.replayed,
        amount: amount(envelope.amount_minor, "amount")?,
        available: amount(envelope.available_minor, "available balance")?,
        version: envelope.version.map(Version),
        position: Position {
            partition: PartitionId(small(envelope.partition, "partition")?),
            offset: envelope.offset,
        },
        decided_at: Timestamp(envelope.decided_at_ms),
        day: Day(small(envelope.day, "day")?),
    })
}

fn amount(minor: Option<u64>, name: &'static str) -> Result<Option<Amount>, EnvelopeError> {
    minor
        .map(Amount::from_minor)
        .transpose()
        .map_err(|_| EnvelopeError::Field(name))
}
