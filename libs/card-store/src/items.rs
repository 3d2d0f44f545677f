//! What the batches of terminals are made of: one item for each booked decision that names a batch,
//! and what came of a batch when its terminal settled it. An acquirer that reconciles whole days has
//! batches of another kind: a settlement day, cut into one for each partition of the log, so that none
//! grows without bound.
//!
//! Items are a function of the log: whoever folds it again keeps the same ones.

use card::{
    AcquirerId, CardId, Day, Kind, MerchantId, PartitionId, Place, Position, Row, TerminalId,
    Version,
};
use money::Amount;

/// Names a batch of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchName {
    /// Who connects the terminal.
    pub acquirer: AcquirerId,
    /// Where it stands.
    pub merchant: MerchantId,
    /// The terminal.
    pub terminal: TerminalId,
    /// Its number; 0 is no batch.
    pub batch: u32,
}

/// One booked decision of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchItem {
    /// Its batch.
    pub batch: BatchName,
    /// The trace number that the terminal gave it.
    pub trace: u32,
    /// The record that asked.
    pub position: Position,
    /// The card that decided.
    pub card: CardId,
    /// The decision.
    pub version: Version,
    /// The decision that it acted on, version 0 = none.
    pub link: Version,
    /// What it was.
    pub kind: Kind,
    /// What it was about.
    pub amount: Amount,
    /// The day that it counts for.
    pub day: Day,
}

/// Bytes of a name: acquirer 11, merchant 15, terminal 8, number 4.
const NAME_SIZE: usize = 38;
/// Bytes of a key: name, partition 2, offset 8, numbers big endian.
pub const ITEM_KEY_SIZE: usize = NAME_SIZE + 10;
/// Format 1, trace 4, card 16, version 4, link 4, kind 1, amount 8, day 2.
const ITEM_VALUE_SIZE: usize = 40;
const FORMAT: u8 = 1;

impl BatchName {
    /// The batch of a place; none when it has no number.
    #[must_use]
    pub fn of(place: &Place) -> Option<Self> {
        let is_batch = place.batch != 0 && place.batch != Place::WHOLE_DAYS;
        is_batch.then_some(Self {
            acquirer: place.acquirer,
            merchant: place.merchant,
            terminal: place.terminal,
            batch: place.batch,
        })
    }

    /// What a partition booked for an acquirer on a settlement day. No merchant is called so.
    #[must_use]
    pub fn of_day(acquirer: AcquirerId, day: Day, partition: PartitionId) -> Self {
        let mut terminal = [0; 8];
        terminal[..2].copy_from_slice(&partition.0.to_be_bytes());
        Self {
            acquirer,
            merchant: MerchantId([0; 15]),
            terminal: TerminalId(terminal),
            batch: day.0.into(),
        }
    }

    /// What a network last told of its day is kept under this name; no item is.
    #[must_use]
    pub const fn of_cut_over(acquirer: AcquirerId) -> Self {
        Self {
            acquirer,
            merchant: MerchantId([0; 15]),
            terminal: TerminalId([u8::MAX; 8]),
            batch: 0,
        }
    }

    /// What an item of a row belongs to.
    fn of_row(row: &Row) -> Option<Self> {
        match row.place.batch {
            Place::WHOLE_DAYS => Some(Self::of_day(
                row.place.acquirer,
                row.day,
                row.position.partition,
            )),
            _ => Self::of(&row.place),
        }
    }

    /// Its bytes; the order of names is the order of their bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; NAME_SIZE] {
        let mut bytes = [0; NAME_SIZE];
        let (acquirer, rest) = bytes.split_at_mut(self.acquirer.0.len());
        acquirer.copy_from_slice(&self.acquirer.0);
        let (merchant, rest) = rest.split_at_mut(self.merchant.0.len());
        merchant.copy_from_slice(&self.merchant.0);
        let (terminal, batch) = rest.split_at_mut(self.terminal.0.len());
        terminal.copy_from_slice(&self.terminal.0);
        batch.copy_from_slice(&self.batch.to_be_bytes());
        bytes
    }

    /// Reads a name.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (acquirer, rest) = bytes.split_first_chunk()?;
        let (merchant, rest) = rest.split_first_chunk()?;
        let (terminal, batch) = rest.split_first_chunk()?;
        Some(Self {
            acquirer: AcquirerId(*acquirer),
            merchant: MerchantId(*merchant),
            terminal: TerminalId(*terminal),
            batch: u32::from_be_bytes(batch.try_into().ok()?),
        })
    }
}

