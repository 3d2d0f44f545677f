//! The file `log_id`: which log a folder holds (LOG-2).
//!
//! A short text, so that an operator can read it. It is written once and locked while in use.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::disk::Disk;
use crate::error::OpenError;
use command_log::LogId;

/// The name of the file.
pub(crate) const LOG_ID_FILE: &str = "log_id";
const LOG_ID_TEMPORARY: &str = "log_id.tmp";
const TITLE: &str = "floatswitch command log, format 1";

/// Writes the file; it appears whole or not at all.
pub(crate) fn write(dir: &Path, id: &LogId, disk: &dyn Disk) -> io::Result<()> {
    let temporary = dir.join(LOG_ID_TEMPORARY);
    let mut file = File::create(&temporary)?;
    file.write_all(render(id).as_bytes())?;
    disk.sync(&file)?;
    fs::rename(temporary, dir.join(LOG_ID_FILE))?;
    disk.sync_names(dir)
}

/// Reads and locks the file.
pub(crate) fn open(dir: &Path) -> Result<(File, LogId), OpenError> {
    let path = dir.join(LOG_ID_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::NoLog {
                dir: dir.to_path_buf(),
            });
        }
        Err(error) => return Err(OpenError::io("open", &path)(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            return Err(OpenError::InUse {
                dir: dir.to_path_buf(),
            });
        }
        Err(fs::TryLockError::Error(error)) => return Err(OpenError::io("lock", &path)(error)),
    }
    let text = io::read_to_string(&file).map_err(OpenError::io("read", &path))?;
    let id = parse(&text).ok_or_else(|| OpenError::Identity { path: path.clone() })?;
    Ok((file, id))
}

/// Tells which log a folder holds, without opening it.
///
/// # Errors
/// [`OpenError`] when there is none, or it is in use.
pub fn read_log_id(dir: &Path) -> Result<LogId, OpenError> {
    open(dir).map(|(_, id)| id)
}

fn render(id: &LogId) -> String {
    let body = format!(
        "{TITLE}\nincarnation {}\npartition_count {}\nhash_version {}\n",
        hex(&id.incarnation),
        id.partition_count,
        id.hash_version
    );
    let sum = crc32fast::hash(body.as_bytes());
    format!("{body}crc {sum:08x}\n")
}

fn parse(text: &str) -> Option<LogId> {
    let mut lines = text.lines();
    if lines.next()? != TITLE {
        return None;
    }
    let incarnation = lines.next()?.strip_prefix("incarnation ")?;
    let partition_count = lines.next()?.strip_prefix("partition_count ")?;
    let hash_version = lines.next()?.strip_prefix("hash_version ")?;
    let id = LogId {
        incarnation: unhex(incarnation)?,
        partition_count: partition_count.parse().ok()?,
        hash_version: hash_version.parse().ok()?,
    };
    (render(&id) == text).then_some(id)
}

/// The bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<[u8; 16]> {
    (digits.len() == 32).then_some(())?;
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> LogId {
        LogId {
            incarnation: [0xA5; 16],
            partition_count: 256,
            hash_version: 1,
        }
    }

    #[test]
    fn golden_text_never_changes() {
        assert_eq!(
            render(&id()),
            "floatswitch command log, format 1\nincarnation a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\n\
             partition_count 256\nhash_version 1\ncrc ee8add0d\n"
        );
    }

    #[test]
    fn reads_back_and_refuses_any_other_text() {
        let text = render(&id());
        assert_eq!(parse(&text), Some(id()));
        assert_eq!(parse(&text.replace("256", "255")), None);
        assert_eq!(parse(&text[..text.len() - 1]), None);
        assert_eq!(parse(""), None);
    }
}
