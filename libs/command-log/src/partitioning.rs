//! Which partition a card belongs to, for life (LOG-2).

use card::{CardId, PartitionId};

/// The version of the hash below. It is part of the log's id: another hash is another log.
pub const HASH_VERSION: u8 = 1;

/// The partition of a card: a hash over all 16 bytes, modulo the count.
///
/// Written out here, and pinned by golden tests, because a library's hash may change and a card
/// must not move. The steps are those of `FNV-1a` with a final mix.
///
/// # Panics
/// When `partition_count` is zero.
#[must_use]
pub fn partition_of(card: CardId, partition_count: u16) -> PartitionId {
    assert!(partition_count > 0, "a log has at least one partition");
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in card.as_bytes() {
        hash ^= u64::from(*byte);
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    let index = hash % u64::from(partition_count);
    PartitionId(u16::try_from(index).expect("modulo of a u16 fits a u16"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_partitions_never_change() {
        let card = |last: u8| {
            let mut bytes = [0u8; 16];
            bytes[15] = last;
            CardId::from_bytes(bytes)
        };
        let of = |last| partition_of(card(last), 256).0;
        assert_eq!([of(0), of(1), of(2), of(255)], GOLDEN);
    }

    const GOLDEN: [u16; 4] = [163, 88, 47, 205];

    #[test]
    fn spreads_consecutive_cards_evenly() {
        let mut counts = [0u32; 16];
        for serial in 0..16_000u32 {
            let mut own = [0u8; 14];
            own[10..].copy_from_slice(&serial.to_be_bytes());
            counts[usize::from(partition_of(CardId::new(1, own), 16).0)] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1_200).contains(count)),
            "{counts:?}"
        );
    }
}
