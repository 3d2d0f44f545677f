//! The answer to a conditional write.

use scylla::response::query_result::QueryRowsResult;
use scylla::value::{CqlValue, Row};

use crate::fault::Fault;

/// What became of a conditional write whose answer arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LwtOutcome {
    /// The condition held, the write is done.
    Applied,
    /// The condition did not hold.
    NotApplied,
}

/// Reads the answer by the column's name: the servers send different other columns with it.
pub(crate) fn outcome(rows: QueryRowsResult) -> Result<LwtOutcome, Fault> {
    let unreadable =
        |reason: &str| Fault::Unknown(format!("answer to a conditional write: {reason}"));
    let (index, _) = rows
        .column_specs()
        .get_by_name("[applied]")
        .ok_or_else(|| unreadable("no [applied]"))?;
    let row: Row = rows
        .first_row()
        .map_err(|error| unreadable(&error.to_string()))?;
    match row.columns.get(index) {
        Some(Some(CqlValue::Boolean(true))) => Ok(LwtOutcome::Applied),
        Some(Some(CqlValue::Boolean(false))) => Ok(LwtOutcome::NotApplied),
        Some(_) | None => Err(unreadable("[applied] is no boolean")),
    }
}
