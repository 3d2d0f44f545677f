//! One card with everything that is kept of it, held in memory.
//!
//! It goes from store to archive and from archive to store as it is: body, rows and old keys are
//! moved byte by byte, so the hash chain that went out is the one that comes in (STORE-6). A card
//! takes about 300 bytes for each of its decisions while it is here.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::exit::Failure;
use card::{CardId, Entry, LegKey, PartitionId, Row, Version};
use card_store::{
    CardStore, CardWrite, CutTotals, JournalRow, KeyName, KeyRow, NamedKey, StoreError, StoredCard,
};

/// Rows, and old keys, that are read in one go.
const READ_PAGE: usize = 256;
/// Decisions that are written together, as many as a processor writes: a state in the cluster
/// carries the rows of its last write.
const ROWS_PER_WRITE_MAX: usize = 64;

/// A card as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CardCopy {
    pub(crate) card: CardId,
    pub(crate) state: StoredCard,
    /// Oldest first.
    pub(crate) rows: Vec<JournalRow>,
    /// In an order in which writing them leads to what each name leads to now.
    pub(crate) keys: Vec<KeyRow>,
}

/// Why a card cannot be read whole.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CopyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Keys(String),
}

impl CardCopy {
    /// Reads a card, `None` when it is not there.
    pub(crate) async fn read<S: CardStore>(
        store: &S,
        card: CardId,
    ) -> Result<Option<Self>, CopyError> {
        let Some(state) = store.load(card).await? else {
            return Ok(None);
        };
        let rows = read_rows(store, card).await?;
        let keys = in_write_order(&read_keys(store, card).await?).map_err(CopyError::Keys)?;
        Ok(Some(Self {
            card,
            state,
            rows,
            keys,
        }))
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let rows: usize = self.rows.iter().map(|row| row.bytes.len() + 32).sum();
        let keys: usize = self.keys.iter().map(|row| row.bytes.len() + 64).sum();
        self.state.body.len() + rows + keys
    }

    /// The writes that make the card anew, in their order. Only the last one has the state of its
    /// body: a processor that met an earlier one would stop the card rather than believe it.
    pub(crate) fn writes(&self) -> Result<Vec<CardWrite>, String> {
        let count = self.rows.len().div_ceil(ROWS_PER_WRITE_MAX);
        let keys_each = self.keys.len().div_ceil(count.max(1)).max(1);
        let mut keys = self.keys.chunks(keys_each);
        let parts = self.rows.chunks(ROWS_PER_WRITE_MAX).enumerate();
        parts
            .map(|(index, rows)| {
                Ok(CardWrite {
                    card: self.card,
                    state: match index + 1 == count {
                        true => self.state.clone(),
                        false => self.state_on_the_way(rows)?,
                    },
                    rows: rows.to_vec(),
                    keys: keys.next().unwrap_or_default().to_vec(),
                })
            })
            .collect()
    }

    fn state_on_the_way(&self, rows: &[JournalRow]) -> Result<StoredCard, String> {
        let last = rows.last().ok_or("a write has no row")?;
        let row = Row::decode(&last.bytes).map_err(|error| error.to_string())?;
        Ok(StoredCard {
            version: last.version,
            position: row.position,
            body: self.state.body.clone(),
        })
    }

    /// Old keys that do not tell of a decision of this card.
    pub(crate) fn wrong_keys(&self) -> Vec<(Version, String)> {
        let mut wrong = Vec::new();
        for key in &self.keys {
            match Entry::from_bytes(&key.bytes) {
                Ok(entry) => {
                    let what = self.wrong_entry(&entry).map(str::to_owned);
                    wrong.extend(what.map(|what| (entry.version, what)));
                }
                Err(error) => wrong.push((self.state.version, format!("old key: {error}"))),
            }
        }
        wrong
    }

    fn wrong_entry(&self, entry: &Entry) -> Option<&'static str> {
        let index = self
            .rows
            .binary_search_by_key(&entry.version, |row| row.version);
        let row = index.ok().and_then(|index| self.rows.get(index));
        let row = row.and_then(|row| Row::decode(&row.bytes).ok());
        match row {
            None => Some("an old key tells of it, and it is not there"),
            Some(row) if row.position.offset != entry.offset => {
                Some("an old key tells of it with another record")
            }
            Some(row) if row.fingerprint != entry.fingerprint => {
                Some("an old key tells of it with other content")
            }
            Some(_) => None,
        }
    }
}

