//! Commands of the back office on their way: each waits here for its reply.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use card::{Reply, ReplyTo};
use command_log::{ReplySink, TracedReply};

/// Commands that may wait at once (OWN-4).
const WAITING_MAX: usize = 1_024;

/// Replies that are waited for, by the number of their exchange.
#[derive(Debug)]
pub(crate) struct Exchanges {
    /// Where replies come back: one life of one process.
    address: ReplyTo,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Reply>>>,
}

/// A command that waits. Dropped, nobody waits any more.
#[derive(Debug)]
pub(crate) struct Waiting {
    exchanges: Arc<Exchanges>,
    pub(crate) reply_to: ReplyTo,
    reply: oneshot::Receiver<Reply>,
}

impl Exchanges {
    pub(crate) fn new(partition: u16, incarnation: u64) -> Self {
        Self {
            address: ReplyTo {
                partition,
                incarnation,
                exchange: 0,
            },
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
        }
    }

    /// Opens an exchange, none when too many wait.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Waiting> {
        let exchange = self.next.fetch_add(1, Ordering::Relaxed);
        let (told, reply) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.len() >= WAITING_MAX {
            return None;
        }
        waiting.insert(exchange, told);
        Some(Waiting {
            exchanges: Arc::clone(self),
            reply_to: ReplyTo {
                exchange,
                ..self.address
            },
            reply,
        })
    }

    fn tell(&self, reply: Reply) {
        let waiting = self.waiting.lock().remove(&reply.reply_to.exchange);
        match waiting.map(|waiting| waiting.send(reply)) {
            Some(Ok(())) => {}
            Some(Err(_)) | None => crate::metric_names::reply_late(),
        }
    }
}

impl Waiting {
    /// The reply; none when the process ends first. Cancel safe.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        (&mut self.reply).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let exchange = self.reply_to.exchange;
        drop(self.exchanges.waiting.lock().remove(&exchange));
    }
}

/// Where replies to the back office go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Replies(pub(crate) Arc<Exchanges>);

impl Replies {
    /// Whether a reply is for the back office of this process.
    #[must_use]
    pub fn is_ours(&self, reply: &Reply) -> bool {
        reply.reply_to.incarnation == self.0.address.incarnation
    }
}

impl ReplySink for Replies {
    fn deliver(&self, replies: &mut Vec<Reply>, _: &[TracedReply]) {
        for reply in replies.drain(..) {
            if self.is_ours(&reply) {
                self.0.tell(reply);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::{Day, Outcome, PartitionId, Position, Timestamp};

    fn reply(reply_to: ReplyTo) -> Reply {
        Reply {
            reply_to,
            outcome: Outcome::Approved,
            replayed: false,
            amount: None,
            available: None,
            version: None,
            position: Position {
                partition: PartitionId(0),
                offset: 0,
            },
            decided_at: Timestamp(0),
            day: Day(0),
        }
    }

    #[tokio::test]
    async fn each_reply_finds_who_waits_for_it() {
        let replies = Replies(Arc::new(Exchanges::new(3, 77)));
        let mut first = replies.0.open().unwrap();
        let mut second = replies.0.open().unwrap();
        assert_eq!(
            (first.reply_to.partition, first.reply_to.incarnation),
            (3, 77)
        );
        let foreign = ReplyTo {
            incarnation: 78,
            ..first.reply_to
        };
        let unknown = ReplyTo {
            exchange: 99,
            ..first.reply_to
        };
        let told = [second.reply_to, foreign, unknown, first.reply_to];
        let mut told: Vec<Reply> = told.into_iter().map(reply).collect();
        replies.deliver(&mut told, &[]);
        assert!(told.is_empty());
        assert_eq!(first.reply().await.unwrap().reply_to, first.reply_to);
        assert_eq!(second.reply().await.unwrap().reply_to, second.reply_to);
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let exchanges = Arc::new(Exchanges::new(0, 1));
        let mut open: Vec<Waiting> = (0..WAITING_MAX)
            .map(|_| exchanges.open().unwrap())
            .collect();
        assert!(exchanges.open().is_none(), "OWN-4");
        open.pop();
        assert!(exchanges.open().is_some(), "who gave up makes room");
    }
}
