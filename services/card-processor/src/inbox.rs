//! The commands that wait at one card, in log order.
//!
//! The queue lives outside the actor: when an actor crashes, its successor takes the same command
//! again, and the third crash at one position stops the partition (OWN-5). Its length is bounded by
//! the partition's credits (OWN-4).

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::context::PartitionContext;
use crate::fold::Asked;
use card::{Command, Position, Timestamp};
use command_log::{Sequence, TraceContext};
use mutants::{Mutant, broken};

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
    pub(crate) trace: Option<TraceContext>,
}

impl Work {
    /// The command with what its decision depends on.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked {
            command: &self.command,
            position: self.position,
            appended_at: self.appended_at,
            context: &self.context,
        }
    }
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

    /// Begins with the oldest commands, at most `max` of them. None: the actor may rest.
    ///
    /// A command that an actor crashed on goes alone, so that its next crash is known to be its own.
    pub(crate) fn begin(&self, max: usize) -> Option<Attempt<'_>> {
        let mut state = self.0.lock();
        let quiet = state.queue.iter().take(max.max(1));
        let count = quiet.take_while(|work| work.crashes == 0).count().max(1);
        let count = count.min(state.queue.len());
        let works: Vec<Work> = state.queue.drain(..count).collect();
        state.awake = !works.is_empty();
        (!works.is_empty()).then_some(Attempt {
            inbox: self,
            works,
            at: 0,
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

/// Commands being decided. Dropped before [`Attempt::done`], by a crash or because one of them
/// cannot be decided, they are the oldest again.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    inbox: &'a Inbox,
    works: Vec<Work>,
    /// The one at which we are.
    at: usize,
}

impl Attempt<'_> {
    pub(crate) fn works(&self) -> &[Work] {
        &self.works
    }

    /// From here on a crash is this one's.
    pub(crate) fn at(&mut self, index: usize) {
        self.at = index;
    }

    /// The first `count` are done; the others are the oldest again.
    pub(crate) fn done(mut self, count: usize) -> Vec<Work> {
        let rest = self.works.split_off(count);
        let done = std::mem::replace(&mut self.works, rest);
        self.at = usize::MAX; // What is left did not crash.
        done
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.works.is_empty() {
            return;
        }
        if let Some(crashed) = self.works.get_mut(self.at)
            && !broken(Mutant::PanicNotCounted)
        {
            crashed.crashes = crashed.crashes.saturating_add(1);
        }
        let mut state = self.inbox.0.lock();
        for work in self.works.drain(..).rev() {
            state.queue.push_front(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::{
        CardId, Facts, Fingerprint, LegKey, MerchantId, PartitionId, Place, ReplyTo, Request,
        TerminalId,
    };

    fn work(offset: u64) -> Work {
        Work {
            command: Command {
                card: CardId::new(1, [0; 14]),
                medium: 0,
                key: LegKey([0; 12]),
                fingerprint: Fingerprint(0),
                place: Place {
                    acquirer: card::AcquirerId::NOBODY,
                    merchant: MerchantId([b' '; 15]),
                    terminal: TerminalId([b' '; 8]),
                    batch: 0,
                    trace: 0,
                },
                request: Request::BalanceInquiry,
                facts: Facts::default(),
                reply_to: ReplyTo::NOBODY,
            },
            position: Position {
                partition: PartitionId(0),
                offset,
            },
            sequence: Sequence(0),
            appended_at: Timestamp(0),
            context: Arc::new(PartitionContext::EMPTY),
            crashes: 0,
            trace: None,
        }
    }

    fn offsets(works: &[Work]) -> Vec<u64> {
        works.iter().map(|work| work.position.offset).collect()
    }

    #[test]
    fn what_crashed_goes_alone_and_is_counted() {
        let inbox = Inbox::default();
        assert_eq!(inbox.push(work(0)), Wake::Needed);
        for offset in 1..4 {
            assert_eq!(inbox.push(work(offset)), Wake::Underway);
        }
        let mut attempt = inbox.begin(8).unwrap();
        assert_eq!(offsets(attempt.works()), [0, 1, 2, 3]);
        attempt.at(2);
        drop(attempt); // An actor crashed on 2.
        let attempt = inbox.begin(8).unwrap();
        assert_eq!(offsets(attempt.works()), [0, 1]);
        assert_eq!(offsets(&attempt.done(1)), [0], "1 cannot go on");
        let before = inbox.begin(8).unwrap();
        assert_eq!(offsets(&before.done(1)), [1]);
        let alone = inbox.begin(8).unwrap();
        assert_eq!(offsets(alone.works()), [2]);
        drop(alone);
        assert_eq!(
            inbox.head().map(|(at, crashes)| (at.offset, crashes)),
            Some((2, 2))
        );
        let alone = inbox.begin(1).unwrap();
        assert_eq!(offsets(&alone.done(1)), [2]);
        assert_eq!(offsets(&inbox.begin(8).unwrap().done(1)), [3]);
        assert!(inbox.begin(8).is_none() && inbox.is_idle());
    }
}
