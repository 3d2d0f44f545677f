//! The names of this crate's metrics.

/// Histogram: seconds that one sync of the log took.
pub const SYNC_SECONDS: &str = "switch_sync_seconds";
/// Histogram: records that one sync made durable.
pub const RECORDS_PER_SYNC: &str = "switch_records_per_sync";
/// Histogram: seconds from the submit of the oldest record of a sync until it was durable.
pub const APPEND_SECONDS: &str = "switch_append_seconds";
