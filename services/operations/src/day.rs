//! Where the settlement days are, and which day a wish leads to. A day is its own number, so every
//! step may be repeated and is then a no-op (LOG-5).

use serde::{Deserialize, Serialize};

use card::calendar::{Civil, day_of_date};
use card::{Day, PartitionId};

/// A day can be opened so many days before its date, not more: a slip in the date of a cut cannot be
/// undone.
const DAYS_AHEAD_MAX: u16 = 1;

/// The days of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionDays {
    /// Which.
    pub partition: PartitionId,
    /// The number of its last cut, 0 before the first.
    pub cut_number: u64,
    /// The day that new work is dated with.
    pub day: Day,
    /// Days up to this one take no more bookings.
    pub frozen_through: Day,
}

/// The days of all partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayStatus {
    partitions: Vec<PartitionDays>,
}

/// Why a day is not opened or frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DayRefusal {
    /// Days do not go back.
    #[error("day {} is over: {} is open, name it or a later one", date(*.wanted), date(*.open))]
    Over {
        /// What was asked for.
        wanted: Day,
        /// What is open.
        open: Day,
    },
    /// It cannot be undone, so a slip must not open a day of next year.
    #[error(
        "day {} is more than {DAYS_AHEAD_MAX} day after today, {}: check the date, and wait if it is right",
        date(*.wanted), date(*.today)
    )]
    Ahead {
        /// What was asked for.
        wanted: Day,
        /// The date by the clock.
        today: Day,
    },
    /// It still takes work.
    #[error("day {} is open: open the next one with `floatswitch day cut` first", date(*.0))]
    Open(Day),
    /// Nothing was ever dated.
    #[error("no day was opened yet: start the switch once")]
    None,
}

impl DayStatus {
    /// Of the days of all partitions, in their order.
    #[must_use]
    pub fn new(partitions: Vec<PartitionDays>) -> Self {
        Self { partitions }
    }

    /// The partitions, in their order.
    #[must_use]
    pub fn partitions(&self) -> &[PartitionDays] {
        &self.partitions
    }

    /// The latest day that any partition has opened.
    #[must_use]
    pub fn open_day(&self) -> Option<Day> {
        self.days().max()
    }

    /// The number of the last cut that every partition has passed, 0 when some have passed none.
    #[must_use]
    pub fn cut_number(&self) -> u64 {
        let numbers = self.partitions.iter().map(|one| one.cut_number);
        numbers.min().unwrap_or_default()
    }

    /// Days up to this one are frozen everywhere.
    #[must_use]
    pub fn frozen_through(&self) -> Option<Day> {
        let frozen = self.partitions.iter().map(|one| one.frozen_through).min();
        frozen.filter(|day| *day > Day(0))
    }

    /// Partitions where a cut or a freeze is missing that others have: one was cut short.
    pub fn lagging(&self) -> impl Iterator<Item = &PartitionDays> {
        let day = self.open_day().unwrap_or(Day(0));
        let frozen = self.partitions.iter().map(|one| one.frozen_through).max();
        let frozen = frozen.unwrap_or(Day(0));
        self.partitions
            .iter()
            .filter(move |one| one.day < day || one.frozen_through < frozen)
    }

    /// The day that a cut opens: the wanted one, or the next one. While a cut is incomplete, its day
    /// comes first.
    ///
    /// # Errors
    /// As [`DayRefusal`] says.
    pub fn to_open(&self, wanted: Option<Day>, today: Day) -> Result<Day, DayRefusal> {
        let open = self.open_day().ok_or(DayRefusal::None)?;
        let is_whole = self.partitions.iter().all(|one| one.day == open);
        let next = Day(open.0.saturating_add(1));
        let wanted = wanted.unwrap_or(if is_whole { next } else { open });
        if wanted < open {
            return Err(DayRefusal::Over { wanted, open });
        }
        if wanted > open && wanted.0 > today.0.saturating_add(DAYS_AHEAD_MAX) {
            return Err(DayRefusal::Ahead { wanted, today });
        }
        Ok(wanted)
    }

    /// The day through which a freeze goes: the wanted one, or the last one that is over.
    ///
    /// # Errors
    /// As [`DayRefusal`] says.
    pub fn to_freeze(&self, wanted: Option<Day>) -> Result<Day, DayRefusal> {
        let earliest = self.days().min().ok_or(DayRefusal::None)?;
        let last_over = Day(earliest.0.saturating_sub(1));
        let wanted = wanted.unwrap_or(last_over);
        if wanted >= earliest {
            return Err(DayRefusal::Open(wanted));
        }
        Ok(wanted)
    }

    /// For people and programs.
    #[must_use]
    pub fn told(&self) -> DayStatusTold {
        DayStatusTold {
            open_day: self.open_day().map(date),
            cut_number: self.cut_number(),
            frozen_through: self.frozen_through().map(date),
            partition_count: self.partitions.len(),
            lagging: self.lagging().map(LaggingTold::of).collect(),
        }
    }

    /// The days that were opened, one for each partition that has one.
    fn days(&self) -> impl Iterator<Item = Day> {
        let opened = self.partitions.iter().filter(|one| one.cut_number > 0);
        opened.map(|one| one.day)
    }
}

/// [`DayStatus`] as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayStatusTold {
    /// The day that new work is dated with; absent before the first.
    pub open_day: Option<String>,
    /// The last cut that every partition has passed.
    pub cut_number: u64,
    /// Days up to this one are frozen everywhere; absent when none is.
    pub frozen_through: Option<String>,
    /// How many partitions there are.
    pub partition_count: usize,
    /// Those where a cut or a freeze is missing; repeating it completes it.
    pub lagging: Vec<LaggingTold>,
}

