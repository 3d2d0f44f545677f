//! The taking end of a lane.

use std::fmt;
use std::sync::Arc;

use crate::inbox::Inbox;
use crate::readers::Routes;
use command_log::{ConsumeError, LogConsumer, LogRecord};

/// Reads some partitions of a [`crate::KafkaLog`]. Dropping it lets go of them.
pub struct KafkaConsumer {
    inbox: Arc<Inbox>,
    routes: Arc<Routes>,
    /// Added to the topic's offsets.
    offset_base: u64,
}

impl KafkaConsumer {
    pub(crate) fn new(inbox: Arc<Inbox>, routes: Arc<Routes>) -> Self {
        Self {
            inbox,
            routes,
            offset_base: 0,
        }
    }

    /// Has records told with this much added to the topic's offsets.
    pub(crate) fn counting_from(mut self, offset_base: u64) -> Self {
        self.offset_base = offset_base;
        self
    }
}

impl LogConsumer for KafkaConsumer {
    async fn poll(&mut self, batch: &mut Vec<LogRecord>, max: usize) -> Result<(), ConsumeError> {
        // Nothing is awaited after records were taken, so a cancelled poll loses none.
        let before = batch.len();
        let resumed = self.inbox.take(batch, max).await?;
        for record in batch.iter_mut().skip(before) {
            record.position.offset += self.offset_base;
        }
        for partition in resumed {
            self.routes.resume(partition);
        }
        Ok(())
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        self.routes.let_go(&self.inbox);
    }
}

impl fmt::Debug for KafkaConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitions = self.inbox.partitions();
        f.debug_struct("KafkaConsumer")
            .field("partitions", &partitions)
            .finish_non_exhaustive()
    }
}
