//! What can be chosen about a log.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::disk::{Disk, SystemDisk};
use crate::error::OpenError;
use crate::format::{BLOCK_ALIGN, BLOCK_HEADER_SIZE, ENTRY_HEADER_SIZE};
use crate::segment::header_size;

/// Segments and their parts are multiples of this.
const SEGMENT_ALIGN: u64 = 4_096;
/// The room that a segment must have for blocks, at least.
const SEGMENT_ROOM_MIN: u64 = 16 * 1_024;
/// The largest block, whatever the segment: one write and one sync.
const BLOCK_SIZE_MAX: u64 = 4 * 1_024 * 1_024;

/// What happens to segments that are not needed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// They are deleted.
    Drop,
    /// They are moved to the folder `archive` beside them.
    Archive,
}

/// What can be chosen about a log. Start with [`Options::new`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Partitions of the log, fixed for its life (LOG-2). 1 to 65,535.
    pub partition_count: u16,
    /// The offset of the first record of each partition of a new log: above those of a log that it
    /// goes on from. An existing log keeps its own.
    pub first_offset: u64,
    /// Bytes of a new segment, written ahead with zeros. A multiple of 4,096.
    pub segment_size: u64,
    /// Bytes that may wait for the disk; beyond it submits are refused (OWN-4).
    pub pending_size_max: u64,
    /// Records that one consumer may be behind; beyond it submits are refused (OWN-4).
    pub consumer_records_max: usize,
    /// What happens to released segments.
    pub retention: Retention,
    /// The incarnation that the caller knows; another one is refused (LOG-2).
    pub incarnation: Option<[u8; 16]>,
    /// Milliseconds between two tries to prepare a segment on a full disk.
    pub space_retry_ms: u64,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// Segments of 64 MiB on the machine's disk, with its clock.
    #[must_use]
    pub fn new(partition_count: u16) -> Self {
        Self {
            partition_count,
            first_offset: 0,
            segment_size: 64 * 1_024 * 1_024,
            pending_size_max: 64 * 1_024 * 1_024,
            consumer_records_max: 262_144,
            retention: Retention::Drop,
            incarnation: None,
            space_retry_ms: 1_000,
            disk: Arc::new(SystemDisk),
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// Checks the ranges.
    pub(crate) fn validate(&self) -> Result<(), OpenError> {
        let refuse = |setting, value, rule| {
            Err(OpenError::Setting {
                setting,
                value,
                rule,
            })
        };
        if self.partition_count == 0 {
            return refuse(
                "partition_count",
                0,
                "a log has at least one partition".to_owned(),
            );
        }
        let least = header_size(self.partition_count) + SEGMENT_ROOM_MIN;
        if self.segment_size < least || !self.segment_size.is_multiple_of(SEGMENT_ALIGN) {
            let rule = format!("it must be a multiple of {SEGMENT_ALIGN}, at least {least}");
            return refuse("segment_size", self.segment_size, rule);
        }
        Ok(())
    }

    /// The bounds that follow from the choices.
    pub(crate) fn limits(&self) -> Limits {
        let capacity = self.segment_size - header_size(self.partition_count);
        let block_size_max = usize::try_from(BLOCK_SIZE_MAX.min(capacity / 4))
            .expect("a block of at most 4 MiB fits an address")
            / BLOCK_ALIGN
            * BLOCK_ALIGN;
        Limits {
            capacity,
            block_size_max,
            payload_size_max: block_size_max - BLOCK_HEADER_SIZE - ENTRY_HEADER_SIZE,
            pending_size_max: self.pending_size_max,
            consumer_records_max: self.consumer_records_max,
        }
    }
}

/// The bounds of one open log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes for blocks in a new segment.
    pub(crate) capacity: u64,
    /// Bytes of one block.
    pub(crate) block_size_max: usize,
    /// Bytes of one record's payload.
    pub(crate) payload_size_max: usize,
    /// See [`Options::pending_size_max`].
    pub(crate) pending_size_max: u64,
    /// See [`Options::consumer_records_max`].
    pub(crate) consumer_records_max: usize,
}
