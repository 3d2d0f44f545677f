//! Cards as the back office sees and steers them: found by number or id, shown, reported lost, found
//! again, given another medium.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::body::{LossBody, ReplaceBody, Which};
use crate::commands::{Asked, IdempotencyKey};
use crate::day::date;
use crate::exchanges::Exchanges;
use crate::refusal::Refusal;
use card::{Card, CardId, Kind, Outcome, Reply, Row, Timestamp};
use card_store::CardStore;
use command_log::{
    AppendError, CommandLog, NewRecord, PartitionGates, RecordKind, envelope, partition_of,
};
use pan::{Pan, PanHasher};
use registry::{MediaBook, MediaError, Medium, RegisteredMedium};

/// How long a caller waits for a decision.
const DECISION_PATIENCE: Duration = Duration::from_secs(10);

/// What cards are found and asked through.
pub(crate) struct Cards<L, S> {
    pub(crate) log: Arc<L>,
    pub(crate) store: Arc<S>,
    pub(crate) media: Arc<dyn MediaBook>,
    pub(crate) hasher: PanHasher,
    pub(crate) gates: Arc<PartitionGates>,
    pub(crate) exchanges: Arc<Exchanges>,
    pub(crate) clock: fn() -> Timestamp,
}

/// What a card decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedTold {
    /// `approved` or `declined`.
    pub outcome: String,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Whether the same request was decided before: then this is that answer.
    pub replayed: bool,
    /// The card's id.
    pub card: String,
    /// The number of the medium that was shown, or of the new one.
    pub medium: u8,
    /// Partition and offset of the record: from there on it is in effect.
    pub position: String,
    /// The decision's number on the card.
    pub version: Option<u32>,
    /// The settlement day.
    pub day: String,
    /// When it was decided, by the log's clock to the second, in milliseconds since 1970.
    pub decided_at_ms: i64,
    /// From the request's arrival to the decision, in milliseconds, rounded up.
    pub effect_ms: u64,
    /// The same in microseconds.
    pub effect_us: u64,
}

impl DecidedTold {
    /// Whether it was done.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.reason.is_none()
    }
}

/// Rows that are looked at to count postings.
const ROWS_COUNTED_MAX: usize = 4_096;

/// A card as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardTold {
    /// Its id.
    pub card: String,
    /// Its product.
    pub programme: u16,
    /// Since when it is reported lost, milliseconds since 1970.
    pub lost_at_ms: Option<i64>,
    /// How many decisions it has written.
    pub version: u32,
    /// Its balance, in fen.
    pub posted_fen: u64,
    /// What open holds keep of it.
    pub held_fen: u64,
    /// What voids have given back and is not clear yet.
    pub uncleared_fen: u64,
    /// What may be spent.
    pub available_fen: u64,
    /// How many decisions have moved money since it was issued; the youngest 4096 are looked at.
    pub posting_count: u32,
    /// Its media, by number.
    pub media: Vec<MediumTold>,
}

/// A medium as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediumTold {
    /// Its number on the card, 0 the first.
    pub medium: u8,
    /// First six and last four digits.
    pub number: String,
    /// Its last month of validity as YYMM.
    pub expiry: Option<String>,
}

impl<L: CommandLog, S: CardStore> Cards<L, S> {
    pub(crate) async fn loss(
        &self,
        body: &LossBody,
        key: &IdempotencyKey,
        received_at: Instant,
    ) -> Result<DecidedTold, Refusal> {
        let found = self.find(&body.which()?).await?;
        let told = self.ask(found, Asked::Loss(body.form.into()), key, received_at);
        let told = told.await?;
        if told.is_approved() && !told.replayed {
            crate::metric_names::loss_in_effect(Duration::from_micros(told.effect_us));
        }
        Ok(told)
    }

    pub(crate) async fn unfreeze(
        &self,
        which: &Which,
        key: &IdempotencyKey,
        received_at: Instant,
    ) -> Result<DecidedTold, Refusal> {
        let found = self.find(which).await?;
        self.ask(found, Asked::Unfreeze, key, received_at).await
    }