impl BatchItem {
    /// The item of a journal row; none when it booked nothing or names neither batch nor day.
    #[must_use]
    pub fn of(card: CardId, row: &Row) -> Option<Self> {
        row.ledger.as_ref()?;
        Some(Self {
            batch: BatchName::of_row(row)?,
            trace: row.place.trace,
            position: row.position,
            card,
            version: row.version,
            link: row.link,
            kind: row.kind,
            amount: row.amount,
            day: row.day,
        })
    }

    /// What it is kept under.
    #[must_use]
    pub fn key(&self) -> [u8; ITEM_KEY_SIZE] {
        let mut key = [0; ITEM_KEY_SIZE];
        let (name, position) = key.split_at_mut(NAME_SIZE);
        name.copy_from_slice(&self.batch.to_bytes());
        let (partition, offset) = position.split_at_mut(2);
        partition.copy_from_slice(&self.position.partition.0.to_be_bytes());
        offset.copy_from_slice(&self.position.offset.to_be_bytes());
        key
    }

    /// What is kept.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ITEM_VALUE_SIZE);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.trace.to_be_bytes());
        bytes.extend_from_slice(self.card.as_bytes());
        bytes.extend_from_slice(&self.version.0.to_be_bytes());
        bytes.extend_from_slice(&self.link.0.to_be_bytes());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(&self.amount.minor().to_be_bytes());
        bytes.extend_from_slice(&self.day.0.to_be_bytes());
        bytes
    }

    /// Reads what was kept; none when it is of another format.
    #[must_use]
    pub fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let (name, position) = key.split_at_checked(NAME_SIZE)?;
        let (partition, offset) = position.split_first_chunk()?;
        let (format, rest) = value.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let (trace, rest) = rest.split_first_chunk()?;
        let (card, rest) = rest.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (link, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let (amount, day) = rest.split_first_chunk()?;
        Some(Self {
            batch: BatchName::from_bytes(name)?,
            trace: u32::from_be_bytes(*trace),
            position: Position {
                partition: PartitionId(u16::from_be_bytes(*partition)),
                offset: u64::from_be_bytes(offset.try_into().ok()?),
            },
            card: CardId::from_bytes(*card),
            version: Version(u32::from_be_bytes(*version)),
            link: Version(u32::from_be_bytes(*link)),
            kind: Kind::from_number(*kind)?,
            amount: Amount::from_minor(u64::from_be_bytes(*amount)).ok()?,
            day: Day(u16::from_be_bytes(day.try_into().ok()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_reads_back_and_other_bytes_do_not() {
        let item = BatchItem {
            batch: BatchName {
                acquirer: AcquirerId(*b"69980290   "),
                merchant: MerchantId(*b"898999954110001"),
                terminal: TerminalId(*b"70000001"),
                batch: 7,
            },
            trace: 42,
            position: Position {
                partition: PartitionId(3),
                offset: 1 << 40,
            },
            card: CardId::from_bytes([9; 16]),
            version: Version(5),
            link: Version(4),
            kind: Kind::Refund,
            amount: Amount::from_minor(12_345).unwrap(),
            day: Day(20_000),
        };
        let (key, value) = (item.key(), item.value());
        assert_eq!(value.len(), ITEM_VALUE_SIZE);
        assert_eq!(BatchItem::read(&key, &value), Some(item));
        assert_eq!(BatchItem::read(&key[1..], &value), None);
        for length in 0..value.len() {
            assert_eq!(BatchItem::read(&key, &value[..length]), None);
        }
        let mut later = value.clone();
        later[0] = 2;
        assert_eq!(BatchItem::read(&key, &later), None);
    }
}
