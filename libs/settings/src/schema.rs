//! The whole settings file of `floatswitch serve` and its commented example.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::acquirer::Acquirer;
use crate::cluster::{Cluster, Tracing};
use crate::load::{Problem, SettingsError, parse, read, refused};
use crate::merchant::Merchant;
use crate::place::line_of_key;
use crate::process::{CardProcessor, CommandLog, LogFormat, LogLevel, Operations, SettlementDay};
use crate::programme::Programme;
use crate::validate::Finding;
use crate::value::ListenAddress;

/// Settings of one switch process with its own log, store and register.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Folder of the log, the cards and the register. Made at the first start, locked while in use.
    pub data_dir: PathBuf,
    /// Where Prometheus may scrape. Keep it off public interfaces: it has no password.
    pub metrics_listen: ListenAddress,
    /// How log lines look on standard error.
    pub log_format: LogFormat,
    /// The least severe lines that are written.
    pub log_level: LogLevel,
    /// The command log.
    pub log: CommandLog,
    /// The card processor.
    pub processor: CardProcessor,
    /// The settlement day.
    pub day: SettlementDay,
    /// Who may send us card messages; one listener each.
    pub acquirers: Vec<Acquirer>,
    /// Where cards may be used.
    pub merchants: Vec<Merchant>,
    /// The card products we issue.
    pub programmes: Vec<Programme>,
    /// The cluster, when log and cards are not in the data folder.
    #[serde(default)]
    pub cluster: Option<Cluster>,
    /// The endpoint of the back office; none without this table.
    #[serde(default)]
    pub operations: Option<Operations>,
    /// Traces; none without this table.
    #[serde(default)]
    pub tracing: Option<Tracing>,
    /// The folder of the settings file: paths of dialect files start there.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Settings {
    /// Reads and checks the settings file.
    ///
    /// # Errors
    ///
    /// As [`crate::load`]; a file that only [`Settings::validate`] refuses is
    /// [`SettingsError::Refused`] with every finding and its line.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        Self::parse(&read(path)?, path)
    }

    /// Reads and checks settings from text; `path` only names it in errors.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Refused`], as [`Settings::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let mut settings: Self = parse(text, path)?;
        settings.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let findings = settings.validate();
        if findings.is_empty() {
            return Ok(settings);
        }
        let with_line = |finding: Finding| Problem {
            line: line_of_key(text, &finding.key),
            message: finding.to_string(),
        };
        Err(refused(path, findings.into_iter().map(with_line).collect()))
    }
}

/// Returns the commented settings file that `floatswitch init` writes. It loads and passes every check.
pub fn example() -> &'static str {
    include_str!("../example.toml")
}

/// Returns the commented table that makes of the example the settings of a cluster.
pub fn cluster_example() -> &'static str {
    include_str!("../cluster.toml")
}
