//! Moments and days as the wire writes them: local digits without a year.
//!
//! The offset from UTC is fixed by settings; there are no time zones and no summer time here.

use card::calendar::{Civil, day_of_date};
use card::{Day, Timestamp};

/// Minutes that a network's local time is ahead of UTC, 480 in China.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UtcOffset {
    minutes: i16,
}

impl UtcOffset {
    pub(crate) const fn from_minutes(minutes: i16) -> Self {
        Self { minutes }
    }
}

/// A moment as data elements 12 and 13 write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalTime {
    /// hhmmss.
    pub(crate) time: [u8; 6],
    /// MMDD.
    pub(crate) date: [u8; 4],
}

impl LocalTime {
    pub(crate) fn at(moment: Timestamp, offset: UtcOffset) -> Self {
        let civil = Civil::at(moment, offset.minutes);
        let [[h1, h2], [m1, m2], [s1, s2]] =
            [civil.hour, civil.minute, civil.second].map(two_digits);
        Self {
            time: [h1, h2, m1, m2, s1, s2],
            date: month_and_day(civil),
        }
    }
}

/// A settlement day as data element 15 writes it, MMDD.
pub(crate) fn settlement_date(day: Day) -> [u8; 4] {
    month_and_day(Civil::of_day(day))
}

/// The same with the year in front, YYMMDD.
pub(crate) fn settlement_date_with_year(day: Day) -> [u8; 6] {
    let civil = Civil::of_day(day);
    let year = u8::try_from(civil.year.rem_euclid(100)).unwrap_or(0);
    let [y1, y2] = two_digits(year);
    let [m1, m2, d1, d2] = month_and_day(civil);
    [y1, y2, m1, m2, d1, d2]
}

/// The settlement day that a date without a year names: of all years the one that is nearest to
/// `near`, so that the last of December and the first of January are a day apart.
pub(crate) fn day_of_settlement_date(date: u64, near: Day) -> Option<Day> {
    let year = Civil::of_day(near).year;
    let years = year.saturating_sub(1)..=year.saturating_add(1);
    let days = years.filter_map(|year| day_of(year, date));
    days.min_by_key(|day| day.0.abs_diff(near.0))
}

/// The settlement day of a date with its year in front, YYMMDD.
pub(crate) fn day_of_date_with_year(date: u64) -> Option<Day> {
    let year = u16::try_from(date / 10_000).ok()?;
    day_of(year.checked_add(2_000)?, date % 10_000)
}

fn day_of(year: u16, month_and_day: u64) -> Option<Day> {
    let month = u8::try_from(month_and_day / 100).ok()?;
    day_of_date(year, month, u8::try_from(month_and_day % 100).ok()?)
}

fn month_and_day(civil: Civil) -> [u8; 4] {
    let [[m1, m2], [d1, d2]] = [civil.month, civil.day].map(two_digits);
    [m1, m2, d1, d2]
}

fn two_digits(number: u8) -> [u8; 2] {
    [b'0' + number / 10 % 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are those of `date -u -d @SECONDS`.
    #[test]
    fn known_moments() {
        for (seconds, offset_minutes, date, time) in [
            (0, 0, "0101", "000000"),
            (0, 480, "0101", "080000"),
            (951_782_399, 0, "0228", "235959"),
            (951_782_400, 0, "0229", "000000"),
            (1_709_164_800, 0, "0229", "000000"),
            (1_709_251_200, 0, "0301", "000000"),
            (1_735_660_799, 480, "1231", "235959"),
            (1_735_660_800, 480, "0101", "000000"),
            (4_107_542_400, 0, "0301", "000000"),
            (1_000_000_000, -720, "0908", "134640"),
        ] {
            let offset = UtcOffset::from_minutes(offset_minutes);
            let local = LocalTime::at(Timestamp(seconds * 1_000), offset);
            assert_eq!(std::str::from_utf8(&local.date), Ok(date), "{seconds}");
            assert_eq!(std::str::from_utf8(&local.time), Ok(time), "{seconds}");
        }
    }

    #[test]
    fn a_date_without_year_is_the_nearest_of_its_name() {
        let day = |year, month, date| day_of_date(year, month, date).unwrap();
        for (date, near, expected) in [
            (512, day(2026, 5, 11), Some(day(2026, 5, 12))),
            (101, day(2026, 12, 31), Some(day(2027, 1, 1))),
            (1231, day(2027, 1, 1), Some(day(2026, 12, 31))),
            (229, day(2028, 3, 1), Some(day(2028, 2, 29))),
            (229, day(2027, 12, 1), Some(day(2028, 2, 29))),
            (229, day(2026, 3, 1), None),
            (0, day(2026, 3, 1), None),
            (1301, day(2026, 3, 1), None),
        ] {
            assert_eq!(day_of_settlement_date(date, near), expected, "{date}");
        }
        assert_eq!(day_of_date_with_year(260_512), Some(day(2026, 5, 12)));
        assert_eq!(day_of_date_with_year(260_229), None);
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for number in 0..=u16::MAX {
            let expected = format!("{month:02}{day:02}");
            assert_eq!(
                settlement_date(Day(number)),
                expected.as_bytes(),
                "day {number}"
            );
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }
}
