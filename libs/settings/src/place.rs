//! Finds the key and the line that a problem belongs to.

use std::fmt::Write as _;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key with its tables in front, such as `acquirers[0].listen`, and its line in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) key: String,
    pub(crate) line: usize,
}

/// Lists every key of the file in no particular order; a file that is not TOML has none.
pub(crate) fn places(text: &str) -> Vec<(Place, Range<usize>)> {
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

/// Returns the innermost key whose value covers `span`.
pub(crate) fn place_of_value(text: &str, span: &Range<usize>) -> Option<Place> {
    let covering = places(text).into_iter().filter(|(_, value)| value.start <= span.start && span.end <= value.end);
    let innermost = covering.min_by_key(|(_, value)| value.end - value.start);
    innermost.map(|(place, _)| place)
}

/// Returns the line of a key written as [`Place`] writes it, or of the nearest table around it.
pub(crate) fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let known = places(text);
    let mut wanted = key;
    loop {
        if let Some((place, _)) = known.iter().find(|(place, _)| place.key == wanted) {
            return Some(place.line);
        }
        wanted = wanted.rsplit_once('.')?.0;
    }
}

fn walk_table(text: &str, prefix: &str, table: &DeTable<'_>, found: &mut Vec<(Place, Range<usize>)>) {
    for (name, value) in table {
        let mut key = prefix.to_owned();
        if !key.is_empty() {
            key.push('.');
        }
        key.push_str(name.get_ref());
        let line = line_at(text, name.span().start);
        found.push((Place { key: key.clone(), line }, value.span()));
        walk_value(text, &key, value, found);
    }
}

fn walk_value(text: &str, key: &str, value: &Spanned<DeValue<'_>>, found: &mut Vec<(Place, Range<usize>)>) {
    match value.get_ref() {
        DeValue::Table(table) => walk_table(text, key, table, found),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let mut item_key = key.to_owned();
                write!(item_key, "[{index}]").expect("writing to a string cannot fail");
                let line = line_at(text, item.span().start);
                found.push((Place { key: item_key.clone(), line }, item.span()));
                walk_value(text, &item_key, item, found);
            }
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}
