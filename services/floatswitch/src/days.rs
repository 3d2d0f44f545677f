//! When settlement days are opened and closed, and by whom.
//!
//! Embedded, the switch itself looks at its clock; in a cluster every owner does, for its own
//! partition. Each only asks for a day that is due: a day is its own number, so it does not matter
//! how many ask, how often, or whether one was cut short (LOG-5).

use crate::engine::{Engine, Opening, now};
use crate::exit::Failure;
use crate::plan;
use acquirer_connector::{DayNotOpened, Later, SwitchDays};
use card::{Day, PartitionId, Timestamp};
use card_processor::{DayMarks, Days, PassedCut};
use card_store::{CardStore, PartitionCheckpoint, StoreError};
use command_log::{AppendError, CommandLog};
use operations::{CutBooks, DayDesk, DeskError, PartitionDays};
use settings::{CutAt, Settings};

const MINUTE_MS: i64 = 60_000;

/// What the clock asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Due {
    /// The day to be open, where it is not.
    pub(crate) open: Option<Day>,
    /// The day to be frozen through, where it is not.
    pub(crate) freeze: Option<Day>,
}

/// What is due at a moment. What one partition has is due in all of them: that is how a cut that was
/// cut short is completed.
pub(crate) fn due(settings: &Settings, now: Timestamp, marks: &[DayMarks]) -> Due {
    let opened = marks.iter().map(|one| one.day).max().unwrap_or(Day(0));
    let frozen = marks.iter().map(|one| one.frozen_through).max();
    let frozen = frozen.unwrap_or(Day(0));
    let (open, freeze) = match settings.day.cut_at {
        CutAt::At(cut_at) => {
            let open = plan::open_day(settings, cut_at, now);
            let freeze = settings.day.freeze_after_minutes.map(|minutes| {
                // Before that moment the day before the last is the last that may be frozen.
                let earlier = Timestamp(now.0 - i64::from(minutes.get()) * MINUTE_MS);
                Day(plan::open_day(settings, cut_at, earlier)
                    .0
                    .saturating_sub(1))
            });
            (open, freeze.unwrap_or(Day(0)))
        }
        // A new switch begins with today.
        CutAt::Manual if opened == Day(0) => (plan::calendar_day(settings, now), Day(0)),
        CutAt::Manual => (opened, Day(0)),
    };
    let (open, freeze) = (open.max(opened), freeze.max(frozen));
    let lacks_open = |one: &DayMarks| one.cut_number < u64::from(open.0);
    let lacks_freeze = |one: &DayMarks| one.freeze_number < u64::from(freeze.0) && freeze < open;
    Due {
        open: marks.iter().any(lacks_open).then_some(open),
        freeze: marks.iter().any(lacks_freeze).then_some(freeze),
    }
}

/// Opens and freezes what is due.
pub(crate) async fn keep<S: CardStore, L: CommandLog>(
    settings: &Settings,
    days: &Days<S, L>,
) -> Result<(), AppendError> {
    let marks: Vec<DayMarks> = days.marks().into_iter().map(|(_, marks)| marks).collect();
    let due = due(settings, now(), &marks);
    if let Some(day) = due.open {
        days.cut(day).await?;
        tracing::info!(day = operations::date(day), "settlement day opened");
    }
    if let Some(day) = due.freeze {
        days.freeze(day).await?;
        tracing::info!(through = operations::date(day), "settlement days frozen");
    }
    Ok(())
}

/// Something that is done with the days of a switch, whatever keeps them.
pub(crate) trait DaysWork {
    /// What comes of it.
    type Done;

    async fn on<D: DayDesk>(self, desk: &D) -> Result<Self::Done, Failure>;
}

/// Opens the days that the settings name, works on them, and gives them back: those of a stopped
/// switch, or of a running cluster.
pub(crate) async fn work_on<W: DaysWork>(settings: &Settings, work: W) -> Result<W::Done, Failure> {
    if let Some(cluster) = &settings.cluster {
        return crate::cluster::work_on_days(settings, cluster, work).await;
    }
    let engine = Engine::open(settings, Opening::Existing).await?;
    let done = work.on(&OwnDays(engine.processor.days())).await;
    engine.close().await?;
    done
}

