//! Names of this module's metrics, declared in `telemetry::metric`.

/// Partitions that were taken anew because they made no progress.
pub(super) const WATCHDOG: &str = "switch_watchdog_total";
