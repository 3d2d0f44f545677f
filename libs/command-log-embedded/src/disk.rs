//! The few things the log asks of a disk, so that tests can make each of them fail.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Writes and syncs. The switch uses [`SystemDisk`]; tests inject faults.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Writes zeros into a part of a file that is being prepared; the place where a full disk
    /// shows.
    ///
    /// # Errors
    /// Whatever the system says.
    fn fill(&self, file: &File, offset: u64, size: usize) -> io::Result<()>;

    /// Writes into a prepared part of a file.
    ///
    /// # Errors
    /// Whatever the system says; the log then stops for good.
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns when all that was written to the file is safe.
    ///
    /// # Errors
    /// Whatever the system says; the log then stops for good (LOG-1).
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Returns when the names in a folder are safe.
    ///
    /// # Errors
    /// Whatever the system says; the log then stops for good, if it was its writer that asked.
    fn sync_names(&self, folder: &Path) -> io::Result<()>;
}

/// The disk of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn fill(&self, file: &File, offset: u64, size: usize) -> io::Result<()> {
        file.write_all_at(&vec![0; size], offset)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_names(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}
