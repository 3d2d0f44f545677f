//! One command against one card, with its fetches before and its write after: the same for a live
//! actor and for a recovery.

use bytes::Bytes;

use crate::context::PartitionContext;
use card::{
    Card, Command, Context, Decision, Entry, Need, Position, Recalled, Row, Timestamp, Written,
};
use card_store::{CardStore, CardWrite, JournalRow, KeyRow, StoreError, StoredCard, WriteError};

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

/// Decides, takes the decision into the card, and writes it. Nothing is released here.
///
/// A command at or below the card's applied position is not decided again (LOG-3): `None`.
pub(crate) async fn fold<S: CardStore>(
    store: &S,
    card: &mut Option<Card>,
    asked: Asked<'_>,
) -> Result<Option<Decision>, FoldError> {
    if card
        .as_ref()
        .is_some_and(|card| card.applied() >= asked.position)
    {
        return Ok(None);
    }
    let rules = asked.context.rules.as_deref().ok_or(FoldError::NoRules)?;
    let mut recalled = Recalled::default();
    if let Some(card) = card.as_ref() {
        prefetch(store, card, asked, &mut recalled).await?;
    }
    let context = Context {
        appended_at: asked.appended_at,
        position: asked.position,
        day: asked.context.day,
        frozen_through: asked.context.frozen_through,
        rules,
        recalled: &recalled,
    };
    let decision = card::decide(card.as_ref(), asked.command, &context);
    if let Some(written) = &decision.written {
        let evicted = card::apply(card, asked.command, written);
        let state = card.as_ref().expect("a written decision leaves a card");
        write(store, state, (written, &evicted)).await?;
    }
    Ok(Some(decision))
}

/// Fetches what the command refers to and the card has no longer at hand, until nothing is
/// missing. The card cannot change meanwhile: its actor is here.
async fn prefetch<S: CardStore>(
    store: &S,
    card: &Card,
    asked: Asked<'_>,
    recalled: &mut Recalled,
) -> Result<(), FoldError> {
    let rules = asked.context.rules.as_deref().ok_or(FoldError::NoRules)?;
    loop {
        let context = Context {
            appended_at: asked.appended_at,
            position: asked.position,
            day: asked.context.day,
            frozen_through: asked.context.frozen_through,
            rules,
            recalled,
        };
        let needs = card::needs(card, asked.command, &context);
        if needs.is_empty() {
            return Ok(());
        }
        for need in needs {
            let found = fetch(store, card.id(), need).await?;
            recalled.asked.push(need);
            recalled.entries.extend(found);
        }
    }
}

async fn fetch<S: CardStore>(
    store: &S,
    card: card::CardId,
    need: Need,
) -> Result<Option<Entry>, StoreError> {
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

/// STORE-1: state, row and evicted keys as one unit.
fn write_of(card: &Card, written: &Written, evicted: &[Entry]) -> CardWrite {
    let mut body = Vec::with_capacity(card.body_size_hint());
    card.encode(&mut body);
    assert!(
        body.len() <= card::BODY_SIZE_MAX,
        "OWN-4: a card's state is bounded"
    );
    CardWrite {
        card: card.id(),
        state: StoredCard {
            version: written.version,
            position: written.position,
            body: Bytes::from(body),
        },
        rows: vec![JournalRow {
            version: written.version,
            bytes: Bytes::from(written.row_bytes.clone()),
        }],
        keys: evicted.iter().map(key_row).collect(),
    }
}

fn key_row(entry: &Entry) -> KeyRow {
    KeyRow {
        key: entry.key,
        offset: entry.offset,
        bytes: Bytes::from(entry.to_bytes()),
    }
}

/// STORE-3: an unknown outcome is the same write again, until it is acknowledged. It is built
/// anew, from the same state, so it has the same bytes; most writes are made once and not copied.
async fn write<S: CardStore>(
    store: &S,
    card: &Card,
    (written, evicted): (&Written, &[Entry]),
) -> Result<(), WriteError> {
    loop {
        match store.write(write_of(card, written, evicted)).await {
            Err(WriteError::Unknown(_)) => tokio::task::yield_now().await,
            done => return done,
        }
    }
}

/// What a decision booked that was taken in before: read from the card's journal, so that the
/// control totals of a later fold are whole (LEDGER-2).
pub(crate) async fn row_at<S: CardStore>(
    store: &S,
    card: &Card,
    position: Position,
) -> Result<Option<Row>, StoreError> {
    let mut newest = card.version();
    loop {
        let rows = store.rows_back(card.id(), Some(newest), 32).await?;
        for row in &rows {
            let row = Row::decode(&row.bytes).map_err(|e| StoreError::Damaged(e.to_string()))?;
            if row.position == position {
                return Ok(Some(row));
            }
            if row.position.offset < position.offset {
                return Ok(None);
            }
        }
        match rows.last().and_then(|row| row.version.0.checked_sub(1)) {
            Some(older) if older > 0 => newest = card::Version(older),
            Some(_) | None => return Ok(None),
        }
    }
}