/// Reads all cuts of a partition, in the order of their numbers.
pub(super) async fn read_cuts<S: CardStore>(
    store: &S,
    partition: PartitionId,
) -> Result<Vec<CutTotals>, Failure> {
    let mut cuts: Vec<CutTotals> = Vec::new();
    loop {
        let from = cuts.last().map_or(0, |last| last.number + 1);
        let page = store.cut_totals(partition, from, READ_PAGE).await;
        let page = page.map_err(Failure::start_error)?;
        let is_last = page.len() < READ_PAGE;
        cuts.extend(page);
        if is_last {
            return Ok(cuts);
        }
    }
}

async fn read_rows<S: CardStore>(store: &S, card: CardId) -> Result<Vec<JournalRow>, StoreError> {
    let mut rows: Vec<JournalRow> = Vec::new();
    let mut newest = None;
    loop {
        let page = store.rows_back(card, newest, READ_PAGE).await?;
        let oldest = page.last().map_or(0, |row| row.version.0);
        rows.extend(page);
        match oldest {
            0 | 1 => break,
            _ => newest = Some(Version(oldest - 1)),
        }
    }
    rows.reverse();
    Ok(rows)
}

async fn read_keys<S: CardStore>(store: &S, card: CardId) -> Result<Vec<NamedKey>, StoreError> {
    let mut keys: Vec<NamedKey> = Vec::new();
    loop {
        let after = keys.last().map(|found| found.name);
        let page = store.keys_after(card, after, READ_PAGE).await?;
        let is_last = page.len() < READ_PAGE;
        keys.extend(page);
        if is_last {
            return Ok(keys);
        }
    }
}

/// What two names lead to, by name.
type Names<T> = BTreeMap<T, Bytes>;

/// The rows that lead to what was found, the older ones first.
///
/// A row has two names, and a younger row takes over one of them: the key, when a terminal came
/// round to the same trace number, or the offset, when a reversal came first and left two keys of
/// one record. In the order of the offsets each name is taken over as it was; whether it came out
/// right is looked at, not believed.
pub(super) fn in_write_order(found: &[NamedKey]) -> Result<Vec<KeyRow>, String> {
    let (mut by_key, mut by_offset) = (Names::new(), Names::new());
    for named in found {
        match named.name {
            KeyName::Key(key) => drop(by_key.insert(key, named.bytes.clone())),
            KeyName::Offset(offset) => drop(by_offset.insert(offset, named.bytes.clone())),
        }
    }
    let mut rows = Vec::with_capacity(by_offset.len());
    for (key, bytes) in &by_key {
        let entry = entry(bytes)?;
        let is_found_by_offset = by_offset.get(&entry.offset) == Some(bytes);
        if entry.key != *key || !by_offset.contains_key(&entry.offset) {
            return Err("an old key is filed under another name".to_owned());
        }
        if !is_found_by_offset {
            rows.push((entry.offset, Taken::Offset, row(&entry, bytes)));
        }
    }
    for (offset, bytes) in &by_offset {
        let entry = entry(bytes)?;
        if entry.offset != *offset {
            return Err("an old key is filed under another RRN".to_owned());
        }
        rows.push((*offset, Taken::PerhapsKey, row(&entry, bytes)));
    }
    rows.sort_by_key(|(offset, taken, _)| (*offset, *taken));
    let rows: Vec<KeyRow> = rows.into_iter().map(|(_, _, row)| row).collect();
    match names_of(&rows) == (by_key, by_offset) {
        true => Ok(rows),
        false => Err("old keys contradict each other".to_owned()),
    }
}

/// Which of a row's names a later one took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    Offset,
    PerhapsKey,
}

fn entry(bytes: &[u8]) -> Result<Entry, String> {
    Entry::from_bytes(bytes).map_err(|error| format!("old key: {error}"))
}

fn row(entry: &Entry, bytes: &Bytes) -> KeyRow {
    KeyRow {
        key: entry.key,
        offset: entry.offset,
        bytes: bytes.clone(),
    }
}

/// What the names lead to once these rows were written, the later over the earlier.
fn names_of(rows: &[KeyRow]) -> (Names<LegKey>, Names<u64>) {
    let (mut by_key, mut by_offset) = (Names::new(), Names::new());
    for row in rows {
        by_key.insert(row.key, row.bytes.clone());
        by_offset.insert(row.offset, row.bytes.clone());
    }
    (by_key, by_offset)
}
