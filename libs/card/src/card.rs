//! The state of one card, and how a decision changes it.

use crate::codec::{CodecError, Reader, Writer};
use crate::decision::{Change, Written};
use crate::entry::{Entry, RING_ENTRIES_MAX, Ring, Step, read_amount};
use crate::ids::{CardId, LegKey, PartitionId, Position, ProgrammeId, Timestamp, Version};
use crate::programme::CardKind;
use ledger::Account;
use money::Amount;

/// Open holds that a card may have; one more is declined.
pub const HOLDS_MAX: usize = 32;

/// Voids whose credit has not cleared that a card may have; one more is declined.
pub const UNCLEARED_MAX: usize = 32;

/// The size that a body must never pass (OWN-4).
pub const BODY_SIZE_MAX: usize = 32 * 1024;

const ENTRY_SIZE_MAX: usize = 100;
const _: () = assert!(RING_ENTRIES_MAX * ENTRY_SIZE_MAX + 64 * 64 + 256 < BODY_SIZE_MAX / 2);

/// The format of [`Card::encode`]. A later one comes only behind a logic barrier.
const FORMAT: u8 = 1;

/// A memo against the available balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The decision that placed it; its approval code.
    pub version: Version,
    /// The offset of its record; its RRN.
    pub offset: u64,
    /// How much.
    pub amount: Amount,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// From here on it is not counted and cannot be captured.
    pub expires_at: Timestamp,
    /// A digest of the merchant.
    pub merchant: u32,
}

/// Credit of a void that may still be reversed: on the books, not spendable (CARD-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uncleared {
    /// The decision that voided.
    pub version: Version,
    /// How much.
    pub amount: Amount,
    /// From here on it may be spent.
    pub clears_at: Timestamp,
}

/// One card: what its journal adds up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub(crate) id: CardId,
    pub(crate) programme: ProgrammeId,
    pub(crate) kind: CardKind,
    pub(crate) expiry: u16,
    pub(crate) issued_at: Timestamp,
    pub(crate) lost_at: Option<Timestamp>,
    pub(crate) version: Version,
    pub(crate) last_time: Timestamp,
    pub(crate) applied: Position,
    pub(crate) posted: Amount,
    pub(crate) holds: Vec<Hold>,
    pub(crate) uncleared: Vec<Uncleared>,
    pub(crate) ring: Ring,
    pub(crate) hash: [u8; 32],
}

impl Card {
    /// A card before its first decision.
    pub(crate) fn new(id: CardId, programme: ProgrammeId, kind: CardKind, expiry: u16) -> Self {
        Self {
            id,
            programme,
            kind,
            expiry,
            issued_at: Timestamp(0),
            lost_at: None,
            version: Version(0),
            last_time: Timestamp(0),
            applied: Position {
                partition: PartitionId(0),
                offset: 0,
            },
            posted: Amount::ZERO,
            holds: Vec::new(),
            uncleared: Vec::new(),
            ring: Ring::default(),
            hash: [0; 32],
        }
    }

    /// The card's id.
    #[must_use]
    pub const fn id(&self) -> CardId {
        self.id
    }

    /// The product.
    #[must_use]
    pub const fn programme(&self) -> ProgrammeId {
        self.programme
    }

    /// Registered or anonymous.
    #[must_use]
    pub const fn kind(&self) -> CardKind {
        self.kind
    }

    /// The control account of its balance.
    #[must_use]
    pub const fn account(&self) -> Account {
        self.kind.account()
    }

    /// The last month of validity as YYMM, 0 = none.
    #[must_use]
    pub const fn expiry(&self) -> u16 {
        self.expiry
    }

    /// When it was reported lost, if it is.
    #[must_use]
    pub const fn lost_at(&self) -> Option<Timestamp> {
        self.lost_at
    }

    /// The number of its last decision.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The record that led to its last decision. What is at or below it is not decided again
    /// (LOG-3).
    #[must_use]
    pub const fn applied(&self) -> Position {
        self.applied
    }

    /// The hash of its last journal row.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// What is booked.
    #[must_use]
    pub const fn posted(&self) -> Amount {
        self.posted
    }

    /// The card's own time: never before its last decision (LOG-5).
    #[must_use]
    pub fn now(&self, appended_at: Timestamp) -> Timestamp {
        self.last_time.max(appended_at)
    }

