//! Unpacked digits of a value, inline.

use std::fmt;
use std::ops::Deref;

/// Most characters of [`Digits`]: those of track 3.
pub const DIGITS_MAX: usize = 104;

/// ASCII digits of a value (of a track also its `=`), copied out of a frame without allocation.
///
/// `Debug` prints the count only, because these may be the digits of a card number.
#[derive(Clone, Copy)]
pub struct Digits {
    characters: [u8; DIGITS_MAX],
    length: u8,
}

impl Digits {
    /// Has `write` fill so many characters; `None` when there are more than [`DIGITS_MAX`].
    pub(crate) fn fill(length: usize, write: impl FnOnce(&mut [u8])) -> Option<Self> {
        let mut digits = Self {
            characters: [0; DIGITS_MAX],
            length: u8::try_from(length).ok()?,
        };
        write(digits.characters.get_mut(..length)?);
        Some(digits)
    }

    /// `None` when there are more than [`DIGITS_MAX`].
    pub(crate) fn copy_of(characters: &[u8]) -> Option<Self> {
        Self::fill(characters.len(), |slots| slots.copy_from_slice(characters))
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Both ways in, the decoder and the packer of sub-fields, let digits and `=` only through.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The characters as ASCII bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.characters
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// The number they write; `None` for a track and above `u64`.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        crate::packed::ascii_number(self.as_bytes())
    }
}

impl Deref for Digits {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Digits {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Digits {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Digits {}

impl fmt::Debug for Digits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digits({} hidden)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bounds() {
        let digits = Digits::copy_of(b"000000012345").unwrap();
        assert_eq!(digits.as_str(), "000000012345");
        assert_eq!(digits.as_u64(), Some(12_345));
        assert_eq!(format!("{digits:?}"), "Digits(12 hidden)");
        assert!(Digits::copy_of(&[b'1'; DIGITS_MAX]).is_some());
        assert!(Digits::copy_of(&[b'1'; DIGITS_MAX + 1]).is_none());
        assert!(Digits::copy_of(&[b'1'; 300]).is_none());
        let over_u64 = Digits::copy_of(&[b'9'; 20]).unwrap();
        assert_eq!(over_u64.as_u64(), None);
        assert_eq!(Digits::copy_of(b"1=2").unwrap().as_u64(), None);
    }
}
