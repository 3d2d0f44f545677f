//! The first contact must work: the demo holds what it promises, and stays when asked.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const COLUMNS_MAX: usize = 100;

#[test]
fn the_whole_story_holds() {
    let output = Command::new(env!("CARGO_BIN_EXE_floatswitch"))
        .arg("demo")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("WRONG"), "{text}");
    assert!(!text.contains('\x1b'), "escape codes in a pipe");
    let too_wide = text.lines().find(|line| line.len() > COLUMNS_MAX);
    // The program's own path may be long.
    let program = env!("CARGO_BIN_EXE_floatswitch");
    assert!(
        too_wide.is_none_or(|line| line.contains(program)),
        "{too_wide:?}"
    );
    for shown in [
        "sign-on",
        "balance inquiry",
        "purchase",
        "void",
        "refund, a part",
        "refund, all of it",
        "pre-authorisation",
        "pre-authorisation void",
        "completion",
        "completion advice",
        "completion void",
        "top-up",
        "reversal of purchase",
        "reversal of void",
        "reversal of pre-auth",
        "reversal of completion",
        "reversal of top-up",
        "echo",
        "sign-off",
        "the same message again",
        "94 duplicate",
        "25 original unknown",
        "22 out of order",
        "(lost on the way)",
        "51 balance too low",
        "61 over the limit",
        "57 not allowed",
        "97 not signed on",
        "58 other terminal",
        "last yuan",
        "kill -9",
        "recovered",
        "paid in",
        "The money check",
    ] {
        assert!(text.contains(shown), "the story does not show: {shown}");
    }
}

#[test]
fn it_stays_for_others_and_leaves_nothing_behind() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_floatswitch"))
        .args(["demo", "--stay"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut wanted = |what: &str| -> String {
        let line = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("the demo does not say {what}"))
    };
    let config = wanted("settings ");
    let config = config.split_whitespace().last().unwrap().to_owned();
    // The lines are made to be pasted.
    for pasted in [wanted("sim pos --connect"), wanted("doctor --config")] {
        let mut words = pasted.split_whitespace();
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        if pasted.contains(" sim ") {
            command.args(["--count", "500", "--quiet"]);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{pasted}: {text}");
    }
    let pid = Pid::from_raw(i32::try_from(demo.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    assert!(!Path::new(&config).exists());
}
