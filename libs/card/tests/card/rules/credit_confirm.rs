//! Confirmed top-ups: the money is credited once, by the half that arrives first.

use crate::support::check;

#[test]
fn after_its_request_it_books_nothing() {
    check(
        "card registered 100.00
         topup 50.00 as t1 -> approved posted 150.00 cash 50.00
         confirm 50.00 as c1 of t1 -> approved posted 150.00 entries 2
         confirm 50.00 as c1 of t1 -> replayed approved
         topup 50.00 as t1 -> replayed approved
         confirm 50.00 as c2 of t1 -> approved posted 150.00
         reverse 50.00 as r1 of t1 -> approved posted 100.00 cash 0.00",
    );
}

#[test]
fn before_its_request_it_credits() {
    check(
        "card registered 100.00
         confirm 50.00 as c1 of t1 -> unseen case UnseenCredit posted 150.00 cash 50.00
         confirm 50.00 as c1 of t1 -> replayed unseen
         confirm 50.00 as c2 of t1 -> approved posted 150.00
         topup 50.01 as t1 -> declined Duplicate unwritten
         purchase 50.00 as p1 key t1 -> declined Duplicate unwritten
         topup 50.00 as t1 -> approved posted 150.00 entries 2
         topup 50.00 as t1 -> replayed approved
         topup 50.01 as t2 key t1 -> declined Duplicate unwritten
         confirm 50.00 as c3 of t1 -> approved posted 150.00
         reverse 50.00 as r1 of t1 -> approved posted 100.00 cash 0.00
         reverse 50.00 as r2 of t1 -> approved posted 100.00
         confirm 50.00 as c4 of t1 -> declined OriginalOutOfOrder case ReversedCredit",
    );
}

/// It names who holds the money, also when the request comes later or is undone before it comes.
#[test]
fn an_unseen_request_may_be_reversed() {
    check(
        "card registered 100.00
         confirm 50.00 as c1 of t1 by transfer -> unseen case UnseenCredit posted 150.00 transit 150.00
         reverse 49.00 as r1 of t1 -> declined AmountMismatch
         reverse 50.00 as r2 of t1 -> approved posted 100.00 transit 100.00
         reverse 50.00 as r3 of t1 -> approved posted 100.00
         confirm 50.00 as c2 of t1 by transfer -> declined OriginalOutOfOrder case ReversedCredit
         topup 50.00 as t1 by transfer -> declined ReversedFirst posted 100.00
         topup 50.00 as t1 by transfer -> replayed declined ReversedFirst",
    );
}

#[test]
fn after_a_refusal_it_credits_all_the_same() {
    check(
        "card registered 100.00 cap 120.00
         topup 50.00 as t1 -> declined OverLimit
         confirm 50.00 as c1 of t1 -> after-refusal case RefusedCredit posted 150.00
         confirm 50.00 as c1 of t1 -> replayed after-refusal
         confirm 50.00 as c2 of t1 -> approved posted 150.00
         topup 50.00 as t1 -> replayed declined OverLimit
         reverse 50.00 as r1 of t1 -> declined OriginalInvalid posted 150.00",
    );
}

/// The money is there: no state of the card refuses it.
#[test]
fn a_lost_or_expired_card_takes_it() {
    check(
        "card registered 100.00
         lose as l1 -> approved
         topup 10.00 as t1 -> declined LostCard
         confirm 10.00 as c1 of t1 -> after-refusal case RefusedCredit posted 110.00",
    );
    check(
        "card anonymous 100.00 expiry 2604
         clock 2026-05-01 00:00:00
         confirm 10.00 as c1 of t1 -> unseen case UnseenCredit posted 110.00",
    );
}

#[test]
fn what_does_not_fit_is_refused_and_a_case() {
    check(
        "card registered 100.00
         topup 50.00 as t1 -> approved
         confirm 49.00 as c1 of t1 -> declined AmountMismatch case OtherCredit
         confirm 50.00 as c2 of t1 at t2 -> unseen case UnseenCredit posted 200.00
         purchase 10.00 as p1 -> approved
         confirm 10.00 as c3 of p1 -> declined OriginalNotFound case OtherCredit
         confirm 10.00 as c4 of t9 by credit-card -> declined CreditCardSource case CreditCardTopUp
         confirm 0.00 as c5 of t9 -> declined InvalidAmount
         reverse 30.00 as r1 of t8 -> declined OriginalNotFound
         confirm 30.00 as c6 of t8 -> declined OriginalOutOfOrder case ReversedCredit posted 190.00
         topup 30.00 as t8 -> declined ReversedFirst",
    );
}

/// STORE-6: what left the ring is fetched, and its money is not credited again.
#[test]
fn an_old_half_is_fetched() {
    check(
        "card registered 100.00 cap 140.00
         confirm 10.00 as c1 of t1 -> unseen case UnseenCredit
         topup 10.00 as t2 -> approved posted 120.00
         topup 50.00 as t3 -> declined OverLimit
         confirm 7.00 as c4 of t4 -> unseen case UnseenCredit
         fill 70
         topup 10.00 as t1 -> approved posted 127.00
         confirm 10.00 as c2 of t2 -> approved posted 127.00
         confirm 50.00 as c3 of t3 -> after-refusal case RefusedCredit posted 177.00
         reverse 7.00 as r4 of t4 -> approved posted 170.00
         fill 70
         confirm 50.00 as c5 of t3 -> approved posted 170.00
         reverse 10.00 as r1 of t1 -> approved posted 160.00
         topup 7.00 as t4 -> declined ReversedFirst posted 160.00
         fill 70
         reverse 10.00 as r2 of t1 -> approved posted 160.00",
    );
}
