//! The bounds and times of one log client. The defaults are those of the switch.

use std::time::Duration;

/// How records are compressed on their way and on the brokers' disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are: quickest at low load.
    None,
    /// LZ4: fewer bytes when the network or the disks are what limits.
    Lz4,
}

impl Compression {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
        }
    }
}

/// How a [`crate::KafkaLog`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// How long a record may wait for its acknowledgement before its fate is called unknown. Must end before
    /// the exchange that waits for it does.
    pub delivery_timeout: Duration,
    /// A partition whose oldest record has waited this long takes no more: its senders hear "not appended" at
    /// once instead of waiting for the same broker.
    pub stall_after: Duration,
    /// How long a record waits for company. Zero sends at once; while requests are under way the next ones
    /// gather anyway.
    pub linger: Duration,
    /// See [`Compression`].
    pub compression: Compression,
    /// Producers that share the partitions, up to 16. A broker works on one request of a connection at a time, and
    /// a request carries records of one partition.
    pub producers: usize,
    /// Consumers that share the partitions of this process, up to 16. A fetch costs client and broker something for
    /// each partition it names, even if only one has a record.
    pub readers: usize,
    /// Records that may be on their way at one time; more are refused at once.
    pub in_flight_max: usize,
    /// Records of one partition that may lie read and not yet taken; then its reading pauses.
    pub lane_records_max: usize,
    /// How long a broker may hold a fetch that has nothing to give. A partition that is added waits for the
    /// fetch under way, so this is part of a handover.
    pub fetch_wait: Duration,
    /// What is added to the topic's offsets, for a log that goes on from an older one. Fixed for life; the store
    /// keeps it.
    pub offset_base: u64,
    /// How long a question to the brokers may take (ends of partitions, metadata).
    pub query_timeout: Duration,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            delivery_timeout: Duration::from_secs(8),
            stall_after: Duration::from_secs(4),
            linger: Duration::ZERO,
            compression: Compression::None,
            producers: 4,
            readers: 4,
            in_flight_max: 20_000,
            lane_records_max: 2_048,
            fetch_wait: Duration::from_millis(50),
            offset_base: 0,
            query_timeout: Duration::from_secs(5),
        }
    }
}
