//! A worked ledger of 22 steps: sales, loads, purchases, fees, refunds, electronic cash, payout,
//! redemption and expiry. After each step the books balance, card balances equal their control
//! accounts, and client money is covered.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use serde_json::Value;

use ledger::{Account, Books, Entry, Posting};
use money::Amount;

const WORKED: &str = include_str!("vectors/ledger_example.json");

fn minor(value: &Value) -> i128 {
    i128::from(value.as_i64().expect("fen"))
}

fn posting(line: &Value) -> Posting {
    let number = line["account"].as_str().unwrap().parse().unwrap();
    let account = Account::from_number(number).expect("account of the chart");
    let fen = |side: &str| Amount::from_minor(line[side].as_u64().unwrap()).unwrap();
    match fen("debit").is_zero() {
        false => Posting::debit(account, fen("debit")),
        true => Posting::credit(account, fen("credit")),
    }
}

/// Adds a step's card lines to the sub-ledgers: (card, control account) -> balance, credit positive.
fn post_to_cards(cards: &mut BTreeMap<(String, u16), i128>, step: &Value) {
    for line in step["lines"].as_array().unwrap() {
        let Some(card) = line["card"].as_str() else {
            continue;
        };
        let number: u16 = line["account"].as_str().unwrap().parse().unwrap();
        *cards.entry((card.to_owned(), number)).or_default() +=
            minor(&line["credit"]) - minor(&line["debit"]);
    }
}

fn check_step(books: &Books, cards: &BTreeMap<(String, u16), i128>, step: &Value) {
    let after = &step["after"];
    let sum_of = |number: u16| -> i128 {
        cards
            .iter()
            .filter(|((_, account), _)| *account == number)
            .map(|(_, sum)| sum)
            .sum()
    };
    for account in [
        Account::RegisteredCards,
        Account::AnonymousCards,
        Account::ElectronicCash,
    ] {
        assert_eq!(
            -books.balance(account),
            sum_of(account.number()),
            "{account:?} {step}"
        );
    }
    for (card, fen) in after["card_ledger"].as_object().unwrap() {
        let held: i128 = [2001, 2002]
            .iter()
            .map(|account| {
                cards
                    .get(&(card.clone(), *account))
                    .copied()
                    .unwrap_or_default()
            })
            .sum();
        assert_eq!(held, minor(fen), "{card} {step}");
    }
    assert_eq!(
        books.coverage_surplus(),
        minor(&after["coverage_surplus"]),
        "{step}"
    );
    assert!(
        books.coverage_surplus() >= 0,
        "client money is not covered after {step}"
    );
    assert_eq!(books.trial_balance(), 0);
}

#[test]
fn the_worked_day_balances_and_covers_after_each_step() {
    let worked: Value = serde_json::from_str(WORKED).unwrap();
    let mut books = Books::default();
    let mut cards = BTreeMap::new();
    for step in worked["steps"].as_array().unwrap() {
        let lines = step["lines"].as_array().unwrap();
        if !lines.is_empty() {
            let entry = Entry::new(lines.iter().map(posting)).expect("every step balances");
            books.post(&entry).unwrap();
        }
        post_to_cards(&mut cards, step);
        check_step(&books, &cards, step);
    }
    for (number, fen) in worked["final_gl"].as_object().unwrap() {
        let account = Account::from_number(number.parse().unwrap()).unwrap();
        assert_eq!(books.balance(account), minor(fen), "{account:?}");
    }
}
