//! Kill -9 under full load.

use std::time::{Duration, SystemTime};

use crate::support::{Switch, summary};

/// How often, unless `FLOATSWITCH_CRASHES` says otherwise; `load-tests/crash --kills 100` is the
/// long form.
const KILLS: u64 = 3;

#[test]
fn killed_under_load_nothing_is_lost_or_doubled() {
    let seed = seed();
    let kills = number("FLOATSWITCH_CRASHES").unwrap_or(KILLS);
    println!("FLOATSWITCH_CRASH_SEED={seed} cargo test -p floatswitch --test switch crash");
    let mut switch = Switch::new();
    switch.issue_cards();
    switch.serve();
    let record = switch.file("run.csv");
    let mix = "purchase=66,balance=5,void=6,refund=3,preauth=6,completion=3,completion-advice=1,\
               preauth-void=2,completion-void=2,top-up=2,reversal=4";
    let options = [
        "--connections",
        "8",
        "--in-flight",
        "8",
        "--duration",
        &format!("{}s", kills * 4),
        "--mix",
        mix,
    ];
    let load = switch.load(
        &record,
        &[&options[..], &["--reconnect-for", "60s"]].concat(),
    );
    for kill in 0..kills {
        let moment = 400 + (seed.wrapping_mul(kill + 1) >> 7) % 1_800;
        wait(Duration::from_millis(moment));
        switch.kill();
        switch.serve();
    }
    let summary = summary(load);
    switch.kill();
    let checked = switch.check_clean(&record);
    assert!(summary["approved"].as_u64().unwrap() > 1_000, "{summary}");
    assert!(summary["reconnections"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(
        checked["against"]["open"], 0,
        "every lost answer is settled by a reversal: {checked}"
    );
    assert!(
        checked["against"]["booked"].as_u64().unwrap() > 1_000,
        "{checked}"
    );
}

#[test]
fn a_clean_stop_leaves_nothing_to_fold_and_a_second_switch_is_refused() {
    let mut switch = Switch::new();
    switch.issue_cards();
    switch.serve();
    let record = switch.file("run.csv");
    let load = switch.load(
        &record,
        &["--connections", "4", "--in-flight", "4", "--count", "2000"],
    );
    assert_eq!(summary(load)["answered"], 2_000);
    let second = switch.run(&["check"]);
    assert_eq!(second.status.code(), Some(3));
    let told = crate::support::told(&second);
    assert!(
        told.contains("another switch") && told.contains(&switch.pid().to_string()),
        "{told}"
    );
    let pid = rustix::process::Pid::from_raw(switch.pid().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = (0..400).find_map(|_| {
        wait(Duration::from_millis(50));
        switch.ended()
    });
    assert_eq!(ended, Some(0), "a clean stop ends with 0");
    switch.check_clean(&record);
    switch.serve();
    let log = std::fs::read_to_string(switch.file("serve.log")).unwrap();
    assert!(log.contains("recovered commands=0"), "{log}");
}

/// From the environment when a run is repeated, else from the clock.
fn seed() -> u64 {
    if let Some(seed) = number("FLOATSWITCH_CRASH_SEED") {
        return seed;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a new seed for each run, printed"
    )]
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::from(since.subsec_nanos()) ^ since.as_secs()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// The moment of a fault is random; nothing is concluded from how long this takes.
pub(crate) fn wait(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test thread that waits for a random moment"
    )]
    std::thread::sleep(time);
}
