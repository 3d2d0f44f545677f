//! Checks between keys: what no single value can show by itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::acquirer::Acquirer;
use crate::cluster::Cluster;
use crate::law;
use crate::programme::Programme;
use crate::schema::Settings;
use crate::value::CutAt;

const SECONDS_PER_DAY: u32 = 86_400;

/// A key, what is wrong with it and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The key with its tables in front, such as `programmes[1].group`.
    pub key: String,
    /// What was found and what to write.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.advice)
    }
}

impl Settings {
    /// Checks the keys against each other and returns all findings; none means the settings hold together.
    pub fn validate(&self) -> Vec<Finding> {
        let mut findings = Findings(Vec::new());
        self.check_presence(&mut findings);
        self.check_unique_names(&mut findings);
        self.check_processor(&mut findings);
        self.check_day(&mut findings);
        for (index, acquirer) in self.acquirers.iter().enumerate() {
            check_timers(index, acquirer, &mut findings);
            if let Some(advice) = acquirer.parameters_problem() {
                findings.add(format!("acquirers[{index}].terminal_parameters"), advice);
            }
            self.check_terminals(index, acquirer, &mut findings);
        }
        self.check_fees(&mut findings);
        for (index, programme) in self.programmes.iter().enumerate() {
            law::check(index, programme, &mut findings);
            check_windows(index, programme, &mut findings);
            self.check_group(index, programme, &mut findings);
        }
        self.check_bins(&mut findings);
        findings.0
    }

    fn check_day(&self, findings: &mut Findings) {
        if self.day.cut_at == CutAt::Manual && self.day.freeze_after_minutes.is_some() {
            findings.add(
                "day.freeze_after_minutes",
                "is set while `cut_at` is \"manual\"; remove it, days are then frozen by `floatswitch day freeze`",
            );
        }
        let leading = self.acquirers.iter().enumerate();
        let mut leading = leading.filter(|(_, acquirer)| acquirer.leads_days);
        if let Some((index, _)) = leading.next()
            && self.day.cut_at != CutAt::Manual
        {
            findings.add(
                format!("acquirers[{index}].leads_days"),
                "is true while days are cut by the clock; write `cut_at = \"manual\"`, or remove it",
            );
        }
        if let Some((index, _)) = leading.next() {
            findings.add(
                format!("acquirers[{index}].leads_days"),
                "is true for a second acquirer; the days can follow one network only",
            );
        }
    }

    fn check_presence(&self, findings: &mut Findings) {
        if self.data_dir.as_os_str().is_empty() {
            findings.add(
                "data_dir",
                "is empty; write the folder that holds the log and the cards",
            );
        }
        if self.acquirers.is_empty() {
            findings.add(
                "acquirers",
                "is empty; write at least one [[acquirers]] table",
            );
        }
        if let Some(cluster) = &self.cluster {
            check_cluster(cluster, findings);
        }
        if self.merchants.is_empty() {
            findings.add(
                "merchants",
                "is empty; write at least one [[merchants]] table",
            );
        }
        if self.programmes.is_empty() {
            findings.add(
                "programmes",
                "is empty; write at least one [[programmes]] table",
            );
        }
    }

    fn check_unique_names(&self, findings: &mut Findings) {
        let keyed = |table: &str, index: usize, key: &str| format!("{table}[{index}].{key}");
        let acquirers = || self.acquirers.iter().enumerate();
        let ids = acquirers().map(|(at, acquirer)| {
            (
                keyed("acquirers", at, "id"),
                acquirer.id.as_str().to_owned(),
            )
        });
        findings.unique(ids);
        let listeners =
            acquirers().map(|(at, acquirer)| (keyed("acquirers", at, "listen"), &acquirer.listen));
        let operations = self.operations.iter();
        let operations = operations.map(|own| ("operations.listen".to_owned(), &own.listen));
        let all = std::iter::once(("metrics_listen".to_owned(), &self.metrics_listen))
            .chain(operations)
            .chain(listeners);
        let fixed = all.filter(|(_, address)| !address.as_str().ends_with(":0"));
        findings.unique(fixed.map(|(key, address)| (key, address.as_str().to_owned())));
        let merchants = self.merchants.iter().enumerate();
        findings.unique(merchants.map(|(at, merchant)| {
            (
                keyed("merchants", at, "id"),
                merchant.id.as_str().to_owned(),
            )
        }));
        let programmes = || self.programmes.iter().enumerate();
        findings.unique(programmes().map(|(at, one)| {
            (
                keyed("programmes", at, "number"),
                one.number.get().to_string(),
            )
        }));
        findings.unique(programmes().map(|(at, one)| {
            (
                keyed("programmes", at, "name"),
                one.name.as_str().to_owned(),
            )
        }));
    }

