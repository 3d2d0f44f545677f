//! Which business a message between institutions is: one row per kind and dialect.
//!
//! Message type, the first two digits of the processing code (data element 3) and the condition
//! code (25; in the 1993 version the function code, 24) decide together. The first row that fits is
//! taken.

use crate::ask::Kind;
use crate::ask::Reversible::{self, No, Yes};
use crate::speech::Tongue;
use iso8583::{Mti, MtiClass, MtiFunction};

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// A business that the card decides.
    Offered(Kind, Reversible),
    /// One that prepaid cards must not do: cash, and money out to other accounts.
    Forbidden,
}

/// Values of the condition code, or in the 1993 version of the function code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Any,
    OneOf(&'static [&'static [u8]]),
    NoneOf(&'static [&'static [u8]]),
}

/// One row of a table.
#[derive(Debug)]
pub(crate) struct KindRow {
    pub(crate) service: Service,
    class: MtiClass,
    function: MtiFunction,
    processing_code: &'static [u8; 2],
    when: When,
    /// Data elements that it needs beyond those that every request needs. 90 stands for the
    /// original's data element of the dialect.
    pub(crate) required: &'static [u8],
}

const AUTHORIZATION: (MtiClass, MtiFunction) = (MtiClass::Authorization, MtiFunction::Request);
const REQUEST: (MtiClass, MtiFunction) = (MtiClass::Financial, MtiFunction::Request);
const ADVICE: (MtiClass, MtiFunction) = (MtiClass::Financial, MtiFunction::Advice);

/// Condition code of what belongs to a pre-authorisation.
const PRE_AUTH: When = When::OneOf(&[b"06"]);
const NO_PRE_AUTH: When = When::NoneOf(&[b"06"]);
/// Function codes of a financial message that captures an earlier authorisation.
const CAPTURE: When = When::OneOf(&[b"201", b"202"]);
const NO_CAPTURE: When = When::NoneOf(&[b"201", b"202"]);

const fn offered(kind: Kind, reversible: Reversible) -> Service {
    Service::Offered(kind, reversible)
}

#[rustfmt::skip]
const CUPS: &[KindRow] = &[
    row(offered(Kind::BalanceInquiry,    No),  REQUEST,       b"30", When::Any,   &[]),
    row(offered(Kind::Purchase,          Yes), REQUEST,       b"00", NO_PRE_AUTH, &[4]),
    row(offered(Kind::PurchaseVoid,      Yes), REQUEST,       b"20", NO_PRE_AUTH, &[4, 38, 90]),
    row(offered(Kind::Refund,            No),  ADVICE,        b"20", NO_PRE_AUTH, &[4, 90]),
    row(offered(Kind::PreAuth,           Yes), AUTHORIZATION, b"03", PRE_AUTH,    &[4]),
    row(offered(Kind::PreAuthVoid,       Yes), AUTHORIZATION, b"20", PRE_AUTH,    &[4, 38]),
    row(offered(Kind::CompletionRequest, Yes), REQUEST,       b"00", PRE_AUTH,    &[4, 38]),
    row(offered(Kind::CompletionVoid,    Yes), REQUEST,       b"20", PRE_AUTH,    &[4, 38, 90]),
    row(offered(Kind::CompletionAdvice,  No),  ADVICE,        b"00", PRE_AUTH,    &[4, 38]),
    row(offered(Kind::AccountCheck,      No),  AUTHORIZATION, b"33", When::Any,   &[]),
    row(offered(Kind::TransferIn,        Yes), REQUEST,       b"47", When::Any,   &[4]),
    row(offered(Kind::TransferInConfirmation, No), ADVICE,    b"47", When::Any,   &[4, 90]),
    row(Service::Forbidden,                    REQUEST,       b"01", When::Any,   &[]),
    row(Service::Forbidden,                    REQUEST,       b"40", When::Any,   &[]),
    row(Service::Forbidden,                    REQUEST,       b"46", When::Any,   &[]),
];

