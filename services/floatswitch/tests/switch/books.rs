//! What back office reads from a stopped switch, and what nobody may read from its files.

use std::path::Path;

use serde_json::Value;

use crate::support::{Switch, summary};

/// A switch that took some load and was killed.
fn used() -> Switch {
    let mut switch = Switch::new();
    switch.issue_cards();
    switch.serve();
    let record = switch.file("run.csv");
    let mix = "purchase=70,void=10,refund=5,preauth=10,completion=5";
    let options = [
        "--connections",
        "2",
        "--in-flight",
        "4",
        "--count",
        "4000",
        "--mix",
        mix,
    ];
    let told = summary(switch.load(&record, &options));
    assert_eq!(told["answered"], 4_000, "{told}");
    switch.kill();
    switch
}

fn lines(switch: &Switch, arguments: &[&str]) -> Vec<Value> {
    let output = switch.run(&[arguments, &["-o", "json"]].concat());
    assert!(output.status.success(), "{}", crate::support::told(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn back_office_reads_cards_and_their_transactions() {
    let switch = used();
    let cards = lines(
        &switch,
        &["card", "list", "--programme", "1", "--limit", "3"],
    );
    assert_eq!(cards.len(), 3);
    for card in &cards {
        let id = card["card"].as_str().unwrap();
        let rows = lines(&switch, &["tx", "list", id, "--last", "1000"]);
        assert_eq!(
            rows.len() as u64,
            card["version"].as_u64().unwrap(),
            "every decision is listed"
        );
        assert_eq!(
            rows[0]["posted_after_fen"], card["posted_fen"],
            "the youngest comes first"
        );
        assert_eq!(rows.last().unwrap()["kind"], "issue");
        let shown = switch.run(&["card", "show", id]);
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(
            text.contains("available") && text.contains("629999******"),
            "{text}"
        );
    }
    let missing = switch.run(&["card", "show", &"0".repeat(32)]);
    assert_eq!(missing.status.code(), Some(4), "no such card");
}

#[test]
fn a_card_is_found_by_what_its_receipt_shows() {
    let switch = used();
    let number = "6299990000000017\n";
    let whole = switch.run_with_input(&["tx", "list", "--pan-stdin", "--last", "3"], number);
    assert!(whole.status.success(), "{}", crate::support::told(&whole));
    let receipt = switch.run(&["tx", "list", "629999-0017", "--last", "3"]);
    assert_eq!(receipt.stdout, whole.stdout);
    let rows = lines(
        &switch,
        &["tx", "list", "629999******0017", "--since-version", "2"],
    );
    assert_eq!(rows.last().unwrap()["version"], 2, "all but the first");
    let unknown = switch.run(&["card", "show", "629999-9917"]);
    assert_eq!(unknown.status.code(), Some(4));
    assert!(crate::support::told(&unknown).contains("no card 629999******9917"));
    for wrong in ["", "629999000000001\n", "6299990000000016\n", "x"] {
        let refused = switch.run_with_input(&["card", "show", "--pan-stdin"], wrong);
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
        let told = crate::support::told(&refused);
        assert!(
            wrong.len() < 10 || !told.contains(wrong.trim_end()),
            "{told}"
        );
    }
}

#[test]
fn holds_are_shown_with_the_card() {
    let switch = used();
    let cards = lines(
        &switch,
        &["card", "list", "--programme", "1", "--limit", "500"],
    );
    let held = cards.iter().find(|card| card["held_fen"] != 0).unwrap();
    let shown = lines(&switch, &["card", "show", held["card"].as_str().unwrap()]);
    let holds = shown[0]["holds"].as_array().unwrap();
    let sum: u64 = holds
        .iter()
        .map(|hold| hold["amount_fen"].as_u64().unwrap())
        .sum();
    assert_eq!(held["held_fen"], sum);
}

#[test]
fn no_card_number_lies_in_log_store_register_or_log_lines() {
    let switch = used();
    let found = search(switch.folder.path());
    assert_eq!(found, [""; 0], "LOG-4: these files hold a card number");
    let planted = switch.file("planted");
    std::fs::write(&planted, b"x6299990000000017x").unwrap();
    assert_eq!(
        search(switch.folder.path()).len(),
        1,
        "the search sees one in plain digits"
    );
    std::fs::write(&planted, [1, 0x62, 0x99, 0x99, 0, 0, 0, 0, 0x17]).unwrap();
    assert_eq!(
        search(switch.folder.path()).len(),
        1,
        "and one in packed digits"
    );
}

/// Files with a number of the cards' BIN, in characters or packed.
pub(crate) fn search(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(search(&path));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let plain = bytes
            .windows(16)
            .any(|window| window.starts_with(b"629999") && pan::Pan::parse(window).is_ok());
        let packed = bytes.windows(8).any(|window| {
            window.starts_with(&[0x62, 0x99, 0x99]) && pan::Pan::parse(&unpack(window)).is_ok()
        });
        if plain || packed {
            found.push(path.display().to_string());
        }
    }
    found
}

fn unpack(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| [b'0' + (byte >> 4), b'0' + (byte & 15)])
        .collect()
}
