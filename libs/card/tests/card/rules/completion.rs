//! Completion: request and advice.

use crate::support::check;

#[test]
fn captures_and_frees_the_rest_at_once() {
    check(
        "card registered 1000.00
         preauth 500.00 as a1 -> approved available 500.00
         complete 488.00 as c1 of a1 -> approved posted 512.00 held 0.00 available 512.00
         now merchant 485.07 fees 2.93
         complete 488.00 as c1 of a1 -> replayed approved
         complete 488.00 as c2 of a1 -> declined OriginalOutOfOrder
         advise 488.00 as c3 of a1 -> declined OriginalOutOfOrder case LateAdvice
         now entries 2 posted 512.00",
    );
}

#[test]
fn request_rungs_in_order() {
    check(
        "card registered 100.00
         preauth 10.00 as a1 -> approved
         preauth 200.00 as a2 -> declined InsufficientFunds
         purchase 10.00 as p1 -> approved
         complete 0.00 as c1 of a0 pin wrong chip wrong -> declined WrongPin
         complete 0.00 as c2 of a0 chip wrong -> declined WrongCryptogram
         complete 0.00 as c3 of a0 -> declined OriginalNotFound
         complete 0.00 as c4 of p1 -> declined OriginalNotFound
         complete 0.00 as c5 of a1 merchant m2 -> declined OriginalNotFound
         complete 0.00 as c6 of a2 -> declined OriginalInvalid
         complete 0.00 as c7 of a1 -> declined InvalidAmount
         complete 10.01 as c8 of a1 -> declined OverLimit
         void-preauth 10.00 as v1 of a1 -> approved
         complete 0.00 as c9 of a1 -> declined OriginalOutOfOrder
         now posted 90.00",
    );
}

/// CARD-5: always answered, always recorded; what does not match becomes a case.
#[test]
fn advice_rungs_in_order() {
    check(
        "card registered 100.00
         preauth 10.00 as a1 -> approved
         preauth 200.00 as a2 -> declined InsufficientFunds
         advise 0.00 as c1 of a0 pin wrong -> declined OriginalNotFound case UnmatchedAdvice
         advise 0.00 as c2 of a1 merchant m2 -> declined OriginalNotFound case UnmatchedAdvice
         advise 0.00 as c3 of a2 -> declined OriginalInvalid case UnmatchedAdvice
         advise 0.00 as c4 of a1 -> declined InvalidAmount
         advise 10.01 as c5 of a1 -> declined OverLimit case ExcessAdvice
         advise 10.00 as c6 of a1 pin wrong -> approved posted 90.00
         advise 10.00 as c7 of a1 -> declined OriginalOutOfOrder case LateAdvice
         advise 10.00 as c6 of a1 -> replayed approved
         now posted 90.00",
    );
}

/// CARD-4: a request is bounded by ratio and balance, an advice by the ratio alone.
#[test]
fn over_the_hold_up_to_the_ratio() {
    check(
        "card registered 110.00 ratio 115
         preauth 100.00 as a1 -> approved
         complete 115.01 as c1 of a1 -> declined OverLimit
         complete 110.01 as c2 of a1 -> declined InsufficientFunds
         complete 110.00 as c3 of a1 -> approved posted 0.00",
    );
    check(
        "card registered 110.00 ratio 115
         preauth 100.00 as a1 -> approved
         purchase 10.00 as p1 -> approved
         advise 115.00 as c1 of a1 -> approved case ShortAdvice posted 0.00 suspense 15.00",
    );
    check(
        "card registered 100.00 ratio 115
         preauth 0.01 as a1 -> approved
         complete 0.02 as c1 of a1 -> declined OverLimit    # Rounded down.
         complete 0.01 as c2 of a1 -> approved",
    );
    check(
        "card registered 100.00 ratio 80
         preauth 10.00 as a1 -> approved
         complete 8.01 as c1 of a1 -> declined OverLimit
         complete 8.00 as c2 of a1 -> approved posted 92.00 held 0.00",
    );
}

#[test]
fn a_hold_from_before_a_loss_or_expiry_is_honoured() {
    check(
        "card registered 100.00 expiry 2603
         preauth 10.00 as a1 -> approved
         preauth 20.00 as a2 -> approved
         preauth 30.00 as a3 -> approved
         lose as l1 -> approved
         complete 10.00 as c1 of a1 -> approved posted 90.00
         advise 20.00 as c2 of a2 -> approved posted 70.00
         find as f1 -> approved
         clock 2026-03-30 00:00:00
         now held 30.00
         clock 2026-03-31 12:00:00
         now held 0.00",
    );
}

/// Voided money does not pay a completion before it clears.
#[test]
fn does_not_reach_into_uncleared_money() {
    check(
        "card registered 100.00 ratio 115
         purchase 50.00 as p1 -> approved
         preauth 50.00 as a1 -> approved available 0.00
         void 50.00 as v1 of p1 -> approved available 0.00
         complete 50.01 as c1 of a1 -> declined InsufficientFunds
         advise 57.50 as c2 of a1 -> approved case ShortAdvice posted 50.00 suspense 7.50
         now uncleared 50.00 available 0.00",
    );
}
