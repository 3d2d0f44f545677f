//! The float at a past cut-over: the sum of what every partition set aside there (LEDGER-2). No card
//! is looked at, so it takes as long for ten cards as for ten million.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::day::{DayStatus, date};
use crate::desk::{CutBooks, DayDesk, DeskError};
use card::{Day, PartitionId, ProgrammeId};
use ledger::{Account, Books};

/// Partitions that a message names.
const NAMED_MAX: usize = 5;

/// Which cut-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatAt {
    /// The last one that every partition has passed.
    Latest,
    /// The one that ended this day.
    EndOf(Day),
    /// The one with this number.
    Cut(u64),
}

/// Why there is no float to tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FloatError {
    /// Some partitions have not passed such a cut.
    #[error("{0}")]
    NotYet(String),
    /// No cut has this number.
    #[error("no cut has number {wanted}; the next one is {next}")]
    NoCut {
        /// What was asked for.
        wanted: u64,
        /// What there is.
        next: u64,
    },
    /// The books are damaged.
    #[error("totals of cut {0} are more than can be: the books are damaged, restore a backup")]
    Overflow(u64),
    /// The days cannot be read.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

/// The float at a cut-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatTold {
    /// The lowest number among the partitions' cuts: equal in all of them, unless one was away.
    pub cut_number: u64,
    /// The day that ended.
    pub end_of: String,
    /// When the first partition's mark was appended, milliseconds since 1970.
    pub cut_from_ms: i64,
    /// And the last one's.
    pub cut_through_ms: i64,
    /// What was owed to card holders, in fen.
    pub float_fen: i64,
    /// By programme.
    pub programmes: Vec<ProgrammeTold>,
}

/// A programme's books at a cut-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgrammeTold {
    /// Its number.
    pub programme: u16,
    /// Accounts 2001 + 2002 + 2003 + 2203 + 2206, in fen.
    pub float_fen: i64,
    /// Every account that is not zero.
    pub accounts: Vec<AccountTold>,
}

/// A balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountTold {
    /// Its number in the chart.
    pub account: u16,
    /// Debits less credits, in fen.
    pub debit_fen: i64,
}

impl AccountTold {
    /// Whether it is part of the float.
    #[must_use]
    pub fn is_float(&self) -> bool {
        Account::from_number(self.account).is_some_and(Account::is_float)
    }
}

/// The float at a cut-over.
///
/// # Errors
/// As [`FloatError`] says.
pub async fn float_at<D: DayDesk>(desk: &D, at: FloatAt) -> Result<FloatTold, FloatError> {
    let cuts = first_cuts(desk, at).await?;
    told(&cuts, at)
}

/// For each partition, the cut where its part of the float is counted: the first one that is not
/// before the wanted one. A partition that was away for days passes one cut where others passed
/// three; nothing was dated in between, so it counts for all of them.
///
/// # Errors
/// As [`FloatError`] says.
pub async fn first_cuts<D: DayDesk>(
    desk: &D,
    at: FloatAt,
) -> Result<Vec<(PartitionId, CutBooks)>, FloatError> {
    let from = match at {
        FloatAt::Latest => DayStatus::new(desk.days().await?).cut_number(),
        FloatAt::EndOf(day) => u64::from(day.0) + 1,
        FloatAt::Cut(number) => number,
    };
    let (mut passed, mut missing) = (Vec::new(), Vec::new());
    for (partition, cut) in desk.first_cuts(from.max(1)).await? {
        match cut {
            Some(cut) => passed.push((partition, cut)),
            None => missing.push(partition),
        }
    }
    if !missing.is_empty() {
        return Err(FloatError::NotYet(not_yet(at, &missing)));
    }
    let next = passed.iter().map(|(_, cut)| cut.number).min();
    match (at, next) {
        (FloatAt::Cut(wanted), Some(next)) if next != wanted => {
            Err(FloatError::NoCut { wanted, next })
        }
        (FloatAt::Latest | FloatAt::EndOf(_) | FloatAt::Cut(_), _) => Ok(passed),
    }
}

