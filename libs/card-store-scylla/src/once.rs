//! Rows that are written once by a conditional insert and never change.

use std::future::Future;
use std::time::Duration;

use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;

use crate::fault::Fault;
use crate::lwt::LwtOutcome;
use crate::session::CqlSession;

/// How often a conditional write of unknown outcome is looked at and tried again.
const ATTEMPTS_MAX: u32 = 8;
const PAUSE: Duration = Duration::from_millis(50);

/// What is in the row after an attempt to write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// What was to be written.
    Written,
    /// This, which may be the same.
    There(T),
}

/// Writes a row that must not be there yet, and goes on until it is known what is there.
///
/// `insert` ends with `IF NOT EXISTS`; `read` reads the row at SERIAL, which finishes a write of
/// unknown outcome or rules it out.
///
/// # Errors
/// The last failure, after many tries.
pub async fn insert_once<V, T, F>(
    session: &CqlSession,
    insert: &PreparedStatement,
    values: &V,
    read: impl Fn() -> F,
) -> Result<Once<T>, Fault>
where
    V: SerializeRow + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Option<T>, Fault>>,
{
    let mut last = Fault::Unknown("not tried".to_owned());
    for attempt in 1..=ATTEMPTS_MAX {
        match session.write_if(insert.clone(), values.clone()).await {
            Ok(LwtOutcome::Applied) => return Ok(Once::Written),
            Ok(LwtOutcome::NotApplied) => {}
            Err(Fault::Refused(reason)) => return Err(Fault::Refused(reason)),
            Err(fault @ (Fault::Unknown(_) | Fault::NotDone(_))) => {
                last = fault;
                tokio::time::sleep(PAUSE * attempt).await;
            }
        }
        match read().await {
            Ok(Some(there)) => return Ok(Once::There(there)),
            Ok(None) => {}
            Err(Fault::Refused(reason)) => return Err(Fault::Refused(reason)),
            Err(fault @ (Fault::Unknown(_) | Fault::NotDone(_))) => last = fault,
        }
    }
    Err(last)
}
