//! Dialects by name or from a file, as the settings and the command line name them.

use std::path::Path;

use crate::exit::Failure;
use iso8583::Dialect;
use settings::{Acquirer, Settings};

/// Finds the dialect that a name or a path means: a built-in one, else a file.
///
/// A path that is not absolute starts at `folder`. A file's dialect is kept for the rest of the
/// process.
pub(crate) fn find(name: &str, folder: &Path) -> Result<&'static Dialect, Failure> {
    match Dialect::builtin(name) {
        Some(dialect) => Ok(dialect),
        None => Ok(read(&folder.join(name))?.keep()),
    }
}

/// The dialect of an acquirer.
pub(crate) fn of_acquirer(
    settings: &Settings,
    acquirer: &Acquirer,
) -> Result<&'static Dialect, Failure> {
    find(acquirer.dialect.as_str(), &settings.folder)
}

/// Why a dialect file gives no dialect: a sentence that names the file.
#[derive(Debug)]
pub(crate) enum FileError {
    /// It is not there, or cannot be read.
    Unreadable(String),
    /// It says something that it must not: file, line and what to write.
    Mistake(String),
}

/// Reads a dialect file.
pub(crate) fn read(path: &Path) -> Result<Dialect, FileError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        FileError::Unreadable(if error.kind() == std::io::ErrorKind::NotFound {
            format!(
                "{shown} is no dialect file and no built-in dialect: name a file that is there, or one of {}",
                builtin_names()
            )
        } else {
            format!("read dialect file {shown}: {error}")
        })
    })?;
    Dialect::parse(&text)
        .map_err(|error| FileError::Mistake(format!("{shown}:{}: {}", error.line, error.problem)))
}

/// The file of a built-in dialect.
pub(crate) fn builtin_file(name: &str) -> Result<&'static str, Failure> {
    Dialect::builtin_file(name).ok_or_else(|| {
        let names = builtin_names();
        Failure::usage(format!(
            "no dialect `{name}` is built in: name one of {names}"
        ))
    })
}

fn builtin_names() -> String {
    let names: Vec<&str> = Dialect::builtin_names().collect();
    names.join(", ")
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Unreadable(message) | FileError::Mistake(message) => Self::usage(message),
        }
    }
}