fn not_yet(at: FloatAt, missing: &[PartitionId]) -> String {
    let what = match at {
        FloatAt::Latest => "no cut-over is kept".to_owned(),
        FloatAt::EndOf(day) => format!("day {} has not ended", date(day)),
        FloatAt::Cut(number) => format!("cut {number} has not passed, or is not kept,"),
    };
    let named: Vec<String> = missing
        .iter()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    let more = match missing.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let named = named.join(", ");
    format!(
        "{what} in partitions {named}{more} yet: wait for it, or see `floatswitch day status` for the \
         last one that is whole"
    )
}

fn told(cuts: &[(PartitionId, CutBooks)], at: FloatAt) -> Result<FloatTold, FloatError> {
    let first = cuts.iter().map(|(_, cut)| cut).min_by_key(|cut| cut.number);
    let (cut_number, opened) = first.map_or((0, Day(0)), |cut| (cut.number, cut.day));
    let mut programmes: BTreeMap<ProgrammeId, Books> = BTreeMap::new();
    for (_, cut) in cuts {
        for (programme, books) in &cut.programmes {
            let sum = programmes.entry(*programme).or_default();
            let added = sum.add(books);
            added.map_err(|_| FloatError::Overflow(cut.number))?;
        }
    }
    let told: Option<Vec<ProgrammeTold>> = programmes.iter().map(programme_told).collect();
    let programmes = told.ok_or(FloatError::Overflow(cut_number))?;
    let float_fen = programmes
        .iter()
        .try_fold(0i64, |sum, one| sum.checked_add(one.float_fen))
        .ok_or(FloatError::Overflow(cut_number))?;
    let times = || cuts.iter().map(|(_, cut)| cut.cut_at.0);
    Ok(FloatTold {
        cut_number,
        end_of: date(match at {
            FloatAt::EndOf(day) => day,
            FloatAt::Latest | FloatAt::Cut(_) => Day(opened.0.saturating_sub(1)),
        }),
        cut_from_ms: times().min().unwrap_or_default(),
        cut_through_ms: times().max().unwrap_or_default(),
        float_fen,
        programmes,
    })
}

