//! The identity of a request between institutions, and how a later message names it.
//!
//! A request is known by its transmission time (data element 7; 12 in the 1993 version), its trace
//! number (11), acquirer (32) and forwarder (33), within the class of its message type (CARD-2).
//! Data element 90 (56) repeats them of the original.

use sha2::{Digest, Sha256};

use crate::refusal::Refusal;
use crate::repeat::trace_of;
use crate::speech::Tongue;
use card::LegKey;
use iso8583::{Message, Mti, MtiOrigin};
use registry::ParticipantId;

/// What numbers a request between institutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NetworkLeg {
    /// Class and function count; who began and repeats do not.
    pub(crate) mti: Mti,
    /// Data element 11.
    pub(crate) trace: u32,
    /// Data element 7, MMDDhhmmss, or 12 of the 1993 version, YYMMDDhhmmss, as a number.
    pub(crate) moment: u64,
    /// Data element 32; 0 = did not come.
    pub(crate) acquirer: u64,
    /// Data element 33; 0 = did not come, and in the 1993 version, which does not repeat it.
    pub(crate) forwarder: u64,
}

impl Tongue {
    /// The data element that tells when a request was sent.
    pub(crate) const fn moment(self) -> u8 {
        match self {
            Self::Cups | Self::Iso87 => 7,
            Self::Iso93 => 12,
        }
    }

    /// The data element that names an original.
    pub(crate) const fn original(self) -> u8 {
        match self {
            Self::Cups | Self::Iso87 => 90,
            Self::Iso93 => 56,
        }
    }
}

impl NetworkLeg {
    /// Of a message itself.
    pub(crate) fn of(message: &Message<'_>, tongue: Tongue) -> Result<Self, Refusal> {
        let number = tongue.moment();
        let moment = message.number(number).ok_or(Refusal::Missing { number })?;
        let forwarder = match tongue {
            Tongue::Cups | Tongue::Iso87 => message.number(33).unwrap_or(0),
            Tongue::Iso93 => 0,
        };
        Ok(Self {
            mti: message.mti(),
            trace: trace_of(message).ok_or(Refusal::Missing { number: 11 })?,
            moment,
            acquirer: message.number(32).unwrap_or(0),
            forwarder,
        })
    }

    /// Of the original that a message names; `None` when it names none.
    pub(crate) fn of_original(
        message: &Message<'_>,
        tongue: Tongue,
    ) -> Result<Option<Self>, Refusal> {
        let number = tongue.original();
        let digits = message.digits(number);
        let text = digits.as_deref().or_else(|| message.text(number));
        let Some(text) = text else {
            return Ok(None);
        };
        let original = match tongue {
            Tongue::Cups | Tongue::Iso87 => original_1987(text),
            Tongue::Iso93 => original_1993(text),
        };
        original.map(Some).ok_or(Refusal::Form { number })
    }

    /// First 12 bytes of SHA-256 over the participant and each part in its fixed width. Holds no
    /// date of ours, so that no clock decides it.
    pub(crate) fn key(&self, participant: ParticipantId) -> LegKey {
        let mti = Mti::new(self.mti.class(), self.mti.function(), MtiOrigin::Acquirer);
        let digest = Sha256::new()
            .chain_update(b"network")
            .chain_update(participant.padded())
            .chain_update(self.moment.to_be_bytes())
            .chain_update(self.trace.to_be_bytes())
            .chain_update(self.acquirer.to_be_bytes())
            .chain_update(self.forwarder.to_be_bytes())
            .chain_update(mti.digits())
            .finalize();
        LegKey(*digest.first_chunk().expect("a SHA-256 digest has 32 bytes"))
    }
}

/// 42 digits: message type 4, trace 6, time 10, acquirer 11, forwarder 11.
fn original_1987(digits: &[u8]) -> Option<NetworkLeg> {
    let (mti, rest) = digits.split_first_chunk::<4>()?;
    let (trace, rest) = rest.split_first_chunk::<6>()?;
    let (moment, rest) = rest.split_first_chunk::<10>()?;
    let (acquirer, rest) = rest.split_first_chunk::<11>()?;
    let forwarder: &[u8; 11] = rest.try_into().ok()?;
    Some(NetworkLeg {
        mti: Mti::parse(*mti)?,
        trace: u32::try_from(number(trace)?).ok()?,
        moment: number(moment)?,
        acquirer: number(acquirer)?,
        forwarder: number(forwarder)?,
    })
}

/// Message type 4, trace 6, local time 12, two length digits and the acquirer.
fn original_1993(digits: &[u8]) -> Option<NetworkLeg> {
    let (mti, rest) = digits.split_first_chunk::<4>()?;
    let (trace, rest) = rest.split_first_chunk::<6>()?;
    let (moment, rest) = rest.split_first_chunk::<12>()?;
    let (length, acquirer) = rest.split_first_chunk::<2>()?;
    if number(length)? != u64::try_from(acquirer.len()).ok()? {
        return None;
    }
    Some(NetworkLeg {
        mti: Mti::parse(*mti)?,
        trace: u32::try_from(number(trace)?).ok()?,
        moment: number(moment)?,
        acquirer: if acquirer.is_empty() {
            0
        } else {
            number(acquirer)?
        },
        forwarder: 0,
    })
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg() -> NetworkLeg {
        NetworkLeg {
            mti: Mti::FINANCIAL_REQUEST,
            trace: 100_003,
            moment: 511_193_001,
            acquirer: 69_980_290,
            forwarder: 69_980_290,
        }
    }

    #[test]
    fn data_element_90_names_the_request() {
        let original = original_1987(b"020010000305111930010006998029000069980290").unwrap();
        assert_eq!(original, leg());
        let repeat = original_1987(b"020110000305111930010006998029000069980290").unwrap();
        let us = ParticipantId::parse("69980290").unwrap();
        assert_eq!(repeat.key(us), leg().key(us), "a repeat has the same key");
    }

    #[test]
    fn data_element_56_names_the_request() {
        let original = original_1993(b"12000000031705111930000869980290").unwrap();
        assert_eq!(original.trace, 3);
        assert_eq!(original.moment, 170_511_193_000);
        assert_eq!(original.acquirer, 69_980_290);
        assert_eq!(original_1993(b"1200000003170511193000096998029"), None);
    }

    #[test]
    fn wrong_forms_name_nothing() {
        for text in [
            "",
            "0200",
            "02001000030511193001000699802900006998029",
            "0200100003051119300100069980290000699802900",
            "0200 00003051119300100069980290000699802 0",
            "9999100003051119300100069980290000069980290",
        ] {
            assert_eq!(original_1987(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_part_of_a_key_counts() {
        let us = ParticipantId::parse("69980290").unwrap();
        let base = leg().key(us);
        let others = [
            NetworkLeg {
                trace: 100_004,
                ..leg()
            },
            NetworkLeg {
                moment: 511_193_002,
                ..leg()
            },
            NetworkLeg {
                acquirer: 69_980_291,
                ..leg()
            },
            NetworkLeg {
                forwarder: 0,
                ..leg()
            },
            NetworkLeg {
                mti: Mti::FINANCIAL_ADVICE,
                ..leg()
            },
            NetworkLeg {
                mti: Mti::AUTHORIZATION_REQUEST,
                ..leg()
            },
        ];
        for other in others {
            assert_ne!(other.key(us), base, "{other:?}");
        }
        assert_ne!(leg().key(ParticipantId::parse("69980291").unwrap()), base);
    }
}