#[rustfmt::skip]
const ISO87: &[KindRow] = &[
    row(offered(Kind::BalanceInquiry,    No),  REQUEST,       b"30", When::Any,   &[]),
    row(offered(Kind::BalanceInquiry,    No),  REQUEST,       b"31", When::Any,   &[]),
    row(offered(Kind::BalanceInquiry,    No),  AUTHORIZATION, b"30", When::Any,   &[]),
    row(offered(Kind::BalanceInquiry,    No),  AUTHORIZATION, b"31", When::Any,   &[]),
    row(offered(Kind::CompletionRequest, Yes), REQUEST,       b"00", PRE_AUTH,    &[4, 38]),
    row(offered(Kind::Purchase,          Yes), REQUEST,       b"00", NO_PRE_AUTH, &[4]),
    row(offered(Kind::CompletionAdvice,  No),  ADVICE,        b"00", When::Any,   &[4, 38]),
    row(offered(Kind::CompletionVoid,    Yes), REQUEST,       b"20", PRE_AUTH,    &[4, 38, 90]),
    row(offered(Kind::Refund,            No),  REQUEST,       b"20", NO_PRE_AUTH, &[4, 90]),
    row(offered(Kind::Refund,            No),  ADVICE,        b"20", When::Any,   &[4, 90]),
    row(offered(Kind::PreAuth,           Yes), AUTHORIZATION, b"00", When::Any,   &[4]),
    row(offered(Kind::PreAuth,           Yes), AUTHORIZATION, b"03", When::Any,   &[4]),
    row(offered(Kind::PreAuthVoid,       Yes), AUTHORIZATION, b"20", When::Any,   &[4, 38]),
    row(offered(Kind::AccountCheck,      No),  AUTHORIZATION, b"33", When::Any,   &[]),
    row(offered(Kind::CashTopUp,         Yes), REQUEST,       b"21", When::Any,   &[4]),
    row(offered(Kind::CashTopUpConfirmation, No), ADVICE,     b"21", When::Any,   &[4, 90]),
    row(Service::Forbidden,                    REQUEST,       b"01", When::Any,   &[]),
    row(Service::Forbidden,                    REQUEST,       b"40", When::Any,   &[]),
];

#[rustfmt::skip]
const ISO93: &[KindRow] = &[
    row(offered(Kind::BalanceInquiry,    No),  AUTHORIZATION, b"30", When::Any,   &[]),
    row(offered(Kind::BalanceInquiry,    No),  AUTHORIZATION, b"31", When::Any,   &[]),
    row(offered(Kind::BalanceInquiry,    No),  REQUEST,       b"30", When::Any,   &[]),
    row(offered(Kind::BalanceInquiry,    No),  REQUEST,       b"31", When::Any,   &[]),
    row(offered(Kind::CompletionRequest, Yes), REQUEST,       b"00", CAPTURE,     &[4, 38]),
    row(offered(Kind::Purchase,          Yes), REQUEST,       b"00", NO_CAPTURE,  &[4]),
    row(offered(Kind::CompletionAdvice,  No),  ADVICE,        b"00", When::Any,   &[4, 38]),
    row(offered(Kind::Refund,            No),  REQUEST,       b"20", When::Any,   &[4, 90]),
    row(offered(Kind::Refund,            No),  ADVICE,        b"20", When::Any,   &[4, 90]),
    row(offered(Kind::PreAuth,           Yes), AUTHORIZATION, b"00", When::Any,   &[4]),
    row(offered(Kind::PreAuthVoid,       Yes), AUTHORIZATION, b"20", When::Any,   &[4, 38]),
    row(offered(Kind::AccountCheck,      No),  AUTHORIZATION, b"33", When::Any,   &[]),
    row(offered(Kind::CashTopUp,         Yes), REQUEST,       b"21", When::Any,   &[4]),
    row(offered(Kind::CashTopUpConfirmation, No), ADVICE,     b"21", When::Any,   &[4, 90]),
    row(Service::Forbidden,                    REQUEST,       b"01", When::Any,   &[]),
    row(Service::Forbidden,                    REQUEST,       b"40", When::Any,   &[]),
];

const fn row(
    service: Service,
    (class, function): (MtiClass, MtiFunction),
    processing_code: &'static [u8; 2],
    when: When,
    required: &'static [u8],
) -> KindRow {
    KindRow {
        service,
        class,
        function,
        processing_code,
        when,
        required,
    }
}

