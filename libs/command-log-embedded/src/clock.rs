//! The log's clock (LOG-5): it never goes back, and it does not follow a wall clock that leaps.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use card::Timestamp;

/// How far the wall clock may leap ahead of the time that really passed.
pub const FORWARD_JUMP_MAX_MS: i64 = 5 * 60 * 1_000;

/// Two clocks read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What the wall clock shows.
    pub wall: Timestamp,
    /// Time since some fixed moment of this process; no one can set it.
    pub monotonic: Duration,
}

/// Reads the clocks. The switch uses [`SystemClock`]; tests turn the hands.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Reads both clocks.
    fn read(&self) -> Reading;
}

/// The clocks of the machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn read(&self) -> Reading {
        #[expect(
            clippy::disallowed_methods,
            reason = "the log's sequencer stamps the records"
        )]
        let now = SystemTime::now();
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Reading {
            wall: Timestamp(wall),
            monotonic: self.started.elapsed(),
        }
    }
}

/// The wall clock leapt ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the wall clock jumped {ahead_ms} ms ahead since the last record: compare it with a clock you \
     trust, correct it if it is wrong, then start again (a start accepts the time as it is)"
)]
pub(crate) struct ClockJump {
    ahead_ms: i64,
}

/// Stamps records.
#[derive(Debug)]
pub(crate) struct LogClock {
    /// The time of the last record.
    last: Timestamp,
    /// The time that was right when `monotonic` was read.
    trusted: Timestamp,
    monotonic: Duration,
}

impl LogClock {
    /// Goes on after `last`. The wall clock is taken for right at this moment.
    pub(crate) fn resume(last: Timestamp, reading: Reading) -> Self {
        Self {
            last,
            trusted: last.max(reading.wall),
            monotonic: reading.monotonic,
        }
    }

    /// The time of the last record.
    pub(crate) const fn last(&self) -> Timestamp {
        self.last
    }

    /// The time of a record appended at this reading.
    pub(crate) fn stamp(&mut self, reading: Reading) -> Result<Timestamp, ClockJump> {
        let passed = reading.monotonic.saturating_sub(self.monotonic);
        let passed_ms = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let ahead_ms = reading
            .wall
            .ms_since(self.trusted)
            .saturating_sub(passed_ms);
        if ahead_ms > FORWARD_JUMP_MAX_MS {
            return Err(ClockJump { ahead_ms });
        }
        // A clock that was set back stands still until the wall clock has caught up.
        self.last = self.last.max(reading.wall);
        self.trusted = self.last;
        self.monotonic = reading.monotonic;
        Ok(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(wall_ms: i64, monotonic_ms: u64) -> Reading {
        Reading {
            wall: Timestamp(wall_ms),
            monotonic: Duration::from_millis(monotonic_ms),
        }
    }

    fn check(readings: &[(i64, u64)], expected: &[Option<i64>]) {
        let mut clock = LogClock::resume(Timestamp(1_000_000), reading(1_000_000, 0));
        let stamps: Vec<_> = readings
            .iter()
            .map(|(wall, monotonic)| clock.stamp(reading(*wall, *monotonic)).ok().map(|at| at.0))
            .collect();
        assert_eq!(stamps, expected);
    }

    #[test]
    fn follows_the_wall_clock() {
        check(
            &[(1_000_010, 10), (1_000_020, 20)],
            &[Some(1_000_010), Some(1_000_020)],
        );
    }

    #[test]
    fn stands_still_while_the_wall_clock_is_behind() {
        check(
            &[(1_000_010, 10), (400_000, 20), (1_000_011, 30)],
            &[Some(1_000_010), Some(1_000_010), Some(1_000_011)],
        );
    }

    #[test]
    fn accepts_a_long_pause_and_a_step_of_five_minutes() {
        check(
            &[
                (9_000_000, 8_000_000),
                (9_000_000 + FORWARD_JUMP_MAX_MS, 8_000_000),
            ],
            &[Some(9_000_000), Some(9_000_000 + FORWARD_JUMP_MAX_MS)],
        );
    }

    #[test]
    fn refuses_a_leap() {
        check(&[(1_000_001 + FORWARD_JUMP_MAX_MS, 0)], &[None]);
    }
}
