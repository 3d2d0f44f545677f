//! Direct credit: a top-up that arrives paid.

use crate::support::check;

#[test]
fn credits_up_to_the_cap() {
    check(
        "card registered 4800.00 cap 5000.00
         topup 150.00 as t1 by cash -> approved posted 4950.00 cash 150.00 transit 4800.00
         topup 50.01 as t2 -> declined OverLimit
         topup 50.00 as t3 by transfer -> approved posted 5000.00 transit 4850.00
         topup 0.01 as t4 -> declined OverLimit
         topup 150.00 as t1 by cash -> replayed approved
         now entries 3",
    );
}

#[test]
fn rungs_in_order() {
    check(
        "card registered 100.00 reload no expiry 2603
         lose as l1 -> approved
         clock 2026-04-01 00:00:00
         topup 0.00 as t1 -> declined LostCard
         find as f1 -> approved
         topup 0.00 as t2 -> declined ExpiredCard
         clock 2026-04-01 00:00:01
         now posted 100.00",
    );
    check(
        "card registered 100.00 reload no
         topup 0.00 as t1 -> declined NotPermitted
         programme reload yes
         topup 0.00 as t2 -> declined InvalidAmount
         topup 4900.01 as t3 -> declined OverLimit
         topup 9999999999.99 as t4 -> declined OverLimit
         now posted 100.00",
    );
}

/// Room under the cap counts what is booked: holds and uncleared money are on the card.
#[test]
fn holds_and_uncleared_money_use_up_the_cap() {
    check(
        "card registered 4000.00 cap 5000.00
         preauth 1000.00 as a1 -> approved
         purchase 500.00 as p1 -> approved
         void 500.00 as v1 of p1 -> approved
         topup 1000.01 as t1 -> declined OverLimit
         topup 1000.00 as t2 -> approved posted 5000.00 available 3500.00",
    );
}

/// Undone by the exact mirror, and only while its money is unspent.
#[test]
fn reversed_while_unspent() {
    for (source, account) in [("cash", "cash"), ("transfer", "transit")] {
        let before = if account == "cash" { "0.00" } else { "100.00" };
        check(&format!(
            "card registered 100.00
             topup 50.00 as t1 by {source} -> approved posted 150.00
             reverse 50.00 as r1 of t1 -> approved posted 100.00 {account} {before}
             reverse 50.00 as r1 of t1 -> replayed approved
             reverse 50.00 as r2 of t1 -> approved posted 100.00 entries 3
             now cash 0.00 transit 100.00"
        ));
    }
    check(
        "card registered 100.00
         topup 50.00 as t1 -> approved posted 150.00
         preauth 60.00 as a1 -> approved
         purchase 50.00 as p1 -> approved
         reverse 50.00 as r1 of t1 -> declined OriginalOutOfOrder case UncoveredReversal
         void-preauth 60.00 as v1 of a1 -> approved
         reverse 50.00 as r2 of t1 -> approved posted 50.00",
    );
}
