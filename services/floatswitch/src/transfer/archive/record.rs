//! The records of a segment.
//!
//! Each is its kind (u8), the length of its body (u32), its body; numbers are little endian. A card
//! is followed by its rows and then its old keys, as many as it says.
//!
//! | kind | what       | body                                                                  |
//! |------|------------|-----------------------------------------------------------------------|
//! | 1    | rules      | the bundle                                                             |
//! | 2    | checkpoint | partition u16, next offset u64, context                                |
//! | 3    | card       | id 16, version u32, partition u16, offset u64, rows u32, keys u32, body |
//! | 4    | row        | version u32, row                                                       |
//! | 5    | old key    | leg key 12, offset u64, entry                                          |
//! | 6    | medium     | hash 16, medium                                                        |
//! | 7    | cut        | partition u16, number u64, offset u64, totals                          |

use bytes::{Buf as _, Bytes};

use card::{CardId, LegKey, PartitionId, Position, Version};
use card_store::{CutTotals, JournalRow, KeyRow, PartitionCheckpoint, StoredCard};
use pan::PanHash;
use registry::{RegisteredMedium, medium_codec};

const RULES: u8 = 1;
const CHECKPOINT: u8 = 2;
const CARD: u8 = 3;
const ROW: u8 = 4;
const KEY: u8 = 5;
const MEDIUM: u8 = 6;
const CUT: u8 = 7;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Rules(Bytes),
    Checkpoint(PartitionCheckpoint),
    Card(CardHead),
    Row(JournalRow),
    Key(KeyRow),
    Medium(RegisteredMedium),
    Cut(CutTotals),
}

/// A card, before its rows and keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CardHead {
    pub(super) card: CardId,
    pub(super) state: StoredCard,
    pub(super) row_count: u32,
    pub(super) key_count: u32,
}

impl Record {
    /// Appends the record.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(self.kind());
        out.extend_from_slice(&[0; 4]);
        self.put_body(out);
        let size = u32::try_from(out.len() - start - 5).expect("parts of a card are far below it");
        if let Some(place) = out.get_mut(start + 1..start + 5) {
            place.copy_from_slice(&size.to_le_bytes());
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Rules(_) => RULES,
            Self::Checkpoint(_) => CHECKPOINT,
            Self::Card(_) => CARD,
            Self::Row(_) => ROW,
            Self::Key(_) => KEY,
            Self::Medium(_) => MEDIUM,
            Self::Cut(_) => CUT,
        }
    }

    fn put_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Rules(bytes) => out.extend_from_slice(bytes),
            Self::Checkpoint(made) => {
                out.extend_from_slice(&made.partition.0.to_le_bytes());
                out.extend_from_slice(&made.next_offset.to_le_bytes());
                out.extend_from_slice(&made.context);
            }
            Self::Card(head) => {
                out.extend_from_slice(head.card.as_bytes());
                out.extend_from_slice(&head.state.version.0.to_le_bytes());
                out.extend_from_slice(&head.state.position.partition.0.to_le_bytes());
                out.extend_from_slice(&head.state.position.offset.to_le_bytes());
                out.extend_from_slice(&head.row_count.to_le_bytes());
                out.extend_from_slice(&head.key_count.to_le_bytes());
                out.extend_from_slice(&head.state.body);
            }
            Self::Row(row) => {
                out.extend_from_slice(&row.version.0.to_le_bytes());
                out.extend_from_slice(&row.bytes);
            }
            Self::Key(row) => {
                out.extend_from_slice(&row.key.0);
                out.extend_from_slice(&row.offset.to_le_bytes());
                out.extend_from_slice(&row.bytes);
            }
            Self::Medium(RegisteredMedium { hash, medium }) => {
                out.extend_from_slice(hash.as_bytes());
                out.extend_from_slice(&medium_codec::encode(hash, medium));
            }
            Self::Cut(cut) => {
                out.extend_from_slice(&cut.partition.0.to_le_bytes());
                out.extend_from_slice(&cut.number.to_le_bytes());
                out.extend_from_slice(&cut.offset.to_le_bytes());
                out.extend_from_slice(&cut.totals);
            }
        }
    }

    /// Takes the next record; `None` when it is not one.
    pub(super) fn take(from: &mut Bytes) -> Option<Self> {
        let kind = from.try_get_u8().ok()?;
        let size = usize::try_from(from.try_get_u32_le().ok()?).ok()?;
        if size > from.len() {
            return None;
        }
        Self::body(kind, from.split_to(size))
    }

    fn body(kind: u8, mut body: Bytes) -> Option<Self> {
        Some(match kind {
            RULES => Self::Rules(body),
            CHECKPOINT => Self::Checkpoint(PartitionCheckpoint {
                partition: PartitionId(body.try_get_u16_le().ok()?),
                next_offset: body.try_get_u64_le().ok()?,
                context: body,
            }),
            CARD => Self::Card(CardHead::take(body)?),
            ROW => Self::Row(JournalRow {
                version: Version(body.try_get_u32_le().ok()?),
                bytes: body,
            }),
            KEY => Self::Key(KeyRow {
                key: LegKey(array(&mut body)?),
                offset: body.try_get_u64_le().ok()?,
                bytes: body,
            }),
            MEDIUM => {
                let hash = PanHash::from_bytes(array(&mut body)?);
                let medium = medium_codec::decode(&hash, &body)?;
                Self::Medium(RegisteredMedium { hash, medium })
            }
            CUT => Self::Cut(CutTotals {
                partition: PartitionId(body.try_get_u16_le().ok()?),
                number: body.try_get_u64_le().ok()?,
                offset: body.try_get_u64_le().ok()?,
                totals: body,
            }),
            _ => return None,
        })
    }
}

