//! Who may depend on whom, and what the pure crates may not touch.

use crate::tree::RepoFile;

/// Where a crate stands; it may depend on crates of ours below it only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// Uses nothing of ours.
    Mutants,
    Money,
    /// Uses no crate of ours but money.
    Leaf,
    Card,
    Port,
    Adapter,
    /// Builds on adapters: speaks the types of one over the connection of another.
    Extension,
    Service,
    Binary,
}

/// Every crate with its layer. A new crate must find its place here.
const LAYERS: &[(&str, Layer)] = &[
    ("money", Layer::Money),
    // Below everything: any line may be broken by a proof.
    ("mutants", Layer::Mutants),
    ("pan", Layer::Leaf),
    ("ledger", Layer::Leaf),
    ("iso8583", Layer::Leaf),
    ("link", Layer::Leaf),
    ("tidy", Layer::Leaf),
    ("test-servers", Layer::Leaf),
    ("card", Layer::Card),
    ("command-log", Layer::Port),
    ("card-store", Layer::Port),
    ("command-log-embedded", Layer::Adapter),
    ("command-log-kafka", Layer::Adapter),
    ("card-store-embedded", Layer::Adapter),
    ("card-store-scylla", Layer::Adapter),
    ("registry-scylla", Layer::Extension),
    ("registry", Layer::Adapter),
    ("settings", Layer::Adapter),
    ("telemetry", Layer::Adapter),
    ("acquirer-connector", Layer::Service),
    // Below the binary, whose tests use it.
    ("faults", Layer::Service),
    ("card-processor", Layer::Service),
    ("operations", Layer::Service),
    ("floatswitch", Layer::Binary),
    // A proof: it runs the services and the adapters, and nothing runs it.
    ("sim", Layer::Binary),
    ("yardsticks", Layer::Binary),
    ("payment-steps", Layer::Binary),
    ("load-report", Layer::Binary),
    ("postgres-peer", Layer::Binary),
    ("cluster-yardsticks", Layer::Binary),
];

const PURE_CRATES: &[&str] = &["money", "pan", "iso8583", "ledger", "card", "link"];
/// What a pure crate may use of others: errors, hashing, wiping, small vectors. No runtime, no serialization.
const PURE_EXTERNALS: &[&str] = &["thiserror", "zeroize", "sha2", "hmac", "subtle", "smallvec"];
const PURE_FORBIDDEN: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::env",
    "std::time::Instant",
    "SystemTime",
    "async fn",
    "HashMap",
    "HashSet",
];
/// Runtimes and drivers with the crates that may use them, besides services and the yardsticks.
const RUNTIMES: &[(&str, &[&str])] = &[
    (
        "tokio",
        &[
            "command-log",
            "command-log-embedded",
            "command-log-kafka",
            "card-store-embedded",
            "card-store-scylla",
            "registry",
            "registry-scylla",
            "telemetry",
        ],
    ),
    ("ractor", &[]),
    ("rdkafka", &["command-log-kafka"]),
    ("scylla", &["card-store-scylla", "registry-scylla"]),
    ("fjall", &["card-store-embedded", "registry"]),
];

/// How a crate uses another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DependencyKind {
    /// In its code or its build.
    Code,
    /// In its tests only.
    Test,
}

/// One edge of the crate graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The crate of ours that depends.
    pub from: String,
    /// What it depends on.
    pub on: String,
    /// How.
    pub kind: DependencyKind,
}

/// Checks one edge of the crate graph.
pub fn layer_findings(dependency: &Dependency) -> Vec<String> {
    let Dependency { from, on, kind } = dependency;
    let Some(from_layer) = layer_of(from) else {
        return vec![format!(
            "{from}: give the new crate a layer in libs/tidy/src/layers.rs"
        )];
    };
    let mut findings = Vec::new();
    let is_code = *kind == DependencyKind::Code;
    let Some(on_layer) = layer_of(on) else {
        if is_code && PURE_CRATES.contains(&from.as_str()) && !PURE_EXTERNALS.contains(&on.as_str())
        {
            findings.push(format!(
                "{from} depends on {on}; a pure crate may use only {}",
                PURE_EXTERNALS.join(", ")
            ));
        }
        if is_code && !may_use_runtime(from, from_layer, on) {
            findings.push(format!(
                "{from} depends on {on}, which belongs in services and adapters"
            ));
        }
        return findings;
    };
    if on_layer >= from_layer {
        findings.push(format!(
            "{from} depends on {on}; services -> adapters -> ports -> card -> ledger, pan -> money"
        ));
    }
    if is_code && from_layer == Layer::Service && on.ends_with("-embedded") {
        findings.push(format!(
            "{from} depends on {on}; a service knows the port, floatswitch picks the adapter"
        ));
    }
    findings
}

