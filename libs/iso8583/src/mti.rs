//! The message type indicator: version, class, function, origin.

use std::fmt;

/// Which version of the standard a message type is of: the first digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MtiVersion {
    /// 0: of 1987, as in China's dialects.
    V1987,
    /// 1: of 1993.
    V1993,
}

/// What a message is about: the second digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MtiClass {
    /// 1: may money be used later (pre-authorisation).
    Authorization,
    /// 2: money moves now.
    Financial,
    /// 3: batch upload and other file actions.
    FileAction,
    /// 4: undo of an earlier message.
    Reversal,
    /// 5: totals.
    Reconciliation,
    /// 6: administrative, such as a script result.
    Administrative,
    /// 8: sign-on, sign-off, echo, keys, parameters.
    NetworkManagement,
}

/// Whether it asks or answers: the third digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MtiFunction {
    /// 0: asks.
    Request,
    /// 1: answers a request.
    RequestResponse,
    /// 2: tells what was done already.
    Advice,
    /// 3: confirms an advice.
    AdviceResponse,
}

/// Who began, and whether this is a repeat: the fourth digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MtiOrigin {
    /// 0.
    Acquirer,
    /// 1.
    AcquirerRepeat,
    /// 2.
    Issuer,
    /// 3.
    IssuerRepeat,
    /// 4.
    Other,
    /// 5.
    OtherRepeat,
}

/// Message type indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mti {
    version: MtiVersion,
    class: MtiClass,
    function: MtiFunction,
    origin: MtiOrigin,
}

impl Mti {
    /// 0100.
    pub const AUTHORIZATION_REQUEST: Self =
        Self::acquirer(MtiClass::Authorization, MtiFunction::Request);
    /// 0110.
    pub const AUTHORIZATION_RESPONSE: Self =
        Self::acquirer(MtiClass::Authorization, MtiFunction::RequestResponse);
    /// 0200.
    pub const FINANCIAL_REQUEST: Self = Self::acquirer(MtiClass::Financial, MtiFunction::Request);
    /// 0210.
    pub const FINANCIAL_RESPONSE: Self =
        Self::acquirer(MtiClass::Financial, MtiFunction::RequestResponse);
    /// 0220.
    pub const FINANCIAL_ADVICE: Self = Self::acquirer(MtiClass::Financial, MtiFunction::Advice);
    /// 0230.
    pub const FINANCIAL_ADVICE_RESPONSE: Self =
        Self::acquirer(MtiClass::Financial, MtiFunction::AdviceResponse);
    /// 0400.
    pub const REVERSAL_REQUEST: Self = Self::acquirer(MtiClass::Reversal, MtiFunction::Request);
    /// 0410.
    pub const REVERSAL_RESPONSE: Self =
        Self::acquirer(MtiClass::Reversal, MtiFunction::RequestResponse);
    /// 0420.
    pub const REVERSAL_ADVICE: Self = Self::acquirer(MtiClass::Reversal, MtiFunction::Advice);
    /// 0430.
    pub const REVERSAL_ADVICE_RESPONSE: Self =
        Self::acquirer(MtiClass::Reversal, MtiFunction::AdviceResponse);
    /// 0800.
    pub const NETWORK_REQUEST: Self =
        Self::acquirer(MtiClass::NetworkManagement, MtiFunction::Request);
    /// 0810.
    pub const NETWORK_RESPONSE: Self =
        Self::acquirer(MtiClass::NetworkManagement, MtiFunction::RequestResponse);
    /// 0820.
    pub const NETWORK_ADVICE: Self =
        Self::acquirer(MtiClass::NetworkManagement, MtiFunction::Advice);
    /// 0830.
    pub const NETWORK_ADVICE_RESPONSE: Self =
        Self::acquirer(MtiClass::NetworkManagement, MtiFunction::AdviceResponse);

    /// Puts an indicator of the 1987 version together.
    #[must_use]
    pub const fn new(class: MtiClass, function: MtiFunction, origin: MtiOrigin) -> Self {
        Self {
            version: MtiVersion::V1987,
            class,
            function,
            origin,
        }
    }

    /// The same type in a version of the standard: 0200 of 1987 is 1200 of 1993.
    #[must_use]
    pub const fn in_version(mut self, version: MtiVersion) -> Self {
        self.version = version;
        self
    }

    /// Reads four ASCII digits; `None` when the trade does not use such a message.
    #[must_use]
    pub fn parse(digits: [u8; 4]) -> Option<Self> {
        let [version, class, function, origin] = digits;
        let version = match version {
            b'0' => MtiVersion::V1987,
            b'1' => MtiVersion::V1993,
            _ => return None,
        };
        let class = match class {
            b'1' => MtiClass::Authorization,
            b'2' => MtiClass::Financial,
            b'3' => MtiClass::FileAction,
            b'4' => MtiClass::Reversal,
            b'5' => MtiClass::Reconciliation,
            b'6' => MtiClass::Administrative,
            b'8' => MtiClass::NetworkManagement,
            _ => return None,
        };
        let function = match function {
            b'0' => MtiFunction::Request,
            b'1' => MtiFunction::RequestResponse,
            b'2' => MtiFunction::Advice,
            b'3' => MtiFunction::AdviceResponse,
            _ => return None,
        };
        let origin = match origin {
            b'0' => MtiOrigin::Acquirer,
            b'1' => MtiOrigin::AcquirerRepeat,
            b'2' => MtiOrigin::Issuer,
            b'3' => MtiOrigin::IssuerRepeat,
            b'4' => MtiOrigin::Other,
            b'5' => MtiOrigin::OtherRepeat,
            _ => return None,
        };
        Some(Self {
            version,
            class,
            function,
            origin,
        })
    }

