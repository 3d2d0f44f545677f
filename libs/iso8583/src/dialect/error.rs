//! Why a dialect file cannot be used, and what to write instead.

/// What is wrong with a dialect file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct DialectError {
    /// From 1. What is missing altogether is missed at the last line.
    pub line: usize,
    /// What is wrong there.
    pub problem: DialectProblem,
}

/// What is wrong with a line of a dialect file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialectProblem {
    /// The line starts with neither a number nor a word of the head.
    #[error(
        "`{word}` starts no line: write the number of a data element, or one of dialect, speaks, frame, prefix, numerals, bitmap"
    )]
    Start {
        /// The first word.
        word: String,
    },
    /// A word that is none of its place.
    #[error("{place} `{word}` is not known: write one of {allowed}")]
    Word {
        /// What the word should be.
        place: &'static str,
        /// What is there.
        word: String,
        /// What may be there.
        allowed: String,
    },
    /// A head line of another form.
    #[error("`{head}` reads `{found}`: write it as `{example}`")]
    Head {
        /// Its first word.
        head: &'static str,
        /// The rest of it.
        found: String,
        /// A right one.
        example: &'static str,
    },
    /// A head line that is missing.
    #[error("the file has no `{head}` line: add one such as `{example}`")]
    HeadMissing {
        /// Its first word.
        head: &'static str,
        /// A right one.
        example: &'static str,
    },
    /// A head line that was there before.
    #[error("`{head}` was given in line {first_line} already: keep one of the two")]
    HeadTwice {
        /// Its first word.
        head: &'static str,
        /// Where it was given first.
        first_line: usize,
    },
    /// The dialect's own name.
    #[error("name `{name}` is not one: use 1 to 32 letters, digits, `-` and `_`")]
    Name {
        /// What is there.
        name: String,
    },
    /// The largest frame.
    #[error("largest frame `{found}` is not one: write a number from 64 to {size_max}")]
    FrameSize {
        /// What is there.
        found: String,
        /// Most that the length in front can say.
        size_max: usize,
    },
    /// A part of a bitmap line.
    #[error(
        "`bitmap` has `{part}`: write `binary` or `hex`, then after commas `up to 64`, `up to 128` or `up to 192`, and if need be `always 64`, `always 128` or `always 192`, and with 192 `third in front` or `third as element 65`"
    )]
    BitmapPart {
        /// What is there.
        part: String,
    },
    /// More bitmaps always than at most.
    #[error("`bitmap` always sends more than it goes up to: raise `up to` or lower `always`")]
    BitmapAlways,
    /// Where the third bitmap stands.
    #[error(
        "`bitmap` goes up to 192: say where the third stands, `third in front` or `third as element 65`"
    )]
    ThirdMapPlace,
    /// A third bitmap's place without a third bitmap.
    #[error("`bitmap` has no third one to place: write `up to 192`, or leave out `third`")]
    NoThirdMap,
    /// Not the number of a data element.
    #[error("`{found}` is not the number of a data element: they go from 2 to 192")]
    Number {
        /// What is there.
        found: String,
    },
    /// A number that is not one of a value.
    #[error("data element {number} is {what}: drop this line, the head says its form")]
    NotAValue {
        /// Data element.
        number: u8,
        /// What it is.
        what: &'static str,
    },
    /// A data element without a bit.
    #[error(
        "data element {number} has no bit: the bitmap goes up to {number_max}; raise that, or drop this line"
    )]
    NoBit {
        /// Data element.
        number: u8,
        /// Last bit.
        number_max: usize,
    },
    /// A data element that was there before.
    #[error("data element {number} was given in line {first_line} already: keep one of the two")]
    FieldTwice {
        /// Data element.
        number: u8,
        /// Where it was given first.
        first_line: usize,
    },
    /// A line that ends early.
    #[error(
        "{column} is missing: a data element has number, length, max, form, what is hidden (`-` for nothing) and name"
    )]
    ColumnMissing {
        /// What comes next.
        column: &'static str,
    },
    /// A maximum that is none.
    #[error("max `{found}` does not fit {length}: write a number from 1 to {length_max}")]
    Max {
        /// What is there.
        found: String,
        /// The word for how the length is given.
        length: &'static str,
        /// Most that it can say.
        length_max: u16,
    },
    /// A data element that the switch needs.
    #[error(
        "data element {number} is missing, the switch needs it to speak {speaks}: add a line such as `{example}`"
    )]
    FieldMissing {
        /// Data element.
        number: u8,
        /// Whose language it is.
        speaks: &'static str,
        /// A right line.
        example: String,
    },
    /// A data element in which the switch's value has no room.
    #[error(
        "data element {number} cannot hold what the switch writes to speak {speaks}: write a line such as `{example}`"
    )]
    FieldUnfit {
        /// Data element.
        number: u8,
        /// Whose language it is.
        speaks: &'static str,
        /// A right line.
        example: String,
    },
}
