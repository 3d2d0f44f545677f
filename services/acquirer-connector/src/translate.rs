//! From a message to a command: who asks what of which card, and what is refused right here.
//!
//! Checks are in the order in which the trade answers them; each refusal is certainly not appended.
//! Nothing secret goes on from here: no card number, track, PIN block or chip data (LOG-4).

use tracing::error;

use crate::ask::{Act, Ask, CardNumber, Reference, Reversible};
use crate::keys::fingerprint;
use crate::listener::Listener;
use crate::references::{position_of, version_of};
use crate::refusal::Refusal;
use crate::repeat::Parked;
use crate::speech::Speech;
use card::{Command, Facts, OriginalRef, ReplyTo};
use command_log::partition_of;
use iso8583::Message;
use pan::{Pan, PanHash};
use registry::Medium;

/// An offset that no record has: the original is answered "not found" by the card.
const NO_SUCH_OFFSET: u64 = u64::MAX;

/// A command without its reply address, and what its answer needs.
#[derive(Debug)]
pub(crate) struct Translated {
    pub(crate) command: Command,
    pub(crate) parked: Parked,
}

impl Listener {
    /// Makes a command of a message for a card.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub(crate) fn translate(&self, message: &Message<'_>) -> Result<Translated, Refusal> {
        let (ask, parked) = match self.speech {
            Speech::Pos => self.read_pos(message)?,
            Speech::Interbank(tongue) => self.read_interbank(message, tongue)?,
        };
        let medium = self.medium(&ask.number.pan)?;
        let request = ask.request(self.resolve(&ask.reference, &medium));
        self.check_partition(&medium)?;
        self.check_card_of_key(&ask, &medium)?;
        let command = Command {
            card: medium.card,
            medium: medium.number,
            key: ask.key,
            fingerprint: fingerprint(&ask.origin, &request, medium.number),
            place: parked.place,
            request,
            facts: self.facts(&ask),
            reply_to: ReplyTo::NOBODY,
        };
        Ok(Translated { command, parked })
    }

    /// The hash that the card of a message is found by, when there is one to find.
    pub(crate) fn wanted_medium(&self, message: &Message<'_>) -> Option<PanHash> {
        let number = CardNumber::of(message).ok()?;
        Some(self.shared.directory.hash(&number.pan))
    }

    fn medium(&self, pan: &Pan) -> Result<Medium, Refusal> {
        match self.shared.directory.medium(pan) {
            Ok(Some(medium)) => Ok(medium),
            Ok(None) => Err(Refusal::UnknownCard),
            Err(cause) => {
                error!(%cause, "find the card of a number");
                Err(Refusal::NotAppended)
            }
        }
    }

    /// What a message says of its original, in the card's own terms.
    fn resolve(&self, reference: &Reference, medium: &Medium) -> OriginalRef {
        let mut original = OriginalRef {
            key: reference.key,
            ..OriginalRef::default()
        };
        if let Some(retrieval) = reference.retrieval {
            let partition_count = self.shared.partition_count;
            let partition = partition_of(medium.card, partition_count);
            let offset = position_of(&retrieval, partition_count)
                .filter(|position| position.partition == partition)
                .map_or(NO_SUCH_OFFSET, |position| position.offset);
            original.offset = Some(offset);
        }
        if let Some(code) = reference.approval {
            original.approval = version_of(&code);
            if original.approval.is_none() {
                original.offset = Some(NO_SUCH_OFFSET);
            }
        }
        original
    }

    fn check_partition(&self, medium: &Medium) -> Result<(), Refusal> {
        let partition = partition_of(medium.card, self.shared.partition_count);
        if self.shared.gates.is_open(partition) {
            Ok(())
        } else {
            Err(Refusal::PartitionClosed)
        }
    }

    /// A key belongs to one card: a reversal must name the card of its original, and a key that was
    /// used for one card is no new request for another.
    fn check_card_of_key(&self, ask: &Ask, medium: &Medium) -> Result<(), Refusal> {
        let terminal = ask.origin.terminal;
        let undone = ask.reference.key;
        let is_other = |card| card != medium.card;
        if ask.act == Act::Undo {
            let known = undone.and_then(|key| self.recent.card_of(terminal, key));
            return if known.is_some_and(is_other) {
                Err(Refusal::OtherCard)
            } else {
                Ok(())
            };
        }
        if ask.reversible == Reversible::No {
            return Ok(());
        }
        let known = self.recent.remember(terminal, ask.key, medium.card);
        if known.is_some_and(is_other) {
            Err(Refusal::KeyOfOtherCard)
        } else {
            Ok(())
        }
    }

    fn facts(&self, ask: &Ask) -> Facts {
        Facts {
            mac: ask.checks.mac,
            pin: ask.checks.pin,
            cryptogram: ask.checks.cryptogram,
            merchant_group: ask.shop.group,
            merchant_category: ask.shop.category,
            fee: ask.shop.fee,
            counterparty: ask.shop.counterparty,
            channel: ask.channel,
            entry: ask.entry,
            online_allowed: ask.shop.online_allowed,
            register_version: self.shared.directory.register.version(),
        }
    }
}
