//! Every rule over every file of this repository.

use tidy::{
    RepoFile, Repository, card_number_findings, decision_record_findings, import_findings,
    invariant_findings, link_findings, metric_findings, name_findings, purity_findings,
    shape_findings, word_findings,
};

const INVARIANTS: &str = "docs/INVARIANTS.md";
const METRICS: &str = "libs/telemetry/src/metric.rs";

#[track_caller]
fn check(findings: Vec<String>) {
    assert!(
        findings.is_empty(),
        "{} to mend:\n{}\n",
        findings.len(),
        findings.join("\n")
    );
}

fn over_rust(rule: impl Fn(&RepoFile) -> Vec<String>) -> Vec<String> {
    Repository::read()
        .with_extension("rs")
        .flat_map(rule)
        .collect()
}

fn our_crates(repository: &Repository) -> Vec<String> {
    let manifests = repository
        .with_extension("toml")
        .filter(|file| file.path.ends_with("/Cargo.toml"));
    let names = manifests.filter_map(|file| {
        file.text
            .lines()
            .find_map(|line| line.strip_prefix("name = "))
    });
    names
        .map(|name| name.trim_matches('"').to_owned())
        .collect()
}

#[test]
fn rust_files_say_their_purpose_and_stay_short() {
    check(over_rust(shape_findings));
}

#[test]
fn imports_stand_in_three_blocks() {
    let ours = our_crates(&Repository::read());
    check(over_rust(|file| import_findings(file, &ours)));
}

#[test]
fn pure_crates_touch_nothing() {
    check(over_rust(purity_findings));
}

#[test]
fn names_say_something() {
    check(
        Repository::read()
            .paths
            .iter()
            .flat_map(|path| name_findings(path))
            .collect(),
    );
}

#[test]
fn files_stand_alone() {
    check(
        Repository::read()
            .files
            .iter()
            .flat_map(word_findings)
            .collect(),
    );
}

#[test]
fn only_test_cards_are_committed() {
    let repository = Repository::read();
    let written = repository
        .files
        .iter()
        .filter(|file| file.path != "Cargo.lock");
    check(written.flat_map(card_number_findings).collect());
}

#[test]
fn documents_lead_somewhere() {
    let repository = Repository::read();
    check(
        repository
            .with_extension("md")
            .flat_map(|document| link_findings(document, &repository.paths))
            .collect(),
    );
}

#[test]
fn decision_records_are_numbered_and_decided() {
    check(decision_record_findings(&Repository::read().files));
}

#[test]
fn invariants_and_code_agree() {
    let repository = Repository::read();
    let table = repository
        .file(INVARIANTS)
        .expect("the table of invariants");
    check(invariant_findings(table, &repository));
}

#[test]
fn metrics_are_declared_once() {
    let declarations = Repository::read()
        .file(METRICS)
        .expect("the metric names")
        .text
        .clone();
    let is_ours = |file: &RepoFile| !file.path.starts_with("libs/tidy/");
    check(over_rust(|file| {
        if is_ours(file) {
            metric_findings(file, &declarations)
        } else {
            Vec::new()
        }
    }));
}
