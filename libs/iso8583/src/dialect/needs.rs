//! What a dialect must have so that the switch can read a request in it and write the answer.

use super::error::{DialectError, DialectProblem};
use super::{Dialect, Speaks, words};
use crate::spec::ValueKind::{self, Numeric, Text};
use crate::spec::{FieldSpec, LengthKind};

/// A data element that the switch reads or writes.
struct Need {
    number: u8,
    kind: ValueKind,
    /// Longest value it writes, in digits or bytes.
    length: usize,
}

const fn need(number: u8, kind: ValueKind, length: usize) -> Need {
    Need {
        number,
        kind,
        length,
    }
}

const POS: &[Need] = &[
    need(2, Numeric, 19),
    need(3, Numeric, 6),
    need(4, Numeric, 12),
    need(11, Numeric, 6),
    need(12, Numeric, 6),
    need(13, Numeric, 4),
    need(15, Numeric, 4),
    need(25, Numeric, 2),
    need(32, Numeric, 11),
    need(37, Text, 12),
    need(38, Text, 6),
    need(39, Text, 2),
    need(41, Text, 8),
    need(42, Text, 15),
    need(44, Text, 22),
    need(49, Text, 3),
    need(54, Text, 20),
    need(60, Numeric, 17),
    need(61, Numeric, 29),
    need(63, Text, 3),
];

const CUPS: &[Need] = &[
    need(2, Numeric, 19),
    need(3, Numeric, 6),
    need(4, Numeric, 12),
    need(7, Numeric, 10),
    need(11, Numeric, 6),
    need(12, Numeric, 6),
    need(13, Numeric, 4),
    need(15, Numeric, 4),
    need(25, Numeric, 2),
    need(32, Numeric, 11),
    need(33, Numeric, 11),
    need(37, Text, 12),
    need(38, Text, 6),
    need(39, Text, 2),
    need(41, Text, 8),
    need(42, Text, 15),
    need(49, Text, 3),
    need(54, Text, 40),
    need(70, Numeric, 3),
    need(90, Numeric, 42),
];

const ISO87: &[Need] = &[
    need(2, Numeric, 19),
    need(3, Numeric, 6),
    need(4, Numeric, 12),
    need(7, Numeric, 10),
    need(11, Numeric, 6),
    need(12, Numeric, 6),
    need(13, Numeric, 4),
    need(32, Numeric, 11),
    need(37, Text, 12),
    need(38, Text, 6),
    need(39, Text, 2),
    need(41, Text, 8),
    need(42, Text, 15),
    need(49, Text, 3),
    need(70, Numeric, 3),
    need(90, Numeric, 42),
];

const ISO93: &[Need] = &[
    need(2, Numeric, 19),
    need(3, Numeric, 6),
    need(4, Numeric, 12),
    need(7, Numeric, 10),
    need(11, Numeric, 6),
    need(12, Numeric, 12),
    need(24, Numeric, 3),
    need(25, Numeric, 4),
    need(32, Numeric, 11),
    need(37, Text, 12),
    need(38, Text, 6),
    need(39, Numeric, 3),
    need(41, Text, 8),
    need(42, Text, 15),
    need(49, Text, 3),
    need(56, Numeric, 35),
];

impl Speaks {
    fn needs(self) -> &'static [Need] {
        match self {
            Self::Pos => POS,
            Self::Cups => CUPS,
            Self::Iso87 => ISO87,
            Self::Iso93 => ISO93,
        }
    }

    /// A built-in dialect of this language, for examples.
    fn example(self) -> &'static str {
        match self {
            Self::Pos => "pos",
            Self::Cups => "cups",
            Self::Iso87 => "iso87-ascii",
            Self::Iso93 => "iso93-ascii",
        }
    }
}

/// Checks a dialect as a whole. `line_of` gives the line of a data element.
pub(super) fn check(
    dialect: &Dialect,
    last_line: usize,
    line_of: impl Fn(u8) -> usize,
) -> Result<(), DialectError> {
    let speaks = words::word(words::SPEAKS, &dialect.speaks);
    for need in dialect.speaks.needs() {
        let number = need.number;
        let example = || example(dialect.speaks, number);
        let (line, problem) = match dialect.field(number) {
            Some(spec) if need.fits(spec) => continue,
            Some(_) => (
                line_of(number),
                DialectProblem::FieldUnfit {
                    number,
                    speaks,
                    example: example(),
                },
            ),
            None => (
                last_line,
                DialectProblem::FieldMissing {
                    number,
                    speaks,
                    example: example(),
                },
            ),
        };
        return Err(DialectError { line, problem });
    }
    Ok(())
}

impl Need {
    fn fits(&self, spec: &FieldSpec) -> bool {
        let has_room = match spec.length {
            LengthKind::Fixed => spec.length_max() == self.length,
            LengthKind::Ll | LengthKind::Lll => spec.length_max() >= self.length,
        };
        has_room && spec.encoding.kind() == self.kind
    }
}

/// The line of a built-in dialect, with the blanks between its columns made one.
fn example(speaks: Speaks, number: u8) -> String {
    let file = Dialect::builtin_file(speaks.example()).unwrap_or_default();
    let number = number.to_string();
    let lines = file.lines().map(str::split_ascii_whitespace);
    let line = lines.map(Iterator::collect::<Vec<_>>);
    line.into_iter()
        .find(|columns| columns.first() == Some(&number.as_str()))
        .map_or_else(|| number.clone(), |columns| columns.join(" "))
}
