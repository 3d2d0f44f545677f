//! A disk that is full, and a folder that may not be written.

use std::path::Path;
use std::process::Command;

use crate::support::{Switch, summary, told};

/// Loads of some seconds until the disk is full, however slow the machine.
const LOADS_MAX: u32 = 30;

/// A small file system of its own. Needs root, as a CI machine has it.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path, size: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        run(
            "mount",
            &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"],
            folder,
        );
        Self(folder)
    }

    fn grow(&self, size: &str) {
        run("mount", &["-o", &format!("remount,size={size}")], self.0);
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        run("umount", &["-l"], self.0);
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let done = Command::new(program)
        .args(arguments)
        .arg(folder)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "this test mounts a small disk and needs root: {}",
        told(&done)
    );
}

#[test]
fn a_full_disk_acknowledges_nothing_that_is_not_kept() {
    let mut switch = Switch::new();
    let folder = switch.data();
    let disk = SmallDisk::mount(&folder, "48m");
    switch.issue_cards();
    switch.serve();
    let mut records = Vec::new();
    let mut refused = 0;
    for batch in 1..=LOADS_MAX {
        let record = switch.file(&format!("run-{batch}.csv"));
        let batch = batch.to_string();
        let options = [
            "--connections",
            "8",
            "--in-flight",
            "8",
            "--duration",
            "4s",
            "--batch",
            &batch,
        ];
        let summary = summary(switch.load(&record, &options));
        records.push(record);
        refused = summary["by_code"]["96"].as_u64().unwrap_or_default();
        println!("load {batch}: {summary}");
        if refused > 0 || summary["answered"] != summary["requests"] {
            break;
        }
    }
    let ended = switch.ended();
    let log = std::fs::read_to_string(switch.file("serve.log")).unwrap();
    println!("refused {refused} with 96, ended {ended:?}");
    assert!(refused > 0 || ended.is_some(), "the disk never filled up");
    assert!(
        log.to_lowercase().contains("no space"),
        "the log tells of the full disk: {log}"
    );
    if ended.is_none() {
        switch.kill();
    }
    disk.grow("600m");
    switch.check_clean_against(&records);
    switch.serve();
    switch.kill();
    drop(disk);
}

#[test]
fn a_folder_that_may_not_be_written_is_told() {
    let switch = Switch::new();
    let folder = switch.data();
    let disk = SmallDisk::mount(&folder, "8m");
    run("mount", &["-o", "remount,ro"], &folder);
    let refused = switch.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(3));
    let told = told(&refused);
    assert!(told.contains("Read-only file system"), "{told}");
    assert!(
        told.contains(folder.to_str().unwrap()),
        "names the folder: {told}"
    );
    drop(disk);
}

#[test]
fn settings_that_are_not_there_or_wrong_are_told() {
    let switch = Switch::new();
    std::fs::remove_file(switch.config()).unwrap();
    let refused = switch.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        told(&refused).contains("floatswitch init"),
        "{}",
        told(&refused)
    );
    std::fs::write(switch.config(), "data_dirr = \"x\"\n").unwrap();
    let refused = switch.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).contains("data_dir"), "{}", told(&refused));
}
