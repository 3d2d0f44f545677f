//! What was read and not taken yet: a bounded lane for each partition of one consumer (OWN-4).

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use card::PartitionId;
use command_log::{ConsumeError, LogRecord};

/// Filled by the reading thread, emptied by one consumer.
pub(crate) struct Inbox {
    state: Mutex<State>,
    arrived: Notify,
    lane_max: usize,
}

struct State {
    lanes: Vec<Lane>,
    /// Where the next take begins, so that no partition starves another.
    turn: usize,
    ended: Option<ConsumeError>,
}

struct Lane {
    partition: PartitionId,
    records: VecDeque<LogRecord>,
    flow: LaneFlow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LaneFlow {
    Flowing,
    Paused,
}

/// What the reading thread must do after it put a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// Go on.
    Room,
    /// Pause the partition.
    Full,
}

impl Inbox {
    pub(crate) fn new(partitions: impl Iterator<Item = PartitionId>, lane_max: usize) -> Self {
        let lane = |partition| Lane {
            partition,
            records: VecDeque::new(),
            flow: LaneFlow::Flowing,
        };
        Self {
            state: Mutex::new(State {
                lanes: partitions.map(lane).collect(),
                turn: 0,
                ended: None,
            }),
            arrived: Notify::new(),
            lane_max: lane_max.max(1),
        }
    }

    pub(crate) fn partitions(&self) -> Vec<PartitionId> {
        self.state
            .lock()
            .lanes
            .iter()
            .map(|lane| lane.partition)
            .collect()
    }

    /// `lane` counts in the order of the partitions given at the start.
    pub(crate) fn put(&self, lane: usize, record: LogRecord) -> Put {
        let mut state = self.state.lock();
        let Some(lane) = state.lanes.get_mut(lane) else {
            return Put::Room;
        };
        lane.records.push_back(record);
        let put = match lane.flow {
            LaneFlow::Flowing if lane.records.len() >= self.lane_max => {
                lane.flow = LaneFlow::Paused;
                Put::Full
            }
            LaneFlow::Flowing | LaneFlow::Paused => Put::Room,
        };
        drop(state);
        self.arrived.notify_one();
        put
    }

    /// The partition could not be paused: try again with the next record.
    pub(crate) fn not_paused(&self, lane: usize) {
        if let Some(lane) = self.state.lock().lanes.get_mut(lane) {
            lane.flow = LaneFlow::Flowing;
        }
    }

    pub(crate) fn is_paused(&self, lane: usize) -> bool {
        let state = self.state.lock();
        let lane = state.lanes.get(lane);
        lane.is_some_and(|lane| lane.flow == LaneFlow::Paused)
    }

    /// No more will be put. The first reason counts.
    pub(crate) fn end(&self, reason: ConsumeError) {
        self.state.lock().ended.get_or_insert(reason);
        self.arrived.notify_one();
    }

    /// Waits until something can be taken, and takes it. Returns partitions that may flow again.
    pub(crate) async fn take(
        &self,
        batch: &mut Vec<LogRecord>,
        max: usize,
    ) -> Result<Vec<PartitionId>, ConsumeError> {
        loop {
            let (taken, drained) = self.take_now(batch, max)?;
            if taken > 0 || max == 0 {
                return Ok(drained);
            }
            self.arrived.notified().await;
        }
    }

    fn take_now(
        &self,
        batch: &mut Vec<LogRecord>,
        max: usize,
    ) -> Result<(usize, Vec<PartitionId>), ConsumeError> {
        let mut state = self.state.lock();
        let count = state.lanes.len();
        let first = state.turn;
        let mut drained = Vec::new();
        let mut taken = 0;
        for step in 0..count {
            let index = (first + step) % count;
            let lane = &mut state.lanes[index];
            let share = lane.records.len().min(max - taken);
            batch.extend(lane.records.drain(..share));
            taken += share;
            if lane.flow == LaneFlow::Paused && lane.records.len() <= self.lane_max / 2 {
                lane.flow = LaneFlow::Flowing;
                drained.push(lane.partition);
            }
        }
        state.turn = (first + 1) % count.max(1);
        match (&state.ended, taken) {
            (Some(reason), 0) if max > 0 => Err(reason.clone()),
            (_, taken) => Ok((taken, drained)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use card::{Position, Timestamp};
    use command_log::{RecordKind, Sequence};

    fn record(partition: u16, offset: u64) -> LogRecord {
        LogRecord {
            position: Position {
                partition: PartitionId(partition),
                offset,
            },
            sequence: Sequence(0),
            appended_at: Timestamp(0),
            kind: RecordKind::Command,
            payload: Bytes::new(),
            witness: None,
            trace: None,
        }
    }

    fn inbox(lane_max: usize) -> Inbox {
        Inbox::new([PartitionId(3), PartitionId(7)].into_iter(), lane_max)
    }

    #[tokio::test]
    async fn a_full_lane_pauses_and_goes_on_when_half_empty() {
        let inbox = inbox(4);
        for offset in 0..3 {
            assert_eq!(inbox.put(0, record(3, offset)), Put::Room);
        }
        assert_eq!(inbox.put(0, record(3, 3)), Put::Full);
        assert_eq!(
            inbox.put(0, record(3, 4)),
            Put::Room,
            "what was on its way is kept"
        );
        assert_eq!(inbox.put(1, record(7, 0)), Put::Room, "others flow");
        let mut batch = Vec::new();
        assert_eq!(inbox.take(&mut batch, 2).await, Ok(vec![]));
        assert!(inbox.is_paused(0));
        let mut drained = Vec::new();
        while drained.is_empty() {
            drained = inbox.take(&mut batch, 1).await.unwrap();
        }
        assert_eq!(drained, [PartitionId(3)]);
        assert!(!inbox.is_paused(0));
        let offsets: Vec<_> = batch
            .iter()
            .filter(|record| record.position.partition == PartitionId(3))
            .map(|record| record.position.offset)
            .collect();
        assert!(offsets.is_sorted());
    }

    #[tokio::test]
    async fn a_busy_partition_starves_no_other() {
        let inbox = inbox(1000);
        for offset in 0..100 {
            inbox.put(0, record(3, offset));
        }
        inbox.put(1, record(7, 0));
        let mut batch = Vec::new();
        for _ in 0..2 {
            inbox.take(&mut batch, 10).await.unwrap();
        }
        assert!(batch.iter().any(|r| r.position.partition == PartitionId(7)));
    }

    #[tokio::test]
    async fn what_was_read_is_handed_out_before_the_end() {
        let inbox = inbox(10);
        inbox.put(0, record(3, 0));
        inbox.end(ConsumeError::Stopped("first".into()));
        inbox.end(ConsumeError::Stopped("second".into()));
        let mut batch = Vec::new();
        assert_eq!(inbox.take(&mut batch, 5).await, Ok(vec![]));
        assert_eq!(batch.len(), 1);
        let ended = inbox.take(&mut batch, 5).await;
        assert_eq!(ended, Err(ConsumeError::Stopped("first".into())));
        assert_eq!(inbox.take(&mut batch, 0).await, Ok(vec![]));
    }
}
