//! A preallocated file that is written round and round.
//!
//! Every byte of it has been written once before the measurement, so a later fdatasync moves data
//! only: no extent to convert, no size to change. That is how the switch's log segments are made.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use tempfile::NamedTempFile;

const MIB: usize = 1 << 20;
/// Large enough that nothing wraps onto a page still on its way to the disk.
const RING_SIZE: u64 = 256 * MIB as u64;

/// The file; removed when dropped.
#[derive(Debug)]
pub(crate) struct RingFile {
    file: NamedTempFile,
    next: u64,
}

impl RingFile {
    /// Creates the file in `dir`, allocates and writes all of it.
    pub(crate) fn create(dir: &Path) -> io::Result<Self> {
        let file = tempfile::Builder::new()
            .prefix("yardstick-")
            .tempfile_in(dir)?;
        fallocate(file.as_file(), FallocateFlags::empty(), 0, RING_SIZE)?;
        write_zeros(file.as_file())?;
        file.as_file().sync_all()?;
        Ok(Self { file, next: 0 })
    }

    /// Writes `bytes` after the last ones and waits until the disk has them.
    pub(crate) fn append_synced(&mut self, bytes: &[u8]) -> io::Result<()> {
        let size = bytes.len() as u64;
        if self.next + size > RING_SIZE {
            self.next = 0;
        }
        self.file.as_file().write_all_at(bytes, self.next)?;
        self.next += size;
        self.file.as_file().sync_data()
    }
}

fn write_zeros(file: &File) -> io::Result<()> {
    let zeros = vec![0; MIB];
    for at in (0..RING_SIZE).step_by(MIB) {
        file.write_all_at(&zeros, at)?;
    }
    Ok(())
}
