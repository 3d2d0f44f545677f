//! Orders of events that the trade knows as traps, from `vectors/scenarios.json`: replies, booked
//! and held money and the number of postings are read from there.

use serde_json::Value;

use crate::support::Stage;
use card::{Decision, DeclineReason, Outcome};

const SCENARIOS: &str = include_str!("../vectors/scenarios.json");

/// Each scenario's events as commands, one an event. `+` stands before what makes the given state.
const PLAYED: &[(&str, &[&str])] = &[
    ("S01", &["purchase 123.45 as p1", "purchase 123.45 as p1"]),
    ("S02", &["purchase 123.45 as p1", "purchase 200.00 as p1"]),
    (
        "S04",
        &[
            "purchase 123.45 as p1",
            "reverse 123.45 as r1 of p1",
            "reverse 123.45 as r1 of p1",
            "reverse 123.45 as r2 of p1",
        ],
    ),
    (
        "S05",
        &["reverse 123.45 as r1 of p1", "purchase 123.45 as p1"],
    ),
    (
        "S07",
        &["purchase 123.45 as p1", "reverse 120.00 as r1 of p1"],
    ),
    (
        "S11",
        &[
            "purchase 123.45 as p1",
            "void 123.45 as v1 of p1",
            "purchase 100.00 as p2",
            "reverse 123.45 as r1 of v1",
        ],
    ),
    (
        "S13",
        &["preauth 500.00 as a1", "complete 500.01 as c1 of a1"],
    ),
    (
        "S14",
        &[
            "preauth 500.00 as a1",
            "complete 488.00 as c1 of a1",
            "complete 488.00 as c2 of a1",
        ],
    ),
    (
        "S16",
        &[
            "preauth 500.00 as a1",
            "complete 488.00 as c1 of a1",
            "reverse 488.00 as r1 of c1",
        ],
    ),
    ("S19", &["topup 200.00 as t1"]),
    ("S20", &["topup 150.00 as t1", "topup 150.00 as t2 at t2"]),
    (
        "S23",
        &[
            "+preauth 500.00 as a1",
            "lose as l1",
            "complete 488.00 as c1 of a1",
            "purchase 1.00 as p1",
        ],
    ),
];

/// What is not one card's matter.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "S08",
        "the edge knows both cards while it remembers the original, and answers 14; to the other card \
         alone it is a reversal without an original, which is 25 and changes nothing",
    ),
    ("S10", "needs an issuer beyond this switch"),
    ("S17", "needs a bank"),
    ("S22", "needs a combined payment"),
    ("S25", "needs electronic cash"),
    ("S26", "needs electronic cash"),
    ("S28", "needs batch totals"),
];

#[test]
fn every_scenario_is_played_or_named() {
    let known = PLAYED
        .iter()
        .map(|(id, _)| *id)
        .chain(ELSEWHERE.iter().map(|(id, _)| *id));
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let all = scenarios();
    let ids: Vec<&str> = all.iter().map(|scenario| text(&scenario["id"])).collect();
    assert_eq!(known, ids);
}

#[test]
fn scenarios_end_as_the_trade_says() {
    let all = scenarios();
    for (id, lines) in PLAYED {
        let scenario = all.iter().find(|scenario| text(&scenario["id"]) == *id);
        play(scenario.expect("a scenario with this id"), lines);
    }
}

fn scenarios() -> Vec<Value> {
    let file: Value = serde_json::from_str(SCENARIOS).unwrap();
    file["scenarios"].as_array().unwrap().clone()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn play(scenario: &Value, lines: &[&str]) {
    let id = text(&scenario["id"]);
    let mut stage = Stage::new();
    let given = scenario["given"]["ledger"].as_u64().unwrap();
    stage.play(&format!(
        "card registered {}.{:02}",
        given / 100,
        given % 100
    ));
    let (before, events): (Vec<&&str>, Vec<&&str>) =
        lines.iter().partition(|line| line.starts_with('+'));
    for line in before {
        assert!(
            stage
                .submit(line.trim_start_matches('+'))
                .outcome
                .is_approved(),
            "{id}: {line}"
        );
    }
    assert_eq!(
        events.len(),
        scenario["events"].as_array().unwrap().len(),
        "{id}: events"
    );
    let entries_before = stage.world.entry_count();
    let decisions: Vec<Decision> = events.iter().map(|line| stage.submit(line)).collect();
    check_replies(id, &decisions, &scenario["expect"]);
    check_money(id, &stage, &scenario["expect"], entries_before);
}

fn check_replies(id: &str, decisions: &[Decision], expect: &Value) {
    let found: Vec<&str> = decisions
        .iter()
        .map(|decision| code(decision.outcome))
        .collect();
    if let Some(replies) = expect["replies"].as_array() {
        let wanted: Vec<&str> = replies.iter().map(|reply| code_in(text(reply))).collect();
        assert_eq!(found, wanted, "{id}: replies");
        for (index, reply) in replies.iter().enumerate() {
            if text(reply).contains("same F37/F38") {
                let names = |at: usize| (decisions[at].reply.position, decisions[at].reply.version);
                assert_eq!(
                    names(index),
                    names(index - 1),
                    "{id}: RRN and approval code"
                );
            }
        }
    }
    if let Some(reply) = expect["reply"].as_str() {
        assert_eq!(found, [reply], "{id}: reply");
    }
    if id == "S20" {
        assert_eq!(found, ["00", "61"], "{id}: one succeeds, one gets 61");
    }
}

fn check_money(id: &str, stage: &Stage, expect: &Value, entries_before: usize) {
    let card = stage.world.card.as_ref().unwrap();
    if let Some(fen) = expect["ledger"].as_u64() {
        assert_eq!(card.posted().minor(), fen, "{id}: ledger");
    }
    if let Some(fen) = expect["holds"].as_u64() {
        assert_eq!(
            card.held(card.now(stage.world.now)).minor(),
            fen,
            "{id}: holds"
        );
    }
    if let Some(count) = expect["postings"].as_u64() {
        let entries = (stage.world.entry_count() - entries_before) as u64;
        assert_eq!(entries, count, "{id}: postings");
    }
}

/// The code in a wanted reply: `0210 00 auth A`, `94`, or `ok`.
fn code_in(reply: &str) -> &str {
    let mut words = reply.split_whitespace().filter(|word| word.len() == 2);
    match words.next().expect("a code") {
        "ok" => "00",
        code => code,
    }
}

fn code(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Approved => "00",
        Outcome::AcceptedUnseen => "A4",
        Outcome::AcceptedAfterRefusal => "A5",
        Outcome::Declined(DeclineReason::Duplicate) => "94",
        Outcome::Declined(DeclineReason::OriginalNotFound) => "25",
        Outcome::Declined(DeclineReason::OriginalOutOfOrder | DeclineReason::ReversedFirst) => "22",
        Outcome::Declined(DeclineReason::AmountMismatch) => "64",
        Outcome::Declined(DeclineReason::InsufficientFunds) => "51",
        Outcome::Declined(DeclineReason::OverLimit) => "61",
        Outcome::Declined(DeclineReason::LostCard) => "41",
        Outcome::Declined(other) => panic!("no scenario ends with {other:?}"),
    }
}
