//! The names of the metrics of this crate; telemetry says what they mean.

/// Time from sending a card's write until its acknowledgement.
pub(crate) const WRITE_SECONDS: &str = "switch_store_write_seconds";
/// Attempts to write a card without a good answer, by `outcome`: unknown, not_done or refused.
pub(crate) const WRITES_FAILED_TOTAL: &str = "switch_store_writes_failed_total";
/// Loads by `source`: disk, or none (no such card).
pub(crate) const CARD_LOADS_TOTAL: &str = "switch_card_loads_total";
/// States of an earlier owner that were written again at their load.
pub(crate) const STATES_TAKEN_OVER_TOTAL: &str = "switch_store_states_taken_over_total";
/// States that were not what was written, each at its load.
pub(crate) const STATES_DAMAGED_TOTAL: &str = "switch_store_states_damaged_total";
/// Assignments that found a newer owner's writes.
pub(crate) const ASSIGNMENTS_SUPERSEDED_TOTAL: &str = "switch_assignments_superseded_total";
/// Time of one checkpoint.
pub(crate) const CHECKPOINT_SECONDS: &str = "switch_checkpoint_seconds";
/// How much of the present term's epochs is used, in percent, the highest of this process's claims.
pub(crate) const EPOCHS_USED_PERCENT: &str = "switch_epochs_used_percent";

/// Label of [`WRITES_FAILED_TOTAL`].
pub(crate) const LABEL_OUTCOME: &str = "outcome";
/// Label of [`CARD_LOADS_TOTAL`].
pub(crate) const LABEL_SOURCE: &str = "source";
