//! The certification scripts that come with the switch hold, and a switch that differs is told.

use std::fs;
use std::path::PathBuf;

use crate::support::{Switch, program, told};

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

fn certify(switch: &Switch, script: &PathBuf) -> std::process::Output {
    program()
        .arg("certify")
        .arg(script)
        .args(["--target", &format!("127.0.0.1:{}", switch.port)])
        .output()
        .unwrap()
}

fn printed(report: &std::process::Output) -> String {
    String::from_utf8_lossy(&report.stdout).into_owned()
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
    assert!(scripts.len() >= 2);
    scripts.iter().for_each(|script| prepare(&switch, script));
    switch.serve();
    for script in &scripts {
        let report = certify(&switch, script);
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
    let report = certify(&switch, &script);
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
    let report = certify(&switch, &script);
    assert_eq!(report.status.code(), Some(2));
    assert!(
        told(&report).contains("mistake.cert, line 3: "),
        "{}",
        told(&report)
    );
}
