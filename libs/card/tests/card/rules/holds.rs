//! Pre-authorisation and its void.

use crate::support::check;

#[test]
fn holds_without_booking() {
    check(
        "card registered 100.00
         preauth 60.00 as a1 -> approved held 60.00 available 40.00 posted 100.00 entries 1
         purchase 40.01 as p1 -> declined InsufficientFunds
         preauth 40.00 as a2 -> approved available 0.00
         void-preauth 60.00 as v1 of a1 -> approved held 40.00 available 60.00
         void-preauth 60.00 as v2 of a1 -> declined OriginalOutOfOrder
         void-preauth 60.00 as v1 of a1 -> replayed approved",
    );
}

#[test]
fn rungs_in_order() {
    check(
        "card registered 100.00 group 7 expiry 2603 preauth no
         lose as l1 -> approved
         clock 2026-04-01 00:00:00
         preauth 0.00 as a1 pin wrong -> declined LostCard
         find as f1 -> approved
         preauth 0.00 as a2 pin wrong -> declined ExpiredCard",
    );
    check(
        "card registered 100.00 group 7 preauth no
         preauth 0.00 as a1 pin wrong chip wrong -> declined WrongPin
         preauth 0.00 as a2 chip wrong -> declined WrongCryptogram
         preauth 0.00 as a3 -> declined NotAcceptedHere
         preauth 0.00 as a4 group 7 -> declined NotPermitted
         programme preauth yes
         preauth 0.00 as a5 group 7 -> declined InvalidAmount
         preauth 100.01 as a6 group 7 -> declined InsufficientFunds",
    );
}

#[test]
fn void_rungs_in_order() {
    check(
        "card registered 100.00
         preauth 10.00 as a1 -> approved
         preauth 200.00 as a2 -> declined InsufficientFunds
         purchase 10.00 as p1 -> approved
         void-preauth 9.00 as v1 of a0 pin wrong chip wrong -> declined WrongPin
         void-preauth 9.00 as v2 of a0 chip wrong -> declined WrongCryptogram
         void-preauth 9.00 as v3 of a0 -> declined OriginalNotFound
         void-preauth 9.00 as v4 of p1 -> declined OriginalNotFound
         void-preauth 9.00 as v5 of a1 merchant m2 -> declined OriginalNotFound
         void-preauth 9.00 as v6 of a1 code zeros -> declined OriginalNotFound
         void-preauth 200.00 as v7 of a2 -> declined OriginalInvalid
         void-preauth 9.00 as v8 of a1 -> declined AmountMismatch
         complete 10.00 as c1 of a1 -> approved
         void-preauth 9.00 as v9 of a1 -> declined OriginalOutOfOrder",
    );
}

#[test]
fn is_found_by_code_or_rrn_or_key() {
    for only in ["code", "rrn", "key", "all"] {
        check(&format!(
            "card registered 100.00
             preauth 10.00 as a1 -> approved
             preauth 20.00 as a2 -> approved
             void-preauth 10.00 as v1 of a1 only {only} -> approved held 20.00
             complete 20.00 as c1 of a2 only {only} -> approved held 0.00 posted 80.00"
        ));
    }
}

/// What is there is compared, also where the code alone would do.
#[test]
fn is_not_found_by_half_a_reference() {
    check(
        "card registered 100.00
         preauth 10.00 as a1 -> approved
         preauth 20.00 as a2 -> approved
         complete 10.00 as c1 of a1 code garbled -> declined OriginalNotFound
         complete 10.00 as c2 of a1 rrn a2 -> declined OriginalNotFound
         void-preauth 10.00 as v1 of a1 code garbled -> declined OriginalNotFound
         advise 10.00 as c3 of a1 code garbled -> declined OriginalNotFound case UnmatchedAdvice
         complete 10.00 as c4 of a1 at t2 -> approved posted 90.00",
    );
}

#[test]
fn ends_with_its_life() {
    check(
        "card registered 100.00
         preauth 60.00 as a1 -> approved
         wait 29d
         now held 60.00
         wait 1d
         now held 0.00 available 100.00
         void-preauth 60.00 as v1 of a1 -> declined OriginalOutOfOrder
         complete 60.00 as c1 of a1 -> declined OriginalOutOfOrder
         advise 60.00 as c2 of a1 -> declined OriginalOutOfOrder case LateAdvice
         purchase 100.00 as p1 -> approved posted 0.00",
    );
}

/// A merchant at another terminal or on a later day may still release what it held.
#[test]
fn void_comes_from_any_terminal_on_any_day() {
    check(
        "card registered 100.00
         preauth 60.00 as a1 -> approved
         cut
         wait 20d
         lose as l1 -> approved
         void-preauth 60.00 as v1 of a1 at t2 -> approved held 0.00 day 0",
    );
}
