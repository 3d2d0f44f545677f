//! What the edge checked, in the log's bytes.

use crate::envelope::{EnvelopeError, small, wire};
use card::{Channel, CheckFact, Counterparty, EntryMode, Facts, FeeTerms};

pub(crate) fn facts_to_wire(facts: &Facts) -> wire::Facts {
    wire::Facts {
        mac: check_to_wire(facts.mac).into(),
        pin: check_to_wire(facts.pin).into(),
        cryptogram: check_to_wire(facts.cryptogram).into(),
        merchant_group: facts.merchant_group,
        merchant_category: u32::from(facts.merchant_category),
        fee_rate_ppm: facts.fee.rate_ppm,
        fee_fixed_minor: facts.fee.fixed_minor,
        fee_min_minor: facts.fee.min_minor,
        fee_max_minor: facts.fee.max_minor,
        register_version: facts.register_version,
        counterparty: match facts.counterparty {
            Counterparty::Merchant => wire::Counterparty::Merchant.into(),
            Counterparty::Network => wire::Counterparty::Network.into(),
        },
        channel: channel_to_wire(facts.channel).into(),
        entry: entry_to_wire(facts.entry).into(),
        online_allowed: facts.online_allowed,
    }
}

pub(crate) fn facts_from_wire(wire: Option<&wire::Facts>) -> Result<Facts, EnvelopeError> {
    let wire = wire.ok_or(EnvelopeError::Field("facts"))?;
    Ok(Facts {
        mac: check_from_wire(wire.mac)?,
        pin: check_from_wire(wire.pin)?,
        cryptogram: check_from_wire(wire.cryptogram)?,
        merchant_group: wire.merchant_group,
        merchant_category: small(wire.merchant_category, "merchant category")?,
        fee: FeeTerms {
            rate_ppm: wire.fee_rate_ppm,
            fixed_minor: wire.fee_fixed_minor,
            min_minor: wire.fee_min_minor,
            max_minor: wire.fee_max_minor,
        },
        register_version: wire.register_version,
        counterparty: match wire::Counterparty::try_from(wire.counterparty) {
            Ok(wire::Counterparty::Merchant) => Counterparty::Merchant,
            Ok(wire::Counterparty::Network) => Counterparty::Network,
            Err(_) => return Err(EnvelopeError::Field("counterparty")),
        },
        channel: channel_from_wire(wire.channel)?,
        entry: entry_from_wire(wire.entry)?,
        online_allowed: wire.online_allowed,
    })
}

fn channel_to_wire(channel: Channel) -> wire::Channel {
    match channel {
        Channel::Attended => wire::Channel::Attended,
        Channel::SelfService => wire::Channel::SelfService,
        Channel::Online => wire::Channel::Online,
        Channel::MailOrPhone => wire::Channel::MailOrPhone,
        Channel::Agent => wire::Channel::Agent,
        Channel::BackOffice => wire::Channel::BackOffice,
    }
}

fn channel_from_wire(value: i32) -> Result<Channel, EnvelopeError> {
    match wire::Channel::try_from(value) {
        Ok(wire::Channel::Attended) => Ok(Channel::Attended),
        Ok(wire::Channel::SelfService) => Ok(Channel::SelfService),
        Ok(wire::Channel::Online) => Ok(Channel::Online),
        Ok(wire::Channel::MailOrPhone) => Ok(Channel::MailOrPhone),
        Ok(wire::Channel::Agent) => Ok(Channel::Agent),
        Ok(wire::Channel::BackOffice) => Ok(Channel::BackOffice),
        Err(_) => Err(EnvelopeError::Field("channel")),
    }
}

fn entry_to_wire(entry: EntryMode) -> wire::EntryMode {
    match entry {
        EntryMode::Unknown => wire::EntryMode::EntryUnknown,
        EntryMode::Manual => wire::EntryMode::Manual,
        EntryMode::Stripe => wire::EntryMode::Stripe,
        EntryMode::Chip => wire::EntryMode::Chip,
        EntryMode::Contactless => wire::EntryMode::Contactless,
        EntryMode::Code => wire::EntryMode::Code,
        EntryMode::Fallback => wire::EntryMode::Fallback,
    }
}

fn entry_from_wire(value: i32) -> Result<EntryMode, EnvelopeError> {
    match wire::EntryMode::try_from(value) {
        Ok(wire::EntryMode::EntryUnknown) => Ok(EntryMode::Unknown),
        Ok(wire::EntryMode::Manual) => Ok(EntryMode::Manual),
        Ok(wire::EntryMode::Stripe) => Ok(EntryMode::Stripe),
        Ok(wire::EntryMode::Chip) => Ok(EntryMode::Chip),
        Ok(wire::EntryMode::Contactless) => Ok(EntryMode::Contactless),
        Ok(wire::EntryMode::Code) => Ok(EntryMode::Code),
        Ok(wire::EntryMode::Fallback) => Ok(EntryMode::Fallback),
        Err(_) => Err(EnvelopeError::Field("entry mode")),
    }
}

fn check_to_wire(fact: CheckFact) -> wire::CheckFact {
    match fact {
        CheckFact::NotChecked => wire::CheckFact::NotChecked,
        CheckFact::Absent => wire::CheckFact::Absent,
        CheckFact::Passed => wire::CheckFact::Passed,
        CheckFact::Failed => wire::CheckFact::Failed,
    }
}

fn check_from_wire(value: i32) -> Result<CheckFact, EnvelopeError> {
    match wire::CheckFact::try_from(value) {
        Ok(wire::CheckFact::NotChecked) => Ok(CheckFact::NotChecked),
        Ok(wire::CheckFact::Absent) => Ok(CheckFact::Absent),
        Ok(wire::CheckFact::Passed) => Ok(CheckFact::Passed),
        Ok(wire::CheckFact::Failed) => Ok(CheckFact::Failed),
        Err(_) => Err(EnvelopeError::Field("check fact")),
    }
}
