//! The register as an operator writes it, right and wrong.

use proptest::prelude::*;

use super::*;
use crate::names::{merchant_id, terminal_id};

fn participant(id: &str) -> Participant {
    Participant {
        id: ParticipantId::parse(id).unwrap(),
        name: format!("acquirer {id}"),
    }
}

fn merchant(id: &str) -> Merchant {
    Merchant {
        id: merchant_id(id).unwrap(),
        name: format!("shop {id}"),
        category: 5411,
        group: 7,
        online_allowed: false,
        fee: FeeTerms {
            rate_ppm: 6_000,
            fixed_minor: 0,
            min_minor: 1,
            max_minor: 2_000,
        },
    }
}

fn terminals(participant: &str, first: &str, last: &str, merchant: &str) -> Terminal {
    Terminal {
        participant: ParticipantId::parse(participant).unwrap(),
        first: terminal_id(first).unwrap(),
        last: terminal_id(last).unwrap(),
        merchant: merchant_id(merchant).unwrap(),
    }
}

fn register(list: &[Terminal]) -> Result<Register, RegisterError> {
    let participants = vec![participant("69980290"), participant("69980291")];
    Register::new(
        participants,
        vec![merchant("M1"), merchant("M2")],
        list.to_vec(),
    )
}

fn merchant_at(register: &Register, participant: &str, terminal: &str) -> Option<String> {
    let participant = ParticipantId::parse(participant).unwrap();
    let found = register.terminal(participant, terminal_id(terminal).unwrap())?;
    assert_eq!(found.participant.id, participant);
    Some(found.merchant.id.to_string())
}

#[test]
fn terminals_are_found_in_runs_and_alone() {
    let register = register(&[
        terminals("69980290", "10000001", "10009999", "M1"),
        terminals("69980290", "10010000", "10010000", "M2"),
        terminals("69980290", "T1", "T1", "M2"),
        terminals("69980291", "10000005", "10000005", "M2"),
    ])
    .unwrap();
    for (participant, terminal, expected) in [
        ("69980290", "10000000", None),
        ("69980290", "10000001", Some("M1")),
        ("69980290", "10009999", Some("M1")),
        ("69980290", "10010000", Some("M2")),
        ("69980290", "10010001", None),
        ("69980290", "1000000A", None), // Sorts inside the run, but is not in it.
        ("69980290", "T1", Some("M2")),
        ("69980290", "T2", None),
        ("69980291", "10000005", Some("M2")), // Another participant's terminal of the same id.
        ("69980291", "10000006", None),
        ("69980291", "T1", None),
        ("1", "T1", None),
    ] {
        let found = merchant_at(&register, participant, terminal);
        assert_eq!(found.as_deref(), expected, "{participant} {terminal}");
    }
    assert_eq!(
        register.merchant(merchant_id("M1").unwrap()),
        Some(&merchant("M1"))
    );
    assert_eq!(register.merchant(merchant_id("M3").unwrap()), None);
    assert_eq!(register.participants().count(), 2);
    assert_eq!(register.merchants().count(), 2);
}

#[test]
fn what_does_not_fit_is_named() {
    let refused = |list: &[Terminal]| register(list).unwrap_err().to_string();
    for (list, expected) in [
        (
            vec![terminals("69980290", "10000001", "10000002", "M3")],
            "terminal 10000001 stands at merchant M3, which is not listed",
        ),
        (
            vec![terminals("69980299", "T1", "T1", "M1")],
            "terminal T1 belongs to participant 69980299, which is not listed",
        ),
        (
            vec![terminals("69980290", "10000002", "10000001", "M1")],
            "terminals 10000002 to 10000001 run backwards; swap them",
        ),
        (
            vec![terminals("69980290", "T1", "T9", "M1")],
            "terminals T1 to T9 cannot be counted; write 8 digits for both",
        ),
        (
            vec![
                terminals("69980290", "10000005", "10000009", "M1"),
                terminals("69980290", "10000001", "10000006", "M2"),
            ],
            "terminal 10000005 of participant 69980290 is listed twice, at merchants \
             [\"M1\", \"M2\"]; change one of the runs",
        ),
        (
            vec![
                terminals("69980290", "T1", "T1", "M1"),
                terminals("69980290", "T1", "T1", "M1"),
            ],
            "terminal T1 of participant 69980290 is listed twice, at merchants \
             [\"M1\", \"M1\"]; change one of the runs",
        ),
    ] {
        assert_eq!(refused(&list), expected);
    }
}

