//! Which data elements a message has.

/// Highest data element number there is.
pub(crate) const FIELD_NUMBER_MAX: usize = 192;

/// Number of the bit that announces the third bitmap.
pub(crate) const THIRD_MAP_NUMBER: u8 = 65;

/// How many bitmaps a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BitmapWidth {
    /// One: data elements 2 to 64.
    Primary,
    /// Two, bit 1 is set: data elements 2 to 128.
    WithSecondary,
    /// Three, bits 1 and 65 are set: data elements 2 to 192.
    WithTertiary,
}

impl BitmapWidth {
    /// The least that has a bit for a data element.
    pub(crate) fn for_field(number: u8) -> Self {
        match number {
            ..=64 => Self::Primary,
            65..=128 => Self::WithSecondary,
            129.. => Self::WithTertiary,
        }
    }

    /// How many bitmaps that are.
    #[must_use]
    pub fn map_count(self) -> usize {
        match self {
            Self::Primary => 1,
            Self::WithSecondary => 2,
            Self::WithTertiary => 3,
        }
    }
}

/// How the bits of a bitmap are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapForm {
    /// 8 bytes.
    Binary,
    /// 16 characters of upper-case hex.
    Hex,
}

impl MapForm {
    /// Bytes of one bitmap.
    pub(crate) fn map_size(self) -> usize {
        match self {
            Self::Binary => 8,
            Self::Hex => 16,
        }
    }
}

/// Where the third bitmap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThirdMap {
    /// Right after the second.
    InFront,
    /// Between data elements 64 and 66, as data element 65.
    AsElement65,
}

/// What a dialect says of its bitmaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BitmapSpec {
    pub(crate) form: MapForm,
    pub(crate) width_max: BitmapWidth,
    /// Sent even where fewer would do.
    pub(crate) width_min: BitmapWidth,
    pub(crate) third: ThirdMap,
}

impl BitmapSpec {
    /// Bytes of the bitmaps that stand in front of the data elements.
    pub(crate) fn size_in_front(self, width: BitmapWidth) -> usize {
        let count = match (width, self.third) {
            (BitmapWidth::WithTertiary, ThirdMap::AsElement65) => 2,
            (
                BitmapWidth::Primary | BitmapWidth::WithSecondary | BitmapWidth::WithTertiary,
                ThirdMap::InFront | ThirdMap::AsElement65,
            ) => width.map_count(),
        };
        count * self.form.map_size()
    }
}

/// Data element n is the nth bit from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bitmap([u64; 3]);

impl Bitmap {
    /// From the three bitmaps, zero where there is none.
    pub(crate) fn new(maps: [u64; 3]) -> Self {
        Self(maps)
    }

    pub(crate) fn has(self, number: u8) -> bool {
        self.word(number) & bit(number) != 0
    }

    pub(crate) fn insert(&mut self, number: u8) {
        if let Some(word) = self.0.get_mut(word_index(number)) {
            *word |= bit(number);
        }
    }

    pub(crate) fn remove(&mut self, number: u8) {
        if let Some(word) = self.0.get_mut(word_index(number)) {
            *word &= !bit(number);
        }
    }

    /// The first, second and third bitmap.
    pub(crate) fn maps(self) -> [u64; 3] {
        self.0
    }

    /// The same with another third bitmap.
    pub(crate) fn with_third(self, third: u64) -> Self {
        let Self([primary, secondary, _]) = self;
        Self([primary, secondary, third])
    }

    /// Numbers of the data elements, ascending.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u8> {
        let Self([mut word, second, third]) = self;
        let mut later = [second, third].into_iter();
        let mut first_number = 1;
        std::iter::from_fn(move || {
            while word == 0 {
                word = later.next()?;
                first_number += 64;
            }
            let zeros = u8::try_from(word.leading_zeros()).ok()?;
            word &= !(TOP_BIT >> zeros);
            Some(first_number + zeros)
        })
    }

    /// How many data elements come before this one; `None` when it is not there.
    pub(crate) fn rank(self, number: u8) -> Option<usize> {
        let bit = bit(number);
        let word = self.word(number);
        if word & bit == 0 {
            return None;
        }
        let lower_and_own = bit | (bit - 1);
        let in_words_before: u32 = self
            .0
            .iter()
            .take(word_index(number))
            .map(|word| word.count_ones())
            .sum();
        usize::try_from(in_words_before + (word & !lower_and_own).count_ones()).ok()
    }

    fn word(self, number: u8) -> u64 {
        self.0.get(word_index(number)).copied().unwrap_or_default()
    }
}

const TOP_BIT: u64 = 1 << 63;

/// Past the last word for a number that is none of a data element.
fn word_index(number: u8) -> usize {
    match number {
        0 => usize::MAX,
        1.. => usize::from((number - 1) / 64),
    }
}

fn bit(number: u8) -> u64 {
    TOP_BIT >> (number.wrapping_sub(1) % 64)
}

#[cfg(test)]
mod tests {
    use super::{Bitmap, BitmapWidth};

    #[test]
    fn numbers_count_from_the_left() {
        let mut bitmap = Bitmap::new([0x4000_0000_0000_0001, 1, 0x8000_0000_0000_0001]);
        let numbers: Vec<u8> = bitmap.numbers().collect();
        assert_eq!(numbers, [2, 64, 128, 129, 192]);
        for (rank, number) in numbers.into_iter().enumerate() {
            assert_eq!(bitmap.rank(number), Some(rank));
        }
        let ranks = [3, 0, 1, 193, 255].map(|number| bitmap.rank(number));
        assert_eq!(ranks, [None; 5]);
        bitmap.insert(1);
        bitmap.remove(64);
        bitmap.remove(129);
        assert_eq!(bitmap.numbers().collect::<Vec<_>>(), [1, 2, 128, 192]);
        assert!(bitmap.has(1) && bitmap.has(128) && bitmap.has(192));
        assert!(!bitmap.has(0) && !bitmap.has(129) && !bitmap.has(255));
        assert_eq!(Bitmap::default().numbers().count(), 0);
        bitmap.insert(0);
        bitmap.insert(255);
        assert_eq!(
            bitmap.with_third(0).numbers().collect::<Vec<_>>(),
            [1, 2, 128]
        );
    }

    #[test]
    fn each_number_has_its_bit() {
        for number in 1..=192 {
            let mut bitmap = Bitmap::default();
            bitmap.insert(number);
            assert_eq!(bitmap.numbers().collect::<Vec<_>>(), [number]);
        }
        assert_eq!(BitmapWidth::for_field(64), BitmapWidth::Primary);
        assert_eq!(BitmapWidth::for_field(65), BitmapWidth::WithSecondary);
        assert_eq!(BitmapWidth::for_field(129), BitmapWidth::WithTertiary);
        assert!(BitmapWidth::Primary < BitmapWidth::WithTertiary);
    }
}
