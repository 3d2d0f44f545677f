//! Waiting for what must happen, and the clock that records are compared with.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::error::FaultError;

/// How often a condition is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer.
///
/// # Errors
///
/// [`FaultError::Overdue`] with `what` after the limit, and the errors of the probe at once.
pub(crate) fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<Option<T>, FaultError>,
) -> Result<T, FaultError> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            let what = what.to_owned();
            return Err(FaultError::Overdue { what, limit });
        }
        hold(LOOK_INTERVAL);
    }
}

/// Lets time pass: between two looks, or because the length of a fault is the fault itself.
pub(crate) fn hold(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread of a test program; nothing is concluded from how long this takes"
    )]
    thread::sleep(time);
}

/// Milliseconds of Unix time, as records have them.
pub(crate) fn unix_ms() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "faults are timed by the clock that `sim pos` writes into its record"
    )]
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