    fn check_processor(&self, findings: &mut Findings) {
        let (credits, live) = (
            self.processor.credits_per_partition.get(),
            self.processor.live_cards_max.get(),
        );
        if live < credits {
            // Each credit may be held by a card of its own, and a card that works cannot leave memory.
            let advice =
                format!("is {live}, less than `credits_per_partition`; write at least {credits}");
            findings.add("processor.live_cards_max", advice);
        }
    }

    fn check_terminals(&self, index: usize, acquirer: &Acquirer, findings: &mut Findings) {
        let key = |at: usize| format!("acquirers[{index}].terminals[{at}]");
        // An institution brings its own merchants.
        if acquirer.terminals.is_empty() && acquirer.dialect.as_str() == "pos" {
            let advice = "is empty; write at least one terminal";
            findings.add(format!("acquirers[{index}].terminals"), advice);
        }
        let mut entry_of: HashMap<String, usize> = HashMap::new();
        for (at, terminals) in acquirer.terminals.iter().enumerate() {
            self.check_merchant(&key(at), terminals.merchant(), findings);
            if let Err(advice) = terminals.parsed() {
                findings.add(key(at), advice);
            }
            let taken = terminals
                .ids()
                .find_map(|id| Some((*entry_of.get(&id)?, id)));
            if let Some((earlier, id)) = taken {
                let earlier = key(earlier);
                let advice = format!(
                    "names terminal {id}, which `{earlier}` has already; a terminal has one merchant"
                );
                findings.add(key(at), advice);
            }
            entry_of.extend(terminals.ids().map(|id| (id, at)));
        }
    }

    fn check_merchant(&self, table: &str, merchant: &str, findings: &mut Findings) {
        if !self
            .merchants
            .iter()
            .any(|known| known.id.as_str() == merchant)
        {
            let advice = format!(
                "is {merchant}, which no [[merchants]] table has as its id; add that merchant"
            );
            findings.add(format!("{table}.merchant"), advice);
        }
    }

    fn check_fees(&self, findings: &mut Findings) {
        for (index, merchant) in self.merchants.iter().enumerate() {
            let (least, most) = (merchant.fee_min_fen.get(), merchant.fee_max_fen.get());
            if least > most {
                let advice = format!("is {most}, below `fee_min_fen`; write at least {least}");
                findings.add(format!("merchants[{index}].fee_max_fen"), advice);
            }
        }
    }

    fn check_group(&self, index: usize, programme: &Programme, findings: &mut Findings) {
        let Some(group) = programme.group else { return };
        if !self
            .merchants
            .iter()
            .any(|merchant| merchant.group == Some(group))
        {
            let advice = format!(
                "is {}, which no [[merchants]] table has as its group; the card would work nowhere",
                group.get()
            );
            findings.add(format!("programmes[{index}].group"), advice);
        }
    }

