//! Purchase and balance inquiry.

use crate::support::check;

#[test]
fn books_net_and_fee_and_tells_the_rest() {
    check(
        "card registered 1000.00
         purchase 123.45 as p1 -> approved available 876.55 merchant 122.71 fees 0.74 transit 1000.00
         balance as b1 -> told 876.55
         purchase 876.55 as p2 -> approved available 0.00 posted 0.00
         purchase 0.01 as p3 -> declined InsufficientFunds available 0.00 entries 3",
    );
}

#[test]
fn rungs_in_order() {
    check(
        "card registered 100.00 group 7 expiry 2603
         lose as l1 -> approved
         clock 2026-04-01 00:00:00
         purchase 0.00 as a1 pin wrong chip wrong group 8 -> declined LostCard
         find as f1 -> approved
         purchase 0.00 as a2 pin wrong chip wrong group 8 -> declined ExpiredCard",
    );
    check(
        "card registered 100.00 group 7
         purchase 0.00 as a1 pin wrong chip wrong group 8 -> declined WrongPin
         purchase 0.00 as a2 pin right chip wrong group 8 -> declined WrongCryptogram
         purchase 0.00 as a3 pin right chip right group 8 -> declined NotAcceptedHere
         purchase 0.00 as a4 pin absent chip absent group 7 -> declined InvalidAmount
         purchase 100.01 as a5 group 7 -> declined InsufficientFunds
         purchase 100.00 as a6 group 7 -> approved posted 0.00",
    );
}

#[test]
fn single_purpose_cards_are_good_in_their_group_only() {
    check(
        "card anonymous 100.00 group 7
         purchase 1.00 as p1 -> declined NotAcceptedHere
         purchase 1.00 as p2 group 6 -> declined NotAcceptedHere
         purchase 1.00 as p3 group 7 -> approved
         preauth 1.00 as p4 group 6 -> declined NotAcceptedHere
         preauth 1.00 as p5 group 7 -> approved",
    );
}

#[test]
fn inquiries_tell_what_may_be_spent() {
    check(
        "card registered 100.00 expiry 2603
         preauth 30.00 as a1 -> approved
         purchase 20.00 as p1 -> approved
         void 20.00 as v1 of p1 -> approved
         balance as b1 -> told 50.00
         balance as b2 pin wrong -> WrongPin
         balance as b3 chip wrong -> WrongCryptogram
         clock 2027-01-01 00:00:00
         balance as b4 -> told 100.00    # Expired: still the holder's money.
         lose as l1 -> approved
         balance as b5 -> LostCard",
    );
}

/// Half up to the fen, a fixed part, bounds, and never more than the amount itself.
#[test]
fn fees_follow_their_terms() {
    check(
        "card registered 1000.00
         purchase 0.83 as p1 fee 6000 -> approved fees 0.00
         purchase 0.84 as p2 fee 6000 -> approved fees 0.01
         purchase 0.01 as p3 fee 500000 -> approved fees 0.02
         purchase 10.00 as p4 fee 0+5 -> approved fees 0.07
         purchase 10.00 as p5 fee 10000+5/20 -> approved fees 0.27
         purchase 100.00 as p6 fee 10000+5/20/30 -> approved fees 0.57
         purchase 0.10 as p7 fee 0+0/20/30 -> approved fees 0.67
         purchase 0.10 as p8 fee 4000000000+4000000000 -> approved fees 0.77
         purchase 10.00 as p9 fee 0 -> approved fees 0.77",
    );
}

#[test]
fn unknown_cards_are_refused_without_a_trace() {
    check(
        "purchase 1.00 as p1 -> declined UnknownCard unwritten
         reverse 1.00 as r1 of p1 -> declined UnknownCard unwritten
         issue 5000.01 as i1 by transfer -> declined OverLimit unwritten
         issue 5000.00 as i2 by cash -> approved posted 5000.00 cash 5000.00
         issue 5000.00 as i2 by cash -> replayed approved
         issue 1.00 as i3 by cash -> declined AlreadyIssued posted 5000.00",
    );
    check("issue 0.00 as i1 by cash -> approved posted 0.00 entries 0 rows 1");
}
