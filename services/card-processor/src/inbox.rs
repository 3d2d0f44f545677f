//! The commands that wait at one card, in log order.
//!
//! The queue lives outside the actor: when an actor crashes, its successor takes the same command
//! again, and the third crash at one position stops the partition (OWN-5). Its length is bounded by
//! the partition's credits (OWN-4).

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::context::PartitionContext;
use card::{Command, Position, Timestamp};
use command_log::Sequence;

/// One command on its way to its card.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) command: Command,
    pub(crate) position: Position,
    pub(crate) sequence: Sequence,
    pub(crate) appended_at: Timestamp,
    pub(crate) context: Arc<PartitionContext>,
    /// How often an actor crashed on it.
    pub(crate) crashes: u8,
}

/// Whether the actor must be told that something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// It does not know yet.
    Needed,
    /// It is at work and will see it.
    Underway,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Work>,
    awake: bool,
}

/// A card's queue.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<State>);

impl Inbox {
    /// Adds a command behind the others.
    pub(crate) fn push(&self, work: Work) -> Wake {
        let mut state = self.0.lock();
        state.queue.push_back(work);
        match std::mem::replace(&mut state.awake, true) {
            true => Wake::Underway,
            false => Wake::Needed,
        }
    }

    /// Begins with the oldest command. None: the actor may rest.
    pub(crate) fn begin(&self) -> Option<Attempt<'_>> {
        let mut state = self.0.lock();
        let work = state.queue.pop_front();
        state.awake = work.is_some();
        work.map(|work| Attempt {
            inbox: self,
            work: Some(work),
        })
    }

    /// Whether nothing waits and nobody works.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.0.lock();
        !state.awake && state.queue.is_empty()
    }

    /// The command that crashed last, with the count of its crashes.
    pub(crate) fn head(&self) -> Option<(Position, u8)> {
        self.0
            .lock()
            .queue
            .front()
            .map(|work| (work.position, work.crashes))
    }
}

/// A command being decided. Dropped before [`Attempt::done`], by a crash, it is the oldest again.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    inbox: &'a Inbox,
    work: Option<Work>,
}

impl Attempt<'_> {
    pub(crate) fn work(&self) -> &Work {
        self.work.as_ref().expect("taken only by done")
    }

    pub(crate) fn done(mut self) -> Work {
        self.work.take().expect("taken only here")
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(mut work) = self.work.take() {
            work.crashes = work.crashes.saturating_add(1);
            self.inbox.0.lock().queue.push_front(work);
        }
    }
}
