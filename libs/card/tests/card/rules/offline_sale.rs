//! Offline settlement: what a merchant sold against an approval code, told later.

use crate::support::check;

/// Found by its approval code alone, like a completion advice, and booked like it.
#[test]
fn settles_its_hold() {
    check(
        "card registered 1000.00
         preauth 500.00 as a1 -> approved available 500.00
         settle 488.00 as s1 of a1 only code -> approved posted 512.00 held 0.00
         now merchant 485.07 fees 2.93
         settle 488.00 as s1 of a1 only code -> replayed approved
         settle 488.00 as s2 of a1 -> declined OriginalOutOfOrder case LateAdvice
         refund 488.00 as f1 of s1 -> approved posted 1000.00 merchant 0.00 fees 0.00",
    );
}

/// The merchant has acted: it is honoured on a lost card, and never loses a limit's room.
#[test]
fn the_holders_state_does_not_matter() {
    check(
        "card registered 1000.00 per-day 500.00
         preauth 500.00 as a1 -> approved
         lose as l1 -> approved
         settle 500.00 as s1 of a1 -> approved posted 500.00",
    );
}

/// Nothing is taken from the holder for what matches no hold.
#[test]
fn what_matches_nothing_is_a_case() {
    check(
        "card registered 1000.00
         settle 10.00 as s1 of nothing -> declined OriginalNotFound case UnmatchedAdvice posted 1000.00
         preauth 500.00 as a1 -> approved
         settle 10.00 as s2 of a1 merchant m2 -> declined OriginalNotFound case UnmatchedAdvice
         settle 500.01 as s3 of a1 -> declined OverLimit case ExcessAdvice
         void-preauth 500.00 as v1 of a1 -> approved
         settle 10.00 as s4 of a1 -> declined OriginalOutOfOrder case LateAdvice
         reverse 500.00 as r1 of s4 -> declined AmountMismatch",
    );
}

/// An advice has no reversal: what was settled is given back by a refund.
#[test]
fn is_not_reversed() {
    check(
        "card registered 1000.00
         preauth 500.00 as a1 -> approved
         settle 500.00 as s1 of a1 -> approved
         reverse 500.00 as r1 of s1 -> declined NotSupported
         void-completion 500.00 as v1 of s1 -> declined OriginalNotFound",
    );
}

/// Where the acquirer settles as one position, the network gets the whole amount.
#[test]
fn the_network_pays_no_merchant_fee() {
    check(
        "card registered 1000.00
         purchase 100.00 as p1 to network -> approved network 100.00 fees 0.00 merchant 0.00
         refund 40.00 as f1 of p1 to network -> approved network 60.00
         purchase 50.00 as p2 to network -> approved network 110.00
         void 50.00 as v1 of p2 to network -> approved network 60.00
         reverse 50.00 as r1 of v1 to network -> approved network 110.00
         preauth 100.00 as a1 to network -> approved
         settle 90.00 as s1 of a1 to network -> approved network 200.00 fees 0.00
         refund 90.00 as f2 of s1 -> approved network 110.00 merchant 0.00
         tip 60.00 as t1 of p2 to network -> approved network 120.00 fees 0.00",
    );
}
