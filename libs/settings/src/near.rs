//! Finds the known key that a misspelt one most likely meant.

/// Returns the candidate nearest to `word`, or nothing when none is near enough to be meant.
///
/// A key that only lacks its unit (`idle_timeout` for `idle_timeout_seconds`) counts as near.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let with_unit = candidates
        .iter()
        .find(|candidate| is_without_unit(word, candidate));
    if let Some(candidate) = with_unit {
        return Some(candidate);
    }
    let by_edits = candidates
        .iter()
        .map(|candidate| (edits(word, candidate), *candidate));
    let (edit_count, candidate) = by_edits.min_by_key(|(edit_count, _)| *edit_count)?;
    (edit_count <= word.len().div_ceil(3).max(2)).then_some(candidate)
}

/// True when one of the two is the other plus `_` and a unit, or both differ in the unit alone.
fn is_without_unit(word: &str, candidate: &str) -> bool {
    let stem = |text: &str| text.rsplit_once('_').map(|(stem, _)| stem.to_owned());
    let candidate_stem = stem(candidate);
    candidate_stem.as_deref() == Some(word)
        || stem(word).as_deref() == Some(candidate)
        || (candidate_stem.is_some() && candidate_stem == stem(word))
}

/// Counts the insertions, deletions and replacements that turn one word into the other.
fn edits(from: &str, to: &str) -> usize {
    let mut previous_row: Vec<usize> = (0..=to.len()).collect();
    for (row_index, from_byte) in from.bytes().enumerate() {
        let mut row = Vec::with_capacity(to.len() + 1);
        row.push(row_index + 1);
        for (column, to_byte) in to.bytes().enumerate() {
            let replaced = previous_row[column] + usize::from(from_byte != to_byte);
            row.push(
                replaced
                    .min(previous_row[column + 1] + 1)
                    .min(row[column] + 1),
            );
        }
        previous_row = row;
    }
    previous_row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn names_the_key_that_was_meant() {
        let known = [
            "listen",
            "idle_timeout_seconds",
            "reply_timeout_milliseconds",
            "name",
        ];
        let table = [
            ("lisen", Some("listen")),
            ("idle_timeout", Some("idle_timeout_seconds")),
            ("idle_timeout_ms", Some("idle_timeout_seconds")),
            ("reply_timeout_seconds", Some("reply_timeout_milliseconds")),
            ("names", Some("name")),
            ("colour_of_the_sky", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
    }
}
