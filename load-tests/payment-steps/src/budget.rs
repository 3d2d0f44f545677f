//! The budgets: instructions that each step may take, as a file beside the code.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Over its budget by more than this, a step fails the check; under it by more, it is told.
pub(crate) const SLACK_PERCENT: u64 = 5;

const HEAD: &str = "\
# Instructions per payment, by step: a purchase on a card whose ring of recent transactions is full.
# `load-tests/instructions --check` fails when one is more than 5 % over. Written anew by
# `load-tests/instructions --accept`; the commit says what the change buys. See load-tests/README.md.

";

/// Why there are no budgets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BudgetError {
    #[error("cannot read {}: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is not a list of budgets: {source}", path.display())]
    Parse {
        path: PathBuf,
        source: toml::de::Error,
    },
    #[error("cannot write {}: {source}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// By a step's name: instructions per payment.
pub(crate) type Counts = BTreeMap<String, u64>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    instructions_per_payment: Counts,
}

pub(crate) fn read(path: &Path) -> Result<Counts, BudgetError> {
    let path_of = || path.to_owned();
    let text = std::fs::read_to_string(path).map_err(|source| BudgetError::Read {
        path: path_of(),
        source,
    })?;
    let file: File = toml::from_str(&text).map_err(|source| BudgetError::Parse {
        path: path_of(),
        source,
    })?;
    Ok(file.instructions_per_payment)
}

pub(crate) fn write(path: &Path, counts: &Counts) -> Result<(), BudgetError> {
    let rows = counts
        .iter()
        .map(|(name, count)| format!("{name} = {count}\n"));
    let text: String = [HEAD, "[instructions_per_payment]\n"]
        .into_iter()
        .map(str::to_owned)
        .chain(rows)
        .collect();
    std::fs::write(path, text).map_err(|source| BudgetError::Write {
        path: path.to_owned(),
        source,
    })
}

/// How a count stands to its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Within,
    Over,
    /// So far below that the budget no longer guards anything.
    Loose,
    NoBudget,
}

impl Verdict {
    pub(crate) fn of(count: u64, budget: Option<u64>) -> Self {
        let Some(budget) = budget else {
            return Self::NoBudget;
        };
        let hundredfold = count.saturating_mul(100);
        if hundredfold > budget.saturating_mul(100 + SLACK_PERCENT) {
            Self::Over
        } else if hundredfold < budget.saturating_mul(100 - SLACK_PERCENT) {
            Self::Loose
        } else {
            Self::Within
        }
    }

    pub(crate) fn fails(self) -> bool {
        match self {
            Self::Over | Self::NoBudget => true,
            Self::Within | Self::Loose => false,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Within => "ok",
            Self::Over => "OVER BUDGET",
            Self::Loose => "budget is loose",
            Self::NoBudget => "NO BUDGET",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_percent_are_let_pass() {
        for (count, budget, verdict) in [
            (1_000, Some(1_000), Verdict::Within),
            (1_050, Some(1_000), Verdict::Within),
            (1_051, Some(1_000), Verdict::Over),
            (950, Some(1_000), Verdict::Within),
            (949, Some(1_000), Verdict::Loose),
            (1, None, Verdict::NoBudget),
            (1, Some(0), Verdict::Over),
        ] {
            assert_eq!(Verdict::of(count, budget), verdict, "{count} of {budget:?}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("budgets.toml");
        let counts = Counts::from([("decide".to_owned(), 4_321), ("total".to_owned(), 9_999)]);
        write(&path, &counts).unwrap();
        assert_eq!(read(&path).unwrap(), counts);
    }
}
