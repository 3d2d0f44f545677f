//! Reads a dialect file: six lines of head, then one line for each data element.

use super::error::{DialectError, DialectProblem};
use super::words::{self, Words};
use super::write::last_number;
use super::{Dialect, FieldTable, FrameLength, PrefixKind, Speaks, needs};
use crate::bitmap::{
    BitmapSpec, BitmapWidth, FIELD_NUMBER_MAX, MapForm, THIRD_MAP_NUMBER, ThirdMap,
};
use crate::numerals::Numerals;
use crate::spec::{FieldSpec, LengthKind};

const NAME_LENGTH_MAX: usize = 32;
const FRAME_SIZE_MIN: usize = 64;

type Parsed<T> = Result<T, DialectProblem>;

/// Reads the text of a file.
pub(super) fn parse(text: &str) -> Result<Dialect, DialectError> {
    let mut file = File::default();
    let mut last_line = 1;
    for (index, line) in text.lines().enumerate() {
        last_line = index + 1;
        let content = line.split('#').next().unwrap_or_default().trim();
        let (word, rest) = content
            .split_once(char::is_whitespace)
            .unwrap_or((content, ""));
        if !word.is_empty() {
            file.take_line(last_line, word, rest.trim())
                .map_err(|problem| DialectError {
                    line: last_line,
                    problem,
                })?;
        }
    }
    file.finish(last_line)
}

/// What the lines so far have said.
#[derive(Default)]
struct File {
    name: Head<Box<str>>,
    speaks: Head<Speaks>,
    frame: Head<(FrameLength, usize)>,
    prefix: Head<PrefixKind>,
    numerals: Head<Numerals>,
    bitmap: Head<BitmapSpec>,
    rows: Vec<Row>,
}

/// A head line: where it was and what it said.
type Head<T> = Option<(usize, T)>;

/// The line of a data element.
struct Row {
    line: usize,
    number: u8,
    /// Its numerals are those of the head, which may come later.
    spec: FieldSpec,
}

impl File {
    fn take_line(&mut self, line: usize, word: &str, rest: &str) -> Parsed<()> {
        match word {
            "dialect" => set(&mut self.name, "dialect", (line, name(rest)?)),
            "speaks" => {
                let speaks = one_of("language", words::SPEAKS, rest)?;
                set(&mut self.speaks, "speaks", (line, speaks))
            }
            "frame" => set(&mut self.frame, "frame", (line, frame(rest)?)),
            "prefix" => {
                let prefix = one_of("prefix", words::PREFIX, rest)?;
                set(&mut self.prefix, "prefix", (line, prefix))
            }
            "numerals" => {
                let numerals = one_of("numerals", words::NUMERALS, rest)?;
                set(&mut self.numerals, "numerals", (line, numerals))
            }
            "bitmap" => set(&mut self.bitmap, "bitmap", (line, bitmap(rest)?)),
            _ if word.starts_with(|first: char| first.is_ascii_digit()) => {
                self.take_row(line, word, rest)
            }
            _ => Err(DialectProblem::Start {
                word: word.to_owned(),
            }),
        }
    }

    fn take_row(&mut self, line: usize, word: &str, rest: &str) -> Parsed<()> {
        let number = field_number(word)?;
        if let Some(first) = self.rows.iter().find(|row| row.number == number) {
            return Err(DialectProblem::FieldTwice {
                number,
                first_line: first.line,
            });
        }
        let spec = row(rest)?;
        self.rows.push(Row { line, number, spec });
        Ok(())
    }

