//! The batch desk: a terminal tells its totals (0500), and when they differ its items (0320).
//!
//! Our own books win. What differs is listed for people; nothing is ever posted for an upload.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tracing::{error, info, warn};

use crate::listener::Listener;
use crate::pos::batch::{BatchTotals, UploadedItem, Verdict, parse_end, parse_items};
use crate::pos::read::place_of;
use crate::pos::tally::{Counted, Difference, Uploaded, counted, differences, totals};
use crate::refusal::Refusal;
use crate::response_code::ResponseCode;
use crate::settings::BatchSettlement;
use card::Place;
use card_store::BatchName;
use iso8583::{Message, MtiClass, PosF60};
use pan::Pan;

/// Items of payments that were just answered reach the book within a second: before that the book
/// may lack what the terminal lacks too, and be called balanced for it.
const BOOK_LAG: Duration = Duration::from_millis(1_500);
/// So often it is looked again before totals count as different.
const LOOKS: u32 = 3;
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Batches whose items are being uploaded, and items of one (OWN-4).
const UPLOADS_MAX: usize = 4_096;
const UPLOADED_ITEMS_MAX: usize = 2_000;

/// Network codes of data element 60.3.
const TOTALS_OR_ITEMS: u16 = 201;
const END_UNBALANCED: u16 = 202;
const END_BALANCED: u16 = 207;

/// Items that terminals have uploaded so far. Lost at a restart: the end then counts fewer than the
/// terminal sent, and asks for all of them again.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<HashMap<BatchName, Vec<UploadedItem>>>);

impl Uploads {
    fn add(&self, batch: BatchName, items: Vec<UploadedItem>) -> Result<(), Refusal> {
        let mut uploads = self.0.lock();
        if uploads.len() >= UPLOADS_MAX && !uploads.contains_key(&batch) {
            return Err(Refusal::Full);
        }
        let kept = uploads.entry(batch).or_default();
        if kept.len() + items.len() > UPLOADED_ITEMS_MAX {
            return Err(Refusal::Full);
        }
        for item in items {
            // A message that is sent again brings the same items.
            if !kept.contains(&item) {
                kept.push(item);
            }
        }
        Ok(())
    }

    fn take(&self, batch: BatchName) -> Vec<UploadedItem> {
        self.0.lock().remove(&batch).unwrap_or_default()
    }
}

/// What the batch desk answers: a code, and data element 48.
pub(crate) type DeskAnswer = (ResponseCode, Option<Vec<u8>>);

/// What came of a batch, as it is kept for people.
#[derive(Debug, Serialize)]
struct Record<'r> {
    settled_at_ms: i64,
    balanced: bool,
    told: Option<Sums>,
    ours: Sums,
    differences: &'r [Difference],
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Sums {
    debit_fen: u64,
    debit_count: u32,
    credit_fen: u64,
    credit_count: u32,
}

impl Sums {
    const fn of(totals: &BatchTotals) -> Self {
        Self {
            debit_fen: totals.debit.sum.minor(),
            debit_count: totals.debit.count,
            credit_fen: totals.credit.sum.minor(),
            credit_count: totals.credit.count,
        }
    }
}

impl Listener {
    /// Whether a message is for the batch desk.
    pub(crate) fn is_of_batch(message: &Message<'_>) -> bool {
        matches!(
            message.mti().class(),
            MtiClass::Reconciliation | MtiClass::FileAction
        )
    }

