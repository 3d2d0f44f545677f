//! An embedded switch moves into a cluster: what was paid before and after is one record for the check.

use std::path::Path;

use crate::support::{Serving, cluster, program, run, settings};

const MIX: &str = "purchase=60,balance=5,void=8,refund=5,preauth=6,completion=4,completion-advice=2,\
                   preauth-void=2,top-up=4,reversal=4";

fn pay(address: &str, batch: &str, record: &Path) {
    let paid = program()
        .args(["sim", "pos", "--connect", address, "--cards", "50"])
        .args(["--connections", "2", "--in-flight", "8", "--count", "1500"])
        .args(["--amount-fen", "1..=500", "--mix", MIX, "--batch", batch])
        .arg("--record")
        .arg(record)
        .arg("--quiet")
        .output()
        .unwrap();
    assert!(paid.status.success(), "{paid:?}");
}

#[test]
fn an_embedded_switch_moves_into_a_cluster_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let text = |name: &str| file(name).display().to_string();
    let old = settings(folder.path(), "old", "");
    let issue = ["card", "issue", "--programme", "1", "--count", "50"];
    run(&old, &[&issue[..], &["--balance", "500"]].concat());
    let serving = Serving::start(&old, &[]);
    pay(serving.address(), "1", &file("before.csv"));
    serving.stop();
    run(&old, &["export", "--out", &text("archive")]);

    let new = settings(folder.path(), "new", &cluster());
    let import = ["import", "--from", &text("archive")];
    let refused = program().args(import).arg("--config").arg(&new).output();
    let refused = refused.unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(told.contains("key"), "another key finds no card: {told}");

    let again = settings(folder.path(), "again", &cluster());
    std::fs::create_dir_all(file("again").join("keys")).unwrap();
    let key = Path::new("keys").join("pan-hash.key");
    std::fs::copy(file("old").join(&key), file("again").join(&key)).unwrap();
    run(&again, &import);
    let twice = program().args(import).arg("--config").arg(&again).output();
    assert_eq!(twice.unwrap().status.code(), Some(4), "nothing to do");

    let serving = Serving::start(&again, &["--name", "moved"]);
    pay(serving.address(), "2", &file("after.csv"));
    let (before, after) = (text("before.csv"), text("after.csv"));
    run(
        &again,
        &["check", "--against", &before, "--against", &after],
    );
    serving.stop();
}