/// A partition behind the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaggingTold {
    /// Which.
    pub partition: u16,
    /// Its last cut.
    pub cut_number: u64,
    /// Its open day.
    pub open_day: String,
    /// How far it is frozen.
    pub frozen_through: String,
}

impl LaggingTold {
    fn of(days: &PartitionDays) -> Self {
        Self {
            partition: days.partition.0,
            cut_number: days.cut_number,
            open_day: date(days.day),
            frozen_through: date(days.frozen_through),
        }
    }
}

/// A day as its date: 2026-11-24.
#[must_use]
pub fn date(day: Day) -> String {
    let Civil {
        year, month, day, ..
    } = Civil::of_day(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads a date as [`date`] writes it.
///
/// # Errors
/// What to write instead.
pub fn parse_date(text: &str) -> Result<Day, String> {
    let wrong = || format!("`{text}` is no day: write a date such as 2026-11-24");
    let mut parts = text.split('-');
    let mut part = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u16>().ok())?
    };
    let (year, month, day) = (part(4), part(2), part(2));
    let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else {
        return Err(wrong());
    };
    let narrow = |value: u16| u8::try_from(value).map_err(|_| wrong());
    day_of_date(year, narrow(month)?, narrow(day)?).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day(100);

    /// Partitions by their open day and the day through which they are frozen; 0: none yet.
    fn status(days: &[(u16, u16)]) -> DayStatus {
        let partitions = (0..).map(PartitionId).zip(days);
        let days = partitions.map(|(partition, (day, frozen))| PartitionDays {
            partition,
            cut_number: u64::from(*day),
            day: Day(*day),
            frozen_through: Day(*frozen),
        });
        DayStatus::new(days.collect())
    }

    #[test]
    fn a_cut_opens_the_next_day_or_completes_one() {
        let over = |wanted, open| {
            Err(DayRefusal::Over {
                wanted: Day(wanted),
                open: Day(open),
            })
        };
        let ahead = |wanted| {
            Err(DayRefusal::Ahead {
                wanted: Day(wanted),
                today: TODAY,
            })
        };
        for (open, wanted, expected) in [
            (&[100, 100][..], None, Ok(Day(101))),
            (&[101, 101], None, ahead(102)),
            (&[101, 101], Some(101), Ok(Day(101))), // A repeat.
            (&[100, 101], None, Ok(Day(101))),      // One was cut short.
            (&[0, 101], None, Ok(Day(101))),
            (&[90, 90], Some(99), Ok(Day(99))), // Nobody was here for days.
            (&[100, 100], Some(101), Ok(Day(101))),
            (&[100, 100], Some(102), ahead(102)),
            (&[100, 101], Some(100), over(100, 101)),
            (&[200, 200], Some(200), Ok(Day(200))),
            (&[0, 0], None, Err(DayRefusal::None)),
        ] {
            let days: Vec<_> = open.iter().map(|day| (*day, 0)).collect();
            let found = status(&days).to_open(wanted.map(Day), TODAY);
            assert_eq!(found, expected, "{open:?} {wanted:?}");
        }
    }

    #[test]
    fn a_freeze_never_reaches_an_open_day() {
        for (open, wanted, expected) in [
            (&[100, 100][..], None, Ok(Day(99))),
            (&[100, 101], None, Ok(Day(99))),
            (&[100, 101], Some(100), Err(DayRefusal::Open(Day(100)))),
            (&[101, 101], Some(100), Ok(Day(100))),
            (&[101, 101], Some(7), Ok(Day(7))), // Long frozen: a no-op.
            (&[0, 0], None, Err(DayRefusal::None)),
        ] {
            let days: Vec<_> = open.iter().map(|day| (*day, 0)).collect();
            let found = status(&days).to_freeze(wanted.map(Day));
            assert_eq!(found, expected, "{open:?} {wanted:?}");
        }
    }

    #[test]
    fn who_lags_is_told() {
        let lagging = |days: &[(u16, u16)]| -> Vec<u16> {
            let status = status(days);
            status.lagging().map(|one| one.partition.0).collect()
        };
        assert_eq!(lagging(&[(100, 99), (100, 99)]), [0; 0]);
        assert_eq!(lagging(&[(100, 99), (101, 99), (0, 0)]), [0, 2]);
        assert_eq!(lagging(&[(100, 98), (100, 99)]), [0]);
        let told = status(&[(20_781, 20_780), (20_782, 20_780)]).told();
        assert_eq!(told.open_day.as_deref(), Some("2026-11-25"));
        assert_eq!(told.cut_number, 20_781);
        assert_eq!(told.frozen_through.as_deref(), Some("2026-11-23"));
        assert_eq!(told.lagging.len(), 1);
        let none = status(&[(0, 0)]).told();
        assert_eq!((none.open_day, none.frozen_through), (None, None));
    }

    #[test]
    fn dates_read_back() {
        for text in ["1970-01-01", "2026-11-24", "2028-02-29", "2149-06-06"] {
            assert_eq!(date(parse_date(text).unwrap()), text);
        }
        for wrong in [
            "",
            "24.11.2026",
            "2026-11",
            "2026-11-31",
            "2027-02-29",
            "2026-11-24-1",
            "26-11-24",
            "2026-+1-24",
            "2026-1-024",
        ] {
            let error = parse_date(wrong).unwrap_err();
            assert!(
                error.ends_with("write a date such as 2026-11-24"),
                "{error}"
            );
        }
    }
}
