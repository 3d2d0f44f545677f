//! What an institution's settlement day comes to, line by line as a reconciliation tells it: counts in
//! data elements 74 to 79, amounts in 86 to 89, the net in 97.
//!
//! A reversal counts beside its original, on the day that it is booked on. Data elements 80 and 81,
//! inquiries and authorisations, move no money and are not compared.

use std::collections::HashMap;

use serde::Serialize;

use crate::batch_book::BatchBook;
use crate::pos::tally::{SideOf, side_of};
use crate::refusal::Refusal;
use card::{AcquirerId, CardId, Day, Kind, PartitionId, Version};
use card_store::{BatchItem, BatchName, StoreError};
use iso8583::{Encoder, Message};
use money::Amount;

/// The data element that is signed.
const NET: u8 = 97;
/// The most that sixteen digits can say.
const MOST: i64 = 9_999_999_999_999_999;

/// What each line is, with its name for people.
const LINES: [(u8, &str); LINE_COUNT] = [
    (74, "number of credits"),
    (75, "number of reversed credits"),
    (76, "number of debits"),
    (77, "number of reversed debits"),
    (78, "number of transfers"),
    (79, "number of reversed transfers"),
    (86, "amount of credits"),
    (87, "amount of reversed credits"),
    (88, "amount of debits"),
    (89, "amount of reversed debits"),
    (NET, "net amount"),
];
const LINE_COUNT: usize = 11;
/// There are none here: money does not move between accounts for an institution. May be left out.
const TRANSFERS: [u8; 2] = [78, 79];

/// How many, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    count: i64,
    fen: i64,
}

impl Sum {
    /// Takes one more in. What is beyond the wire stays at its most.
    fn add(&mut self, amount: Amount) {
        let fen = i64::try_from(amount.minor()).unwrap_or(MOST);
        self.count = self.count.saturating_add(1);
        self.fen = self.fen.saturating_add(fen).min(MOST);
    }
}

/// What our books have of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DayTotals {
    credits: Sum,
    reversed_credits: Sum,
    debits: Sum,
    reversed_debits: Sum,
}

impl DayTotals {
    fn add(&mut self, side: SideOf, amount: Amount) {
        match side {
            SideOf::Debit => self.debits.add(amount),
            SideOf::Credit => self.credits.add(amount),
            SideOf::Neither => {}
        }
    }

    fn add_reversal(&mut self, side: SideOf, amount: Amount) {
        match side {
            SideOf::Debit => self.reversed_debits.add(amount),
            SideOf::Credit => self.reversed_credits.add(amount),
            SideOf::Neither => {}
        }
    }

    /// The lines in the order of their data elements. The net is what cards were given less what was
    /// taken from them.
    pub(crate) fn lines(&self) -> Lines {
        let given = self.credits.fen.saturating_add(self.reversed_debits.fen);
        let taken = self.debits.fen.saturating_add(self.reversed_credits.fen);
        Lines([
            self.credits.count,
            self.reversed_credits.count,
            self.debits.count,
            self.reversed_debits.count,
            0,
            0,
            self.credits.fen,
            self.reversed_credits.fen,
            self.debits.fen,
            self.reversed_debits.fen,
            given.saturating_sub(taken).clamp(-MOST, MOST),
        ])
    }
}

/// The lines of a reconciliation, whoever tells them; amounts in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines([i64; LINE_COUNT]);

/// A line in which an institution differs from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct LineDifference {
    element: u8,
    name: &'static str,
    told: i64,
    ours: i64,
}

impl Lines {
    /// Reads what an institution says. Only the lines of transfers may be left out.
    pub(crate) fn parse(message: &Message<'_>) -> Result<Self, Refusal> {
        let mut lines = [0; LINE_COUNT];
        for ((element, _), line) in LINES.iter().zip(&mut lines) {
            *line = match (*element, message.has(*element)) {
                (number, false) if TRANSFERS.contains(&number) => 0,
                (number, false) => return Err(Refusal::Missing { number }),
                (NET, true) => signed(message).ok_or(Refusal::Form { number: NET })?,
                (number, true) => message
                    .number(number)
                    .and_then(|value| i64::try_from(value).ok())
                    .ok_or(Refusal::Form { number })?,
            };
        }
        Ok(Self(lines))
    }

    /// Writes one of the data elements; false when it is no line.
    pub(crate) fn write(&self, number: u8, encoder: &mut Encoder<'_>) -> bool {
        let mut lines = LINES.iter().zip(self.0);
        let Some((_, value)) = lines.find(|((element, _), _)| *element == number) else {
            return false;
        };
        let digits = value.unsigned_abs();
        if number == NET {
            let sign = if value < 0 { 'D' } else { 'C' };
            encoder.text(number, format!("{sign}{digits:016}"));
        } else {
            encoder.number(number, digits);
        }
        true
    }

    /// Where these, which an institution told, differ from ours.
    pub(crate) fn differences(&self, ours: &Self) -> Vec<LineDifference> {
        let pairs = self.0.iter().zip(&ours.0).zip(LINES);
        pairs
            .filter(|((told, ours), _)| told != ours)
            .map(|((told, ours), (element, name))| LineDifference {
                element,
                name,
                told: *told,
                ours: *ours,
            })
            .collect()
    }

