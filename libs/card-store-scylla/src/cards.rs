//! Reading cards at quorum, whoever owns them.

use bytes::Bytes;
use scylla::statement::prepared::PreparedStatement;

use crate::columns::{all_rows, first_row};
use crate::fault::Fault;
use crate::metric_names::{CARD_LOADS_TOTAL, LABEL_SOURCE, STATES_DAMAGED_TOTAL};
use crate::mutation::RowKind;
use crate::session::{CqlSession, Preparing};
use crate::stamp::{Epoch, Term};
use crate::state::{self, OwnedState};
use card::{CardId, LegKey, Version};
use card_store::{CardWrite, JournalRow, KeyName, NamedKey, StoreError};

/// The prepared statements of the table `cards`.
#[derive(Debug)]
pub(crate) struct CardStatements {
    /// Values: card, kind, key, data, state or unset. The stamp comes with the batch.
    pub(crate) insert_row: PreparedStatement,
    load: PreparedStatement,
    find: PreparedStatement,
    rows_back: PreparedStatement,
    keys_after: PreparedStatement,
    first_cards: PreparedStatement,
    cards_from: PreparedStatement,
}

impl CardStatements {
    pub(crate) async fn prepare(preparing: &Preparing<'_>) -> Result<Self, Fault> {
        let prepare = |cql| preparing.statement(cql);
        Ok(Self {
            insert_row: prepare(
                "INSERT INTO {keyspace}.cards (card, kind, key, data, state) VALUES (?, ?, ?, ?, ?)",
            )
            .await?,
            load: prepare(
                "SELECT kind, key, state, WRITETIME(state) FROM {keyspace}.cards WHERE card = ? LIMIT 1",
            )
            .await?,
            find: prepare(
                "SELECT data FROM {keyspace}.cards WHERE card = ? AND kind = ? AND key = ?",
            )
            .await?,
            rows_back: prepare(
                "SELECT key, data FROM {keyspace}.cards \
                 WHERE card = ? AND kind = 1 AND key <= ? LIMIT ?",
            )
            .await?,
            keys_after: prepare(
                "SELECT key, data FROM {keyspace}.cards WHERE card = ? AND kind = ? AND key > ? \
                 ORDER BY kind DESC, key ASC LIMIT ?",
            )
            .await?,
            first_cards: prepare("SELECT DISTINCT card FROM {keyspace}.cards LIMIT ?").await?,
            cards_from: prepare(
                "SELECT DISTINCT card FROM {keyspace}.cards WHERE token(card) >= token(?) LIMIT ?",
            )
            .await?,
        })
    }
}

/// A state with what was read beside it.
#[derive(Debug)]
pub struct Found {
    pub(crate) state: OwnedState,
    /// The newest journal row that is there.
    pub(crate) newest_row: Option<Version>,
}

impl Found {
    /// Reads a stored state and checks that it is what a write of the switch left (STORE-5).
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is anything else.
    pub fn genuine(
        card: CardId,
        (state, written_at): (Option<Bytes>, Option<i64>),
        newest_row: Option<Version>,
    ) -> Result<Self, StoreError> {
        let state = genuine(card, state, written_at)?;
        Ok(Self { state, newest_row })
    }

    /// Who wrote it.
    #[must_use]
    pub const fn rank(&self) -> (Term, Epoch) {
        (self.state.term, self.state.epoch)
    }

    /// The last write of the card, as its owner was given it.
    #[must_use]
    pub const fn write(&self) -> &CardWrite {
        &self.state.write
    }
}

/// The cards of the keyspace.
#[derive(Debug, Clone)]
pub(crate) struct Cards {
    pub(crate) session: CqlSession,
}

impl Cards {
    /// Reads a state and checks that it is what a write of the switch left (STORE-5).
    pub(crate) async fn load(&self, card: CardId) -> Result<Option<Found>, StoreError> {
        let statement = &self.session.cards().load;
        let rows = self
            .session
            .read(statement, (&card.as_bytes()[..],))
            .await
            .map_err(unavailable)?;
        type Columns = (Option<i8>, Option<Vec<u8>>, Option<Bytes>, Option<i64>);
        let row = first_row::<Columns>(&rows).map_err(unavailable)?;
        let Some((kind, key, state, written_at)) = row else {
            metrics::counter!(CARD_LOADS_TOTAL, LABEL_SOURCE => "none").increment(1);
            return Ok(None);
        };
        metrics::counter!(CARD_LOADS_TOTAL, LABEL_SOURCE => "disk").increment(1);
        let state = genuine(card, state, written_at).inspect_err(|_| {
            metrics::counter!(STATES_DAMAGED_TOTAL).increment(1);
        })?;
        let newest_row = key.filter(|_| kind == Some(RowKind::Journal.number()));
        let newest_row = newest_row.map(|key| version_of(&key)).transpose()?;
        Ok(Some(Found { state, newest_row }))
    }

    pub(crate) async fn find_key(
        &self,
        card: CardId,
        key: LegKey,
    ) -> Result<Option<Bytes>, StoreError> {
        self.find(card, RowKind::Key, &key.0).await
    }

    pub(crate) async fn find_offset(
        &self,
        card: CardId,
        offset: u64,
    ) -> Result<Option<Bytes>, StoreError> {
        self.find(card, RowKind::Offset, &offset.to_be_bytes())
            .await
    }

    async fn find(
        &self,
        card: CardId,
        kind: RowKind,
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        let statement = &self.session.cards().find;
        let values = (&card.as_bytes()[..], kind.number(), key);
        let rows = self
            .session
            .read(statement, values)
            .await
            .map_err(unavailable)?;
        let row = first_row::<(Option<Bytes>,)>(&rows).map_err(unavailable)?;
        row.map(|(data,)| data.ok_or_else(empty_key)).transpose()
    }

