//! The fjall database: states, old keys, partitions' checkpoints, length of the journal.
//!
//! | keyspace     | key                       | value                                       |
//! |--------------|---------------------------|---------------------------------------------|
//! | `cards`      | card 16                   | [`encode_state`]                            |
//! | `keys`       | card 16, leg key 12       | the key row                                 |
//! | `references` | card 16, offset u64       | the key row                                 |
//! | `partitions` | partition u16             | next offset u64, context                    |
//! | `items`      | batch 38, partition u16,  | an item of a terminal's batch               |
//! |              | offset u64                |                                             |
//! | `batches`    | batch 38                  | what came of it                             |
//! | `meta`       | `format`, `journal_end`,  | u8; address u64;                            |
//! |              | `checkpoint`              | number u64                                  |
//!
//! Numbers are big endian, so the order of the keys is the order of the numbers. A key row is
//! kept under both names: a trace number that comes round again takes over the key, while the RRN
//! still finds the older transaction.

mod items;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use bytes::Bytes;
use fjall::config::{BloomConstructionPolicy, FilterPolicy, FilterPolicyEntry};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use crate::journal::Address;
use crate::options::Options;
use crate::overlay::Pending;
use crate::torn_tail;
use card::{CardId, LegKey, PartitionId, Position, Version};
use card_store::{KeyName, PartitionCheckpoint, StoreError, StoredCard, WriteError};

const FORMAT: u8 = 1;
const STATE_FORMAT: u8 = 1;
/// Format 1, checksum 4, version 4, partition 2, offset 8, head 8.
const STATE_HEADER_SIZE: usize = 27;
/// About a false positive in a thousand; a new card and most old keys are asked for in vain.
const BLOOM_RATE: FilterPolicyEntry =
    FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(BLOOM_BITS_PER_KEY));
#[expect(
    clippy::disallowed_types,
    reason = "fjall's own type; neither money nor time"
)]
const BLOOM_BITS_PER_KEY: f32 = 14.0;

/// The open database.
pub(crate) struct Lsm {
    db: Database,
    cards: Keyspace,
    keys: Keyspace,
    references: Keyspace,
    partitions: Keyspace,
    items: Keyspace,
    batches: Keyspace,
    meta: Keyspace,
}

impl std::fmt::Debug for Lsm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lsm")
            .field("cards", &self.cards.path())
            .finish_non_exhaustive()
    }
}

impl Lsm {
    /// Makes a new database, durable when this returns.
    pub(crate) fn create(folder: &Path, options: &Options) -> Result<Self, StoreError> {
        let lsm = Self::open_database(folder, options).map_err(|error| read_error(&error))?;
        let mut batch = lsm.db.batch();
        batch.insert(&lsm.meta, "format", [FORMAT]);
        let batch = batch.durability(Some(PersistMode::SyncAll));
        batch.commit().map_err(|error| read_error(&error))?;
        Ok(lsm)
    }

    /// Opens a database that [`Lsm::create`] made.
    pub(crate) fn open(folder: &Path, options: &Options) -> Result<Self, StoreError> {
        let opened = Self::open_database(folder, options);
        let lsm = if let Err(fjall::Error::JournalRecovery(_)) = opened {
            torn_tail::cut(folder).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            Self::open_database(folder, options)
        } else {
            opened
        };
        let lsm = lsm.map_err(|error| read_error(&error))?;
        match get(&lsm.meta, b"format")?.as_deref() {
            Some([FORMAT]) => Ok(lsm),
            Some(other) => Err(StoreError::Damaged(format!(
                "{} has format {other:?}, this version reads {FORMAT}; use the version that wrote it",
                folder.display()
            ))),
            None => Err(StoreError::Damaged(format!(
                "{} is empty though the store exists; restore a backup",
                folder.display()
            ))),
        }
    }

