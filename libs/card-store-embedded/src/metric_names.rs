//! The names of the metrics of this crate; telemetry says what they mean.

/// Time from the start of a checkpoint until it is durable.
pub(crate) const CHECKPOINT_SECONDS: &str = "switch_checkpoint_seconds";
/// Cards that are not in the LSM tree yet; told at each freeze and after each checkpoint.
pub(crate) const DIRTY_CARDS: &str = "switch_dirty_cards";
/// Loads by `source`: overlay (not in the LSM tree yet), disk, or none (no such card).
pub(crate) const CARD_LOADS_TOTAL: &str = "switch_card_loads_total";
