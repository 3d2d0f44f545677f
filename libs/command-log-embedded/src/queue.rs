//! The live records of one consumer, from the sequencer to the consumer's task.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use command_log::LogRecord;

/// Records that one consumer has not taken yet. The sequencer bounds them (OWN-4).
#[derive(Debug, Default)]
pub(crate) struct Queue {
    records: Mutex<VecDeque<LogRecord>>,
    arrived: Notify,
}

/// Whether the consumer may be waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// The queue was empty: its consumer must be woken.
    Empty,
    /// There was something to take already.
    NotEmpty,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.records.lock().len()
    }

    pub(crate) fn push(&self, record: LogRecord) -> Before {
        let mut records = self.records.lock();
        let before = if records.is_empty() {
            Before::Empty
        } else {
            Before::NotEmpty
        };
        records.push_back(record);
        before
    }

    /// Wakes the consumer, or lets its next wait return at once.
    pub(crate) fn wake(&self) {
        self.arrived.notify_one();
    }

    /// Returns when woken. Records may have been taken already: look again.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Drops what is there.
    pub(crate) fn clear(&self) {
        self.records.lock().clear();
    }

    /// Moves at most `max` records into `batch`; returns how many.
    pub(crate) fn take(&self, batch: &mut Vec<LogRecord>, max: usize) -> usize {
        let mut records = self.records.lock();
        let count = max.min(records.len());
        batch.extend(records.drain(..count));
        count
    }
}