fn layer_of(name: &str) -> Option<Layer> {
    LAYERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, layer)| *layer)
}

fn may_use_runtime(from: &str, from_layer: Layer, on: &str) -> bool {
    let Some((_, users)) = RUNTIMES.iter().find(|(runtime, _)| *runtime == on) else {
        return true;
    };
    from_layer >= Layer::Service || users.contains(&from)
}

/// Checks that a source file of a pure crate touches no clock, thread or file, and that the log's port uses
/// nothing of tokio but its channels and locks.
pub fn purity_findings(file: &RepoFile) -> Vec<String> {
    let crate_name = file
        .path
        .strip_prefix("libs/")
        .and_then(|path| path.split_once("/src/"))
        .map(|(name, _)| name);
    let Some(crate_name) = crate_name else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (index, line) in code_lines(&file.text) {
        let at = format!("{}:{}", file.path, index + 1);
        if PURE_CRATES.contains(&crate_name) {
            let touched = PURE_FORBIDDEN.iter().filter(|word| line.contains(**word));
            findings.extend(touched.map(|word| {
                format!("{at}: `{word}` in a pure crate; take what it gives as an argument")
            }));
        }
        let other_tokio = line
            .match_indices("tokio::")
            .any(|(start, _)| !line[start..].starts_with("tokio::sync"));
        // The contract suite is test code that adapters run; it waits and has helpers.
        let is_suite = file.path.ends_with("/contract.rs") || line.contains("tokio::test");
        if crate_name == "command-log" && other_tokio && !is_suite {
            findings.push(format!("{at}: a port may use only tokio::sync"));
        }
    }
    findings
}

/// Lists the lines that are no comments, up to the unit tests at the end of the file.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = text
        .lines()
        .enumerate()
        .take_while(|(_, line)| *line != "#[cfg(test)]");
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::{Dependency, DependencyKind, layer_findings, purity_findings};
    use crate::tree::RepoFile;

    #[track_caller]
    fn check(from: &str, on: &str, kind: DependencyKind, count: usize) {
        let dependency = Dependency {
            from: from.to_owned(),
            on: on.to_owned(),
            kind,
        };
        assert_eq!(layer_findings(&dependency).len(), count, "{from} -> {on}");
    }

    #[test]
    fn edges_point_down() {
        check("card", "ledger", DependencyKind::Code, 0);
        check("ledger", "card", DependencyKind::Code, 1);
        check(
            "card-processor",
            "acquirer-connector",
            DependencyKind::Code,
            1,
        );
        check(
            "card-processor",
            "acquirer-connector",
            DependencyKind::Test,
            1,
        );
        check("floatswitch", "card-processor", DependencyKind::Code, 0);
        check(
            "card-processor",
            "command-log-embedded",
            DependencyKind::Code,
            1,
        );
        check(
            "card-processor",
            "command-log-embedded",
            DependencyKind::Test,
            0,
        );
        check("unheard-of", "money", DependencyKind::Code, 1);
    }

    #[test]
    fn runtimes_stay_outside() {
        check("card", "tokio", DependencyKind::Code, 2);
        check("card", "serde_json", DependencyKind::Test, 0);
        check("settings", "tokio", DependencyKind::Code, 1);
        check("command-log", "tokio", DependencyKind::Code, 0);
        check("card-processor", "ractor", DependencyKind::Code, 0);
        check("card-store", "fjall", DependencyKind::Code, 1);
    }

    #[test]
    fn pure_code_has_no_clock() {
        let count = |path: &str, text: &str| {
            purity_findings(&RepoFile {
                path: path.to_owned(),
                text: text.to_owned(),
            })
            .len()
        };
        assert_eq!(
            count("libs/card/src/lib.rs", "use std::collections::HashMap;"),
            1
        );
        assert_eq!(
            count(
                "libs/card/src/lib.rs",
                "// no HashMap here\n#[cfg(test)]\nuse std::fs;"
            ),
            0
        );
        assert_eq!(
            count("libs/command-log/src/port.rs", "use tokio::sync::watch;"),
            0
        );
        assert_eq!(
            count("libs/command-log/src/port.rs", "tokio::spawn(run());"),
            1
        );
    }
}
