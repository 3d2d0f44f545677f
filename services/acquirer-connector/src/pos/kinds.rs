//! Which business a message of the terminal dialect is: one row per kind.
//!
//! Message type, processing code (data element 3), condition code (25) and transaction type (60.1)
//! decide together. A new kind is a new row here and its [`card::Request`] in `ask`.

use crate::ask::Kind;
use crate::ask::Reversible::{self, No, Yes};
use crate::keys::is_reversal;
use iso8583::Mti;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct KindRow {
    pub(crate) kind: Kind,
    pub(crate) mti: Mti,
    processing_code: &'static [u8; 6],
    condition_code: &'static [u8; 2],
    transaction_type: u8,
    pub(crate) reversible: Reversible,
    /// Data elements that it needs beyond those that every request needs.
    pub(crate) required: &'static [u8],
    /// What data element 61 points at by batch and trace, when the original must be of the same
    /// terminal. Completions, refunds and the void of a hold may come from another terminal of the
    /// merchant: they are found by approval code and reference alone.
    pub(crate) points_at: Option<Kind>,
}

const REQUEST: Mti = Mti::FINANCIAL_REQUEST;
const ADVICE: Mti = Mti::FINANCIAL_ADVICE;
const AUTHORIZATION: Mti = Mti::AUTHORIZATION_REQUEST;

#[rustfmt::skip]
const ROWS: &[KindRow] = &[
    row(Kind::BalanceInquiry,    REQUEST,       b"310000", b"00",  1, No,  &[]),
    row(Kind::Purchase,          REQUEST,       b"000000", b"00", 22, Yes, &[4]),
    row(Kind::PurchaseVoid,      REQUEST,       b"200000", b"00", 23, Yes, &[4, 37, 38, 61]).of(Kind::Purchase),
    row(Kind::Refund,            ADVICE,        b"200000", b"00", 25, No,  &[4, 37]),
    row(Kind::PreAuth,           AUTHORIZATION, b"030000", b"06", 10, Yes, &[4]),
    row(Kind::PreAuthVoid,       AUTHORIZATION, b"200000", b"06", 11, Yes, &[4, 38]),
    row(Kind::CompletionRequest, REQUEST,       b"000000", b"06", 20, Yes, &[4, 38]),
    row(Kind::CompletionVoid,    REQUEST,       b"200000", b"06", 21, Yes, &[4, 37, 38, 61]).of(Kind::CompletionRequest),
    row(Kind::CompletionAdvice,  ADVICE,        b"000000", b"06", 24, No,  &[4, 38]),
    row(Kind::AccountCheck,      AUTHORIZATION, b"330000", b"00",  1, No,  &[]),
    row(Kind::OfflineSale,       ADVICE,        b"000000", b"00", 30, No,  &[4, 38]),
    row(Kind::SaleAdjustment,    ADVICE,        b"000000", b"00", 32, No,  &[4, 37, 38]),
    row(Kind::TipAdjustment,     ADVICE,        b"000000", b"00", 34, No,  &[4, 37, 38]),
    row(Kind::CashTopUp,         REQUEST,       b"630000", b"00", 48, Yes, &[4]),
    row(Kind::CashTopUpConfirmation, ADVICE,    b"630000", b"00", 48, No,  &[4]),
];

#[expect(
    clippy::too_many_arguments,
    reason = "a row of a table is as wide as the table"
)]
const fn row(
    kind: Kind,
    mti: Mti,
    processing_code: &'static [u8; 6],
    condition_code: &'static [u8; 2],
    transaction_type: u8,
    reversible: Reversible,
    required: &'static [u8],
) -> KindRow {
    KindRow {
        kind,
        mti,
        processing_code,
        condition_code,
        transaction_type,
        reversible,
        required,
        points_at: None,
    }
}

impl KindRow {
    const fn of(mut self, original: Kind) -> Self {
        self.points_at = Some(original);
        self
    }

