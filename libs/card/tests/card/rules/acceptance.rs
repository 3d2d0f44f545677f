//! Where and how a programme's cards are good. Each test quotes its rule.

use crate::support::check;

/// "A single-purpose card is used only inside its company, group or brand."
#[test]
fn only_in_its_own_group() {
    check(
        "card registered 100.00 group 7
         purchase 10.00 as p1 -> declined NotAcceptedHere
         purchase 10.00 as p2 group 8 -> declined NotAcceptedHere
         preauth 10.00 as a1 group 8 -> declined NotAcceptedHere
         purchase 10.00 as p3 group 7 -> approved
         refund 10.00 as f1 of p3 -> approved",
    );
}

/// "Prepaid cards give no cash, and buy neither money orders nor other prepaid cards."
#[test]
fn not_where_cash_is_given() {
    check(
        "card registered 100.00 not-mcc 6010,6011,6012,6051,4829
         purchase 10.00 as p1 mcc 6010 -> declined CategoryBlocked
         purchase 10.00 as p2 mcc 6011 -> declined CategoryBlocked
         purchase 10.00 as p3 mcc 6012 -> declined CategoryBlocked
         purchase 10.00 as p4 mcc 6051 -> declined CategoryBlocked
         purchase 10.00 as p5 mcc 4829 -> declined CategoryBlocked
         preauth 10.00 as a1 mcc 6011 -> declined CategoryBlocked
         purchase 10.00 as p6 mcc 5411 -> approved",
    );
}

/// "A ticket for local transport is good for transport only."
#[test]
fn only_where_tickets_are_sold() {
    check(
        "card registered 100.00 only-mcc 4111,4131
         purchase 10.00 as p1 mcc 5411 -> declined CategoryBlocked
         purchase 10.00 as p2 mcc 4131 -> approved",
    );
}

/// "Prepaid cards are not for online channels, except for shops that the register names."
#[test]
fn online_only_where_the_register_allows_it() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 channel online -> declined ChannelBlocked
         preauth 10.00 as a1 channel online -> declined ChannelBlocked
         purchase 10.00 as p2 channel online shop online -> approved
         purchase 10.00 as p3 channel mail -> approved",
    );
}

/// "A programme may close a channel."
#[test]
fn not_over_a_closed_channel() {
    check(
        "card registered 100.00 not-channel mail not-channel agent
         purchase 10.00 as p1 channel mail -> declined ChannelBlocked
         topup 10.00 as t1 channel agent -> declined ChannelBlocked
         topup 10.00 as t2 -> approved
         purchase 10.00 as p2 -> approved",
    );
}

/// "Prepaid cards are neither bought nor topped up with a credit card."
#[test]
fn not_on_credit() {
    check(
        "card registered 100.00
         topup 10.00 as t1 by credit-card -> declined CreditCardSource
         topup 10.00 as t2 by transfer -> approved",
    );
}

/// "Not every card is topped up after its sale." "Holds are not for every card."
#[test]
fn what_the_programme_does_not_offer() {
    check(
        "card anonymous 100.00 reload no preauth no
         topup 10.00 as t1 -> declined NotPermitted
         preauth 10.00 as a1 -> declined NotPermitted",
    );
}

/// "An expired card spends nothing and is not topped up; its balance stays owed, and what is given
/// back to it is taken."
#[test]
fn an_expired_card_keeps_its_balance() {
    check(
        "card anonymous 100.00 expiry 2604
         purchase 10.00 as p1 -> approved
         clock 2026-05-01 00:00:00
         purchase 10.00 as p2 -> declined ExpiredCard
         preauth 10.00 as a1 -> declined ExpiredCard
         topup 10.00 as t1 -> declined ExpiredCard
         refund 10.00 as f1 of p1 -> approved posted 100.00
         balance as q1 -> told 100.00",
    );
}

/// "At most 5,000 on a registered, 1,000 on an anonymous card." Goods that come back are taken.
#[test]
fn no_more_than_the_cap_is_loaded() {
    check(
        "card anonymous 900.00 cap 1000.00
         topup 100.01 as t1 -> declined OverLimit
         topup 100.00 as t2 -> approved
         purchase 300.00 as p1 -> approved
         topup 300.00 as t3 -> approved
         refund 300.00 as f1 of p1 -> approved case OverCapRefund posted 1300.00
         topup 0.01 as t4 -> declined OverLimit",
    );
}
