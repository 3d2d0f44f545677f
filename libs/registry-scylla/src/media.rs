//! Adding and finding media.
//!
//! Three tables. `media_by_hash` decides: a medium is there when its row is, written last and once.
//! Before it go the place in the card's list (once as well: a card has one medium of each number)
//! and in the programme's list. What a crash leaves half-way are list entries without a medium,
//! which listings pass over and a repeated add completes.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use scylla::statement::prepared::PreparedStatement;
use tokio::task::JoinSet;

use crate::at_hand::{AtHand, Known};
use crate::listing::bucket;
use card::CardId;
use card_store_scylla::{CqlSession, Fault, Once, first_row, insert_once};
use pan::PanHash;
use registry::medium_codec::{decode, encode};
use registry::{MediaError, Medium, RegisteredMedium};

/// Requests of one call that are on their way at once.
const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// The media of all cards of the cluster. Cheap to clone; clones share what they found.
#[derive(Clone)]
pub struct CqlMedia(Arc<Inner>);

struct Inner {
    session: CqlSession,
    statements: Statements,
    at_hand: AtHand,
}

pub(crate) struct Statements {
    find: PreparedStatement,
    find_serial: PreparedStatement,
    insert: PreparedStatement,
    number: PreparedStatement,
    insert_number: PreparedStatement,
    insert_listing: PreparedStatement,
    pub(crate) of_card: PreparedStatement,
    pub(crate) of_programme: PreparedStatement,
}

impl fmt::Debug for CqlMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CqlMedia")
            .field("session", &self.0.session)
            .finish_non_exhaustive()
    }
}

impl CqlMedia {
    /// Prepares the statements.
    ///
    /// # Errors
    /// When the database does not answer or has not the tables.
    pub async fn open(session: CqlSession) -> Result<Self, Fault> {
        let find = "SELECT medium FROM {keyspace}.media_by_hash WHERE hash = ?";
        let statements = Statements {
            find: session.prepare(find).await?,
            find_serial: session.prepare_serial(find).await?,
            insert: session
                .prepare("INSERT INTO {keyspace}.media_by_hash (hash, medium) VALUES (?, ?) IF NOT EXISTS")
                .await?,
            number: session
                .prepare_serial("SELECT hash FROM {keyspace}.media_by_card WHERE card = ? AND number = ?")
                .await?,
            insert_number: session
                .prepare(
                    "INSERT INTO {keyspace}.media_by_card (card, number, hash) VALUES (?, ?, ?) IF NOT EXISTS",
                )
                .await?,
            insert_listing: session
                .prepare(
                    "INSERT INTO {keyspace}.media_by_programme (programme, bucket, card, number, hash) \
                     VALUES (?, ?, ?, ?, ?)",
                )
                .await?,
            of_card: session
                .prepare("SELECT card, number, hash FROM {keyspace}.media_by_card WHERE card = ?")
                .await?,
            of_programme: session
                .prepare(
                    "SELECT card, number, hash FROM {keyspace}.media_by_programme \
                     WHERE programme = ? AND bucket = ? AND (card, number) > (?, ?) LIMIT ?",
                )
                .await?,
        };
        let at_hand = AtHand::new();
        Ok(Self(Arc::new(Inner {
            session,
            statements,
            at_hand,
        })))
    }

    pub(crate) fn session(&self) -> &CqlSession {
        &self.0.session
    }

    pub(crate) fn statements(&self) -> &Statements {
        &self.0.statements
    }

    /// Finds a medium by the hash of its number. One that was found before costs nothing.
    ///
    /// # Errors
    /// When the database does not answer, or the medium is damaged.
    pub async fn find(&self, hash: &PanHash) -> Result<Option<Medium>, MediaError> {
        if let Known::Medium(medium) = self.at_hand(hash) {
            return Ok(Some(medium));
        }
        let found = self.read(&self.statements().find, hash).await;
        match &found {
            Ok(Some(medium)) => self.0.at_hand.found(*hash, *medium),
            Ok(None) => self.0.at_hand.missed(*hash, Instant::now()),
            Err(_) => self.0.at_hand.forget_miss(hash),
        }
        found
    }