impl CardHead {
    fn take(mut body: Bytes) -> Option<Self> {
        let card = CardId::from_bytes(array(&mut body)?);
        let version = Version(body.try_get_u32_le().ok()?);
        let position = Position {
            partition: PartitionId(body.try_get_u16_le().ok()?),
            offset: body.try_get_u64_le().ok()?,
        };
        let (row_count, key_count) = (body.try_get_u32_le().ok()?, body.try_get_u32_le().ok()?);
        Some(Self {
            card,
            state: StoredCard {
                version,
                position,
                body,
            },
            row_count,
            key_count,
        })
    }
}

fn array<const N: usize>(from: &mut Bytes) -> Option<[u8; N]> {
    let taken = *from.first_chunk()?;
    from.advance(N);
    Some(taken)
}

#[cfg(test)]
mod tests {
    use card::ProgrammeId;
    use pan::Expiry;
    use registry::Medium;

    use super::*;

    fn examples() -> [(Record, &'static str); 7] {
        let position = Position {
            partition: PartitionId(3),
            offset: 9,
        };
        let body = Bytes::from_static(b"body");
        let medium = Medium {
            card: CardId::new(1, [2; 14]),
            number: 0,
            bin: *b"629999",
            last_four: *b"1238",
            programme: ProgrammeId(500),
            expiry: Some(Expiry::parse(b"2712").unwrap()),
        };
        [
            (Record::Rules(body.clone()), "0104000000626f6479"),
            (
                Record::Checkpoint(PartitionCheckpoint {
                    partition: PartitionId(3),
                    next_offset: 9,
                    context: body.clone(),
                }),
                "020e00000003000900000000000000626f6479",
            ),
            (
                Record::Card(CardHead {
                    card: CardId::new(1, [2; 14]),
                    state: StoredCard {
                        version: Version(7),
                        position,
                        body: body.clone(),
                    },
                    row_count: 7,
                    key_count: 1,
                }),
                "032a00000000010202020202020202020202020202070000000300090000000000000007000000010000\
                 00626f6479",
            ),
            (
                Record::Row(JournalRow {
                    version: Version(7),
                    bytes: body.clone(),
                }),
                "040800000007000000626f6479",
            ),
            (
                Record::Key(KeyRow {
                    key: LegKey([5; 12]),
                    offset: 9,
                    bytes: body.clone(),
                }),
                "05180000000505050505050505050505050900000000000000626f6479",
            ),
            (
                Record::Medium(RegisteredMedium {
                    hash: PanHash::from_bytes([9; 16]),
                    medium,
                }),
                "06360000000909090909090909090909090909090901aaf78fba000102020202020202020202020202\
                 02003632393939393132333801f432373132",
            ),
            (
                Record::Cut(CutTotals {
                    partition: PartitionId(3),
                    number: 7,
                    offset: 9,
                    totals: body,
                }),
                "0716000000030007000000000000000900000000000000626f6479",
            ),
        ]
    }

    #[test]
    fn layout_is_pinned() {
        for (record, expected) in examples() {
            let mut bytes = Vec::new();
            record.put(&mut bytes);
            assert_eq!(super::super::hex(&bytes), expected);
            let mut bytes = Bytes::from(bytes);
            assert_eq!(Record::take(&mut bytes), Some(record));
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_no_record() {
        for (record, _) in examples() {
            let mut bytes = Vec::new();
            record.put(&mut bytes);
            for size in 0..bytes.len() {
                let mut cut = Bytes::copy_from_slice(&bytes[..size]);
                assert_eq!(Record::take(&mut cut), None, "cut at {size}");
            }
            bytes[0] = 8;
            assert_eq!(Record::take(&mut Bytes::from(bytes)), None, "unknown kind");
        }
    }
}
