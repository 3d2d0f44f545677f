//! Instructions per payment by step, counted by callgrind and held against a budget.
//!
//! `play` does the payments; `measure` runs `play` under callgrind and reads what it counted. Times
//! differ from run to run and from machine to machine; these counts do not, so they can guard the
//! cost of a payment where no quiet machine is at hand. Not here: what happens between threads.

#![forbid(unsafe_code)]

mod budget;
mod callgrind;
mod measure;
mod play;
mod steps;
mod world;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The switch's own allocator: part of what a payment costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Counts the instructions of a payment, step by step.
#[derive(Debug, Parser)]
#[command(name = "payment-steps", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays payments; callgrind looks on.
    Play {
        /// Payments that are counted.
        #[arg(long, default_value_t = 2_000)]
        payments: u32,
    },
    /// Counts instructions per payment. Exit code 1 = a step is over its budget.
    Measure(MeasureArgs),
}

#[derive(Debug, clap::Args)]
struct MeasureArgs {
    /// The file of budgets.
    #[arg(long, value_name = "FILE", default_value = "load-tests/budgets.toml")]
    budgets: PathBuf,
    /// Payments that are counted.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    payments: u32,
    /// Write what was counted as the new budgets.
    #[arg(long)]
    accept: bool,
}

/// What went wrong, for people.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Measure(#[from] measure::MeasureError),
    #[error(transparent)]
    Budget(#[from] budget::BudgetError),
    #[error("print: {0}")]
    Print(#[from] io::Error),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Play { payments } => play_all(payments),
        Command::Measure(args) => measure_all(&args),
    };
    done.unwrap_or_else(|failure| {
        // Nothing is left to be done when even stderr is gone.
        drop(writeln!(io::stderr(), "error: {failure}"));
        ExitCode::from(2)
    })
}

fn play_all(payments: u32) -> Result<ExitCode, Failure> {
    let approved = play::play(payments);
    writeln!(io::stdout(), "{approved} of {payments} payments approved")?;
    Ok(ExitCode::from(u8::from(approved != payments)))
}

fn measure_all(args: &MeasureArgs) -> Result<ExitCode, Failure> {
    let measured = measure::measure(args.payments)?;
    if args.accept {
        budget::write(&args.budgets, &measured.counts())?;
    }
    let budgets = budget::read(&args.budgets)?;
    let comparison = measured.against(&budgets);
    writeln!(io::stdout(), "{comparison}")?;
    Ok(ExitCode::from(u8::from(comparison.fails())))
}
