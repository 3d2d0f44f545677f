//! Settlement days of a stopped switch, and the float at each of their ends.

use serde_json::Value;

use crate::support::{Switch, summary, told};

const MIX: &str = "purchase=70,void=10,refund=5,preauth=10,completion=5";

/// By hand, so that no test depends on the hour.
const BY_HAND: [(&str, &str); 2] = [("cut_at", "\"manual\""), ("freeze_after_minutes", "")];

fn json(switch: &Switch, arguments: &[&str]) -> Value {
    let output = switch.run(&[arguments, &["-o", "json"]].concat());
    assert!(output.status.success(), "{arguments:?} {}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(switch: &Switch, arguments: &[&str], (code, why): (i32, &str)) {
    let output = switch.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    assert!(told(&output).contains(why), "{}", told(&output));
}

/// Serves some load and is killed.
fn work(switch: &mut Switch, record: &str) {
    switch.serve();
    let options = [
        "--connections",
        "2",
        "--in-flight",
        "4",
        "--count",
        "2000",
        "--mix",
        MIX,
    ];
    let told = summary(switch.load(&switch.file(record), &options));
    assert_eq!(told["answered"], 2_000, "{told}");
    switch.kill();
}

#[test]
fn the_float_at_every_past_cut_is_told_and_proved() {
    let mut switch = Switch::new_with(&BY_HAND);
    switch.issue_cards();
    let first = json(&switch, &["day", "status"]);
    assert_eq!(first["partition_count"], 16);
    assert_eq!(first["lagging"], Value::Array(Vec::new()));
    let today = first["open_day"].as_str().unwrap().to_owned();
    let number = first["cut_number"].as_u64().unwrap();
    let at_first = json(&switch, &["float"]);
    assert_eq!(
        at_first["float_fen"], 0,
        "before the first day nothing was sold"
    );
    work(&mut switch, "first.csv");
    refused(&switch, &["float", "--at", &today], (4, "has not ended"));
    let cut = json(&switch, &["day", "cut"]);
    assert_eq!(cut["cut_number"], number + 1);
    let tomorrow = cut["open_day"].as_str().unwrap().to_owned();
    let at_cut = json(&switch, &["float", "--at", &today, "--verify"]);
    assert_eq!(at_cut["verified"]["clean"], true, "{at_cut}");
    assert_eq!(at_cut["verified"]["cards"], crate::support::CARDS);
    let checked = switch.check_clean(&switch.file("first.csv"));
    let float = &checked["programmes"][0]["float_fen"]["by_cards"];
    assert_eq!(&at_cut["float_fen"], float, "nothing moved since");
    // Money moves on, the past does not.
    work(&mut switch, "second.csv");
    let later = json(
        &switch,
        &["float", "--cut", &(number + 1).to_string(), "--verify"],
    );
    assert_eq!(later["float_fen"], at_cut["float_fen"]);
    assert_eq!(later["programmes"], at_cut["programmes"]);
    assert_eq!(later["verified"]["clean"], true, "{later}");
    assert_eq!(
        json(&switch, &["float"])["cut_number"],
        number + 1,
        "the last one"
    );
    let frozen = json(&switch, &["day", "freeze"]);
    assert_eq!(frozen["frozen_through"], Value::String(today.clone()));
    // Again, and what cannot be.
    assert_eq!(json(&switch, &["day", "freeze"]), frozen);
    assert_eq!(json(&switch, &["day", "cut", "--day", &tomorrow]), frozen);
    refused(&switch, &["day", "cut", "--day", &today], (4, "is over"));
    refused(&switch, &["day", "cut"], (4, "more than 1 day after today"));
    refused(
        &switch,
        &["day", "freeze", "--through", &tomorrow],
        (4, "is open"),
    );
    refused(
        &switch,
        &["day", "cut", "--day", "24.11.2026"],
        (2, "write a date such as"),
    );
    refused(
        &switch,
        &["float", "--cut", "7"],
        (4, "no cut has number 7"),
    );
}

#[test]
fn a_float_is_told_for_people_too() {
    let mut switch = Switch::new_with(&BY_HAND);
    switch.issue_cards();
    work(&mut switch, "run.csv");
    assert!(switch.run(&["day", "cut"]).status.success());
    let output = switch.run(&["float", "--by", "account", "--verify"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text} {}", told(&output));
    for part in [
        "float at the end of",
        "2001 RegisteredCards",
        "  float\n",
        "equal to the fen",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = switch.run(&["day", "status"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("in all 16 partitions"), "{text}");
}

/// The archive of an export holds every past float.
#[test]
fn past_floats_move_along() {
    let mut switch = Switch::new_with(&BY_HAND);
    switch.issue_cards();
    work(&mut switch, "run.csv");
    json(&switch, &["day", "cut"]);
    let before = json(&switch, &["float"]);
    let archive = switch.file("archive");
    let exported = switch.run(&["export", "--out", archive.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", told(&exported));
    let other = Switch::new_with(&BY_HAND);
    std::fs::create_dir_all(other.data().join("keys")).unwrap();
    let key = "keys/pan-hash.key";
    std::fs::copy(switch.data().join(key), other.data().join(key)).unwrap();
    let imported = other.run(&["import", "--from", archive.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", told(&imported));
    let number = before["cut_number"].as_u64().unwrap().to_string();
    let moved = json(&other, &["float", "--cut", &number, "--verify"]);
    assert_eq!(moved["verified"]["clean"], true, "{moved}");
    assert_eq!(moved["programmes"], before["programmes"]);
}

#[test]
fn past_floats_are_backed_up() {
    let mut switch = Switch::new_with(&BY_HAND);
    switch.issue_cards();
    work(&mut switch, "run.csv");
    let number = json(&switch, &["day", "cut"])["cut_number"].to_string();
    let before = json(&switch, &["float", "--cut", &number]);
    let backup = switch.file("backup");
    let made = switch.run(&["backup", backup.to_str().unwrap()]);
    assert!(made.status.success(), "{}", told(&made));
    let other = Switch::new_with(&BY_HAND);
    let restored = other.run(&["restore", "--from", backup.to_str().unwrap()]);
    assert!(restored.status.success(), "{}", told(&restored));
    assert_eq!(json(&other, &["float", "--cut", &number]), before);
    assert_eq!(
        json(&other, &["float"]),
        before,
        "with the cards opened, too"
    );
}
