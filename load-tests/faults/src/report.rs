//! The report: what was lost when what died.

use std::fs;

use faults::{Effort, Facts, FaultError, Scenario};

/// A scenario that was played.
pub(crate) struct Outcome {
    pub(crate) scenario: &'static Scenario,
    pub(crate) effort: Effort,
    pub(crate) played: Result<Facts, FaultError>,
}

/// All that were played.
pub(crate) struct Report {
    pub(crate) outcomes: Vec<Outcome>,
    commit: String,
    names: String,
}

// === impl Report ===

impl Report {
    pub(crate) fn new(commit: &str, names: String) -> Self {
        Self {
            outcomes: Vec::new(),
            commit: commit.to_owned(),
            names,
        }
    }

    /// The report as Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("# Faults of a cluster\n\n");
        let (commit, names) = (&self.commit, &self.names);
        text += &format!("Written by `load-tests/fault-run {names}`, commit {commit}.\n\n");
        text += &machine();
        text += "\nApache Kafka and Apache Cassandra (in ScyllaDB's place), the terminals and the switch share the \
                 processors.\n\n## What was lost when what died\n\n\
                 An answer is lost when its terminal got none in time; the terminal then reverses the request until \
                 the reversal is answered. The check proves each recorded answer booked exactly once as it was told, \
                 each lost one settled, and all balances, journals and hash chains.\n\n\
                 | scenario | fault | requests | answered | approved | answers lost | approvals lost | check |\n\
                 |---|---|---|---|---|---|---|---|\n";
        for outcome in &self.outcomes {
            text += &outcome.line();
        }
        text += "\n## Measured\n";
        for outcome in &self.outcomes {
            text += &outcome.section();
        }
        text
    }
}

// === impl Outcome ===

impl Outcome {
    fn line(&self) -> String {
        let (name, fault) = (self.scenario.name, self.scenario.fault);
        let Ok(facts) = &self.played else {
            return format!("| {name} | {fault} | | | | | | **FAILED** |\n");
        };
        let load = &facts.load;
        format!(
            "| {name} | {fault} | {} | {} | {} | {} | 0 | clean: {} cards, {} rows, {} told decisions |\n",
            load.requests,
            load.answered,
            load.approved,
            load.lost,
            facts.check.cards,
            facts.check.rows,
            facts.check.booked
        )
    }

    fn section(&self) -> String {
        let scenario = self.scenario;
        let mut text = format!("\n### {}\n\n", scenario.name);
        let effort = self.effort;
        let (rate, partitions, cards) = (effort.rate, effort.partitions, effort.cards);
        text += &format!(
            "{}: {}. {rate} requests a second, {partitions} partitions, {cards} cards.\n\n",
            capital(scenario.fault),
            scenario.promise
        );
        let facts = match &self.played {
            Ok(facts) => facts,
            Err(error) => return text + &format!("FAILED:\n\n```\n{error}\n```\n"),
        };
        for measure in &facts.measures {
            text += &format!("- {}: {}\n", measure.what, measure.value);
        }
        let load = &facts.load;
        let codes = load
            .codes
            .iter()
            .map(|(code, count)| format!("{code}: {count}"));
        text += &format!(
            "- latency from when a request was due, faults included: p50 {} us, p99 {} us, max {} us\n",
            load.p50_us, load.p99_us, load.max_us
        );
        text += &format!(
            "- answers by code: {}\n",
            codes.collect::<Vec<_>>().join(", ")
        );
        text += &format!("- connections opened again: {}\n", load.reconnections);
        text + &format!("- took {} s\n", facts.took.as_secs())
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What the figures were measured on.
fn machine() -> String {
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let cpus = file("/proc/cpuinfo");
    let count = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let memory = value(&file("/proc/meminfo"), "MemTotal");
    let kernel = file("/proc/sys/kernel/osrelease");
    format!(
        "Machine: {count} processors ({}), {memory} of memory, Linux {}.\n",
        value(&cpus, "model name"),
        kernel.trim()
    )
}
