//! Days and months of the proleptic Gregorian calendar at a fixed UTC offset. No time zones, no
//! clock: what a moment is called is computed from the moment alone (CARD-7).

use crate::ids::{Day, Timestamp};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// A moment's name on the wall at a fixed UTC offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    /// The year, 1970 and later.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Civil {
    /// Names a moment. Moments before 1970 are named as 1970-01-01 00:00:00.
    #[must_use]
    pub fn at(moment: Timestamp, utc_offset_minutes: i16) -> Self {
        let shift = i64::from(utc_offset_minutes).saturating_mul(60_000);
        let local = moment.0.saturating_add(shift).max(0);
        let (days, ms) = (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS));
        let seconds = u32::try_from(ms.div_euclid(1_000)).unwrap_or_default();
        let (hours, rest) = (seconds.wrapping_div(3_600), seconds.wrapping_rem(3_600));
        let (year, month, day) = from_days(u32::try_from(days).unwrap_or_default());
        let narrow = |value: u32| u8::try_from(value).unwrap_or_default();
        Self {
            year,
            month,
            day,
            hour: narrow(hours),
            minute: narrow(rest.wrapping_div(60)),
            second: narrow(rest.wrapping_rem(60)),
        }
    }

    /// Names midnight of a settlement day.
    #[must_use]
    pub fn of_day(day: Day) -> Self {
        let (year, month, day) = from_days(u32::from(day.0));
        Self {
            year,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
        }
    }

    /// The month as YYMM, the form of a card's expiry.
    #[must_use]
    pub fn yymm(self) -> u16 {
        self.year
            .wrapping_rem(100)
            .saturating_mul(100)
            .saturating_add(u16::from(self.month))
    }
}

/// The settlement day that has a date.
///
/// None for a date that does not exist or is outside 1970 to 2149.
#[must_use]
pub fn day_of_date(year: u16, month: u8, day: u8) -> Option<Day> {
    if !(1970..=2149).contains(&year) {
        return None;
    }
    let start = u32::from(year.checked_sub(1970)?).checked_mul(365)?;
    let guess =
        (start..start.checked_add(500)?).find(|days| from_days(*days) == (year, month, day));
    guess.and_then(|days| u16::try_from(days).ok()).map(Day)
}

/// Howard Hinnant's civil-from-days for days since 1970-01-01.
fn from_days(days: u32) -> (u16, u8, u8) {
    let z = u64::from(days).wrapping_add(719_468);
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let leap_days = (day_of_era / 1_460)
        .wrapping_sub(day_of_era / 36_524)
        .wrapping_add(day_of_era / 146_096);
    let year_of_era = day_of_era.wrapping_sub(leap_days) / 365;
    let year_days = year_of_era
        .wrapping_mul(365)
        .wrapping_add(year_of_era / 4)
        .wrapping_sub(year_of_era / 100);
    let day_of_year = day_of_era.wrapping_sub(year_days);
    let shifted_month = day_of_year.wrapping_mul(5).wrapping_add(2) / 153;
    let month_start = shifted_month.wrapping_mul(153).wrapping_add(2) / 5;
    let day = day_of_year.wrapping_sub(month_start).wrapping_add(1);
    let month = if shifted_month < 10 {
        shifted_month.wrapping_add(3)
    } else {
        shifted_month.wrapping_sub(9)
    };
    let year = year_of_era
        .wrapping_add(era.wrapping_mul(400))
        .wrapping_add(u64::from(month <= 2));
    let narrow = |value: u64| u8::try_from(value).unwrap_or_default();
    (
        u16::try_from(year).unwrap_or(u16::MAX),
        narrow(month),
        narrow(day),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ms: i64, expected: (u16, u8, u8, u8, u8, u8)) {
        let civil = Civil::at(Timestamp(ms), 480);
        let found = (
            civil.year,
            civil.month,
            civil.day,
            civil.hour,
            civil.minute,
            civil.second,
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn names_moments_at_beijing_time() {
        check(0, (1970, 1, 1, 8, 0, 0));
        check(1_494_501_005_000, (2017, 5, 11, 19, 10, 5));
        check(1_709_135_999_000, (2024, 2, 28, 23, 59, 59));
        check(1_709_136_000_000, (2024, 2, 29, 0, 0, 0));
        check(1_767_196_799_000, (2025, 12, 31, 23, 59, 59));
        check(1_767_196_800_000, (2026, 1, 1, 0, 0, 0));
    }

    #[test]
    fn days_and_dates_agree_over_a_century() {
        for day in 0..47_000 {
            let civil = Civil::of_day(Day(day));
            assert_eq!(
                day_of_date(civil.year, civil.month, civil.day),
                Some(Day(day))
            );
        }
        assert_eq!(day_of_date(2023, 2, 29), None);
        assert_eq!(day_of_date(1969, 12, 31), None);
    }
}
