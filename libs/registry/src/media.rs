//! Which medium belongs to which card.
//!
//! A fjall database with three keyspaces: `media` (hash -> medium), and two lists of hashes, by
//! card and by programme. What was added never changes, so what was found may be cached for ever;
//! what was not found is asked again, because it may be added at any time.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use crate::medium_codec::{Medium, RegisteredMedium, decode, encode};
use card::{CardId, ProgrammeId};
use pan::{Pan, PanHash, PanHasher};

/// Media that are found without asking the database; about 100 bytes each.
pub const MEDIA_CACHED_MAX: usize = 1 << 18;
/// Media that are added in one atomic step.
const MEDIA_PER_BATCH_MAX: usize = 10_000;
const BLOCK_CACHE_SIZE: u64 = 32 << 20;
const FORMAT: u8 = 1;
/// Its hash tells one key from another. All zeros is nobody's number.
const KEY_CHECK_DIGITS: &[u8] = b"0000000000000";

/// Why media cannot be read or added.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Creating would overwrite.
    #[error("{} already holds media; open it, or choose an empty folder", .0.display())]
    AlreadyThere(PathBuf),
    /// Opening would create.
    #[error("{} holds no media; create it first, or correct the path", .0.display())]
    NotThere(PathBuf),
    /// Every lookup would miss.
    #[error(
        "the media of {} were registered under another PAN hash key; put that key file back",
        .0.display()
    )]
    OtherKey(PathBuf),
    /// The process ended while it was being created.
    #[error("{} was not created completely; remove it and create it again", .0.display())]
    Incomplete(PathBuf),
    /// A newer version wrote it.
    #[error("{} has format {format}, this version reads {FORMAT}; use a newer version", path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// What it has.
        format: u8,
    },
    /// A medium's card never changes, nor does anything else of it.
    #[error("a medium of card {new} is registered already with card {old} or other details")]
    Changed {
        /// The card it was registered with.
        old: CardId,
        /// The card of the refused entry.
        new: CardId,
    },
    /// A card has one medium of each number.
    #[error("card {card} has a medium number {number} already; take the next number")]
    NumberTaken {
        /// Whose.
        card: CardId,
        /// Which.
        number: u8,
    },
    /// What is there is not what was written.
    #[error("media database is damaged ({0}); restore a backup")]
    Damaged(&'static str),
    /// The database cannot be read or written.
    #[error("media database: {0}")]
    Database(String),
    /// The folder cannot be used.
    #[error("create {}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Where a listing goes on: behind this medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListingCursor {
    /// Its card.
    pub card: CardId,
    /// Its number on the card.
    pub number: u8,
}

/// The media of all cards.
pub struct Media {
    db: Database,
    by_hash: Keyspace,
    by_card: Keyspace,
    by_programme: Keyspace,
    cache: Cache<PanHash, Medium>,
    /// Held while media are checked and added, so that no two adders see the same gap.
    adding: Mutex<()>,
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Media")
            .field("cached", &self.cache.len())
            .finish_non_exhaustive()
    }
}