    fn finish(self, last_line: usize) -> Result<Dialect, DialectError> {
        let missing = |head, example| DialectError {
            line: last_line,
            problem: DialectProblem::HeadMissing { head, example },
        };
        let (_, name) = self
            .name
            .ok_or_else(|| missing("dialect", "dialect my-bank"))?;
        let (_, speaks) = self.speaks.ok_or_else(|| missing("speaks", "speaks pos"))?;
        let (_, (frame_length, frame_size_max)) =
            self.frame.ok_or_else(|| missing("frame", FRAME_EXAMPLE))?;
        let (_, prefix) = self
            .prefix
            .ok_or_else(|| missing("prefix", "prefix none"))?;
        let (_, numerals) = self
            .numerals
            .ok_or_else(|| missing("numerals", "numerals ascii"))?;
        let (_, bitmap) = self
            .bitmap
            .ok_or_else(|| missing("bitmap", "bitmap binary, up to 128"))?;
        let lines: Vec<(u8, usize)> = self.rows.iter().map(|row| (row.number, row.line)).collect();
        let dialect = Dialect {
            name,
            speaks,
            frame_length,
            frame_size_max,
            prefix,
            numerals,
            bitmap,
            fields: table(self.rows, numerals, bitmap.width_max)?,
        };
        needs::check(&dialect, last_line, |number| {
            let found = lines.iter().find(|(other, _)| *other == number);
            found.map_or(last_line, |(_, line)| *line)
        })?;
        Ok(dialect)
    }
}

fn set<T>(head: &mut Head<T>, word: &'static str, value: (usize, T)) -> Parsed<()> {
    match head {
        Some((first_line, _)) => Err(DialectProblem::HeadTwice {
            head: word,
            first_line: *first_line,
        }),
        None => {
            *head = Some(value);
            Ok(())
        }
    }
}

fn one_of<T: Copy>(place: &'static str, words: Words<T>, word: &str) -> Parsed<T> {
    words::meaning(words, word).ok_or_else(|| DialectProblem::Word {
        place,
        word: word.to_owned(),
        allowed: words::list(words),
    })
}

fn name(text: &str) -> Parsed<Box<str>> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=NAME_LENGTH_MAX).contains(&text.len()) && text.chars().all(is_of_name) {
        Ok(text.into())
    } else {
        Err(DialectProblem::Name {
            name: text.to_owned(),
        })
    }
}

const FRAME_EXAMPLE: &str = "frame 2-bytes, up to 4096";

fn frame(text: &str) -> Parsed<(FrameLength, usize)> {
    let parts: Vec<&str> = parts_of(text).collect();
    let (form, limit) = match parts.as_slice() {
        [form, limit] => (*form, limit.strip_prefix("up to ")),
        _ => ("", None),
    };
    let limit = limit.ok_or_else(|| DialectProblem::Head {
        head: "frame",
        found: text.to_owned(),
        example: FRAME_EXAMPLE,
    })?;
    let form = one_of("frame length", words::FRAME, form)?;
    let size_max = match form {
        FrameLength::BigEndian2 => 65_535,
        FrameLength::AsciiDigits4 => 9_999,
    };
    match limit.trim().parse() {
        Ok(size) if (FRAME_SIZE_MIN..=size_max).contains(&size) => Ok((form, size)),
        Ok(_) | Err(_) => Err(DialectProblem::FrameSize {
            found: limit.to_owned(),
            size_max,
        }),
    }
}

fn parts_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

fn bitmap(text: &str) -> Parsed<BitmapSpec> {
    let mut form = None;
    let mut width_max = None;
    let mut width_min = None;
    let mut third = None;
    for part in parts_of(text) {
        let is_news = match part {
            "binary" => form.replace(MapForm::Binary).is_none(),
            "hex" => form.replace(MapForm::Hex).is_none(),
            "third in front" => third.replace(ThirdMap::InFront).is_none(),
            "third as element 65" => third.replace(ThirdMap::AsElement65).is_none(),
            _ => match (width_of(part, "up to "), width_of(part, "always ")) {
                (Some(width), _) => width_max.replace(width).is_none(),
                (None, Some(width)) => width_min.replace(width).is_none(),
                (None, None) => false,
            },
        };
        if !is_news {
            return Err(DialectProblem::BitmapPart {
                part: part.to_owned(),
            });
        }
    }
    let (Some(form), Some(width_max)) = (form, width_max) else {
        return Err(DialectProblem::BitmapPart {
            part: text.to_owned(),
        });
    };
    let third = match (width_max, third) {
        (BitmapWidth::WithTertiary, Some(third)) => third,
        (BitmapWidth::WithTertiary, None) => return Err(DialectProblem::ThirdMapPlace),
        (BitmapWidth::Primary | BitmapWidth::WithSecondary, None) => ThirdMap::InFront,
        (BitmapWidth::Primary | BitmapWidth::WithSecondary, Some(_)) => {
            return Err(DialectProblem::NoThirdMap);
        }
    };
    let width_min = width_min.unwrap_or(BitmapWidth::Primary);
    if width_min > width_max {
        return Err(DialectProblem::BitmapAlways);
    }
    Ok(BitmapSpec {
        form,
        width_max,
        width_min,
        third,
    })
}

