//! `doctor` on switches that are well, stopped, running, and not well.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

struct Place {
    folder: tempfile::TempDir,
    link: String,
}

impl Place {
    /// Settings with ports that were free a moment ago.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self {
            folder,
            link: free_address(),
        };
        let init = place.run(&["init"]);
        assert!(init.status.success());
        place.change("\"floatswitch-data\"", &format!("{:?}", place.path("data")));
        place.change("127.0.0.1:8583", &place.link);
        place.change("127.0.0.1:9464", &free_address());
        place.change("segment_size_mib = 256", "segment_size_mib = 1");
        place.change("partition_count = 256", "partition_count = 8");
        place
    }

    fn with_cards() -> Self {
        let place = Self::new();
        let issue = [
            "card",
            "issue",
            "--programme",
            "1",
            "--count",
            "20",
            "--balance",
            "5.00",
        ];
        assert!(place.run(&issue).status.success());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn change(&self, from: &str, to: &str) {
        let path = self.path("switch.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_floatswitch"));
        command.current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    fn serve(&self) -> Serving {
        let child = self
            .command()
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map_while(Result::ok).any(|line| line == "ready");
        assert!(ready);
        Serving(child)
    }

    /// Exit code, and state and text of each finding by topic.
    fn doctor(&self) -> (i32, Vec<(String, String, String)>) {
        let output = self.run(&["doctor", "-o", "json"]);
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = object["findings"].as_array().unwrap().iter();
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or("").to_owned();
        let findings: Vec<_> = findings
            .map(|one| (text(one, "state"), text(one, "topic"), text(one, "text")))
            .collect();
        let is_well = findings.iter().all(|(state, ..)| state != "fail");
        assert_eq!(object["ok"], is_well);
        (output.status.code().unwrap(), findings)
    }

    /// The exit code, and that one finding has this state and says this.
    fn check(&self, code: i32, (state, topic, said): (&str, &str, &str)) {
        let (found_code, findings) = self.doctor();
        assert_eq!(found_code, code, "{findings:?}");
        let is_it = |(s, t, text): &(String, String, String)| {
            s == state && t == topic && text.contains(said)
        };
        assert!(
            findings.iter().any(is_it),
            "no {state} {topic} {said} in {findings:?}"
        );
    }
}

/// Killed when dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn a_new_switch_is_well() {
    let place = Place::new();
    place.check(0, ("warn", "folder", "holds no switch yet"));
    place.check(0, ("ok", "link", "is free"));
}

/// A dialect file is found from the folder of the settings file, and served.
#[test]
fn a_switch_speaks_a_dialect_of_the_users_own() {
    let place = Place::with_cards();
    fs::create_dir(place.path("dialects")).unwrap();
    let file = place.path("dialects/mine.dialect");
    let copy = place.run(&["msg", "dialect", "pos"]).stdout;
    let copy = String::from_utf8(copy).unwrap();
    let ours = copy.replace("dialect   pos", "dialect   mine");
    fs::write(
        &file,
        ours.replace("prefix    tpdu-and-header", "prefix    tpdu"),
    )
    .unwrap();
    place.change("dialect = \"pos\"", "dialect = \"dialects/mine.dialect\"");
    let serving = place.serve();
    place.check(0, ("ok", "link", "answers an echo"));
    drop(serving);

    fs::write(&file, ours.replace("11   FIXED  6", "11   FIXED  six")).unwrap();
    let told =
        "dialects/mine.dialect:19: max `six` does not fit FIXED: write a number from 1 to 999";
    place.check(1, ("fail", "link", told));
    let refused = place.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(2));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains(told), "{error}");
}

#[test]
fn what_is_not_checked_is_said_loudly() {
    let place = Place::new();
    let output = place.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("NOT CHECKED"), "{text}");
    assert!(
        text.contains("let only a trusted network reach it"),
        "{text}"
    );
}

#[test]
fn a_stopped_switch_tells_what_its_next_start_does() {
    let place = Place::with_cards();
    place.check(0, ("ok", "lock", "free"));
    place.check(0, ("ok", "recovery", "0 commands to fold"));
}

#[test]
fn a_running_switch_is_asked() {
    let place = Place::with_cards();
    let serving = place.serve();
    let pid = serving.0.id().to_string();
    place.check(0, ("ok", "lock", &pid));
    place.check(0, ("ok", "link", "answers an echo"));
    place.check(0, ("ok", "metrics", "answers"));
    place.check(0, ("ok", "log", "all partitions take payments"));
}

#[test]
fn commands_after_a_kill_are_counted() {
    let place = Place::with_cards();
    let serving = place.serve();
    let sim = [
        "sim",
        "pos",
        "--connect",
        &place.link,
        "--cards",
        "20",
        "--count",
        "50",
        "--quiet",
    ];
    assert!(place.run(&sim).status.success());
    drop(serving);
    place.check(0, ("ok", "recovery", "50 commands to fold"));
}

#[test]
fn another_program_on_the_port_is_wrong() {
    let place = Place::with_cards();
    let _other = TcpListener::bind(&place.link).unwrap();
    place.check(1, ("fail", "link", "another program listens"));
}

#[test]
fn a_switch_that_does_not_listen_here_is_wrong() {
    let place = Place::with_cards();
    let _serving = place.serve();
    place.change(&place.link, &free_address());
    place.check(1, ("fail", "link", "nobody answers"));
}

#[test]
fn bad_settings_are_wrong() {
    let place = Place::new();
    place.change("mac = \"unchecked\"", "mac = \"checked\"");
    place.check(1, ("fail", "settings", "mac"));
    fs::remove_file(place.path("switch.toml")).unwrap();
    place.check(1, ("fail", "settings", "is not there"));
}

#[test]
fn a_key_that_others_can_read_is_wrong() {
    let place = Place::with_cards();
    let key = place.path("data/keys/pan-hash.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    place.check(1, ("fail", "key", "may be read by others"));
}

#[test]
fn a_damaged_store_is_wrong() {
    let place = Place::with_cards();
    fs::remove_dir_all(place.path("data/cards/lsm")).unwrap();
    place.check(1, ("fail", "cards", "only a part of a card store"));
}

#[test]
fn a_foreign_folder_is_wrong() {
    let place = Place::new();
    fs::create_dir(place.path("data")).unwrap();
    fs::write(place.path("data/photo.jpg"), "x").unwrap();
    place.check(1, ("fail", "folder", "photo.jpg"));
}
