//! The names of messages, as scripts say them, and what each is on the wire.

use iso8583::Speaks;

/// How a message names what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Nothing,
    /// By retrieval reference; between institutions by the original's data element alone.
    Reference,
    /// By approval code.
    Approval,
    Both,
}

/// Name, message type, data elements 3, 25 and 60.1, and how its original is named.
pub(super) type TerminalMessage = (
    &'static str,
    &'static [u8; 4],
    &'static str,
    &'static str,
    &'static str,
    Names,
);
/// Name, message type, data elements 3 and 25, and whether 38 and 90 name its original.
pub(super) type InterbankMessage = (
    &'static str,
    &'static [u8; 4],
    &'static str,
    &'static str,
    Names,
);

#[rustfmt::skip]
pub(super) const TERMINAL_MESSAGES: &[TerminalMessage] = &[
    ("balance-inquiry",   b"0200", "310000", "00", "01", Names::Nothing),
    ("account-check",     b"0100", "330000", "00", "01", Names::Nothing),
    ("purchase",          b"0200", "000000", "00", "22", Names::Nothing),
    ("void",              b"0200", "200000", "00", "23", Names::Both),
    ("refund",            b"0220", "200000", "00", "25", Names::Reference),
    ("pre-auth",          b"0100", "030000", "06", "10", Names::Nothing),
    ("pre-auth-void",     b"0100", "200000", "06", "11", Names::Approval),
    ("completion",        b"0200", "000000", "06", "20", Names::Approval),
    ("completion-advice", b"0220", "000000", "06", "24", Names::Approval),
    ("completion-void",   b"0200", "200000", "06", "21", Names::Both),
    ("offline-sale",      b"0220", "000000", "00", "30", Names::Approval),
    ("adjust",            b"0220", "000000", "00", "32", Names::Both),
    ("tip",               b"0220", "000000", "00", "34", Names::Both),
    ("top-up",            b"0200", "630000", "00", "48", Names::Nothing),
    ("top-up-confirm",    b"0220", "630000", "00", "48", Names::Nothing),
];

/// Message type, data element 60.3, and 48 when it is not said otherwise.
pub(super) const TERMINAL_SESSIONS: &[(&str, &[u8; 4], &str, Option<&str>)] = &[
    ("sign-on", b"0800", "003", None),
    ("sign-off", b"0820", "002", None),
    ("echo", b"0820", "301", None),
    ("batch-totals", b"0500", "201", Some(NO_TOTALS)),
    ("batch-items", b"0320", "201", Some("00")),
    ("batch-end", b"0320", "202", Some("0000")),
];

/// Sums and counts of nothing.
const NO_TOTALS: &str = "00000000000000000000000000000000000000000000000000000000000000";

#[rustfmt::skip]
const CUPS_MESSAGES: &[InterbankMessage] = &[
    ("balance-inquiry",   b"0200", "300000", "00", Names::Nothing),
    ("account-check",     b"0100", "330000", "00", Names::Nothing),
    ("purchase",          b"0200", "000000", "00", Names::Nothing),
    ("void",              b"0200", "200000", "00", Names::Both),
    ("refund",            b"0220", "200000", "00", Names::Reference),
    ("pre-auth",          b"0100", "030000", "06", Names::Nothing),
    ("pre-auth-void",     b"0100", "200000", "06", Names::Both),
    ("completion",        b"0200", "000000", "06", Names::Both),
    ("completion-advice", b"0220", "000000", "06", Names::Both),
    ("completion-void",   b"0200", "200000", "06", Names::Both),
    ("top-up",            b"0200", "470000", "00", Names::Nothing),
    ("top-up-confirm",    b"0220", "470000", "00", Names::Reference),
];

#[rustfmt::skip]
const ISO87_MESSAGES: &[InterbankMessage] = &[
    ("balance-inquiry",   b"0100", "310000", "00", Names::Nothing),
    ("account-check",     b"0100", "330000", "00", Names::Nothing),
    ("purchase",          b"0200", "000000", "00", Names::Nothing),
    ("refund",            b"0220", "200000", "00", Names::Reference),
    ("pre-auth",          b"0100", "000000", "06", Names::Nothing),
    ("pre-auth-void",     b"0100", "200000", "06", Names::Both),
    ("completion",        b"0200", "000000", "06", Names::Both),
    ("completion-advice", b"0220", "000000", "06", Names::Both),
    ("completion-void",   b"0200", "200000", "06", Names::Both),
    ("top-up",            b"0200", "210000", "00", Names::Nothing),
    ("top-up-confirm",    b"0220", "210000", "00", Names::Reference),
];

/// The condition is the function code here, data element 24.
#[rustfmt::skip]
const ISO93_MESSAGES: &[InterbankMessage] = &[
    ("balance-inquiry",   b"1100", "310000", "108", Names::Nothing),
    ("account-check",     b"1100", "330000", "108", Names::Nothing),
    ("purchase",          b"1200", "000000", "200", Names::Nothing),
    ("refund",            b"1220", "200000", "200", Names::Reference),
    ("pre-auth",          b"1100", "000000", "100", Names::Nothing),
    ("pre-auth-void",     b"1100", "200000", "100", Names::Both),
    ("completion",        b"1200", "000000", "202", Names::Both),
    ("completion-advice", b"1220", "000000", "202", Names::Both),
    ("top-up",            b"1200", "210000", "200", Names::Nothing),
    ("top-up-confirm",    b"1220", "210000", "200", Names::Reference),
];

/// Data element 70, and 24 of the 1993 version.
pub(super) const INTERBANK_SESSIONS: &[(&str, &str, &str)] = &[
    ("sign-on", "001", "801"),
    ("sign-off", "002", "802"),
    ("echo", "301", "831"),
    ("cut-over", "201", "821"),
    ("cut-over-end", "202", "822"),
];

/// The messages of institutions that speak so.
pub(super) fn interbank_rows(speaks: Speaks) -> &'static [InterbankMessage] {
    match speaks {
        Speaks::Pos | Speaks::Cups => CUPS_MESSAGES,
        Speaks::Iso87 => ISO87_MESSAGES,
        Speaks::Iso93 => ISO93_MESSAGES,
    }
}