fn width_of(part: &str, before: &str) -> Option<BitmapWidth> {
    match part.strip_prefix(before)?.trim() {
        "64" => Some(BitmapWidth::Primary),
        "128" => Some(BitmapWidth::WithSecondary),
        "192" => Some(BitmapWidth::WithTertiary),
        _ => None,
    }
}

fn field_number(word: &str) -> Parsed<u8> {
    match word.parse() {
        Ok(number @ 0) => Err(DialectProblem::NotAValue {
            number,
            what: "the message type",
        }),
        Ok(number @ 1) => Err(DialectProblem::NotAValue {
            number,
            what: "the second bitmap",
        }),
        Ok(number) if usize::from(number) <= FIELD_NUMBER_MAX => Ok(number),
        Ok(_) | Err(_) => Err(DialectProblem::Number {
            found: word.to_owned(),
        }),
    }
}

/// The columns after the number.
fn row(text: &str) -> Parsed<FieldSpec> {
    let mut rest = text;
    let mut column = |column: &'static str| {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = after.trim_start();
        match word {
            "" => Err(DialectProblem::ColumnMissing { column }),
            word => Ok(word),
        }
    };
    let length = one_of("length", words::LENGTH, column("length")?)?;
    let length_max = length_max(length, column("max")?)?;
    let encoding = one_of("form", words::ENCODING, column("form")?)?;
    let sensitivity = one_of("hidden part", words::HIDES, column("what is hidden")?)?;
    if rest.is_empty() {
        return Err(DialectProblem::ColumnMissing { column: "name" });
    }
    Ok(FieldSpec {
        length,
        length_max,
        encoding,
        sensitivity,
        numerals: Numerals::Ascii,
        name: rest.into(),
    })
}

fn length_max(length: LengthKind, found: &str) -> Parsed<u16> {
    let limit = match length {
        LengthKind::Ll => 99,
        LengthKind::Fixed | LengthKind::Lll => 999,
    };
    match found.parse() {
        Ok(length_max) if (1..=limit).contains(&length_max) => Ok(length_max),
        Ok(_) | Err(_) => Err(DialectProblem::Max {
            found: found.to_owned(),
            length: words::word(words::LENGTH, &length),
            length_max: limit,
        }),
    }
}

/// Spreads the lines by their numbers.
fn table(
    rows: Vec<Row>,
    numerals: Numerals,
    width_max: BitmapWidth,
) -> Result<Box<FieldTable>, DialectError> {
    let mut fields: Box<FieldTable> = Box::new([const { None }; FIELD_NUMBER_MAX + 1]);
    let number_max = last_number(width_max);
    for Row { line, number, spec } in rows {
        let problem = if usize::from(number) > number_max {
            DialectProblem::NoBit { number, number_max }
        } else if number == THIRD_MAP_NUMBER && width_max == BitmapWidth::WithTertiary {
            let what = "the third bitmap";
            DialectProblem::NotAValue { number, what }
        } else {
            if let Some(slot) = fields.get_mut(usize::from(number)) {
                *slot = Some(FieldSpec { numerals, ..spec });
            }
            continue;
        };
        return Err(DialectError { line, problem });
    }
    Ok(fields)
}
