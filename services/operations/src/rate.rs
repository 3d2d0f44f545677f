//! How many requests a second are taken, and how many wrong tokens.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A bucket that fills at a steady rate: a burst is taken at once, more than the rate is not.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: u32,
    filled_at: Instant,
}

impl Rate {
    /// A full bucket: a second's worth may come at once.
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        let state = State {
            left: per_second,
            filled_at: now,
        };
        Self {
            per_second,
            state: Mutex::new(state),
        }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let step = Duration::from_secs(1) / self.per_second;
        let passed = now.saturating_duration_since(state.filled_at);
        let steps = passed.as_nanos() / step.as_nanos().max(1);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        if steps >= self.per_second {
            (state.left, state.filled_at) = (self.per_second, now);
        } else {
            state.left = (state.left + steps).min(self.per_second);
            state.filled_at += step * steps;
        }
        let is_left = state.left > 0;
        state.left -= u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_the_rate() {
        let start = Instant::now();
        let rate = Rate::new(10, start);
        let taken = |at_ms: u64, asked: u32| {
            let now = start + Duration::from_millis(at_ms);
            (0..asked).filter(|_| rate.take(now)).count()
        };
        assert_eq!(taken(0, 20), 10);
        assert_eq!(taken(99, 1), 0);
        assert_eq!(taken(250, 9), 2);
        assert_eq!(taken(300, 9), 1, "the half that was left counts");
        assert_eq!(taken(60_000, 20), 10, "no more than a second's worth");
    }
}
