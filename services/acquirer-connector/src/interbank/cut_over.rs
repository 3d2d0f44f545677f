//! The cut-over of a network (data element 70 = 201 and 202): it tells the day that its new work is
//! dated with.
//!
//! What is booked here is dated by the days of this switch alone. They follow one network at most, the
//! one whose settings say that it leads them; what others say is noted and compared for people.

use bytes::Bytes;
use serde_json::json;
use tracing::{error, info, warn};

use crate::batch_book::DayProgress;
use crate::calendar::{day_of_date_with_year, day_of_settlement_date};
use crate::listener::Listener;
use crate::refusal::Refusal;
use crate::settings::CutOver;
use crate::speech::Tongue;
use card::Day;
use card::calendar::Civil;
use card_store::BatchName;
use iso8583::Message;

/// Data element 15.
const NEW_DAY: u8 = 15;

impl Listener {
    /// Does what a network says about its day: opens it when the network leads the days of this
    /// switch, and notes it in any case. May be repeated.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub(crate) async fn cut_over(
        &self,
        message: &Message<'_>,
        tongue: Tongue,
    ) -> Result<(), Refusal> {
        if !self.institution.permits_payments() {
            return Err(Refusal::InstitutionSignedOff);
        }
        let day = self.new_day(message, tongue)?;
        if self.settings.cut_over == CutOver::OpensDay {
            self.open(day).await?;
        }
        let progress = self.progress(day).await?;
        self.note_cut_over(day, progress).await
    }

    /// A day further ahead than tomorrow is a slip, which could not be undone.
    fn new_day(&self, message: &Message<'_>, tongue: Tongue) -> Result<Day, Refusal> {
        let number = NEW_DAY;
        let date = message.number(number).ok_or(Refusal::Missing { number })?;
        let today = self.today((self.shared.clock)());
        let day = match tongue {
            Tongue::Cups | Tongue::Iso87 => day_of_settlement_date(date, today),
            Tongue::Iso93 => day_of_date_with_year(date),
        };
        let is_near = |day: &Day| day.0 <= today.0.saturating_add(1);
        day.filter(is_near).ok_or(Refusal::Form { number })
    }

    async fn open(&self, day: Day) -> Result<(), Refusal> {
        let opened = self.shared.directory.days.open(day).await;
        opened.map_err(|cause| {
            error!(%cause, day = day.0, "open the day that the network tells");
            Refusal::NotAppended
        })
    }

    async fn note_cut_over(&self, day: Day, progress: DayProgress) -> Result<(), Refusal> {
        let civil = Civil::of_day(day);
        let date = format!("{}-{:02}-{:02}", civil.year, civil.month, civil.day);
        let leads = self.settings.cut_over == CutOver::OpensDay;
        let here = match progress {
            // It was opened just now, and no checkpoint has kept that yet.
            DayProgress::NotOpened if leads => "open",
            DayProgress::NotOpened => "not opened",
            DayProgress::Open => "open",
            DayProgress::Over => "over",
        };
        let listener = &self.settings.name;
        if here == "open" {
            info!(%listener, day = date, "the network tells its cut-over");
        } else {
            warn!(%listener, day = date, here, "the network tells a day that is not this switch's");
        }
        let record = json!({
            "day": date,
            "told_at_ms": (self.shared.clock)().0,
            "leads": leads,
            "here": here,
        });
        let name = BatchName::of_cut_over(self.own_id());
        let bytes = Bytes::from(record.to_string());
        let noted = self.shared.directory.batches.note(name, bytes);
        noted.await.map_err(|cause| {
            error!(%cause, "keep what the network told of its day");
            Refusal::NotAppended
        })
    }
}
