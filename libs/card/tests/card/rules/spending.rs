//! What a holder may spend at once, in a day and in a month. Each test quotes its rule. Days and
//! months are local; 12:00 on 2026-03-01 is where scripts begin.

use crate::support::check;

/// "One payment is at most so much."
#[test]
fn of_one_transaction() {
    check(
        "card registered 1000.00 per-transaction 100.00
         purchase 100.01 as p1 -> declined OverLimit
         preauth 100.01 as a1 -> declined OverLimit
         purchase 100.00 as p2 -> approved
         preauth 100.00 as a2 -> approved",
    );
}

/// "The payments of a local day are at most so much together." A decline counts nothing.
#[test]
fn of_a_day() {
    check(
        "card registered 1000.00 per-day 100.00
         purchase 60.00 as p1 -> approved
         purchase 40.01 as p2 -> declined OverLimit
         preauth 40.00 as a1 -> approved
         purchase 0.01 as p3 -> declined OverLimit
         clock 2026-03-01 23:59:59
         purchase 0.01 as p4 -> declined OverLimit
         clock 2026-03-02 00:00:00
         purchase 100.00 as p5 -> approved
         purchase 0.01 as p6 -> declined OverLimit",
    );
}

/// "So many payments a day." The reason tells that it is the number, not the sum.
#[test]
fn how_often_in_a_day() {
    check(
        "card registered 1000.00 times-a-day 2
         purchase 1.00 as p1 -> approved
         purchase 5000.00 as p2 -> declined InsufficientFunds
         preauth 1.00 as a1 -> approved
         purchase 1.00 as p3 -> declined OverCount
         preauth 1.00 as a2 -> declined OverCount
         purchase 1.00 as p1 -> replayed approved
         clock 2026-03-02 00:00:00
         purchase 1.00 as p4 -> approved",
    );
}

/// "The payments of a local month are at most so much, and so many, together."
#[test]
fn of_a_month() {
    check(
        "card registered 1000.00 per-month 100.00 times-a-month 3
         purchase 60.00 as p1 -> approved
         clock 2026-03-31 23:59:59
         purchase 40.01 as p2 -> declined OverLimit
         purchase 10.00 as p3 -> approved
         purchase 10.00 as p4 -> approved
         purchase 10.00 as p5 -> declined OverCount
         clock 2026-04-01 00:00:00
         purchase 100.00 as p6 -> approved
         clock 2027-04-01 00:00:00
         purchase 100.00 as p7 -> approved",
    );
}

/// 29 February belongs to February, and the year's end begins a month.
#[test]
fn months_are_those_of_the_calendar() {
    check(
        "clock 2028-02-28 12:00:00
         card registered 1000.00 per-month 100.00
         purchase 60.00 as p1 -> approved
         clock 2028-02-29 23:59:59
         purchase 40.01 as p2 -> declined OverLimit
         purchase 40.00 as p3 -> approved
         clock 2028-03-01 00:00:00
         purchase 100.00 as p4 -> approved
         clock 2028-12-31 23:59:59
         purchase 100.00 as p5 -> approved
         clock 2029-01-01 00:00:00
         purchase 100.00 as p6 -> approved",
    );
}

/// "What is undone gives its room back", in the day and month that it was counted in.
#[test]
fn an_undo_gives_room_back() {
    check(
        "card registered 1000.00 per-day 100.00 times-a-day 2
         purchase 60.00 as p1 -> approved
         preauth 40.00 as a1 -> approved
         reverse 60.00 as r1 of p1 -> approved
         purchase 60.00 as p2 -> approved
         void 60.00 as v1 of p2 -> approved
         purchase 60.00 as p3 -> approved
         void-preauth 40.00 as v2 of a1 -> approved
         preauth 40.00 as a2 -> approved
         reverse 40.00 as r2 of a2 -> approved
         purchase 40.00 as p4 -> approved
         purchase 0.01 as p5 -> declined OverLimit
         refund 40.00 as f1 of p4 -> approved
         purchase 0.01 as p6 -> declined OverLimit",
    );
}

/// Only in the periods that the original was counted in: yesterday's purchase gives nothing today.
#[test]
fn an_undo_of_yesterday_gives_nothing_today() {
    check(
        "card registered 1000.00 per-day 100.00 per-month 150.00
         purchase 50.00 as p1 -> approved
         clock 2026-03-02 09:00:00
         purchase 100.00 as p2 -> approved
         reverse 50.00 as r1 of p1 -> approved
         purchase 0.01 as p3 -> declined OverLimit
         clock 2026-03-31 09:00:00
         purchase 50.00 as p4 -> approved
         purchase 0.01 as p5 -> declined OverLimit
         clock 2026-04-01 09:00:00
         reverse 50.00 as r2 of p4 -> approved
         purchase 100.00 as p6 -> approved
         purchase 0.01 as p7 -> declined OverLimit",
    );
}

/// What is in force again counts again.
#[test]
fn an_undone_undo_takes_room_again() {
    check(
        "card registered 1000.00 per-day 100.00
         purchase 60.00 as p1 -> approved
         void 60.00 as v1 of p1 -> approved
         reverse 60.00 as r1 of v1 -> approved
         purchase 40.01 as p2 -> declined OverLimit
         preauth 40.00 as a1 -> approved
         void-preauth 40.00 as v2 of a1 -> approved
         reverse 40.00 as r2 of v2 -> approved
         purchase 0.01 as p3 -> declined OverLimit",
    );
}

/// The merchant's own acts count nothing: a hold counts when it is placed.
#[test]
fn completions_and_advices_count_nothing() {
    check(
        "card registered 1000.00 per-day 100.00 ratio 115
         preauth 100.00 as a1 -> approved
         complete 115.00 as c1 of a1 -> approved
         void-completion 115.00 as v1 of c1 -> approved
         advise 100.00 as c2 of a1 -> approved
         tip 120.00 as x1 of c2 -> approved
         purchase 0.01 as p1 -> declined OverLimit",
    );
}

/// "Machines and agents load at most 200 in cash on a card a day."
#[test]
fn cash_at_machines_and_agents() {
    check(
        "card registered 100.00 agents-per-day 200.00
         topup 150.00 as t1 channel agent -> approved
         topup 50.01 as t2 channel self-service -> declined OverLimit
         topup 500.00 as t3 -> approved
         topup 500.00 as t4 channel self-service by transfer -> approved
         topup 50.00 as t5 channel self-service -> approved
         topup 0.01 as t6 channel agent -> declined OverLimit
         reverse 50.00 as r1 of t5 -> approved
         reverse 500.00 as r2 of t3 -> approved
         topup 50.01 as t7 channel agent -> declined OverLimit
         topup 50.00 as t8 channel agent -> approved
         confirm 90.00 as c1 of t9 channel agent -> unseen case UnseenCredit
         clock 2026-03-02 00:00:00
         topup 200.01 as t10 channel agent -> declined OverLimit
         topup 200.00 as t11 channel agent -> approved
         reverse 50.00 as r3 of t8 -> approved
         topup 0.01 as t12 channel agent -> declined OverLimit",
    );
}

/// A bound that comes with new rules counts what was spent before it.
#[test]
fn sums_are_kept_without_a_limit() {
    check(
        "card registered 1000.00
         purchase 60.00 as p1 -> approved
         programme per-day 100.00
         purchase 40.01 as p2 -> declined OverLimit
         purchase 40.00 as p3 -> approved",
    );
}
