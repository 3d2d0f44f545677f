//! Turns what the load tests measured into a report for people and a plot.
//!
//! The scripts measure and write JSON; this judges, tables and draws, so that a report can be made
//! again, and the judgement is tested where no machine is quiet.

#![forbid(unsafe_code)]

mod embedded;
mod goals;
mod measured;
mod plot;
mod rivals;
#[cfg(test)]
mod sample;
mod table;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::de::DeserializeOwned;

/// Makes a report and a plot of what a load test measured, beside its file.
#[derive(Debug, Parser)]
#[command(name = "load-report", version)]
struct Cli {
    #[command(subcommand)]
    report: Report,
}

#[derive(Debug, Subcommand)]
enum Report {
    /// Of `load-tests/run`.
    Embedded {
        /// DATE-embedded.json
        file: PathBuf,
    },
    /// Of `load-tests/postgres-run`.
    Postgres {
        /// DATE-postgres.json
        file: PathBuf,
    },
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not what this version's script writes: {source}", path.display())]
    Parse {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// What is written beside the measured file.
struct Pages {
    report: String,
    plot: String,
}

fn main() -> ExitCode {
    match run(&Cli::parse().report) {
        Ok(report) => {
            drop(write!(io::stdout(), "{report}")); // Nobody may read it any more.
            ExitCode::SUCCESS
        }
        Err(failure) => {
            drop(writeln!(io::stderr(), "error: {failure}"));
            ExitCode::from(2)
        }
    }
}

fn run(report: &Report) -> Result<String, Failure> {
    let (file, pages) = match report {
        Report::Embedded { file } => (file, embedded::pages(&read(file)?, &plot_name(file))),
        Report::Postgres { file } => (file, rivals::pages(&read(file)?, &plot_name(file))),
    };
    write(&file.with_extension("svg"), &pages.plot)?;
    write(&file.with_extension("md"), &pages.report)?;
    Ok(pages.report)
}

/// The plot's name as the report beside it links to it.
fn plot_name(file: &Path) -> String {
    let plot = file.with_extension("svg");
    let name = plot.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| Failure::Parse {
        path: path.to_owned(),
        source,
    })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|source| Failure::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_version_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("2026-11-24-embedded.json");
        std::fs::write(&file, "{}").unwrap();
        let failure = run(&Report::Embedded { file }).err().unwrap();
        assert!(failure.to_string().contains("2026-11-24-embedded.json"));
    }
}
