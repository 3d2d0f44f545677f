//! The certification scripts on a cluster: what an acquirer is told does not depend on the mode.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::certification::{INSTITUTIONS, institution, institution_of, scripts};
use crate::support::{Serving, cluster, program, run, settings};

fn operations(folder: &Path) -> (PathBuf, String) {
    let token = folder.join("operations.token");
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(&token).unwrap();
    std::io::Write::write_all(&mut file, "5eed".repeat(16).as_bytes()).unwrap();
    let table = format!(
        "\n[operations]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"{}\"\n",
        token.display()
    );
    (token, table)
}

#[test]
fn every_certification_script_passes_on_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let (token, endpoint) = operations(folder.path());
    let institutions: String = INSTITUTIONS
        .into_iter()
        .map(|each| institution(each, 0))
        .collect();
    let added = endpoint + &institutions + &cluster();
    let config = settings(folder.path(), "switch", &added);
    run(&config, &["cluster", "init"]);
    let roles = ["--roles", "acquirer,processor,operations"];
    let serving = Serving::start(&config, &roles);
    let office = serving.told_after("operations on http://", "/");
    for script in scripts() {
        let prepare = ["certify", script.to_str().unwrap()];
        let prepared = program()
            .args(prepare)
            .arg("--prepare")
            .arg(&config)
            .output()
            .unwrap();
        assert!(prepared.status.success(), "{prepared:?}");
        let id = institution_of(&script).unwrap_or("69980290");
        let target = serving.address_of(id);
        let report = program()
            .args(prepare)
            .args(["--target", &target, "--operations", &office])
            .arg("--token-file")
            .arg(&token)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&report.stdout);
        assert!(report.status.success(), "{told} {report:?}");
    }
    serving.stop();
}
