//! Every order: the events of each flow in all orders, in full and in part, each order also with
//! one thing wrong at each event and with time passing before each event. After each event the
//! answer, the balances and the postings are compared with a card kept on paper.
//!
//! Nothing is random: the numbers of orders and answers are part of the test. A failing order is
//! printed with the command that plays it alone.

mod desk;
mod flow;
mod flows;
mod message;
mod order;
mod paper;
mod twist;
mod walk;

use crate::orders::flow::Flow;
use crate::orders::twist::Moment;
use crate::orders::walk::{Calendar, Walk};

/// The last second of 2026 in Beijing. The card does not expire.
const NEW_YEAR: Calendar = Calendar {
    name: "new-year",
    start: 1_798_732_799,
    expiry: 0,
};

/// The last second of 29 February 2028 in Beijing, the last month of the card.
const LEAP_DAY: Calendar = Calendar {
    name: "leap-day",
    start: 1_835_452_799,
    expiry: 2802,
};

/// Plays all orders of a flow, and counts them so that they cannot grow fewer unseen: plain ones,
/// all with those in which something is wrong or late, and the answers compared in them.
fn check(flow: Flow, counts: [u32; 3]) {
    let mut walk = Walk::new(&flow, NEW_YEAR);
    walk.all();
    let count = walk.count;
    let expiring = flow.moments(&[Moment::Midnight]);
    let mut walk = Walk::new(&expiring, LEAP_DAY);
    walk.all_late();
    let played = [
        count.plain,
        count.orders + walk.count.orders,
        count.answers + walk.count.answers,
    ];
    assert_eq!(played, counts, "{}: orders and answers", expiring.name);
}

#[test]
fn purchase_and_its_reversal() {
    check(flows::purchase(), [180, 18_000, 43_096]);
}

#[test]
fn purchase_and_its_void() {
    check(flows::void(), [720, 56_880, 127_874]);
}

#[test]
fn second_void() {
    check(flows::void_again(), [360, 34_200, 79_672]);
}

#[test]
fn limit_of_a_day() {
    check(flows::day_limit(), [720, 54_720, 123_306]);
}

#[test]
fn refunds() {
    check(flows::refunds(), [720, 72_000, 161_475]);
}

#[test]
fn hold_and_its_completions() {
    check(flows::hold(), [720, 66_240, 148_752]);
}

#[test]
fn hold_and_its_reversals() {
    check(flows::hold_reversals(), [720, 58_320, 131_136]);
}

#[test]
fn completion_advices() {
    check(flows::advices(), [720, 62_640, 140_922]);
}

#[test]
fn top_ups() {
    check(flows::top_ups(), [360, 29_880, 69_421]);
}

#[test]
fn confirmed_top_ups() {
    check(flows::confirmed::unseen(), [180, 16_380, 39_340]);
}

#[test]
fn confirmed_top_ups_that_were_refused() {
    check(flows::confirmed::refused(), [720, 51_840, 116_457]);
}

#[test]
fn offline_sales() {
    check(flows::settled::offline(), [720, 61_200, 137_660]);
}

#[test]
fn adjusted_sales() {
    check(flows::settled::adjusted(), [720, 62_640, 140_922]);
}

#[test]
fn loss_report() {
    check(flows::loss(), [720, 51_840, 116_782]);
}

#[test]
fn loss_by_telephone() {
    check(flows::replaced::phone(), [720, 54_000, 121_350]);
}

#[test]
fn replaced_media() {
    check(flows::replaced::media(), [720, 51_840, 116_782]);
}

/// Plays the order that `CARD_ORDER` names, as a failure prints it, and tells its story.
#[test]
fn one_order() {
    let Ok(line) = std::env::var("CARD_ORDER") else {
        return;
    };
    let mut words = line.split_whitespace();
    let (name, calendar) = (words.next().unwrap(), words.next().unwrap());
    let flow = flows::all().into_iter().find(|flow| flow.name == name);
    let flow = flow.unwrap_or_else(|| panic!("no flow is called `{name}`"));
    let calendar = [NEW_YEAR, LEAP_DAY]
        .into_iter()
        .find(|known| known.name == calendar)
        .unwrap();
    let steps = order::read(&flow, words);
    let mut walk = Walk::new(&flow, calendar);
    walk.one(&steps);
    println!("{}", walk.story());
}
