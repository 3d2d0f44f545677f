//! Reading rows by their column types.

use scylla::deserialize::row::DeserializeRow;
use scylla::response::query_result::QueryRowsResult;

use crate::fault::Fault;

/// Takes all rows of a result. Other types than these mean another schema.
///
/// # Errors
/// [`Fault::Refused`] when the columns have other types.
pub fn all_rows<T>(rows: &QueryRowsResult) -> Result<Vec<T>, Fault>
where
    T: for<'frame> DeserializeRow<'frame, 'frame>,
{
    let unreadable = |error: String| Fault::Refused(error);
    let rows = rows
        .rows::<T>()
        .map_err(|error| unreadable(error.to_string()))?;
    rows.map(|row| row.map_err(|error| unreadable(error.to_string())))
        .collect()
}

/// Takes the first row of a result, if there is one.
///
/// # Errors
/// As [`all_rows`].
pub fn first_row<T>(rows: &QueryRowsResult) -> Result<Option<T>, Fault>
where
    T: for<'frame> DeserializeRow<'frame, 'frame>,
{
    rows.maybe_first_row()
        .map_err(|error| Fault::Refused(error.to_string()))
}

/// A number that must fit a narrower type.
///
/// # Errors
/// [`Fault::Refused`] when it is absent or does not fit: somebody else wrote the row.
pub(crate) fn narrow<T: TryFrom<i32>>(column: &str, number: Option<i32>) -> Result<T, Fault> {
    let narrowed = number.and_then(|number| T::try_from(number).ok());
    narrowed.ok_or_else(|| Fault::Refused(format!("column {column} was written by hand")))
}
