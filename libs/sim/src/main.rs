//! `cargo run --release -p sim -- --seeds N`: plays seeds until one fails, and tells its story.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;

use mutants::Mutant;
use sim::campaign::{Campaign, Report, tell, trace_of};

/// Plays the switch through seeded stories of crashes, takeovers and lost messages.
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds to play; with `--mutants`, how many each may need.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Plays one seed and tells its story if it fails.
    #[arg(long)]
    seed: Option<u64>,
    /// Breaks one line (needs `--features mutants`).
    #[arg(long)]
    mutant: Option<String>,
    /// Breaks each line in turn, and fails when one is not caught (needs `--features mutants`).
    #[arg(long)]
    mutants: bool,
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let mutant = args.mutant.as_deref().map(Mutant::named);
    let mut out = io::stdout().lock();
    if (args.mutants || mutant.is_some()) && !cfg!(feature = "mutants") {
        writeln!(
            out,
            "no line can be broken in this build: add `--features mutants`"
        )?;
        return Ok(ExitCode::from(2));
    }
    let mutant = match mutant {
        Some(None) => {
            let known: Vec<&str> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
            writeln!(out, "no such mutant; there are {}", known.join(", "))?;
            return Ok(ExitCode::from(2));
        }
        Some(known) => known,
        None => None,
    };
    if args.mutants {
        return mutants_table(&args, &mut out);
    }
    if let Some(seed) = args.seed {
        return one_seed(seed, mutant, &mut out);
    }
    let campaign = Campaign {
        first: args.first,
        count: args.seeds,
        mutant,
    };
    let report = campaign.run(show_progress(args.seeds));
    writeln!(out, "\r{}", summary(&report))?;
    match report.failed {
        None => Ok(ExitCode::SUCCESS),
        Some((seed, violation)) => {
            // A second play may hold: the order within a millisecond differs. It failed nevertheless.
            writeln!(out, "seed {seed} failed: {violation}")?;
            one_seed(seed, mutant, &mut out)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn one_seed(seed: u64, mutant: Option<Mutant>, out: &mut impl io::Write) -> io::Result<ExitCode> {
    match tell(seed, mutant) {
        Some(story) => {
            writeln!(out, "{story}")?;
            Ok(ExitCode::FAILURE)
        }
        None => {
            writeln!(out, "seed {seed} holds in this play")?;
            if mutant.is_none() {
                writeln!(out, "the trace of a second play: {:016x}", trace_of(seed))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn show_progress(count: u64) -> impl Fn(u64) + Sync {
    let step = (count / 100).clamp(1, 1_000);
    move |played| {
        if played.is_multiple_of(step) {
            let line = format!("\r{played} of {count} seeds");
            // Progress is only shown: whoever closed the pipe misses nothing.
            drop(io::stderr().write_all(line.as_bytes()));
        }
    }
}

fn summary(report: &Report) -> String {
    format!(
        "{} seeds in {}.{:03} s: {} seeds/s, simulated to real time {} : 1",
        report.played,
        report.took.as_secs(),
        report.took.subsec_millis(),
        report.seeds_per_second(),
        report.ratio(),
    )
}

fn mutants_table(args: &Args, out: &mut impl io::Write) -> io::Result<ExitCode> {
    writeln!(
        out,
        "| mutant | keeps | what is broken | seeds needed | caught by |"
    )?;
    writeln!(out, "|---|---|---|---|---|")?;
    let mut survivors = 0;
    for mutant in Mutant::ALL.iter().copied() {
        let campaign = Campaign {
            first: args.first,
            count: args.seeds,
            mutant: Some(mutant),
        };
        let report = campaign.run(|_| {});
        let (seeds, caught_by) = match &report.failed {
            Some((_, violation)) => (report.played.to_string(), violation.invariant),
            None => {
                survivors += 1;
                (format!("over {}", report.played), "**nothing**")
            }
        };
        let (name, keeps, text) = (mutant.name(), mutant.keeps(), mutant.text());
        writeln!(out, "| {name} | {keeps} | {text} | {seeds} | {caught_by} |")?;
    }
    writeln!(out, "\n{survivors} of {} survived", Mutant::ALL.len())?;
    Ok(match survivors {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