#[test]
fn lists_and_terms_are_checked() {
    let refused = |participants: &[&str], merchants: Vec<Merchant>| {
        let participants = participants.iter().map(|id| participant(id)).collect();
        Register::new(participants, merchants, Vec::new())
            .unwrap_err()
            .to_string()
    };
    let with_fee = |rate_ppm, min_minor, max_minor| {
        let fee = FeeTerms {
            rate_ppm,
            fixed_minor: 0,
            min_minor,
            max_minor,
        };
        vec![Merchant {
            fee,
            ..merchant("M1")
        }]
    };
    for (found, expected) in [
        (
            refused(&["1", "1"], vec![]),
            "participant 1 is listed twice; remove one of them",
        ),
        (
            refused(&[], vec![merchant("M1"), merchant("M1")]),
            "merchant M1 is listed twice; remove one of them",
        ),
        (
            refused(
                &[],
                vec![Merchant {
                    category: 10_000,
                    ..merchant("M1")
                }],
            ),
            "merchant M1 has category 10000; write four digits, at most 9999",
        ),
        (
            refused(&[], with_fee(1_000_001, 0, 0)),
            "merchant M1 pays 1000001 ppm; write at most 1000000, 0.6 % is 6000",
        ),
        (
            refused(&[], with_fee(0, 3, 2)),
            "merchant M1 pays at least 3 and at most 2; write a maximum that is not below, or 0 \
             for none",
        ),
    ] {
        assert_eq!(found, expected);
    }
    assert!(
        Register::new(vec![], with_fee(0, 3, 0), vec![]).is_ok(),
        "0 is no maximum"
    );
}

#[test]
fn version_is_pinned_and_tells_registers_apart() {
    let (one, two) = (
        terminals("69980290", "10000001", "10000009", "M1"),
        terminals("69980290", "T1", "T1", "M2"),
    );
    let version = |list: &[Terminal]| register(list).unwrap().version();
    assert_eq!(
        version(&[one, two]),
        version(&[two, one]),
        "the order of the list"
    );
    assert_ne!(version(&[one, two]), version(&[one]));
    let elsewhere = Terminal {
        merchant: two.merchant,
        ..one
    };
    assert_ne!(version(&[one]), version(&[elsewhere]));
    assert_eq!(version(&[one, two]), 2_832_385_056);
}

proptest! {
    /// Runs that were accepted answer as a plain search through the list does.
    #[test]
    fn index_agrees_with_a_plain_search(
        runs in proptest::collection::vec((0..60u32, 0..8u32), 0..8),
        asked in 0..70u32,
    ) {
        let id = |number: u32| terminal_id(&format!("{number:08}")).unwrap();
        let list: Vec<_> = runs
            .iter()
            .enumerate()
            .map(|(index, (first, length))| Terminal {
                participant: ParticipantId::parse("69980290").unwrap(),
                first: id(*first),
                last: id(first + length),
                merchant: merchant_id(if index % 2 == 0 { "M1" } else { "M2" }).unwrap(),
            })
            .collect();
        let covers = |run: &Terminal, number| (run.first..=run.last).contains(&id(number));
        let is_double = (0..70).any(|number| list.iter().filter(|run| covers(run, number)).count() > 1);
        match register(&list) {
            Err(error) => prop_assert!(is_double, "{error}"),
            Ok(register) => {
                prop_assert!(!is_double);
                let expected = list.iter().find(|run| covers(run, asked));
                let expected = expected.map(|run| run.merchant.to_string());
                prop_assert_eq!(merchant_at(&register, "69980290", &format!("{asked:08}")), expected);
            }
        }
    }
}
