//! Track 2 of a magnetic stripe (ISO/IEC 7813): PAN, separator, expiry, service code, the rest.

use std::fmt;

use zeroize::Zeroize;

use crate::{Expiry, ExpiryError, Pan, PanError};

/// Most characters of track 2 between its sentinels.
pub const TRACK2_LENGTH_MAX: usize = 37;

/// Why bytes are not a track 2. Carries no character of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Track2Error {
    /// Longer than a stripe holds.
    #[error("track 2 has at most 37 characters, this one has {length}")]
    Length {
        /// Characters found.
        length: usize,
    },
    /// Neither `=` nor `D` within the track.
    #[error("track 2 has a separator, = or D, after the card number")]
    NoSeparator,
    /// A character after the separator that is no digit.
    #[error("track 2 has digits only after its separator, character {index} is not one")]
    NotDigit {
        /// Where, from 0.
        index: usize,
    },
    /// Fewer than four plus three digits after the separator.
    #[error("track 2 has an expiry month and a service code after its separator")]
    TooShort,
    /// The part before the separator.
    #[error(transparent)]
    Pan(#[from] PanError),
    /// The first four digits after the separator.
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
}

/// Track 2 data. Kept with `=` as its separator, whichever came.
#[derive(Clone)]
pub struct Track2 {
    characters: [u8; TRACK2_LENGTH_MAX],
    length: u8,
    pan: Pan,
    expiry: Expiry,
}

impl Track2 {
    /// Takes ASCII track data without sentinels, with `=` or `D` as the separator.
    ///
    /// # Errors
    /// [`Track2Error`] when a part is missing or wrong.
    pub fn parse(track: &[u8]) -> Result<Self, Track2Error> {
        Self::parse_with(track, Pan::parse)
    }

    /// The same for a programme whose cards have no check digit.
    ///
    /// # Errors
    /// [`Track2Error`] when a part is missing or wrong.
    pub fn parse_without_check_digit(track: &[u8]) -> Result<Self, Track2Error> {
        Self::parse_with(track, Pan::parse_without_check_digit)
    }

    fn parse_with(
        track: &[u8],
        parse_pan: fn(&[u8]) -> Result<Pan, PanError>,
    ) -> Result<Self, Track2Error> {
        if track.len() > TRACK2_LENGTH_MAX {
            return Err(Track2Error::Length {
                length: track.len(),
            });
        }
        let separator_index = track
            .iter()
            .position(|byte| matches!(byte, b'=' | b'D'))
            .ok_or(Track2Error::NoSeparator)?;
        let (number, rest) = track.split_at(separator_index);
        let additional = rest.get(1..).unwrap_or_default();
        if let Some(index) = additional.iter().position(|byte| !byte.is_ascii_digit()) {
            return Err(Track2Error::NotDigit {
                index: separator_index + 1 + index,
            });
        }
        let (expiry, service_code_on) = additional
            .split_first_chunk::<4>()
            .ok_or(Track2Error::TooShort)?;
        if service_code_on.len() < 3 {
            return Err(Track2Error::TooShort);
        }
        let mut characters = [0; TRACK2_LENGTH_MAX];
        for (slot, character) in characters.iter_mut().zip(track) {
            *slot = if *character == b'D' { b'=' } else { *character };
        }
        Ok(Self {
            characters,
            length: u8::try_from(track.len()).unwrap_or(0),
            pan: parse_pan(number)?,
            expiry: Expiry::parse(expiry)?,
        })
    }

    /// The card number before the separator.
    #[must_use]
    pub fn pan(&self) -> &Pan {
        &self.pan
    }

    /// The expiry month after the separator.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// Three digits; a first digit of 2 or 6 says that the card has a chip.
    #[must_use]
    pub fn service_code(&self) -> &str {
        let start = self.pan.expose().len() + 1 + 4;
        self.expose().get(start..start + 3).unwrap_or_default()
    }

    /// All characters, with `=` as the separator.
    #[must_use]
    pub fn expose(&self) -> &str {
        let characters = self
            .characters
            .get(..usize::from(self.length))
            .unwrap_or_default();
        // Digits and one separator, checked at construction.
        str::from_utf8(characters).expect("track 2 is ASCII")
    }
}

impl fmt::Debug for Track2 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Track2(************{})", self.pan.last_four())
    }
}

impl Drop for Track2 {
    fn drop(&mut self) {
        // The card number inside wipes itself.
        self.characters.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_separators_give_the_same_parts() {
        for track in [
            "6299990100001238=27052201234500000",
            "6299990100001238D27052201234500000",
        ] {
            let track = Track2::parse(track.as_bytes()).unwrap();
            assert_eq!(track.pan().expose(), "6299990100001238");
            assert_eq!(track.expiry(), Expiry::parse(b"2705").unwrap());
            assert_eq!(track.service_code(), "220");
            assert_eq!(track.expose(), "6299990100001238=27052201234500000");
            assert_eq!(format!("{track:?}"), "Track2(************1238)");
        }
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        let too_long = [b'1'; TRACK2_LENGTH_MAX + 1];
        for (track, error) in [
            (&too_long[..], Track2Error::Length { length: 38 }),
            (b"", Track2Error::NoSeparator),
            (b"6299990100001238", Track2Error::NoSeparator),
            (
                b"=2705220",
                Track2Error::Pan(PanError::Length { length: 0 }),
            ),
            (
                b"6299990100001239=2705220",
                Track2Error::Pan(PanError::CheckDigit),
            ),
            (b"6299990100001238=", Track2Error::TooShort),
            (b"6299990100001238=270522", Track2Error::TooShort),
            (
                b"6299990100001238=2705=20",
                Track2Error::NotDigit { index: 21 },
            ),
            (
                b"6299990100001238=2713220",
                Track2Error::Expiry(ExpiryError::MonthRange),
            ),
        ] {
            assert_eq!(Track2::parse(track).unwrap_err(), error);
        }
        assert!(Track2::parse_without_check_digit(b"6299990100001239=2705220").is_ok());
    }
}
