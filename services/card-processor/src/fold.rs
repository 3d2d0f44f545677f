//! One command against one card, with its fetches before and its write after: the same for a live
//! actor and for a recovery.

use std::collections::HashMap;

use bytes::Bytes;

use crate::context::PartitionContext;
use card::{
    Card, Command, Context, Decision, Entry, Need, Position, Recalled, Row, Rules, Timestamp,
    Version, Written,
};
use card_store::{CardStore, CardWrite, JournalRow, KeyRow, StoreError, StoredCard, WriteError};
use mutants::{Mutant, broken, note, noted};

/// Journal rows read in one go.
const ROWS_PER_PAGE: usize = 64;

/// A command with all that its decision depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) command: &'a Command,
    pub(crate) position: Position,
    pub(crate) appended_at: Timestamp,
    pub(crate) context: &'a PartitionContext,
}

/// Why a command cannot be folded here and now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    #[error("no rules are in force")]
    NoRules,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Reads a card's state.
pub(crate) async fn load<S: CardStore>(
    store: &S,
    card: card::CardId,
) -> Result<Option<Card>, StoreError> {
    let Some(stored) = store.load(card).await? else {
        return Ok(None);
    };
    let state =
        Card::decode(&stored.body).map_err(|error| StoreError::Damaged(error.to_string()))?;
    if state.id() != card || state.version() != stored.version {
        return Err(StoreError::Damaged(
            "state belongs to another card or version".to_owned(),
        ));
    }
    Ok(Some(state))
}

/// What the decisions of one card leave to be written together: the group commit of a hot card
/// (STORE-2). The card itself is ahead of the store until [`Unwritten::write`] returns.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    rows: Vec<JournalRow>,
    evicted: Vec<Entry>,
    last: Option<(Version, Position)>,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) enum Folded {
    /// Decided now; what it wrote is in [`Unwritten`].
    Decided(Box<Decision>),
    /// At or below the card's applied position: not decided again (LOG-3).
    Before,
}

impl Unwritten {
    /// Decides and takes the decision into the card, in memory. Nothing is written here.
    pub(crate) async fn fold<S: CardStore>(
        &mut self,
        store: &S,
        card: &mut Option<Card>,
        asked: Asked<'_>,
    ) -> Result<Folded, FoldError> {
        let is_applied = |card: &Card| card.applied() >= asked.position; // LOG-3
        if card.as_ref().is_some_and(is_applied) && !broken(Mutant::AppliedDecidedAgain) {
            return Ok(Folded::Before);
        }
        let decision = self.decide(store, card.as_ref(), asked).await?;
        if decision.written.is_none() && broken(Mutant::InquiryMovesTime) {
            let moved_to = asked.appended_at.0.to_be_bytes();
            note(asked.command.card.as_bytes(), &moved_to);
        }
        if let Some(written) = &decision.written {
            let evicted = card::apply(card, asked.command, written);
            self.take(written, evicted);
        }
        Ok(Folded::Decided(Box::new(decision)))
    }

    /// The reply that a command got before, for whoever still waits for it (LOG-3). Its own key
    /// finds it, as it would find that of a duplicate. Nothing changes.
    pub(crate) async fn reply_again<S: CardStore>(
        &self,
        store: &S,
        card: Option<&Card>,
        asked: Asked<'_>,
    ) -> Result<Option<Decision>, FoldError> {
        let decision = self.decide(store, card, asked).await?;
        if decision.written.is_some() {
            tracing::error!(position = %asked.position, "stored reply of a command is not there");
            return Ok(None);
        }
        Ok(Some(decision))
    }

    async fn decide<S: CardStore>(
        &self,
        store: &S,
        card: Option<&Card>,
        asked: Asked<'_>,
    ) -> Result<Decision, FoldError> {
        let rules = asked.context.rules.as_deref().ok_or(FoldError::NoRules)?;
        let mut recalled = Recalled::default();
        if let Some(card) = card {
            self.prefetch(store, card, asked, &mut recalled).await?;
        }
        Ok(card::decide(
            card,
            asked.command,
            &context(asked, rules, &recalled),
        ))
    }

    /// Fetches what the command refers to and the card has no longer at hand, until nothing is
    /// missing. The card cannot change meanwhile: its actor is here.
    async fn prefetch<S: CardStore>(
        &self,
        store: &S,
        card: &Card,
        asked: Asked<'_>,
        recalled: &mut Recalled,
    ) -> Result<(), FoldError> {
        let rules = asked.context.rules.as_deref().ok_or(FoldError::NoRules)?;
        loop {
            let needs = card::needs(card, asked.command, &context(asked, rules, recalled));
            if needs.is_empty() {
                return Ok(());
            }
            for need in needs {
                let found = match self.find(need) {
                    Some(found) => Some(found),
                    None => fetch(store, card.id(), need).await?,
                };
                recalled.asked.push(need);
                recalled.entries.extend(found);
            }
        }
    }

    /// What left the ring since the last write is not in the store yet. The youngest wins.
    fn find(&self, need: Need) -> Option<Entry> {
        if broken(Mutant::UnwrittenNotLookedAt) {
            return None;
        }
        let is_it = |entry: &&Entry| match need {
            Need::Key(key) => entry.key == key,
            Need::Offset(offset) => entry.offset == offset,
            Need::Version(version) => entry.version == version,
        };
        self.evicted.iter().rfind(is_it).cloned()
    }