/// The days as a store keeps them, for whoever only reads.
pub(crate) struct KeptDays<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) partition_count: u16,
}

impl<S: CardStore> DayDesk for KeptDays<'_, S> {
    async fn days(&self) -> Result<Vec<PartitionDays>, DeskError> {
        let made = self.store.checkpoints().await.map_err(store_error)?;
        kept_days(&made, self.partition_count)
    }

    async fn cut(&self, _: Day) -> Result<(), DeskError> {
        Err(read_only())
    }

    async fn freeze(&self, _: Day) -> Result<(), DeskError> {
        Err(read_only())
    }

    async fn first_cuts(
        &self,
        from: u64,
    ) -> Result<Vec<(PartitionId, Option<CutBooks>)>, DeskError> {
        let mut cuts = Vec::new();
        for partition in (0..self.partition_count).map(PartitionId) {
            cuts.push((partition, kept_cut(self.store, partition, from).await?));
        }
        Ok(cuts)
    }
}

fn read_only() -> DeskError {
    DeskError::Unavailable("the days were opened for reading only".to_owned())
}

/// The days that checkpoints tell; a partition without one has none.
pub(crate) fn kept_days(
    made: &[PartitionCheckpoint],
    partition_count: u16,
) -> Result<Vec<PartitionDays>, DeskError> {
    let kept = |partition| {
        let made = made.iter().find(|one| one.partition == partition);
        let marks = made.map(DayMarks::read).transpose();
        let marks = marks.map_err(|what| {
            DeskError::Damaged(format!("checkpoint of partition {partition}: {what}"))
        })?;
        Ok(partition_days(partition, marks.unwrap_or_default()))
    };
    (0..partition_count).map(PartitionId).map(kept).collect()
}

/// The first cut of a partition that a store keeps from a number on.
pub(crate) async fn kept_cut<S: CardStore>(
    store: &S,
    partition: PartitionId,
    from: u64,
) -> Result<Option<CutBooks>, DeskError> {
    let kept = store.cut_totals(partition, from, 1).await;
    let kept = kept.map_err(store_error)?;
    let read = kept.first().map(PassedCut::read).transpose();
    Ok(read.map_err(DeskError::Damaged)?.map(cut_books))
}

/// The days of a processor in this process.
#[derive(Debug)]
pub(crate) struct OwnDays<S, L>(pub(crate) Days<S, L>);

impl<S: CardStore, L: CommandLog> DayDesk for OwnDays<S, L> {
    async fn days(&self) -> Result<Vec<PartitionDays>, DeskError> {
        let marks = self.0.marks().into_iter();
        Ok(marks.map(|(id, marks)| partition_days(id, marks)).collect())
    }

    async fn cut(&self, day: Day) -> Result<(), DeskError> {
        self.0.cut(day).await.map_err(unavailable)
    }

    async fn freeze(&self, day: Day) -> Result<(), DeskError> {
        self.0.freeze(day).await.map_err(unavailable)
    }

    async fn first_cuts(
        &self,
        from: u64,
    ) -> Result<Vec<(PartitionId, Option<CutBooks>)>, DeskError> {
        let mut cuts = Vec::new();
        for (partition, _) in self.0.marks() {
            let cut = self.0.first_cut(partition, from).await;
            cuts.push((partition, cut.map_err(store_error)?.map(cut_books)));
        }
        Ok(cuts)
    }
}

/// The days as the network that leads them has them opened.
#[derive(Debug)]
pub(crate) struct LedDays<D>(pub(crate) D);

impl<D: DayDesk + 'static> SwitchDays for LedDays<D> {
    fn open(&self, day: Day) -> Later<'_, Result<(), DayNotOpened>> {
        Box::pin(async move {
            let opened = self.0.cut(day).await;
            opened.map_err(|error| DayNotOpened(error.to_string()))
        })
    }
}

fn unavailable(error: AppendError) -> DeskError {
    DeskError::Unavailable(error.to_string())
}

/// What a store's trouble means to whoever asks for days.
pub(crate) fn store_error(error: StoreError) -> DeskError {
    match error {
        StoreError::Unavailable(reason) => DeskError::Unavailable(reason),
        StoreError::Damaged(what) => DeskError::Damaged(what),
    }
}