    /// Settles a batch, or takes a part of its items.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub(crate) async fn settle(&self, message: &Message<'_>) -> Result<DeskAnswer, Refusal> {
        if self.settings.batch_settlement == BatchSettlement::NotOffered {
            return Err(Refusal::NotSupported);
        }
        let place = place_of(message, self.settings.acquirer)?;
        self.shop(place)?;
        let custom = message.digits(60).ok_or(Refusal::Missing { number: 60 })?;
        let custom = PosF60::parse(&custom).map_err(|_| Refusal::Form { number: 60 })?;
        let place = Place {
            batch: custom.batch,
            ..place
        };
        let batch = BatchName::of(&place).ok_or(Refusal::Form { number: 60 })?;
        let private = message.field(48).ok_or(Refusal::Missing { number: 48 })?;
        let digits = private.long_digits().ok_or(Refusal::Form { number: 48 })?;
        match (message.mti().class(), custom.network_code) {
            (MtiClass::Reconciliation, TOTALS_OR_ITEMS) => self.compare(batch, &digits).await,
            (MtiClass::FileAction, TOTALS_OR_ITEMS) => {
                self.uploads.add(batch, parse_items(&digits)?)?;
                Ok((ResponseCode::APPROVED, Some(digits)))
            }
            (MtiClass::FileAction, END_UNBALANCED) => self.list(batch, parse_end(&digits)?).await,
            (MtiClass::FileAction, END_BALANCED) => {
                self.uploads.take(batch);
                Ok((ResponseCode::APPROVED, Some(digits)))
            }
            // Items with chip data, and whatever else.
            _ => Err(Refusal::NotSupported),
        }
    }

    /// Compares totals, and notes what came of it.
    async fn compare(&self, batch: BatchName, digits: &[u8]) -> Result<DeskAnswer, Refusal> {
        let told = BatchTotals::parse(digits)?;
        tokio::time::sleep(BOOK_LAG).await;
        let mut ours = totals(&self.counted(batch).await?);
        for _ in 1..LOOKS {
            if ours == told {
                break;
            }
            tokio::time::sleep(LOOK_PAUSE).await;
            ours = totals(&self.counted(batch).await?);
        }
        let balanced = ours == told;
        self.note(batch, Some(&told), &ours, &[]).await?;
        info!(terminal = %batch.terminal, batch = batch.batch, balanced, "batch settled");
        let verdict = match balanced {
            true => Verdict::Balanced,
            false => Verdict::NotBalanced,
        };
        let answer = BatchTotals::answer(digits, verdict);
        Ok((ResponseCode::APPROVED, Some(answer)))
    }

    /// Compares item by item once all are there, and notes the differences.
    async fn list(&self, batch: BatchName, count: u32) -> Result<DeskAnswer, Refusal> {
        let items = self.uploads.take(batch);
        if u32::try_from(items.len()).ok() != Some(count) {
            return Err(Refusal::UploadAgain);
        }
        tokio::time::sleep(BOOK_LAG).await;
        let counted = self.counted(batch).await?;
        let uploaded = self.find_cards(&items).await?;
        let found = differences(&uploaded, &counted);
        self.note(batch, None, &totals(&counted), &found).await?;
        if !found.is_empty() {
            warn!(
                terminal = %batch.terminal, batch = batch.batch, differences = found.len(),
                "batch differs from its terminal's; see `floatswitch batch show`"
            );
        }
        Ok((ResponseCode::APPROVED, None))
    }

    async fn counted(&self, batch: BatchName) -> Result<Vec<Counted>, Refusal> {
        let items = self.shared.directory.batches.items(batch).await;
        let items = items.map_err(|cause| {
            error!(%cause, "read the items of a batch");
            Refusal::NotAppended
        })?;
        Ok(counted(&items))
    }

    async fn find_cards(&self, items: &[UploadedItem]) -> Result<Vec<Uploaded>, Refusal> {
        let directory = &self.shared.directory;
        let pans: Vec<Option<Pan>> = items
            .iter()
            .map(|item| Pan::parse(&item.card_number).ok())
            .collect();
        let hashes: Vec<_> = pans
            .iter()
            .flatten()
            .map(|pan| directory.hash(pan))
            .collect();
        let unread = |cause| {
            error!(%cause, "find the cards of a batch");
            Refusal::NotAppended
        };
        directory.media.fetch(&hashes).await.map_err(unread)?;
        let mut uploaded = Vec::new();
        for (item, pan) in items.iter().zip(&pans) {
            let medium = pan.as_ref().map(|pan| directory.medium(pan)).transpose();
            let medium = medium.map_err(unread)?.flatten();
            uploaded.push(Uploaded {
                trace: item.trace,
                card: medium.map(|medium| medium.card),
                amount: item.amount,
            });
        }
        Ok(uploaded)
    }

    async fn note(
        &self,
        batch: BatchName,
        told: Option<&BatchTotals>,
        ours: &BatchTotals,
        differences: &[Difference],
    ) -> Result<(), Refusal> {
        let record = Record {
            settled_at_ms: (self.shared.clock)().0,
            balanced: told.map_or(differences.is_empty(), |told| told == ours),
            told: told.map(Sums::of),
            ours: Sums::of(ours),
            differences,
        };
        let bytes = serde_json::to_vec(&record).map_err(|cause| {
            error!(%cause, "write down what came of a batch");
            Refusal::NotAppended
        })?;
        let noted = self
            .shared
            .directory
            .batches
            .note(batch, Bytes::from(bytes));
        noted.await.map_err(|cause| {
            error!(%cause, "keep what came of a batch");
            Refusal::NotAppended
        })
    }
}