    /// The row that a message is, or that a reversal undoes. `None`: not offered by this switch.
    pub(crate) fn find(mti: Mti, codes: &Codes<'_>) -> Option<&'static Self> {
        let is_reversal = is_reversal(mti);
        ROWS.iter().find(|row| {
            (is_reversal || (row.mti.class(), row.mti.function()) == (mti.class(), mti.function()))
                && row.processing_code == codes.processing_code
                && row.condition_code == codes.condition_code
                && row.transaction_type == codes.transaction_type
        })
    }

    /// The row of a kind. Each has one.
    pub(crate) fn of_kind(kind: Kind) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.kind == kind)
    }
}

/// What tells the kinds apart, beside the message type.
#[derive(Debug)]
pub(crate) struct Codes<'a> {
    /// Data element 3.
    pub(crate) processing_code: &'a [u8],
    /// Data element 25.
    pub(crate) condition_code: &'a [u8],
    /// Data element 60.1.
    pub(crate) transaction_type: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(mti: &[u8; 4], (f3, f25, f60): (&str, &str, u8)) -> Option<Kind> {
        let codes = Codes {
            processing_code: f3.as_bytes(),
            condition_code: f25.as_bytes(),
            transaction_type: f60,
        };
        KindRow::find(Mti::parse(*mti).unwrap(), &codes).map(|row| row.kind)
    }

    #[test]
    fn every_kind_is_found_by_its_message() {
        for (mti, codes, kind) in [
            (b"0200", ("310000", "00", 1), Kind::BalanceInquiry),
            (b"0200", ("000000", "00", 22), Kind::Purchase),
            (b"0201", ("000000", "00", 22), Kind::Purchase),
            (b"0200", ("200000", "00", 23), Kind::PurchaseVoid),
            (b"0220", ("200000", "00", 25), Kind::Refund),
            (b"0100", ("030000", "06", 10), Kind::PreAuth),
            (b"0100", ("200000", "06", 11), Kind::PreAuthVoid),
            (b"0200", ("000000", "06", 20), Kind::CompletionRequest),
            (b"0200", ("200000", "06", 21), Kind::CompletionVoid),
            (b"0220", ("000000", "06", 24), Kind::CompletionAdvice),
            (b"0200", ("630000", "00", 48), Kind::CashTopUp),
            (b"0220", ("630000", "00", 48), Kind::CashTopUpConfirmation),
            (b"0100", ("330000", "00", 1), Kind::AccountCheck),
            (b"0220", ("000000", "00", 30), Kind::OfflineSale),
            (b"0220", ("000000", "00", 32), Kind::SaleAdjustment),
            (b"0220", ("000000", "00", 34), Kind::TipAdjustment),
        ] {
            assert_eq!(find(mti, codes), Some(kind));
        }
    }

    #[test]
    fn businesses_that_are_not_offered_have_no_row() {
        for (mti, codes) in [
            (b"0200", ("300000", "00", 1)), // A balance inquiry of the other dialect.
            (b"0220", ("000000", "00", 22)), // A purchase is no advice.
            (b"0200", ("000000", "00", 36)), // Upload of offline purchases.
            (b"0200", ("600000", "91", 45)), // E-cash load.
            (b"0420", ("000000", "00", 22)), // A reversal of the other dialect.
            (b"0200", ("", "", 0)),
        ] {
            assert_eq!(find(mti, codes), None);
        }
    }

    #[test]
    fn reversals_name_the_row_they_undo() {
        for row in ROWS {
            let [f3, f25] = [row.processing_code.as_slice(), row.condition_code]
                .map(|code| std::str::from_utf8(code).unwrap());
            let codes = (f3, f25, row.transaction_type);
            // A reversal with the codes of a top-up undoes the top-up, never its confirmation.
            let undone = if row.kind == Kind::CashTopUpConfirmation {
                Kind::CashTopUp
            } else {
                row.kind
            };
            assert_eq!(find(b"0400", codes), Some(undone));
            let is_advice_or_inquiry = matches!(
                row.kind,
                Kind::Refund
                    | Kind::CompletionAdvice
                    | Kind::BalanceInquiry
                    | Kind::AccountCheck
                    | Kind::OfflineSale
                    | Kind::SaleAdjustment
                    | Kind::TipAdjustment
                    | Kind::CashTopUpConfirmation
            );
            assert_eq!(row.reversible == No, is_advice_or_inquiry, "{:?}", row.kind);
            assert_eq!(KindRow::of_kind(row.kind).unwrap().kind, row.kind);
        }
    }
}
