//! A log in memory, for tests: of the processor, and of the contract suite itself.
//!
//! Its durability, its clock and its end are in the hands of the test. Not for production.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    AppendError, CommandLog, ConsumeError, Digest, Durable, DurableWatch, HASH_VERSION,
    LogConsumer, LogId, LogRecord, NewRecord, Sequence,
};
use card::{PartitionId, Position, Timestamp};

/// Where the clock of a new log stands: 2026-01-01 00:00 UTC.
pub const MEMORY_LOG_START: Timestamp = Timestamp(1_767_225_600_000);

/// A log in memory.
#[derive(Debug)]
pub struct MemoryLog {
    id: LogId,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    durable: DurableWatch,
    /// Changes when consumers should look again.
    arrived: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    /// In log order.
    records: Vec<LogRecord>,
    next_sequence: u64,
    /// By partition.
    begin_offsets: Vec<u64>,
    next_offsets: Vec<u64>,
    witnesses: BTreeMap<Position, Digest>,
    durability: Durability,
    /// `None` when the log has stopped.
    durable: Option<watch::Sender<Durable>>,
    stopped: Option<String>,
    refusal: Option<String>,
    now: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    AtOnce,
    Held,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new(partition_count: u16) -> Self {
        let count = usize::from(partition_count);
        let (durable, watch) = watch::channel(Durable(Sequence(0)));
        let state = State {
            records: Vec::new(),
            next_sequence: 1,
            begin_offsets: vec![0; count],
            next_offsets: vec![0; count],
            witnesses: BTreeMap::new(),
            durability: Durability::AtOnce,
            durable: Some(durable),
            stopped: None,
            refusal: None,
            now: MEMORY_LOG_START,
        };
        let id = LogId {
            incarnation: [0xF5; 16],
            partition_count,
            hash_version: HASH_VERSION,
        };
        Self::of(id, state, watch)
    }

    fn of(id: LogId, state: State, durable: DurableWatch) -> Self {
        let state = Mutex::new(state);
        let arrived = watch::Sender::new(0);
        Self {
            id,
            shared: Arc::new(Shared {
                state,
                durable,
                arrived,
            }),
        }
    }

    /// From now on records stay undurable.
    pub fn hold_durability(&self) {
        self.shared.state.lock().durability = Durability::Held;
    }

    /// Makes durable what is in the log, and all that comes.
    pub fn release_durability(&self) {
        let mut state = self.shared.state.lock();
        state.durability = Durability::AtOnce;
        state.make_durable();
    }

    /// Makes durable what is in the log now, and holds what comes.
    pub fn sync_once(&self) {
        let mut state = self.shared.state.lock();
        state.durability = Durability::Held;
        state.make_durable();
    }

    /// Refuses all submits with this reason, until [`MemoryLog::accept_submits`].
    pub fn refuse_submits(&self, reason: &str) {
        self.shared.state.lock().refusal = Some(reason.to_owned());
    }

    /// Accepts submits again.
    pub fn accept_submits(&self) {
        self.shared.state.lock().refusal = None;
    }

    /// Stops the log for good, as after an error of the disk.
    pub fn stop(&self, reason: &str) {
        let mut state = self.shared.state.lock();
        state.stopped = Some(reason.to_owned());
        state.durable = None;
        drop(state);
        self.shared.look_again();
    }

    /// Sets the clock. Records are never stamped with an earlier time than before.
    pub fn set_time(&self, now: Timestamp) {
        let mut state = self.shared.state.lock();
        state.now = state.now.max(now);
    }

