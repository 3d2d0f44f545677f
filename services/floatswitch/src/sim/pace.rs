//! When requests are due: at once, or at fixed times whatever the switch does.
//!
//! With a rate, request `k` of all is due at `start + k / rate` and belongs to connection `k mod
//! connections`. Latency counts from that time, so a switch that stalls is not flattered by the
//! requests that waited for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

const NANOS: u128 = 1_000_000_000;
/// The bell ringer sleeps at least this long, so that it costs little at any rate.
const RING_EVERY: Duration = Duration::from_micros(200);

/// The fixed times of an open model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrivals {
    pub(crate) start: Instant,
    /// Requests a second, all connections together; above 0.
    pub(crate) rate: u64,
}

impl Arrivals {
    /// When request `index` of all is due.
    fn due_at(&self, index: u64) -> Instant {
        let nanos = u128::from(index) * NANOS / u128::from(self.rate);
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 2))
    }

    /// How many requests are due by then.
    fn due_count(&self, now: Instant) -> u64 {
        let Some(elapsed) = now.checked_duration_since(self.start) else {
            return 0;
        };
        let count = elapsed.as_nanos() * u128::from(self.rate) / NANOS + 1;
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

/// What one connection has to send, and when.
#[derive(Debug)]
pub(crate) struct Pace {
    /// `None`: flat out.
    arrivals: Option<Arrivals>,
    connection: u64,
    connections: u64,
    end_at: Option<Instant>,
    count: Option<u64>,
    taken: u64,
}

impl Pace {
    /// The share of connection number `connection` (from 0) in a load.
    pub(crate) fn new(
        (connection, connections): (u32, u32),
        arrivals: Option<Arrivals>,
        end_at: Option<Instant>,
        count: Option<u64>,
    ) -> Self {
        let (connection, connections) = (u64::from(connection), u64::from(connections.max(1)));
        let share = |count| count / connections + u64::from(connection < count % connections);
        Self {
            arrivals,
            connection,
            connections,
            end_at,
            count: count.map(share),
            taken: 0,
        }
    }

    /// The intended time of a request that is to be sent now; `None` when none is.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Instant> {
        if self.is_over(now) {
            return None;
        }
        let due_at = match self.arrivals {
            None => now,
            Some(arrivals) => arrivals.due_at(self.index_of(self.taken)),
        };
        if due_at > now {
            return None;
        }
        self.taken += 1;
        Some(due_at)
    }

    /// Whether nothing more is to be sent, now or later.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.count.is_some_and(|count| self.taken >= count)
            || self.end_at.is_some_and(|end_at| now >= end_at)
    }

    /// Ends it early.
    pub(crate) fn end(&mut self, now: Instant) {
        self.end_at = Some(self.end_at.map_or(now, |end_at| end_at.min(now)));
    }

    /// Requests that were due before the end and were never sent, because no terminal was free.
    pub(crate) fn unsent(&self, now: Instant) -> u64 {
        let Some(arrivals) = self.arrivals else {
            return 0;
        };
        // Due at the end itself is due after it.
        let last = self
            .end_at
            .map_or(now, |end_at| end_at.min(now) - Duration::from_nanos(1));
        let all = arrivals.due_count(last);
        let ours = all / self.connections + u64::from(self.connection < all % self.connections);
        ours.min(self.count.unwrap_or(u64::MAX))
            .saturating_sub(self.taken)
    }

    fn index_of(&self, taken: u64) -> u64 {
        taken * self.connections + self.connection
    }
}

/// A thread that wakes the connections when their requests are due.
///
/// Timers of the runtime are rounded to milliseconds, which would count as latency of the switch.
#[derive(Debug)]
pub(crate) struct BellRinger {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl BellRinger {
    /// Rings `bells[k mod connections]` for each request `k`.
    pub(crate) fn start(arrivals: Arrivals, bells: Vec<Arc<Notify>>) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopped);
        let thread = thread::spawn(move || ring(&arrivals, &bells, &seen));
        Self { stopped, thread }
    }

    /// Stops at once.
    pub(crate) fn stop(self) {
        self.stopped.store(true, Ordering::Release);
        self.thread.thread().unpark();
        // A ringer that panicked has nothing left to say.
        drop(self.thread.join());
    }
}

fn ring(arrivals: &Arrivals, bells: &[Arc<Notify>], stopped: &AtomicBool) {
    let bell_count = bells.len().max(1) as u64;
    let mut next = 0;
    while !stopped.load(Ordering::Acquire) {
        let now = Instant::now();
        let due_count = arrivals.due_count(now);
        let late_count = due_count.saturating_sub(next).min(bell_count);
        for index in next..next + late_count {
            bells[(index % bell_count) as usize].notify_one();
        }
        next = next.max(due_count);
        let pause = arrivals.due_at(next).saturating_duration_since(now);
        thread::park_timeout(pause.max(RING_EVERY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_out_is_due_at_once_until_the_share_is_sent() {
        let now = Instant::now();
        let sent_by = |connection| {
            let mut pace = Pace::new((connection, 3), None, None, Some(8));
            std::iter::from_fn(|| pace.take_due(now)).count()
        };
        assert_eq!([sent_by(0), sent_by(1), sent_by(2)], [3, 3, 2]);
    }

    #[test]
    fn nothing_is_due_after_the_end() {
        let now = Instant::now();
        let mut pace = Pace::new((0, 1), None, Some(now + Duration::from_secs(1)), None);
        assert_eq!(pace.take_due(now), Some(now));
        assert_eq!(pace.take_due(now + Duration::from_secs(1)), None);
        pace.end(now);
        assert!(pace.is_over(now));
    }

    #[test]
    fn intended_times_do_not_move_when_the_sender_is_late() {
        let start = Instant::now();
        let arrivals = Arrivals { start, rate: 100 };
        let mut pace = Pace::new((1, 2), Some(arrivals), None, None);
        assert_eq!(pace.take_due(start), None);
        let late = start + Duration::from_millis(35);
        assert_eq!(pace.take_due(late), Some(start + Duration::from_millis(10)));
        assert_eq!(pace.unsent(late), 1);
        assert_eq!(pace.take_due(late), Some(start + Duration::from_millis(30)));
        assert_eq!(pace.take_due(late), None);
        assert_eq!(pace.unsent(late), 0);
    }

    #[tokio::test]
    async fn each_connection_is_woken_for_its_requests() {
        let bells: Vec<_> = (0..3).map(|_| Arc::new(Notify::new())).collect();
        let arrivals = Arrivals {
            start: Instant::now(),
            rate: 3_000,
        };
        let ringer = BellRinger::start(arrivals, bells.clone());
        for _ in 0..3 {
            for bell in &bells {
                bell.notified().await;
            }
        }
        ringer.stop();
    }
}
