//! Loss report and its lifting.

use crate::support::check;

#[test]
fn stops_debits_and_loads_from_its_place_on() {
    check(
        "card registered 100.00
         preauth 20.00 as a1 -> approved
         purchase 10.00 as p1 -> approved
         lose as l1 -> approved
         purchase 10.00 as p2 -> declined LostCard
         preauth 10.00 as a2 -> declined LostCard
         topup 10.00 as t1 -> declined LostCard
         purchase 10.00 as p1 -> replayed approved
         reverse 10.00 as r1 of p1 -> approved posted 100.00
         lose as l2 -> approved
         complete 20.00 as c1 of a1 -> approved posted 80.00
         find as f1 -> approved
         purchase 10.00 as p3 -> approved posted 70.00",
    );
}

#[test]
fn needs_a_name() {
    check(
        "card anonymous 100.00
         lose as l1 -> declined NotSupported
         find as f1 -> declined NotSupported
         purchase 10.00 as p1 -> approved",
    );
}

/// CARD-2: the stored reply is the reply, to the last member.
#[test]
fn is_answered_again_as_before() {
    check(
        "card registered 100.00
         lose as l1 -> approved
         lose as l1 -> replayed approved
         find as f1 -> approved
         find as f1 -> replayed approved
         reverse 0.00 as r1 of l1 -> declined NotSupported",
    );
}