    /// The new medium is registered before the card hears of it: a payment with it must find its
    /// card from the moment that the card takes it.
    pub(crate) async fn replace(
        &self,
        body: &ReplaceBody,
        key: &IdempotencyKey,
        received_at: Instant,
    ) -> Result<DecidedTold, Refusal> {
        let (card, medium) = self.find(&body.which()?).await?;
        let pan = body.new_number.pan()?;
        let new = self.register(card, &pan, body).await?;
        let asked = Asked::Replace(new, body.reason.into());
        let told = self.ask((card, medium), asked, key, received_at).await?;
        Ok(DecidedTold {
            medium: new,
            ..told
        })
    }

    pub(crate) async fn show(&self, which: &Which) -> Result<CardTold, Refusal> {
        let (id, _) = self.find(which).await?;
        let stored = self.store.load(id).await.map_err(|error| match error {
            card_store::StoreError::Unavailable(reason) => Refusal::unavailable(reason),
            card_store::StoreError::Damaged(what) => Refusal::new(500, "damaged", what),
        })?;
        let stored = stored.ok_or_else(no_card)?;
        let card = Card::decode(&stored.body);
        let card = card.map_err(|error| Refusal::new(500, "damaged", error.to_string()))?;
        let media = self.media.media_of(id).await.map_err(media_failed)?;
        let posting_count = self.posting_count(id).await?;
        Ok(card_told(&card, &media, posting_count, (self.clock)()))
    }

    /// Rows of the card's journal that moved money, without its issue.
    async fn posting_count(&self, id: CardId) -> Result<u32, Refusal> {
        let rows = self.store.rows_back(id, None, ROWS_COUNTED_MAX).await;
        let rows = rows.map_err(|error| Refusal::unavailable(error.to_string()))?;
        let mut count = 0;
        for row in rows {
            let row = Row::decode(&row.bytes)
                .map_err(|error| Refusal::new(500, "damaged", error.to_string()))?;
            count += u32::from(row.ledger.is_some() && row.kind != Kind::Issue);
        }
        Ok(count)
    }

    /// The card, and the number of the medium that names it.
    async fn find(&self, which: &Which) -> Result<(CardId, u8), Refusal> {
        match which {
            Which::Card(id) => Ok((*id, 0)),
            Which::Number(pan) => {
                let medium = self.medium(pan).await?.ok_or_else(no_card)?;
                Ok((medium.card, medium.number))
            }
        }
    }

    async fn medium(&self, pan: &Pan) -> Result<Option<Medium>, Refusal> {
        let hash = self.hasher.hash(pan);
        let fetched = self.media.fetch(std::slice::from_ref(&hash)).await;
        fetched.map_err(media_failed)?;
        self.media.find_medium(&hash).map_err(media_failed)
    }

    /// Puts the new medium into the register, and tells its number on the card. The same number
    /// again gets the same place.
    async fn register(&self, card: CardId, pan: &Pan, body: &ReplaceBody) -> Result<u8, Refusal> {
        if let Some(known) = self.medium(pan).await? {
            return match known.card == card {
                true => Ok(known.number),
                false => Err(Refusal::new(
                    409,
                    "number_taken",
                    "the new number belongs to another card: take a number that was never used",
                )),
            };
        }
        let media = self.media.media_of(card).await.map_err(media_failed)?;
        let last = media.last().ok_or_else(no_card)?.medium;
        let number = last.number.checked_add(1).ok_or_else(|| {
            Refusal::new(
                409,
                "too_many_media",
                "the card has 256 media: issue another card",
            )
        })?;
        let entry = RegisteredMedium {
            hash: self.hasher.hash(pan),
            medium: Medium {
                card,
                number,
                bin: digits(pan.bin6()),
                last_four: digits(pan.last_four()),
                programme: last.programme,
                expiry: body.expiry()?.or(last.expiry),
            },
        };
        let added = self.media.add_media(std::slice::from_ref(&entry)).await;
        added.map_err(media_failed)?;
        Ok(number)
    }

