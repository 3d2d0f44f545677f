//! Response codes as the action codes of ISO 8583:1993 (data element 39, three digits).

use crate::response_code::ResponseCode;
use iso8583::MtiClass;

/// 1xx declines, 2xx declines and keeps the card, 9xx tells what is wrong with the message or with
/// us; an accepted reversal is 400, accepted network management 800.
pub(crate) fn action_code(code: ResponseCode, class: MtiClass) -> &'static [u8; 3] {
    if code.is_approval() {
        return approval(class);
    }
    match code.as_bytes() {
        b"03" => b"109", // Invalid merchant.
        b"12" => b"914", // Not able to trace back to the original, as it was declined.
        b"13" => b"110", // Invalid amount.
        b"14" => b"111", // Invalid card number.
        b"22" => b"902", // Invalid transaction: out of order.
        b"25" => b"914", // Not able to trace back to the original.
        b"30" => b"904", // Format error.
        b"34" => b"202", // Suspected fraud.
        b"40" => b"115", // Requested function not supported.
        b"41" => b"208", // Lost card.
        b"51" => b"116", // Not sufficient funds.
        b"54" => b"101", // Expired card.
        b"55" => b"117", // Incorrect PIN.
        b"57" => b"119", // Not permitted to the holder.
        b"58" => b"120", // Not permitted to the terminal.
        b"61" => b"121", // Over the amount limit.
        b"64" => b"110", // Amount differs from the original's.
        b"65" => b"123", // Over the count limit.
        b"94" => b"913", // Duplicate transmission.
        b"95" => b"503", // Totals for the reconciliation are not there.
        b"96" => b"909", // System malfunction.
        b"97" => b"109", // Unknown terminal.
        b"C1" => b"905", // Acquirer has not signed on.
        _ => b"100",     // Do not honour.
    }
}

const fn approval(class: MtiClass) -> &'static [u8; 3] {
    match class {
        MtiClass::Authorization
        | MtiClass::Financial
        | MtiClass::FileAction
        | MtiClass::Administrative => b"000",
        MtiClass::Reversal => b"400",
        MtiClass::Reconciliation => b"500",
        MtiClass::NetworkManagement => b"800",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::{DeclineReason, Outcome};

    #[test]
    fn approvals_are_told_by_their_class() {
        for (class, code) in [
            (MtiClass::Financial, b"000"),
            (MtiClass::Reversal, b"400"),
            (MtiClass::NetworkManagement, b"800"),
        ] {
            assert_eq!(action_code(ResponseCode::APPROVED, class), code);
        }
    }

    #[test]
    fn every_decline_has_a_code_of_its_own_meaning() {
        for reason in DeclineReason::ALL {
            let code = ResponseCode::of(Outcome::Declined(*reason));
            assert_ne!(
                action_code(code, MtiClass::Financial),
                b"100",
                "{reason:?} would be told as `do not honour`"
            );
        }
    }
}
