//! Backup and restore, run as an operator runs them.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A stopped switch with some cards, in a folder that goes at the end.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with_cards() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        place.settings("switch.toml", "data");
        for (programme, count) in [("1", "40"), ("2", "10"), ("3", "5")] {
            let issued = place.run(&[
                "card",
                "issue",
                "--config",
                "switch.toml",
                "--programme",
                programme,
                "--count",
                count,
                "--balance",
                "123.45",
            ]);
            assert!(issued.status.success(), "{}", errors(&issued));
        }
        place
    }

    /// The example's settings with small files and another data folder.
    fn settings(&self, name: &str, data_dir: &str) {
        let init = self.run(&["init", "--config", name]);
        assert!(init.status.success(), "{}", errors(&init));
        let text = fs::read_to_string(self.path(name)).unwrap();
        let text = text
            .replace(
                "\"floatswitch-data\"",
                &format!("{:?}", self.path(data_dir)),
            )
            .replace("segment_size_mib = 256", "segment_size_mib = 1")
            .replace("partition_count = 256", "partition_count = 8");
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_floatswitch"))
            .current_dir(self.folder.path())
            .args(arguments)
            .output()
            .unwrap()
    }

    fn back_up(&self) {
        let output = self.run(&["backup", "--config", "switch.toml", "copy"]);
        assert!(output.status.success(), "{}", errors(&output));
    }

    fn restore(&self) -> Output {
        self.settings("other.toml", "restored");
        self.run(&["restore", "--from", "copy", "--config", "other.toml"])
    }

    fn check(&self, config: &str) -> Value {
        let output = self.run(&["check", "--config", config, "-o", "json"]);
        assert!(output.status.success(), "{}", errors(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Refused, by this exit code, with this said, and nothing restored.
fn check_refused(place: &Place, output: &Output, (code, said): (i32, &str)) {
    assert_eq!(output.status.code(), Some(code), "{}", errors(output));
    assert!(
        errors(output).contains(said),
        "{} says not {said}",
        errors(output)
    );
    assert!(!place.path("restored").exists());
}

#[test]
fn a_restored_switch_has_the_same_books() {
    let place = Place::with_cards();
    place.back_up();
    let verified = place.run(&["backup", "--verify", "copy"]);
    assert!(verified.status.success(), "{}", shown(&verified));
    let restored = place.restore();
    assert!(restored.status.success(), "{}", errors(&restored));
    let last = shown(&restored);
    assert!(
        last.contains("floatswitch check --config other.toml"),
        "{last}"
    );

    let before = place.check("switch.toml");
    assert_eq!(before["clean"], true);
    assert_eq!(place.check("other.toml"), before);
    let key = place.path("restored/keys/pan-hash.key");
    assert_eq!(
        fs::metadata(key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!place.path("restored/RESTORE-UNFINISHED").exists());
}

#[test]
fn one_flipped_byte_is_found_and_named() {
    let place = Place::with_cards();
    place.back_up();
    let copies: Vec<PathBuf> = files_below(&place.path("copy"))
        .into_iter()
        .filter(|path| !path.ends_with("manifest.json"))
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    assert!(copies.len() > 5);
    for path in copies {
        let name = path
            .strip_prefix(place.path("copy"))
            .unwrap()
            .to_str()
            .unwrap();
        flip_a_byte(&path);
        let verified = place.run(&["backup", "--verify", "copy"]);
        assert_eq!(verified.status.code(), Some(1), "{name}");
        assert!(
            shown(&verified).contains(name),
            "{name}: {}",
            shown(&verified)
        );
        flip_a_byte(&path);
    }
    let victim = place.path("copy/data/keys/pan-hash.key");
    flip_a_byte(&victim);
    let told = "data/keys/pan-hash.key: its SHA-256 differs";
    check_refused(&place, &place.restore(), (1, told));
}

#[test]
fn what_is_missing_or_foreign_is_found() {
    let place = Place::with_cards();
    place.back_up();
    fs::write(place.path("copy/data/log/extra"), "x").unwrap();
    fs::remove_file(place.path("copy/data/log/log_id")).unwrap();
    let verified = shown(&place.run(&["backup", "--verify", "copy"]));
    assert!(
        verified.contains("data/log/log_id: is missing"),
        "{verified}"
    );
    assert!(
        verified.contains("data/log/extra: is not in the manifest"),
        "{verified}"
    );
    check_refused(&place, &place.restore(), (1, "data/log/log_id"));
}

#[test]
fn a_manifest_cannot_be_cut_or_point_elsewhere() {
    let place = Place::with_cards();
    place.back_up();
    let path = place.path("copy/manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    fs::write(&path, &manifest[..manifest.len() / 2]).unwrap();
    assert_eq!(
        place.run(&["backup", "--verify", "copy"]).status.code(),
        Some(1)
    );
    fs::write(&path, manifest.replace("data/keys/", "data/../../keys/")).unwrap();
    let verified = shown(&place.run(&["backup", "--verify", "copy"]));
    assert!(
        verified.contains("is not a path below the backup"),
        "{verified}"
    );
    fs::remove_file(&path).unwrap();
    check_refused(
        &place,
        &place.restore(),
        (2, "is no backup, or an unfinished one"),
    );
}

#[test]
fn nothing_is_ever_written_over() {
    let place = Place::with_cards();
    place.back_up();
    let again = place.run(&["backup", "--config", "switch.toml", "copy"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        errors(&again).contains("is not empty"),
        "{}",
        errors(&again)
    );
    let over = place.run(&["restore", "--from", "copy", "--config", "switch.toml"]);
    assert_eq!(over.status.code(), Some(2));
    assert!(errors(&over).contains("is not empty"), "{}", errors(&over));
    let inside = place.run(&["backup", "--config", "switch.toml", "data/copy"]);
    assert_eq!(inside.status.code(), Some(2));
    assert!(
        errors(&inside).contains("inside the data folder"),
        "{}",
        errors(&inside)
    );
}

#[test]
fn a_running_switch_is_not_backed_up() {
    let place = Place::with_cards();
    let lock = fs::File::open(place.path("data/LOCK")).unwrap();
    lock.lock().unwrap();
    let output = place.run(&["backup", "--config", "switch.toml", "copy"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        errors(&output).contains("stop it first"),
        "{}",
        errors(&output)
    );
    assert!(!place.path("copy").exists());
}

/// What a restore that lost its power leaves behind must never start as a switch.
#[test]
fn a_half_restored_folder_does_not_start() {
    let place = Place::with_cards();
    place.back_up();
    let restored = place.restore();
    assert!(restored.status.success(), "{}", errors(&restored));
    fs::remove_file(place.path("restored/log/log_id")).unwrap();
    fs::write(place.path("restored/RESTORE-UNFINISHED"), "x").unwrap();
    let check = place.run(&["check", "--config", "other.toml"]);
    assert_eq!(check.status.code(), Some(3));
    assert!(
        errors(&check).contains("RESTORE-UNFINISHED"),
        "{}",
        errors(&check)
    );
}
