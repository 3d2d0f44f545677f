//! What plays of certification scripts have in common, whatever keeps the cards.

use std::fs;
use std::path::{Path, PathBuf};

/// Dialects of institutions that scripts speak, each with the id of an institution that speaks it.
pub(crate) const INSTITUTIONS: [(&str, &str); 3] = [
    ("cups", "69980291"),
    ("iso87-ascii", "69980292"),
    ("iso93-ascii", "69980293"),
];

/// The scripts that come with the switch.
pub(crate) fn scripts() -> Vec<PathBuf> {
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

/// The institution that a script speaks as; none: it speaks as terminals.
pub(crate) fn institution_of(script: &Path) -> Option<&'static str> {
    let text = fs::read_to_string(script).unwrap();
    let speaks = |dialect: &str| text.contains(&format!("\nspeaks {dialect}\n"));
    let found = INSTITUTIONS.iter().find(|(dialect, _)| speaks(dialect));
    found.map(|(_, id)| *id)
}

/// The settings of an institution, which brings its own merchants.
pub(crate) fn institution((dialect, id): (&str, &str), port: u16) -> String {
    let reconciles = dialect != "cups"; // Which reconciles by files.
    format!(
        "\n[[acquirers]]\nid = \"{id}\"\nname = \"Institution {id}\"\n\
         listen = \"127.0.0.1:{port}\"\ndialect = \"{dialect}\"\n\
         connections_max = 16\nin_flight_max = 64\nframe_size_max = 4096\n\
         idle_timeout_seconds = 300\nread_timeout_seconds = 10\n\
         reply_timeout_milliseconds = 15000\nrequire_sign_on = true\n\
         day_reconciliation = {reconciles}\nmac = \"unchecked\"\npin = \"unchecked\"\n"
    )
}
