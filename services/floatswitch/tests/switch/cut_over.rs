//! The network that leads the days opens the next one by its cut-over, over TCP.

use std::fs;

use serde_json::Value;

use crate::certification::institution;
use crate::support::{Switch, free_port, program, told};
use card::Day;

const HEAD: &str = "certify \"Cut-over\"\nspeaks cups\n\
    institution net id 80000001 merchant 777888854110009 acquirer 69980291 forwarder 00010000 category 5411\n\
    card A programme 1 bin 629999 serial 970001 balance 1000.00\n";

fn json(switch: &Switch, arguments: &[&str]) -> Value {
    let output = switch.run(&[arguments, &["-o", "json"]].concat());
    assert!(output.status.success(), "{arguments:?} {}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn open_day(switch: &Switch) -> Day {
    let status = json(switch, &["day", "status"]);
    operations::parse_date(status["open_day"].as_str().unwrap()).unwrap()
}

fn play(script: &std::path::Path, rest: &[&str]) {
    let report = program()
        .arg("certify")
        .arg(script)
        .args(rest)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.status.success(), "{text} {}", told(&report));
}

#[test]
fn new_work_is_dated_with_the_day_of_the_network() {
    let mut switch = Switch::new_with(&[("cut_at", "\"manual\""), ("freeze_after_minutes", "")]);
    let port = free_port();
    let settings = fs::read_to_string(switch.config()).unwrap();
    let added = institution(("cups", "69980291"), port) + "leads_days = true\n";
    fs::write(switch.config(), settings + &added).unwrap();
    let script = switch.file("cut-over.cert");
    fs::write(&script, HEAD).unwrap();
    let config = switch.config();
    play(&script, &["--prepare", config.to_str().unwrap()]);

    let today = open_day(&switch);
    let [today_text, tomorrow_text] = [today, Day(today.0 + 1)].map(operations::date);
    let [old, new] = [&today_text, &tomorrow_text].map(|date| date[5..].replace('-', ""));
    let lines = format!(
        "net sends cut-over with 15={new} -> C1\n\
         net sends sign-on -> 00\n\
         net sends purchase A 100.00 as p1 -> 00 15={old}\n\
         net sends cut-over with 15={new} -> 00\n\
         net sends purchase A 10.00 as p2 -> 00 15={new}\n\
         net sends void A of p1 -> 12\n\
         net sends reversal of p1 -> 00 15={old}\n\
         net sends cut-over-end of p2 -> 00 15={new}\n\
         net sends cut-over with 15={old} -> 00\n\
         net sends purchase A 10.00 -> 00 15={new}\n\
         net sends cut-over -> 30\n"
    );
    fs::write(&script, HEAD.to_owned() + &lines).unwrap();
    switch.serve();
    play(&script, &["--target", &format!("127.0.0.1:{port}")]);
    switch.kill();

    assert_eq!(open_day(&switch), Day(today.0 + 1));
    let shown = [
        "batch",
        "day",
        "--acquirer",
        "69980291",
        "--day",
        &tomorrow_text,
    ];
    let cut_over = json(&switch, &shown)["cut_over"].clone();
    assert_eq!(cut_over["leads"], true);
    assert_eq!(cut_over["day"], Value::from(today_text), "its last word");
}
