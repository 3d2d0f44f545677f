//! How long to wait before a failed write goes out again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use card::CardId;

const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// With many cards waiting, the writes of all of them together go out again at this pace: a
/// database that has just lost nodes must not be felled by those that ask for them.
const PAUSE_PER_WAITING: Duration = Duration::from_millis(2);
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// The cards whose last write failed. Their number is bounded by the live cards.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// How often in a row.
    failures: Mutex<HashMap<CardId, u32>>,
    /// Their number, so that a good write of a good time takes no lock.
    count: AtomicUsize,
}

impl Patience {
    /// Notes a failure and tells how long to wait: from 5 to 500 ms, doubling, and longer when many
    /// cards wait.
    pub(crate) fn failed(&self, card: CardId) -> Duration {
        let mut failures = self.failures.lock();
        let count = failures.entry(card).or_default();
        let pause = PAUSE_MIN.saturating_mul(1 << (*count).min(16));
        *count = count.saturating_add(1);
        let waiting = failures.len();
        self.count.store(waiting, Ordering::Release);
        let shared = PAUSE_PER_WAITING.saturating_mul(u32::try_from(waiting).unwrap_or(u32::MAX));
        pause.min(PAUSE_MAX).max(shared)
    }

    /// Notes a success.
    pub(crate) fn succeeded(&self, card: CardId) {
        // A card's writes come one after another, so it sees its own failure.
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut failures = self.failures.lock();
        failures.remove(&card);
        self.count.store(failures.len(), Ordering::Release);
    }

    /// How many cards wait.
    pub(crate) fn waiting(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

/// Lets one log line through a second.
#[derive(Debug, Default)]
pub(crate) struct LogGate(Mutex<Option<(Instant, u64)>>);

impl LogGate {
    /// The number of lines held back since the last one, when it is time for another.
    pub(crate) fn pass(&self, now: Instant) -> Option<u64> {
        let mut last = self.0.lock();
        match &mut *last {
            Some((at, held_back)) if now.duration_since(*at) < LOG_INTERVAL => {
                *held_back += 1;
                None
            }
            past => {
                let held_back = past.map_or(0, |(_, held_back)| held_back);
                *past = Some((now, 0));
                Some(held_back)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_with_success() {
        let patience = Patience::default();
        let (one, two) = (CardId::new(1, [1; 14]), CardId::new(1, [2; 14]));
        let pauses: Vec<u128> = (0..9).map(|_| patience.failed(one).as_millis()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 500, 500]);
        assert_eq!(patience.failed(two), PAUSE_MIN, "another card");
        assert_eq!(patience.waiting(), 2);
        patience.succeeded(one);
        assert_eq!(patience.failed(one), PAUSE_MIN, "after a success");
        patience.succeeded(one);
        patience.succeeded(two);
        assert_eq!(patience.waiting(), 0);
    }

    #[test]
    fn many_waiting_cards_share_one_pace() {
        let patience = Patience::default();
        let card = |number: u16| {
            let mut own = [0; 14];
            own[..2].copy_from_slice(&number.to_be_bytes());
            CardId::new(1, own)
        };
        let last = (0..2_000)
            .map(|number| patience.failed(card(number)))
            .last();
        assert_eq!(
            last,
            Some(Duration::from_secs(4)),
            "2,000 cards, 500 a second"
        );
    }

    #[test]
    fn one_line_a_second() {
        let gate = LogGate::default();
        let start = Instant::now();
        assert_eq!(gate.pass(start), Some(0));
        assert_eq!(gate.pass(start + LOG_INTERVAL / 2), None);
        assert_eq!(gate.pass(start + LOG_INTERVAL / 2), None);
        assert_eq!(gate.pass(start + LOG_INTERVAL), Some(2));
    }
}
