//! The reconciliation of a day, as an institution tells it in a script.

use std::collections::BTreeMap;

use crate::certify::message::Sent;
use iso8583::Speaks;

/// The names of messages that tell what a day came to, with the function of their type.
const NAMES: [(&str, &[u8; 4]); 2] = [
    ("reconciliation", b"0500"),
    ("reconciliation-advice", b"0520"),
];

/// Counts, amounts and the net of nothing.
const NOTHING: [(u8, &str); 9] = [
    (74, "0000000000"),
    (75, "0000000000"),
    (76, "0000000000"),
    (77, "0000000000"),
    (86, "0000000000000000"),
    (87, "0000000000000000"),
    (88, "0000000000000000"),
    (89, "0000000000000000"),
    (97, "C0000000000000000"),
];

/// The type of a message with this name.
pub(super) fn mti_of(name: &str) -> Option<&'static [u8; 4]> {
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, mti)| *mti)
}

/// The names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// The day and its lines: what the answer to the message that this one is about says of them, and of
/// lines that it does not say, nothing.
///
/// # Errors
/// No answer tells the day.
pub(super) fn fields_of(
    speaks: Speaks,
    original: Option<&Sent>,
) -> Result<BTreeMap<u8, String>, String> {
    let answered = original.and_then(|original| original.answer.as_ref());
    let said = |number| answered.and_then(|answer| answer.fields.get(&number));
    // The answer to a payment tells its day in 15, the answer to a reconciliation in 28.
    let (number, day) = match speaks {
        Speaks::Pos | Speaks::Cups | Speaks::Iso87 => (15, said(15)),
        Speaks::Iso93 => (28, said(28).or_else(|| said(15))),
    };
    let day = day.ok_or("a reconciliation of which day? end it with `of NAME`, of a payment or of another reconciliation")?;
    let mut fields = BTreeMap::from([(number, day.clone()), (50, "156".to_owned())]);
    for (number, nothing) in NOTHING {
        let line = said(number).map_or(nothing, String::as_str);
        fields.insert(number, line.to_owned());
    }
    if speaks == Speaks::Iso93 {
        fields.insert(24, "500".to_owned());
    }
    Ok(fields)
}
