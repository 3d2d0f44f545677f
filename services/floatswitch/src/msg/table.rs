//! A message as a table for people: number, name, value, and what the value means.

use std::fmt::Write as _;

use super::meaning;
use iso8583::{Dialect, OwnedMessage, OwnedPrefix};

/// Lines of one message, with an empty one at the end.
pub(crate) fn table(dialect: &'static Dialect, message: &OwnedMessage) -> String {
    let mut text = headline(dialect, message);
    text.push_str(&prefix(&message.prefix));
    let rows = message.fields.iter().map(|(number, value)| {
        let name = dialect.field(*number).map_or("", |spec| spec.name());
        (*number, name, value.as_str())
    });
    let name_width = rows.clone().map(|(_, name, _)| name.len()).max();
    let value_width = rows.clone().map(|(_, _, value)| value.len()).max();
    let (name_width, value_width) = (
        name_width.unwrap_or_default(),
        value_width.unwrap_or_default().min(VALUE_WIDTH_MAX),
    );
    for (number, name, value) in rows {
        let meaning = meaning::of_field(dialect, message, number).unwrap_or_default();
        let line = format!("{number:>5}  {name:<name_width$}  {value:<value_width$}  {meaning}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Longer values push their meaning to the right.
const VALUE_WIDTH_MAX: usize = 22;

fn headline(dialect: &'static Dialect, message: &OwnedMessage) -> String {
    let kind = meaning::of_mti(&message.mti);
    match meaning::business(dialect, message) {
        Some(business) => format!("{} {kind}: {business}\n", message.mti),
        None => format!("{} {kind}\n", message.mti),
    }
}

fn prefix(prefix: &OwnedPrefix) -> String {
    let mut text = String::new();
    let written = match prefix {
        OwnedPrefix::None => Ok(()),
        OwnedPrefix::Tpdu { tpdu } => writeln!(text, "       tpdu {tpdu}"),
        OwnedPrefix::Pos { tpdu, header } => {
            writeln!(text, "       tpdu {tpdu}, header {header}")
        }
        OwnedPrefix::Cups(header) => writeln!(
            text,
            "       from {} to {}, {} bytes, reject code {}",
            header.source.trim_end(),
            header.destination.trim_end(),
            header.total_length,
            header.reject_code,
        ),
    };
    // Writing to a string cannot fail.
    written.map_or_else(|_| String::new(), |()| text)
}