/// `None`: a balance beyond 2^63 fen, which no money is.
fn programme_told((programme, books): (&ProgrammeId, &Books)) -> Option<ProgrammeTold> {
    let accounts = books.balances().map(|(account, minor)| {
        let debit_fen = i64::try_from(minor).ok()?;
        Some(AccountTold {
            account: account.number(),
            debit_fen,
        })
    });
    Some(ProgrammeTold {
        programme: programme.0,
        float_fen: i64::try_from(books.float()).ok()?,
        accounts: accounts.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::day::PartitionDays;
    use card::Timestamp;

    /// The cuts of each partition: number, and the balance of registered cards then.
    struct Kept(Vec<Vec<(u64, i128)>>);

    fn cut(number: u64, owed: i128) -> CutBooks {
        let mut books = Books::default();
        books.set(Account::RegisteredCards, -owed);
        books.set(Account::LoadsInTransit, owed);
        CutBooks {
            number,
            offset: number * 10,
            day: Day(u16::try_from(number).unwrap()),
            cut_at: Timestamp(1_000 + i64::from(u16::try_from(number).unwrap())),
            programmes: BTreeMap::from([(ProgrammeId(1), books)]),
        }
    }

    impl DayDesk for Kept {
        fn days(&self) -> impl Future<Output = Result<Vec<PartitionDays>, DeskError>> + Send {
            let days = self.0.iter().zip((0..).map(PartitionId));
            let days = days.map(|(cuts, partition)| {
                let number = cuts.last().map_or(0, |(number, _)| *number);
                PartitionDays {
                    partition,
                    cut_number: number,
                    day: Day(u16::try_from(number).unwrap()),
                    frozen_through: Day(0),
                }
            });
            ready(Ok(days.collect()))
        }

        async fn cut(&self, _: Day) -> Result<(), DeskError> {
            Ok(())
        }

        async fn freeze(&self, _: Day) -> Result<(), DeskError> {
            Ok(())
        }

        async fn first_cuts(
            &self,
            from: u64,
        ) -> Result<Vec<(PartitionId, Option<CutBooks>)>, DeskError> {
            let first = |cuts: &Vec<(u64, i128)>| {
                let found = cuts.iter().find(|(number, _)| *number >= from);
                found.map(|(number, owed)| cut(*number, *owed))
            };
            let partitions = (0..).map(PartitionId);
            Ok(partitions.zip(self.0.iter().map(first)).collect())
        }
    }

    fn float(kept: &[&[(u64, i128)]], at: FloatAt) -> Result<FloatTold, FloatError> {
        let desk = Kept(kept.iter().map(|cuts| cuts.to_vec()).collect());
        let float = pin!(float_at(&desk, at));
        match float.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(told) => told,
            Poll::Pending => panic!("nothing to wait for"),
        }
    }

    /// The second partition was away at cut 11; the third has not passed 13.
    const AWAY: [&[(u64, i128)]; 3] = [
        &[(10, 5), (11, 7), (12, 9), (13, 11)],
        &[(10, 100), (12, 300), (13, 400)],
        &[(10, 1_000), (11, 2_000), (12, 3_000)],
    ];

    #[test]
    fn every_past_cut_is_told() {
        for (at, number, owed, end_of) in [
            (FloatAt::EndOf(Day(3)), 10, 1_105, "1970-01-04"), // Before the first cut.
            (FloatAt::EndOf(Day(9)), 10, 1_105, "1970-01-10"),
            (FloatAt::Cut(10), 10, 1_105, "1970-01-10"),
            (FloatAt::EndOf(Day(10)), 11, 2_307, "1970-01-11"),
            (FloatAt::Cut(11), 11, 2_307, "1970-01-11"),
            (FloatAt::EndOf(Day(11)), 12, 3_309, "1970-01-12"),
            (FloatAt::Latest, 12, 3_309, "1970-01-12"),
        ] {
            let told = float(&AWAY, at).unwrap();
            assert_eq!((told.cut_number, told.float_fen), (number, owed), "{at:?}");
            assert_eq!(told.end_of, end_of, "{at:?}");
            let accounts = &told.programmes[0].accounts;
            let owed_by = accounts.iter().filter(|one| one.is_float());
            let sum: i64 = owed_by.map(|one| one.debit_fen).sum();
            assert_eq!(-sum, owed, "its accounts make it");
        }
    }

    #[test]
    fn a_balance_that_cannot_be_is_not_told() {
        let most = i128::from(i64::MAX);
        assert_eq!(
            float(&[&[(10, most)]], FloatAt::Latest).unwrap().float_fen,
            i64::MAX
        );
        for kept in [&[&[(10, most + 1)][..]][..], &[&[(10, most)], &[(10, 1)]]] {
            let error = float(kept, FloatAt::Latest).unwrap_err();
            assert_eq!(error, FloatError::Overflow(10));
        }
    }

    #[test]
    fn what_is_not_whole_is_not_told() {
        for (at, expected) in [
            (
                FloatAt::EndOf(Day(12)),
                "day 1970-01-13 has not ended in partitions 2 yet",
            ),
            (
                FloatAt::Cut(13),
                "cut 13 has not passed, or is not kept, in partitions 2 yet",
            ),
            (FloatAt::Cut(9), "no cut has number 9; the next one is 10"),
        ] {
            let error = float(&AWAY, at).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let none: [&[(u64, i128)]; 9] = [&[]; 9];
        let error = float(&none, FloatAt::Latest).unwrap_err().to_string();
        let expected = "no cut-over is kept in partitions 0, 1, 2, 3, 4 and 4 more yet";
        assert!(error.starts_with(expected), "{error}");
    }
}
