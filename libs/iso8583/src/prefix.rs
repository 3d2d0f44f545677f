//! What stands before the message type: TPDU and header, or the header of the interbank network.

use crate::dialect::{Dialect, PrefixKind};

/// Bytes of a TPDU: identifier, destination 2, source 2.
pub const TPDU_SIZE: usize = 5;
/// Bytes of the header that follows a TPDU.
pub const POS_HEADER_SIZE: usize = 6;
/// Bytes of the header between institutions.
pub const CUPS_HEADER_SIZE: usize = 46;

/// Where the four digits of the total length stand in the header between institutions.
pub(crate) const CUPS_TOTAL_LENGTH_OFFSET: usize = 2;
pub(crate) const CUPS_TOTAL_LENGTH_SIZE: usize = 4;
const CUPS_INSTITUTIONS_OFFSET: usize = 6;
const CUPS_INSTITUTION_SIZE: usize = 11;
const CUPS_REJECT_CODE_SIZE: usize = 5;

/// An own copy of the bytes before the message type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// Of a dialect whose frames start with the message type.
    None,
    /// Of a dialect with a TPDU alone.
    Tpdu {
        /// Identifier, destination, source.
        tpdu: [u8; TPDU_SIZE],
    },
    /// Of the terminal dialect.
    Pos {
        /// Identifier, destination, source.
        tpdu: [u8; TPDU_SIZE],
        /// Application class, version, terminal state, action request.
        header: [u8; POS_HEADER_SIZE],
    },
    /// Of the dialect between institutions. The total length inside is set by the encoder.
    Cups {
        /// Lengths, institutions, batch, reject code.
        header: [u8; CUPS_HEADER_SIZE],
    },
}

impl Prefix {
    /// Reads the bytes of a prefix; `None` when there are too few or too many.
    #[must_use]
    pub fn parse(dialect: &Dialect, bytes: &[u8]) -> Option<Self> {
        match dialect.prefix {
            PrefixKind::None => bytes.is_empty().then_some(Self::None),
            PrefixKind::Tpdu => Some(Self::Tpdu {
                tpdu: bytes.try_into().ok()?,
            }),
            PrefixKind::TpduAndHeader => {
                let (tpdu, header) = bytes.split_first_chunk()?;
                Some(Self::Pos {
                    tpdu: *tpdu,
                    header: header.try_into().ok()?,
                })
            }
            PrefixKind::CupsHeader => Some(Self::Cups {
                header: bytes.try_into().ok()?,
            }),
        }
    }

    /// The prefix of the answer: destination and source change places, the rest stays.
    ///
    /// A reject code does not stay, since an answer is no reject.
    #[must_use]
    pub fn answer(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Tpdu { tpdu } => Self::Tpdu {
                tpdu: turned_round(*tpdu),
            },
            Self::Pos { tpdu, header } => Self::Pos {
                tpdu: turned_round(*tpdu),
                header: *header,
            },
            Self::Cups { header } => {
                let mut header = *header;
                swap_institutions(&mut header);
                if let Some(reject_code) = header.last_chunk_mut::<CUPS_REJECT_CODE_SIZE>() {
                    *reject_code = *b"00000";
                }
                Self::Cups { header }
            }
        }
    }

    pub(crate) fn kind(&self) -> PrefixKind {
        match self {
            Self::None => PrefixKind::None,
            Self::Tpdu { .. } => PrefixKind::Tpdu,
            Self::Pos { .. } => PrefixKind::TpduAndHeader,
            Self::Cups { .. } => PrefixKind::CupsHeader,
        }
    }

    pub(crate) fn write_to(&self, buffer: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Tpdu { tpdu } => buffer.extend_from_slice(tpdu),
            Self::Pos { tpdu, header } => {
                buffer.extend_from_slice(tpdu);
                buffer.extend_from_slice(header);
            }
            Self::Cups { header } => buffer.extend_from_slice(header),
        }
    }
}

impl PrefixKind {
    pub(crate) fn size(self) -> usize {
        match self {
            Self::None => 0,
            Self::Tpdu => TPDU_SIZE,
            Self::TpduAndHeader => TPDU_SIZE + POS_HEADER_SIZE,
            Self::CupsHeader => CUPS_HEADER_SIZE,
        }
    }
}

fn turned_round([id, to_high, to_low, from_high, from_low]: [u8; TPDU_SIZE]) -> [u8; TPDU_SIZE] {
    [id, from_high, from_low, to_high, to_low]
}

fn swap_institutions(header: &mut [u8; CUPS_HEADER_SIZE]) {
    let both = CUPS_INSTITUTIONS_OFFSET..CUPS_INSTITUTIONS_OFFSET + 2 * CUPS_INSTITUTION_SIZE;
    if let Some(institutions) = header.get_mut(both) {
        let (destination, source) = institutions.split_at_mut(CUPS_INSTITUTION_SIZE);
        destination.swap_with_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_its_answer_back() {
        let header = [0x60, 0x31, 0x00, 0x31, 0x10, 0x01];
        let request = Prefix::Pos {
            tpdu: [0x60, 0x00, 0x03, 0x12, 0x34],
            header,
        };
        let answer = Prefix::Pos {
            tpdu: [0x60, 0x12, 0x34, 0x00, 0x03],
            header,
        };
        assert_eq!(request.answer(), answer);
    }

    #[test]
    fn an_institution_gets_its_answer_back() {
        let request = [
            b".\x020356".as_slice(),
            b"69990001   00010000   ",
            &[0; 4],
            b"00000000",
            &[0],
            b"00061",
        ];
        let answer = [
            b".\x020356".as_slice(),
            b"00010000   69990001   ",
            &[0; 4],
            b"00000000",
            &[0],
            b"00000",
        ];
        let request = Prefix::parse(Dialect::cups(), &request.concat()).unwrap();
        assert_eq!(
            Prefix::parse(Dialect::cups(), &answer.concat()),
            Some(request.answer())
        );
    }

    #[test]
    fn sizes_must_fit() {
        assert!(Prefix::parse(Dialect::pos(), &[0; 11]).is_some());
        assert!(Prefix::parse(Dialect::pos(), &[0; 10]).is_none());
        assert!(Prefix::parse(Dialect::pos(), &[0; 12]).is_none());
        assert!(Prefix::parse(Dialect::cups(), &[0; 45]).is_none());
    }
}