    pub(crate) async fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let newest = newest.unwrap_or(Version(u32::MAX)).0.to_be_bytes();
        let values = (&card.as_bytes()[..], &newest[..], limit(max));
        let statement = &self.session.cards().rows_back;
        let rows = self
            .session
            .read(statement, values)
            .await
            .map_err(unavailable)?;
        let rows = all_rows::<(Vec<u8>, Option<Bytes>)>(&rows).map_err(unavailable)?;
        let rows = rows.into_iter().map(|(key, data)| {
            let bytes =
                data.ok_or_else(|| StoreError::Damaged("a journal row is empty".to_owned()))?;
            Ok(JournalRow {
                version: version_of(&key)?,
                bytes,
            })
        });
        rows.collect()
    }

    pub(crate) async fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> Result<Vec<NamedKey>, StoreError> {
        let mut found = Vec::new();
        // Every key is greater than no bytes at all.
        let (after_key, after_offset) = match after {
            None => (Some(Vec::new()), Vec::new()),
            Some(KeyName::Key(key)) => (Some(key.0.to_vec()), Vec::new()),
            Some(KeyName::Offset(offset)) => (None, offset.to_be_bytes().to_vec()),
        };
        if let Some(after) = after_key {
            for (key, bytes) in self.names(card, RowKind::Key, &after, max).await? {
                let name = KeyName::Key(LegKey(exactly(&key)?));
                found.push(NamedKey { name, bytes });
            }
        }
        let max = max.saturating_sub(found.len());
        for (key, bytes) in self
            .names(card, RowKind::Offset, &after_offset, max)
            .await?
        {
            let name = KeyName::Offset(u64::from_be_bytes(exactly(&key)?));
            found.push(NamedKey { name, bytes });
        }
        Ok(found)
    }

    /// The rows of one kind with a greater key, in rising order.
    async fn names(
        &self,
        card: CardId,
        kind: RowKind,
        after: &[u8],
        max: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let values = (&card.as_bytes()[..], kind.number(), after, limit(max));
        let statement = &self.session.cards().keys_after;
        let rows = self
            .session
            .read(statement, values)
            .await
            .map_err(unavailable)?;
        let rows = all_rows::<(Vec<u8>, Option<Bytes>)>(&rows).map_err(unavailable)?;
        let rows = rows
            .into_iter()
            .map(|(key, data)| Ok((key, data.ok_or_else(empty_key)?)));
        rows.collect()
    }

    /// In the order of the ring: token, then id. One more than asked for is read, and what comes
    /// before `after` at its own token is passed over, so that two cards of one token are both
    /// listed.
    pub(crate) async fn cards_after(
        &self,
        after: Option<CardId>,
        max: usize,
    ) -> Result<Vec<CardId>, StoreError> {
        /// No ring has more cards of one token than a page is longer than asked for.
        const CARDS_PER_TOKEN_MAX: usize = 8;
        if max == 0 {
            return Ok(Vec::new());
        }
        let (session, statements) = (&self.session, self.session.cards());
        let rows = match after {
            None => session.read(&statements.first_cards, (limit(max),)).await,
            Some(after) => {
                let values = (
                    &after.as_bytes()[..],
                    limit(max.saturating_add(CARDS_PER_TOKEN_MAX)),
                );
                session.read(&statements.cards_from, values).await
            }
        };
        let rows = rows.map_err(unavailable)?;
        let mut cards = Vec::new();
        for (card,) in all_rows::<(Vec<u8>,)>(&rows).map_err(unavailable)? {
            let bytes = <[u8; 16]>::try_from(&*card)
                .map_err(|_| StoreError::Damaged("a card id has not 16 bytes".to_owned()))?;
            cards.push(CardId::from_bytes(bytes));
        }
        if let Some(place) = cards.iter().position(|card| Some(*card) == after) {
            cards.drain(..=place);
        }
        cards.truncate(max);
        Ok(cards)
    }
}

/// STORE-5: the database's own time of writing must be the stamp that the header says.
fn genuine(
    card: CardId,
    state: Option<Bytes>,
    written_at: Option<i64>,
) -> Result<OwnedState, StoreError> {
    let Some(bytes) = state else {
        let text = "the state was deleted by hand; restore it from the log";
        return Err(StoreError::Damaged(text.to_owned()));
    };
    let state =
        state::decode(card, bytes).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let stamp = state
        .stamp()
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    if written_at != Some(stamp.as_micros()) {
        return Err(StoreError::Damaged(format!(
            "state was written by hand: version {} is stamped {}, not {}",
            state.write.state.version,
            written_at.unwrap_or_default(),
            stamp.as_micros(),
        )));
    }
    Ok(state)
}

pub(crate) fn unavailable(fault: Fault) -> StoreError {
    StoreError::Unavailable(fault.to_string())
}

fn version_of(key: &[u8]) -> Result<Version, StoreError> {
    Ok(Version(u32::from_be_bytes(exactly(key)?)))
}

fn exactly<const N: usize>(key: &[u8]) -> Result<[u8; N], StoreError> {
    key.try_into()
        .map_err(|_| StoreError::Damaged("a row's key has another size".to_owned()))
}

fn empty_key() -> StoreError {
    StoreError::Damaged("an old key is empty".to_owned())
}

fn limit(max: usize) -> i32 {
    i32::try_from(max).unwrap_or(i32::MAX)
}
