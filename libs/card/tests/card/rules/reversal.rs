//! Reversal of purchases and voids, in every order.

use crate::support::check;

#[test]
fn undoes_a_purchase_once_and_says_so_again() {
    check(
        "card registered 1000.00
         purchase 123.45 as p1 -> approved
         reverse 123.45 as r1 of p1 -> approved posted 1000.00 available 1000.00
         now merchant 0.00 fees 0.00 entries 3
         reverse 123.45 as r1 of p1 -> replayed approved
         reverse 123.45 as r2 of p1 -> approved posted 1000.00 entries 3
         purchase 123.45 as p1 -> replayed approved
         void 123.45 as v1 of p1 -> declined OriginalOutOfOrder
         refund 123.45 as f1 of p1 -> declined OriginalOutOfOrder
         now posted 1000.00 entries 3",
    );
}

#[test]
fn rungs_in_order() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         purchase 200.00 as p2 -> declined InsufficientFunds
         refund 4.00 as f1 of p1 -> approved
         reverse 9.00 as r1 of p1 only rrn -> declined OriginalNotFound
         reverse 9.00 as r2 of p1 -> declined AmountMismatch
         reverse 9.00 as r3 of p2 -> declined AmountMismatch
         reverse 200.00 as r4 of p2 -> declined OriginalInvalid
         reverse 10.00 as r5 of p1 -> declined OriginalOutOfOrder
         reverse 4.00 as r6 of f1 -> declined NotSupported
         reverse 10.00 as r7 of r5 -> declined OriginalInvalid
         reverse 100.00 as r8 of sale -> declined NotSupported
         now posted 94.00",
    );
}

/// After a void or refund the money is back already.
#[test]
fn of_what_is_undone_otherwise_is_out_of_order() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         void 10.00 as v1 of p1 -> approved
         reverse 10.00 as r1 of p1 -> declined OriginalOutOfOrder
         purchase 20.00 as p2 -> approved
         refund 20.00 as f1 of p2 -> approved
         reverse 20.00 as r2 of p2 -> declined OriginalOutOfOrder
         now posted 100.00",
    );
}

/// The void's reversal takes the money back, whatever was tried meanwhile.
#[test]
fn of_a_void_puts_the_purchase_in_force_again() {
    check(
        "card registered 123.45
         purchase 123.45 as p1 fee 10000 -> approved posted 0.00
         void 123.45 as v1 of p1 -> approved posted 123.45 available 0.00
         purchase 100.00 as p2 -> declined InsufficientFunds
         preauth 100.00 as a1 -> declined InsufficientFunds
         reverse 123.45 as r1 of v1 -> approved posted 0.00 uncleared 0.00 fees 1.23
         reverse 123.45 as r2 of v1 -> approved posted 0.00 entries 4
         void 123.45 as v2 of p1 -> approved posted 123.45 uncleared 123.45 fees 0.00
         reverse 123.45 as r3 of v1 -> approved posted 123.45 entries 5
         reverse 123.45 as r4 of v2 -> approved posted 0.00 entries 6
         refund 23.45 as f1 of p1 -> approved posted 23.45
         reverse 123.45 as r5 of v2 -> approved posted 23.45 entries 7",
    );
}

#[test]
fn of_a_void_then_of_its_purchase() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         void 10.00 as v1 of p1 -> approved
         reverse 10.00 as r1 of v1 -> approved posted 90.00
         reverse 10.00 as r2 of p1 -> approved posted 100.00
         void 10.00 as v2 of p1 -> declined OriginalOutOfOrder
         reverse 10.00 as r3 of v1 -> approved posted 100.00 entries 5
         now available 100.00",
    );
}

/// After the window the void's money may be spent; its reversal takes only what is still there.
#[test]
fn of_a_void_after_it_cleared() {
    check(
        "card registered 10.00
         purchase 10.00 as p1 -> approved
         void 10.00 as v1 of p1 -> approved
         wait 11m
         purchase 3.00 as p2 -> approved
         reverse 10.00 as r1 of v1 -> declined OriginalOutOfOrder case UncoveredReversal
         topup 3.00 as t1 -> approved
         reverse 10.00 as r2 of v1 -> approved posted 0.00",
    );
}

/// Two cleared voids do not pay for each other's reversal.
#[test]
fn of_a_void_takes_its_own_credit() {
    check(
        "card registered 30.00
         purchase 10.00 as p1 -> approved
         purchase 20.00 as p2 -> approved
         void 10.00 as v1 of p1 -> approved
         wait 6m
         void 20.00 as v2 of p2 -> approved posted 30.00 available 0.00
         wait 5m
         now uncleared 20.00 available 10.00
         purchase 10.00 as p3 -> approved
         reverse 10.00 as r1 of v1 -> declined OriginalOutOfOrder case UncoveredReversal
         reverse 20.00 as r2 of v2 -> approved posted 0.00",
    );
}
