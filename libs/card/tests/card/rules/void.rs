//! Void of a purchase.

use crate::support::check;

#[test]
fn gives_all_back_with_its_fee() {
    check(
        "card registered 1000.00
         purchase 123.45 as p1 -> approved available 876.55
         void 123.45 as v1 of p1 -> approved posted 1000.00 available 876.55 uncleared 123.45
         now merchant 0.00 fees 0.00 entries 3
         void 123.45 as v1 of p1 -> replayed approved
         wait 10m
         now available 1000.00 uncleared 0.00",
    );
}

#[test]
fn rungs_in_order() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         preauth 10.00 as a1 -> approved
         purchase 200.00 as p2 -> declined InsufficientFunds
         void 9.00 as v1 of p0 pin wrong chip wrong -> declined WrongPin
         void 9.00 as v2 of p0 chip wrong -> declined WrongCryptogram
         void 9.00 as v3 of p0 -> declined OriginalNotFound
         void 9.00 as v4 of p1 merchant m2 at t2 -> declined OriginalNotFound
         void 9.00 as v5 of a1 -> declined OriginalNotFound
         void 9.00 as v6 of p1 at t2 code zeros -> declined TerminalMismatch
         void 9.00 as v7 of p1 code a1 -> declined OriginalNotFound
         void 200.00 as v8 of p2 -> declined OriginalInvalid
         cut
         void 9.00 as v9 of p1 -> declined OriginalInvalid
         now posted 90.00",
    );
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         void 9.99 as v1 of p1 -> declined AmountMismatch
         void 10.00 as v2 of p1 -> approved
         cut
         void 9.99 as v3 of p1 -> declined OriginalOutOfOrder
         now posted 100.00",
    );
}

#[test]
fn finds_its_purchase_by_any_reference_that_is_there() {
    for only in ["rrn", "key", "all"] {
        check(&format!(
            "card registered 100.00
             purchase 10.00 as p1 -> approved
             purchase 20.00 as p2 -> approved
             void 10.00 as v1 of p1 only {only} -> approved posted 80.00
             void 20.00 as v2 of p2 only {only} -> approved posted 100.00"
        ));
    }
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         purchase 20.00 as p2 -> approved
         void 10.00 as v1 of p1 only code -> declined OriginalNotFound
         void 10.00 as v2 of p1 rrn p2 -> declined TerminalMismatch
         void 10.00 as v3 of p1 code p2 -> declined OriginalNotFound
         void 10.00 as v4 of p1 code zeros -> declined OriginalNotFound
         void 10.00 as v5 of p1 code garbled -> declined OriginalNotFound
         refund 10.00 as v6 of p1 code garbled -> declined OriginalNotFound
         now posted 70.00",
    );
}

#[test]
fn a_refunded_purchase_is_not_voided() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         refund 1.00 as f1 of p1 -> approved posted 91.00
         void 10.00 as v1 of p1 -> declined OriginalOutOfOrder
         void 9.00 as v2 of p1 -> declined OriginalOutOfOrder
         now posted 91.00",
    );
}

/// Lost and expired cards take credits.
#[test]
fn goes_through_on_a_lost_and_on_an_expired_card() {
    check(
        "card registered 100.00 expiry 2603
         purchase 10.00 as p1 -> approved
         purchase 20.00 as p2 -> approved
         lose as l1 -> approved
         void 10.00 as v1 of p1 -> approved posted 80.00
         clock 2026-04-01 00:00:00
         void 20.00 as v2 of p2 -> approved posted 100.00",
    );
}

/// CARD-1: what a void gives back is not spendable until the void can no longer be reversed.
#[test]
fn its_credit_clears_when_it_can_no_longer_be_reversed() {
    check(
        "card registered 10.00
         purchase 10.00 as p1 -> approved
         void 10.00 as v1 of p1 -> approved available 0.00
         wait 599s
         purchase 0.01 as p2 -> declined InsufficientFunds
         wait 1s
         purchase 10.00 as p3 -> approved posted 0.00
         reverse 10.00 as r1 of v1 -> declined OriginalOutOfOrder case UncoveredReversal
         now posted 0.00",
    );
}
