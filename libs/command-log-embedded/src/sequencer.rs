//! The one place where records get their order: offsets, sequence and time, under one lock.
//!
//! In the same critical section a record is encoded for the writer and handed to its consumer, so
//! that both see the same order. Also keeps the books on room: a record is only taken when the
//! space that its block needs is already prepared on the disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::clock::{LogClock, Reading};
use crate::format::{
    BLOCK_HEADER_SIZE, ENTRY_HEADER_SIZE, block_size, entry_size, push_record, push_witness,
};
use crate::options::Limits;
use crate::queue::{Before, Queue};
use card::{PartitionId, Position, Timestamp};
use command_log::{Digest, LogRecord, NewRecord, Sequence};

/// Buffers kept for reuse.
const FREE_BUFFERS_MAX: usize = 4;

/// How far the log's life is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Records are taken.
    Running,
    /// No record is taken any more; those that were taken are being written.
    Draining(Ending),
    /// Nothing is written any more.
    Ended(Ending),
}

/// Why a log's life ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was closed.
    Closed,
    /// It stopped for good, for this reason.
    Failed(String),
}

impl Ending {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Closed => "the log is closed".to_owned(),
            Self::Failed(reason) => reason.clone(),
        }
    }
}

/// The segment that is prepared ahead.
#[derive(Debug)]
pub(crate) enum Spare {
    /// The keeper shall prepare one.
    Wanted,
    /// The keeper is at it.
    Preparing,
    /// It is ready: a file of zeros of this size, and the room in it.
    Ready(SpareFile),
    /// It cannot be prepared now, for this reason. The keeper tries again.
    Unavailable(String),
}

/// A file of zeros that waits to become a segment.
#[derive(Debug)]
pub(crate) struct SpareFile {
    pub(crate) file: std::fs::File,
    pub(crate) size: u64,
}

/// What becomes one block: one write, one sync.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Room for the block's header, then the entries.
    pub(crate) bytes: Vec<u8>,
    pub(crate) record_count: u32,
    pub(crate) last_time: Timestamp,
    /// When its first record was submitted.
    pub(crate) oldest: Option<Instant>,
}

/// Everything under the lock.
#[derive(Debug)]
pub(crate) struct Sequencer {
    limits: Limits,
    clock: LogClock,
    pub(crate) phase: Phase,
    next_offsets: Vec<u64>,
    next_sequence: u64,
    /// Batches that wait for the writer; the last one is open.
    pending: VecDeque<Batch>,
    free: Vec<Vec<u8>>,
    /// Bytes on disk that the pending batches and the one being written will take.
    pending_size: u64,
    /// Bytes left in the segment that is being written.
    pub(crate) room: u64,
    pub(crate) spare: Spare,
    /// By partition: who gets its records.
    routes: Vec<Vec<Arc<Queue>>>,
    queues: Vec<Arc<Queue>>,
    /// The writer sleeps and must be woken.
    pub(crate) writer_waits: bool,
    /// By partition: records before it will not be read again.
    pub(crate) released: Vec<u64>,
    pub(crate) release_wanted: bool,
}

/// Where a log goes on.
#[derive(Debug)]
pub(crate) struct StartingPoint {
    pub(crate) next_offsets: Vec<u64>,
    pub(crate) next_sequence: u64,
    pub(crate) room: u64,
}

/// What a submit did.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Where the last record went.
    pub(crate) last: Option<(Position, Sequence)>,
    /// Consumers to be woken, now that the lock is free.
    pub(crate) to_wake: Vec<Arc<Queue>>,
}

/// Why records were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Stopped(String),
    #[error("partition {partition} is not among the {count} of this log")]
    UnknownPartition {
        partition: PartitionId,
        count: usize,
    },
    #[error("its payload of {size} bytes is over the {max} that a record may have")]
    TooLarge { size: usize, max: usize },
    #[error("processor is behind by {records} records: try again later")]
    ProcessorBehind { records: usize },
    #[error("log is behind by {bytes} bytes, the disk is slow: try again later")]
    LogBehind { bytes: u64 },
    #[error("the next segment of the log is still being prepared: try again in a moment")]
    NotPrepared,
    #[error("{0}")]
    NoSpace(String),
}

impl Sequencer {
    pub(crate) fn new(limits: Limits, clock: LogClock, start: StartingPoint) -> Self {
        let partition_count = start.next_offsets.len();
        Self {
            limits,
            clock,
            phase: Phase::Running,
            next_offsets: start.next_offsets,
            next_sequence: start.next_sequence,
            pending: VecDeque::new(),
            free: Vec::new(),
            pending_size: 0,
            room: start.room,
            spare: Spare::Wanted,
            routes: vec![Vec::new(); partition_count],
            queues: Vec::new(),
            writer_waits: false,
            released: vec![0; partition_count],
            release_wanted: false,
        }
    }

