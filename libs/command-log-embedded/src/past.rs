//! Reads records back from the segments, fast: recovery folds everything since the checkpoint.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::format::{Entry, entry_at};
use crate::reader::BlockReader;
use crate::recovery::Witnesses;
use crate::segment::{Segment, header_size};
use crate::shared::Shared;
use card::{PartitionId, Position};
use command_log::{ConsumeError, Digest, LogRecord, Sequence};

/// Reads the segments up to one point of the log.
#[derive(Debug)]
pub(crate) struct Past {
    shared: Arc<Shared>,
    /// By partition: what is wanted of it.
    wanted: Vec<Option<Wanted>>,
    /// The last sequence to be read.
    until: Sequence,
    segment: Segment,
    reader: BlockReader,
    block: Block,
}

/// What is wanted of one partition.
#[derive(Debug)]
struct Wanted {
    start: u64,
    witnesses: Arc<Witnesses>,
    /// How many of the witnesses are passed.
    passed: usize,
}

/// The entries of the block that is being read.
#[derive(Debug)]
struct Block {
    entries: Bytes,
    at: usize,
    next_sequence: u64,
}

impl Past {
    /// Begins in the last segment that has all the starts.
    ///
    /// Blocks are read in place, not on another thread: a processor that replays has nothing else
    /// to do, and a block is some hundred microseconds from the page cache.
    pub(crate) fn begin(
        shared: &Arc<Shared>,
        starts: &[(PartitionId, u64)],
        until: Sequence,
    ) -> Result<Self, ConsumeError> {
        let count = usize::from(shared.id.partition_count);
        let mut wanted: Vec<_> = std::iter::repeat_with(|| None).take(count).collect();
        for (partition, start) in starts {
            let witnesses = shared.witnesses_of(*partition);
            let passed = witnesses.partition_point(|(offset, _)| offset < start);
            wanted[usize::from(partition.0)] = Some(Wanted {
                start: *start,
                witnesses,
                passed,
            });
        }
        let segment = first_segment(&shared.segments.lock(), starts)?;
        let reader = open(shared, &segment)?;
        let next_sequence = segment.header.first_sequence;
        let block = Block {
            entries: Bytes::new(),
            at: 0,
            next_sequence,
        };
        Ok(Self {
            shared: Arc::clone(shared),
            wanted,
            until,
            segment,
            reader,
            block,
        })
    }

    /// The last sequence that is read from the segments.
    pub(crate) const fn until(&self) -> Sequence {
        self.until
    }

    /// Reads no further than this.
    pub(crate) const fn end_at(&mut self, until: Sequence) {
        self.until = until;
    }

    /// Adds at most `max` records; none when all are read.
    pub(crate) fn read(
        &mut self,
        batch: &mut Vec<LogRecord>,
        max: usize,
    ) -> Result<usize, ConsumeError> {
        let mut count = 0;
        while count < max {
            if self.block.at == self.block.entries.len() && !self.next_block()? {
                break;
            }
            count += usize::from(self.next_entry(batch)?);
        }
        Ok(count)
    }

    /// Reads the next block with entries; false when all that is wanted is read.
    fn next_block(&mut self) -> Result<bool, ConsumeError> {
        while self.block.next_sequence <= self.until.0 {
            let next = self
                .reader
                .next_block()
                .map_err(|error| unreadable(&self.segment, &error))?;
            let Some((header, entries)) = next else {
                self.next_segment()?;
                continue;
            };
            if !entries.is_empty() {
                self.block = Block {
                    entries: Bytes::copy_from_slice(entries),
                    at: 0,
                    next_sequence: header.first_sequence,
                };
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn next_segment(&mut self) -> Result<(), ConsumeError> {
        let index = self.segment.header.index + 1;
        let next = self
            .shared
            .segments
            .lock()
            .iter()
            .find(|s| s.header.index == index)
            .cloned();
        let Some(next) = next else {
            let error = io::Error::other("records that were synced do not read back");
            return Err(unreadable(&self.segment, &error));
        };
        self.reader = open(&self.shared, &next)?;
        self.segment = next;
        Ok(())
    }

    /// Takes one entry of the block; tells whether it became a record of the batch.
    fn next_entry(&mut self, batch: &mut Vec<LogRecord>) -> Result<bool, ConsumeError> {
        let (entry, next) = entry_at(&self.block.entries, self.block.at)
            .map_err(|error| unreadable(&self.segment, &io::Error::other(error)))?;
        self.block.at = next;
        let (position, appended_at, kind, payload) = match entry {
            Entry::Witness { .. } => return Ok(false),
            Entry::Record {
                position,
                appended_at,
                kind,
                payload,
            } => (position, appended_at, kind, payload),
        };
        let sequence = Sequence(self.block.next_sequence);
        self.block.next_sequence += 1;
        // Later records of the same block come by the queue.
        let Some(wanted) = self.wanted.get_mut(usize::from(position.partition.0)) else {
            return Ok(false);
        };
        let Some(wanted) = wanted else {
            return Ok(false);
        };
        if sequence > self.until || position.offset < wanted.start {
            return Ok(false);
        }
        batch.push(LogRecord {
            position,
            sequence,
            appended_at,
            kind,
            payload: self.block.entries.slice(payload),
            trace: None,
            witness: wanted.witness(position),
        });
        Ok(true)
    }
}

impl Wanted {
    fn witness(&mut self, position: Position) -> Option<Digest> {
        while let Some((offset, digest)) = self.witnesses.get(self.passed) {
            if *offset > position.offset {
                return None;
            }
            self.passed += 1;
            if *offset == position.offset {
                return Some(*digest);
            }
        }
        None
    }
}

/// The last segment that begins at or before all of the starts.
fn first_segment(
    segments: &[Segment],
    starts: &[(PartitionId, u64)],
) -> Result<Segment, ConsumeError> {
    let begin = |segment: &Segment, partition: PartitionId| {
        segment.header.start_offsets[usize::from(partition.0)]
    };
    let holds_all =
        |segment: &&Segment| starts.iter().all(|(p, start)| begin(segment, *p) <= *start);
    if let Some(segment) = segments.iter().rev().find(holds_all) {
        return Ok(segment.clone());
    }
    let oldest = segments
        .first()
        .ok_or_else(|| ConsumeError::Stopped("it is empty".to_owned()))?;
    let gone = starts
        .iter()
        .find(|(partition, start)| begin(oldest, *partition) > *start);
    let (partition, wanted) = gone.copied().unwrap_or((PartitionId(0), 0));
    Err(ConsumeError::Gone {
        partition,
        begin: begin(oldest, partition),
        wanted,
    })
}

fn open(shared: &Shared, segment: &Segment) -> Result<BlockReader, ConsumeError> {
    let file = File::open(&segment.path).map_err(|error| unreadable(segment, &error))?;
    let begin = header_size(shared.id.partition_count);
    Ok(BlockReader::new(
        file,
        shared.seed,
        begin,
        segment.header.size,
    ))
}

fn unreadable(segment: &Segment, error: &io::Error) -> ConsumeError {
    let path: &Path = &segment.path;
    ConsumeError::Stopped(format!("cannot read {}: {error}", path.display()))
}
