//! Adjustments and tips: another total for a settled sale.

use crate::support::check;

#[test]
fn books_the_difference_with_its_fee() {
    check(
        "card registered 1000.00
         purchase 100.00 as p1 -> approved merchant 99.40 fees 0.60
         adjust 80.00 as x1 of p1 -> approved posted 920.00 merchant 79.52 fees 0.48
         adjust 80.00 as x1 of p1 -> replayed approved
         adjust 80.00 as x2 of p1 -> approved posted 920.00 entries 3
         adjust 100.00 as x3 of p1 -> approved posted 900.00 merchant 99.40 fees 0.60
         refund 100.00 as f1 of p1 -> approved posted 1000.00 merchant 0.00 fees 0.00",
    );
}

/// A tip is at most the programme's share of the sale, however often it is told.
#[test]
fn a_tip_has_a_bound() {
    check(
        "card registered 1000.00 tip 20
         purchase 100.00 as p1 -> approved
         tip 120.01 as x1 of p1 -> declined OverLimit case ExcessAdjustment
         tip 120.00 as x2 of p1 -> approved posted 880.00
         tip 144.00 as x3 of p1 -> declined OverLimit case ExcessAdjustment
         tip 110.00 as x4 of p1 -> approved posted 890.00
         tip 99.99 as x5 of p1 -> declined AmountMismatch case ExcessAdjustment
         refund 110.00 as f1 of p1 -> approved posted 1000.00 merchant 0.00 fees 0.00",
    );
    check(
        "card registered 1000.00 tip 0
         purchase 100.00 as p1 -> approved
         tip 100.01 as x1 of p1 -> declined OverLimit case ExcessAdjustment",
    );
}

/// CARD-4: the total stays within what the hold allows; without a hold, within the sale.
#[test]
fn a_sale_has_a_bound() {
    check(
        "card registered 1000.00 ratio 115
         purchase 100.00 as p1 -> approved
         adjust 115.01 as x1 of p1 -> declined OverLimit case ExcessAdjustment
         adjust 115.00 as x2 of p1 -> approved posted 885.00
         preauth 200.00 as a1 -> approved
         settle 50.00 as s1 of a1 -> approved posted 835.00
         adjust 230.01 as x3 of s1 -> declined OverLimit case ExcessAdjustment
         adjust 230.00 as x4 of s1 only code -> approved posted 655.00",
    );
}

/// CARD-5: what the balance does not cover is paid by suspense, and made whole first.
#[test]
fn what_is_short_goes_to_suspense_and_a_case() {
    check(
        "card registered 100.00 ratio 115
         purchase 100.00 as p1 -> approved
         adjust 110.00 as x1 of p1 -> approved case ShortAdvice posted 0.00 suspense 10.00
         adjust 104.00 as x2 of p1 -> approved posted 0.00 suspense 4.00
         adjust 95.00 as x3 of p1 -> approved posted 5.00 suspense 0.00
         adjust 110.00 as x4 of p1 -> approved case ShortAdvice posted 0.00 suspense 10.00
         refund 15.00 as f1 of p1 -> approved posted 5.00 suspense 0.00
         refund 95.00 as f2 of p1 -> approved posted 100.00 merchant 0.00 fees 0.00",
    );
}

/// What was undone, or refunded in part, is not adjusted; what was adjusted is not undone.
#[test]
fn only_a_whole_sale_is_adjusted() {
    check(
        "card registered 1000.00
         purchase 100.00 as p1 -> approved
         refund 1.00 as f1 of p1 -> approved
         adjust 90.00 as x1 of p1 -> declined OriginalOutOfOrder case LateAdjustment
         purchase 50.00 as p2 -> approved
         void 50.00 as v1 of p2 -> approved
         adjust 40.00 as x2 of p2 -> declined OriginalOutOfOrder case LateAdjustment
         purchase 50.00 as p3 -> approved
         adjust 40.00 as x3 of p3 -> approved
         void 50.00 as v2 of p3 -> declined OriginalOutOfOrder
         void 40.00 as v3 of p3 -> declined OriginalOutOfOrder
         reverse 50.00 as r1 of p3 -> declined OriginalOutOfOrder
         refund 40.01 as f2 of p3 -> declined AmountMismatch
         refund 40.00 as f3 of p3 -> approved
         adjust 30.00 as x4 of p3 -> declined OriginalOutOfOrder case LateAdjustment",
    );
}

#[test]
fn what_matches_nothing_is_a_case() {
    check(
        "card registered 1000.00
         adjust 10.00 as x1 of nothing -> declined OriginalNotFound case UnmatchedAdvice
         purchase 5000.00 as p1 -> declined InsufficientFunds
         tip 10.00 as x2 of p1 -> declined OriginalInvalid case UnmatchedAdvice
         purchase 10.00 as p2 -> approved
         tip 11.00 as x3 of p2 merchant m2 -> declined OriginalNotFound case UnmatchedAdvice
         adjust 0.00 as x4 of p2 -> declined InvalidAmount
         tip 11.00 as x5 of p2 at t2 -> approved posted 989.00
         reverse 11.00 as r1 of x5 at t2 -> declined NotSupported",
    );
}

/// A sale that left the ring is fetched, and comes back with its new total.
#[test]
fn an_old_sale_is_fetched() {
    check(
        "card registered 1000.00
         purchase 100.00 as p1 -> approved
         fill 70
         adjust 60.00 as x1 of p1 -> approved posted 940.00
         fill 70
         adjust 70.00 as x2 of p1 -> approved posted 930.00
         fill 70
         refund 70.00 as f1 of p1 -> approved posted 1000.00 merchant 0.00 fees 0.00
         wait 181d
         purchase 10.00 as p2 -> approved
         wait 181d
         adjust 9.00 as x3 of p2 only rrn -> declined OriginalOutOfOrder case LateAdjustment",
    );
}