/// The days of a partition, as operations tell them.
pub(crate) fn partition_days(partition: PartitionId, marks: DayMarks) -> PartitionDays {
    PartitionDays {
        partition,
        cut_number: marks.cut_number,
        day: marks.day,
        frozen_through: marks.frozen_through,
    }
}

/// A cut, as operations tell it.
pub(crate) fn cut_books(cut: PassedCut) -> CutBooks {
    let programmes = cut.totals.programmes();
    CutBooks {
        number: cut.number,
        offset: cut.offset,
        day: cut.day,
        cut_at: cut.cut_at,
        programmes: programmes.map(|(id, books)| (id, books.clone())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// 2026-11-24 in China.
    const TODAY: u16 = 20_781;

    fn settings(day: &str) -> Settings {
        let example = settings::example();
        let example = example.replace("cut_at = \"23:00\"\n", "");
        let text = example.replace("freeze_after_minutes = 120\n", day);
        Settings::parse(&text, Path::new("switch.toml")).unwrap()
    }

    /// Local time on that day.
    fn at(hour: i64, minute: i64) -> Timestamp {
        let midnight = i64::from(TODAY) * 86_400_000 - 480 * MINUTE_MS;
        Timestamp(midnight + (hour * 60 + minute) * MINUTE_MS)
    }

    fn marks(days: &[(u16, u16)]) -> Vec<DayMarks> {
        let marks = days.iter().map(|(day, frozen)| DayMarks {
            cut_number: u64::from(*day),
            day: Day(*day),
            freeze_number: u64::from(*frozen),
            frozen_through: Day(*frozen),
        });
        marks.collect()
    }

    fn check(settings: &Settings, now: Timestamp, have: &[(u16, u16)], expected: (u16, u16)) {
        let due = due(settings, now, &marks(have));
        let number = |day: Option<Day>| day.map_or(0, |day| day.0);
        assert_eq!((number(due.open), number(due.freeze)), expected, "{have:?}");
    }

    #[test]
    fn the_clock_opens_and_freezes() {
        let settings = settings("cut_at = \"23:00\"\nfreeze_after_minutes = 120\n");
        let (today, tomorrow) = (TODAY, TODAY + 1);
        let day_before = TODAY - 1;
        for (now, have, expected) in [
            (at(22, 59), (today, day_before), (0, 0)),
            (at(23, 0), (today, day_before), (tomorrow, 0)),
            (at(23, 0), (tomorrow, day_before), (0, 0)),
            (at(24, 59), (tomorrow, day_before), (0, 0)),
            (at(25, 0), (tomorrow, day_before), (0, today)),
            (at(25, 0), (today, day_before), (tomorrow, today)),
            (at(25, 0), (tomorrow, today), (0, 0)),
            (at(12, 0), (tomorrow, day_before), (0, 0)), // Opened by hand.
            (at(12, 0), (0, 0), (today, day_before)),    // A new switch.
        ] {
            check(&settings, now, &[have, have], expected);
        }
        // One partition was cut short.
        check(
            &settings,
            at(12, 0),
            &[(today, today - 2), (tomorrow, day_before)],
            (tomorrow, day_before),
        );
    }

    #[test]
    fn a_freeze_never_comes_before_its_cut() {
        let settings = settings("cut_at = \"00:00\"\nfreeze_after_minutes = 1\n");
        check(&settings, at(0, 0), &[(TODAY, TODAY - 2)], (0, 0));
        check(&settings, at(0, 1), &[(TODAY, TODAY - 2)], (0, TODAY - 1));
    }

    #[test]
    fn by_hand_only_the_first_day_opens_by_itself() {
        let settings = settings("cut_at = \"manual\"\n");
        check(&settings, at(23, 30), &[(0, 0), (0, 0)], (TODAY, 0));
        check(&settings, at(23, 30), &[(TODAY - 9, 0); 2], (0, 0));
        // What an operator began is completed.
        check(
            &settings,
            at(1, 0),
            &[(TODAY, 7), (TODAY - 1, 0)],
            (TODAY, 7),
        );
    }
}
