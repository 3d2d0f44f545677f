//! The journal row of a decision: all that an auditor needs, hash-chained to the row before
//! (STORE-6).

use sha2::{Digest as _, Sha256};

use crate::codec::{CodecError, Reader, Writer};
use crate::command::{Channel, EntryMode, Place};
use crate::entry::{Kind, read_amount};
use crate::ids::{
    AcquirerId, Day, Fingerprint, LegKey, MerchantId, PartitionId, Position, ProgrammeId,
    TerminalId, Timestamp, Version,
};
use crate::outcome::Outcome;
use ledger::{Account, Entry as LedgerEntry, Posting, Side};
use money::Amount;

/// The format of [`Row::encode`].
const FORMAT: u8 = 2;

/// The format before: without medium, batch, trace, channel and entry mode.
const FORMAT_1: u8 = 1;

/// Postings that one entry may have.
const POSTINGS_MAX: usize = 16;

macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why people must look at a decision. The numbers are stored: only ever add.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Case { $($(#[$doc])* $name = $number,)* }

        impl Case {
            /// A few words for people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

cases! {
    /// An advice that matches no hold.
    UnmatchedAdvice = 1, "advice matches no hold";
    /// An advice for a hold that is closed or past its life.
    LateAdvice = 2, "advice came after its hold was closed";
    /// An advice over what the hold allows.
    ExcessAdvice = 3, "advice is over the hold";
    /// The balance did not cover an advice; the rest went to suspense (1301).
    ShortAdvice = 4, "balance did not cover the advice";
    /// What a reversal should bring back is no longer covered.
    UncoveredReversal = 5, "reversal is no longer covered";
    /// A refund, or money given back otherwise, lifted the card over its cap.
    OverCapRefund = 6, "money given back lifted the card over its cap";
    /// A top-up was confirmed and credited, and its request never came.
    UnseenCredit = 7, "top-up was confirmed, its request never came";
    /// A top-up was confirmed and credited, and its request had been refused.
    RefusedCredit = 8, "top-up was confirmed, its request had been refused";
    /// A top-up was confirmed after it was reversed; nothing was credited.
    ReversedCredit = 9, "top-up was confirmed after it was reversed";
    /// A top-up was confirmed with another amount; nothing was credited.
    OtherCredit = 10, "top-up was confirmed with another amount";
    /// A top-up by credit card was confirmed; nothing was credited.
    CreditCardTopUp = 11, "top-up by credit card was confirmed";
    /// An adjustment of a sale that was voided, reversed, refunded or is too old.
    LateAdjustment = 12, "adjustment came after its sale was closed";
    /// An adjustment over what the sale allows.
    ExcessAdjustment = 13, "adjustment is over what the sale allows";
}

/// One decision, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number on the card.
    pub version: Version,
    /// The record that asked.
    pub position: Position,
    /// When it was decided, by the log's clock.
    pub decided_at: Timestamp,
    /// The settlement day that it counts for.
    pub day: Day,
    /// The card's product.
    pub programme: ProgrammeId,
    /// What it was about.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// Why people must look at it, if they must.
    pub case: Option<Case>,
    /// Identity of the request.
    pub key: LegKey,
    /// Digest of its content.
    pub fingerprint: Fingerprint,
    /// Where it was asked.
    pub place: Place,
    /// The medium that was presented, by its number on the card.
    pub medium: u8,
    /// How it was asked.
    pub channel: Channel,
    /// How the card was read.
    pub entry: EntryMode,
    /// What it was about.
    pub amount: Amount,
    /// The transaction that it acted on, version 0 = none.
    pub link: Version,
    /// The version of the register that the edge read.
    pub register_version: u32,
    /// The money that moved, if any did.
    pub ledger: Option<LedgerEntry>,
    /// Booked after it.
    pub posted_after: Amount,
    /// Held after it.
    pub held_after: Amount,
    /// The hash of the row before; zeros for the first.
    pub previous: [u8; 32],
}

impl Row {
    /// Canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(224);
        let mut writer = Writer(&mut bytes);
        writer.u8(FORMAT);
        writer.bytes(&self.previous);
        writer.u32(self.version.0);
        writer.u16(self.position.partition.0);
        writer.u64(self.position.offset);
        writer.i64(self.decided_at.0);
        writer.u16(self.day.0);
        writer.u16(self.programme.0);
        writer.u8(self.kind as u8);
        writer.u8(self.outcome.number());
        writer.u8(self.case.map_or(0, |case| case as u8));
        writer.bytes(&self.key.0);
        writer.u64(self.fingerprint.0);
        writer.bytes(&self.place.merchant.0);
        writer.bytes(&self.place.terminal.0);
        writer.bytes(&self.place.acquirer.0);
        writer.varint(u64::from(self.place.batch));
        writer.varint(u64::from(self.place.trace));
        writer.u8(self.medium);
        writer.u8(self.channel.number());
        writer.u8(self.entry.number());
        writer.varint(self.amount.minor());
        writer.varint(u64::from(self.link.0));
        writer.u32(self.register_version);
        encode_ledger(self.ledger.as_ref(), &mut writer);
        writer.varint(self.posted_after.minor());
        writer.varint(self.held_after.minor());
        bytes
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not a row of a known format.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader(bytes);
        let format = reader.u8("row format")?;
        if format != FORMAT && format != FORMAT_1 {
            return Err(CodecError::Format(format));
        }
        let previous = reader.array("previous hash")?;
        let mut row = Self {
            version: Version(reader.u32("version")?),
            position: Position {
                partition: PartitionId(reader.u16("partition")?),
                offset: reader.u64("offset")?,
            },
            decided_at: Timestamp(reader.i64("time")?),
            day: Day(reader.u16("day")?),
            programme: ProgrammeId(reader.u16("programme")?),
            kind: Kind::from_number(reader.u8("kind")?).ok_or(CodecError::Range("kind"))?,
            outcome: Outcome::from_number(reader.u8("outcome")?)
                .ok_or(CodecError::Range("outcome"))?,
            case: decode_case(reader.u8("case")?)?,
            key: LegKey(reader.array("key")?),
            fingerprint: Fingerprint(reader.u64("fingerprint")?),
            place: Place {
                acquirer: AcquirerId::NOBODY,
                merchant: MerchantId(reader.array("merchant")?),
                terminal: TerminalId(reader.array("terminal")?),
                batch: 0,
                trace: 0,
            },
            medium: 0,
            channel: Channel::default(),
            entry: EntryMode::default(),
            amount: Amount::ZERO,
            link: Version(0),
            register_version: 0,
            ledger: None,
            posted_after: Amount::ZERO,
            held_after: Amount::ZERO,
            previous,
        };
        if format != FORMAT_1 {
            row.read_manner(&mut reader)?;
        }
        row.amount = read_amount(&mut reader, "amount")?;
        row.link = Version(reader.small("link")?);
        row.register_version = reader.u32("register version")?;
        row.ledger = decode_ledger(&mut reader)?;
        row.posted_after = read_amount(&mut reader, "balance")?;
        row.held_after = read_amount(&mut reader, "held")?;
        reader.finish()?;
        Ok(row)
    }

    /// How it was asked: what format 1 did not keep.
    fn read_manner(&mut self, reader: &mut Reader<'_>) -> Result<(), CodecError> {
        self.place.acquirer = AcquirerId(reader.array("acquirer")?);
        self.place.batch = reader.small("batch")?;
        self.place.trace = reader.small("trace")?;
        self.medium = reader.u8("medium")?;
        self.channel =
            Channel::from_number(reader.u8("channel")?).ok_or(CodecError::Range("channel"))?;
        self.entry = EntryMode::from_number(reader.u8("entry mode")?)
            .ok_or(CodecError::Range("entry mode"))?;
        Ok(())
    }

    /// The hash that the next row must carry.
    #[must_use]
    pub fn hash_of(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }
}

fn decode_case(number: u8) -> Result<Option<Case>, CodecError> {
    match number {
        0 => Ok(None),
        _ => Case::from_number(number)
            .map(Some)
            .ok_or(CodecError::Range("case")),
    }
}

fn encode_ledger(entry: Option<&LedgerEntry>, writer: &mut Writer<'_>) {
    let postings = entry.map(LedgerEntry::postings).unwrap_or_default();
    writer.varint(postings.len() as u64);
    for posting in postings {
        writer.u16(posting.account.number());
        writer.u8(match posting.side {
            Side::Debit => 1,
            Side::Credit => 2,
        });
        writer.varint(posting.amount.minor());
    }
}

/// The entry is built anew, so that an unbalanced one is refused after reading as before writing.
fn decode_ledger(reader: &mut Reader<'_>) -> Result<Option<LedgerEntry>, CodecError> {
    let count: usize = reader.small("posting count")?;
    if count == 0 {
        return Ok(None);
    }
    if count > POSTINGS_MAX {
        return Err(CodecError::Range("posting count"));
    }
    let postings = (0..count)
        .map(|_| decode_posting(reader))
        .collect::<Result<smallvec::SmallVec<[Posting; 4]>, _>>()?;
    LedgerEntry::new(postings)
        .map(Some)
        .map_err(|_| CodecError::Range("ledger entry"))
}

fn decode_posting(reader: &mut Reader<'_>) -> Result<Posting, CodecError> {
    let account =
        Account::from_number(reader.u16("account")?).ok_or(CodecError::Range("account"))?;
    let side = match reader.u8("side")? {
        1 => Side::Debit,
        2 => Side::Credit,
        _ => return Err(CodecError::Range("side")),
    };
    Ok(Posting {
        account,
        side,
        amount: read_amount(reader, "posting amount")?,
    })
}
