//! What the log, its writer, its keeper and its consumers share.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::disk::Disk;
use crate::options::Retention;
use crate::recovery::Witnesses;
use crate::segment::{Folder, Segment};
use crate::sequencer::{Batch, Ending, Phase, Sequencer};
use card::PartitionId;
use command_log::{ConsumeError, Digest, DurableWatch, LogId};

/// What the log, its writer, its keeper and its consumers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: LogId,
    pub(crate) seed: u32,
    pub(crate) folder: Folder,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) retention: Retention,
    pub(crate) sequencer: Mutex<Sequencer>,
    /// The writer waits here for a batch or a segment.
    pub(crate) writer_wake: Condvar,
    /// The keeper waits here for something to prepare or to release.
    pub(crate) keeper_wake: Condvar,
    /// Segments that can be read, oldest first. Locked after the sequencer, if both.
    pub(crate) segments: Mutex<Vec<Segment>>,
    /// What was known when the log was opened, until it is released.
    witnesses: Mutex<Vec<Arc<Witnesses>>>,
    pub(crate) durable: DurableWatch,
}

/// The parts that are not made here.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) id: LogId,
    pub(crate) seed: u32,
    pub(crate) folder: Folder,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) retention: Retention,
    pub(crate) sequencer: Sequencer,
    pub(crate) segments: Vec<Segment>,
    pub(crate) witnesses: Vec<Vec<(u64, Digest)>>,
    pub(crate) durable: DurableWatch,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            id: parts.id,
            seed: parts.seed,
            folder: parts.folder,
            disk: parts.disk,
            retention: parts.retention,
            sequencer: Mutex::new(parts.sequencer),
            writer_wake: Condvar::new(),
            keeper_wake: Condvar::new(),
            segments: Mutex::new(parts.segments),
            witnesses: Mutex::new(parts.witnesses.into_iter().map(Arc::from).collect()),
            durable: parts.durable,
        }
    }

    /// Waits for the next batch; `None` when the log ends and all is written.
    pub(crate) fn next_batch(&self) -> Option<Batch> {
        let mut sequencer = self.sequencer.lock();
        loop {
            if let Some(batch) = sequencer.next_batch() {
                return Some(batch);
            }
            if sequencer.phase != Phase::Running {
                return None;
            }
            sequencer.writer_waits = true;
            self.writer_wake.wait(&mut sequencer);
            sequencer.writer_waits = false;
        }
    }

    /// Ends the log's life, unless it has ended, and wakes everything that waits.
    pub(crate) fn end(&self, ending: Ending) {
        let mut sequencer = self.sequencer.lock();
        if let Ending::Failed(reason) = &ending {
            tracing::error!(reason, "command log stopped for good");
        }
        sequencer.end(ending);
        drop(sequencer);
        self.keeper_wake.notify_all();
        self.writer_wake.notify_all();
    }

    /// Why the log is not running, if so.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match &self.sequencer.lock().phase {
            Phase::Running => None,
            Phase::Draining(ending) | Phase::Ended(ending) => Some(ending.clone()),
        }
    }

    /// What consumers are told when no more records will come.
    pub(crate) fn stopped(&self) -> Option<ConsumeError> {
        match &self.sequencer.lock().phase {
            Phase::Running | Phase::Draining(_) => None,
            Phase::Ended(ending) => Some(ConsumeError::Stopped(ending.reason())),
        }
    }

    /// What earlier folds made of this partition's records.
    pub(crate) fn witnesses_of(&self, partition: PartitionId) -> Arc<Witnesses> {
        let witnesses = self.witnesses.lock();
        witnesses
            .get(usize::from(partition.0))
            .map_or_else(|| Arc::from([]), Arc::clone)
    }

    /// Frees the digests of a partition when none is needed any more.
    pub(crate) fn forget_witnesses(&self, partition: PartitionId, before: u64) {
        let mut witnesses = self.witnesses.lock();
        let Some(known) = witnesses.get_mut(usize::from(partition.0)) else {
            return;
        };
        if known.last().is_some_and(|(offset, _)| *offset < before) {
            *known = Arc::from([]);
        }
    }
}