    fn open_database(folder: &Path, options: &Options) -> fjall::Result<Self> {
        let db = Database::builder(folder)
            .cache_size(options.block_cache_size)
            .worker_threads(options.compaction_threads)
            // Only the last batch of a checkpoint is synced.
            .manual_journal_persist(true)
            .open()?;
        let keyspace = |name| {
            db.keyspace(name, || {
                KeyspaceCreateOptions::default()
                    .filter_policy(FilterPolicy::all(BLOOM_RATE))
                    .manual_journal_persist(true)
            })
        };
        Ok(Self {
            cards: keyspace("cards")?,
            keys: keyspace("keys")?,
            references: keyspace("references")?,
            partitions: keyspace("partitions")?,
            items: keyspace("items")?,
            batches: keyspace("batches")?,
            meta: keyspace("meta")?,
            db,
        })
    }

    /// A card's state and the address of its last journal row.
    pub(crate) fn load(&self, card: CardId) -> Result<Option<(StoredCard, Address)>, StoreError> {
        let value = get(&self.cards, card.as_bytes())?;
        let state = value.map(|value| decode_state(card, &value)).transpose();
        state.map_err(|fault| StoreError::Damaged(format!("state of card {card}: {fault}")))
    }

    pub(crate) fn find_key(&self, card: CardId, key: LegKey) -> Result<Option<Bytes>, StoreError> {
        let value = get(&self.keys, &key_name(card, key))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    pub(crate) fn find_offset(
        &self,
        card: CardId,
        offset: u64,
    ) -> Result<Option<Bytes>, StoreError> {
        let value = get(&self.references, &reference_name(card, offset))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// What is found under names of the card's old keys behind `after`, at most `max`.
    pub(crate) fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> Result<BTreeMap<KeyName, Bytes>, StoreError> {
        let mut found = BTreeMap::new();
        let first_key = match after {
            None => Some(Bound::Included(key_name(card, LegKey([0; 12])))),
            Some(KeyName::Key(key)) => Some(Bound::Excluded(key_name(card, key))),
            Some(KeyName::Offset(_)) => None,
        };
        if let Some(first) = first_key {
            let last = Bound::Included(key_name(card, LegKey([u8::MAX; 12])));
            for entry in self.keys.range::<[u8; 28], _>((first, last)).take(max) {
                let (own, bytes) = own_name(entry)?;
                found.insert(KeyName::Key(LegKey(own)), bytes);
            }
        }
        let first = match after {
            None | Some(KeyName::Key(_)) => Bound::Included(reference_name(card, 0)),
            Some(KeyName::Offset(offset)) => Bound::Excluded(reference_name(card, offset)),
        };
        let last = Bound::Included(reference_name(card, u64::MAX));
        let references = self.references.range::<[u8; 24], _>((first, last));
        for entry in references.take(max - found.len()) {
            let (own, bytes) = own_name(entry)?;
            found.insert(KeyName::Offset(u64::from_be_bytes(own)), bytes);
        }
        Ok(found)
    }

    /// The ids after `after`, in order, at most `max`.
    pub(crate) fn ids_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> Result<Vec<CardId>, StoreError> {
        let after = after.map_or(Bound::Unbounded, |card| Bound::Excluded(*card.as_bytes()));
        let range = self.cards.range::<[u8; 16], _>((after, Bound::Unbounded));
        let id = |guard: fjall::Guard| {
            let key = guard.key().map_err(|error| read_error(&error))?;
            let bytes = <[u8; 16]>::try_from(&*key).map_err(|_| {
                StoreError::Damaged("keyspace cards has a key of wrong size".into())
            })?;
            Ok(CardId::from_bytes(bytes))
        };
        range.take(max).map(id).collect()
    }

    /// The checkpoints of all partitions, in the order of their numbers.
    pub(crate) fn checkpoints(&self) -> Result<Vec<PartitionCheckpoint>, StoreError> {
        let checkpoint = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner().map_err(|error| read_error(&error))?;
            decode_checkpoint(&key, &value)
                .ok_or_else(|| StoreError::Damaged("keyspace partitions has a short row".into()))
        };
        self.partitions.iter().map(checkpoint).collect()
    }

    /// Where the journal ended at the last checkpoint.
    pub(crate) fn journal_end(&self) -> Result<Address, StoreError> {
        Ok(self
            .number("journal_end")?
            .map_or(Address::NONE, Address::from_bits))
    }

    /// The number of the last checkpoint, 0 before the first.
    pub(crate) fn checkpoint_number(&self) -> Result<u64, StoreError> {
        Ok(self.number("checkpoint")?.unwrap_or(0))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let value = get(&self.meta, name.as_bytes())?;
        let bits = value.map(|value| <[u8; 8]>::try_from(&*value)).transpose();
        let bits = bits.map_err(|_| StoreError::Damaged(format!("{name} has a wrong size")))?;
        Ok(bits.map(u64::from_be_bytes))
    }

    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            lsm: self,
            items: self.db.batch().durability(None),
            size: 0,
        }
    }

    /// About how many cards there are; states that were replaced lately count more than once.
    pub(crate) fn card_count_approximate(&self) -> usize {
        self.cards.approximate_len()
    }

    pub(crate) fn disk_size(&self) -> Result<u64, StoreError> {
        self.db.disk_space().map_err(|error| read_error(&error))
    }
}

