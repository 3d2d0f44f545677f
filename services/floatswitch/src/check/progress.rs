//! How far a long check is: one line on stderr, when a person is looking.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::check::Audit;

const EVERY: Duration = Duration::from_millis(500);

/// Rewrites its line now and then.
#[derive(Debug)]
pub(crate) struct Progress {
    /// `None` when nobody is looking.
    next: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let is_watched = io::stderr().is_terminal();
        Self {
            next: is_watched.then(|| Instant::now() + EVERY),
            is_shown: false,
        }
    }

    pub(crate) fn tell(&mut self, audit: &Audit) {
        self.tell_counts(audit.card_count, audit.row_count);
    }

    pub(crate) fn tell_counts(&mut self, cards: u64, rows: u64) {
        if self.next.is_none_or(|next| Instant::now() < next) {
            return;
        }
        self.next = Some(Instant::now() + EVERY);
        self.is_shown = true;
        drop(write!(
            io::stderr(),
            "\rchecked {cards:>12} cards {rows:>14} rows"
        ));
    }

    /// Takes the line away.
    pub(crate) fn end(self) {
        if self.is_shown {
            drop(write!(io::stderr(), "\r{:<50}\r", ""));
        }
    }
}
