//! Void of a completion: the hold comes back.

use crate::support::check;

#[test]
fn brings_the_hold_back_and_that_may_be_voided() {
    check(
        "card registered 1000.00
         preauth 500.00 as a1 -> approved
         complete 488.00 as c1 of a1 -> approved available 512.00
         void-completion 488.00 as v1 of c1 -> approved posted 1000.00 held 500.00
         now available 500.00 merchant 0.00 fees 0.00
         void-completion 488.00 as v2 of c1 -> declined OriginalOutOfOrder
         complete 100.00 as c2 of a1 -> approved posted 900.00 held 0.00
         void-completion 100.00 as v3 of c2 -> approved held 500.00
         void-preauth 500.00 as v4 of a1 -> approved held 0.00 available 1000.00
         void-completion 488.00 as v1 of c1 -> replayed approved",
    );
}

#[test]
fn rungs_in_order() {
    check(
        "card registered 100.00
         preauth 10.00 as a1 -> approved
         complete 11.00 as c0 of a1 -> declined OverLimit
         complete 10.00 as c1 of a1 -> approved
         purchase 10.00 as p1 -> approved
         void-completion 9.00 as v1 of x1 pin wrong -> declined WrongPin
         void-completion 9.00 as v2 of x1 chip wrong -> declined WrongCryptogram
         void-completion 9.00 as v3 of x1 -> declined OriginalNotFound
         void-completion 9.00 as v4 of p1 -> declined OriginalNotFound
         void-completion 9.00 as v5 of c1 merchant m2 at t2 -> declined OriginalNotFound
         void-completion 9.00 as v6 of c1 at t2 -> declined TerminalMismatch
         void-completion 9.00 as v7 of c1 code p1 -> declined OriginalNotFound
         void-completion 11.00 as v8 of c0 -> declined OriginalInvalid
         void-completion 9.00 as v9 of c1 code a1 -> declined AmountMismatch
         cut
         void-completion 9.00 as v10 of c1 -> declined OriginalInvalid
         refund 1.00 as f1 of c1 -> approved
         void-completion 9.00 as v11 of c1 -> declined OriginalOutOfOrder
         now posted 81.00",
    );
}

/// CARD-4: the captured amount comes back whole, of the freed difference what is still there.
#[test]
fn restores_what_of_the_freed_difference_is_left() {
    check(
        "card registered 500.00
         preauth 500.00 as a1 -> approved
         complete 100.00 as c1 of a1 -> approved available 400.00
         purchase 300.00 as p1 -> approved available 100.00
         void-completion 100.00 as v1 of c1 -> approved posted 200.00 held 200.00 available 0.00
         complete 500.01 as c2 of a1 -> declined OverLimit
         complete 200.01 as c3 of a1 -> declined InsufficientFunds
         complete 200.00 as c4 of a1 -> approved posted 0.00",
    );
    check(
        "card registered 110.00 ratio 110
         preauth 100.00 as a1 -> approved
         complete 110.00 as c1 of a1 -> approved posted 0.00
         void-completion 110.00 as v1 of c1 -> approved posted 110.00 held 110.00
         void-preauth 100.00 as v2 of a1 -> approved held 0.00 available 110.00",
    );
}

#[test]
fn of_a_short_advice_gives_suspense_its_part() {
    check(
        "card registered 100.00 ratio 115
         preauth 100.00 as a1 -> approved
         advise 115.00 as c1 of a1 -> approved case ShortAdvice posted 0.00 suspense 15.00
         void-completion 115.00 as v1 of c1 -> approved posted 100.00 held 100.00 suspense 0.00
         now merchant 0.00 fees 0.00
         reverse 115.00 as r1 of v1 -> approved posted 0.00 held 0.00 suspense 15.00
         void-completion 115.00 as v2 of c1 -> approved posted 100.00 held 100.00 suspense 0.00
         advise 115.00 as c2 of a1 -> approved case ShortAdvice posted 0.00 suspense 15.00",
    );
}

/// A hold whose life is over does not come back; its money is free.
#[test]
fn after_the_hold_s_life_frees_the_money() {
    check(
        "card registered 100.00
         preauth 60.00 as a1 -> approved
         wait 29d
         complete 60.00 as c1 of a1 -> approved posted 40.00
         wait 2d
         void-completion 60.00 as v1 of c1 -> approved posted 100.00 held 0.00 available 100.00
         complete 60.00 as c2 of a1 -> declined OriginalOutOfOrder
         reverse 60.00 as r1 of v1 -> approved posted 40.00
         void-completion 60.00 as v2 of c1 -> approved posted 100.00
         purchase 100.00 as p1 -> approved
         reverse 60.00 as r2 of v2 -> declined OriginalOutOfOrder case UncoveredReversal
         now posted 0.00",
    );
}
