//! Reversal of pre-authorisations, completions and their voids.

use crate::support::check;

#[test]
fn of_a_pre_auth_releases_it() {
    check(
        "card registered 100.00
         preauth 60.00 as a1 -> approved
         reverse 60.00 as r1 of a1 -> approved held 0.00 entries 1
         reverse 60.00 as r2 of a1 -> approved held 0.00
         complete 60.00 as c1 of a1 -> declined OriginalOutOfOrder
         void-preauth 60.00 as v1 of a1 -> declined OriginalOutOfOrder
         preauth 60.00 as a2 -> approved
         complete 50.00 as c2 of a2 -> approved
         reverse 60.00 as r3 of a2 -> declined OriginalOutOfOrder
         now posted 50.00",
    );
}

/// The hold comes back only if the balance still covers it.
#[test]
fn of_a_pre_auth_void_brings_the_hold_back() {
    check(
        "card registered 100.00
         preauth 60.00 as a1 -> approved
         void-preauth 60.00 as v1 of a1 -> approved held 0.00
         reverse 60.00 as r1 of v1 -> approved held 60.00
         reverse 60.00 as r2 of v1 -> approved held 60.00
         void-preauth 60.00 as v2 of a1 -> approved held 0.00
         purchase 41.00 as p1 -> approved
         reverse 60.00 as r3 of v2 -> declined OriginalOutOfOrder case UncoveredReversal
         now held 0.00 available 59.00",
    );
}

/// What the void released comes back: a hold that had shrunk is not grown.
#[test]
fn of_a_pre_auth_void_brings_back_what_was_released() {
    check(
        "card registered 500.00
         preauth 500.00 as a1 -> approved
         complete 100.00 as c1 of a1 -> approved
         purchase 400.00 as p1 -> approved
         void-completion 100.00 as v1 of c1 -> approved held 100.00 posted 100.00
         void-preauth 500.00 as v2 of a1 -> approved held 0.00
         reverse 500.00 as r1 of v2 -> approved held 100.00 available 0.00",
    );
}

#[test]
fn of_a_completion_brings_the_hold_back() {
    check(
        "card registered 1000.00
         preauth 500.00 as a1 -> approved
         complete 488.00 as c1 of a1 -> approved
         reverse 488.00 as r1 of c1 -> approved posted 1000.00 held 500.00 merchant 0.00 fees 0.00
         reverse 488.00 as r2 of c1 -> approved posted 1000.00 entries 3
         complete 500.00 as c2 of a1 -> approved posted 500.00
         reverse 488.00 as r3 of c1 -> approved posted 500.00
         refund 1.00 as f1 of c2 -> approved
         reverse 500.00 as r4 of c2 -> declined OriginalOutOfOrder
         advise 1.00 as c3 of a1 -> declined OriginalOutOfOrder case LateAdvice
         now posted 501.00",
    );
}

#[test]
fn advices_are_not_reversed() {
    check(
        "card registered 100.00
         preauth 50.00 as a1 -> approved
         advise 50.00 as c1 of a1 -> approved
         reverse 50.00 as r1 of c1 -> declined NotSupported posted 50.00",
    );
}

#[test]
fn of_a_completion_void_captures_again() {
    check(
        "card registered 1000.00
         preauth 500.00 as a1 -> approved
         complete 488.00 as c1 of a1 -> approved
         void-completion 488.00 as v1 of c1 -> approved held 500.00
         reverse 488.00 as r1 of v1 -> approved posted 512.00 held 0.00 fees 2.93
         reverse 488.00 as r2 of v1 -> approved posted 512.00 entries 4
         void-completion 488.00 as v2 of c1 -> approved posted 1000.00 held 500.00
         reverse 488.00 as r3 of v1 -> approved posted 1000.00
         void-preauth 500.00 as v3 of a1 -> approved held 0.00
         reverse 488.00 as r4 of v2 -> declined OriginalOutOfOrder
         reverse 500.00 as r5 of v3 -> approved held 500.00
         reverse 488.00 as r6 of v2 -> approved posted 512.00 held 0.00",
    );
}

/// A second completion owns the hold; undoing the first one's void would capture twice.
#[test]
fn of_a_completion_void_not_over_a_later_completion() {
    check(
        "card registered 1000.00
         preauth 500.00 as a1 -> approved
         complete 488.00 as c1 of a1 -> approved
         void-completion 488.00 as v1 of c1 -> approved
         complete 400.00 as c2 of a1 -> approved posted 600.00
         reverse 488.00 as r1 of v1 -> declined OriginalOutOfOrder
         void-completion 400.00 as v2 of c2 -> approved held 500.00
         reverse 488.00 as r2 of v1 -> approved posted 512.00 held 0.00
         reverse 400.00 as r3 of v2 -> declined OriginalOutOfOrder
         now posted 512.00 held 0.00",
    );
}

#[test]
fn of_a_completion_over_the_hold() {
    check(
        "card registered 115.00 ratio 115
         preauth 100.00 as a1 -> approved
         complete 115.00 as c1 of a1 -> approved posted 0.00
         void-completion 115.00 as v1 of c1 -> approved posted 115.00 available 0.00
         purchase 15.00 as p1 -> declined InsufficientFunds
         reverse 115.00 as r1 of v1 -> approved posted 0.00 held 0.00",
    );
}

#[test]
fn of_a_pre_auth_with_a_restored_hold() {
    check(
        "card registered 1000.00
         preauth 500.00 as a1 -> approved
         complete 488.00 as c1 of a1 -> approved
         reverse 488.00 as r1 of c1 -> approved
         reverse 500.00 as r2 of a1 -> approved held 0.00 available 1000.00
         reverse 500.00 as r3 of a1 -> approved
         complete 1.00 as c2 of a1 -> declined OriginalOutOfOrder",
    );
}
