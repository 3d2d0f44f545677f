//! The names of this crate's metrics.

use std::time::Duration;

use metrics::{counter, histogram};

/// Counter: requests of the back office, by `route` and `status`.
pub const REQUESTS_TOTAL: &str = "switch_operations_requests_total";
/// Histogram: from a loss report's arrival to its decision, in seconds.
pub const LOSS_EFFECT_SECONDS: &str = "switch_loss_effect_seconds";

const LABEL_ROUTE: &str = "route";
const LABEL_STATUS: &str = "status";

/// Notes a request. Both labels are from closed sets.
pub(crate) fn answered(route: &'static str, status: u16) {
    let status = status.to_string();
    counter!(REQUESTS_TOTAL, LABEL_ROUTE => route, LABEL_STATUS => status).increment(1);
}

/// Notes how long a loss report took to be in effect.
pub(crate) fn loss_in_effect(took: Duration) {
    histogram!(LOSS_EFFECT_SECONDS).record(took);
}

/// Notes a reply that nobody waits for any more.
pub(crate) fn reply_late() {
    counter!("switch_replies_late_total").increment(1);
}
