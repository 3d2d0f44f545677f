//! The canonical bytes of a card's state.

use crate::card::{Card, HOLDS_MAX, Hold, Loss, UNCLEARED_MAX, Uncleared};
use crate::codec::{CodecError, Reader, Writer};
use crate::counters::Counters;
use crate::entry::{Ring, read_amount};
use crate::ids::{CardId, PartitionId, ProgrammeId, Timestamp, Version};
use crate::programme::CardKind;
use money::Amount;

/// The format of [`Card::encode`]. A later one comes only behind a logic barrier.
const FORMAT: u8 = 2;

/// The format before: without temporary loss, media and counters.
const FORMAT_1: u8 = 1;

impl Card {
    /// A size that the body does not pass by much, to make room for it at once.
    #[must_use]
    pub fn body_size_hint(&self) -> usize {
        let memos = self.holds.len().saturating_add(self.uncleared.len());
        let entries = self.ring.len();
        160_usize
            .saturating_add(memos.saturating_mul(40))
            .saturating_add(entries.saturating_mul(56))
    }

    /// Appends the canonical body.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let mut writer = Writer(bytes);
        writer.u8(FORMAT);
        writer.bytes(self.id.as_bytes());
        writer.u16(self.programme.0);
        writer.u8(match self.kind {
            CardKind::Registered => 1,
            CardKind::Anonymous => 2,
        });
        writer.u16(self.expiry);
        writer.i64(self.issued_at.0);
        encode_loss(self.loss, &mut writer);
        writer.u8(self.active_medium);
        self.counters.encode(&mut writer);
        writer.u32(self.version.0);
        writer.i64(self.last_time.0);
        writer.u16(self.applied.partition.0);
        writer.u64(self.applied.offset);
        writer.u64(self.posted.minor());
        writer.varint(self.holds.len() as u64);
        self.holds.iter().for_each(|hold| hold.encode(&mut writer));
        writer.varint(self.uncleared.len() as u64);
        self.uncleared
            .iter()
            .for_each(|credit| credit.encode(&mut writer));
        self.ring.encode(&mut writer);
        writer.bytes(&self.hash);
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not a body of a known format: the card stops.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader(bytes);
        let format = reader.u8("card format")?;
        if format != FORMAT && format != FORMAT_1 {
            return Err(CodecError::Format(format));
        }
        let id = CardId::from_bytes(reader.array("card id")?);
        let programme = ProgrammeId(reader.u16("programme")?);
        let kind = match reader.u8("card kind")? {
            1 => CardKind::Registered,
            2 => CardKind::Anonymous,
            _ => return Err(CodecError::Range("card kind")),
        };
        let mut card = Self::new(id, programme, kind, reader.u16("expiry")?);
        card.issued_at = Timestamp(reader.i64("issue time")?);
        card.loss = decode_loss(&mut reader, format)?;
        if format != FORMAT_1 {
            card.active_medium = reader.u8("active medium")?;
            card.counters = Counters::decode(&mut reader)?;
        }
        card.version = Version(reader.u32("version")?);
        card.last_time = Timestamp(reader.i64("last time")?);
        card.applied.partition = PartitionId(reader.u16("partition")?);
        card.applied.offset = reader.u64("offset")?;
        card.posted =
            Amount::from_minor(reader.u64("balance")?).map_err(|_| CodecError::Range("balance"))?;
        let holds = count(&mut reader, HOLDS_MAX, "hold count")?;
        card.holds = (0..holds)
            .map(|_| Hold::decode(&mut reader))
            .collect::<Result<_, _>>()?;
        let credits = count(&mut reader, UNCLEARED_MAX, "uncleared count")?;
        card.uncleared = (0..credits)
            .map(|_| Uncleared::decode(&mut reader))
            .collect::<Result<_, _>>()?;
        card.ring = Ring::decode(&mut reader)?;
        card.hash = reader.array("hash")?;
        reader.finish()?;
        Ok(card)
    }
}

fn encode_loss(loss: Option<Loss>, writer: &mut Writer<'_>) {
    writer.i64(loss.map_or(i64::MIN, |loss| loss.since.0));
    if let Some(loss) = loss {
        writer.i64(loss.until.map_or(i64::MAX, |until| until.0));
    }
}

/// Format 1 knew no temporary report.
fn decode_loss(reader: &mut Reader<'_>, format: u8) -> Result<Option<Loss>, CodecError> {
    let since = match reader.i64("loss time")? {
        i64::MIN => return Ok(None),
        since => Timestamp(since),
    };
    let until = match format {
        FORMAT_1 => i64::MAX,
        _ => reader.i64("end of loss")?,
    };
    let until = (until != i64::MAX).then_some(Timestamp(until));
    Ok(Some(Loss { since, until }))
}

fn count(reader: &mut Reader<'_>, max: usize, what: &'static str) -> Result<usize, CodecError> {
    let count: usize = reader.small(what)?;
    if count > max {
        Err(CodecError::Range(what))
    } else {
        Ok(count)
    }
}

impl Hold {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.varint(u64::from(self.version.0));
        writer.varint(self.offset);
        writer.varint(self.amount.minor());
        writer.i64(self.placed_at.0);
        writer.i64(self.expires_at.0);
        writer.u32(self.merchant);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            version: Version(reader.small("hold version")?),
            offset: reader.varint("hold offset")?,
            amount: read_amount(reader, "hold amount")?,
            placed_at: Timestamp(reader.i64("hold time")?),
            expires_at: Timestamp(reader.i64("hold expiry")?),
            merchant: reader.u32("hold merchant")?,
        })
    }
}

impl Uncleared {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.varint(u64::from(self.version.0));
        writer.varint(self.amount.minor());
        writer.i64(self.clears_at.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            version: Version(reader.small("credit version")?),
            amount: read_amount(reader, "credit amount")?,
            clears_at: Timestamp(reader.i64("credit time")?),
        })
    }
}