    /// The open holds, with those past their life.
    #[must_use]
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// The sum of holds that still count.
    #[must_use]
    pub fn held(&self, now: Timestamp) -> Amount {
        sum(self
            .holds
            .iter()
            .filter(|hold| hold.expires_at > now)
            .map(|hold| hold.amount))
    }

    /// The sum of credits that may not be spent yet.
    #[must_use]
    pub fn uncleared(&self, now: Timestamp) -> Amount {
        sum(self
            .uncleared
            .iter()
            .filter(|credit| credit.clears_at > now)
            .map(|c| c.amount))
    }

    /// CARD-1: posted − held − uncleared, never below zero.
    #[must_use]
    pub fn available(&self, now: Timestamp) -> Amount {
        self.posted
            .saturating_sub(self.held(now))
            .saturating_sub(self.uncleared(now))
    }

    /// A hold that still counts.
    pub(crate) fn open_hold(&self, version: Version, now: Timestamp) -> Option<&Hold> {
        self.holds
            .iter()
            .find(|hold| hold.version == version && hold.expires_at > now)
    }

    /// Whether the last month of validity is over at `now`.
    pub(crate) fn is_expired(&self, now: Timestamp, utc_offset_minutes: i16) -> bool {
        self.expiry != 0 && crate::calendar::Civil::at(now, utc_offset_minutes).yymm() > self.expiry
    }

    /// Takes a decision's changes in. Entries that left the ring are handed back for their key
    /// rows.
    ///
    /// # Panics
    /// When the decision was not made from this state, or breaks CARD-1: a bug, caught before
    /// anything is written.
    pub fn apply(&mut self, written: &Written) -> Vec<Entry> {
        assert_eq!(
            written.version.0,
            self.version.0.wrapping_add(1),
            "CARD-6: one version each"
        );
        self.version = written.version;
        self.last_time = written.now;
        self.applied = written.position;
        self.hash = written.hash;
        self.holds.retain(|hold| hold.expires_at > written.now);
        self.uncleared
            .retain(|credit| credit.clears_at > written.now);
        written
            .changes
            .iter()
            .for_each(|change| self.change(change));
        let evicted = self.ring.evict();
        let bound = self
            .held(written.now)
            .checked_add(self.uncleared(written.now));
        assert!(
            bound.is_ok_and(|bound| bound <= self.posted),
            "CARD-1: available below zero"
        );
        evicted
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Credit(amount) => {
                self.posted = self
                    .posted
                    .checked_add(*amount)
                    .expect("checked by the rule");
            }
            Change::Debit(amount) => {
                self.posted = self.posted.checked_sub(*amount).expect("CARD-1: covered");
            }
            Change::PlaceHold(hold) => self.holds.push(*hold),
            Change::RemoveHold(version) => self.holds.retain(|hold| hold.version != *version),
            Change::AddUncleared(credit) => self.uncleared.push(*credit),
            Change::RemoveUncleared(version) => {
                self.uncleared.retain(|credit| credit.version != *version);
            }
            Change::Remember(entry) => self.ring.push(*entry),
            Change::SetStep(version, step) => self.entry_mut(*version).step = *step,
            Change::SetRemainder(version, rest) => self.entry_mut(*version).remainder = *rest,
            Change::MeetTombstone(key, entry) => self.meet(*key, *entry),
            Change::SetIssued(at) => self.issued_at = *at,
            Change::SetLost(at) => self.lost_at = *at,
        }
    }

    fn entry_mut(&mut self, version: Version) -> &mut Entry {
        self.ring
            .by_version_mut(version)
            .expect("the rule saw it in the ring")
    }

    fn meet(&mut self, key: LegKey, entry: Entry) {
        let tombstone = self
            .ring
            .by_key_mut(key)
            .expect("the rule saw it in the ring");
        *tombstone = Entry {
            step: Step::Met,
            ..entry
        };
    }

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
        writer.i64(self.lost_at.map_or(i64::MIN, |at| at.0));
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
        if format != FORMAT {
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
        card.lost_at = match reader.i64("loss time")? {
            i64::MIN => None,
            at => Some(Timestamp(at)),
        };
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

fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    amounts.fold(Amount::ZERO, |sum, amount| {
        sum.checked_add(amount)
            .expect("holds and credits are bounded by the balance")
    })
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
