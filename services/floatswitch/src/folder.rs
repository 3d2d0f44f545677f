//! The data folder: what lies where.

use std::fs;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// A switch's data folder.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder(PathBuf);

/// What a switch puts into its folder.
const OURS: [&str; 6] = [
    command_log_embedded::LOCK_FILE,
    "log",
    "cards",
    "media",
    "rules",
    "keys",
];

/// What is in a folder before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Nothing: a new switch.
    Nothing,
    /// A switch.
    Switch,
}

impl DataFolder {
    pub(crate) fn new(root: &Path) -> Self {
        Self(root.to_owned())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// The command log.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// The cards.
    pub(crate) fn cards(&self) -> PathBuf {
        self.0.join("cards")
    }

    /// The media register.
    pub(crate) fn media(&self) -> PathBuf {
        self.0.join("media")
    }

    /// The rules bundles.
    pub(crate) fn rules(&self) -> PathBuf {
        self.0.join("rules")
    }

    /// The key of card number hashes.
    pub(crate) fn pan_hash_key(&self) -> PathBuf {
        self.0.join("keys").join("pan-hash.key")
    }

    /// Looks at what is there; a folder with other things in it is refused.
    pub(crate) fn contents(&self) -> Result<Contents, Failure> {
        let root = self.0.display();
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Contents::Nothing);
            }
            Err(error) => return Err(Failure::cannot_start(format!("read {root}: {error}"))),
        };
        if self.log().join("log_id").exists() {
            return Ok(Contents::Switch);
        }
        // A first start that was interrupted leaves some of ours, and no log yet.
        let foreign = entries
            .filter_map(Result::ok)
            .map(|entry| entry.file_name());
        let foreign = foreign.map(|name| name.to_string_lossy().into_owned());
        match foreign
            .into_iter()
            .find(|name| !OURS.contains(&name.as_str()))
        {
            None => Ok(Contents::Nothing),
            Some(name) => Err(Failure::cannot_start(format!(
                "{root} has `{name}`, which is not a switch's: name an empty or a new folder"
            ))),
        }
    }
}
