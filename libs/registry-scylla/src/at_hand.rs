//! What look-ups find without waiting.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use pan::PanHash;
use registry::{MEDIA_CACHED_MAX, Medium};

/// How long a miss answers the look-ups that follow a fetch.
const MISS_TTL: Duration = Duration::from_secs(5);
const MISSES_MAX: usize = 1 << 16;

/// Media for ever, since they never change; misses for the moment, since media are added.
#[derive(Debug)]
pub(crate) struct AtHand {
    media: Cache<PanHash, Medium>,
    misses: Mutex<HashMap<PanHash, Instant>>,
}

/// What is known of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Medium(Medium),
    /// A fetch of this moment found nothing.
    Missing,
    Unknown,
}

impl AtHand {
    pub(crate) fn new() -> Self {
        Self {
            media: Cache::new(MEDIA_CACHED_MAX),
            misses: Mutex::default(),
        }
    }

    pub(crate) fn find(&self, hash: &PanHash, now: Instant) -> Known {
        if let Some(medium) = self.media.get(hash) {
            return Known::Medium(medium);
        }
        match self.misses.lock().get(hash) {
            Some(seen_at) if now.duration_since(*seen_at) < MISS_TTL => Known::Missing,
            Some(_) | None => Known::Unknown,
        }
    }

    pub(crate) fn has_medium(&self, hash: &PanHash) -> bool {
        self.media.get(hash).is_some()
    }

    pub(crate) fn found(&self, hash: PanHash, medium: Medium) {
        self.misses.lock().remove(&hash);
        self.media.insert(hash, medium);
    }

    pub(crate) fn missed(&self, hash: PanHash, now: Instant) {
        let mut misses = self.misses.lock();
        if misses.len() >= MISSES_MAX {
            misses.retain(|_, seen_at| now.duration_since(*seen_at) < MISS_TTL);
        }
        if misses.len() >= MISSES_MAX {
            misses.clear(); // Those look-ups fail and are asked again; better than to grow.
        }
        misses.insert(hash, now);
    }

    /// A fetch failed: an older miss is no answer any more.
    pub(crate) fn forget_miss(&self, hash: &PanHash) {
        self.misses.lock().remove(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::{CardId, ProgrammeId};

    #[test]
    fn media_stay_and_misses_pass() {
        let at_hand = AtHand::new();
        let (hash, now) = (PanHash::from_bytes([1; 16]), Instant::now());
        assert_eq!(at_hand.find(&hash, now), Known::Unknown);
        at_hand.missed(hash, now);
        assert_eq!(at_hand.find(&hash, now + MISS_TTL / 2), Known::Missing);
        assert_eq!(at_hand.find(&hash, now + MISS_TTL), Known::Unknown);
        at_hand.forget_miss(&hash);
        assert_eq!(at_hand.find(&hash, now), Known::Unknown);
        let medium = Medium {
            card: CardId::new(1, [2; 14]),
            number: 0,
            bin: *b"629999",
            last_four: *b"0001",
            programme: ProgrammeId(1),
            expiry: None,
        };
        at_hand.missed(hash, now);
        at_hand.found(hash, medium);
        assert_eq!(
            at_hand.find(&hash, now + MISS_TTL * 9),
            Known::Medium(medium)
        );
    }

    #[test]
    fn misses_are_bounded() {
        let (at_hand, now) = (AtHand::new(), Instant::now());
        for number in 0..u32::try_from(MISSES_MAX).unwrap() + 10 {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            at_hand.missed(PanHash::from_bytes(bytes), now);
        }
        assert!(at_hand.misses.lock().len() <= MISSES_MAX);
    }
}
