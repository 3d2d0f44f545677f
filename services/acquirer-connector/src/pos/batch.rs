//! What a terminal says of its batch: totals (0500, data element 48), items (0320), the end.
//!
//! Data element 48 of a 0500 has 62 digits: sum of debits 12, their count 3, sum of credits 12, their
//! count 3, result 1, and the same 31 for foreign cards, of which there are none here. That of a 0320
//! with items has a count of two digits and up to eight items of 40: card kind 2, trace 6, card number
//! 20 with zeros in front, amount 12. That of the end has the count of all uploaded items, 4 digits.

use crate::refusal::Refusal;
use money::{AMOUNT_MAX, Amount};

/// Digits of a terminal's totals.
pub(crate) const TOTALS_DIGITS: usize = 62;
const HALF: usize = TOTALS_DIGITS / 2;
const ITEM_DIGITS: usize = 40;
/// Items that one 0320 has room for.
pub(crate) const ITEMS_MAX: usize = 8;

/// The most that twelve digits can say.
const MOST: Amount = match Amount::from_minor(AMOUNT_MAX) {
    Ok(amount) => amount,
    Err(_) => unreachable!(),
};

const ELEMENT: u8 = 48;
const WRONG: Refusal = Refusal::Form { number: ELEMENT };

/// Sums and counts of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Side {
    pub(crate) sum: Amount,
    pub(crate) count: u32,
}

impl Side {
    /// Takes one more in. Sums beyond what the wire can say stay at its most.
    pub(crate) fn add(&mut self, amount: Amount) {
        self.sum = self.sum.checked_add(amount).unwrap_or(MOST);
        self.count = self.count.saturating_add(1);
    }
}

/// What a batch comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BatchTotals {
    /// Purchases, completions, offline sales.
    pub(crate) debit: Side,
    /// Voids, refunds, top-ups.
    pub(crate) credit: Side,
}

/// How a terminal's totals compare with ours: the result digit of data element 48.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// 1: equal.
    Balanced,
    /// 2: not equal, the terminal uploads its items.
    NotBalanced,
}

impl BatchTotals {
    /// Reads what a terminal says. Foreign cards must come to nothing.
    pub(crate) fn parse(digits: &[u8]) -> Result<Self, Refusal> {
        if digits.len() != TOTALS_DIGITS {
            return Err(WRONG);
        }
        let (own, foreign) = digits.split_at(HALF);
        let foreign = Self::half(foreign)?;
        if foreign != Self::default() {
            return Err(WRONG);
        }
        Self::half(own)
    }

    fn half(digits: &[u8]) -> Result<Self, Refusal> {
        let mut rest = digits;
        let mut side = || {
            Ok::<_, Refusal>(Side {
                sum: amount(take(&mut rest, 12)?)?,
                count: small(take(&mut rest, 3)?)?,
            })
        };
        Ok(Self {
            debit: side()?,
            credit: side()?,
        })
    }

    /// Data element 48 of the answer: what the terminal said, with the result.
    pub(crate) fn answer(digits: &[u8], verdict: Verdict) -> Vec<u8> {
        let mut answer = digits.to_vec();
        let result = match verdict {
            Verdict::Balanced => b'1',
            Verdict::NotBalanced => b'2',
        };
        for end in [HALF, TOTALS_DIGITS] {
            if let Some(digit) = answer.get_mut(end - 1) {
                *digit = result;
            }
        }
        answer
    }
}

/// One item that a terminal uploads. The card number goes no further than its comparison.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct UploadedItem {
    /// Of the original.
    pub(crate) trace: u32,
    /// Without the zeros in front.
    pub(crate) card_number: Vec<u8>,
    pub(crate) amount: Amount,
}

impl std::fmt::Debug for UploadedItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadedItem")
            .field("trace", &self.trace)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// The items of a 0320.
pub(crate) fn parse_items(digits: &[u8]) -> Result<Vec<UploadedItem>, Refusal> {
    let mut rest = digits;
    let count: usize = small(take(&mut rest, 2)?)?;
    if count > ITEMS_MAX || rest.len() != count * ITEM_DIGITS {
        return Err(WRONG);
    }
    rest.chunks(ITEM_DIGITS).map(item).collect()
}