    pub(crate) fn at_hand(&self, hash: &PanHash) -> Known {
        self.0.at_hand.find(hash, Instant::now())
    }

    /// Finds many at once, in the order of the hashes.
    pub(crate) async fn find_all(
        &self,
        hashes: &[PanHash],
    ) -> Result<Vec<Option<Medium>>, MediaError> {
        let find = |hash: PanHash| {
            let media = self.clone();
            async move { media.find(&hash).await }
        };
        if let [hash] = hashes {
            return Ok(vec![find(*hash).await?]);
        }
        in_parallel(hashes.iter().map(|hash| find(*hash))).await
    }

    /// Brings media to hand: those that are not asks for, also if they were missed a moment ago.
    pub(crate) async fn fetch_all(&self, hashes: &[PanHash]) -> Result<(), MediaError> {
        let mut wanted: Vec<PanHash> = hashes.to_vec();
        wanted.retain(|hash| !self.0.at_hand.has_medium(hash));
        wanted.sort_unstable();
        wanted.dedup();
        let fetched = self.find_all(&wanted).await;
        if fetched.is_err() {
            // It is not known which of them are missing: no look-up may say that one is.
            wanted
                .iter()
                .for_each(|hash| self.0.at_hand.forget_miss(hash));
        }
        fetched.map(drop)
    }

    /// Adds media, and passes over those that are there already with the same content. Durable when
    /// this returns. Nothing is added when an entry contradicts what is there or another entry;
    /// after a failure, or when somebody else adds a contradicting one at the same moment, some may
    /// be there: add all of them again.
    ///
    /// # Errors
    /// [`MediaError::Changed`] and [`MediaError::NumberTaken`] refuse an entry;
    /// [`MediaError::Database`] when the database does not answer well.
    pub async fn add_media(&self, entries: &[RegisteredMedium]) -> Result<(), MediaError> {
        let new = self.new_ones(entries).await?;
        let add = |entry: RegisteredMedium| {
            let media = self.clone();
            async move { media.add(entry).await }
        };
        in_parallel(new.into_iter().map(add)).await.map(drop)
    }

    /// What of the entries is new; refuses what contradicts the database or another entry.
    async fn new_ones(
        &self,
        entries: &[RegisteredMedium],
    ) -> Result<Vec<RegisteredMedium>, MediaError> {
        let mut hashes: BTreeMap<PanHash, Medium> = BTreeMap::new();
        let mut numbers: BTreeMap<(CardId, u8), PanHash> = BTreeMap::new();
        for RegisteredMedium { hash, medium } in entries {
            if let Some(known) = hashes.insert(*hash, *medium) {
                same(&known, medium)?;
            }
            let (card, number) = (medium.card, medium.number);
            if numbers
                .insert((card, number), *hash)
                .is_some_and(|other| other != *hash)
            {
                return Err(MediaError::NumberTaken { card, number });
            }
        }
        let check = |(hash, medium): (&PanHash, &Medium)| {
            let (media, entry) = (
                self.clone(),
                RegisteredMedium {
                    hash: *hash,
                    medium: *medium,
                },
            );
            async move {
                media
                    .is_new(&entry)
                    .await
                    .map(|is_new| is_new.then_some(entry))
            }
        };
        let checked = in_parallel(hashes.iter().map(check)).await?;
        Ok(checked.into_iter().flatten().collect())
    }

    async fn is_new(&self, entry: &RegisteredMedium) -> Result<bool, MediaError> {
        if let Some(known) = self
            .read(&self.statements().find_serial, &entry.hash)
            .await?
        {
            same(&known, &entry.medium)?;
            return Ok(false);
        }
        match self.hash_of_number(&entry.medium).await.map_err(database)? {
            Some(hash) if hash != entry.hash => Err(taken(&entry.medium)),
            Some(_) | None => Ok(true),
        }
    }

