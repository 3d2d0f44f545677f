//! An institution reconciles its day over TCP: the totals hold over a crash, and what differs is listed.

use std::fs;

use serde_json::Value;

use crate::certification::institution;
use crate::support::{Switch, free_port, program, told};

const HEAD: &str = "certify \"Reconciliation\"\nspeaks iso87-ascii\n\
    institution net id 80000001 merchant 777888854110009 acquirer 69980292 forwarder 00020000\n\
    card A programme 1 bin 629999 serial 960001 balance 1000.00\n\
    net sends sign-on -> 00\n";

/// Three debits of 161.00, one of them reversed, and a credit of 20.00.
const BEFORE: &str = "net sends purchase A 100.00 as p1 -> 00\n\
    net sends purchase A 51.00 as p2 -> 00\n\
    net sends reversal of p2 -> 00\n\
    net sends purchase A 10.00 -> 00\n\
    net sends purchase A 2000.00 -> 51\n\
    net sends refund A 20.00 of p1 -> 00\n\
    net sends reconciliation of p1 \
        with 74=0000000001 with 76=0000000003 with 77=0000000001 \
        with 86=0000000000002000 with 88=0000000000016100 with 89=0000000000005100 \
        with 97=D0000000000009000 -> 00 66=1\n";

/// One more debit, which the institution has not counted.
const AFTER: &str = "net sends purchase A 1.00 as p1 -> 00\n\
    net sends reconciliation-advice of p1 \
        with 74=0000000001 with 76=0000000003 with 77=0000000001 \
        with 86=0000000000002000 with 88=0000000000016100 with 89=0000000000005100 \
        with 97=D0000000000009000 \
        -> 00 66=2 76=0000000004 88=0000000000016200 97=D0000000000009100\n";

fn play(switch: &Switch, port: u16, name: &str, lines: &str) {
    let script = switch.file(name);
    fs::write(&script, HEAD.to_owned() + lines).unwrap();
    let report = program()
        .arg("certify")
        .arg(&script)
        .args(["--target", &format!("127.0.0.1:{port}")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.status.success(), "{text} {}", told(&report));
}

/// The day of a switch that opens its days by hand, as it is told.
fn open_day(switch: &Switch) -> String {
    let status = switch.run(&["day", "status", "-o", "json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    status["open_day"].as_str().unwrap().to_owned()
}

#[test]
fn totals_hold_over_a_crash_and_differences_are_listed() {
    let mut switch = Switch::new_with(&[("cut_at", "\"manual\""), ("freeze_after_minutes", "")]);
    let port = free_port();
    let settings = fs::read_to_string(switch.config()).unwrap();
    let added = institution(("iso87-ascii", "69980292"), port);
    fs::write(switch.config(), settings + &added).unwrap();
    let script = switch.file("prepare.cert");
    fs::write(&script, HEAD).unwrap();
    let prepared = program()
        .arg("certify")
        .arg(&script)
        .arg("--prepare")
        .arg(switch.config())
        .output()
        .unwrap();
    assert!(prepared.status.success(), "{}", told(&prepared));
    switch.serve();
    play(&switch, port, "before.cert", BEFORE);
    switch.kill();
    switch.serve();
    play(&switch, port, "after.cert", AFTER);
    switch.kill();

    let day = open_day(&switch);
    let shown = ["batch", "day", "--acquirer", "69980292", "--day", &day];
    let output = switch.run(&[&shown[..], &["-o", "json"]].concat());
    assert!(output.status.success(), "{}", told(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["items"].as_array().unwrap().len(), 6, "{json}");
    assert_eq!(json["reconciled"]["balanced"], false);
    let output = switch.run(&shown);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "6 items, OUT OF BALANCE when reconciled, day still open then",
        "data element 76, number of debits: the acquirer 3, ours 4",
        "data element 88, amount of debits: the acquirer 16100, ours 16200",
        "data element 97, net amount: the acquirer -9000, ours -9100",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("data element").count(), 3, "{text}");
}

#[test]
fn a_dialect_without_the_data_elements_is_refused_it() {
    let switch = Switch::new();
    let settings = fs::read_to_string(switch.config()).unwrap();
    let added = institution(("iso87-ascii", "69980292"), free_port());
    let added = added.replace("iso87-ascii", "cups");
    fs::write(switch.config(), settings + &added).unwrap();
    let refused = switch.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        told(&refused).contains("day_reconciliation"),
        "{}",
        told(&refused)
    );
}
