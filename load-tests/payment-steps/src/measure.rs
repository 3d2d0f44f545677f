//! Runs this very program under callgrind and tells instructions per payment by step.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::budget::{Counts, SLACK_PERCENT, Verdict};
use crate::callgrind::{Profile, ProfileError};
use crate::steps::Step;

/// Callgrind's option for the function that it collects in,
const COLLECT: &str = "--toggle-collect=*payment_steps::play::count*";
/// and for the one whose callers it tells apart: what hashing is for.
const HASHING: &str = "--separate-callers12=*sha2*compress*";

const SHA256: &str = "sha256";
/// What is not in a step.
const BETWEEN: &str = "between";
const TOTAL: &str = "total";

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    #[error("cannot run valgrind: {0}; on Debian: apt-get install valgrind")]
    NoValgrind(io::Error),
    #[error("valgrind ended with {0}")]
    Valgrind(String),
    #[error("a place for the profile: {0}")]
    Place(io::Error),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error("the profile has nothing of step {0}: was the program built without names?")]
    NoStep(&'static str),
}

/// Instructions per payment. Valgrind hides the processor's own instructions for SHA-256, so hashes
/// are computed in software here and take half of all: they are a line of their own and part of no
/// step, or what else a step does could grow unseen.
pub(crate) struct Measured {
    lines: Vec<Line>,
}

/// One line of the table.
struct Line {
    name: &'static str,
    meaning: &'static str,
    instructions: u64,
}

/// Plays `payments` under callgrind.
///
/// # Errors
/// [`MeasureError`] says what to do.
pub(crate) fn measure(payments: u32) -> Result<Measured, MeasureError> {
    let folder = tempfile::tempdir().map_err(MeasureError::Place)?;
    let file = folder.path().join("profile");
    run_valgrind(&file, payments)?;
    let text = std::fs::read_to_string(&file).map_err(MeasureError::Place)?;
    Measured::of(&Profile::parse(&text)?, u64::from(payments))
}

fn run_valgrind(file: &Path, payments: u32) -> Result<(), MeasureError> {
    let own = std::env::current_exe().map_err(MeasureError::Place)?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", COLLECT, HASHING])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(own)
        .args(["play", "--payments", &payments.to_string()])
        .output()
        .map_err(MeasureError::NoValgrind)?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let ended = format!("{}:\n{told}", output.status);
    Err(MeasureError::Valgrind(ended))
}

impl Measured {
    fn of(profile: &Profile, payments: u64) -> Result<Self, MeasureError> {
        let mut lines = Vec::new();
        for step in Step::ALL {
            let instructions = of_step(profile, step) / payments;
            if instructions == 0 {
                return Err(MeasureError::NoStep(step.name()));
            }
            lines.push(Line {
                name: step.name(),
                meaning: step.meaning(),
                instructions,
            });
        }
        let row_again = profile.of_called(&path_of(Step::WriteRow));
        let total = profile.total().saturating_sub(row_again) / payments;
        let hashing = profile.own_where(is_hashing);
        let hashing = hashing.saturating_sub(hashing_of(profile, Step::WriteRow)) / payments;
        let known: u64 = lines.iter().map(|line| line.instructions).sum();
        let between = total.saturating_sub(known + hashing);
        for (name, meaning, instructions) in [
            (SHA256, "all hashes, in software", hashing),
            (BETWEEN, "move values, give memory back", between),
            (TOTAL, "all of it", total),
        ] {
            lines.push(Line {
                name,
                meaning,
                instructions,
            });
        }
        Ok(Self { lines })
    }

    pub(crate) fn counts(&self) -> Counts {
        let lines = self.lines.iter();
        lines
            .map(|line| (line.name.to_owned(), line.instructions))
            .collect()
    }

    /// Sets the counts beside their budgets.
    pub(crate) fn against<'a>(&'a self, budgets: &'a Counts) -> Comparison<'a> {
        Comparison {
            measured: self,
            budgets,
        }
    }
}

fn path_of(step: Step) -> String {
    format!("payment_steps::steps::{}", step.name())
}

