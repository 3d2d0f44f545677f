//! A link without a socket, a log and a clock of its own: what reading a request and writing its
//! answer cost, in the caller's thread. For measurements and for nothing that pays.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::connections::Connections;
use crate::connector::Shared;
use crate::directory::Directory;
use crate::listener::Listener;
use crate::metric_names::Metrics;
use crate::repeat::Parked;
use crate::settings::{ConnectorSettings, ListenerSettings};
use card::{Command, PartitionId, Reply, Timestamp};
use command_log::{AppendError, PartitionGates};
use iso8583::Message;

/// A listener that nobody can connect to.
pub struct DryLink(Listener);

/// What is remembered of a request until its answer is written.
#[derive(Debug)]
pub struct DryRequest(Parked);

impl std::fmt::Debug for DryLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DryLink").finish_non_exhaustive()
    }
}

impl DryLink {
    /// A link of these settings whose partitions are all open. Its listeners, if any, stay closed.
    #[must_use]
    pub fn new(
        settings: ConnectorSettings,
        listener: ListenerSettings,
        directory: Directory,
        partition_count: u16,
    ) -> Self {
        let gates = PartitionGates::closed(partition_count);
        (0..partition_count).for_each(|partition| gates.open(PartitionId(partition)));
        let shared = Shared {
            incarnation: 1,
            reply_partition: settings.reply_partition,
            tracer: settings.tracer,
            issuer: settings.issuer,
            utc_offset_minutes: settings.utc_offset_minutes,
            partition_count,
            directory,
            gates: Arc::new(gates),
            submit: Box::new(|_| Err(AppendError::NotAppended("a dry link has no log".to_owned()))),
            clock: Arc::new(|| Timestamp(0)),
            connections: Connections::default(),
            delivery: Mutex::default(),
            metrics: Metrics::new(),
            started_at: Instant::now(),
        };
        Self(Listener::new(Arc::new(shared), listener))
    }

    /// Makes a command of a request, as a connection does; `None` when it is refused.
    #[must_use]
    pub fn translate(&self, message: &Message<'_>) -> Option<(Command, DryRequest)> {
        let translated = self.0.translate(message).ok()?;
        Some((translated.command, DryRequest(translated.parked)))
    }

    /// Appends the answer's frame to `buffer`; whether it could be written.
    pub fn answer(&self, request: &DryRequest, reply: &Reply, buffer: &mut Vec<u8>) -> bool {
        self.0.answering.reply(&request.0, reply, buffer).is_ok()
    }
}