    /// Checks that a card number can belong to one programme only.
    fn check_bins(&self, findings: &mut Findings) {
        let mut seen: BTreeMap<(u8, &str), usize> = BTreeMap::new();
        for (index, programme) in self.programmes.iter().enumerate() {
            let key = format!("programmes[{index}].bins");
            if programme.bins.is_empty() {
                findings.add(
                    key.clone(),
                    "is empty; write at least one, such as [\"629999\"]",
                );
            }
            for bin in &programme.bins {
                let length = programme.pan_length.get();
                let bin = bin.as_str();
                if let Some((other_bin, other)) = overlapping(&seen, length, bin) {
                    let advice = format!(
                        "has {bin}, which overlaps {other_bin} of `programmes[{other}]` for card numbers of {length} digits; \
                         a card number belongs to one programme"
                    );
                    findings.add(key.clone(), advice);
                }
                seen.insert((length, bin), index);
            }
        }
    }
}

fn overlapping<'a>(
    seen: &BTreeMap<(u8, &'a str), usize>,
    length: u8,
    bin: &str,
) -> Option<(&'a str, usize)> {
    let nested = |other: &str| other.starts_with(bin) || bin.starts_with(other);
    let mut same_length = seen
        .iter()
        .filter(|((other_length, _), _)| *other_length == length);
    same_length
        .find(|((_, other), _)| nested(other))
        .map(|((_, other), index)| (*other, *index))
}

/// LINK-3: timers shrink inward, so an inner one never outlives the one that waits for it.
fn check_timers(index: usize, acquirer: &Acquirer, findings: &mut Findings) {
    let idle_seconds = acquirer.idle_timeout_seconds.get();
    let read_seconds = acquirer.read_timeout_seconds.get();
    if read_seconds >= idle_seconds {
        let advice = format!(
            "is {read_seconds}; write less than `idle_timeout_seconds`, which is {idle_seconds}"
        );
        findings.add(format!("acquirers[{index}].read_timeout_seconds"), advice);
    }
    let reply_milliseconds = acquirer.reply_timeout_milliseconds.get();
    let idle_milliseconds = u64::from(idle_seconds) * 1000;
    if u64::from(reply_milliseconds) >= idle_milliseconds {
        let advice = format!(
            "is {reply_milliseconds}; write less than {idle_milliseconds}, or a link that waits for an answer is closed as idle"
        );
        findings.add(
            format!("acquirers[{index}].reply_timeout_milliseconds"),
            advice,
        );
    }
}

/// CARD-2: a void must be known as long as it can be reversed.
fn check_windows(index: usize, programme: &Programme, findings: &mut Findings) {
    let retention_seconds = u32::from(programme.key_retention_days.get()) * SECONDS_PER_DAY;
    let window_seconds = programme.reversal_window_seconds.get();
    if window_seconds > retention_seconds {
        let advice = format!(
            "is {window_seconds}; write at most {retention_seconds}, the time of `key_retention_days`"
        );
        findings.add(
            format!("programmes[{index}].reversal_window_seconds"),
            advice,
        );
    }
}

/// Findings as they are made.
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, key: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding {
            key: key.into(),
            advice: advice.into(),
        });
    }

    fn unique(&mut self, keyed_values: impl Iterator<Item = (String, String)>) {
        let mut seen = BTreeSet::new();
        for (key, value) in keyed_values {
            if !seen.insert(value.clone()) {
                self.add(
                    key,
                    format!("is {value}, which is taken already; write another"),
                );
            }
        }
    }
}

fn check_cluster(cluster: &Cluster, findings: &mut Findings) {
    if cluster.kafka.is_empty() {
        findings.add("cluster.kafka", "is empty; write at least one broker");
    }
    if cluster.cql.is_empty() {
        findings.add("cluster.cql", "is empty; write at least one node");
    }
    if cluster.cql_replication.is_empty() {
        findings.add(
            "cluster.cql_replication",
            "is empty; write a data centre with its copies, such as { dc1 = 3 }",
        );
    }
    let is_name = |name: &String| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    if !cluster.cql_replication.keys().all(is_name) {
        findings.add(
            "cluster.cql_replication",
            "names a data centre with other characters than letters, digits, `-`, `_` and `.`",
        );
    }
    if cluster.cql_user.is_some() != cluster.cql_password_file.is_some() {
        findings.add(
            "cluster.cql_user",
            "goes with `cql_password_file`; write both or none",
        );
    }
}