fn item(digits: &[u8]) -> Result<UploadedItem, Refusal> {
    let mut rest = digits;
    take(&mut rest, 2)?; // The kind of card is ours to know.
    let trace = small(take(&mut rest, 6)?)?;
    let card_number = take(&mut rest, 20)?;
    let zeros = card_number
        .iter()
        .take_while(|digit| **digit == b'0')
        .count();
    Ok(UploadedItem {
        trace,
        card_number: card_number.get(zeros..).unwrap_or_default().to_vec(),
        amount: amount(take(&mut rest, 12)?)?,
    })
}

/// How many items a terminal has uploaded, at the end.
pub(crate) fn parse_end(digits: &[u8]) -> Result<u32, Refusal> {
    match digits.len() {
        4 => small(digits),
        _ => Err(WRONG),
    }
}

fn take<'d>(rest: &mut &'d [u8], count: usize) -> Result<&'d [u8], Refusal> {
    let (digits, behind) = rest.split_at_checked(count).ok_or(WRONG)?;
    *rest = behind;
    Ok(digits)
}

fn number(digits: &[u8]) -> Result<u64, Refusal> {
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0').ok_or(WRONG)?;
        let tenfold = number.checked_mul(10).ok_or(WRONG)?;
        tenfold.checked_add(u64::from(digit)).ok_or(WRONG)
    })
}

fn small<T: TryFrom<u64>>(digits: &[u8]) -> Result<T, Refusal> {
    T::try_from(number(digits)?).map_err(|_| WRONG)
}

fn amount(digits: &[u8]) -> Result<Amount, Refusal> {
    Amount::from_minor(number(digits)?).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The totals of the trade's example: three debits of 621.45, one credit of 23.45.
    const TOTALS: &[u8] = b"00000006214500300000000234500100000000000000000000000000000000";

    fn side(minor: u64, count: u32) -> Side {
        Side {
            sum: Amount::from_minor(minor).unwrap(),
            count,
        }
    }

    #[test]
    fn totals_read_and_are_answered_with_the_result() {
        let totals = BatchTotals::parse(TOTALS).unwrap();
        let expected = BatchTotals {
            debit: side(62_145, 3),
            credit: side(2_345, 1),
        };
        assert_eq!(totals, expected);
        for (verdict, digit) in [(Verdict::Balanced, b'1'), (Verdict::NotBalanced, b'2')] {
            let answer = BatchTotals::answer(TOTALS, verdict);
            assert_eq!((answer[30], answer[61]), (digit, digit));
            assert_eq!(answer[..30], TOTALS[..30]);
        }
    }

    #[test]
    fn totals_of_another_form_are_refused() {
        let mut foreign = TOTALS.to_vec();
        foreign[45] = b'1';
        let mut letter = TOTALS.to_vec();
        letter[3] = b'x';
        for digits in [&TOTALS[1..], b"", &foreign, &letter] {
            assert_eq!(BatchTotals::parse(digits), Err(WRONG));
        }
    }

    #[test]
    fn items_read() {
        let item = b"0000001600006299990100001238000000012345";
        let mut upload = b"02".to_vec();
        upload.extend_from_slice(item);
        upload.extend_from_slice(item);
        let items = parse_items(&upload).unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].trace, 16);
        assert_eq!(items[0].card_number, b"6299990100001238");
        assert_eq!(items[0].amount.minor(), 12_345);
        assert!(!format!("{items:?}").contains("6299990"));
        for wrong in [&upload[..41], b"09", b"0", b"01"] {
            assert_eq!(parse_items(wrong), Err(WRONG));
        }
        assert_eq!(parse_items(b"00"), Ok(Vec::new()));
    }

    #[test]
    fn the_end_has_a_count() {
        assert_eq!(parse_end(b"0004"), Ok(4));
        for wrong in [b"004".as_slice(), b"00041", b"00x4"] {
            assert_eq!(parse_end(wrong), Err(WRONG));
        }
    }
}