/// Changes that are done together. Batches become durable in their order.
pub(crate) struct Batch<'a> {
    lsm: &'a Lsm,
    items: OwnedWriteBatch,
    size: usize,
}

impl Batch<'_> {
    pub(crate) fn journal_end(&mut self, end: Address) {
        self.items
            .insert(&self.lsm.meta, "journal_end", end.to_bits().to_be_bytes());
    }

    pub(crate) fn checkpoint_number(&mut self, number: u64) {
        self.items
            .insert(&self.lsm.meta, "checkpoint", number.to_be_bytes());
    }

    pub(crate) fn card(&mut self, card: CardId, pending: &Pending) {
        let state = encode_state(card, &pending.state, pending.head);
        self.size += state.len();
        self.items.insert(&self.lsm.cards, *card.as_bytes(), state);
        for (key, row) in &pending.by_key {
            self.size += row.len();
            self.items
                .insert(&self.lsm.keys, key_name(card, *key), &**row);
        }
        for (offset, row) in &pending.by_offset {
            self.size += row.len();
            self.items
                .insert(&self.lsm.references, reference_name(card, *offset), &**row);
        }
    }

    pub(crate) fn partition(&mut self, checkpoint: &PartitionCheckpoint) {
        let mut value = checkpoint.next_offset.to_be_bytes().to_vec();
        value.extend_from_slice(&checkpoint.context);
        self.items.insert(
            &self.lsm.partitions,
            checkpoint.partition.0.to_be_bytes(),
            value,
        );
    }

    /// Bytes of states and key rows so far.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Does the changes; they may be lost in a crash until a later batch is synced.
    pub(crate) fn commit(self) -> Result<(), WriteError> {
        self.items.commit().map_err(|error| write_error(&error))
    }

    /// Does the changes and makes them durable, with all before them.
    pub(crate) fn commit_synced(self) -> Result<(), WriteError> {
        let items = self.items.durability(Some(PersistMode::SyncAll));
        items.commit().map_err(|error| write_error(&error))
    }
}

/// Layout, little endian: format u8, crc32 u32 (of the card id and everything after the checksum),
/// version u32, partition u16, offset u64, head u64, body.
fn encode_state(card: CardId, state: &StoredCard, head: Address) -> Vec<u8> {
    let mut out = Vec::with_capacity(STATE_HEADER_SIZE + state.body.len());
    out.push(STATE_FORMAT);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&state.version.0.to_le_bytes());
    out.extend_from_slice(&state.position.partition.0.to_le_bytes());
    out.extend_from_slice(&state.position.offset.to_le_bytes());
    out.extend_from_slice(&head.to_bits().to_le_bytes());
    out.extend_from_slice(&state.body);
    let crc = state_crc(card, &out[5..]);
    out[1..5].copy_from_slice(&crc.to_le_bytes());
    out
}

fn decode_state(card: CardId, value: &[u8]) -> Result<(StoredCard, Address), &'static str> {
    let short = "it ends early";
    let (format, rest) = value.split_first().ok_or(short)?;
    if *format != STATE_FORMAT {
        return Err("unknown format");
    }
    let (crc, rest) = rest.split_first_chunk().ok_or(short)?;
    if state_crc(card, rest) != u32::from_le_bytes(*crc) {
        return Err("wrong checksum");
    }
    let (version, rest) = rest.split_first_chunk().ok_or(short)?;
    let (partition, rest) = rest.split_first_chunk().ok_or(short)?;
    let (offset, rest) = rest.split_first_chunk().ok_or(short)?;
    let (head, body) = rest.split_first_chunk().ok_or(short)?;
    let state = StoredCard {
        version: Version(u32::from_le_bytes(*version)),
        position: Position {
            partition: PartitionId(u16::from_le_bytes(*partition)),
            offset: u64::from_le_bytes(*offset),
        },
        body: Bytes::copy_from_slice(body),
    };
    Ok((state, Address::from_bits(u64::from_le_bytes(*head))))
}