    /// Ends this life of the log and begins the next, with what was durable; digests are attached.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.stop("the process crashed");
        let durable = *self.shared.durable.borrow();
        let (sender, watch) = watch::channel(durable);
        let old = self.shared.state.lock();
        let mut state = State {
            records: Vec::new(),
            next_sequence: durable.0.0 + 1,
            begin_offsets: old.begin_offsets.clone(),
            next_offsets: old.begin_offsets.clone(),
            witnesses: old.witnesses.clone(),
            durability: Durability::AtOnce,
            durable: Some(sender),
            stopped: None,
            refusal: None,
            now: old.now,
        };
        for record in old
            .records
            .iter()
            .filter(|record| durable.covers(record.sequence))
        {
            let witness = old.witnesses.get(&record.position).copied();
            state.next_offsets[usize::from(record.position.partition.0)] =
                record.position.offset + 1;
            state.records.push(LogRecord {
                witness,
                ..record.clone()
            });
        }
        Self::of(self.id.clone(), state, watch)
    }

    /// All records, durable or not, in log order.
    #[must_use]
    pub fn records(&self) -> Vec<LogRecord> {
        self.shared.state.lock().records.clone()
    }

    fn take(&self, records: Vec<NewRecord>) -> Result<Option<LogRecord>, AppendError> {
        let mut state = self.shared.state.lock();
        state.check(&records).map_err(AppendError::NotAppended)?;
        for record in records {
            state.push(record);
        }
        if state.durability == Durability::AtOnce {
            state.make_durable();
        }
        let last = state.records.last().cloned();
        drop(state);
        self.shared.look_again();
        Ok(last)
    }
}

impl Shared {
    fn look_again(&self) {
        self.arrived.send_modify(|count| *count += 1);
    }
}

impl State {
    fn check(&self, records: &[NewRecord]) -> Result<(), String> {
        if let Some(reason) = self.stopped.as_ref().or(self.refusal.as_ref()) {
            return Err(reason.clone());
        }
        let count = self.next_offsets.len();
        match records
            .iter()
            .find(|record| usize::from(record.partition.0) >= count)
        {
            Some(record) => Err(format!("the log has no partition {}", record.partition)),
            None => Ok(()),
        }
    }

    fn push(&mut self, record: NewRecord) {
        let next = &mut self.next_offsets[usize::from(record.partition.0)];
        self.records.push(LogRecord {
            position: Position {
                partition: record.partition,
                offset: *next,
            },
            sequence: Sequence(self.next_sequence),
            appended_at: self.now,
            kind: record.kind,
            payload: record.payload,
            witness: None,
            trace: record.trace,
        });
        *next += 1;
        self.next_sequence += 1;
    }

    fn make_durable(&self) {
        if let Some(durable) = &self.durable {
            durable.send_replace(Durable(Sequence(self.next_sequence - 1)));
        }
    }

    fn check_start(&self, partition: PartitionId, wanted: u64) -> Result<(), ConsumeError> {
        let index = usize::from(partition.0);
        let Some(end) = self.next_offsets.get(index).copied() else {
            return Err(ConsumeError::Stopped(format!(
                "the log has no partition {partition}"
            )));
        };
        let begin = self.begin_offsets[index];
        if wanted < begin {
            return Err(ConsumeError::Gone {
                partition,
                begin,
                wanted,
            });
        }
        if wanted > end {
            return Err(ConsumeError::Stopped(format!(
                "partition {partition} ends at offset {end}, but {wanted} was already read"
            )));
        }
        Ok(())
    }
}

impl CommandLog for MemoryLog {
    type Consumer = MemoryConsumer;

    fn log_id(&self) -> &LogId {
        &self.id
    }

    fn submit(&self, records: Vec<NewRecord>) -> Result<(), AppendError> {
        self.take(records).map(|_| ())
    }

    async fn append(&self, record: NewRecord) -> Result<Position, AppendError> {
        let taken = self.take(vec![record])?.expect("one record was taken");
        let mut durable = self.durable();
        match durable
            .wait_for(|durable| durable.covers(taken.sequence))
            .await
        {
            Ok(_) => Ok(taken.position),
            Err(_) => Err(AppendError::Unknown("the log stopped".to_owned())),
        }
    }

    fn end_offset(&self, partition: PartitionId) -> u64 {
        let state = self.shared.state.lock();
        state
            .next_offsets
            .get(usize::from(partition.0))
            .copied()
            .unwrap_or(0)
    }

