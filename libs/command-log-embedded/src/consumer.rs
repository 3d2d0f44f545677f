//! Reads the log: first from the segments, then as records come.

use std::sync::Arc;

use crate::past::Past;
use crate::queue::Queue;
use crate::shared::Shared;
use card::PartitionId;
use command_log::{ConsumeError, LogConsumer, LogRecord};

/// Reads some partitions of the log in log order.
///
/// Live records come before they are durable: ask [`command_log::Durable::covers`] before anything
/// made of them is shown to the world (OWN-2).
#[derive(Debug)]
pub struct EmbeddedConsumer {
    shared: Arc<Shared>,
    /// What was in the log before this consumer, until it is read.
    past: Option<Past>,
    /// What came after.
    queue: Arc<Queue>,
}

impl EmbeddedConsumer {
    /// Attaches a consumer. The log's records up to this moment come from the segments, all later
    /// ones by the queue; the moment is one point in the log's order, so none is missed or doubled.
    pub(crate) fn attach(
        shared: &Arc<Shared>,
        starts: &[(PartitionId, u64)],
    ) -> Result<Self, ConsumeError> {
        let queue = Arc::new(Queue::default());
        let mut sequencer = shared.sequencer.lock();
        let mut is_behind = false;
        for (partition, start) in starts {
            let end = sequencer.end_offset(*partition).ok_or_else(|| {
                ConsumeError::Stopped(format!("the log has no partition {partition}"))
            })?;
            if *start > end {
                return Err(ahead_of_log(*partition, *start, end));
            }
            is_behind |= *start < end;
        }
        let until = sequencer.last_sequence();
        let past = if is_behind {
            Some(Past::begin(shared, starts, until)?)
        } else {
            None
        };
        sequencer.attach(&queue, starts);
        drop(sequencer);
        Ok(Self {
            shared: Arc::clone(shared),
            past,
            queue,
        })
    }

    /// Waits until what is to be read from the segments is in them.
    async fn past_is_written(&mut self) {
        let Some(past) = &mut self.past else { return };
        let mut durable = self.shared.durable.clone();
        let until = past.until();
        if durable
            .wait_for(|durable| durable.covers(until))
            .await
            .is_ok()
        {
            return;
        }
        // The log stopped. What is safe can still be read; what came after has a gap before it.
        let safe = self.shared.durable.borrow().0;
        if safe < until {
            past.end_at(safe);
            self.queue.clear();
        }
    }
}

fn ahead_of_log(partition: PartitionId, start: u64, end: u64) -> ConsumeError {
    ConsumeError::Stopped(format!(
        "partition {partition} ends at offset {end}, but {start} was already read: this log is \
         older than what was made of it, restore the log that belongs to the store"
    ))
}

impl LogConsumer for EmbeddedConsumer {
    async fn poll(&mut self, batch: &mut Vec<LogRecord>, max: usize) -> Result<(), ConsumeError> {
        if max == 0 {
            return Ok(());
        }
        self.past_is_written().await;
        if let Some(past) = &mut self.past {
            if past.read(batch, max)? > 0 {
                return Ok(());
            }
            self.past = None;
        }
        loop {
            // Asked before the queue is looked at: what came before the end is still handed out.
            let stopped = self.shared.stopped();
            if self.queue.take(batch, max) > 0 {
                return Ok(());
            }
            if let Some(error) = stopped {
                return Err(error);
            }
            self.queue.arrived().await;
        }
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        self.shared.sequencer.lock().detach(&self.queue);
    }
}
