//! What the ring no longer has is fetched: old originals and old keys act as recent ones do.

use crate::support::check;

#[test]
fn of_old_purchases() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         purchase 20.00 as p2 -> approved
         purchase 30.00 as p3 -> approved
         fill 64
         purchase 10.00 as p1 -> replayed approved
         purchase 11.00 as p1 -> declined Duplicate unwritten
         void 10.00 as v1 of p1 -> approved posted 950.00
         refund 5.00 as f1 of p2 -> approved posted 955.00
         reverse 30.00 as r1 of p3 -> approved posted 985.00
         fill 70
         void 10.00 as v2 of p1 -> declined OriginalOutOfOrder
         reverse 10.00 as r2 of p1 -> declined OriginalOutOfOrder
         refund 15.01 as f2 of p2 -> declined AmountMismatch
         refund 15.00 as f3 of p2 at t2 -> approved posted 1000.00
         reverse 30.00 as r3 of p3 -> approved posted 1000.00
         fill 70
         refund 0.01 as f4 of p2 only rrn -> declined AmountMismatch
         refund 0.01 as f5 of p2 only key -> declined AmountMismatch
         void 10.00 as v1 of p1 -> replayed approved
         refund 5.00 as f1 of p2 -> replayed approved
         reverse 30.00 as r1 of p3 -> replayed approved
         now posted 1000.00 merchant 0.00 fees 0.00",
    );
}

/// An old key is asked for as long as any that is retained may have left the ring.
#[test]
fn until_the_retention_is_over() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         fill 64
         wait 8d
         purchase 10.00 as p1 -> replayed approved
         reverse 10.00 as r1 of p1 -> approved posted 1000.00
         wait 1s
         purchase 20.00 as p2 key p1 -> approved posted 980.00",
    );
}

/// A reversal follows links to old transactions: void to purchase, completion void to hold.
#[test]
fn of_old_links() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         preauth 50.00 as a1 -> approved
         fill 64
         void 10.00 as v1 of p1 -> approved
         complete 40.00 as c1 of a1 only code -> approved posted 960.00
         fill 64
         reverse 10.00 as r1 of v1 -> approved posted 950.00
         void-completion 40.00 as cv1 of c1 -> approved posted 990.00 held 50.00
         fill 64
         reverse 40.00 as r2 of cv1 -> approved posted 950.00 held 0.00
         fill 64
         void 10.00 as v2 of p1 -> approved posted 960.00
         void-completion 40.00 as cv2 of c1 -> approved posted 1000.00 held 50.00
         fill 64
         void-preauth 50.00 as av1 of a1 -> approved held 0.00
         fill 64
         reverse 50.00 as r3 of av1 -> approved held 50.00
         reverse 40.00 as r4 of cv2 -> approved posted 960.00 held 0.00
         fill 64
         reverse 40.00 as r5 of c1 -> approved posted 1000.00 held 50.00
         reverse 50.00 as r6 of a1 -> approved held 0.00
         now merchant 0.00 fees 0.00",
    );
}

/// CARD-3 holds for keys whose early reversal has left the ring.
#[test]
fn of_early_reversals() {
    check(
        "card registered 1000.00
         reverse 5.00 as r1 of p1 -> declined OriginalNotFound
         fill 64
         reverse 5.00 as r2 of p1 -> declined OriginalNotFound
         reverse 5.00 as r1 of p1 -> replayed declined OriginalNotFound
         fill 64
         purchase 5.00 as p1 -> declined ReversedFirst
         fill 64
         purchase 5.00 as p1 -> replayed declined ReversedFirst
         purchase 6.00 as p1 -> declined Duplicate unwritten
         reverse 5.00 as r3 of p1 -> declined OriginalNotFound
         now posted 1000.00",
    );
}

#[test]
fn of_the_sale_and_a_topup() {
    check(
        "card registered 1000.00
         topup 5.00 as t1 by transfer -> approved
         fill 64
         issue 1000.00 as sale by transfer -> replayed approved
         topup 5.00 as t1 by transfer -> replayed approved
         reverse 5.00 as r1 of t1 -> approved posted 1000.00 transit 1000.00 cash 0.00",
    );
}

/// A brought-back old purchase must not hide a young one that has its trace number.
#[test]
fn a_reused_key_stays_the_young_one_s() {
    for evict in ["", "fill 64"] {
        check(&format!(
            "card registered 1000.00
             purchase 10.00 as p1 -> approved
             fill 64
             wait 9d
             purchase 20.00 as p2 key p1 -> approved posted 970.00
             {evict}
             refund 3.00 as f1 of p1 only rrn -> approved posted 973.00
             purchase 20.00 as p2 -> replayed approved
             fill 64
             purchase 20.00 as p2 -> replayed approved
             purchase 10.00 as p1 -> declined Duplicate unwritten
             wait 6m
             refund 3.00 as f2 of p1 only rrn -> approved posted 976.00
             refund 4.01 as f3 of p1 only rrn -> declined AmountMismatch
             fill 64
             refund 4.00 as f4 of p1 only rrn -> approved posted 980.00
             refund 1.00 as f5 of p1 only rrn -> declined AmountMismatch
             reverse 20.00 as r1 of p2 -> approved posted 1000.00
             reverse 20.00 as r2 of p2 -> approved posted 1000.00
             now merchant 0.00 fees 0.00"
        ));
    }
}

/// Links name versions: a young request with the hold's old trace number is not the hold.
#[test]
fn a_reused_key_does_not_stand_in_for_a_linked_hold() {
    check(
        "card registered 1000.00
         preauth 50.00 as a1 -> approved
         fill 64
         wait 9d
         complete 40.00 as c1 of a1 only code -> approved posted 960.00
         fill 64
         purchase 20.00 as p2 key a1 -> approved posted 940.00
         void-completion 40.00 as cv1 of c1 -> approved posted 980.00 held 50.00
         void-preauth 50.00 as av1 of a1 only code -> approved held 0.00
         reverse 20.00 as r1 of p2 -> approved posted 1000.00",
    );
}

/// The void of an old hold may carry the hold's own old trace number.
#[test]
fn a_reused_key_of_its_own_original() {
    check(
        "card registered 1000.00
         preauth 50.00 as a1 -> approved
         fill 64
         wait 9d
         void-preauth 50.00 as av1 of a1 key a1 only code -> approved held 0.00
         fill 64
         reverse 50.00 as r1 of av1 -> approved held 50.00
         fill 64
         reverse 50.00 as r2 of av1 -> approved held 50.00
         complete 50.00 as c1 of a1 only code -> approved posted 950.00 held 0.00
         now available 950.00",
    );
}

/// A burst ends the ring's memory of refunds, never the remainder.
#[test]
fn remainder_outlives_the_repeat_guard() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         refund 4.00 as f1 of p1 -> approved
         fill 64
         refund 4.00 as f2 of p1 -> approved posted 998.00
         refund 4.00 as f3 of p1 -> declined Duplicate
         fill 64
         refund 4.00 as f4 of p1 -> declined AmountMismatch posted 998.00",
    );
}
