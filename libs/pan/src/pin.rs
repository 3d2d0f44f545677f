//! The enciphered PIN block. What is inside is known to a security module only.

use std::fmt;

use zeroize::Zeroize;

/// Eight bytes of an enciphered PIN block (data element 52).
#[derive(Clone)]
pub struct PinBlock([u8; 8]);

impl PinBlock {
    /// Takes the bytes as they came.
    #[must_use]
    pub fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the security module and the wire.
    #[must_use]
    pub fn expose(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Debug for PinBlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PinBlock(********)")
    }
}

impl Drop for PinBlock {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::PinBlock;

    #[test]
    fn debug_shows_nothing() {
        let block = PinBlock::new([0x81, 0xB2, 0xEB, 0xAD, 0x03, 0x42, 0xD4, 0x4C]);
        assert_eq!(format!("{block:?}"), "PinBlock(********)");
        assert_eq!(block.expose()[7], 0x4C);
    }
}