fn state_crc(card: CardId, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(card.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn decode_checkpoint(key: &[u8], value: &[u8]) -> Option<PartitionCheckpoint> {
    let (next_offset, context) = value.split_first_chunk()?;
    Some(PartitionCheckpoint {
        partition: PartitionId(u16::from_be_bytes(key.try_into().ok()?)),
        next_offset: u64::from_be_bytes(*next_offset),
        context: Bytes::copy_from_slice(context),
    })
}

fn key_name(card: CardId, key: LegKey) -> [u8; 28] {
    let mut name = [0; 28];
    name[..16].copy_from_slice(card.as_bytes());
    name[16..].copy_from_slice(&key.0);
    name
}

fn reference_name(card: CardId, offset: u64) -> [u8; 24] {
    let mut name = [0; 24];
    name[..16].copy_from_slice(card.as_bytes());
    name[16..].copy_from_slice(&offset.to_be_bytes());
    name
}

/// The name of an old key behind its card's id, and what is found under it.
fn own_name<const N: usize>(entry: fjall::Guard) -> Result<([u8; N], Bytes), StoreError> {
    let (name, value) = entry.into_inner().map_err(|error| read_error(&error))?;
    let own = name.get(16..).and_then(|own| <[u8; N]>::try_from(own).ok());
    let own =
        own.ok_or_else(|| StoreError::Damaged("an old key has a name of wrong size".into()))?;
    Ok((own, Bytes::copy_from_slice(&value)))
}

fn get(keyspace: &Keyspace, key: &[u8]) -> Result<Option<fjall::UserValue>, StoreError> {
    keyspace.get(key).map_err(|error| read_error(&error))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum that may grow"
)]
fn read_error(error: &fjall::Error) -> StoreError {
    let text = describe(error);
    match error {
        fjall::Error::Io(_)
        | fjall::Error::Storage(fjall::LsmError::Io(_))
        | fjall::Error::Poisoned
        | fjall::Error::Locked => StoreError::Unavailable(text),
        _ => StoreError::Damaged(text),
    }
}

fn write_error(error: &fjall::Error) -> WriteError {
    WriteError::Stopped(describe(error))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum that may grow"
)]
fn describe(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
            format!("lsm tree: {error}")
        }
        fjall::Error::Poisoned => {
            "lsm tree: an earlier write failed; make room on the disk and start again".to_owned()
        }
        fjall::Error::Locked => "lsm tree: another process uses it; end that one first".to_owned(),
        other => format!("lsm tree: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (CardId, StoredCard, Address) {
        let position = Position {
            partition: PartitionId(9),
            offset: 1_000,
        };
        let body = Bytes::from_static(b"body");
        let state = StoredCard {
            version: Version(5),
            position,
            body,
        };
        (CardId::new(1, [2; 14]), state, Address::new(3, 40))
    }

    #[test]
    fn state_layout_is_pinned() {
        let (card, state, head) = example();
        let value = encode_state(card, &state, head);
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "01b2d52ca9050000000900e8030000000000002800000003000000626f6479"
        );
        assert_eq!(decode_state(card, &value), Ok((state, head)));
    }

    #[test]
    fn damage_and_misplacement_are_noticed() {
        let (card, state, head) = example();
        let value = encode_state(card, &state, head);
        assert!(
            decode_state(CardId::new(1, [3; 14]), &value).is_err(),
            "another card's"
        );
        for index in 0..value.len() {
            let mut bad = value.clone();
            bad[index] ^= 1;
            assert!(decode_state(card, &bad).is_err(), "bit of byte {index}");
            assert!(
                decode_state(card, &value[..index]).is_err(),
                "cut at {index}"
            );
        }
    }
}
