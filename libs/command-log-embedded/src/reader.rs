//! Reads the blocks of a segment in order, through one large buffer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::format::{BLOCK_HEADER_SIZE, BlockHeader, block_size, is_intact};

const WINDOW_SIZE: usize = 1_024 * 1_024;

/// Reads blocks one after the other, and stops where none reads back.
#[derive(Debug)]
pub(crate) struct BlockReader {
    file: File,
    seed: u32,
    /// Where the segment ends.
    end: u64,
    /// Where in the file the window begins.
    window_at: u64,
    window: Vec<u8>,
    /// How much of the window is filled.
    filled: usize,
    /// How much of it is read; more than is filled when padding was skipped.
    taken: usize,
}

impl BlockReader {
    /// Begins at byte `from` of the file.
    pub(crate) const fn new(file: File, seed: u32, from: u64, end: u64) -> Self {
        Self {
            file,
            seed,
            end,
            window_at: from,
            window: Vec::new(),
            filled: 0,
            taken: 0,
        }
    }

    /// Where the next block begins.
    pub(crate) const fn position(&self) -> u64 {
        self.window_at + self.taken as u64
    }

    /// The next block and its entries, or `None` when no intact block begins here.
    pub(crate) fn next_block(&mut self) -> io::Result<Option<(BlockHeader, &[u8])>> {
        if !self.fetch(BLOCK_HEADER_SIZE)? {
            return Ok(None);
        }
        let Some(header) = BlockHeader::parse(&self.window[self.taken..self.filled]) else {
            return Ok(None);
        };
        let size = header.unpadded_size();
        // The size is bounded by the segment before anything is allocated for it.
        if size as u64 > self.end.saturating_sub(self.position()) || !self.fetch(size)? {
            return Ok(None);
        }
        let (begin, end) = (self.taken, self.taken + size);
        if !is_intact(&self.window[begin..end], self.seed) {
            return Ok(None);
        }
        self.taken += block_size(size);
        Ok(Some((header, &self.window[begin + BLOCK_HEADER_SIZE..end])))
    }

    /// Sees to it that the window holds `size` bytes that are not taken; false at the end.
    fn fetch(&mut self, size: usize) -> io::Result<bool> {
        if self.filled >= self.taken + size {
            return Ok(true);
        }
        let kept = self.taken.min(self.filled)..self.filled;
        self.window_at = self.position();
        if self.window.len() < size.max(WINDOW_SIZE) {
            let mut larger = vec![0; size.max(WINDOW_SIZE)];
            larger[..kept.len()].copy_from_slice(&self.window[kept.clone()]);
            self.window = larger;
        } else {
            self.window.copy_within(kept.clone(), 0);
        }
        self.taken = 0;
        let from = self.window_at + kept.len() as u64;
        self.filled = kept.len() + read_some(&self.file, &mut self.window[kept.len()..], from)?;
        Ok(self.filled >= size)
    }
}

/// Fills the buffer from a place in the file; returns less only at its end.
pub(crate) fn read_some(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(size) => filled += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
