//! Days of settlement, and months of validity.

use crate::support::check;

/// A void is of the same day; an undo counts for the day of what it undoes while that is open.
#[test]
fn undo_counts_for_the_original_s_day_until_it_is_frozen() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved day 0
         purchase 20.00 as p2 -> approved day 0
         cut
         purchase 30.00 as p3 -> approved day 0
         void 10.00 as v1 of p1 -> declined OriginalInvalid
         reverse 10.00 as r1 of p1 -> approved day -1
         freeze
         reverse 20.00 as r2 of p2 -> approved day 0
         reverse 30.00 as r3 of p3 -> approved day 0 posted 100.00",
    );
}

#[test]
fn every_undo_follows_its_original() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         void 10.00 as v1 of p1 -> approved
         preauth 10.00 as a1 -> approved
         complete 10.00 as c1 of a1 -> approved
         void-completion 10.00 as cv1 of c1 -> approved
         void-preauth 10.00 as av1 of a1 -> approved
         topup 10.00 as t1 -> approved
         cut
         reverse 10.00 as r1 of av1 -> approved day -1
         reverse 10.00 as r2 of cv1 -> approved day -1
         reverse 10.00 as r3 of c1 -> approved day -1
         reverse 10.00 as r4 of a1 -> approved day -1
         reverse 10.00 as r5 of v1 -> approved day -1
         reverse 10.00 as r6 of p1 -> approved day -1
         reverse 10.00 as r7 of t1 -> approved day -1 posted 100.00
         now available 100.00 merchant 0.00 fees 0.00",
    );
}

/// New work, and what only continues old work, counts for the open day.
#[test]
fn what_is_no_undo_counts_for_the_open_day() {
    check(
        "card registered 100.00
         purchase 10.00 as p1 -> approved
         preauth 10.00 as a1 -> approved
         cut
         refund 10.00 as f1 of p1 -> approved day 0
         complete 10.00 as c1 of a1 -> approved day 0
         reverse 1.00 as r1 of p1 -> declined AmountMismatch day 0",
    );
}

/// The last moment of the month is still good, in Beijing's calendar.
#[test]
fn validity_ends_with_its_month() {
    for (expiry, last, first) in [
        ("2603", "2026-03-31 23:59:59", "2026-04-01 00:00:00"),
        ("2612", "2026-12-31 23:59:59", "2027-01-01 00:00:00"),
        ("2802", "2028-02-29 23:59:59", "2028-03-01 00:00:00"),
        ("2702", "2027-02-28 23:59:59", "2027-03-01 00:00:00"),
    ] {
        check(&format!(
            "card registered 100.00 expiry {expiry}
             clock {last}
             purchase 10.00 as p1 -> approved
             preauth 10.00 as a1 -> approved
             topup 10.00 as t1 -> approved
             clock {first}
             purchase 10.00 as p2 -> declined ExpiredCard
             preauth 10.00 as a2 -> declined ExpiredCard
             topup 10.00 as t2 -> declined ExpiredCard
             complete 10.00 as c1 of a1 -> approved
             refund 10.00 as f1 of p1 -> approved
             balance as b1 -> told 100.00"
        ));
    }
    check(
        "card registered 100.00
         clock 2099-12-31 23:59:59
         purchase 10.00 as p1 -> approved",
    );
}
