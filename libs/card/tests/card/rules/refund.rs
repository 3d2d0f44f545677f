//! Refund: whole and in parts.

use crate::support::check;

#[test]
fn gives_back_in_parts_up_to_what_was_captured() {
    check(
        "card registered 1000.00
         purchase 100.00 as p1 fee 6000 -> approved fees 0.60 merchant 99.40
         refund 33.33 as f1 of p1 -> approved posted 933.33 fees 0.40
         refund 33.34 as f2 of p1 -> approved posted 966.67 fees 0.20
         refund 33.34 as f3 of p1 at t2 -> declined Duplicate    # The operator's repeat.
         wait 6m
         refund 33.34 as f4 of p1 at t2 -> declined AmountMismatch
         refund 33.33 as f5 of p1 at t2 -> approved posted 1000.00 fees 0.00 merchant 0.00
         refund 0.01 as f6 of p1 -> declined AmountMismatch
         now entries 5",
    );
}

/// The parts of the fee add up to the fee, whatever the parts.
#[test]
fn fee_goes_back_pro_rata_without_a_remainder() {
    for parts in [
        &["0.01", "0.02", "3.30"][..],
        &["1.11", "1.12", "1.10"],
        &["3.32", "0.01"],
        &["3.33"],
    ] {
        for fee in ["6000", "500000", "999999", "0+2", "0+0/3", "0", "0+0/400"] {
            let mut script =
                format!("card registered 10.00\npurchase 3.33 as p1 fee {fee} -> approved\n");
            for (index, part) in parts.iter().enumerate() {
                script += &format!("refund {part} as f{index} of p1 -> approved\n");
            }
            script += "now posted 10.00 merchant 0.00 fees 0.00";
            check(&script);
        }
    }
}

#[test]
fn rungs_in_order() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         purchase 200.00 as p2 -> declined InsufficientFunds
         preauth 10.00 as a1 -> approved
         refund 0.00 as f1 of p0 -> declined InvalidAmount
         refund 11.00 as f2 of p0 -> declined OriginalNotFound
         refund 11.00 as f3 of p1 merchant m2 -> declined OriginalNotFound
         refund 11.00 as f4 of a1 -> declined OriginalNotFound
         refund 11.00 as f5 of p1 code a1 -> declined OriginalNotFound
         refund 11.00 as f6 of p2 -> declined OriginalInvalid
         refund 10.01 as f7 of p1 -> declined AmountMismatch
         void 10.00 as v1 of p1 -> approved
         wait 181d
         refund 11.00 as f8 of p1 -> declined OriginalOutOfOrder
         now posted 100.00",
    );
}

#[test]
fn window_and_repeat_are_counted_from_the_card_s_clock() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         wait 180d
         refund 1.00 as f1 of p1 -> approved posted 91.00
         wait 300s
         refund 1.00 as f2 of p1 -> declined OriginalOutOfOrder posted 91.00",
    );
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         refund 1.00 as f1 of p1 -> approved posted 91.00
         wait 300s
         refund 1.00 as f2 of p1 -> declined Duplicate
         refund 1.01 as f3 of p1 -> approved
         wait 1s
         refund 1.00 as f4 of p1 -> approved posted 93.01",
    );
}

#[test]
fn any_terminal_of_the_merchant_may_refund_on_any_day() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         cut
         wait 1d
         freeze
         refund 4.00 as f1 of p1 at t2 only rrn -> approved posted 94.00 day 0
         refund 5.00 as f2 of p1 -> approved posted 99.00 day 0
         refund 1.00 as f3 of p1 only code -> declined OriginalNotFound",
    );
}

/// CARD-5: goods come back to a card that was topped up, lost, or has expired meanwhile.
#[test]
fn is_never_refused_for_cap_or_state() {
    check(
        "card registered 5000.00 cap 5000.00
         purchase 100.00 as p1 -> approved
         topup 100.00 as t1 -> approved posted 5000.00
         refund 60.00 as f1 of p1 -> approved case OverCapRefund posted 5060.00
         topup 0.01 as t2 -> declined OverLimit
         purchase 60.01 as p2 -> approved posted 4999.99
         topup 0.01 as t3 -> approved posted 5000.00",
    );
    check(
        "card registered 5000.00 cap 5000.00
         purchase 100.00 as p1 -> approved
         purchase 50.00 as p2 -> approved
         preauth 50.00 as a1 -> approved
         complete 50.00 as c1 of a1 -> approved
         topup 200.00 as t1 -> approved posted 5000.00
         void 100.00 as v1 of p1 -> approved case OverCapRefund posted 5100.00
         reverse 50.00 as r1 of p2 -> approved case OverCapRefund posted 5150.00
         void-completion 50.00 as v2 of c1 -> approved case OverCapRefund posted 5200.00
         topup 0.01 as t2 -> declined OverLimit",
    );
    check(
        "card registered 100.00 expiry 2603
         purchase 10.00 as p1 -> approved
         lose as l1 -> approved
         refund 4.00 as f1 of p1 -> approved
         clock 2026-04-01 00:00:00
         refund 5.00 as f2 of p1 -> approved posted 99.00",
    );
}

#[test]
fn of_a_completion_or_an_advice_as_of_a_purchase() {
    for verb in ["complete", "advise"] {
        check(&format!(
            "card registered 100.00
             preauth 50.00 as a1 -> approved
             {verb} 40.00 as c1 of a1 -> approved posted 60.00
             refund 10.00 as f1 of c1 -> approved posted 70.00
             refund 10.01 as f2 of c1 code a1 -> approved posted 80.01
             refund 20.00 as f3 of c1 -> declined AmountMismatch
             refund 19.99 as f4 of c1 -> approved posted 100.00 merchant 0.00 fees 0.00"
        ));
    }
}

/// What suspense paid for the card is made whole first.
#[test]
fn of_a_short_advice_repays_suspense_before_the_card() {
    check(
        "card registered 100.00 ratio 115
         preauth 100.00 as a1 -> approved
         advise 115.00 as c1 of a1 fee 10000 -> approved case ShortAdvice posted 0.00 suspense 15.00
         now merchant 113.85 fees 1.15
         refund 10.00 as f1 of c1 -> approved posted 0.00 suspense 5.00 fees 1.05
         refund 10.01 as f2 of c1 -> approved posted 5.01 suspense 0.00 fees 0.95
         refund 94.99 as f3 of c1 -> approved posted 100.00 suspense 0.00 fees 0.00 merchant 0.00",
    );
}

#[test]
fn cannot_be_reversed_and_is_repeated_by_key() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         refund 4.00 as f1 of p1 -> approved
         refund 4.00 as f1 of p1 -> replayed approved
         reverse 4.00 as r1 of f1 -> declined NotSupported posted 94.00",
    );
}
