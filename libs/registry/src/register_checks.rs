//! What must hold in a register before anybody may rely on it.

use std::collections::BTreeMap;

use crate::names::ParticipantId;
use crate::register::{Merchant, Participant, Terminal};
use card::{FeeTerms, MerchantId, TerminalId};

/// The highest merchant category.
const CATEGORY_MAX: u16 = 9_999;
/// Parts per million of a fee that takes the whole amount.
const RATE_PPM_MAX: u32 = 1_000_000;

/// What does not fit in a register, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Two participants have one code.
    #[error("participant {0} is listed twice; remove one of them")]
    ParticipantTwice(ParticipantId),
    /// Two merchants have one id.
    #[error("merchant {0} is listed twice; remove one of them")]
    MerchantTwice(MerchantId),
    /// The category has more than four digits.
    #[error("merchant {merchant} has category {category}; write four digits, at most 9999")]
    Category {
        /// Whose.
        merchant: MerchantId,
        /// As it was written.
        category: u16,
    },
    /// The rate is over the whole amount.
    #[error("merchant {merchant} pays {rate_ppm} ppm; write at most 1000000, 0.6 % is 6000")]
    FeeRate {
        /// Whose.
        merchant: MerchantId,
        /// As it was written.
        rate_ppm: u32,
    },
    /// The least fee is over the most.
    #[error(
        "merchant {merchant} pays at least {min_minor} and at most {max_minor}; write a maximum \
         that is not below, or 0 for none"
    )]
    FeeRange {
        /// Whose.
        merchant: MerchantId,
        /// As it was written.
        min_minor: u32,
        /// As it was written.
        max_minor: u32,
    },
    /// A terminal is connected by nobody.
    #[error("terminal {terminal} belongs to participant {participant}, which is not listed")]
    UnknownParticipant {
        /// Which.
        terminal: TerminalId,
        /// As it was written.
        participant: ParticipantId,
    },
    /// A terminal stands nowhere.
    #[error("terminal {terminal} stands at merchant {merchant}, which is not listed")]
    UnknownMerchant {
        /// Which.
        terminal: TerminalId,
        /// As it was written.
        merchant: MerchantId,
    },
    /// A run of terminals cannot be counted.
    #[error("terminals {first} to {last} cannot be counted; write 8 digits for both")]
    RunNotDigits {
        /// As it was written.
        first: TerminalId,
        /// As it was written.
        last: TerminalId,
    },
    /// A run of terminals ends before it begins.
    #[error("terminals {first} to {last} run backwards; swap them")]
    RunBackwards {
        /// As it was written.
        first: TerminalId,
        /// As it was written.
        last: TerminalId,
    },
    /// One terminal is listed in two places.
    #[error(
        "terminal {terminal} of participant {participant} is listed twice, at merchants \
         {merchants:?}; change one of the runs"
    )]
    TerminalTwice {
        /// The first id that both have.
        terminal: TerminalId,
        /// Whose.
        participant: ParticipantId,
        /// Where, by the two entries.
        merchants: [String; 2],
    },
}

pub(crate) fn participants(
    list: Vec<Participant>,
) -> Result<BTreeMap<ParticipantId, Participant>, RegisterError> {
    let mut by_id = BTreeMap::new();
    for participant in list {
        let id = participant.id;
        if by_id.insert(id, participant).is_some() {
            return Err(RegisterError::ParticipantTwice(id));
        }
    }
    Ok(by_id)
}

pub(crate) fn merchants(
    list: Vec<Merchant>,
) -> Result<BTreeMap<MerchantId, Merchant>, RegisterError> {
    let mut by_id = BTreeMap::new();
    for merchant in list {
        let id = merchant.id;
        check_merchant(&merchant)?;
        if by_id.insert(id, merchant).is_some() {
            return Err(RegisterError::MerchantTwice(id));
        }
    }
    Ok(by_id)
}

fn check_merchant(
    Merchant {
        id, category, fee, ..
    }: &Merchant,
) -> Result<(), RegisterError> {
    let (merchant, category) = (*id, *category);
    let FeeTerms {
        rate_ppm,
        min_minor,
        max_minor,
        ..
    } = *fee;
    if category > CATEGORY_MAX {
        return Err(RegisterError::Category { merchant, category });
    }
    if rate_ppm > RATE_PPM_MAX {
        return Err(RegisterError::FeeRate { merchant, rate_ppm });
    }
    if max_minor != 0 && min_minor > max_minor {
        return Err(RegisterError::FeeRange {
            merchant,
            min_minor,
            max_minor,
        });
    }
    Ok(())
}

/// Checks that each terminal names a participant and a merchant that exist.
pub(crate) fn terminals(
    list: &[Terminal],
    participants: &BTreeMap<ParticipantId, Participant>,
    merchants: &BTreeMap<MerchantId, Merchant>,
) -> Result<(), RegisterError> {
    for Terminal {
        participant,
        first,
        merchant,
        ..
    } in list
    {
        let (terminal, participant, merchant) = (*first, *participant, *merchant);
        if !participants.contains_key(&participant) {
            return Err(RegisterError::UnknownParticipant {
                terminal,
                participant,
            });
        }
        if !merchants.contains_key(&merchant) {
            return Err(RegisterError::UnknownMerchant { terminal, merchant });
        }
    }
    Ok(())
}
