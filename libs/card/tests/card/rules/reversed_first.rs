//! CARD-3: a reversal that overtakes its original.

use crate::support::check;

#[test]
fn refuses_the_late_original_for_good() {
    check(
        "card registered 1000.00
         reverse 123.45 as r1 of p1 -> declined OriginalNotFound
         purchase 123.45 as p1 -> declined ReversedFirst
         purchase 123.45 as p1 -> replayed declined ReversedFirst
         purchase 99.00 as p1 -> declined Duplicate unwritten
         reverse 123.45 as r1 of p1 -> replayed declined OriginalNotFound
         reverse 123.45 as r2 of p1 -> declined OriginalNotFound
         purchase 123.45 as p1 -> replayed declined ReversedFirst
         now posted 1000.00 entries 1",
    );
}

/// Whatever comes with the key is refused: the terminal was told that nothing is there.
#[test]
fn whatever_the_late_original_is() {
    for verb in ["purchase", "preauth", "topup"] {
        check(&format!(
            "card registered 1000.00
             reverse 5.00 as r1 of x1 -> declined OriginalNotFound
             reverse 5.00 as r2 of x1 -> declined OriginalNotFound
             {verb} 99.00 as x1 -> declined ReversedFirst
             now posted 1000.00 held 0.00"
        ));
    }
    check(
        "card registered 1000.00
         purchase 10.00 as p1 -> approved
         reverse 10.00 as r1 of v1 -> declined OriginalNotFound
         void 10.00 as v1 of p1 -> declined ReversedFirst posted 990.00
         void 10.00 as v2 of p1 -> approved posted 1000.00",
    );
}

#[test]
fn at_its_own_terminal_only() {
    check(
        "card registered 1000.00
         reverse 5.00 as r1 of p1 at t2 -> declined OriginalNotFound
         purchase 5.00 as p1 -> approved posted 995.00
         purchase 5.00 as p2 key p1 at t2 -> declined ReversedFirst",
    );
}

#[test]
fn as_long_as_keys_are_kept() {
    check(
        "card registered 1000.00
         reverse 5.00 as r1 of p1 -> declined OriginalNotFound
         wait 8d
         purchase 5.00 as p1 -> declined ReversedFirst
         wait 8d
         purchase 5.00 as p1 -> replayed declined ReversedFirst
         wait 1s
         purchase 5.00 as p1 -> approved posted 995.00",
    );
    check(
        "card registered 1000.00
         reverse 5.00 as r1 of p1 -> declined OriginalNotFound
         wait 8d
         wait 1s
         purchase 5.00 as p1 -> approved posted 995.00
         reverse 5.00 as r2 of p1 -> approved posted 1000.00",
    );
}

/// An original that is too old to be known is as if it never came.
#[test]
fn of_an_original_past_retention() {
    check(
        "card registered 1000.00
         purchase 5.00 as p1 -> approved
         wait 8d
         wait 1s
         reverse 5.00 as r1 of p1 -> declined OriginalNotFound
         purchase 5.00 as p2 key p1 -> declined ReversedFirst
         now posted 995.00
         refund 5.00 as f1 of p1 only rrn -> approved posted 1000.00",
    );
}

#[test]
fn is_not_taken_for_an_original() {
    check(
        "card registered 1000.00
         purchase 5.00 as p0 -> approved
         reverse 5.00 as r1 of p1 -> declined OriginalNotFound
         void 5.00 as v1 of p1 -> declined OriginalNotFound
         refund 5.00 as f1 of p1 -> declined OriginalNotFound
         refund 5.00 as f2 of r1 -> declined OriginalNotFound
         complete 5.00 as c1 of p1 only key -> declined OriginalNotFound
         complete 5.00 as c2 of r1 only code -> declined OriginalNotFound
         now posted 995.00",
    );
}

/// CARD-6: even with a key that was reversed first, an inquiry writes nothing.
#[test]
fn inquiries_do_not_use_it_up() {
    check(
        "card registered 1000.00
         reverse 5.00 as r1 of p1 -> declined OriginalNotFound
         balance as p1 -> ReversedFirst
         purchase 5.00 as p1 -> declined ReversedFirst
         balance as p1 -> Duplicate",
    );
}
