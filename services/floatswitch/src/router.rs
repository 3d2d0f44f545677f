//! Where released replies go: to the connector's parked exchanges, to the back office's endpoint, or
//! to this program's own desk that issues cards.

use std::sync::OnceLock;

use parking_lot::Mutex;
use tokio::sync::Notify;

use acquirer_connector::Replies;
use card::{Outcome, Reply, ReplyTo};
use command_log::{ReplySink, TracedReply};

/// The desk's incarnation; a connector's is random.
const DESK: u64 = 1;

/// Splits replies by who waits for them.
#[derive(Debug, Default)]
pub(crate) struct Router {
    connector: OnceLock<Replies>,
    operations: OnceLock<operations::Replies>,
    desk: Desk,
}

/// Outcomes of commands that this program gave itself.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    outcomes: Mutex<Vec<Outcome>>,
    came: Notify,
}

impl Router {
    /// Sends what is not the desk's to a connector.
    pub(crate) fn connect(&self, replies: Replies) {
        drop(self.connector.set(replies)); // A second connector never comes.
    }

    /// Sends what the back office asked for to its endpoint.
    pub(crate) fn connect_operations(&self, replies: operations::Replies) {
        drop(self.operations.set(replies)); // A second endpoint never comes.
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }
}

impl Desk {
    /// The address of the desk.
    pub(crate) const ADDRESS: ReplyTo = ReplyTo {
        partition: 0,
        incarnation: DESK,
        exchange: 0,
    };

    /// Waits for as many outcomes and takes them.
    pub(crate) async fn take(&self, count: usize) -> Vec<Outcome> {
        loop {
            let came = self.came.notified();
            {
                let mut outcomes = self.outcomes.lock();
                if outcomes.len() >= count {
                    return std::mem::take(&mut *outcomes);
                }
            }
            came.await;
        }
    }
}

impl ReplySink for Router {
    fn deliver(&self, replies: &mut Vec<Reply>, traced: &[TracedReply]) {
        let is_desk = |reply: &Reply| reply.reply_to.incarnation == DESK;
        if replies.iter().any(is_desk) {
            let own = replies
                .iter()
                .filter(|reply| is_desk(reply))
                .map(|reply| reply.outcome);
            self.desk.outcomes.lock().extend(own);
            replies.retain(|reply| !is_desk(reply));
            self.desk.came.notify_one();
        }
        if let Some(operations) = self.operations.get()
            && replies.iter().any(|reply| operations.is_ours(reply))
        {
            let mut own: Vec<Reply> = replies
                .extract_if(.., |reply| operations.is_ours(reply))
                .collect();
            operations.deliver(&mut own, traced);
        }
        match self.connector.get() {
            Some(connector) => connector.deliver(replies, traced),
            None => replies.clear(), // Folded again after a restart: nobody waits any more.
        }
    }
}
