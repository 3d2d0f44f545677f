//! A flow: what happened before, up to six events that may come in any order, and what may go
//! wrong with them.

use crate::orders::message::{Source, What};
use crate::orders::twist::Moment;

/// Events of one flow, those before it included.
pub(crate) const EVENTS_MAX: usize = 12;

/// One message of a flow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) what: What,
    pub(crate) fen: i64,
    /// The event that it is about.
    of: Option<&'static str>,
    /// The event whose message it sends once more.
    again: Option<&'static str>,
    pub(crate) medium: u8,
    pub(crate) source: Source,
}

/// An event that asks for so much money.
pub(crate) const fn event(name: &'static str, what: What, fen: i64) -> Event {
    Event {
        name,
        what,
        fen,
        of: None,
        again: None,
        medium: 0,
        source: Source::Cash,
    }
}

impl Event {
    pub(crate) const fn of(self, name: &'static str) -> Self {
        Self {
            of: Some(name),
            ..self
        }
    }

    pub(crate) const fn medium(self, medium: u8) -> Self {
        Self { medium, ..self }
    }

    pub(crate) const fn by_transfer(self) -> Self {
        Self {
            source: Source::Transfer,
            ..self
        }
    }
}

/// The same message once more.
pub(crate) const fn again(name: &'static str, of: Event) -> Event {
    Event {
        name,
        again: Some(of.name),
        ..of
    }
}

/// A flow, ready to be played.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) name: &'static str,
    /// What the card is sold with.
    pub(crate) balance: i64,
    /// The most that it may hold.
    pub(crate) cap: i64,
    pub(crate) completion_percent: i64,
    /// The most that may be spent in a local day.
    pub(crate) day_limit: Option<i64>,
    /// Moments that may pass before an event.
    pub(crate) moments: &'static [Moment],
    pub(crate) events: Vec<Event>,
    /// How many of the events come before all others, in their order.
    pub(crate) before: usize,
    of: Vec<Option<usize>>,
    root: Vec<usize>,
}

impl Flow {
    /// # Panics
    /// When an event names another that is not there.
    pub(crate) fn new(
        name: &'static str,
        balance: i64,
        before: &[Event],
        events: &[Event],
    ) -> Self {
        let all: Vec<Event> = before.iter().chain(events).copied().collect();
        assert!(
            all.len() <= EVENTS_MAX && events.len() <= 6,
            "{name}: too many events"
        );
        let find = |wanted: &str| {
            let index = all.iter().position(|event| event.name == wanted);
            index.unwrap_or_else(|| panic!("{name}: no event is called `{wanted}`"))
        };
        let of = all.iter().map(|event| event.of.map(find)).collect();
        let root = (0..all.len())
            .map(|index| all[index].again.map_or(index, find))
            .collect();
        Self {
            name,
            balance,
            cap: 500_000,
            completion_percent: 100,
            day_limit: None,
            moments: &[],
            before: before.len(),
            events: all,
            of,
            root,
        }
    }

    pub(crate) fn cap(self, cap: i64) -> Self {
        Self { cap, ..self }
    }

    pub(crate) fn completion_percent(self, completion_percent: i64) -> Self {
        Self {
            completion_percent,
            ..self
        }
    }

    pub(crate) fn day_limit(self, day_limit: i64) -> Self {
        Self {
            day_limit: Some(day_limit),
            ..self
        }
    }

    pub(crate) fn moments(self, moments: &'static [Moment]) -> Self {
        Self { moments, ..self }
    }

    /// The event that an event is about.
    pub(crate) fn of(&self, event: usize) -> Option<usize> {
        self.of[event]
    }

    /// The first event with the same message.
    pub(crate) fn root(&self, event: usize) -> usize {
        self.root[event]
    }

    /// The trace number of an event's message. They wrap round inside every flow.
    pub(crate) fn trace(&self, event: usize) -> u32 {
        let root = self.root(event);
        if self.events[root].what.shares_trace()
            && let Some(of) = self.of(root)
        {
            return self.trace(of);
        }
        let number = 999_996 + u32::try_from(root).unwrap();
        (number - 1) % 999_999 + 1
    }
}