    /// Four ASCII digits.
    #[must_use]
    pub fn digits(self) -> [u8; 4] {
        let version = match self.version {
            MtiVersion::V1987 => b'0',
            MtiVersion::V1993 => b'1',
        };
        let class = match self.class {
            MtiClass::Authorization => b'1',
            MtiClass::Financial => b'2',
            MtiClass::FileAction => b'3',
            MtiClass::Reversal => b'4',
            MtiClass::Reconciliation => b'5',
            MtiClass::Administrative => b'6',
            MtiClass::NetworkManagement => b'8',
        };
        let function = match self.function {
            MtiFunction::Request => b'0',
            MtiFunction::RequestResponse => b'1',
            MtiFunction::Advice => b'2',
            MtiFunction::AdviceResponse => b'3',
        };
        let origin = match self.origin {
            MtiOrigin::Acquirer => b'0',
            MtiOrigin::AcquirerRepeat => b'1',
            MtiOrigin::Issuer => b'2',
            MtiOrigin::IssuerRepeat => b'3',
            MtiOrigin::Other => b'4',
            MtiOrigin::OtherRepeat => b'5',
        };
        [version, class, function, origin]
    }

    /// Which version of the standard it is of.
    #[must_use]
    pub const fn version(self) -> MtiVersion {
        self.version
    }

    /// What the message is about.
    #[must_use]
    pub const fn class(self) -> MtiClass {
        self.class
    }

    /// Whether it asks or answers.
    #[must_use]
    pub const fn function(self) -> MtiFunction {
        self.function
    }

    /// Who began.
    #[must_use]
    pub const fn origin(self) -> MtiOrigin {
        self.origin
    }

    /// The indicator of the answer: 0200 and its repeat 0201 get 0210, 0220 gets 0230.
    ///
    /// `None` for what is an answer itself.
    #[must_use]
    pub fn response(self) -> Option<Self> {
        let function = match self.function {
            MtiFunction::Request => MtiFunction::RequestResponse,
            MtiFunction::Advice => MtiFunction::AdviceResponse,
            MtiFunction::RequestResponse | MtiFunction::AdviceResponse => return None,
        };
        let origin = match self.origin {
            MtiOrigin::Acquirer | MtiOrigin::AcquirerRepeat => MtiOrigin::Acquirer,
            MtiOrigin::Issuer | MtiOrigin::IssuerRepeat => MtiOrigin::Issuer,
            MtiOrigin::Other | MtiOrigin::OtherRepeat => MtiOrigin::Other,
        };
        Some(Self {
            version: self.version,
            class: self.class,
            function,
            origin,
        })
    }

    const fn acquirer(class: MtiClass, function: MtiFunction) -> Self {
        Self::new(class, function, MtiOrigin::Acquirer)
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_indicator_comes_back_and_others_are_refused() {
        let mut accepted_count = 0;
        for number in 0..10_000_u32 {
            let digits: [u8; 4] = format!("{number:04}").into_bytes().try_into().unwrap();
            let Some(mti) = Mti::parse(digits) else {
                continue;
            };
            assert_eq!(mti.digits(), digits);
            assert_eq!(mti.to_string(), format!("{number:04}"));
            accepted_count += 1;
        }
        assert_eq!(accepted_count, 2 * 7 * 4 * 6);
        assert_eq!(Mti::parse(*b"9900"), None);
        assert_eq!(Mti::parse(*b"2200"), None);
        let of_1993 = Mti::FINANCIAL_REQUEST.in_version(MtiVersion::V1993);
        assert_eq!(Mti::parse(*b"1200"), Some(of_1993));
        assert_eq!(Mti::parse(*b"02A0"), None);
    }

    #[test]
    fn answers_pair_with_requests() {
        for (request, response) in [
            (*b"0100", Some("0110")),
            (*b"0200", Some("0210")),
            (*b"0201", Some("0210")),
            (*b"0220", Some("0230")),
            (*b"0400", Some("0410")),
            (*b"0421", Some("0430")),
            (*b"0802", Some("0812")),
            (*b"1421", Some("1430")),
            (*b"0210", None),
            (*b"0230", None),
        ] {
            let answer = Mti::parse(request).unwrap().response();
            assert_eq!(answer.map(|mti| mti.to_string()).as_deref(), response);
        }
        assert_eq!(
            Mti::FINANCIAL_REQUEST.response(),
            Some(Mti::FINANCIAL_RESPONSE)
        );
    }
}
