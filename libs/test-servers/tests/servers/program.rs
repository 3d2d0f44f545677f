//! The program, and what is left when it is killed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use test_servers::{CASSANDRA_VARIABLE, KAFKA_VARIABLE};

const GONE_TIMEOUT: Duration = Duration::from_secs(20);
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

#[test]
fn a_killed_program_leaves_no_server_and_no_files() {
    let temporary = tempfile::tempdir().unwrap();
    let mut program = program()
        .arg("up")
        .env_remove(KAFKA_VARIABLE)
        .env(CASSANDRA_VARIABLE, "not.needed:1")
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let kafka = lines.next().unwrap().unwrap();
    assert!(
        kafka.starts_with("export FLOATSWITCH_TEST_KAFKA=127."),
        "{kafka}"
    );
    let shell = only_child(program.id());
    let java = children(shell)
        .into_iter()
        .find(|pid| is_java(*pid))
        .unwrap();
    assert!(fs::read_dir(temporary.path()).unwrap().next().is_some());

    program.kill().unwrap();
    program.wait().unwrap();
    eventually("java ends", || {
        !Path::new(&format!("/proc/{java}")).exists()
    });
    eventually("its files are removed", || {
        fs::read_dir(temporary.path()).unwrap().next().is_none()
    });
}

#[test]
fn a_command_gets_both_servers_and_gives_its_code() {
    let output = program()
        .args(["run", "--", "sh", "-c"])
        .arg("echo $FLOATSWITCH_TEST_KAFKA $FLOATSWITCH_TEST_CQL; exit 7")
        .env(KAFKA_VARIABLE, "kafka.given:1")
        .env(CASSANDRA_VARIABLE, "cql.given:2")
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"kafka.given:1 cql.given:2\n");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn a_missing_tool_is_named_with_its_remedy() {
    let empty = tempfile::tempdir().unwrap();
    let output = program()
        .args(["run", "--", "true"])
        .env_remove(KAFKA_VARIABLE)
        .env_remove(CASSANDRA_VARIABLE)
        .env("PATH", empty.path())
        .env("FLOATSWITCH_CACHE", empty.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.contains("apt-get install openjdk-17-jre-headless maven"),
        "{errors}"
    );
}

#[test]
fn a_wrong_command_line_is_explained() {
    let output = program().arg("down").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage"));
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_test-servers"))
}

fn only_child(pid: u32) -> u32 {
    let children = children(pid);
    assert_eq!(children.len(), 1, "{children:?}");
    children[0]
}

/// The children of all threads of a process.
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap());
    lists
        .flat_map(|list| {
            let pids = list.split_whitespace().map(|pid| pid.parse().unwrap());
            pids.collect::<Vec<u32>>()
        })
        .collect()
}

fn is_java(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "java")
}

#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + GONE_TIMEOUT;
    while !is_so() {
        assert!(
            Instant::now() < deadline,
            "not within {GONE_TIMEOUT:?}: {what}"
        );
        thread::park_timeout(CHECK_INTERVAL);
    }
}
