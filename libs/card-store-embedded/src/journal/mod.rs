//! The journal rows of all cards, appended to one sequence of segment files.
//!
//! A writer only copies into memory; one thread moves full buffers to the files, so a slow disk
//! is felt only when [`tail::SEALED_BUFFERS_MAX`] of them wait. A read finds a row in memory or in
//! the file, wherever it is. Nothing is synced but by [`Journal::sync`].

pub(crate) mod row;
mod segments;
mod tail;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, MutexGuard};

use self::row::{DecodedRow, RowFault};
use self::segments::Segments;
use self::tail::{Sealed, Tail};
use crate::options::OpenError;
use card::{CardId, Version};
use card_store::{JournalRow, StoreError, WriteError};

pub(crate) use self::segments::SEGMENT_HEADER_SIZE;

/// Where a row begins: a segment and an offset in it. Local to this store, so it never enters a
/// body or a row's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    segment: u32,
    offset: u32,
}

impl Address {
    /// No row. Segments are numbered from 1.
    pub(crate) const NONE: Self = Self::new(0, 0);

    pub(crate) const fn new(segment: u32, offset: u32) -> Self {
        Self { segment, offset }
    }

    pub(crate) const fn to_bits(self) -> u64 {
        ((self.segment as u64) << 32) | self.offset as u64
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the two halves of the number"
        )]
        Self::new((bits >> 32) as u32, bits as u32)
    }
}

/// The open journal. Dropping it ends the thread and forgets what was not written yet.
#[derive(Debug)]
pub(crate) struct Journal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There may be something to write.
    work: Condvar,
    /// Something was written, or the journal stopped.
    done: Condvar,
    segments: Segments,
}

#[derive(Debug)]
struct State {
    tail: Tail,
    /// Why nothing can be written any more. Never cleared: after a failed write or sync nobody
    /// knows what is on disk (LOG-1); the next start folds the log again.
    stopped: Option<String>,
    closing: bool,
}

impl Journal {
    /// Opens the journal that ends at `end` (`NONE` for an empty one) and drops what is behind it:
    /// the fold of the log writes those rows again.
    pub(crate) fn open(
        folder: &Path,
        end: Address,
        segment_size_max: u32,
    ) -> Result<Self, OpenError> {
        let segments = Segments::open(folder, end)?;
        let tail = Tail::new(end, segment_size_max);
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                tail,
                stopped: None,
                closing: false,
            }),
            work: Condvar::new(),
            done: Condvar::new(),
            segments,
        });
        let for_thread = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("card-journal".to_owned())
            .spawn(move || {
                let guard = StopOnPanic(&for_thread);
                guard.0.write_buffers();
            })
            .map_err(OpenError::io("start the writer thread of", folder))?;
        Ok(Self {
            shared,
            writer: Some(writer),
        })
    }

    /// Appends the rows of one card, oldest first, behind its row at `previous`. Returns the
    /// address of the last one.
    pub(crate) fn append(
        &self,
        card: CardId,
        rows: &[JournalRow],
        previous: Address,
    ) -> Result<Address, WriteError> {
        let mut state = self.shared.running()?;
        let mut head = previous;
        for row in rows {
            head = state.tail.push(card, row, head);
        }
        if state.tail.is_full() {
            state.tail.seal();
            self.shared.work.notify_one();
        }
        while state.tail.is_overloaded() {
            self.shared.done.wait(&mut state);
            state.check()?;
        }
        Ok(head)
    }

    /// Makes everything appended so far durable. Returns where the next row goes.
    pub(crate) fn sync(&self) -> Result<Address, WriteError> {
        let mut state = self.shared.running()?;
        state.tail.seal();
        let end = state.tail.end();
        let sealed_count = state.tail.sealed_count();
        self.shared.work.notify_one();
        while state.tail.written_count() < sealed_count {
            self.shared.done.wait(&mut state);
            state.check()?;
        }
        drop(state);
        self.shared
            .segments
            .sync()
            .map_err(|fault| self.shared.stop(fault))?;
        Ok(end)
    }

    /// Reads the row at this address, which must be this version of this card.
    pub(crate) fn read(
        &self,
        address: Address,
        card: CardId,
        version: Version,
    ) -> Result<DecodedRow, StoreError> {
        let damaged = |fault: RowFault| {
            let path = self.shared.segments.path(address.segment);
            StoreError::Damaged(format!(
                "{} at byte {}: {fault} (wanted card {card} version {version})",
                path.display(),
                address.offset
            ))
        };
        {
            let state = self.shared.state.lock();
            if let Some(bytes) = state.tail.bytes_from(address) {
                return row::decode(bytes, card, version).map_err(damaged);
            }
        }
        let bytes = self.shared.segments.read_row(address).map_err(|error| {
            let path = self.shared.segments.path(address.segment);
            StoreError::Unavailable(format!("read {}: {error}", path.display()))
        })?;
        row::decode(&bytes, card, version).map_err(damaged)
    }

    /// How many segments there are, and how many bytes they hold together with what waits.
    pub(crate) fn size(&self) -> (u32, u64) {
        let end = self.shared.state.lock().tail.end();
        let closed = self.shared.segments.closed_size(end.segment);
        (end.segment, closed + u64::from(end.offset))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.state.lock().closing = true;
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::debug!("the thread that writes the card journal had panicked");
        }
    }
}

impl Shared {
    fn running(&self) -> Result<MutexGuard<'_, State>, WriteError> {
        let state = self.state.lock();
        state.check()?;
        Ok(state)
    }

    fn stop(&self, fault: String) -> WriteError {
        tracing::error!(fault, "the card journal has stopped");
        self.state
            .lock()
            .stopped
            .get_or_insert_with(|| fault.clone());
        self.done.notify_all();
        WriteError::Stopped(fault)
    }

    fn write_buffers(&self) {
        while let Some(sealed) = self.next_buffer() {
            if let Err(fault) = self.segments.write(&sealed) {
                self.stop(fault);
                return;
            }
            self.state.lock().tail.written(sealed);
            self.done.notify_all();
        }
    }

    fn next_buffer(&self) -> Option<Arc<Sealed>> {
        let mut state = self.state.lock();
        loop {
            if state.closing || state.stopped.is_some() {
                return None;
            }
            if let Some(sealed) = state.tail.oldest_sealed() {
                return Some(sealed);
            }
            self.work.wait(&mut state);
        }
    }
}

/// A journal whose thread is gone must not keep its writers waiting.
struct StopOnPanic<'a>(&'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0
                .stop("the thread that writes the card journal panicked".to_owned());
        }
    }
}

impl State {
    fn check(&self) -> Result<(), WriteError> {
        match &self.stopped {
            None => Ok(()),
            Some(fault) => Err(WriteError::Stopped(fault.clone())),
        }
    }
}
