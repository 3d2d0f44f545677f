//! The reconciliation of a settlement day (0500 asks, 0520 tells): an institution says what the day
//! came to, and is told whether our books agree.
//!
//! Our own books win. What differs is listed for people; nothing is ever posted for it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tracing::{error, info, warn};

use crate::answer::CURRENCY;
use crate::batch_book::DayProgress;
use crate::calendar::{day_of_date_with_year, day_of_settlement_date};
use crate::interbank::day_totals::{DayTotals, LineDifference, Lines, booked};
use crate::listener::Listener;
use crate::refusal::Refusal;
use crate::settings::DayReconciliation;
use crate::speech::Tongue;
use card::calendar::{Civil, day_of_date};
use card::{AcquirerId, Day, PartitionId, Timestamp};
use card_store::BatchName;
use iso8583::{Message, MtiClass};

/// Items of payments that were just answered reach the book within a second.
const BOOK_LAG: Duration = Duration::from_millis(1_500);
/// So often it is looked again before totals count as different.
const LOOKS: u32 = 3;
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Data element 50.
const SETTLEMENT_CURRENCY: u8 = 50;

/// What a reconciliation is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// What our books have.
    pub(crate) ours: Lines,
    pub(crate) agreement: Agreement,
}

/// Whether both sides say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// 1 in data element 66, 500 in the 1993 version's 39.
    InBalance,
    /// 2, and 501.
    OutOfBalance,
}

/// What came of it, for people.
struct Outcome<'o> {
    progress: DayProgress,
    told: &'o Lines,
    ours: &'o Lines,
    differences: &'o [LineDifference],
}

impl Listener {
    /// Whether a message of an institution tells what a day came to.
    pub(crate) fn is_reconciliation(message: &Message<'_>) -> bool {
        message.mti().class() == MtiClass::Reconciliation
    }

    /// Takes what an institution says of a day: that it was cut over to, or what it came to.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub(crate) async fn say_of_day(
        &self,
        message: &Message<'_>,
        tongue: Tongue,
    ) -> Result<Option<Reconciled>, Refusal> {
        let _turn = self.days_at_once.try_acquire().map_err(|_| Refusal::Full)?;
        if Self::is_reconciliation(message) {
            return self.reconcile(message, tongue).await.map(Some);
        }
        self.cut_over(message, tongue).await.map(|()| None)
    }

    /// Compares an institution's day with our books, and notes what came of it.
    async fn reconcile(
        &self,
        message: &Message<'_>,
        tongue: Tongue,
    ) -> Result<Reconciled, Refusal> {
        if self.settings.day_reconciliation == DayReconciliation::NotOffered {
            return Err(Refusal::NotSupported);
        }
        if !self.institution.permits_payments() {
            return Err(Refusal::InstitutionSignedOff);
        }
        let currency = message.text(SETTLEMENT_CURRENCY);
        if currency.is_some_and(|currency| currency != CURRENCY) {
            return Err(Refusal::Currency);
        }
        let day = self.day_of(message, tongue)?;
        let told = Lines::parse(message)?;
        let progress = self.progress(day).await?;
        let ours = self.look(day, &told).await?;
        if progress == DayProgress::NotOpened && ours == DayTotals::default().lines() {
            return Err(Refusal::DayNotOpened);
        }
        let differences = told.differences(&ours);
        let outcome = Outcome {
            progress,
            told: &told,
            ours: &ours,
            differences: &differences,
        };
        self.note_day(day, &outcome).await?;
        let agreement = match differences.as_slice() {
            [] => Agreement::InBalance,
            [_, ..] => Agreement::OutOfBalance,
        };
        Ok(Reconciled { ours, agreement })
    }

    /// The day that is meant: data element 15 without a year, in the 1993 version 28 with one.
    fn day_of(&self, message: &Message<'_>, tongue: Tongue) -> Result<Day, Refusal> {
        let number = tongue.reconciled_day();
        let date = message.number(number).ok_or(Refusal::Missing { number })?;
        let day = match tongue {
            Tongue::Cups | Tongue::Iso87 => {
                day_of_settlement_date(date, self.today((self.shared.clock)()))
            }
            Tongue::Iso93 => day_of_date_with_year(date),
        };
        day.ok_or(Refusal::Form { number })
    }

    /// The date on the wall.
    pub(crate) fn today(&self, now: Timestamp) -> Day {
        let civil = Civil::at(now, self.shared.utc_offset_minutes);
        day_of_date(civil.year, civil.month, civil.day).unwrap_or(Day(0))
    }

    pub(crate) async fn progress(&self, day: Day) -> Result<DayProgress, Refusal> {
        let book = &self.shared.directory.batches;
        let progress = book.progress(day, self.shared.partition_count).await;
        progress.map_err(|cause| {
            error!(%cause, "read how far a day is");
            Refusal::NotAppended
        })
    }

    /// What our books have. They are looked at again before they are called different.
    async fn look(&self, day: Day, told: &Lines) -> Result<Lines, Refusal> {
        tokio::time::sleep(BOOK_LAG).await;
        let mut ours = self.booked(day).await?;
        for _ in 1..LOOKS {
            if ours == *told {
                break;
            }
            tokio::time::sleep(LOOK_PAUSE).await;
            ours = self.booked(day).await?;
        }
        Ok(ours)
    }

    async fn booked(&self, day: Day) -> Result<Lines, Refusal> {
        let shared = &self.shared;
        let whose = (self.own_id(), day);
        let totals = booked(&*shared.directory.batches, whose, shared.partition_count).await;
        let totals = totals.map_err(|cause| {
            error!(%cause, "read the items of a day");
            Refusal::NotAppended
        })?;
        Ok(totals.lines())
    }

    pub(crate) fn own_id(&self) -> AcquirerId {
        AcquirerId(*self.settings.acquirer.padded())
    }

    async fn note_day(&self, day: Day, outcome: &Outcome<'_>) -> Result<(), Refusal> {
        let Civil {
            year,
            month,
            day: date,
            ..
        } = Civil::of_day(day);
        let balanced = outcome.differences.is_empty();
        let record = json!({
            "reconciled_at_ms": (self.shared.clock)().0,
            "day": format!("{year}-{month:02}-{date:02}"),
            "day_is_over": outcome.progress == DayProgress::Over,
            "balanced": balanced,
            "told": outcome.told.named(),
            "ours": outcome.ours.named(),
            "differences": outcome.differences,
        });
        let name = BatchName::of_day(self.own_id(), day, PartitionId(0));
        let bytes = Bytes::from(record.to_string());
        let noted = self.shared.directory.batches.note(name, bytes);
        noted.await.map_err(|cause| {
            error!(%cause, "keep what came of a day");
            Refusal::NotAppended
        })?;
        if balanced {
            info!(acquirer = %self.settings.acquirer, day = day.0, "day reconciled");
        } else {
            warn!(
                acquirer = %self.settings.acquirer, day = day.0,
                differences = outcome.differences.len(),
                "day differs from its institution's; see `floatswitch batch day`"
            );
        }
        Ok(())
    }
}

impl Tongue {
    /// The data element that tells which day is reconciled.
    pub(crate) const fn reconciled_day(self) -> u8 {
        match self {
            Self::Cups | Self::Iso87 => 15,
            Self::Iso93 => 28,
        }
    }
}
