//! What a check found wrong: a bounded list, and the count of all.

use std::fmt;

use card::{CardId, Version};

/// Findings that are kept; the rest is counted.
const FINDINGS_MAX: usize = 1_000;

/// Something wrong, with the card and the decision where it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) card: Option<CardId>,
    pub(crate) version: Option<Version>,
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(card) = self.card {
            write!(f, "card {card}")?;
            if let Some(version) = self.version {
                write!(f, " version {version}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.what)
    }
}

/// The findings, bounded.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) kept: Vec<Finding>,
    pub(crate) count: u64,
}

impl Findings {
    pub(crate) fn add(
        &mut self,
        card: Option<CardId>,
        version: Option<Version>,
        what: impl Into<String>,
    ) {
        self.count += 1;
        if self.kept.len() < FINDINGS_MAX {
            self.kept.push(Finding {
                card,
                version,
                what: what.into(),
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}