    fn consume(&self, starts: &[(PartitionId, u64)]) -> Result<MemoryConsumer, ConsumeError> {
        let state = self.shared.state.lock();
        for (partition, start) in starts {
            state.check_start(*partition, *start)?;
        }
        drop(state);
        Ok(MemoryConsumer {
            shared: Arc::clone(&self.shared),
            arrived: self.shared.arrived.subscribe(),
            starts: starts.iter().copied().collect(),
            read: Sequence(0),
        })
    }

    fn durable(&self) -> DurableWatch {
        self.shared.durable.clone()
    }

    fn witness(&self, decided: &[(Position, Digest)]) {
        let mut state = self.shared.state.lock();
        for (position, digest) in decided {
            // The first one counts: it is what was shown to the world.
            state.witnesses.entry(*position).or_insert(*digest);
        }
    }

    fn release_before(&self, starts: &[(PartitionId, u64)]) {
        let mut state = self.shared.state.lock();
        for (partition, start) in starts {
            if let Some(begin) = state.begin_offsets.get_mut(usize::from(partition.0)) {
                *begin = (*begin).max(*start);
            }
            let is_kept =
                |position: &Position| position.partition != *partition || position.offset >= *start;
            state.records.retain(|record| is_kept(&record.position));
            state.witnesses.retain(|position, _| is_kept(position));
        }
    }
}

/// Reads a [`MemoryLog`].
#[derive(Debug)]
pub struct MemoryConsumer {
    shared: Arc<Shared>,
    arrived: watch::Receiver<u64>,
    starts: BTreeMap<PartitionId, u64>,
    /// The last sequence that was read.
    read: Sequence,
}

impl MemoryConsumer {
    /// Adds what is there; returns how many, or that no more will come.
    fn take(&mut self, batch: &mut Vec<LogRecord>, max: usize) -> Result<usize, ConsumeError> {
        let state = self.shared.state.lock();
        let unread = state
            .records
            .partition_point(|record| record.sequence <= self.read);
        let wanted = state.records[unread..].iter().filter(|record| {
            let start = self.starts.get(&record.position.partition);
            start.is_some_and(|start| record.position.offset >= *start)
        });
        let before = batch.len();
        batch.extend(wanted.take(max).cloned());
        let count = batch.len() - before;
        match (batch.last(), &state.stopped) {
            (Some(last), _) if count > 0 => self.read = last.sequence,
            (_, Some(reason)) => return Err(ConsumeError::Stopped(reason.clone())),
            (_, None) => {}
        }
        Ok(count)
    }
}

impl LogConsumer for MemoryConsumer {
    async fn poll(&mut self, batch: &mut Vec<LogRecord>, max: usize) -> Result<(), ConsumeError> {
        if max == 0 {
            return Ok(());
        }
        loop {
            self.arrived.mark_unchanged();
            if self.take(batch, max)? > 0 {
                return Ok(());
            }
            if self.arrived.changed().await.is_err() {
                return Err(ConsumeError::Stopped("the log was dropped".to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::run(async |count| MemoryLog::new(count)).await;
        contract::run_again_after_restart(
            async |count| MemoryLog::new(count),
            async |log: MemoryLog| log.crash(),
        )
        .await;
        contract::keeps_witnesses(
            async |count| MemoryLog::new(count),
            async |log: MemoryLog| log.crash(),
        )
        .await;
        contract::refuses_when_stopped(MemoryLog::new(2), |log| log.stop("disk is gone")).await;
    }

    #[tokio::test]
    async fn a_crash_loses_what_was_not_durable() {
        let log = MemoryLog::new(1);
        log.append(contract::command(0, "kept")).await.unwrap();
        log.hold_durability();
        log.submit(vec![contract::command(0, "lost")]).unwrap();
        assert_eq!(log.end_offset(PartitionId(0)), 2);
        let next_life = log.crash();
        assert_eq!(next_life.end_offset(PartitionId(0)), 1);
        assert_eq!(next_life.records().len(), 1);
    }
}
