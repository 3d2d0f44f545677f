//! The one thread that writes the log: block, sync, tell; again.
//!
//! No timer: a batch is whatever was submitted while the sync before it ran. After an error of a
//! write or a sync the log stops for good, nothing is tried twice (LOG-1): the system may have
//! thrown the bytes away and call the next sync a success.

use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use crate::format::{BLOCK_ALIGN, BLOCK_HEADER_SIZE, BlockHeader, Entry, block_size, entry_at};
use crate::metric_names::{APPEND_SECONDS, RECORDS_PER_SYNC, SYNC_SECONDS};
use crate::segment::{Segment, SegmentHeader, header_size};
use crate::sequencer::{Batch, Ending, Phase, Spare, SpareFile};
use crate::shared::Shared;
use card::Timestamp;
use command_log::{Durable, Sequence};

/// Writes the log from one thread.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// Dropped when the log stops, after its end is noted.
    durable: watch::Sender<Durable>,
    place: Place,
}

/// Where the next block goes, and what it is.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) file: File,
    pub(crate) index: u64,
    pub(crate) position: u64,
    pub(crate) size: u64,
    pub(crate) next_block: u64,
    pub(crate) next_sequence: u64,
    pub(crate) next_offsets: Vec<u64>,
    pub(crate) last_time: Timestamp,
}

impl Writer {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        durable: watch::Sender<Durable>,
        place: Place,
    ) -> Self {
        Self {
            shared,
            durable,
            place,
        }
    }

    /// Writes until the log is closed or fails.
    pub(crate) fn run(mut self) {
        while let Some(batch) = self.shared.next_batch() {
            if let Err(error) = self.commit(batch) {
                return self.shared.end(Ending::Failed(failure(&error)));
            }
        }
        let ending = self.shared.ending().unwrap_or(Ending::Closed);
        match self.vouch_for_last_block() {
            Ok(()) => self.shared.end(ending),
            Err(error) => self.shared.end(Ending::Failed(failure(&error))),
        }
    }

    fn commit(&mut self, mut batch: Batch) -> io::Result<()> {
        let size = block_size(batch.bytes.len()) as u64;
        if self.place.size - self.place.position < size {
            self.roll()?;
        }
        self.seal(&mut batch);
        let started = Instant::now();
        self.shared
            .disk
            .write(&self.place.file, &batch.bytes, self.place.position)?;
        self.shared.disk.sync(&self.place.file)?;
        self.place.next_sequence += u64::from(batch.record_count);
        self.durable
            .send_replace(Durable(Sequence(self.place.next_sequence - 1)));
        measure(&batch, started);
        self.advance(&batch, size);
        self.shared.sequencer.lock().written(size, batch.bytes);
        Ok(())
    }

    fn seal(&self, batch: &mut Batch) {
        let payload_size = batch.bytes.len() - BLOCK_HEADER_SIZE;
        let header = BlockHeader {
            block: self.place.next_block,
            first_sequence: self.place.next_sequence,
            payload_size: u32::try_from(payload_size).expect("a block is at most 4 MiB"),
            record_count: batch.record_count,
        };
        header.seal(&mut batch.bytes, self.shared.seed);
        batch.bytes.resize(block_size(batch.bytes.len()), 0);
    }

    /// Keeps what the header of the next segment will say.
    fn advance(&mut self, batch: &Batch, size: u64) {
        let place = &mut self.place;
        let header = BlockHeader::parse(&batch.bytes).expect("the block was sealed");
        let entries = &batch.bytes[BLOCK_HEADER_SIZE..header.unpadded_size()];
        let mut at = 0;
        while at < entries.len() {
            let (entry, next) = entry_at(entries, at).expect("the entry was just encoded");
            match entry {
                Entry::Record { position, .. } => {
                    place.next_offsets[usize::from(position.partition.0)] = position.offset + 1;
                }
                Entry::Witness { .. } => {}
            }
            at = next;
        }
        place.position += size;
        place.next_block += 1;
        place.last_time = place.last_time.max(batch.last_time);
    }

    /// Goes on in the segment that was prepared ahead.
    fn roll(&mut self) -> io::Result<()> {
        let spare = self.take_spare()?;
        let index = self.place.index + 1;
        let header = SegmentHeader {
            index,
            size: spare.size,
            first_block: self.place.next_block,
            first_sequence: self.place.next_sequence,
            last_time: self.place.last_time,
            start_offsets: self.place.next_offsets.as_slice().into(),
        };
        let shared = &self.shared;
        shared
            .disk
            .write(&spare.file, &header.encode(&shared.id, shared.seed), 0)?;
        shared.disk.sync(&spare.file)?;
        let path = shared.folder.segment(index);
        fs::rename(shared.folder.spare(), &path)?;
        shared.disk.sync_names(&shared.folder.segments())?;

        let begin = header_size(shared.id.partition_count);
        self.place.file = spare.file;
        self.place.index = index;
        self.place.position = begin;
        self.place.size = spare.size;
        shared.segments.lock().push(Segment { header, path });
        shared.sequencer.lock().spare = Spare::Wanted;
        shared.keeper_wake.notify_one();
        Ok(())
    }

    /// The prepared segment. Admission has seen to it that it is there when it is needed.
    fn take_spare(&self) -> io::Result<SpareFile> {
        let mut sequencer = self.shared.sequencer.lock();
        loop {
            if matches!(sequencer.phase, Phase::Ended(_)) {
                return Err(io::Error::other(
                    "the log ended while a segment was awaited",
                ));
            }
            match std::mem::replace(&mut sequencer.spare, Spare::Preparing) {
                Spare::Ready(spare) => {
                    sequencer.room = spare.size - header_size(self.shared.id.partition_count);
                    return Ok(spare);
                }
                other @ (Spare::Wanted | Spare::Preparing | Spare::Unavailable(_)) => {
                    sequencer.spare = other;
                }
            }
            self.shared.writer_wake.wait(&mut sequencer);
        }
    }

    /// Writes an empty block, so that after a clean stop the last records cannot be taken for a
    /// write that was cut short, should they not read back.
    fn vouch_for_last_block(&mut self) -> io::Result<()> {
        if self.place.size - self.place.position < BLOCK_ALIGN as u64 {
            return Ok(());
        }
        let mut batch = Batch {
            bytes: vec![0; BLOCK_HEADER_SIZE],
            record_count: 0,
            last_time: self.place.last_time,
            oldest: None,
        };
        self.seal(&mut batch);
        self.shared
            .disk
            .write(&self.place.file, &batch.bytes, self.place.position)?;
        self.shared.disk.sync(&self.place.file)
    }
}

impl Drop for Writer {
    /// A writer that panicked must not leave senders waiting.
    fn drop(&mut self) {
        let has_ended = matches!(self.shared.sequencer.lock().phase, Phase::Ended(_));
        if !has_ended {
            self.shared.end(Ending::Failed(
                "the log's writer ended unexpectedly".to_owned(),
            ));
        }
    }
}

fn failure(error: &io::Error) -> String {
    format!(
        "writing the command log failed ({error}); nothing more is accepted: check the disk, then \
         start again"
    )
}

fn measure(batch: &Batch, started: Instant) {
    metrics::histogram!(SYNC_SECONDS).record(started.elapsed());
    metrics::histogram!(RECORDS_PER_SYNC).record(batch.record_count);
    if let Some(oldest) = batch.oldest {
        metrics::histogram!(APPEND_SECONDS).record(oldest.elapsed());
    }
}
