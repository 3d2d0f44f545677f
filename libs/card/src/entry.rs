//! The recent transactions of a card: what answers duplicates, reversals, voids and refunds
//! without asking the store.

use std::collections::VecDeque;

use crate::codec::{CodecError, Reader, Writer};
use crate::command::Counterparty;
use crate::ids::{Day, Fingerprint, LegKey, Timestamp, Version};
use crate::outcome::Outcome;
use money::Amount;
use mutants::{Mutant, broken};

/// How many recent transactions a card keeps at hand; older ones become key rows (STORE-6).
pub const RING_ENTRIES_MAX: usize = 64;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// What a decision was about. The numbers are stored: only ever add.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $name = $number,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The trade's name of it.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Reads a stored number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    /// Single-message purchase.
    Purchase = 1, "purchase";
    /// Void of a purchase.
    Void = 2, "void";
    /// Refund.
    Refund = 3, "refund";
    /// Pre-authorisation.
    PreAuth = 4, "pre-auth";
    /// Void of a pre-authorisation.
    PreAuthVoid = 5, "pre-auth void";
    /// Completion request.
    Completion = 6, "completion";
    /// Completion advice.
    CompletionAdvice = 7, "completion advice";
    /// Void of a completion.
    CompletionVoid = 8, "completion void";
    /// Reversal.
    Reversal = 9, "reversal";
    /// Top-up that arrived paid.
    DirectCredit = 10, "direct credit";
    /// The card came on the books.
    Issue = 11, "issue";
    /// Loss report.
    ReportLoss = 12, "loss report";
    /// The loss report was lifted.
    LiftLoss = 13, "loss lifted";
    /// A key whose reversal came before it (CARD-3).
    ReversedFirst = 14, "reversed first";
    /// Balance inquiry; never stored, named in metrics only.
    BalanceInquiry = 15, "balance inquiry";
    /// Account check; never stored, named in metrics only.
    AccountCheck = 16, "account check";
    /// Offline settlement of a hold.
    OfflineSale = 17, "offline sale";
    /// Correction of a sale's total.
    Adjust = 18, "adjustment";
    /// A tip on a sale.
    Tip = 19, "tip";
    /// A direct credit's confirmation.
    CreditConfirm = 20, "credit confirmation";
    /// The key of a direct credit whose confirmation came before it.
    ConfirmedFirst = 21, "confirmed first";
    /// Another medium.
    Replace = 22, "replacement";
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// In force.
    Open = 0,
    /// Voided.
    Voided = 1,
    /// Reversed.
    Reversed = 2,
    /// A hold that was captured.
    Completed = 3,
    /// A key reversed first whose late original came and was refused.
    Met = 4,
    /// A sale with another total than it was asked for.
    Adjusted = 5,
    /// A top-up that was refused and is confirmed since.
    Confirmed = 6,
}

impl Step {
    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Open),
            1 => Some(Self::Voided),
            2 => Some(Self::Reversed),
            3 => Some(Self::Completed),
            4 => Some(Self::Met),
            5 => Some(Self::Adjusted),
            6 => Some(Self::Confirmed),
            _ => None,
        }
    }
}

/// One recent transaction. Its canonical bytes are 44 to 51 for everyday amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Identity of the request.
    pub key: LegKey,
    /// Digest of its content.
    pub fingerprint: Fingerprint,
    /// The offset of its record; its RRN.
    pub offset: u64,
    /// Its decision; its approval code.
    pub version: Version,
    /// When it was decided, whole seconds.
    pub at_seconds: u32,
    /// The settlement day that it counts for.
    pub day: Day,
    /// What it was.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// Where it stands.
    pub step: Step,
    /// Who got the money.
    pub counterparty: Counterparty,
    /// What it was about.
    pub amount: Amount,
    /// What it comes to after its last adjustment; its amount while there is none.
    pub settled: Amount,
    /// What of it can still be refunded. Of the void of a hold: what it released; of a top-up: what
    /// came by transfer.
    pub remainder: Amount,
    /// The fee that the merchant paid.
    pub fee: Amount,
    /// What the card could not cover (advices only). Of a top-up: what of it counted against the
    /// agents' day limit.
    pub short: Amount,
    /// The transaction that it acted on: the purchase of a void, the hold of a completion.
    pub link: Version,
    /// A digest of the merchant.
    pub merchant: u32,
}