    /// Takes all records or none of them.
    pub(crate) fn submit(
        &mut self,
        records: Vec<NewRecord>,
        reading: Reading,
    ) -> Result<Taken, Refusal> {
        self.check_phase()?;
        let added = self.plan(&records)?;
        self.check_consumers(records.len())?;
        self.check_room(added)?;
        let appended_at = match self.clock.stamp(reading) {
            Ok(appended_at) => appended_at,
            Err(jump) => return Err(self.stop_for_clock(jump.to_string())),
        };
        self.pending_size += added;
        let mut taken = Taken::default();
        for record in records {
            self.take_record(record, appended_at, &mut taken);
        }
        Ok(taken)
    }

    fn check_phase(&self) -> Result<(), Refusal> {
        match &self.phase {
            Phase::Running => Ok(()),
            Phase::Draining(ending) | Phase::Ended(ending) => {
                Err(Refusal::Stopped(ending.reason()))
            }
        }
    }

    /// What the records add to the size of the pending blocks, to the byte.
    fn plan(&self, records: &[NewRecord]) -> Result<u64, Refusal> {
        let mut open_size = self.pending.back().map_or(0, |batch| batch.bytes.len());
        let mut added = 0;
        for record in records {
            self.check_record(record)?;
            let before = if self.fits(open_size, entry_size(record)) {
                open_size
            } else {
                0
            };
            open_size = before.max(BLOCK_HEADER_SIZE) + entry_size(record);
            added += block_size(open_size) - block_size(before);
        }
        Ok(added as u64)
    }

    /// Whether an entry goes into the open batch, which has this size (0: there is none).
    const fn fits(&self, open_size: usize, entry_size: usize) -> bool {
        open_size > 0 && open_size + entry_size <= self.limits.block_size_max
    }

    fn check_record(&self, record: &NewRecord) -> Result<(), Refusal> {
        let count = self.next_offsets.len();
        if usize::from(record.partition.0) >= count {
            return Err(Refusal::UnknownPartition {
                partition: record.partition,
                count,
            });
        }
        let (size, max) = (record.payload.len(), self.limits.payload_size_max);
        if size > max {
            return Err(Refusal::TooLarge { size, max });
        }
        Ok(())
    }

    fn check_consumers(&self, record_count: usize) -> Result<(), Refusal> {
        for queue in &self.queues {
            let records = queue.len();
            if records + record_count > self.limits.consumer_records_max {
                return Err(Refusal::ProcessorBehind { records });
            }
        }
        Ok(())
    }

    /// Refuses what the prepared space cannot hold.
    ///
    /// All pending blocks fit either what is left of the current segment, or one whole segment
    /// that is ready. So the writer never waits for space with a taken record in its hand.
    fn check_room(&self, added: u64) -> Result<(), Refusal> {
        let needed = self.pending_size + added;
        let behind = Refusal::LogBehind {
            bytes: self.pending_size,
        };
        let (room, refusal) = match &self.spare {
            Spare::Ready(_) => (self.room.max(self.limits.capacity), behind.clone()),
            Spare::Wanted | Spare::Preparing => (self.room, Refusal::NotPrepared),
            Spare::Unavailable(reason) => return Err(Refusal::NoSpace(reason.clone())),
        };
        if needed > self.limits.pending_size_max {
            return Err(behind);
        }
        if needed > room { Err(refusal) } else { Ok(()) }
    }

    fn stop_for_clock(&mut self, reason: String) -> Refusal {
        self.phase = Phase::Draining(Ending::Failed(reason.clone()));
        Refusal::Stopped(reason)
    }

    fn take_record(&mut self, record: NewRecord, appended_at: Timestamp, taken: &mut Taken) {
        let partition = usize::from(record.partition.0);
        let position = Position {
            partition: record.partition,
            offset: self.next_offsets[partition],
        };
        let sequence = Sequence(self.next_sequence);
        self.next_offsets[partition] += 1;
        self.next_sequence += 1;
        taken.last = Some((position, sequence));

        let batch = self.batch_for(entry_size(&record));
        push_record(&mut batch.bytes, position, appended_at, &record);
        batch.record_count += 1;
        batch.last_time = appended_at;
        batch.oldest.get_or_insert_with(Instant::now);

        let record = LogRecord {
            position,
            sequence,
            appended_at,
            kind: record.kind,
            payload: record.payload,
            trace: record.trace,
            witness: None,
        };
        let Some((last, others)) = self.routes[partition].split_last() else {
            return;
        };
        for queue in others {
            hand_over(queue, record.clone(), &mut taken.to_wake);
        }
        hand_over(last, record, &mut taken.to_wake);
    }