    async fn add(
        &self,
        RegisteredMedium { hash, medium }: RegisteredMedium,
    ) -> Result<(), MediaError> {
        let (session, statements) = (self.session(), self.statements());
        let (card, number) = (medium.card.as_bytes().to_vec(), i32::from(medium.number));
        let hash_bytes = hash.as_bytes().to_vec();
        let values = (card.clone(), number, hash_bytes.clone());
        let read = || self.hash_of_number(&medium);
        match insert_once(session, &statements.insert_number, &values, read)
            .await
            .map_err(database)?
        {
            Once::Written => {}
            Once::There(other) if other == hash => {}
            Once::There(_) => return Err(taken(&medium)),
        }
        let values = (
            i32::from(medium.programme.0),
            bucket(medium.card),
            card,
            number,
            hash_bytes.clone(),
        );
        session
            .write(statements.insert_listing.clone(), values)
            .await
            .map_err(database)?;
        let values = (hash_bytes, encode(&hash, &medium));
        let read = || async { self.stored(&statements.find_serial, &hash).await };
        match insert_once(session, &statements.insert, &values, read)
            .await
            .map_err(database)?
        {
            Once::Written => Ok(()),
            Once::There(stored) => {
                let known = decode(&hash, &stored).ok_or(MediaError::Damaged("a medium"))?;
                same(&known, &medium)
            }
        }
    }

    async fn read(
        &self,
        statement: &PreparedStatement,
        hash: &PanHash,
    ) -> Result<Option<Medium>, MediaError> {
        let stored = self.stored(statement, hash).await.map_err(database)?;
        let medium =
            stored.map(|bytes| decode(hash, &bytes).ok_or(MediaError::Damaged("a medium")));
        medium.transpose()
    }

    async fn stored(
        &self,
        statement: &PreparedStatement,
        hash: &PanHash,
    ) -> Result<Option<Bytes>, Fault> {
        let rows = self
            .session()
            .read(statement, (&hash.as_bytes()[..],))
            .await?;
        let row = first_row::<(Option<Bytes>,)>(&rows)?;
        Ok(row.map(|(medium,)| medium.unwrap_or_default()))
    }

    async fn hash_of_number(&self, medium: &Medium) -> Result<Option<PanHash>, Fault> {
        let values = (&medium.card.as_bytes()[..], i32::from(medium.number));
        let rows = self
            .session()
            .read(&self.statements().number, values)
            .await?;
        let row = first_row::<(Option<Vec<u8>>,)>(&rows)?;
        row.map(|(hash,)| hash_of(&hash.unwrap_or_default()))
            .transpose()
    }
}

pub(crate) fn hash_of(bytes: &[u8]) -> Result<PanHash, Fault> {
    let bytes = <[u8; 16]>::try_from(bytes);
    let bytes = bytes
        .map_err(|_| Fault::Refused("a hash in a list of media was written by hand".to_owned()))?;
    Ok(PanHash::from_bytes(bytes))
}

pub(crate) fn database(fault: Fault) -> MediaError {
    MediaError::Database(fault.to_string())
}

fn same(known: &Medium, new: &Medium) -> Result<(), MediaError> {
    if known == new {
        return Ok(());
    }
    Err(MediaError::Changed {
        old: known.card,
        new: new.card,
    })
}

fn taken(medium: &Medium) -> MediaError {
    MediaError::NumberTaken {
        card: medium.card,
        number: medium.number,
    }
}

/// Runs requests, a bounded number at once, and gives their answers in order, or the first failure.
pub(crate) async fn in_parallel<T, F>(
    requests: impl Iterator<Item = F>,
) -> Result<Vec<T>, MediaError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, MediaError>> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut answers = BTreeMap::new();
    for (place, request) in requests.enumerate() {
        if running.len() >= REQUESTS_IN_FLIGHT_MAX {
            take_answer(&mut running, &mut answers).await?;
        }
        running.spawn(async move { (place, request.await) });
    }
    while !running.is_empty() {
        take_answer(&mut running, &mut answers).await?;
    }
    Ok(answers.into_values().collect())
}

async fn take_answer<T: 'static>(
    running: &mut JoinSet<(usize, Result<T, MediaError>)>,
    answers: &mut BTreeMap<usize, T>,
) -> Result<(), MediaError> {
    match running.join_next().await {
        Some(Ok((place, answer))) => {
            answers.insert(place, answer?);
            Ok(())
        }
        Some(Err(error)) => Err(MediaError::Database(error.to_string())),
        None => Ok(()),
    }
}
