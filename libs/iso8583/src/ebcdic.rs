//! EBCDIC characters and the ASCII ones they stand for.
//!
//! Only what both can write: printable ASCII. Other bytes have no counterpart and are refused
//! rather than lost.

/// A code page of EBCDIC. The two differ in the places of `[`, `]` and `^`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodePage {
    /// The usual one.
    Cp037,
    /// Of open systems on mainframes.
    Cp1047,
}

/// Characters that both pages have in the same place: the first byte, then the run from there on.
const COMMON: &[(u8, &[u8])] = &[
    (0x40, b" "),
    (0x4B, b".<(+|&"),
    (0x5A, b"!$*);"),
    (0x60, b"-/"),
    (0x6B, b",%_>?"),
    (0x79, b"`:#@'=\""),
    (0x81, b"abcdefghi"),
    (0x91, b"jklmnopqr"),
    (0xA1, b"~stuvwxyz"),
    (0xC0, b"{ABCDEFGHI"),
    (0xD0, b"}JKLMNOPQR"),
    (0xE0, b"\\"),
    (0xE2, b"STUVWXYZ"),
    (0xF0, b"0123456789"),
];

const OF_CP037: &[(u8, &[u8])] = &[(0xB0, b"^"), (0xBA, b"[]")];
const OF_CP1047: &[(u8, &[u8])] = &[(0x5F, b"^"), (0xAD, b"["), (0xBD, b"]")];

/// Zero where there is no character: NUL is none that a value holds.
struct Table {
    to_ascii: [u8; 256],
    of_ascii: [u8; 256],
}

static CP037: Table = Table::of(OF_CP037);
static CP1047: Table = Table::of(OF_CP1047);

impl CodePage {
    /// The ASCII character of an EBCDIC byte, if it is a printable one.
    pub(crate) fn to_ascii(self, byte: u8) -> Option<u8> {
        some(self.table().to_ascii.get(usize::from(byte)))
    }

    /// The EBCDIC byte of an ASCII character, if it is a printable one.
    pub(crate) fn of_ascii(self, character: u8) -> Option<u8> {
        some(self.table().of_ascii.get(usize::from(character)))
    }

    fn table(self) -> &'static Table {
        match self {
            Self::Cp037 => &CP037,
            Self::Cp1047 => &CP1047,
        }
    }
}

fn some(byte: Option<&u8>) -> Option<u8> {
    byte.copied().filter(|byte| *byte != 0)
}

impl Table {
    const fn of(own: &[(u8, &[u8])]) -> Self {
        let empty = Self {
            to_ascii: [0; 256],
            of_ascii: [0; 256],
        };
        empty.with(COMMON).with(own)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "runs at compile time, where a bad index is an error"
    )]
    const fn with(mut self, runs: &[(u8, &[u8])]) -> Self {
        let mut run = 0;
        while run < runs.len() {
            let (first, characters) = runs[run];
            let mut index = 0;
            while index < characters.len() {
                let byte = first as usize + index;
                self.to_ascii[byte] = characters[index];
                self.of_ascii[characters[index] as usize] = first + index as u8;
                index += 1;
            }
            run += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::CodePage;

    #[test]
    fn printable_ascii_comes_back_and_the_rest_has_no_counterpart() {
        for page in [CodePage::Cp037, CodePage::Cp1047] {
            for character in 0..=255 {
                let byte = page.of_ascii(character);
                assert_eq!(
                    byte.is_some(),
                    (b' '..=b'~').contains(&character),
                    "{page:?} {character}"
                );
                if let Some(byte) = byte {
                    assert_eq!(page.to_ascii(byte), Some(character));
                }
            }
            let readable = (0..=255).filter(|byte| page.to_ascii(*byte).is_some());
            assert_eq!(readable.count(), 95);
        }
    }

    #[test]
    fn places_of_known_characters() {
        let written = |page: CodePage, text: &[u8]| -> Vec<u8> {
            text.iter().filter_map(|c| page.of_ascii(*c)).collect()
        };
        assert_eq!(
            written(CodePage::Cp037, b"AJSajs019 =.&"),
            [
                0xC1, 0xD1, 0xE2, 0x81, 0x91, 0xA2, 0xF0, 0xF1, 0xF9, 0x40, 0x7E, 0x4B, 0x50
            ]
        );
        assert_eq!(written(CodePage::Cp037, b"[]^"), [0xBA, 0xBB, 0xB0]);
        assert_eq!(written(CodePage::Cp1047, b"[]^"), [0xAD, 0xBD, 0x5F]);
    }
}
