//! Plays scenarios in their long form and writes a report. Run by `load-tests/fault-run`.

mod report;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;

use faults::{Effort, FaultError, Scenario, ServersNeeded, Site};
use report::{Outcome, Report};
use test_servers::{
    CassandraCluster, CassandraOptions, KafkaCluster, KafkaOptions, ServerError, Size, Tuning,
};

/// Plays scenarios in their long form and writes a report.
#[derive(Debug, Parser)]
#[command(name = "faults", version)]
struct Cli {
    /// `floatswitch`, built with `--release --features cluster`.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// The report.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What the report says of the commit.
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// The short form of the tests.
    #[arg(long)]
    quick: bool,
    /// Rounds, in place of each scenario's own number.
    #[arg(long)]
    rounds: Option<u32>,
    /// Seconds of a freeze, an outage or a load without faults, in place of each scenario's own.
    #[arg(long)]
    hold: Option<u64>,
    /// Requests a second, in place of each scenario's own.
    #[arg(long)]
    rate: Option<u64>,
    /// Prints the names and what each is about.
    #[arg(long)]
    list: bool,
    /// The scenarios; all but steady-hour when none is named.
    names: Vec<String>,
}

/// Only this one must be named: it takes as long as all others together.
const HOUR: &str = "steady-hour";

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.list {
        let lines = Scenario::all()
            .iter()
            .map(|one| format!("{:<18} {}; {}\n", one.name, one.fault, one.promise));
        return finish(say(&lines.collect::<String>()).map(|()| true));
    }
    match chosen(&cli.names) {
        Ok(scenarios) => finish(play(&cli, &scenarios)),
        Err(name) => {
            drop(tell(&format!(
                "faults: there is no scenario `{name}`; --list tells them"
            )));
            ExitCode::from(2)
        }
    }
}

/// 0 when all promises held, 1 when one did not, 3 when the report could not be written.
fn finish(done: io::Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            drop(tell(&format!("faults: {error}")));
            ExitCode::from(3)
        }
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    if names.is_empty() {
        let all = Scenario::all().iter();
        return Ok(all.filter(|one| one.name != HOUR).collect());
    }
    let named = |name: &String| Scenario::named(name).ok_or_else(|| name.clone());
    names.iter().map(named).collect()
}

fn play(cli: &Cli, scenarios: &[&'static Scenario]) -> io::Result<bool> {
    let mut report = Report::new(&cli.commit, cli.names.join(" "));
    let mut servers = None;
    for scenario in scenarios {
        let effort = effort(cli, scenario);
        tell(&format!("{}: {}", scenario.name, scenario.fault))?;
        let played = run(cli, scenario, &effort, &mut servers);
        match &played {
            Ok(facts) => tell(&format!("  {} s, clean", facts.took.as_secs()))?,
            Err(error) => tell(&format!("  FAILED: {error}"))?,
        }
        report.outcomes.push(Outcome {
            scenario,
            effort,
            played,
        });
        // What is known is kept, whatever becomes of the rest.
        if let Some(path) = &cli.report {
            std::fs::write(path, report.text())?;
        }
    }
    if cli.report.is_none() {
        say(&report.text())?;
    }
    Ok(report.outcomes.iter().all(|outcome| outcome.played.is_ok()))
}

fn effort(cli: &Cli, scenario: &Scenario) -> Effort {
    let own = match (cli.quick, scenario.quick) {
        (true, Some(quick)) => quick,
        (true, None) | (false, _) => scenario.long,
    };
    Effort {
        rounds: cli.rounds.unwrap_or(own.rounds),
        hold: cli.hold.map_or(own.hold, Duration::from_secs),
        rate: cli.rate.unwrap_or(own.rate),
        ..own
    }
}

/// Servers that run, and for whom.
type Running = Option<(ServersNeeded, Site)>;

fn run(
    cli: &Cli,
    scenario: &Scenario,
    effort: &Effort,
    servers: &mut Running,
) -> Result<faults::Facts, FaultError> {
    // Servers that were harmed are as good as new ones: all that they were told is still there.
    let kind = match scenario.needs {
        ServersNeeded::Any | ServersNeeded::Own => ServersNeeded::Own,
        ServersNeeded::ThreeBrokers => ServersNeeded::ThreeBrokers,
        ServersNeeded::ThreeNodes => ServersNeeded::ThreeNodes,
    };
    let fitting = servers.take().filter(|(running, _)| *running == kind);
    let (_, site) = match fitting {
        Some(fitting) => servers.insert(fitting),
        None => servers.insert((kind, start(cli, kind)?)),
    };
    let played = scenario.run(site, effort);
    if played.is_err() {
        *servers = None; // Whatever is down stays down.
    }
    played
}

fn start(cli: &Cli, kind: ServersNeeded) -> Result<Site, ServerError> {
    let (brokers, nodes) = match kind {
        ServersNeeded::Any | ServersNeeded::Own => (Size::One, Size::One),
        ServersNeeded::ThreeBrokers => (Size::Three, Size::One),
        ServersNeeded::ThreeNodes => (Size::One, Size::Three),
    };
    let brokers = KafkaCluster::start(KafkaOptions {
        brokers,
        tuning: Tuning::Throughput,
        ..KafkaOptions::default()
    })?;
    let nodes = CassandraCluster::start(CassandraOptions {
        nodes,
        tuning: Tuning::Throughput,
        // What waits for nodes that are down must not fill the heap of the one that is left.
        heap_mib: 1_536,
        ..CassandraOptions::default()
    })?;
    Ok(Site::of(
        cli.program.clone(),
        Arc::new(brokers),
        Arc::new(nodes),
    ))
}

fn tell(line: &str) -> io::Result<()> {
    writeln!(io::stderr().lock(), "{line}")
}

fn say(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}
