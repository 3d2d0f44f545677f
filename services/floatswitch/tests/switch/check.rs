//! What `check` says when books, or what was told outside, were tampered with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::{Switch, summary, told};

const MIX: &str = "purchase=50,balance=5,void=8,refund=5,preauth=15,completion=5,\
                   completion-advice=2,preauth-void=2,completion-void=2,top-up=2,reversal=4";

/// Columns of a record.
const KIND: usize = 5;
const AMOUNT: usize = 6;
const CODE: usize = 7;
const RRN: usize = 8;
const SERIAL: usize = 11;

/// A switch that took all kinds of payments and stopped, and the record of them.
fn recorded() -> (Switch, PathBuf) {
    let mut switch = Switch::new();
    switch.issue_cards();
    switch.serve();
    let record = switch.file("run.csv");
    let options = ["--connections", "2", "--in-flight", "4", "--count", "4000"];
    let load = switch.load(&record, &[&options[..], &["--mix", MIX]].concat());
    assert_eq!(summary(load)["answered"], 4_000);
    switch.kill();
    (switch, record)
}

fn against(switch: &Switch, record: &Path) -> Output {
    switch.run(&["check", "--against", record.to_str().unwrap()])
}

/// Changes the lines of a record and checks against what came of it.
fn check_changed(
    switch: &Switch,
    record: &Path,
    change: impl FnOnce(&mut Vec<Vec<String>>),
) -> (Option<i32>, String) {
    let text = fs::read_to_string(record).unwrap();
    let (header, lines) = text.split_once('\n').unwrap();
    let columns = |line: &str| line.split(',').map(str::to_owned).collect();
    let mut lines: Vec<Vec<String>> = lines.lines().map(columns).collect();
    change(&mut lines);
    let lines: Vec<String> = lines.iter().map(|line| line.join(",")).collect();
    let changed = switch.file("changed.csv");
    fs::write(&changed, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    let output = against(switch, &changed);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

fn first<'a>(lines: &'a mut [Vec<String>], kind: &str) -> &'a mut Vec<String> {
    let is_it = |line: &&mut Vec<String>| line[KIND] == kind && line[CODE] == "00";
    lines.iter_mut().find(is_it).unwrap()
}

fn set(kind: &'static str, column: usize, value: &'static str) -> Change {
    Box::new(move |lines| value.clone_into(&mut first(lines, kind)[column]))
}

fn remove(kind: &'static str) -> Change {
    Box::new(move |lines| {
        let line = first(lines, kind).clone();
        lines.retain(|other| *other != line);
    })
}

type Change = Box<dyn FnOnce(&mut Vec<Vec<String>>)>;

/// Each change of one line is one line of findings, with a card, its version, and what.
#[test]
fn a_record_that_tells_otherwise_is_found_line_by_line() {
    let (switch, record) = recorded();
    assert_eq!(against(&switch, &record).status.code(), Some(0));
    let changes: [(Change, &str); 10] = [
        (set("purchase", AMOUNT, "77777"), "asked 77777 fen"),
        (set("purchase", CODE, "51"), "was answered 51, booked is 00"),
        (
            set("refund", RRN, "00000000ZZZZ"),
            "was answered RRN 00000000ZZZZ",
        ),
        (set("preauth", SERIAL, "499"), "is booked on another card"),
        (set("void", KIND, "completion-void"), "is booked as void"),
        (
            remove("purchase"),
            "purchase was approved, nobody recorded it",
        ),
        (
            remove("preauth"),
            "pre-auth was approved, nobody recorded it",
        ),
        (
            remove("preauth-void"),
            "pre-auth void was approved, nobody recorded it",
        ),
        (
            remove("top-up"),
            "direct credit was approved, nobody recorded it",
        ),
        (
            remove("reversal"),
            "reversal was approved, nobody recorded it",
        ),
    ];
    for (change, expected) in changes {
        let (code, text) = check_changed(&switch, &record, change);
        let found: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("WRONG card"))
            .collect();
        assert_eq!((code, found.len()), (Some(1), 1), "{expected}: {text}");
        assert!(found[0].contains(expected), "{expected}: {text}");
        assert!(found[0].contains(" version "), "{text}");
    }
}

#[test]
fn an_answer_that_was_never_booked_is_found() {
    let (switch, record) = recorded();
    let (code, text) = check_changed(&switch, &record, |lines| {
        let mut invented = first(lines, "purchase").clone();
        "999999".clone_into(&mut invented[3]);
        lines.push(invented);
    });
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("trace 999999 was answered 00"), "{text}");
    assert!(text.contains("and is not booked"), "{text}");
}

/// What the journal's own checksums catch comes out as a finding too, with the card.
#[test]
fn a_byte_that_changed_on_disk_is_found() {
    let (switch, _) = recorded();
    assert_eq!(
        switch.run(&["check"]).status.code(),
        Some(0),
        "the journal is written"
    );
    let segment = first_file(&switch.data().join("cards/journal"));
    let good = fs::read(&segment).unwrap();
    for place in [good.len() / 4, good.len() / 2] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        fs::write(&segment, &bad).unwrap();
        let output = switch.run(&["check", "-o", "json"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text} {}", told(&output));
        let checked: serde_json::Value = serde_json::from_str(&text).unwrap();
        let findings = checked["findings"].as_array().unwrap();
        assert!(findings[0].as_str().unwrap().starts_with("card "), "{text}");
        assert_eq!(checked["clean"], false);
        fs::write(&segment, &good).unwrap();
    }
    assert_eq!(
        switch.run(&["check"]).status.code(),
        Some(0),
        "all is well again"
    );
}

fn first_file(folder: &Path) -> PathBuf {
    fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
}
