//! Export and import as an operator runs them: from one folder to another, and on with the payments.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::books::search;
use crate::support::{CARDS, Switch, summary, told};

const MIX: &str = "purchase=50,balance=5,void=8,refund=5,preauth=15,completion=5,\
                   completion-advice=2,preauth-void=2,completion-void=2,top-up=2,reversal=4";

/// Payments of all kinds, most of them by a few cards, so that those have a long past.
fn pay(switch: &mut Switch, record: &Path, batch: &str) {
    switch.serve();
    let load = ["--connections", "2", "--in-flight", "4", "--count", "4000"];
    let own = ["--distribution", "zipf", "--mix", MIX, "--batch", batch];
    let told = summary(switch.load(record, &[&load[..], &own[..]].concat()));
    assert_eq!(told["answered"], 4_000, "{told}");
    switch.kill();
}

/// A switch with a past that was killed, and the record of what it answered.
fn source() -> (Switch, PathBuf) {
    let mut switch = Switch::new();
    switch.issue_cards();
    let record = switch.file("first.csv");
    pay(&mut switch, &record, "1");
    (switch, record)
}

fn export(switch: &Switch) -> PathBuf {
    let archive = switch.file("archive");
    let output = switch.run(&["export", "--out", archive.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    archive
}

/// Settings and the source's key on a new folder.
fn target(source: &Switch, changes: &[(&str, &str)]) -> Switch {
    let target = Switch::new_with(changes);
    carry_key(source, &target);
    target
}

fn carry_key(source: &Switch, target: &Switch) {
    let to = target.data().join("keys/pan-hash.key");
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(source.data().join("keys/pan-hash.key"), to).unwrap();
}

fn import(target: &Switch, archive: &Path) -> Output {
    target.run(&["import", "--from", archive.to_str().unwrap()])
}

#[test]
fn a_switch_goes_on_in_another_place_where_it_stopped() {
    let (source, record) = source();
    let archive = export(&source);
    let before = source.check_clean(&record);
    let mut target = target(&source, &[]);
    let output = import(&target, &archive);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text} {}", told(&output));
    assert!(
        text.contains("equal: every state, row, old key and medium"),
        "{text}"
    );
    let after = target.check_clean(&record);
    assert_eq!(after["programmes"], before["programmes"]);
    assert_eq!(after["rows"], before["rows"]);

    // On with the payments, and what both places answered is proved together.
    let second = target.file("second.csv");
    pay(&mut target, &second, "2");
    let last = target.check_clean_against(&[record.clone(), second.clone()]);
    assert!(last["rows"].as_u64() > after["rows"].as_u64());
    let rrns = |record: &Path| -> Vec<String> {
        let text = fs::read_to_string(record).unwrap();
        let lines = text
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(8).unwrap());
        lines
            .filter(|rrn| !rrn.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (old, new) = (rrns(&record), rrns(&second));
    assert!(old.iter().max() < new.iter().min(), "no RRN comes twice");
}

#[test]
fn an_archive_tells_what_is_in_it_and_no_card_number() {
    let (source, _) = source();
    let archive = export(&source);
    let manifest = fs::read(archive.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["contents"]["cards"], CARDS);
    assert_eq!(manifest["contents"]["media"], CARDS);
    assert!(
        manifest["contents"]["old_keys"].as_u64().unwrap() > 100,
        "{manifest}"
    );
    assert_eq!(manifest["offset_base"], 1_000_000);
    let float = &manifest["programmes"][0]["float_fen"];
    assert_eq!(float["by_cards"], float["by_rows"]);
    assert_eq!(float["by_cards"], float["by_totals"]);
    assert_eq!(
        search(&archive),
        [""; 0],
        "LOG-4: these files hold a card number"
    );
    let key = fs::read(source.data().join("keys/pan-hash.key")).unwrap();
    for entry in fs::read_dir(&archive).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
        let bytes = fs::read(&path).unwrap();
        let holds_key = bytes.windows(key.len()).any(|window| window == key);
        assert!(!holds_key, "{}", path.display());
    }
}

#[test]
fn what_must_not_be_exported_or_imported_is_refused_with_what_to_do() {
    let (mut source, record) = source();
    source.serve();
    let out = source.file("archive");
    let running = source.run(&["export", "--out", out.to_str().unwrap()]);
    refused(&running, 3, "another switch");
    assert!(!out.exists());
    source.kill();
    let inside = source.data().join("archive");
    let inside = source.run(&["export", "--out", inside.to_str().unwrap()]);
    refused(&inside, 2, "inside the data folder");
    let archive = export(&source);
    let again = source.run(&["export", "--out", archive.to_str().unwrap()]);
    refused(&again, 2, "is there already");
    source.check_clean(&record);

    let keyless = Switch::new();
    refused(&import(&keyless, &archive), 2, "copy the key");
    let other = Switch::new_with(&[("partition_count", "8")]);
    refused(&import(&other, &archive), 4, "set `partition_count = 16`");
    assert!(!other.data().exists(), "nothing was made");
    let used = target(&source, &[]);
    assert_eq!(import(&used, &archive).status.code(), Some(0));
    refused(&import(&used, &archive), 4, "holds a switch");
    let stranger = Switch::new();
    stranger.issue_cards();
    refused(&import(&stranger, &archive), 4, "another key");

    let segment = archive.join("segment-00001");
    let mut bytes = fs::read(&segment).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let spoilt = target(&source, &[]);
    refused(
        &import(&spoilt, &archive),
        1,
        "its SHA-256 differs, the block at byte",
    );
    let names: Vec<_> = fs::read_dir(spoilt.data()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing but the key is there");
}

fn refused(output: &Output, code: i32, expected: &str) {
    let text = told(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(expected), "{text}");
}
