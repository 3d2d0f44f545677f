//! The number of the last checkpoint that was acknowledged, in a file of its own.
//!
//! The LSM tree carries the number too. When it comes up with a lower one it has lost something
//! that was durable, and the store must not be used.
//!
//! The file has 16 bytes, within one sector: the number u64 and its complement, big endian.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::options::OpenError;
use card_store::{StoreError, WriteError};

/// Below the folder of the store.
pub(crate) const FILE_NAME: &str = "checkpoint";

#[derive(Debug)]
pub(crate) struct CheckpointMark {
    file: File,
    number: u64,
}

impl CheckpointMark {
    /// Makes the mark of a store without checkpoints.
    pub(crate) fn create(path: &Path) -> Result<Self, OpenError> {
        let create = || {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(path)?;
            write_number(&file, 0)?;
            Ok(file)
        };
        let file = create().map_err(OpenError::io("create", path))?;
        Ok(Self { file, number: 0 })
    }

    /// Reads the mark.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(OpenError::io("open", path))?;
        let mut bytes = [0; 16];
        file.read_exact_at(&mut bytes, 0)
            .map_err(OpenError::io("read", path))?;
        let (number, complement) = bytes.split_at(8);
        let [number, complement] = [number, complement].map(be_number);
        if number != !complement {
            let text = format!("{} holds no number; restore a backup", path.display());
            return Err(OpenError::Store(StoreError::Damaged(text)));
        }
        Ok(Self { file, number })
    }

    /// Refuses an LSM tree that is behind the mark.
    pub(crate) fn check(&mut self, lsm_number: u64) -> Result<(), StoreError> {
        if lsm_number < self.number {
            return Err(StoreError::Damaged(format!(
                "the lsm tree shows checkpoint {lsm_number}, but checkpoint {} was kept and the \
                 log may no longer reach back so far; restore a backup",
                self.number
            )));
        }
        self.number = lsm_number;
        Ok(())
    }

    /// The number of the next checkpoint.
    pub(crate) fn next(&self) -> u64 {
        self.number + 1
    }

    /// Acknowledges the next checkpoint, which is durable in the LSM tree.
    pub(crate) fn advance(&mut self) -> Result<(), WriteError> {
        self.number = self.next();
        write_number(&self.file, self.number)
            .map_err(|error| WriteError::Stopped(format!("write the checkpoint mark: {error}")))
    }
}

fn write_number(file: &File, number: u64) -> io::Result<()> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..].copy_from_slice(&(!number).to_be_bytes());
    file.write_all_at(&bytes, 0)?;
    file.sync_data()
}

fn be_number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_remembers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let mut mark = CheckpointMark::create(&path).unwrap();
        mark.advance().unwrap();
        assert_eq!(mark.next(), 2);
        drop(mark);
        let mut mark = CheckpointMark::open(&path).unwrap();
        assert_eq!(mark.next(), 2);
        assert!(mark.check(0).is_err(), "the tree is behind");
        assert_eq!(mark.next(), 2);
        mark.check(3).unwrap();
        assert_eq!(
            mark.next(),
            4,
            "the tree was ahead: the crash came before the mark"
        );
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        assert!(CheckpointMark::open(&path).is_err(), "missing");
        std::fs::write(&path, [0; 15]).unwrap();
        assert!(CheckpointMark::open(&path).is_err(), "short");
        std::fs::write(&path, [0; 16]).unwrap();
        let error = CheckpointMark::open(&path).unwrap_err().to_string();
        assert!(
            error.ends_with("holds no number; restore a backup"),
            "{error}"
        );
    }
}
