//! The certification scripts that come with the switch hold, and a switch that differs is told.

use std::fs;
use std::path::PathBuf;

use crate::support::{Switch, free_port, program, told};

fn scripts() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/certification");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut scripts: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "cert"))
        .collect();
    scripts.sort();
    scripts
}

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

/// Gives the switch one more acquirer, which brings its own merchants, and returns its port.
fn add_institution(switch: &Switch, dialect: &str, id: &str) -> u16 {
    let port = free_port();
    let table = format!(
        "\n[[acquirers]]\nid = \"{id}\"\nname = \"Institution {id}\"\n\
         listen = \"127.0.0.1:{port}\"\ndialect = \"{dialect}\"\n\
         connections_max = 16\nin_flight_max = 64\nframe_size_max = 4096\n\
         idle_timeout_seconds = 300\nread_timeout_seconds = 10\n\
         reply_timeout_milliseconds = 15000\nrequire_sign_on = true\n\
         mac = \"unchecked\"\npin = \"unchecked\"\n"
    );
    let settings = fs::read_to_string(switch.config()).unwrap();
    fs::write(switch.config(), settings + &table).unwrap();
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
    let institutions = [
        ("cups", "69980291"),
        ("iso87-ascii", "69980292"),
        ("iso93-ascii", "69980293"),
    ]
    .map(|(dialect, id)| (dialect, add_institution(&switch, dialect, id)));
    let operations = operations_of(&switch);
    switch.serve();
    for script in &scripts {
        let text = fs::read_to_string(script).unwrap();
        let speaks = |dialect: &str| text.contains(&format!("\nspeaks {dialect}\n"));
        let port = institutions.iter().find(|(dialect, _)| speaks(dialect));
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
