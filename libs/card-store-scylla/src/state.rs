//! A state as it is stored: header, body, and the rows of its last write (STORE-1).
//!
//! Term and epoch are here and nowhere in body or rows, so two owners write equal bodies. The rows
//! come along so that the next owner can write them again together with the state (STORE-5).
//!
//! Layout, big endian: magic 0xf5, format u8, crc32 u32 of the card's 16 bytes and everything after
//! the checksum; term u8, epoch u16, version u32, partition u16, offset u64, length of the body u32,
//! number of rows u16, number of keys u16; the body; each row: version u32, length u32, bytes; each
//! key: leg key 12, offset u64, length u32, bytes.

use bytes::{Buf, Bytes};

use crate::stamp::{Epoch, Stamp, Term};
use card::{CardId, LegKey, PartitionId, Position, Version};
use card_store::{CardWrite, JournalRow, KeyRow, StoredCard};
use mutants::{Mutant, broken};

const MAGIC: u8 = 0xf5;
const FORMAT: u8 = 1;
/// Magic, format and checksum.
const PREFIX: usize = 6;
/// From the term to the number of keys.
const HEADER: usize = 25;

/// A stored state, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedState {
    pub(crate) term: Term,
    pub(crate) epoch: Epoch,
    /// The last write of the card, as its owner was given it.
    pub(crate) write: CardWrite,
}

impl OwnedState {
    /// What WRITETIME must say.
    pub(crate) fn stamp(&self) -> Result<Stamp, StateError> {
        Stamp::new(self.term, self.epoch, self.write.state.version.0)
            .map_err(|_| StateError::Damaged("version"))
    }
}

/// Why stored bytes are no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StateError {
    #[error("state has format {0}, this version reads {FORMAT}; use a newer version")]
    Format(u8),
    #[error("state is damaged ({0})")]
    Damaged(&'static str),
    #[error("a write of {0} rows and keys is too large to be kept with its state")]
    TooMany(usize),
}

/// Puts a write together with the term and epoch of who makes it.
pub(crate) fn encode(write: &CardWrite, term: Term, epoch: Epoch) -> Result<Bytes, StateError> {
    let count = |len: usize| u16::try_from(len).map_err(|_| StateError::TooMany(len));
    let carried: &[JournalRow] = match broken(Mutant::RowsNotInState) {
        true => &[],
        false => &write.rows, // STORE-1
    };
    let state = &write.state;
    let mut out = Vec::with_capacity(size_of_state(write));
    out.extend_from_slice(&[MAGIC, FORMAT, 0, 0, 0, 0, term.number()]);
    out.extend_from_slice(&epoch.0.to_be_bytes());
    out.extend_from_slice(&state.version.0.to_be_bytes());
    out.extend_from_slice(&state.position.partition.0.to_be_bytes());
    out.extend_from_slice(&state.position.offset.to_be_bytes());
    put_len(&mut out, &state.body)?;
    out.extend_from_slice(&count(carried.len())?.to_be_bytes());
    out.extend_from_slice(&count(write.keys.len())?.to_be_bytes());
    out.extend_from_slice(&state.body);
    for row in carried {
        out.extend_from_slice(&row.version.0.to_be_bytes());
        put_len(&mut out, &row.bytes)?;
        out.extend_from_slice(&row.bytes);
    }
    for row in &write.keys {
        out.extend_from_slice(&row.key.0);
        out.extend_from_slice(&row.offset.to_be_bytes());
        put_len(&mut out, &row.bytes)?;
        out.extend_from_slice(&row.bytes);
    }
    let crc = checksum(write.card, &out[PREFIX..]);
    out[2..PREFIX].copy_from_slice(&crc.to_be_bytes());
    Ok(Bytes::from(out))
}

/// Takes apart what [`encode`] made for this card.
pub(crate) fn decode(card: CardId, stored: Bytes) -> Result<OwnedState, StateError> {
    let mut fields = Fields(stored);
    match (fields.take::<1>()?, fields.take::<1>()?) {
        ([MAGIC], [FORMAT]) => {}
        ([MAGIC], [format]) => return Err(StateError::Format(format)),
        _ => return Err(StateError::Damaged("not written by the switch")),
    }
    let crc = u32::from_be_bytes(fields.take()?);
    if checksum(card, &fields.0) != crc {
        return Err(StateError::Damaged("checksum"));
    }
    let [term] = fields.take()?;
    let term = Term::new(term).map_err(|_| StateError::Damaged("term"))?;
    let epoch = Epoch(u16::from_be_bytes(fields.take()?));
    let version = Version(u32::from_be_bytes(fields.take()?));
    let position = Position {
        partition: PartitionId(u16::from_be_bytes(fields.take()?)),
        offset: u64::from_be_bytes(fields.take()?),
    };
    let body_len = fields.len()?;
    let row_count = u16::from_be_bytes(fields.take()?);
    let key_count = u16::from_be_bytes(fields.take()?);
    let body = fields.bytes(body_len)?;
    let rows = (0..row_count)
        .map(|_| fields.row())
        .collect::<Result<_, _>>()?;
    let keys = (0..key_count)
        .map(|_| fields.key())
        .collect::<Result<_, _>>()?;
    if !fields.0.is_empty() {
        return Err(StateError::Damaged("too long"));
    }
    let state = StoredCard {
        version,
        position,
        body,
    };
    let write = CardWrite {
        card,
        state,
        rows,
        keys,
    };
    Ok(OwnedState { term, epoch, write })
}

