//! The certification scripts on a cluster: what an acquirer is told does not depend on the mode.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::{Serving, cluster, program, run, settings};

const INSTITUTIONS: [(&str, &str); 3] = [
    ("cups", "69980291"),
    ("iso87-ascii", "69980292"),
    ("iso93-ascii", "69980293"),
];

fn institution((dialect, id): (&str, &str)) -> String {
    format!(
        "\n[[acquirers]]\nid = \"{id}\"\nname = \"Institution {id}\"\nlisten = \"127.0.0.1:0\"\n\
         dialect = \"{dialect}\"\nconnections_max = 16\nin_flight_max = 64\n\
         frame_size_max = 4096\nidle_timeout_seconds = 300\nread_timeout_seconds = 10\n\
         reply_timeout_milliseconds = 15000\nrequire_sign_on = true\nmac = \"unchecked\"\n\
         pin = \"unchecked\"\n"
    )
}

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

#[test]
fn every_certification_script_passes_on_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let (token, endpoint) = operations(folder.path());
    let institutions: String = INSTITUTIONS.into_iter().map(institution).collect();
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
        let text = fs::read_to_string(&script).unwrap();
        let speaks = |dialect: &str| text.contains(&format!("\nspeaks {dialect}\n"));
        let id = INSTITUTIONS.iter().find(|(dialect, _)| speaks(dialect));
        let target = serving.address_of(id.map_or("69980290", |(_, id)| id));
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