impl Entry {
    /// When it was decided.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp(i64::from(self.at_seconds).saturating_mul(1_000))
    }

    /// Whether the entry still makes an equal key a duplicate.
    #[must_use]
    pub fn is_retained(&self, now: Timestamp, retention_ms: i64) -> bool {
        now.ms_since(self.at()) <= retention_ms
    }

    /// Appends canonical bytes.
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.bytes(&self.key.0);
        writer.u64(self.fingerprint.0);
        writer.varint(self.offset);
        writer.varint(u64::from(self.version.0));
        writer.u32(self.at_seconds);
        writer.u16(self.day.0);
        writer.u8(self.kind as u8);
        writer.u8(self.outcome.number());
        writer.u8(self.step as u8 | counterparty_bit(self.counterparty));
        writer.varint(self.amount.minor());
        writer.varint(self.remainder.minor());
        writer.varint(self.fee.minor());
        writer.varint(self.short.minor());
        writer.varint(u64::from(self.link.0));
        writer.u32(self.merchant);
        if self.step == Step::Adjusted {
            writer.varint(self.settled.minor());
        }
    }

    /// The entry as a key row.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        self.encode(&mut Writer(&mut bytes));
        bytes
    }

    /// Reads a key row.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not one entry.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader(bytes);
        let entry = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(entry)
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut entry = Self {
            key: LegKey(reader.array("key")?),
            fingerprint: Fingerprint(reader.u64("fingerprint")?),
            offset: reader.varint("offset")?,
            version: Version(reader.small("version")?),
            at_seconds: reader.u32("time")?,
            day: Day(reader.u16("day")?),
            kind: Kind::from_number(reader.u8("kind")?).ok_or(CodecError::Range("kind"))?,
            outcome: Outcome::from_number(reader.u8("outcome")?)
                .ok_or(CodecError::Range("outcome"))?,
            step: Step::Open,
            counterparty: Counterparty::default(),
            amount: Amount::ZERO,
            settled: Amount::ZERO,
            remainder: Amount::ZERO,
            fee: Amount::ZERO,
            short: Amount::ZERO,
            link: Version(0),
            merchant: 0,
        };
        let step = reader.u8("step")?;
        entry.counterparty = counterparty_of(step);
        entry.step = Step::from_number(step & !NETWORK_BIT).ok_or(CodecError::Range("step"))?;
        entry.amount = read_amount(reader, "amount")?;
        entry.remainder = read_amount(reader, "remainder")?;
        entry.fee = read_amount(reader, "fee")?;
        entry.short = read_amount(reader, "short")?;
        entry.link = Version(reader.small("link")?);
        entry.merchant = reader.u32("merchant")?;
        entry.settled = match entry.step {
            Step::Adjusted => read_amount(reader, "settled amount")?,
            Step::Open
            | Step::Voided
            | Step::Reversed
            | Step::Completed
            | Step::Met
            | Step::Confirmed => entry.amount,
        };
        Ok(entry)
    }
}

/// The bit beside the step that says that the network got the money.
const NETWORK_BIT: u8 = 0x80;

const fn counterparty_bit(counterparty: Counterparty) -> u8 {
    match counterparty {
        Counterparty::Merchant => 0,
        Counterparty::Network => NETWORK_BIT,
    }
}

const fn counterparty_of(step: u8) -> Counterparty {
    if step & NETWORK_BIT == 0 {
        Counterparty::Merchant
    } else {
        Counterparty::Network
    }
}

pub(crate) fn read_amount(
    reader: &mut Reader<'_>,
    what: &'static str,
) -> Result<Amount, CodecError> {
    Amount::from_minor(reader.varint(what)?).map_err(|_| CodecError::Range(what))
}