    fn take(&mut self, written: &Written, evicted: impl IntoIterator<Item = Entry>) {
        self.rows.push(JournalRow {
            version: written.version,
            bytes: Bytes::from(written.row_bytes.clone()),
        });
        self.evicted.extend(evicted);
        self.last = Some((written.version, written.position));
    }

    /// Writes what was folded as one unit and forgets it.
    ///
    /// STORE-3: an unknown outcome is the same write again, until it is acknowledged or the store
    /// says that it is no longer ours. It is built anew, from the same state, so it has the same
    /// bytes; most writes are made once and not copied.
    pub(crate) async fn write<S: CardStore>(
        &mut self,
        store: &S,
        card: Option<&Card>,
    ) -> Result<(), WriteError> {
        let (Some(card), Some(last)) = (card, self.last) else {
            return Ok(());
        };
        loop {
            match store.write(self.unit(card, last)).await {
                Err(WriteError::Unknown(_)) if broken(Mutant::UnknownTakenAsDone) => break,
                Err(WriteError::Unknown(_)) => tokio::task::yield_now().await,
                Err(stopped) => return Err(stopped),
                Ok(()) => break,
            }
        }
        *self = Self::default();
        Ok(())
    }

    /// STORE-1: state, rows and evicted keys as one unit.
    fn unit(&self, card: &Card, (version, position): (Version, Position)) -> CardWrite {
        let mut body = Vec::with_capacity(card.body_size_hint());
        card.encode(&mut body);
        assert!(
            body.len() <= card::BODY_SIZE_MAX,
            "OWN-4: a card's state is bounded"
        );
        CardWrite {
            card: card.id(),
            state: StoredCard {
                version,
                position,
                body: Bytes::from(body),
            },
            rows: self.rows.clone(),
            keys: match broken(Mutant::KeyRowNotWritten) {
                true => Vec::new(),
                false => self.evicted.iter().map(key_row).collect(), // STORE-6
            },
        }
    }
}

fn context<'a>(asked: Asked<'a>, rules: &'a Rules, recalled: &'a Recalled) -> Context<'a> {
    Context {
        appended_at: match broken(Mutant::InquiryMovesTime) {
            true => asked.appended_at.max(moved_to(asked.command)),
            false => asked.appended_at,
        },
        position: asked.position,
        day: asked.context.day,
        frozen_through: asked.context.frozen_through,
        rules,
        recalled,
    }
}

/// For a mutant only: the time that an inquiry was asked at.
fn moved_to(command: &Command) -> Timestamp {
    let noted = noted(command.card.as_bytes()).and_then(|bytes| bytes.try_into().ok());
    noted.map_or(Timestamp(0), |bytes| Timestamp(i64::from_be_bytes(bytes)))
}

/// For a mutant only: another card.
fn other_card(card: card::CardId) -> card::CardId {
    let mut bytes = *card.as_bytes();
    bytes[15] ^= 1;
    card::CardId::from_bytes(bytes)
}

async fn fetch<S: CardStore>(
    store: &S,
    card: card::CardId,
    need: Need,
) -> Result<Option<Entry>, StoreError> {
    let card = match broken(Mutant::DuplicateByOtherCard) {
        true => other_card(card),
        false => card,
    };
    let bytes = match need {
        Need::Key(key) => store.find_key(card, key).await?,
        Need::Offset(offset) => store.find_offset(card, offset).await?,
        Need::Version(version) => {
            let rows = store.rows_back(card, Some(version), 1).await?;
            let Some(row) = rows.first().filter(|row| row.version == version) else {
                return Ok(None);
            };
            let row = Row::decode(&row.bytes).map_err(|e| StoreError::Damaged(e.to_string()))?;
            store.find_offset(card, row.position.offset).await?
        }
    };
    let entry = bytes.map(|bytes| Entry::from_bytes(&bytes)).transpose();
    entry.map_err(|error| StoreError::Damaged(error.to_string()))
}

fn key_row(entry: &Entry) -> KeyRow {
    KeyRow {
        key: entry.key,
        offset: entry.offset,
        bytes: Bytes::from(entry.to_bytes()),
    }
}

/// Journal rows of a card from a place on, read once: what decisions booked that were taken in
/// before, so that the control totals of a later fold are whole (LEDGER-2).
#[derive(Debug, Default)]
pub(crate) struct RowsBefore {
    by_offset: HashMap<u64, Row>,
    /// Every row of this offset or a higher one is here.
    from: Option<u64>,
}

impl RowsBefore {
    /// The row that the record at this position led to, if it wrote one.
    pub(crate) async fn at<S: CardStore>(
        &mut self,
        store: &S,
        card: &Card,
        position: Position,
    ) -> Result<Option<&Row>, StoreError> {
        if self.from.is_none_or(|from| position.offset < from) {
            self.read(store, card, position.offset).await?;
        }
        Ok(self.by_offset.get(&position.offset))
    }

    async fn read<S: CardStore>(
        &mut self,
        store: &S,
        card: &Card,
        from: u64,
    ) -> Result<(), StoreError> {
        let mut newest = card.version();
        loop {
            let rows = store
                .rows_back(card.id(), Some(newest), ROWS_PER_PAGE)
                .await?;
            let mut oldest = None;
            for row in &rows {
                let row =
                    Row::decode(&row.bytes).map_err(|e| StoreError::Damaged(e.to_string()))?;
                oldest = Some((row.version, row.position.offset));
                self.by_offset.insert(row.position.offset, row);
            }
            match oldest {
                Some((Version(version), offset)) if offset >= from && version > 1 => {
                    newest = Version(version - 1);
                }
                Some(_) | None => break,
            }
        }
        self.from = Some(from);
        Ok(())
    }
}
