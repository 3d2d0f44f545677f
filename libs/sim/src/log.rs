//! The log of a world, as Kafka keeps it: what is in it is safe, offsets have no gaps, and a client
//! may not know whether its record got in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::plan::PARTITIONS;
use crate::world::{Life, World, wall_clock};
use card::{PartitionId, Position, Timestamp};
use command_log::{
    AppendError, CommandLog, ConsumeError, Digest, Durable, DurableWatch, HASH_VERSION,
    LogConsumer, LogId, LogRecord, NewRecord, Sequence,
};

/// A trick that the log plays on its next reader.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trick {
    ReadAgain(u64),
    Gap,
}

/// All records.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) by_partition: Vec<Vec<LogRecord>>,
    pub(crate) tricks: Vec<VecDeque<Trick>>,
    /// How far behind the wall clock the log's is.
    pub(crate) behind_ms: i64,
    /// The next record of this partition is stamped so much too late.
    pub(crate) leap: Option<(PartitionId, i64)>,
}

impl Records {
    pub(crate) fn new() -> Self {
        let count = usize::from(PARTITIONS);
        Self {
            by_partition: vec![Vec::new(); count],
            tricks: vec![VecDeque::new(); count],
            behind_ms: 0,
            leap: None,
        }
    }

    pub(crate) fn of(&self, partition: PartitionId) -> &[LogRecord] {
        &self.by_partition[usize::from(partition.0)]
    }

    pub(crate) fn end(&self, partition: PartitionId) -> u64 {
        self.of(partition).len() as u64
    }

    fn push(&mut self, record: NewRecord) -> &LogRecord {
        let leap_ms = match self.leap {
            Some((partition, leap_ms)) if partition == record.partition => {
                self.leap = None;
                leap_ms
            }
            Some(_) | None => 0,
        };
        // Whole seconds, as the reference counts.
        let now = wall_clock().0 - self.behind_ms + leap_ms;
        let position = Position {
            partition: record.partition,
            offset: self.end(record.partition),
        };
        let records = &mut self.by_partition[usize::from(record.partition.0)];
        records.push(LogRecord {
            position,
            sequence: Sequence(0),
            appended_at: Timestamp(now - now.rem_euclid(1_000)),
            kind: record.kind,
            payload: record.payload,
            witness: None,
            trace: None,
        });
        &records[records.len() - 1]
    }
}

impl World {
    /// The record is in the log.
    pub(crate) fn append(&self, record: NewRecord) -> LogRecord {
        let appended = self.records.lock().push(record).clone();
        self.appended.notify_waiters();
        appended
    }
}

/// The log as one process sees it.
#[derive(Debug)]
pub(crate) struct SimLog {
    world: Arc<World>,
    life: Arc<Life>,
    id: LogId,
    durable: DurableWatch,
    _alive: watch::Sender<Durable>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl SimLog {
    pub(crate) fn new(world: Arc<World>, life: Arc<Life>) -> Self {
        let (alive, durable) = watch::channel(Durable(Sequence(u64::MAX)));
        Self {
            world,
            life,
            id: LogId {
                incarnation: [7; 16],
                partition_count: PARTITIONS,
                hash_version: HASH_VERSION,
            },
            durable,
            _alive: alive,
        }
    }
}

impl CommandLog for SimLog {
    type Consumer = SimConsumer;

    fn log_id(&self) -> &LogId {
        &self.id
    }

    fn submit(&self, records: Vec<NewRecord>) -> Result<(), AppendError> {
        if !self.life.operates_now(&self.world) {
            return Err(AppendError::Unknown("the process stands still".to_owned()));
        }
        for record in records {
            self.world.append(record);
        }
        Ok(())
    }

    async fn append(&self, record: NewRecord) -> Result<Position, AppendError> {
        self.life.operates(&self.world).await;
        Ok(self.world.append(record).position)
    }

    fn end_offset(&self, partition: PartitionId) -> u64 {
        self.world.records.lock().end(partition)
    }

    fn consume(&self, starts: &[(PartitionId, u64)]) -> Result<SimConsumer, ConsumeError> {
        if !self.life.operates_now(&self.world) {
            return Err(ConsumeError::Stopped("no broker answers".to_owned()));
        }
        Ok(SimConsumer {
            world: Arc::clone(&self.world),
            life: Arc::clone(&self.life),
            nexts: starts.to_vec(),
            at: None,
        })
    }

    fn durable(&self) -> DurableWatch {
        self.durable.clone()
    }

    fn witness(&self, _: &[(Position, Digest)]) {}

    fn release_before(&self, _: &[(PartitionId, u64)]) {}
}

/// Reads partitions.
#[derive(Debug)]
pub(crate) struct SimConsumer {
    world: Arc<World>,
    life: Arc<Life>,
    nexts: Vec<(PartitionId, u64)>,
    /// When the next batch is here. Kept over a poll that is dropped.
    at: Option<Instant>,
}

impl SimConsumer {
    fn take(&mut self, batch: &mut Vec<LogRecord>, max: usize) -> usize {
        let mut records = self.world.records.lock();
        let before = batch.len();
        for (partition, next) in &mut self.nexts {
            match records.tricks[usize::from(partition.0)].pop_front() {
                Some(Trick::ReadAgain(count)) => *next = next.saturating_sub(count),
                Some(Trick::Gap) if *next + 1 < records.end(*partition) => *next += 1,
                Some(Trick::Gap) | None => {}
            }
            let from = usize::try_from(*next).unwrap_or(usize::MAX);
            let unread = records.of(*partition).get(from..).unwrap_or_default();
            let some = self.world.draw(|rng| rng.between(1, 12));
            let some = usize::try_from(some).unwrap_or(1).min(max);
            let taken = unread.iter().take(some).cloned();
            batch.extend(taken);
            *next += unread.len().min(some) as u64;
        }
        batch.len() - before
    }
}

impl LogConsumer for SimConsumer {
    async fn poll(&mut self, batch: &mut Vec<LogRecord>, max: usize) -> Result<(), ConsumeError> {
        loop {
            let at = match self.at {
                Some(at) => at,
                None => {
                    let at = Instant::now() + self.world.latency();
                    *self.at.insert(at)
                }
            };
            tokio::time::sleep_until(at).await;
            self.life.operates_or_waits(&self.world).await;
            self.at = None;
            let world = Arc::clone(&self.world);
            let appended = world.appended.notified();
            if self.take(batch, max) > 0 {
                return Ok(());
            }
            appended.await;
        }
    }
}

impl Life {
    /// As [`Life::operates`], at once.
    async fn operates_or_waits(&self, world: &World) {
        while !self.operates_now(world) {
            if self.is_dead() {
                return std::future::pending().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