    /// Appends a command and waits for its decision.
    async fn ask(
        &self,
        (card, medium): (CardId, u8),
        asked: Asked,
        key: &IdempotencyKey,
        received_at: Instant,
    ) -> Result<DecidedTold, Refusal> {
        let partition = partition_of(card, self.log.log_id().partition_count);
        if !self.gates.is_open(partition) {
            return Err(Refusal::unavailable(
                "the card's partition is stopped, nothing was done: see its alarm, and repeat this",
            ));
        }
        let mut waiting = self.exchanges.open().ok_or_else(|| {
            Refusal::unavailable(
                "too many requests wait for a decision, nothing was done: repeat it",
            )
        })?;
        let command = asked.command((card, medium), key, waiting.reply_to);
        let record = NewRecord {
            partition,
            kind: RecordKind::Command,
            payload: envelope::encode_command(&command),
            trace: None,
        };
        match self.log.submit(vec![record]) {
            Ok(()) => {}
            Err(AppendError::NotAppended(reason)) => {
                let message = format!("{reason}, nothing was done: repeat it");
                return Err(Refusal::unavailable(message));
            }
            Err(AppendError::Unknown(_)) => return Err(fate_unknown()),
        }
        let reply = tokio::time::timeout(DECISION_PATIENCE, waiting.reply()).await;
        match reply {
            Ok(Some(reply)) => Ok(decided(card, medium, &reply, received_at.elapsed())),
            Ok(None) | Err(_) => Err(fate_unknown()),
        }
    }
}

/// Appended, or perhaps, and not answered.
fn fate_unknown() -> Refusal {
    Refusal::new(
        504,
        "fate_unknown",
        "no decision came in time, it may come yet: repeat this with the same Idempotency-Key, which \
         does it once",
    )
}

fn no_card() -> Refusal {
    Refusal::new(404, "no_card", "there is no such card")
}

fn media_failed(error: MediaError) -> Refusal {
    let message = error.to_string();
    match error {
        MediaError::NumberTaken { .. } | MediaError::Changed { .. } => {
            Refusal::new(409, "media_changed", format!("{message}; repeat it"))
        }
        MediaError::Database(_) | MediaError::Folder { .. } => Refusal::unavailable(message),
        MediaError::AlreadyThere(_)
        | MediaError::NotThere(_)
        | MediaError::OtherKey(_)
        | MediaError::Incomplete(_)
        | MediaError::Format { .. }
        | MediaError::Damaged(_) => Refusal::new(500, "damaged", message),
    }
}

fn decided(card: CardId, medium: u8, reply: &Reply, took: Duration) -> DecidedTold {
    let reason = match reply.outcome {
        Outcome::Declined(reason) => Some(reason.text().to_owned()),
        Outcome::Approved | Outcome::AcceptedUnseen | Outcome::AcceptedAfterRefusal => None,
    };
    let outcome = if reason.is_none() {
        "approved"
    } else {
        "declined"
    };
    let effect_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    DecidedTold {
        outcome: outcome.to_owned(),
        reason,
        replayed: reply.replayed,
        card: card.to_string(),
        medium,
        position: reply.position.to_string(),
        version: reply.version.map(|version| version.0),
        day: date(reply.day),
        decided_at_ms: reply.decided_at.0,
        effect_ms: effect_us.div_ceil(1_000),
        effect_us,
    }
}

fn card_told(
    card: &Card,
    media: &[RegisteredMedium],
    posting_count: u32,
    now: Timestamp,
) -> CardTold {
    let media = media.iter().map(|one| {
        let text = |digits: &[u8]| String::from_utf8_lossy(digits).into_owned();
        let medium = &one.medium;
        MediumTold {
            medium: medium.number,
            number: format!("{}******{}", text(&medium.bin), text(&medium.last_four)),
            expiry: medium.expiry.map(|expiry| text(&expiry.to_digits())),
        }
    });
    CardTold {
        card: card.id().to_string(),
        programme: card.programme().0,
        lost_at_ms: card
            .is_lost(now)
            .then(|| card.loss())
            .flatten()
            .map(|loss| loss.since.0),
        version: card.version().0,
        posted_fen: card.posted().minor(),
        held_fen: card.held(now).minor(),
        uncleared_fen: card.uncleared(now).minor(),
        available_fen: card.available(now).minor(),
        posting_count,
        media: media.collect(),
    }
}

/// What [`Pan`] says has so many digits.
fn digits<const N: usize>(text: &str) -> [u8; N] {
    text.as_bytes().first_chunk().copied().unwrap_or([b'0'; N])
}
