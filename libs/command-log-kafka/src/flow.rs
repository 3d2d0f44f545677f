//! How many records are on their way, and which partitions are not getting through.
//!
//! A record that the client took and could not deliver has an unknown fate, and its sender hears nothing. So a
//! partition that does not get through takes no more: its senders hear "not appended" at once. While the last
//! delivery failed, one submit at a time may probe.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::context::as_ms;
use card::PartitionId;

/// Why records are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// As many as allowed are on their way.
    Full,
    /// The partition's oldest record waits too long.
    Stalled(PartitionId),
    /// The partition's last record failed, and the next one is still on its way.
    Failing(PartitionId),
}

impl Refusal {
    /// For counters.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Stalled(_) => "stalled",
            Self::Failing(_) => "failing",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("too many records are on their way to kafka"),
            Self::Stalled(partition) => {
                write!(f, "kafka acknowledges nothing in partition {partition}")
            }
            Self::Failing(partition) => {
                write!(
                    f,
                    "kafka did not take the last record of partition {partition}"
                )
            }
        }
    }
}

/// What is on its way. Counts are taken before the client is given a record and given back at its report.
pub(crate) struct Flow {
    start: Instant,
    max: usize,
    stall_after: Duration,
    in_flight: AtomicUsize,
    partitions: Box<[PartitionFlow]>,
}

#[derive(Default)]
struct PartitionFlow {
    in_flight: AtomicUsize,
    /// When the first of these records came, or the last acknowledgement; after `start`.
    progress_ms: AtomicU64,
    is_failing: AtomicBool,
}

impl Flow {
    pub(crate) fn new(partition_count: u16, max: usize, stall_after: Duration) -> Self {
        Self {
            start: Instant::now(),
            max,
            stall_after,
            in_flight: AtomicUsize::new(0),
            partitions: (0..partition_count)
                .map(|_| PartitionFlow::default())
                .collect(),
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes all of them or none. Every one that was taken is given back by [`Flow::settle`] or
    /// [`Flow::take_back`].
    pub(crate) fn admit(
        &self,
        partitions: impl Iterator<Item = PartitionId> + Clone,
        now: Instant,
    ) -> Result<(), Refusal> {
        let now_ms = self.ms(now);
        for partition in partitions.clone() {
            self.check(partition, now_ms)?;
        }
        let count = partitions.clone().count();
        let add = |taken: usize| taken.checked_add(count).filter(|sum| *sum <= self.max);
        let relaxed = Ordering::Relaxed;
        if self.in_flight.fetch_update(relaxed, relaxed, add).is_err() {
            return Err(Refusal::Full);
        }
        for flow in partitions.filter_map(|partition| self.of(partition)) {
            if flow.in_flight.fetch_add(1, relaxed) == 0 {
                flow.progress_ms.store(now_ms, relaxed);
            }
        }
        Ok(())
    }

    fn check(&self, partition: PartitionId, now_ms: u64) -> Result<(), Refusal> {
        let Some(flow) = self.of(partition) else {
            return Ok(());
        };
        if flow.in_flight.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        if flow.is_failing.load(Ordering::Relaxed) {
            return Err(Refusal::Failing(partition));
        }
        let waited = now_ms.saturating_sub(flow.progress_ms.load(Ordering::Relaxed));
        if waited > as_ms(self.stall_after) {
            return Err(Refusal::Stalled(partition));
        }
        Ok(())
    }

    /// The client reported on a record.
    pub(crate) fn settle(&self, partition: PartitionId, outcome: Outcome, now: Instant) {
        if let Some(flow) = self.of(partition) {
            match outcome {
                Outcome::Acknowledged => {
                    flow.progress_ms.store(self.ms(now), Ordering::Relaxed);
                    flow.is_failing.store(false, Ordering::Relaxed);
                }
                Outcome::Failed => flow.is_failing.store(true, Ordering::Relaxed),
            }
        }
        self.take_back(partition);
    }

    /// The client did not take a record.
    pub(crate) fn take_back(&self, partition: PartitionId) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(flow) = self.of(partition) {
            flow.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn of(&self, partition: PartitionId) -> Option<&PartitionFlow> {
        self.partitions.get(usize::from(partition.0))
    }

    fn ms(&self, now: Instant) -> u64 {
        as_ms(now.saturating_duration_since(self.start))
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All replicas in sync have it.
    Acknowledged,
    /// Nobody knows.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn admit(flow: &Flow, partitions: &[u16], now: Instant) -> Result<(), Refusal> {
        flow.admit(partitions.iter().copied().map(PartitionId), now)
    }

    #[test]
    fn takes_all_or_none_up_to_the_bound() {
        let flow = Flow::new(2, 3, SECOND);
        let now = Instant::now();
        assert_eq!(admit(&flow, &[0, 1], now), Ok(()));
        assert_eq!(admit(&flow, &[0, 0], now), Err(Refusal::Full));
        assert_eq!(flow.in_flight(), 2);
        assert_eq!(admit(&flow, &[0], now), Ok(()));
        flow.settle(PartitionId(1), Outcome::Acknowledged, now);
        flow.take_back(PartitionId(0));
        assert_eq!(flow.in_flight(), 1);
    }

    #[test]
    fn a_stalled_partition_takes_no_more_until_it_moves() {
        let flow = Flow::new(2, 10, SECOND);
        let now = flow.start;
        assert_eq!(admit(&flow, &[0, 0], now), Ok(()));
        assert_eq!(admit(&flow, &[0], now + SECOND), Ok(()));
        let later = now + SECOND * 2;
        let stalled = Err(Refusal::Stalled(PartitionId(0)));
        assert_eq!(admit(&flow, &[1, 0], later), stalled);
        assert_eq!(admit(&flow, &[1], later), Ok(()));
        flow.settle(PartitionId(0), Outcome::Acknowledged, later);
        assert_eq!(admit(&flow, &[0], later), Ok(()));
    }

    #[test]
    fn a_failing_partition_is_probed_by_one_submit() {
        let flow = Flow::new(1, 10, SECOND);
        let now = flow.start;
        assert_eq!(admit(&flow, &[0], now), Ok(()));
        flow.settle(PartitionId(0), Outcome::Failed, now);
        assert_eq!(admit(&flow, &[0, 0], now), Ok(()), "a probe");
        let failing = Err(Refusal::Failing(PartitionId(0)));
        assert_eq!(admit(&flow, &[0], now), failing);
        flow.settle(PartitionId(0), Outcome::Acknowledged, now);
        assert_eq!(admit(&flow, &[0], now), Ok(()));
    }
}
