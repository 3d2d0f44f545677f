//! Reads a settings file and turns each mistake in it into one line that says how to mend it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::near::nearest;
use crate::place::{line_at, place_of_name, place_of_value};

/// Why a settings file was refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("cannot read the settings file {path}: {source}; name another with --config, or write one with `floatswitch init`", path = path.display())]
    Unreadable {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was read and something in it must be changed.
    #[error("{}", problem_lines(path, problems))]
    Refused {
        /// The file that was read.
        path: PathBuf,
        /// What to change, in the order of the file; never empty.
        problems: Vec<Problem>,
    },
}

/// One thing to change in a settings file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The 1-based line, where one can be told.
    pub line: Option<usize>,
    /// The key with what was found and what to write instead.
    pub message: String,
}

/// Reads a TOML file into a settings struct.
///
/// Use structs with `deny_unknown_fields`, so that a misspelt key is an error and not a silent default.
///
/// # Errors
///
/// [`SettingsError::Unreadable`] when there is no such file, [`SettingsError::Refused`] when its content
/// is not TOML or does not fit `T`.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, SettingsError> {
    parse(&read(path)?, path)
}

/// Reads settings from text; `path` only names it in errors.
///
/// # Errors
///
/// [`SettingsError::Refused`] when the text is not TOML or does not fit `T`.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, SettingsError> {
    toml::from_str(text).map_err(|error| refused(path, vec![explain(text, &error)]))
}

pub(crate) fn read(path: &Path) -> Result<String, SettingsError> {
    fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

pub(crate) fn refused(path: &Path, mut problems: Vec<Problem>) -> SettingsError {
    problems.sort();
    SettingsError::Refused {
        path: path.to_owned(),
        problems,
    }
}

fn problem_lines(path: &Path, problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| match problem.line {
        Some(line) => format!("{}:{line}: {}", path.display(), problem.message),
        None => format!("{}: {}", path.display(), problem.message),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Turns the reader's error into a problem.
///
/// serde gives its findings as text only, in the fixed forms matched here; the tests of this crate pin
/// them, and a form that is not known is passed on as it is.
fn explain(text: &str, error: &toml::de::Error) -> Problem {
    let message = error.message();
    let span = error.span().unwrap_or_default();
    let line = Some(line_at(text, span.start));
    if let Some(name) = between(message, "unknown field `", "`") {
        let key = place_of_name(text, &span).map_or_else(|| name.to_owned(), |place| place.key);
        return Problem {
            line,
            message: unknown_key(&key, name, message),
        };
    }
    let place = place_of_value(text, &span);
    let key = place.as_ref().map_or("", |place| place.key.as_str());
    if let Some(name) = between(message, "missing field `", "`") {
        let dot = if key.is_empty() { "" } else { "." };
        let advice = "is missing; add it, the file of `floatswitch init` shows every key";
        return Problem {
            line,
            message: format!("`{key}{dot}{name}` {advice}"),
        };
    }
    let line = place.as_ref().map(|place| place.line).or(line);
    Problem {
        line,
        message: wrong_value(key, message),
    }
}

fn unknown_key(key: &str, name: &str, message: &str) -> String {
    let known = quoted_words(
        message
            .split_once(", expected ")
            .map_or("", |(_, tail)| tail),
    );
    match nearest(name, &known) {
        Some(meant) => format!("unknown key `{key}`; did you mean `{meant}`?"),
        None => format!(
            "unknown key `{key}`; the keys here are {}",
            known.join(", ")
        ),
    }
}

fn wrong_value(key: &str, message: &str) -> String {
    let stripped = ["invalid value: ", "invalid type: ", "unknown variant "]
        .iter()
        .find_map(|form| message.strip_prefix(form));
    let found_and_expected = stripped.and_then(|tail| tail.rsplit_once(", expected "));
    match found_and_expected {
        Some((found, expected)) if !key.is_empty() => {
            format!("`{key}` is {found}; write {expected}")
        }
        _ if !key.is_empty() => format!("`{key}`: {message}"),
        _ => format!("cannot be read as TOML: {message}"),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.strip_prefix(before)?
        .split_once(after)
        .map(|(inside, _)| inside)
}

fn quoted_words(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
