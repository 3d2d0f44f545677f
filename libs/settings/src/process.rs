//! Settings of the process: log lines, command log, card processor, settlement day, operations.

use std::path::PathBuf;

use serde::Deserialize;

use crate::value::{CutAt, ListenAddress, Within};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// The least severe log lines that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what a person must look at now.
    Error,
    /// Also what a person should look at this week.
    Warn,
    /// Also the life of links and partitions.
    Info,
    /// Also each exchange, without card data.
    Debug,
}

/// The command log on this machine's disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLog {
    /// Size of one preallocated segment file, 1 to 4096 MiB; 256 suits most disks.
    pub segment_size_mib: Within<u32, 1, 4096>,
    /// Number of partitions, 1 to 4096. Fixed for life (LOG-2): a start with another number is refused.
    pub partition_count: Within<u16, 1, 4096>,
}

/// The card processor: how much it works on at once and keeps in memory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardProcessor {
    /// Threads that decide and answer, 1 to 256.
    pub workers: Within<u16, 1, 256>,
    /// Commands of one partition that may be on their way to card actors, 1 to 65536 (OWN-4).
    pub credits_per_partition: Within<u32, 1, 65_536>,
    /// Cards kept in memory, 1 to 100 million; about 10 kB each (OWN-4).
    pub live_cards_max: Within<u32, 1, 100_000_000>,
    /// An unused card leaves memory after this time, 1 to 86400 seconds.
    pub idle_card_seconds: Within<u32, 1, 86_400>,
    /// Longest time between two checkpoints, 1 to 3600 seconds; bounds the replay after a crash.
    pub checkpoint_interval_seconds: Within<u32, 1, 3600>,
    /// Most commands between two checkpoints, 1000 to a thousand million; bounds the replay too.
    pub checkpoint_commands_max: Within<u64, 1000, 1_000_000_000>,
}

/// The settlement day and the clock it is told by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementDay {
    /// Local time minus UTC, -720 to 840 minutes; 480 for China. Fixed: no summer time.
    pub utc_offset_minutes: Within<i16, -720, 840>,
    /// When the next settlement day begins for new work.
    pub cut_at: CutAt,
    /// So many minutes after the cut the day before it takes no more bookings, 1 to 1439; without
    /// this key days are frozen by hand.
    #[serde(default)]
    pub freeze_after_minutes: Option<Within<u16, 1, 1439>>,
}

/// The HTTP endpoint of the back office. Without this table there is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operations {
    /// Where it listens. It speaks no TLS: keep it on the loopback, or behind a proxy that does.
    pub listen: ListenAddress,
    /// Holds the token that a caller must show; for its owner alone. `init` makes one.
    pub token_file: PathBuf,
}
