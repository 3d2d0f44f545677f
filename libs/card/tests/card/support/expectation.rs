//! A line's right side: what must have come of it.

use crate::support::World;
use card::{Decision, DeclineReason, Outcome};
use ledger::{Account, Side};
use money::Amount;

/// Checks `approved`, `declined REASON` or `replayed`, then any of `available 1.00`, `case NAME`...
pub(crate) fn check_decision(world: &World, decision: &Decision, expected: &str) {
    let mut words = expected.split_whitespace().peekable();
    let replayed = words.next_if(|word| *word == "replayed").is_some();
    assert_eq!(
        decision.reply.replayed, replayed,
        "replayed: {:?}",
        decision.outcome
    );
    match words.peek() {
        Some(&"approved") => {
            words.next();
            assert_eq!(decision.outcome, Outcome::Approved);
        }
        Some(&"unseen") => {
            words.next();
            assert_eq!(decision.outcome, Outcome::AcceptedUnseen);
        }
        Some(&"after-refusal") => {
            words.next();
            assert_eq!(decision.outcome, Outcome::AcceptedAfterRefusal);
        }
        Some(&"declined") => {
            words.next();
            let reason = reason(words.next().expect("a reason"));
            assert_eq!(decision.outcome, Outcome::Declined(reason));
        }
        _ => assert!(replayed, "say `approved`, `declined REASON` or `replayed`"),
    }
    assert_eq!(decision.outcome, decision.reply.outcome);
    let unwritten = words.next_if(|word| *word == "unwritten").is_some() || replayed;
    assert_eq!(
        decision.written.is_none(),
        unwritten,
        "CARD-6: written or not"
    );
    let case = words
        .next_if(|word| *word == "case")
        .and_then(|_| words.next());
    let found = decision
        .written
        .as_ref()
        .and_then(|written| written.row.case);
    assert_eq!(
        found.map(|case| format!("{case:?}")),
        case.map(str::to_owned),
        "case"
    );
    let rest: Vec<&str> = words.collect();
    check_figures(world, &rest);
}

/// Checks pairs of a figure and its value.
pub(crate) fn check_figures(world: &World, words: &[&str]) {
    for pair in words.chunks(2) {
        let [figure, value] = pair else {
            panic!("`{pair:?}` needs a value")
        };
        check_figure(world, figure, value);
    }
}

fn check_figure(world: &World, figure: &str, value: &str) {
    let card = world.card.as_ref().expect("a card");
    let now = card.now(world.now);
    let fen = |amount: Amount| i128::from(amount.minor());
    let last = world.rows.last().expect("a row");
    let found = match figure {
        "available" => fen(card.available(now)),
        "posted" => fen(card.posted()),
        "held" => fen(card.held(now)),
        "uncleared" => fen(card.uncleared(now)),
        "merchant" => world.shows(Account::MerchantPayable, Side::Credit),
        "network" => world.shows(Account::NetworkPosition, Side::Credit),
        "fees" => world.shows(Account::MerchantFees, Side::Credit),
        "suspense" => world.shows(Account::SuspenseShort, Side::Debit),
        "cash" => world.shows(Account::CashInTransit, Side::Debit),
        "transit" => world.shows(Account::LoadsInTransit, Side::Debit),
        "entries" => return assert_eq!(world.entry_count().to_string(), value, "entries"),
        "rows" => return assert_eq!(world.rows.len().to_string(), value, "rows"),
        "day" => {
            let offset = i32::from(last.day.0) - i32::from(world.day.0);
            return assert_eq!(offset.to_string(), value, "days from the open one");
        }
        _ => panic!("unknown figure `{figure}`"),
    };
    assert_eq!(shown(found), value, "{figure}");
}

fn shown(fen: i128) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}

fn reason(name: &str) -> DeclineReason {
    let found = DeclineReason::ALL
        .iter()
        .find(|reason| format!("{reason:?}") == name);
    *found.unwrap_or_else(|| panic!("no reason is called `{name}`"))
}
