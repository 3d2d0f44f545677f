//! Finds the merchant of a terminal among single terminals and runs of them.

use std::collections::BTreeMap;

use crate::names::ParticipantId;
use crate::register::Terminal;
use crate::register_checks::RegisterError;
use card::{MerchantId, TerminalId};

/// Terminals of all participants. Ids of 8 digits are runs of numbers (of one, for a single
/// terminal); all other ids stand for themselves.
#[derive(Debug, Default)]
pub(crate) struct TerminalIndex {
    runs: BTreeMap<(ParticipantId, u32), Terminal>,
    singles: BTreeMap<(ParticipantId, TerminalId), Terminal>,
}

impl TerminalIndex {
    pub(crate) fn new(terminals: &[Terminal]) -> Result<Self, RegisterError> {
        let mut index = Self::default();
        for terminal in terminals {
            index.insert(*terminal)?;
        }
        Ok(index)
    }

    pub(crate) fn merchant_of(
        &self,
        participant: ParticipantId,
        id: TerminalId,
    ) -> Option<MerchantId> {
        let Some(number) = number_of(id) else {
            return self
                .singles
                .get(&(participant, id))
                .map(|terminal| terminal.merchant);
        };
        let run = self.run_at_or_before(participant, number)?;
        (id.0 <= run.last.0).then_some(run.merchant)
    }

    /// All entries, in an order that does not depend on how they were listed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Terminal> {
        self.runs.values().chain(self.singles.values())
    }

    fn insert(&mut self, terminal: Terminal) -> Result<(), RegisterError> {
        let Terminal {
            participant,
            first,
            last,
            ..
        } = terminal;
        let (Some(first_number), Some(last_number)) = (number_of(first), number_of(last)) else {
            return self.insert_single(terminal);
        };
        if first_number > last_number {
            return Err(RegisterError::RunBackwards { first, last });
        }
        // The runs so far don't overlap, so the one that begins last before our end is the only
        // one that can reach into ours.
        if let Some(other) = self.run_at_or_before(participant, last_number)
            && other.last.0 >= first.0
        {
            return Err(twice(first.max(other.first), terminal, *other));
        }
        self.runs.insert((participant, first_number), terminal);
        Ok(())
    }

    fn insert_single(&mut self, terminal: Terminal) -> Result<(), RegisterError> {
        let Terminal {
            participant,
            first,
            last,
            ..
        } = terminal;
        if first != last {
            return Err(RegisterError::RunNotDigits { first, last });
        }
        match self.singles.insert((participant, first), terminal) {
            None => Ok(()),
            Some(other) => Err(twice(first, terminal, other)),
        }
    }

    fn run_at_or_before(&self, participant: ParticipantId, number: u32) -> Option<&Terminal> {
        let range = (participant, 0)..=(participant, number);
        self.runs.range(range).next_back().map(|(_, run)| run)
    }
}

/// The number of an id of 8 digits; ids of 8 digits sort as their numbers do.
fn number_of(id: TerminalId) -> Option<u32> {
    id.0.iter().try_fold(0u32, |number, byte| match byte {
        b'0'..=b'9' => Some(number * 10 + u32::from(byte - b'0')),
        _ => None,
    })
}

fn twice(id: TerminalId, one: Terminal, other: Terminal) -> RegisterError {
    RegisterError::TerminalTwice {
        terminal: id,
        participant: one.participant,
        merchants: [other.merchant.to_string(), one.merchant.to_string()],
    }
}
