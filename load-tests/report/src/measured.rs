//! What the load tests measured, as their scripts write it.

use serde::Deserialize;

/// Where and when.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Machine {
    pub(crate) commit: String,
    /// UTC, as `2026-11-24 10:36`.
    pub(crate) at: String,
    pub(crate) processors: u64,
    pub(crate) model: String,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) file_system: String,
    /// Of the last 1, 5 and 15 minutes at the end.
    pub(crate) load_average: String,
}

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

/// A yardstick's result.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Yardstick {
    pub(crate) per_second: u64,
    pub(crate) latency_us: Latency,
}

/// What terminals saw.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Load {
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) approved: u64,
    pub(crate) unsent: u64,
    pub(crate) per_second: u64,
    pub(crate) latency_us: Latency,
}

/// Processor time, in hundredths of one processor.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Cpu {
    pub(crate) server: u64,
    pub(crate) load: u64,
    /// Of programs that have nothing to do with the measurement.
    pub(crate) other: u64,
    /// Taken by the host for others.
    pub(crate) stolen: u64,
}

/// The switch under one load, with what ran before it in the same minute.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Part {
    pub(crate) y1: Yardstick,
    pub(crate) y2: Option<Yardstick>,
    pub(crate) load: Load,
    pub(crate) connections: u64,
    pub(crate) in_flight: u64,
    pub(crate) records_per_sync: u64,
    pub(crate) cpu: Cpu,
}

/// E7, in KiB.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Memory {
    pub(crate) idle_kib: u64,
    pub(crate) live_kib: u64,
    pub(crate) live: u64,
    /// The same cards after they have paid.
    pub(crate) paid_kib: u64,
    pub(crate) paid: u64,
}

/// E9: a load on cards that are not in memory.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Cold {
    pub(crate) part: Part,
    pub(crate) cards: u64,
    /// 0 = they were there from an earlier run.
    pub(crate) issue_ms: u64,
    /// Memory of the process when all cards were idle.
    pub(crate) idle_kib: u64,
    pub(crate) ready_ms: u64,
    /// Whether the system's own cache was emptied before.
    pub(crate) was_dropped: bool,
    /// Cards that were read from the store.
    pub(crate) loads: u64,
    pub(crate) disk_mib: u64,
}

/// A start after kill -9.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Recovery {
    pub(crate) y1: Yardstick,
    pub(crate) commands: u64,
    pub(crate) ms: u64,
    pub(crate) ready_ms: u64,
}

/// What was measured of the embedded switch. What was not asked for is not there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parts {
    #[serde(rename = "E1")]
    pub(crate) e1: Option<Part>,
    #[serde(rename = "E2")]
    pub(crate) e2: Option<Part>,
    #[serde(rename = "E3")]
    pub(crate) e3: Option<Part>,
    #[serde(rename = "E4")]
    pub(crate) e4: Option<Part>,
    #[serde(rename = "E5")]
    pub(crate) e5: Option<Part>,
    pub(crate) hot: Option<Part>,
    #[serde(rename = "E7")]
    pub(crate) e7: Option<Memory>,
    #[serde(rename = "E8")]
    pub(crate) e8: Option<Part>,
    #[serde(rename = "E9")]
    pub(crate) e9: Option<Cold>,
    #[serde(rename = "E9-zipf")]
    pub(crate) e9_zipf: Option<Part>,
    pub(crate) recovery: Option<Recovery>,
}

impl Parts {
    /// All loads with their names, in the order of the report.
    pub(crate) fn loads(&self) -> Vec<(&'static str, &'static str, Part)> {
        let all = [
            ("E1", "", self.e1),
            ("E2", "", self.e2),
            ("E3", "", self.e3),
            ("E4", "", self.e4),
            ("E5", "zipf 1.1", self.e5),
            ("hot", "one card", self.hot),
            ("E8", "70 % of E3's rate", self.e8),
            ("E9", "cold, 1,000 a second", self.e9.map(|cold| cold.part)),
            ("E9 zipf", "zipf 1.1 of all", self.e9_zipf),
        ];
        all.into_iter()
            .filter_map(|(name, shape, part)| Some((name, shape, part?)))
            .collect()
    }
}

/// The file of `load-tests/run`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Embedded {
    pub(crate) machine: Machine,
    pub(crate) seconds: u64,
    pub(crate) cards: u64,
    pub(crate) parts: Parts,
}

/// One system under one load.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Rival {
    pub(crate) name: RivalName,
    pub(crate) load: Load,
    pub(crate) cpu: Cpu,
}

/// What can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RivalName {
    Switch,
    /// A transaction for each payment.
    Postgres,
    /// A transaction for all payments that wait.
    PostgresGathered,
}

/// All systems under the same load, in the same minute.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Round {
    pub(crate) connections: u64,
    pub(crate) in_flight: u64,
    pub(crate) y1: Yardstick,
    pub(crate) y2: Yardstick,
    pub(crate) rivals: Vec<Rival>,
}

impl Round {
    pub(crate) fn rate_of(&self, name: RivalName) -> Option<u64> {
        let found = self.rivals.iter().find(|rival| rival.name == name);
        found.map(|rival| rival.load.per_second)
    }
}

/// The file of `load-tests/postgres-run`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) machine: Machine,
    pub(crate) seconds: u64,
    pub(crate) cards: u64,
    /// As the server tells it.
    pub(crate) postgres_version: String,
    /// How the peer uses it, for each of its two ways.
    pub(crate) pools: Vec<String>,
    /// Settings that differ from Debian's, as `name = value`.
    pub(crate) settings: Vec<String>,
    pub(crate) rounds: Vec<Round>,
}
