//! Participants, merchants and terminals, read-only while the switch runs.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::names::ParticipantId;
use crate::register_checks::{self, RegisterError};
use crate::terminals::TerminalIndex;
use card::{FeeTerms, MerchantId, TerminalId};

/// A party that sends us requests: an acquirer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Its institution code.
    pub id: ParticipantId,
    /// For people.
    pub name: String,
}

/// A card acceptor and its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// DE42.
    pub id: MerchantId,
    /// For people.
    pub name: String,
    /// Its category (MCC), 0 to 9999. A message that says another one is refused.
    pub category: u16,
    /// Its company group, 0 = none; decides where single-purpose cards are good.
    pub group: u32,
    /// Whether prepaid cards may pay it over the internet.
    pub online_allowed: bool,
    /// What it pays for an accepted transaction.
    pub fee: FeeTerms,
}

/// One terminal, or a run of terminals, of one merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Who connects it.
    pub participant: ParticipantId,
    /// The first terminal (DE41).
    pub first: TerminalId,
    /// The last one, the same as the first for a single terminal. A run of several has 8-digit ids.
    pub last: TerminalId,
    /// Where it stands.
    pub merchant: MerchantId,
}

impl Terminal {
    /// A single terminal.
    #[must_use]
    pub fn single(participant: ParticipantId, id: TerminalId, merchant: MerchantId) -> Self {
        Self {
            participant,
            first: id,
            last: id,
            merchant,
        }
    }
}

/// What the register knows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalRef<'a> {
    /// Who connects it.
    pub participant: &'a Participant,
    /// Where it stands.
    pub merchant: &'a Merchant,
}

/// Participants, merchants and terminals that fit together.
#[derive(Debug)]
pub struct Register {
    participants: BTreeMap<ParticipantId, Participant>,
    merchants: BTreeMap<MerchantId, Merchant>,
    terminals: TerminalIndex,
    version: u32,
}

impl Register {
    /// Checks the whole and makes it searchable. The order of the lists does not matter.
    ///
    /// # Errors
    /// The first thing that does not fit, by name.
    pub fn new(
        participants: Vec<Participant>,
        merchants: Vec<Merchant>,
        terminals: Vec<Terminal>,
    ) -> Result<Self, RegisterError> {
        let participants = register_checks::participants(participants)?;
        let merchants = register_checks::merchants(merchants)?;
        register_checks::terminals(&terminals, &participants, &merchants)?;
        let terminals = TerminalIndex::new(&terminals)?;
        let version = digest(&participants, &merchants, &terminals);
        Ok(Self {
            participants,
            merchants,
            terminals,
            version,
        })
    }

    /// Finds a participant.
    #[must_use]
    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.participants.get(&id)
    }

    /// Finds a merchant.
    #[must_use]
    pub fn merchant(&self, id: MerchantId) -> Option<&Merchant> {
        self.merchants.get(&id)
    }

    /// Finds a terminal of a participant; the same id at another participant is another terminal.
    #[must_use]
    pub fn terminal(&self, participant: ParticipantId, id: TerminalId) -> Option<TerminalRef<'_>> {
        let merchant = self.terminals.merchant_of(participant, id)?;
        Some(TerminalRef {
            participant: self.participants.get(&participant)?,
            merchant: self.merchants.get(&merchant)?,
        })
    }

    /// All participants, in the order of their ids.
    pub fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.participants.values()
    }

    /// All merchants, in the order of their ids.
    pub fn merchants(&self) -> impl Iterator<Item = &Merchant> {
        self.merchants.values()
    }

    /// A digest of everything in the register: equal content, equal version, on every machine.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }
}

/// The first 4 bytes of a SHA-256 over all entries in the order of their ids. Every field has a
/// fixed size or its size before it, so different registers never look the same.
fn digest(
    participants: &BTreeMap<ParticipantId, Participant>,
    merchants: &BTreeMap<MerchantId, Merchant>,
    terminals: &TerminalIndex,
) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(b"register 1");
    hasher.update(count(participants.len()));
    for participant in participants.values() {
        hasher.update(participant.id.padded());
        update_text(&mut hasher, &participant.name);
    }
    hasher.update(count(merchants.len()));
    for merchant in merchants.values() {
        hasher.update(merchant.id.0);
        update_text(&mut hasher, &merchant.name);
        hasher.update(merchant.category.to_be_bytes());
        hasher.update(merchant.group.to_be_bytes());
        hasher.update([u8::from(merchant.online_allowed)]);
        let FeeTerms {
            rate_ppm,
            fixed_minor,
            min_minor,
            max_minor,
        } = merchant.fee;
        for term in [rate_ppm, fixed_minor, min_minor, max_minor] {
            hasher.update(term.to_be_bytes());
        }
    }
    for terminal in terminals.iter() {
        hasher.update(terminal.participant.padded());
        hasher.update(terminal.first.0);
        hasher.update(terminal.last.0);
        hasher.update(terminal.merchant.0);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

fn update_text(hasher: &mut Sha256, text: &str) {
    hasher.update(count(text.len()));
    hasher.update(text.as_bytes());
}

fn count(number: usize) -> [u8; 8] {
    (number as u64).to_be_bytes()
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
