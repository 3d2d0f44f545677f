//! The keyed hash under which a card number is looked up.
//!
//! A plain hash of a card number is no secret: all of them can be tried. With a key it is, for
//! as long as the key is.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Pan;

/// Block size of SHA-256. A shorter HMAC key counts as one filled up with zeros (RFC 2104).
const BLOCK_SIZE: usize = 64;
const KEY_SIZE: usize = 32;

/// HMAC-SHA256 of the digits of a card number, first 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PanHash([u8; 16]);

impl PanHash {
    /// Takes the bytes of a hash that was stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for PanHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PanHash(")?;
        for byte in self.0 {
            write!(formatter, "{byte:02x}")?;
        }
        formatter.write_str(")")
    }
}

/// Hashes card numbers under one key.
///
/// The key is worked into the state once and the state is copied per hash, which saves two of the
/// four compressions.
#[derive(Clone)]
pub struct PanHasher {
    keyed: Hmac<Sha256>,
}

impl PanHasher {
    /// Prepares a hasher. The key itself is not kept.
    #[must_use]
    pub fn new(key: &[u8; KEY_SIZE]) -> Self {
        let mut block = zeroize::Zeroizing::new([0; BLOCK_SIZE]);
        for (slot, byte) in block.iter_mut().zip(key) {
            *slot = *byte;
        }
        let block: &[u8; BLOCK_SIZE] = &block;
        Self {
            keyed: Hmac::new(block.into()),
        }
    }

    /// The hash of a card number. Equal numbers under equal keys give equal hashes, for ever.
    #[must_use]
    pub fn hash(&self, pan: &Pan) -> PanHash {
        let mut state = self.keyed.clone();
        state.update(pan.expose().as_bytes());
        let digest: [u8; 32] = state.finalize().into_bytes().into();
        let (truncated, _) = digest.split_first_chunk::<16>().expect("16 of 32 bytes");
        PanHash(*truncated)
    }
}

impl fmt::Debug for PanHasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PanHasher(key hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with OpenSSL: `printf PAN | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY`.
    #[test]
    fn hash_is_pinned() {
        let key: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let pan = Pan::parse(b"6299990100001238").unwrap();
        let hash = PanHasher::new(&key).hash(&pan);
        assert_eq!(
            format!("{hash:?}"),
            "PanHash(4aa547f972f32641abbbd7046c445cd0)"
        );
        assert_eq!(PanHash::from_bytes(*hash.as_bytes()), hash);
    }

    #[test]
    fn key_and_number_both_matter() {
        let pan = Pan::parse(b"6299990100001238").unwrap();
        let other_pan = Pan::parse(b"6299990300007894").unwrap();
        let hasher = PanHasher::new(&[1; 32]);
        assert_eq!(hasher.hash(&pan), hasher.clone().hash(&pan));
        assert_ne!(hasher.hash(&pan), hasher.hash(&other_pan));
        assert_ne!(hasher.hash(&pan), PanHasher::new(&[2; 32]).hash(&pan));
        assert_eq!(format!("{hasher:?}"), "PanHasher(key hidden)");
    }
}
