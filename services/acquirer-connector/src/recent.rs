//! Which card each terminal's latest reversible requests were for.
//!
//! Cards don't know each other, so only the edge can see that a reversal, or a repeat, has the key
//! of a request for another card. Bounded memory, lost at a restart; what is not remembered goes
//! to the card that the message names, which answers that it knows no original.

use std::collections::HashMap;

use parking_lot::Mutex;

use card::{CardId, LegKey, TerminalId};

/// Requests remembered for each terminal. It sends a reversal before anything else, so one would
/// do; more serve several tills behind one terminal id.
const REQUESTS_PER_TERMINAL: usize = 4;
/// Terminals in each of the two halves of a shard.
const TERMINALS_PER_HALF: usize = 4_096;
/// Locks, so that connections seldom meet at one.
const SHARDS: usize = 16;

/// The memory of one listener, some 25 MB at most.
pub(crate) struct RecentRequests {
    shards: [Mutex<Shard>; SHARDS],
}

/// Two halves: when the young one is full it becomes the old one, and the old one is forgotten.
#[derive(Default)]
struct Shard {
    young: HashMap<TerminalId, Requests>,
    old: HashMap<TerminalId, Requests>,
}

#[derive(Default, Clone, Copy)]
struct Requests {
    slots: [Option<(LegKey, CardId)>; REQUESTS_PER_TERMINAL],
    oldest: usize,
}

impl RecentRequests {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// The card that a terminal's request with this key was for.
    pub(crate) fn card_of(&self, terminal: TerminalId, key: LegKey) -> Option<CardId> {
        let shard = self.shard(terminal)?.lock();
        shard.requests(terminal)?.card_of(key)
    }

    /// Remembers a request, unless its key is there already: then returns the card that it was for.
    pub(crate) fn remember(
        &self,
        terminal: TerminalId,
        key: LegKey,
        card: CardId,
    ) -> Option<CardId> {
        let mut shard = self.shard(terminal)?.lock();
        let requests = shard.requests_mut(terminal);
        let known = requests.card_of(key);
        if known.is_none() {
            requests.push(key, card);
        }
        known
    }

    fn shard(&self, terminal: TerminalId) -> Option<&Mutex<Shard>> {
        // Terminals are numbered one after the other: their last characters spread them.
        let sum = terminal
            .0
            .iter()
            .fold(0usize, |sum, byte| sum * 31 + usize::from(*byte));
        self.shards.get(sum % SHARDS)
    }
}

impl Shard {
    fn requests(&self, terminal: TerminalId) -> Option<&Requests> {
        self.young
            .get(&terminal)
            .or_else(|| self.old.get(&terminal))
    }

    fn requests_mut(&mut self, terminal: TerminalId) -> &mut Requests {
        if self.young.len() >= TERMINALS_PER_HALF && !self.young.contains_key(&terminal) {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &self.old;
        self.young
            .entry(terminal)
            .or_insert_with(|| old.get(&terminal).copied().unwrap_or_default())
    }
}

impl Requests {
    fn card_of(&self, key: LegKey) -> Option<CardId> {
        let found = self.slots.iter().flatten().find(|(other, _)| *other == key);
        found.map(|(_, card)| *card)
    }

    fn push(&mut self, key: LegKey, card: CardId) {
        if let Some(slot) = self.slots.get_mut(self.oldest) {
            *slot = Some((key, card));
        }
        self.oldest = (self.oldest + 1) % REQUESTS_PER_TERMINAL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> LegKey {
        LegKey([number; 12])
    }

    fn card(number: u8) -> CardId {
        CardId::from_bytes([number; 16])
    }

    fn terminal(number: usize) -> TerminalId {
        TerminalId(format!("{number:08}").into_bytes().try_into().unwrap())
    }

    #[test]
    fn the_latest_of_each_terminal_are_known() {
        let recent = RecentRequests::new();
        for number in 0..6 {
            assert_eq!(
                recent.remember(terminal(1), key(number), card(number)),
                None
            );
        }
        for number in 0..6 {
            let known = (number >= 2).then(|| card(number));
            assert_eq!(recent.card_of(terminal(1), key(number)), known);
            assert_eq!(recent.card_of(terminal(2), key(number)), None);
        }
        assert_eq!(recent.remember(terminal(1), key(5), card(9)), Some(card(5)));
        assert_eq!(recent.card_of(terminal(1), key(5)), Some(card(5)));
    }

    #[test]
    fn memory_is_bounded_and_the_busy_stay() {
        let recent = RecentRequests::new();
        let terminal_count = SHARDS * TERMINALS_PER_HALF * 4;
        for number in 0..terminal_count {
            recent.remember(terminal(number), key(1), card(1));
            recent.remember(terminal(0), key(2), card(2));
        }
        let remembered: usize = recent
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock();
                shard.young.len() + shard.old.len()
            })
            .sum();
        assert!(remembered <= 2 * SHARDS * TERMINALS_PER_HALF);
        assert_eq!(recent.card_of(terminal(0), key(2)), Some(card(2)));
        assert_eq!(
            recent.card_of(terminal(terminal_count - 1), key(1)),
            Some(card(1))
        );
        assert_eq!(recent.card_of(terminal(1), key(1)), None);
    }
}
