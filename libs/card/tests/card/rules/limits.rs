//! Bounds: holds, uncleared credits, sizes, and the largest amounts.

use std::fmt::Write as _;

use crate::support::check;

/// OWN-4: holds are bounded; those past their life do not count.
#[test]
fn open_holds_are_bounded() {
    let mut script = "card registered 1000.00\n".to_owned();
    for index in 0..32 {
        writeln!(script, "preauth 1.00 as a{index} -> approved").unwrap();
    }
    script += "preauth 1.00 as b1 -> declined TooManyHolds
               complete 1.00 as c1 of a0 -> approved
               preauth 1.00 as b2 -> approved held 32.00
               void-completion 1.00 as v1 of c1 -> declined TooManyHolds
               reverse 1.00 as r1 of c1 -> declined TooManyHolds case UncoveredReversal
               wait 31d
               preauth 1.00 as b3 -> approved held 1.00";
    check(&script);
}

#[test]
fn uncleared_credits_are_bounded() {
    let mut script = "card registered 1000.00\n".to_owned();
    for index in 0..33 {
        writeln!(script, "purchase 1.00 as p{index} -> approved").unwrap();
    }
    for index in 0..32 {
        writeln!(script, "void 1.00 as v{index} of p{index} -> approved").unwrap();
    }
    script += "void 1.00 as v32 of p32 -> declined TooManyHolds uncleared 32.00
               wait 11m
               void 1.00 as w32 of p32 -> approved uncleared 1.00 posted 1000.00";
    check(&script);
}

/// A full body is far below its bound, and an everyday entry is small.
#[test]
fn a_full_card_stays_small() {
    let mut script = "card registered 5000.00\noffset 900000000\n".to_owned();
    for index in 0..32 {
        writeln!(script, "preauth 50.00 as a{index} -> approved").unwrap();
        writeln!(script, "purchase 100.00 as p{index} -> approved").unwrap();
        writeln!(script, "void 100.00 as v{index} of p{index} -> approved").unwrap();
    }
    let world = check(&script);
    let size = world.body().len();
    assert!((4_000..6_000).contains(&size), "body of {size} bytes");
}

/// A credit that the type cannot hold is refused, not a panic.
#[test]
fn balances_stay_in_the_range_of_the_type() {
    check(
        "card registered 9999999999.99 cap 9999999999.99
         purchase 10.00 as p1 fee 0 -> approved
         purchase 20.00 as p2 fee 0 -> approved
         preauth 40.00 as a1 -> approved
         complete 40.00 as c1 of a1 fee 0 -> approved
         topup 70.00 as t1 -> approved posted 9999999999.99
         topup 0.01 as t2 -> declined OverLimit
         refund 10.00 as f1 of p1 -> declined OverLimit
         void 10.00 as v1 of p1 -> declined OverLimit
         reverse 20.00 as r1 of p2 -> declined OverLimit
         reverse 40.00 as r2 of c1 -> declined OverLimit
         void-completion 40.00 as v2 of c1 -> declined OverLimit
         purchase 70.00 as p3 -> approved
         refund 10.00 as f2 of p1 -> approved
         void-completion 40.00 as v3 of c1 -> approved held 40.00
         reverse 20.00 as r3 of p2 -> approved posted 9999999999.99
         purchase 9999999959.99 as p4 fee 4000000000 -> approved available 0.00",
    );
}