    /// For people: each line by its name.
    pub(crate) fn named(&self) -> serde_json::Map<String, serde_json::Value> {
        let lines = LINES.iter().zip(self.0);
        let named = lines.map(|((_, name), value)| (name.replace(' ', "_"), value.into()));
        named.collect()
    }
}

/// Data element 97: C or D, sixteen digits.
fn signed(message: &Message<'_>) -> Option<i64> {
    let (sign, digits) = message.text(NET)?.split_first()?;
    let value: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match sign {
        b'C' => Some(value),
        b'D' => Some(-value),
        _ => None,
    }
}

/// What our books have of an acquirer's day, in all partitions, and how many items it is made of.
pub(crate) async fn booked(
    book: &dyn BatchBook,
    (acquirer, day): (AcquirerId, Day),
    partition_count: u16,
) -> Result<DayTotals, StoreError> {
    let mut totals = DayTotals::default();
    for partition in (0..partition_count).map(PartitionId) {
        let items = book
            .items(BatchName::of_day(acquirer, day, partition))
            .await?;
        count(book, &items, &mut totals).await?;
    }
    Ok(totals)
}

/// Takes the items of one partition in, which has all of a card's.
async fn count(
    book: &dyn BatchBook,
    items: &[BatchItem],
    totals: &mut DayTotals,
) -> Result<(), StoreError> {
    let named = items
        .iter()
        .map(|item| ((item.card, item.version), item.kind));
    let kinds: HashMap<(CardId, Version), Kind> = named.collect();
    for item in items {
        if item.kind != Kind::Reversal {
            totals.add(side_of(item.kind), item.amount);
            continue;
        }
        let kind = match kinds.get(&(item.card, item.link)) {
            Some(kind) => Some(*kind),
            // Its original is of another day.
            None => book.kind(item.card, item.link).await?,
        };
        if let Some(kind) = kind {
            totals.add_reversal(side_of(kind), item.amount);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::frame::{NextFrame, next_frame};
    use iso8583::{Dialect, Mti, Prefix};

    fn amount(fen: u64) -> Amount {
        Amount::from_minor(fen).unwrap()
    }

    /// Two purchases, one of them reversed, and a refund.
    fn totals() -> DayTotals {
        let mut totals = DayTotals::default();
        totals.add(SideOf::Debit, amount(12_345));
        totals.add(SideOf::Debit, amount(1_000));
        totals.add_reversal(SideOf::Debit, amount(1_000));
        totals.add(SideOf::Credit, amount(345));
        totals.add(SideOf::Neither, amount(7));
        totals
    }

    /// A 0500 with these lines, but for one that is changed or left out.
    fn told(lines: &Lines, change: (u8, Option<&str>)) -> Result<Lines, Refusal> {
        let dialect = Dialect::builtin("iso87-ascii").unwrap();
        let mut frame = Vec::new();
        let mti = Mti::parse(*b"0500").unwrap();
        let mut encoder = Encoder::new(dialect, &mut frame, &Prefix::None, mti);
        for (element, _) in LINES {
            match change {
                (NET, Some(value)) if element == NET => {
                    encoder.text(element, value);
                }
                (number, Some(value)) if number == element => {
                    encoder.digits(element, value);
                }
                (number, None) if number == element => {}
                _ => assert!(lines.write(element, &mut encoder)),
            }
        }
        encoder.finish().unwrap();
        drop(encoder);
        let NextFrame::Frame { body, .. } = next_frame(dialect, &frame).unwrap() else {
            panic!("no frame");
        };
        Lines::parse(&Message::decode(dialect, &frame[body]).unwrap())
    }

    #[test]
    fn a_reversal_counts_beside_its_original() {
        let lines = totals().lines();
        let expected = [1, 0, 2, 1, 0, 0, 345, 0, 13_345, 1_000, -12_000];
        assert_eq!(lines, Lines(expected));
        assert_eq!(told(&lines, (0, None)), Ok(lines));
    }

    #[test]
    fn each_line_that_differs_is_named() {
        let ours = totals().lines();
        for (element, name) in LINES {
            let value = match element {
                NET => "C0000000000012000",
                74..=79 => "0000000009",
                _ => "0000000000000009",
            };
            let told = told(&ours, (element, Some(value))).unwrap();
            let found = told.differences(&ours);
            let [found] = found.as_slice() else {
                panic!("{found:?}");
            };
            assert_eq!((found.element, found.name), (element, name));
            assert_ne!(found.told, found.ours);
        }
    }

    #[test]
    fn only_transfers_may_be_left_out() {
        let ours = totals().lines();
        for (number, _) in LINES {
            let expected = match number {
                78 | 79 => Ok(ours),
                _ => Err(Refusal::Missing { number }),
            };
            assert_eq!(told(&ours, (number, None)), expected);
        }
    }

    #[test]
    fn nothing_goes_beyond_the_wire() {
        let mut totals = DayTotals::default();
        for _ in 0..20_000 {
            totals.add(SideOf::Debit, amount(money::AMOUNT_MAX));
        }
        let lines = totals.lines();
        assert_eq!(lines.0[LINE_COUNT - 1], -MOST);
        assert_eq!(told(&lines, (0, None)), Ok(lines));
    }
}