impl KindRow {
    /// The row of a message. `None`: not offered by this switch.
    pub(crate) fn find(tongue: Tongue, mti: Mti, codes: &Codes<'_>) -> Option<&'static Self> {
        rows(tongue)
            .iter()
            .find(|row| row.is_of(mti, codes.processing_code) && row.when.fits(codes.condition))
    }

    /// What a reversal of such a message undoes. Its condition is not known for certain: what can
    /// be reversed under one of them, may be.
    pub(crate) fn find_undone(
        tongue: Tongue,
        original: Mti,
        processing_code: &[u8],
    ) -> Option<&'static Self> {
        let rows = rows(tongue).iter();
        let fitting = rows.filter(|row| row.is_of(original, processing_code));
        let is_reversible = |row: &&Self| matches!(row.service, Service::Offered(_, Yes));
        fitting
            .clone()
            .find(is_reversible)
            .or(fitting.clone().next())
    }

    fn is_of(&self, mti: Mti, processing_code: &[u8]) -> bool {
        (self.class, self.function) == (mti.class(), mti.function())
            && processing_code.starts_with(self.processing_code)
    }
}

impl When {
    fn fits(self, condition: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(values) => values.contains(&condition),
            Self::NoneOf(values) => !values.contains(&condition),
        }
    }
}

const fn rows(tongue: Tongue) -> &'static [KindRow] {
    match tongue {
        Tongue::Cups => CUPS,
        Tongue::Iso87 => ISO87,
        Tongue::Iso93 => ISO93,
    }
}

/// What tells the kinds apart, beside the message type.
#[derive(Debug)]
pub(crate) struct Codes<'a> {
    /// Data element 3.
    pub(crate) processing_code: &'a [u8],
    /// Data element 25, or 24 in the 1993 version; empty when it did not come.
    pub(crate) condition: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tongue: Tongue, rows: &[(&[u8; 4], &str, &str, Option<Kind>)]) {
        for (mti, f3, condition, expected) in rows {
            let codes = Codes {
                processing_code: f3.as_bytes(),
                condition: condition.as_bytes(),
            };
            let mti = Mti::parse(**mti).unwrap();
            let found = KindRow::find(tongue, mti, &codes).and_then(|row| match row.service {
                Service::Offered(kind, _) => Some(kind),
                Service::Forbidden => None,
            });
            assert_eq!(found, *expected, "{mti} {f3} {condition}");
        }
    }

    #[test]
    fn businesses_of_the_interbank_network() {
        check(
            Tongue::Cups,
            &[
                (b"0200", "300000", "00", Some(Kind::BalanceInquiry)),
                (b"0200", "300000", "02", Some(Kind::BalanceInquiry)),
                (b"0200", "000000", "00", Some(Kind::Purchase)),
                (b"0200", "200000", "00", Some(Kind::PurchaseVoid)),
                (b"0220", "200000", "00", Some(Kind::Refund)),
                (b"0100", "030000", "06", Some(Kind::PreAuth)),
                (b"0100", "200000", "06", Some(Kind::PreAuthVoid)),
                (b"0200", "000000", "06", Some(Kind::CompletionRequest)),
                (b"0200", "200000", "06", Some(Kind::CompletionVoid)),
                (b"0220", "000000", "06", Some(Kind::CompletionAdvice)),
                (b"0200", "470000", "00", Some(Kind::TransferIn)),
                (b"0220", "470000", "00", Some(Kind::TransferInConfirmation)),
                (b"0100", "330000", "00", Some(Kind::AccountCheck)),
                (b"0200", "600000", "91", None), // E-cash load.
                (b"0200", "010000", "02", None), // Cash: forbidden.
                (b"0200", "460000", "00", None), // Money out: forbidden.
                (b"0620", "000000", "00", None), // Script result.
                (b"0200", "", "", None),
            ],
        );
    }

    #[test]
    fn businesses_of_proprietary_networks() {
        check(
            Tongue::Iso87,
            &[
                (b"0100", "310000", "00", Some(Kind::BalanceInquiry)),
                (b"0200", "000000", "", Some(Kind::Purchase)),
                (b"0200", "200000", "00", Some(Kind::Refund)),
                (b"0100", "000000", "06", Some(Kind::PreAuth)),
                (b"0220", "000000", "00", Some(Kind::CompletionAdvice)),
                (b"0200", "210000", "00", Some(Kind::CashTopUp)),
            ],
        );
    }

    #[test]
    fn forbidden_is_not_the_same_as_unknown() {
        for tongue in [Tongue::Cups, Tongue::Iso87, Tongue::Iso93] {
            let codes = Codes {
                processing_code: b"012000",
                condition: b"02",
            };
            let row = KindRow::find(tongue, Mti::FINANCIAL_REQUEST, &codes).unwrap();
            assert_eq!(row.service, Service::Forbidden);
        }
    }
}
