//! The words of a dialect file and what each of them means.

use super::{FrameLength, PrefixKind, Speaks};
use crate::ebcdic::CodePage;
use crate::numerals::Numerals;
use crate::spec::{Encoding, LengthKind, Sensitivity};

/// Words of one place in a file, each with its meaning.
pub(super) type Words<T> = &'static [(&'static str, T)];

pub(super) const SPEAKS: Words<Speaks> = &[
    ("pos", Speaks::Pos),
    ("cups", Speaks::Cups),
    ("iso87", Speaks::Iso87),
    ("iso93", Speaks::Iso93),
];

pub(super) const FRAME: Words<FrameLength> = &[
    ("2-bytes", FrameLength::BigEndian2),
    ("4-digits", FrameLength::AsciiDigits4),
];

pub(super) const PREFIX: Words<PrefixKind> = &[
    ("none", PrefixKind::None),
    ("tpdu", PrefixKind::Tpdu),
    ("tpdu-and-header", PrefixKind::TpduAndHeader),
    ("cups-header", PrefixKind::CupsHeader),
];

pub(super) const NUMERALS: Words<Numerals> = &[
    ("packed", Numerals::Packed),
    ("ascii", Numerals::Ascii),
    ("ebcdic", Numerals::Ebcdic(CodePage::Cp037)),
    ("ebcdic-1047", Numerals::Ebcdic(CodePage::Cp1047)),
];

pub(super) const LENGTH: Words<LengthKind> = &[
    ("FIXED", LengthKind::Fixed),
    ("LL", LengthKind::Ll),
    ("LLL", LengthKind::Lll),
];

pub(super) const ENCODING: Words<Encoding> = &[
    ("packed", Encoding::PackedLeft),
    ("packed-right", Encoding::PackedRight),
    ("packed-track", Encoding::PackedTrack),
    ("digits", Encoding::Digits),
    ("track", Encoding::Track),
    ("signed", Encoding::SignedDigits),
    ("text", Encoding::Text),
    ("binary", Encoding::Binary),
    ("hex", Encoding::Hex),
];

pub(super) const HIDES: Words<Sensitivity> = &[
    ("-", Sensitivity::Open),
    ("card-number", Sensitivity::CardNumber),
    ("track", Sensitivity::Track),
    ("secret", Sensitivity::Secret),
    ("chip-data", Sensitivity::ChipData),
    ("free-form", Sensitivity::FreeForm),
];

/// What a word means.
pub(super) fn meaning<T: Copy>(words: Words<T>, word: &str) -> Option<T> {
    let found = words.iter().find(|(known, _)| *known == word)?;
    Some(found.1)
}

/// The word that means this; each meaning has one.
pub(super) fn word<T: PartialEq>(words: Words<T>, meaning: &T) -> &'static str {
    let found = words.iter().find(|(_, known)| known == meaning);
    found.map_or("", |(word, _)| *word)
}

/// The words as a list in a sentence.
pub(super) fn list<T>(words: Words<T>) -> String {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    words.join(", ")
}
