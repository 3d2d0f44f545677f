//! Loss by telephone, and the replacement of a medium.

use crate::support::check;

/// A loss report by telephone ends by itself after five days, unless papers follow.
#[test]
fn a_temporary_report_ends_by_itself() {
    check(
        "card registered 100.00 loss-days 5
         phone-loss as l1 -> approved
         wait 119h
         purchase 10.00 as p1 -> declined LostCard
         wait 1h
         purchase 10.00 as p2 -> approved
         phone-loss as l2 -> approved
         wait 4d
         phone-loss as l3 -> approved
         wait 4d
         purchase 10.00 as p3 -> declined LostCard
         lose as l4 -> approved
         phone-loss as l5 -> approved
         wait 30d
         purchase 10.00 as p4 -> declined LostCard
         find as f1 -> approved
         purchase 10.00 as p5 -> approved",
    );
}

/// The old medium takes credits only; balance, holds and refund rights stay with the card.
#[test]
fn the_old_medium_takes_credits_only() {
    check(
        "card registered 500.00
         purchase 10.00 as p1 -> approved
         purchase 20.00 as p2 -> approved
         preauth 100.00 as a1 -> approved
         preauth 50.00 as a2 -> approved
         lose as l1 -> approved
         replace-lost as n1 number 1 -> approved posted 470.00 held 150.00
         replace-lost as n1 number 1 -> replayed approved
         purchase 10.00 as p3 medium 0 -> declined LostCard
         preauth 10.00 as a3 medium 0 -> declined LostCard
         balance as q1 medium 0 -> LostCard
         refund 10.00 as f1 of p1 medium 0 -> approved posted 480.00
         reverse 20.00 as r1 of p2 medium 0 -> approved posted 500.00
         topup 5.00 as t1 medium 0 -> approved posted 505.00
         complete 100.00 as c1 of a1 medium 0 -> approved posted 405.00
         void-preauth 50.00 as v1 of a2 medium 0 -> approved held 0.00
         purchase 10.00 as p4 medium 1 -> approved posted 395.00
         balance as q2 medium 1 -> told 395.00",
    );
}

/// Numbers only grow: a medium that was replaced never comes back.
#[test]
fn an_old_medium_never_comes_back() {
    check(
        "card registered 100.00
         replace-damaged as n0 number 0 -> declined NotPermitted
         replace-damaged as n1 number 2 -> approved
         replace-damaged as n2 number 1 -> declined NotPermitted
         replace-lost as n3 number 2 -> approved
         replace-lost as n4 number 3 -> approved
         purchase 1.00 as p1 medium 2 -> declined LostCard
         lose as l1 -> approved
         purchase 1.00 as p2 medium 3 -> declined LostCard
         find as f1 -> approved
         purchase 1.00 as p3 medium 2 -> declined LostCard
         purchase 1.00 as p4 medium 3 -> approved",
    );
}

/// Anonymous cards are not reported lost; a damaged one is replaced against the medium itself.
#[test]
fn an_anonymous_card_is_replaced_only_when_damaged() {
    check(
        "card anonymous 100.00
         phone-loss as l1 -> declined NotSupported
         replace-lost as n1 number 1 -> declined NotSupported
         replace-damaged as n2 number 1 -> approved
         purchase 10.00 as p1 medium 0 -> declined LostCard
         purchase 10.00 as p2 medium 1 -> approved posted 90.00",
    );
}