/// What a step takes without hashing. The row is written twice, in the decision and once more to be
/// told apart from it: it is no part of the decision here.
fn of_step(profile: &Profile, step: Step) -> u64 {
    let own = |step| {
        let all = profile.of_called(&path_of(step));
        all.saturating_sub(hashing_of(profile, step))
    };
    match step {
        Step::Decide => own(Step::Decide).saturating_sub(own(Step::WriteRow)),
        Step::Decode
        | Step::Translate
        | Step::WriteEnvelope
        | Step::ReadEnvelope
        | Step::WriteRow
        | Step::TakeIn
        | Step::WriteState
        | Step::WriteAnswer => own(step),
    }
}

fn is_hashing(name: &str) -> bool {
    name.starts_with("sha2::")
}

fn hashing_of(profile: &Profile, step: Step) -> u64 {
    let caller = format!("'{}'", path_of(step));
    profile.own_where(|name| is_hashing(name) && name.contains(&caller))
}

/// Counts and budgets as a table.
pub(crate) struct Comparison<'a> {
    measured: &'a Measured,
    budgets: &'a Counts,
}

impl Comparison<'_> {
    pub(crate) fn fails(&self) -> bool {
        let lines = &self.measured.lines;
        lines.iter().any(|line| self.verdict(line).fails())
    }

    fn verdict(&self, line: &Line) -> Verdict {
        // What is left between the steps is little and jumps with every step: the total guards it.
        match line.name {
            BETWEEN => Verdict::Within,
            name => Verdict::of(line.instructions, self.budgets.get(name).copied()),
        }
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self
            .measured
            .lines
            .last()
            .map_or(1, |line| line.instructions);
        write!(
            f,
            "| step | what | instructions | share | budget | |\n|---|---|---|---|---|---|"
        )?;
        for line in &self.measured.lines {
            let Line {
                name,
                meaning,
                instructions,
            } = line;
            let share = instructions * 100 / total.max(1);
            let budget = self.budgets.get(*name).copied().unwrap_or_default();
            let verdict = self.verdict(line);
            write!(
                f,
                "\n| {name} | {meaning} | {instructions} | {share} % | {budget} | {verdict} |"
            )?;
        }
        if self.fails() {
            write!(
                f,
                "\n\nA step takes more than {SLACK_PERCENT} % over its budget. Make it cheaper; or, when the \
                 change is worth it,\nrun `load-tests/instructions --accept`, commit the new \
                 load-tests/budgets.toml and say why in the message."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        let mut profile = Profile::default();
        for step in Step::ALL {
            profile.called.insert(path_of(step), 1_000);
        }
        profile.called.insert(path_of(Step::Decide), 3_000);
        for (step, cost) in [
            (Step::Decide, 400),
            (Step::WriteRow, 400),
            (Step::Translate, 100),
        ] {
            let name = format!("sha2::compress'card::f'{}'main", path_of(step));
            profile.own.insert(name, cost);
        }
        profile.own.insert("others".to_owned(), 10_200);
        profile
    }

    #[test]
    fn the_row_is_counted_once_and_hashing_apart() {
        let counts = Measured::of(&profile(), 10).unwrap().counts();
        for (name, count) in [
            ("decode", 100),
            ("translate", 90),
            ("decide", 200),
            ("write_row", 60),
            ("sha256", 50),
            ("between", 10),
            ("total", 1_010),
        ] {
            assert_eq!(counts[name], count, "{name}");
        }
    }

    #[test]
    fn more_than_the_budget_fails_and_says_what_to_do() {
        let measured = Measured::of(&profile(), 10).unwrap();
        let mut budgets = measured.counts();
        assert!(!measured.against(&budgets).fails());
        budgets.insert("decode".to_owned(), 90);
        let comparison = measured.against(&budgets);
        assert!(comparison.fails());
        assert!(comparison.to_string().contains("--accept"));
    }

    #[test]
    fn a_profile_without_names_is_refused() {
        let empty = Profile::default();
        let measured = Measured::of(&empty, 1);
        assert!(matches!(measured, Err(MeasureError::NoStep("decode"))));
    }
}