    /// The open batch, or a new one when it is full.
    fn batch_for(&mut self, entry_size: usize) -> &mut Batch {
        let open_size = self.pending.back().map_or(0, |batch| batch.bytes.len());
        if !self.fits(open_size, entry_size) {
            let mut bytes = self.free.pop().unwrap_or_default();
            bytes.resize(BLOCK_HEADER_SIZE, 0);
            self.pending.push_back(Batch {
                bytes,
                record_count: 0,
                last_time: Timestamp::default(),
                oldest: None,
            });
        }
        self.pending.back_mut().expect("there is an open batch")
    }

    /// Notes digests in the next block, as far as there is room; they are a help, not a record.
    pub(crate) fn witness(&mut self, decided: &[(Position, Digest)]) {
        if self.phase != Phase::Running {
            return;
        }
        for (position, digest) in decided {
            let open_size = self.pending.back().map_or(0, |batch| batch.bytes.len());
            let new_size = open_size.max(BLOCK_HEADER_SIZE) + ENTRY_HEADER_SIZE;
            let added = (block_size(new_size) - block_size(open_size)) as u64;
            if new_size > self.limits.block_size_max || self.check_room(added).is_err() {
                return;
            }
            self.pending_size += added;
            push_witness(
                &mut self.batch_for(ENTRY_HEADER_SIZE).bytes,
                *position,
                *digest,
            );
        }
    }

    /// What to write next: whatever came while the last sync ran. Digests alone wait.
    pub(crate) fn next_batch(&mut self) -> Option<Batch> {
        let is_worth_a_sync = self.pending.len() > 1
            || self.phase != Phase::Running
            || self
                .pending
                .front()
                .is_some_and(|batch| batch.record_count > 0);
        if is_worth_a_sync {
            self.pending.pop_front()
        } else {
            None
        }
    }

    /// Whether what is pending may not fit into the current segment.
    pub(crate) const fn needs_spare(&self) -> bool {
        self.pending_size > self.room
    }

    /// A block of this size is on the disk; its buffer comes back.
    pub(crate) fn written(&mut self, size: u64, mut buffer: Vec<u8>) {
        self.pending_size -= size;
        self.room -= size;
        if self.free.len() < FREE_BUFFERS_MAX {
            buffer.clear();
            self.free.push(buffer);
        }
    }

    /// The sequence of the last record taken; the first record has sequence 1.
    pub(crate) const fn last_sequence(&self) -> Sequence {
        Sequence(self.next_sequence - 1)
    }

    pub(crate) fn end_offset(&self, partition: PartitionId) -> Option<u64> {
        self.next_offsets.get(usize::from(partition.0)).copied()
    }

    pub(crate) const fn last_time(&self) -> Timestamp {
        self.clock.last()
    }

    /// Notes that records before an offset will not be read again.
    pub(crate) fn release_before(&mut self, partition: PartitionId, start: u64) {
        if let Some(released) = self.released.get_mut(usize::from(partition.0)) {
            *released = start.max(*released);
            self.release_wanted = true;
        }
    }

    /// From now on records of these partitions also go to `queue`.
    pub(crate) fn attach(&mut self, queue: &Arc<Queue>, starts: &[(PartitionId, u64)]) {
        for (partition, _) in starts {
            let route = &mut self.routes[usize::from(partition.0)];
            if !route.iter().any(|other| Arc::ptr_eq(other, queue)) {
                route.push(Arc::clone(queue));
            }
        }
        self.queues.push(Arc::clone(queue));
    }

    pub(crate) fn detach(&mut self, queue: &Arc<Queue>) {
        for route in &mut self.routes {
            route.retain(|other| !Arc::ptr_eq(other, queue));
        }
        self.queues.retain(|other| !Arc::ptr_eq(other, queue));
    }

    /// Ends the log's life and wakes all that wait for records.
    pub(crate) fn end(&mut self, ending: Ending) {
        self.phase = Phase::Ended(ending);
        for queue in &self.queues {
            queue.wake();
        }
    }
}

fn hand_over(queue: &Arc<Queue>, record: LogRecord, to_wake: &mut Vec<Arc<Queue>>) {
    match queue.push(record) {
        Before::Empty => to_wake.push(Arc::clone(queue)),
        Before::NotEmpty => {}
    }
}
