//! Which data elements a message has.

/// Highest data element number there is.
pub(crate) const FIELD_NUMBER_MAX: usize = 128;

/// How many bitmaps a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitmapWidth {
    /// 8 bytes: data elements 2 to 64.
    Primary,
    /// 16 bytes, bit 1 is set: data elements 2 to 128.
    WithSecondary,
}

impl BitmapWidth {
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Primary => 8,
            Self::WithSecondary => 16,
        }
    }
}

/// Data element n is the nth bit from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bitmap(u128);

impl Bitmap {
    /// From the first 8 bytes and the second 8, or zero when there are none.
    pub(crate) fn new(primary: u64, secondary: u64) -> Self {
        Self(u128::from(primary) << 64 | u128::from(secondary))
    }

    pub(crate) fn has(self, number: u8) -> bool {
        self.0 & Self::bit(number) != 0
    }

    pub(crate) fn insert(&mut self, number: u8) {
        self.0 |= Self::bit(number);
    }

    pub(crate) fn remove(&mut self, number: u8) {
        self.0 &= !Self::bit(number);
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Numbers of the data elements, ascending.
    pub(crate) fn numbers(self) -> impl Iterator<Item = u8> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let number = u8::try_from(rest.leading_zeros()).ok()? + 1;
            if rest == 0 {
                return None;
            }
            rest &= !Self::bit(number);
            Some(number)
        })
    }

    /// How many data elements come before this one; `None` when it is not there.
    pub(crate) fn rank(self, number: u8) -> Option<usize> {
        let bit = Self::bit(number);
        if self.0 & bit == 0 {
            return None;
        }
        let lower_and_own = bit | (bit - 1);
        usize::try_from((self.0 & !lower_and_own).count_ones()).ok()
    }

    /// No bit for a number that is none of a data element.
    fn bit(number: u8) -> u128 {
        match number {
            1..=128 => 1 << (128 - u32::from(number)),
            0 | 129.. => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bitmap;

    #[test]
    fn numbers_count_from_the_left() {
        let mut bitmap = Bitmap::new(0x4000_0000_0000_0001, 1);
        assert_eq!(bitmap.numbers().collect::<Vec<_>>(), [2, 64, 128]);
        let ranks = [2, 64, 128, 3, 0, 255].map(|number| bitmap.rank(number));
        assert_eq!(ranks, [Some(0), Some(1), Some(2), None, None, None]);
        bitmap.insert(1);
        bitmap.remove(64);
        assert_eq!(bitmap.numbers().collect::<Vec<_>>(), [1, 2, 128]);
        assert!(bitmap.has(1) && bitmap.has(128));
        assert!(!bitmap.has(0) && !bitmap.has(129) && !bitmap.has(255));
        assert_eq!(Bitmap::default().numbers().count(), 0);
    }
}
