//! The certification scripts that come with the switch hold, and a switch that differs is told.

use std::fs;
use std::path::PathBuf;

use crate::certification::{INSTITUTIONS, institution, institution_of, scripts};
use crate::support::{Switch, free_port, program, told};

fn certify(script: &PathBuf, port: u16, operations: &[String]) -> std::process::Output {
    program()
        .arg("certify")
        .arg(script)
        .args(["--target", &format!("127.0.0.1:{port}")])
        .args(operations)
        .output()
        .unwrap()
}

fn printed(report: &std::process::Output) -> String {
    String::from_utf8_lossy(&report.stdout).into_owned()
}

/// Gives the switch an operations endpoint, and the options that name it.
fn operations_of(switch: &Switch) -> [String; 4] {
    switch.with_operations();
    [
        "--operations".to_owned(),
        format!("127.0.0.1:{}", switch.operations_port),
        "--token-file".to_owned(),
        switch.file("operations.token").display().to_string(),
    ]
}

/// Gives the switch one more acquirer, and returns its port.
fn add_institution(switch: &Switch, each: (&str, &str)) -> u16 {
    let port = free_port();
    let settings = fs::read_to_string(switch.config()).unwrap();
    fs::write(switch.config(), settings + &institution(each, port)).unwrap();
    port
}

fn prepare(switch: &Switch, script: &PathBuf) {
    let prepared = program()
        .arg("certify")
        .arg(script)
        .arg("--prepare")
        .arg(switch.config())
        .output()
        .unwrap();
    assert!(prepared.status.success(), "{}", told(&prepared));
}

#[test]
fn every_script_that_comes_with_the_switch_passes() {
    let mut switch = Switch::new();
    let scripts = scripts();
    assert!(scripts.len() >= 5);
    scripts.iter().for_each(|script| prepare(&switch, script));
    let institutions = INSTITUTIONS.map(|each| (each.1, add_institution(&switch, each)));
    let operations = operations_of(&switch);
    switch.serve();
    for script in &scripts {
        let own = institution_of(script);
        let port = institutions.iter().find(|(id, _)| Some(*id) == own);
        let port = port.map_or(switch.port, |(_, port)| *port);
        let report = certify(script, port, &operations);
        assert!(
            report.status.success(),
            "{} {}",
            printed(&report),
            told(&report)
        );
        assert!(printed(&report).contains("Result: PASSED"));
    }
}

#[test]
fn what_does_not_hold_is_told_and_ends_with_1() {
    let mut switch = Switch::new();
    let script = switch.file("wrong.cert");
    let text = "certify \"Wrong\"\nterminal till id 70000001 merchant 898999954110001\n\
        card A programme 1 bin 629999 serial 950001 balance 10.00\n\
        till sends purchase A 10.01 -> 00\n";
    fs::write(&script, text).unwrap();
    prepare(&switch, &script);
    switch.serve();
    let report = certify(&script, switch.port, &[]);
    assert_eq!(report.status.code(), Some(1));
    let told = printed(&report);
    for expected in ["BROKEN     4", "wanted 00, got 51", "Result: NOT PASSED"] {
        assert!(told.contains(expected), "{told}");
    }
    assert!(!told.contains("6299990"), "a card number is shown: {told}");
}

#[test]
fn a_script_with_a_mistake_is_refused_with_its_line() {
    let switch = Switch::new();
    let script = switch.file("mistake.cert");
    fs::write(&script, "certify \"Mistake\"\n\ntill sends purchase\n").unwrap();
    let report = certify(&script, switch.port, &[]);
    assert_eq!(report.status.code(), Some(2));
    assert!(
        told(&report).contains("mistake.cert, line 3: "),
        "{}",
        told(&report)
    );
}

#[test]
fn bytes_that_are_no_hex_are_refused_with_their_line() {
    let mut switch = Switch::new();
    let script = switch.file("bytes.cert");
    let text = "certify \"Bytes\"\nterminal till id 70000001 merchant 898999954110001\n\
        card A programme 1 bin 629999 serial 950001 balance 10.00\n\
        till sends purchase A 1.00 with 64=FFxx -> 00\n";
    fs::write(&script, text).unwrap();
    prepare(&switch, &script);
    switch.serve();
    let report = certify(&script, switch.port, &[]);
    assert_eq!(report.status.code(), Some(2));
    let expected = "line 4: data element 64: not hex at character 3";
    assert!(told(&report).contains(expected), "{}", told(&report));
}
