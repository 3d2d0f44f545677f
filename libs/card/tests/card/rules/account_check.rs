//! Account check: the decline that a debit or top-up would get, and nothing written.

use crate::support::check;

#[test]
fn tells_whether_the_card_could_be_used_at_all() {
    check(
        "card registered 100.00
         check as q1 -> approved unwritten rows 1
         check as q2 pin wrong -> declined WrongPin unwritten
         lose as l1 -> approved
         check as q3 -> declined LostCard unwritten
         find as f1 -> approved
         check as q4 -> approved unwritten
         replace-damaged as n1 number 1 -> approved
         check as q5 medium 0 -> declined LostCard unwritten
         check as q6 medium 1 -> approved unwritten",
    );
}

#[test]
fn an_expired_card_is_told_so() {
    check(
        "card anonymous 100.00 expiry 2604
         check as q1 -> approved unwritten
         clock 2026-05-01 00:00:00
         check as q2 -> declined ExpiredCard unwritten",
    );
}
