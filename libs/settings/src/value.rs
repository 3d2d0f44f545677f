//! Values that are checked while the file is read, so that a settings struct shows its own ranges.
//!
//! Each type says in its `expecting` text what to write, which is what the operator reads when it is wrong.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// A whole number from `MIN` to `MAX`, both allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Within<Int, const MIN: i64, const MAX: i64>(Int);

impl<Int: Copy, const MIN: i64, const MAX: i64> Within<Int, MIN, MAX> {
    /// Returns the number.
    pub fn get(self) -> Int {
        self.0
    }
}

impl<'de, Int, const MIN: i64, const MAX: i64> Deserialize<'de> for Within<Int, MIN, MAX>
where
    Int: TryFrom<i64>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_i64(NumberVisitor::<MIN, MAX>)?;
        let unexpected =
            || D::Error::invalid_value(Unexpected::Signed(number), &NumberVisitor::<MIN, MAX>);
        Int::try_from(number).map(Self).map_err(|_| unexpected())
    }
}

struct NumberVisitor<const MIN: i64, const MAX: i64>;

impl<const MIN: i64, const MAX: i64> Visitor<'_> for NumberVisitor<MIN, MAX> {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        if !(MIN..=MAX).contains(&number) {
            return Err(E::invalid_value(Unexpected::Signed(number), &self));
        }
        Ok(number)
    }
}

/// From `MIN` to `MAX` decimal digits, kept as text because leading zeros count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digits<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Digits<MIN, MAX> {
    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Digits<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(TextVisitor {
                expected: digits_expected(MIN, MAX),
                accept: is_digits::<MIN, MAX>,
            })
            .map(Self)
    }
}

fn digits_expected(min: usize, max: usize) -> String {
    if min == max {
        return format!("exactly {max} digits in quotes");
    }
    format!("{min} to {max} digits in quotes")
}

fn is_digits<const MIN: usize, const MAX: usize>(text: &str) -> bool {
    (MIN..=MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Exactly `LEN` printable ASCII characters: the "ans" fields of ISO 8583, such as DE41 and DE42.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ans<const LEN: usize>(String);

impl<const LEN: usize> Ans<LEN> {
    /// Returns the characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const LEN: usize> Deserialize<'de> for Ans<LEN> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = format!("exactly {LEN} printable ASCII characters in quotes");
        deserializer
            .deserialize_str(TextVisitor {
                expected,
                accept: is_ans::<LEN>,
            })
            .map(Self)
    }
}

fn is_ans<const LEN: usize>(text: &str) -> bool {
    text.len() == LEN && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// A name for people: 1 to 64 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

impl Label {
    const CHARACTERS_MAX: usize = 64;

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn accepts(text: &str) -> bool {
        !text.trim().is_empty()
            && text.chars().count() <= Self::CHARACTERS_MAX
            && !text.chars().any(char::is_control)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = format!(
            "a name of 1 to {} characters in quotes",
            Self::CHARACTERS_MAX
        );
        deserializer
            .deserialize_str(TextVisitor {
                expected,
                accept: Self::accepts,
            })
            .map(Self)
    }
}

/// What names a dialect: 1 to 255 characters, none of them a control character.
///
/// Which names are built in is not known here; any other is the path of a dialect file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialectName(String);

impl DialectName {
    const CHARACTERS_MAX: usize = 255;

    /// Returns the name or the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn accepts(text: &str) -> bool {
        (1..=Self::CHARACTERS_MAX).contains(&text.chars().count())
            && !text.chars().any(char::is_control)
    }
}

impl<'de> Deserialize<'de> for DialectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(TextVisitor {
                expected: "a built-in dialect such as \"pos\", or the path of a dialect file"
                    .to_owned(),
                accept: Self::accepts,
            })
            .map(Self)
    }
}

/// A time of day to the minute, written `HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockTime(u16);

impl ClockTime {
    /// Returns the minutes since midnight, 0 to 1439.
    pub fn minutes(self) -> u16 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        if !is_digits::<2, 2>(hours) || !is_digits::<2, 2>(minutes) {
            return None;
        }
        let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
        (hours < 24 && minutes < 60).then_some(Self(hours * 60 + minutes))
    }
}

/// When a settlement day ends: at a local time, or when an operator says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutAt {
    /// Every day at this local time.
    At(ClockTime),
    /// By `floatswitch day cut`.
    Manual,
}

impl CutAt {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "manual" => Some(Self::Manual),
            time => ClockTime::parse(time).map(Self::At),
        }
    }
}

impl<'de> Deserialize<'de> for CutAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a time of day such as \"23:00\", or \"manual\"".to_owned();
        let accept = |text: &str| Self::parse(text).is_some();
        let text = deserializer.deserialize_str(TextVisitor { expected, accept })?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("time of day changed while it was read"))
    }
}

/// Where a listener binds, written `HOST:PORT`; port 0 lets the system choose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenAddress(String);

impl ListenAddress {
    /// Returns the text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Resolves the host to its first address. May ask the name service, so call it at start only.
    ///
    /// # Errors
    ///
    /// An [`io::Error`] when the host has no address.
    pub fn resolve(&self) -> io::Result<SocketAddr> {
        let no_address = || {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("no address for `{}`", self.0),
            )
        };
        self.0.to_socket_addrs()?.next().ok_or_else(no_address)
    }

    fn accepts(text: &str) -> bool {
        let Some((host, port)) = text.rsplit_once(':') else {
            return false;
        };
        !host.is_empty() && is_digits::<1, 5>(port) && port.parse::<u16>().is_ok()
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "HOST:PORT in quotes, such as \"127.0.0.1:8583\"".to_owned();
        deserializer
            .deserialize_str(TextVisitor {
                expected,
                accept: Self::accepts,
            })
            .map(Self)
    }
}

/// A name in the card store: a lower case letter, then lower case letters, digits and underscores, at
/// most 48 of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(String);

impl Identifier {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn accepts(text: &str) -> bool {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        text.len() <= 48
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(is_part)
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a name of lower case letters, digits and _, such as \"floatswitch\"";
        deserializer
            .deserialize_str(TextVisitor {
                expected: expected.to_owned(),
                accept: Self::accepts,
            })
            .map(Self)
    }
}

/// What topic names begin with: at most 64 letters, digits, dots, dashes and underscores, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPrefix(String);

impl TopicPrefix {
    /// Returns the prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn accepts(text: &str) -> bool {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        text.len() <= 64 && text.bytes().all(is_part)
    }
}

impl<'de> Deserialize<'de> for TopicPrefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "letters, digits, dots, dashes and underscores, such as \"east.\"";
        deserializer
            .deserialize_str(TextVisitor {
                expected: expected.to_owned(),
                accept: Self::accepts,
            })
            .map(Self)
    }
}

/// Accepts text that passes a test, or says what was expected.
struct TextVisitor<F> {
    expected: String,
    accept: F,
}

impl<F: Fn(&str) -> bool> Visitor<'_> for TextVisitor<F> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        if !(self.accept)(text) {
            return Err(E::invalid_value(Unexpected::Str(text), &self));
        }
        Ok(text.to_owned())
    }
}