impl Media {
    /// Makes an empty database in this folder, for hashes of this key.
    ///
    /// # Errors
    /// [`MediaError::AlreadyThere`] when there is one; the others as they say.
    pub fn create(folder: &Path, hasher: &PanHasher) -> Result<Self, MediaError> {
        if folder.exists() {
            return Err(MediaError::AlreadyThere(folder.to_owned()));
        }
        std::fs::create_dir_all(folder).map_err(|source| MediaError::Folder {
            path: folder.to_owned(),
            source,
        })?;
        let (media, meta) = Self::open_database(folder)?;
        let mut batch = media.db.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&meta, "format", [FORMAT]);
        batch.insert(&meta, "key_check", *key_check(hasher)?.as_bytes());
        batch.commit()?;
        Ok(media)
    }

    /// Opens the database of this folder.
    ///
    /// # Errors
    /// [`MediaError::NotThere`] when there is none, [`MediaError::OtherKey`] when its hashes are of
    /// another key; the others as they say.
    pub fn open(folder: &Path, hasher: &PanHasher) -> Result<Self, MediaError> {
        if !folder.exists() {
            return Err(MediaError::NotThere(folder.to_owned()));
        }
        let (media, meta) = Self::open_database(folder)?;
        let path = folder.to_owned();
        match meta.get("format")?.as_deref() {
            Some([FORMAT]) => {}
            Some([format]) => {
                return Err(MediaError::Format {
                    path,
                    format: *format,
                });
            }
            Some(_) => return Err(MediaError::Damaged("format")),
            None => return Err(MediaError::Incomplete(path)),
        }
        match meta.get("key_check")?.as_deref() {
            Some(found) if found == key_check(hasher)?.as_bytes() => Ok(media),
            Some(_) => Err(MediaError::OtherKey(path)),
            None => Err(MediaError::Damaged("key check")),
        }
    }

    fn open_database(folder: &Path) -> Result<(Self, Keyspace), MediaError> {
        let db = Database::builder(folder)
            .cache_size(BLOCK_CACHE_SIZE)
            .worker_threads(1)
            .manual_journal_persist(true)
            .open()?;
        let keyspace = |name| {
            db.keyspace(name, || {
                KeyspaceCreateOptions::default().manual_journal_persist(true)
            })
        };
        let meta = keyspace("meta")?;
        let media = Self {
            by_hash: keyspace("media")?,
            by_card: keyspace("media_by_card")?,
            by_programme: keyspace("media_by_programme")?,
            cache: Cache::new(MEDIA_CACHED_MAX),
            adding: Mutex::new(()),
            db,
        };
        Ok((media, meta))
    }

    /// Finds a medium by the hash of its number. A cached one costs no IO.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn find_medium(&self, hash: &PanHash) -> Result<Option<Medium>, MediaError> {
        if let Some(medium) = self.cache.get(hash) {
            return Ok(Some(medium));
        }
        let found = self.read(hash)?;
        if let Some(medium) = found {
            self.cache.insert(*hash, medium);
        }
        Ok(found)
    }

    /// Adds media, and passes over those that are there already with the same content. Durable
    /// when this returns. Nothing is added when any entry is refused; after a crash or a failure of
    /// the disk the first ones may be there, so add all of them again.
    ///
    /// # Errors
    /// [`MediaError::Changed`] and [`MediaError::NumberTaken`] refuse an entry; the others as they
    /// say.
    pub fn add_media(&self, entries: &[RegisteredMedium]) -> Result<(), MediaError> {
        let _adding = self.adding.lock();
        let new = self.check(entries)?;
        for chunk in new.chunks(MEDIA_PER_BATCH_MAX) {
            let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
            for RegisteredMedium { hash, medium } in chunk {
                batch.insert(&self.by_hash, *hash.as_bytes(), encode(hash, medium));
                batch.insert(&self.by_card, card_entry(medium), *hash.as_bytes());
                batch.insert(
                    &self.by_programme,
                    programme_entry(medium),
                    *hash.as_bytes(),
                );
            }
            batch.commit()?;
        }
        Ok(())
    }

    /// The media of one card, by number.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn media_of(&self, card: CardId) -> Result<Vec<RegisteredMedium>, MediaError> {
        self.by_card
            .prefix(card.as_bytes())
            .map(|entry| self.listed(entry))
            .collect()
    }

    /// The media of one programme, in the order of cards and numbers, behind `after`, at most
    /// `max`.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn media_of_programme(
        &self,
        programme: ProgrammeId,
        after: Option<ListingCursor>,
        max: usize,
    ) -> Result<Vec<RegisteredMedium>, MediaError> {
        let first = after.map_or_else(
            || Bound::Included(programme.0.to_be_bytes().to_vec()),
            |after| Bound::Excluded(programme_name(programme, after.card, after.number).to_vec()),
        );
        let last = programme_name(programme, CardId::from_bytes([u8::MAX; 16]), u8::MAX);
        let range = (first, Bound::Included(last.to_vec()));
        let entries = self.by_programme.range::<Vec<u8>, _>(range);
        entries.take(max).map(|entry| self.listed(entry)).collect()
    }

    /// What of the entries is new; refuses what contradicts the database or another entry.
    fn check(&self, entries: &[RegisteredMedium]) -> Result<Vec<RegisteredMedium>, MediaError> {
        let mut new = Vec::new();
        let mut hashes: BTreeMap<PanHash, Medium> = BTreeMap::new();
        let mut numbers: BTreeMap<(CardId, u8), PanHash> = BTreeMap::new();
        for RegisteredMedium { hash, medium } in entries {
            let known = match hashes.insert(*hash, *medium) {
                None => self.read(hash)?,
                known => known,
            };
            match known {
                Some(known) if known == *medium => continue,
                Some(known) => {
                    return Err(MediaError::Changed {
                        old: known.card,
                        new: medium.card,
                    });
                }
                None => {}
            }
            let (card, number) = (medium.card, medium.number);
            let is_taken = numbers.insert((card, number), *hash).is_some()
                || self.by_card.contains_key(card_entry(medium))?;
            if is_taken {
                return Err(MediaError::NumberTaken { card, number });
            }
            new.push(RegisteredMedium {
                hash: *hash,
                medium: *medium,
            });
        }
        Ok(new)
    }

    fn read(&self, hash: &PanHash) -> Result<Option<Medium>, MediaError> {
        let Some(value) = self.by_hash.get(hash.as_bytes())? else {
            return Ok(None);
        };
        decode(hash, &value)
            .map(Some)
            .ok_or(MediaError::Damaged("a medium"))
    }

    fn listed(&self, entry: fjall::Guard) -> Result<RegisteredMedium, MediaError> {
        let bytes = <[u8; 16]>::try_from(&*entry.value()?)
            .map_err(|_| MediaError::Damaged("an entry of a list"))?;
        let hash = PanHash::from_bytes(bytes);
        let medium = self
            .read(&hash)?
            .ok_or(MediaError::Damaged("a list names no medium"))?;
        Ok(RegisteredMedium { hash, medium })
    }
}

impl From<fjall::Error> for MediaError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a foreign enum that may grow"
    )]
    fn from(error: fjall::Error) -> Self {
        Self::Database(match error {
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
                error.to_string()
            }
            fjall::Error::Locked => "another process uses it; end that one first".to_owned(),
            fjall::Error::Poisoned => {
                "an earlier write failed; make room on the disk and start again".to_owned()
            }
            other => format!("{other:?}; restore a backup"),
        })
    }
}

fn key_check(hasher: &PanHasher) -> Result<PanHash, MediaError> {
    let pan = Pan::parse(KEY_CHECK_DIGITS).map_err(|_| MediaError::Damaged("key check"))?;
    Ok(hasher.hash(&pan))
}

fn card_entry(medium: &Medium) -> [u8; 17] {
    let mut name = [0; 17];
    name[..16].copy_from_slice(medium.card.as_bytes());
    name[16] = medium.number;
    name
}

fn programme_entry(medium: &Medium) -> [u8; 19] {
    programme_name(medium.programme, medium.card, medium.number)
}

fn programme_name(programme: ProgrammeId, card: CardId, number: u8) -> [u8; 19] {
    let mut name = [0; 19];
    name[..2].copy_from_slice(&programme.0.to_be_bytes());
    name[2..18].copy_from_slice(card.as_bytes());
    name[18] = number;
    name
}

#[cfg(test)]
#[path = "media_tests.rs"]
mod tests;
