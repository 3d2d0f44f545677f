//! Which card pays next, and its number on the wire.

use super::packed::put_ascii;
use super::random::Random;
use super::zipf::Zipf;
use pan::luhn_check_digit;

/// Digits of a test card's number.
pub(crate) const PAN_LENGTH: usize = 16;
/// Serial numbers that fit between the BIN and the check digit.
pub(crate) const CARD_COUNT_MAX: u64 = 999_999_999;

const BIN_LENGTH: usize = 6;

/// Cards 1 to `count` of one BIN and how often each is taken.
#[derive(Debug)]
pub(crate) struct Cards {
    bin: [u8; BIN_LENGTH],
    count: u64,
    popularity: Popularity,
}

/// How often a card is taken.
#[derive(Debug)]
pub(crate) enum Popularity {
    /// All alike.
    Uniform,
    /// A few much more often than the rest; card 1 most of all.
    Zipf(Zipf),
}

impl Cards {
    /// `bin` has ASCII digits, as the options' parser made sure.
    pub(crate) fn new(bin: [u8; BIN_LENGTH], count: u64, popularity: Popularity) -> Self {
        Self {
            bin,
            count,
            popularity,
        }
    }

    /// The serial number of the card that pays next.
    pub(crate) fn pick(&self, random: &mut Random) -> u64 {
        match &self.popularity {
            Popularity::Uniform => 1 + random.below(self.count),
            Popularity::Zipf(zipf) => zipf.rank(random),
        }
    }

    /// The card number as packed digits: the same as `Pan::from_bin_and_serial` makes.
    pub(crate) fn packed_pan(&self, serial: u64) -> [u8; PAN_LENGTH / 2] {
        let mut digits = [b'0'; PAN_LENGTH];
        let (bin, rest) = digits.split_at_mut(BIN_LENGTH);
        bin.copy_from_slice(&self.bin);
        let (serial_slot, check) = rest.split_at_mut(PAN_LENGTH - BIN_LENGTH - 1);
        put_ascii(serial_slot, serial);
        check.fill(b'0');
        digits[PAN_LENGTH - 1] = luhn_check_digit(&digits[..PAN_LENGTH - 1]).unwrap_or(b'0');
        std::array::from_fn(|index| {
            (digits[2 * index] - b'0') << 4 | (digits[2 * index + 1] - b'0')
        })
    }
}

#[cfg(test)]
mod tests {
    use pan::Pan;

    use super::super::packed::read_packed;
    use super::*;

    #[test]
    fn numbers_equal_those_of_the_issued_cards() {
        let cards = Cards::new(*b"629999", CARD_COUNT_MAX, Popularity::Uniform);
        for serial in [1, 2, 9, 10, 123_456, 10_000_123, CARD_COUNT_MAX] {
            let issued = Pan::from_bin_and_serial("629999", serial, PAN_LENGTH).unwrap();
            let expected: u64 = issued.expose().parse().unwrap();
            assert_eq!(read_packed(&cards.packed_pan(serial)), Some(expected));
        }
    }

    #[test]
    fn every_card_is_taken() {
        let cards = Cards::new(*b"629999", 5, Popularity::Uniform);
        let mut random = Random::new(3, 0);
        let mut seen = [false; 6];
        (0..1_000).for_each(|_| seen[cards.pick(&mut random) as usize] = true);
        assert_eq!(seen, [false, true, true, true, true, true]);
    }
}