/// Recent entries, oldest first, at most [`RING_ENTRIES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    /// The first bytes of each entry's key, in the same order: a search by key looks at these four
    /// cache lines instead of at eighty.
    heads: VecDeque<u32>,
    /// The youngest moment of anything that was ever evicted; none when nothing was.
    evicted_until: Option<Timestamp>,
}

impl Ring {
    pub(crate) fn by_key(&self, key: LegKey) -> Option<&Entry> {
        self.index_of(key).and_then(|index| self.entries.get(index))
    }

    /// The youngest entry with this key.
    fn index_of(&self, key: LegKey) -> Option<usize> {
        let head = head_of(key);
        let is_it = |index: &usize| {
            self.entries
                .get(*index)
                .is_some_and(|entry| entry.key == key)
        };
        let heads = self.heads.iter().enumerate().rev();
        heads
            .filter(|(_, other)| **other == head)
            .map(|(index, _)| index)
            .find(is_it)
    }

    pub(crate) fn by_offset(&self, offset: u64) -> Option<&Entry> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.offset == offset)
    }

    pub(crate) fn by_version(&self, version: Version) -> Option<&Entry> {
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.version == version)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn by_version_mut(&mut self, version: Version) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .rev()
            .find(|entry| entry.version == version)
    }

    pub(crate) fn by_key_mut(&mut self, key: LegKey) -> Option<&mut Entry> {
        self.index_of(key)
            .and_then(|index| self.entries.get_mut(index))
    }

    /// Whether every key younger than the retention is in the ring: nothing that young was ever
    /// evicted. The oldest entry says nothing about it, since a recalled one may be much older.
    pub(crate) fn is_complete(&self, now: Timestamp, retention_ms: i64) -> bool {
        if broken(Mutant::RingCompleteByOldest) {
            let oldest = self.entries.iter().map(Entry::at).min();
            return !self.has_evicted() || oldest.is_some_and(|at| now.ms_since(at) > retention_ms);
        }
        self.evicted_until
            .is_none_or(|until| now.ms_since(until) > retention_ms)
    }

    /// Whether anything was ever evicted.
    pub(crate) fn has_evicted(&self) -> bool {
        self.evicted_until.is_some()
    }

    /// Adds an entry. The ring may be over its size until [`Ring::evict`].
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        self.heads.push_back(head_of(entry.key));
    }

    /// Lets the oldest entries go until the ring has its size again, and hands them over for their
    /// key rows (STORE-6). Done once a decision is taken in, so that nothing leaves while another
    /// change of the same decision still refers to it.
    pub(crate) fn evict(&mut self) -> Vec<Entry> {
        let over = self.entries.len().saturating_sub(RING_ENTRIES_MAX);
        let mut evicted: Vec<Entry> = self.entries.drain(..over).collect();
        if broken(Mutant::RemainderNotEvicted) {
            evicted
                .iter_mut()
                .for_each(|entry| entry.remainder = entry.settled);
        }
        self.heads.drain(..over);
        let youngest = evicted.iter().map(Entry::at).max();
        self.evicted_until = self.evicted_until.max(youngest);
        evicted
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.i64(self.evicted_until.map_or(i64::MIN, |until| until.0));
        writer.varint(self.entries.len() as u64);
        self.entries.iter().for_each(|entry| entry.encode(writer));
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let evicted_until = match reader.i64("eviction time")? {
            i64::MIN => None,
            until => Some(Timestamp(until)),
        };
        let count: usize = reader.small("entry count")?;
        if count > RING_ENTRIES_MAX {
            return Err(CodecError::Range("entry count"));
        }
        let mut ring = Self {
            evicted_until,
            ..Self::default()
        };
        for _ in 0..count {
            ring.push(Entry::decode(reader)?);
        }
        Ok(ring)
    }
}

fn head_of(key: LegKey) -> u32 {
    key.0
        .first_chunk()
        .map_or(0, |head| u32::from_le_bytes(*head))
}
