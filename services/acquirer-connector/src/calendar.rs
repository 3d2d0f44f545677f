//! Moments and days as the wire writes them: local digits without a year.
//!
//! The offset from UTC is fixed by settings; there are no time zones and no summer time here.

use card::{Day, Timestamp};

const MS_PER_SECOND: i64 = 1_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Minutes that a network's local time is ahead of UTC, 480 in China.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UtcOffset {
    seconds: i64,
}

impl UtcOffset {
    pub(crate) const fn from_minutes(minutes: i16) -> Self {
        Self {
            seconds: minutes as i64 * 60,
        }
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
        let seconds = moment.0.div_euclid(MS_PER_SECOND) + offset.seconds;
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let [hour, minute, second] =
            [of_day / 3_600, of_day / 60 % 60, of_day % 60].map(two_digits);
        let [h1, h2] = hour;
        let [m1, m2] = minute;
        let [s1, s2] = second;
        Self {
            time: [h1, h2, m1, m2, s1, s2],
            date: month_and_day(seconds.div_euclid(SECONDS_PER_DAY)),
        }
    }
}

/// A settlement day as data element 15 writes it, MMDD.
pub(crate) fn settlement_date(day: Day) -> [u8; 4] {
    month_and_day(i64::from(day.0))
}

/// MMDD of a day counted from 1970-01-01.
///
/// Counts in years that begin in March, so that the leap day is the last of its year, and in eras
/// of 400 years, after which the calendar repeats.
fn month_and_day(days: i64) -> [u8; 4] {
    const DAYS_PER_ERA: i64 = 146_097;
    const DAYS_TO_1970_FROM_MARCH_OF_YEAR_0: i64 = 719_468;
    let day_of_era = (days + DAYS_TO_1970_FROM_MARCH_OF_YEAR_0).rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let [[m1, m2], [d1, d2]] = [month, day].map(two_digits);
    [m1, m2, d1, d2]
}

/// The last two digits of a number that is not negative.
fn two_digits(number: i64) -> [u8; 2] {
    let digit = |value: i64| b'0' + u8::try_from(value % 10).unwrap_or(0);
    [digit(number / 10), digit(number)]
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
            (-1, 0, "1231", "235959"),
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