fn size_of_state(write: &CardWrite) -> usize {
    let rows: usize = write.rows.iter().map(|row| 8 + row.bytes.len()).sum();
    let keys: usize = write.keys.iter().map(|row| 24 + row.bytes.len()).sum();
    PREFIX + HEADER + write.state.body.len() + rows + keys
}

fn put_len(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), StateError> {
    let len = u32::try_from(bytes.len()).map_err(|_| StateError::TooMany(bytes.len()))?;
    out.extend_from_slice(&len.to_be_bytes());
    Ok(())
}

fn checksum(card: CardId, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(card.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// What is left to read.
struct Fields(Bytes);

impl Fields {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let head = *self
            .0
            .first_chunk()
            .ok_or(StateError::Damaged("cut short"))?;
        self.0.advance(N);
        Ok(head)
    }

    fn len(&mut self) -> Result<usize, StateError> {
        let len = u32::from_be_bytes(self.take()?);
        usize::try_from(len).map_err(|_| StateError::Damaged("length"))
    }

    fn bytes(&mut self, len: usize) -> Result<Bytes, StateError> {
        if len > self.0.len() {
            return Err(StateError::Damaged("cut short"));
        }
        Ok(self.0.split_to(len))
    }

    fn row(&mut self) -> Result<JournalRow, StateError> {
        let version = Version(u32::from_be_bytes(self.take()?));
        let len = self.len()?;
        Ok(JournalRow {
            version,
            bytes: self.bytes(len)?,
        })
    }

    fn key(&mut self) -> Result<KeyRow, StateError> {
        let key = LegKey(self.take()?);
        let offset = u64::from_be_bytes(self.take()?);
        let len = self.len()?;
        Ok(KeyRow {
            key,
            offset,
            bytes: self.bytes(len)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use card_store::contract::{card, decisions, key_row};
    use proptest::prelude::*;

    use super::*;

    fn example() -> CardWrite {
        CardWrite {
            keys: vec![key_row(7, 70, "old")],
            ..decisions(card(1), 4, 5)
        }
    }

    fn encoded() -> Bytes {
        encode(&example(), Term::FIRST, Epoch(0x0203)).unwrap()
    }

    #[test]
    fn format_1_is_pinned() {
        let hex: String = encoded().iter().map(|byte| format!("{byte:02x}")).collect();
        // Never changed: a new format gets a new number and a file of its own.
        assert_eq!(
            hex,
            include_str!("../tests/golden/state-format-1.hex").trim_end()
        );
    }

    #[test]
    fn reads_back() {
        let state = decode(card(1), encoded()).unwrap();
        assert_eq!(state.write, example());
        assert_eq!((state.term, state.epoch), (Term::FIRST, Epoch(0x0203)));
        let stamp = Stamp::new(Term::FIRST, Epoch(0x0203), 5).unwrap();
        assert_eq!(state.stamp(), Ok(stamp));
    }

    #[test]
    fn damage_and_misplacement_are_noticed() {
        let good = encoded();
        assert!(decode(card(2), good.clone()).is_err(), "another card's");
        for index in 0..good.len() {
            let mut bad = good.to_vec();
            bad[index] ^= 0x20;
            assert!(decode(card(1), Bytes::from(bad)).is_err(), "byte {index}");
            assert!(
                decode(card(1), good.slice(..index)).is_err(),
                "cut at {index}"
            );
        }
        let mut newer = good.to_vec();
        newer[1] = 2;
        assert_eq!(
            decode(card(1), Bytes::from(newer)),
            Err(StateError::Format(2))
        );
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(card(1), Bytes::from(bytes)).is_err());
        }

        /// The same with a good checksum, so that the fields themselves are reached.
        #[test]
        fn foreign_fields_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut stored = vec![MAGIC, FORMAT];
            stored.extend_from_slice(&checksum(card(1), &bytes).to_be_bytes());
            stored.extend_from_slice(&bytes);
            if let Ok(state) = decode(card(1), Bytes::from(stored.clone())) {
                prop_assert_eq!(encode(&state.write, state.term, state.epoch).unwrap(), stored);
            }
        }
    }
}
