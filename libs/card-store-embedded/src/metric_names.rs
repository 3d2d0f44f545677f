//! The names of the metrics of this crate, and what they mean.

pub(crate) const CHECKPOINT_SECONDS: &str = "switch_checkpoint_seconds";
pub(crate) const DIRTY_CARDS: &str = "switch_dirty_cards";
pub(crate) const CARD_LOADS_TOTAL: &str = "switch_card_loads_total";

/// Tells the recorder what the metrics mean. Call it once, after the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_histogram!(
        CHECKPOINT_SECONDS,
        metrics::Unit::Seconds,
        "time from the start of a checkpoint until it is durable"
    );
    metrics::describe_gauge!(
        DIRTY_CARDS,
        metrics::Unit::Count,
        "cards that the last checkpoint moved to disk"
    );
    metrics::describe_counter!(
        CARD_LOADS_TOTAL,
        metrics::Unit::Count,
        "cards loaded, by source: overlay (not yet on disk), disk, or none (no such card)"
    );
}
