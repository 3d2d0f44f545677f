//! Finds the key and the line that a problem belongs to.

use std::cmp::Reverse;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key with its tables in front, such as `acquirers[0].listen`, and where the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) key: String,
    pub(crate) line: usize,
    name: Range<usize>,
    value: Range<usize>,
}

/// Lists every key of the file in no particular order; a file that is not TOML has none.
fn places(text: &str) -> Vec<Place> {
    let mut found = Vec::new();
    if let Ok(document) = DeTable::parse(text) {
        walk_table(text, "", document.get_ref(), &mut found);
    }
    found
}

/// Returns the 1-based line of a byte offset.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// Returns the innermost key whose value covers `span`. The span of a table is its header.
pub(crate) fn place_of_value(text: &str, span: &Range<usize>) -> Option<Place> {
    let covers = |place: &Place| place.value.start <= span.start && span.end <= place.value.end;
    let size = |place: &Place| (place.value.len(), Reverse(place.key.len()));
    places(text).into_iter().filter(covers).min_by_key(size)
}

/// Returns the key that is written at `span`.
pub(crate) fn place_of_name(text: &str, span: &Range<usize>) -> Option<Place> {
    places(text).into_iter().find(|place| place.name == *span)
}

/// Returns the line of a key written as [`Place`] writes it, or of the nearest table around it.
pub(crate) fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let known = places(text);
    let mut wanted = key;
    loop {
        if let Some(place) = known.iter().find(|place| place.key == wanted) {
            return Some(place.line);
        }
        wanted = wanted.rsplit_once('.')?.0;
    }
}

fn walk_table(text: &str, prefix: &str, table: &DeTable<'_>, found: &mut Vec<Place>) {
    for (name, value) in table {
        let dot = if prefix.is_empty() { "" } else { "." };
        let key = format!("{prefix}{dot}{}", name.get_ref());
        walk_value(text, key, name.span(), value, found);
    }
}

fn walk_value(
    text: &str,
    key: String,
    name: Range<usize>,
    value: &Spanned<DeValue<'_>>,
    found: &mut Vec<Place>,
) {
    match value.get_ref() {
        DeValue::Table(table) => walk_table(text, &key, table, found),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk_value(text, format!("{key}[{index}]"), item.span(), item, found);
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
    found.push(Place {
        key,
        line: line_at(text, name.start),
        name,
        value: value.span(),
    });
}
