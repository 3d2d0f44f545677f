//! CARD-2: what an equal key leads to.

use crate::support::check;

#[test]
fn same_content_gets_the_stored_reply_for_every_kind() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         purchase 2000.00 as p2 -> declined InsufficientFunds
         preauth 20.00 as a1 -> approved
         complete 20.00 as c1 of a1 -> approved
         void-completion 20.00 as cv1 of c1 -> approved
         void-preauth 20.00 as av1 of a1 -> approved
         void 10.00 as v1 of p1 -> approved
         topup 5.00 as t1 -> approved
         reverse 5.00 as r1 of t1 -> approved
         now posted 1000.00 rows 10
         wait 1d
         cut
         purchase 10.00 as p1 -> replayed approved
         purchase 2000.00 as p2 -> replayed declined InsufficientFunds
         preauth 20.00 as a1 -> replayed approved
         complete 20.00 as c1 of a1 -> replayed approved
         void-completion 20.00 as cv1 of c1 -> replayed approved
         void-preauth 20.00 as av1 of a1 -> replayed approved
         void 10.00 as v1 of p1 -> replayed approved
         topup 5.00 as t1 -> replayed approved
         reverse 5.00 as r1 of t1 -> replayed approved
         issue 1000.00 as sale by transfer -> replayed approved
         now posted 1000.00 rows 10 held 0.00",
    );
}

/// Kind, amount, medium, and original count; facts, times and reply address do not.
#[test]
fn other_content_is_refused_without_a_trace() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         purchase 10.01 as p1 -> declined Duplicate unwritten
         purchase 10.00 as p1 medium 1 -> declined Duplicate unwritten
         preauth 10.00 as p1 -> declined Duplicate unwritten
         topup 10.00 as p1 -> declined Duplicate unwritten
         lose as p1 -> declined Duplicate unwritten
         purchase 10.00 as p1 pin wrong fee 0 -> replayed approved
         purchase 5000.00 as p2 -> declined InsufficientFunds
         purchase 5.00 as p2 -> declined Duplicate unwritten
         now rows 3 posted 990.00",
    );
}

#[test]
fn another_terminal_or_merchant_is_another_request() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         purchase 10.00 as p2 key p1 at t2 -> approved
         purchase 10.00 as p3 key p1 merchant m2 -> approved
         purchase 10.00 as p4 key p1 -> replayed approved
         now posted 970.00",
    );
}

/// A terminal may use its trace numbers again once nobody remembers them.
#[test]
fn keys_are_kept_for_the_retention_time() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         wait 8d
         purchase 10.00 as p1 -> replayed approved
         purchase 20.00 as p1 -> declined Duplicate unwritten
         wait 1s
         purchase 20.00 as p2 key p1 -> approved posted 970.00
         purchase 20.00 as p2 -> replayed approved
         purchase 10.00 as p1 -> declined Duplicate unwritten
         reverse 20.00 as r1 of p2 -> approved posted 990.00
         refund 10.00 as f1 of p1 only rrn -> approved posted 1000.00",
    );
}

/// Time is the log's: a clock behind the card's own changes nothing.
#[test]
fn a_clock_that_runs_back_does_not_open_a_key_again() {
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         wait 3d
         purchase 20.00 as p2 -> approved
         clock 2026-02-01 00:00:00
         purchase 20.00 as p2 -> replayed approved
         purchase 10.00 as p1 -> replayed approved
         preauth 30.00 as a1 -> approved
         now held 30.00 posted 970.00
         clock 2026-03-31 00:00:00
         now held 30.00",
    );
}

/// CARD-6: an inquiry is never remembered, so it neither answers nor blocks anything.
#[test]
fn inquiries_leave_nothing_behind() {
    check(
        "card registered 1000.00
         balance as b1 -> told 1000.00
         purchase 10.00 as b1 -> approved
         balance as b1 -> Duplicate
         balance as b2 -> told 990.00
         balance as b2 -> told 990.00
         now rows 2",
    );
}
