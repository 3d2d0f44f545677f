//! The bounds of a processor (OWN-4). All of them are named; none has a default here.

use std::time::Duration;

/// How much a processor may hold at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorSettings {
    /// Workers; partitions are dealt out to them.
    pub worker_count: u16,
    /// Commands of one partition between log and release.
    pub credits_per_partition: u32,
    /// Cards with an actor; the least recently used are passivated beyond it.
    pub live_cards_max: usize,
    /// A card without a command for this long is passivated.
    pub idle_card: Duration,
    /// The longest time between two checkpoints.
    pub checkpoint_interval: Duration,
    /// A checkpoint is made when this many cards were written since the last one.
    pub dirty_cards_max: usize,
}

/// Commands of a stopped or slow partition that wait without a credit; past it the partition's
/// gate closes and the edge answers 96 before anything is appended.
pub(crate) const DEFERRED_MAX: usize = 4_096;

/// Records taken from the log in one turn.
pub(crate) const RECORDS_PER_POLL_MAX: usize = 1_024;

/// Decisions of one card that go out in one write (STORE-2).
pub(crate) const DECISIONS_PER_WRITE_MAX: usize = 64;

/// Records between watermark and last dispatched one; past it the partition takes no more until the
/// stuck card is repaired (OWN-4).
pub(crate) const WATERMARK_SPAN_MAX: usize = 65_536;

/// How far the log's clock may be ahead of this machine's. Time on a card never runs back, so a leap by
/// years would end every hold and forget every key (LOG-5).
pub(crate) const LOG_AHEAD_MAX_MS: i64 = 5 * 60 * 1_000;

/// Panics at one position that stop its partition (OWN-5).
pub(crate) const PANICS_MAX: u8 = 3;
