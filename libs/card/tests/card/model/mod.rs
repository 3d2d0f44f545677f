//! Random orders of events against a small reference that was written from the trade's rules, not
//! from the code. A failure prints the whole story as a script.
//!
//! `PROPTEST_CASES=20000 cargo test -p card --test card model` runs many.

mod corrections;
mod moves;
mod player;
mod record;
mod reference;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::model::moves::{Move, moves};
use crate::model::player::Player;
use crate::support::World;
use card::{Kind, Row, Version};
use ledger::{Account, Posting, Side};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn card_and_reference_agree_in_any_order(moves in moves()) {
        let player = play(&moves)?;
        check_roots(&player.stage.world)?;
    }

    /// Whoever folds the same commands gets the same card, after every one of them (CARD-7).
    #[test]
    fn two_folds_of_a_prefix_agree(moves in moves()) {
        let (one, other) = (play(&moves)?, play(&moves)?);
        prop_assert_eq!(one.hashes, other.hashes);
        prop_assert_eq!(one.stage.world.body(), other.stage.world.body());
    }
}

/// Agreement over stories in which little happens would show little.
#[test]
fn stories_reach_every_corner() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        let moves = moves().new_tree(&mut runner).unwrap().current();
        seen.append(&mut play(&moves).unwrap().seen);
    }
    for verb in ["purchase", "preauth", "topup", "void", "refund", "reverse"] {
        for answer in ["Approved", "Declined", "Replayed", "Clash"] {
            assert!(
                seen.contains(&format!("{verb} {answer}")),
                "{verb} {answer}: {seen:#?}"
            );
        }
    }
    for what in CORNERS {
        assert!(seen.contains(*what), "{what}: {seen:#?}");
    }
}

const CORNERS: &[&str] = &[
    "void-preauth of preauth",
    "complete of preauth",
    "advise of preauth",
    "void-completion of complete",
    "void-completion of advise",
    "settle of preauth",
    "adjust of purchase",
    "tip of complete",
    "confirm of topup",
    "refund of complete",
    "refund of advise",
    "reverse of purchase",
    "reverse of void",
    "reverse of preauth",
    "reverse of void-preauth",
    "reverse of complete",
    "reverse of void-completion",
    "reverse of topup",
    "ShortAdvice",
    "LateAdvice",
    "UnmatchedAdvice",
    "ExcessAdvice",
    "UncoveredReversal",
    "UnseenCredit",
    "RefusedCredit",
    "LateAdjustment",
    "ExcessAdjustment",
];

/// A failure prints its story; nothing is kept in the tree.
fn config() -> ProptestConfig {
    ProptestConfig {
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..Default::default()
    }
}

fn play(moves: &[Move]) -> Result<Player, TestCaseError> {
    let mut player = Player::new();
    for next in moves {
        player.play(next)?;
    }
    Ok(player)
}

/// CARD-4 from the rows alone: what merchants keep of a capture is never below nothing nor above
/// what was captured, and no hold is captured beyond its ratio, whatever came in between.
fn check_roots(world: &World) -> Result<(), TestCaseError> {
    let rows: BTreeMap<Version, &Row> = world.rows.iter().map(|row| (row.version, row)).collect();
    let mut kept: BTreeMap<Version, i128> = BTreeMap::new();
    let mut totals: BTreeMap<Version, i128> = BTreeMap::new();
    let mut captured: BTreeMap<Version, i128> = BTreeMap::new();
    for row in &world.rows {
        let (Some(entry), Some(root)) = (&row.ledger, root_of(&rows, row)) else {
            continue;
        };
        let merchant: i128 = entry.postings().iter().map(merchant_part).sum();
        let of_root = kept.entry(root.version).or_default();
        *of_root += merchant;
        if matches!(row.kind, Kind::Adjust | Kind::Tip) {
            totals.insert(root.version, i128::from(row.amount.minor()));
        }
        let asked = i128::from(root.amount.minor());
        let amount = totals.get(&root.version).copied().unwrap_or(asked);
        prop_assert!(
            (0..=amount).contains(of_root),
            "CARD-4: {of_root} of {amount}: {row:?}"
        );
        if let Some(hold) = rows.get(&root.link) {
            let of_hold = captured.entry(hold.version).or_default();
            *of_hold += merchant;
            let bound = i128::from(hold.amount.minor()) * i128::from(player::RATIO_PERCENT) / 100;
            let bound = bound.max(asked * 120 / 100); // With a tip.
            prop_assert!(
                *of_hold <= bound,
                "CARD-4: {of_hold} of a hold of {}",
                hold.amount
            );
        }
    }
    Ok(())
}

/// The capture that a row is about, by following links.
fn root_of<'a>(rows: &BTreeMap<Version, &'a Row>, row: &'a Row) -> Option<&'a Row> {
    match row.kind {
        Kind::Purchase | Kind::Completion | Kind::CompletionAdvice | Kind::OfflineSale => Some(row),
        Kind::Adjust
        | Kind::Tip
        | Kind::Void
        | Kind::Refund
        | Kind::CompletionVoid
        | Kind::Reversal => root_of(rows, rows.get(&row.link)?),
        Kind::PreAuth
        | Kind::PreAuthVoid
        | Kind::DirectCredit
        | Kind::Issue
        | Kind::ReportLoss
        | Kind::LiftLoss
        | Kind::CreditConfirm
        | Kind::ConfirmedFirst
        | Kind::Replace
        | Kind::AccountCheck
        | Kind::ReversedFirst
        | Kind::BalanceInquiry => None,
    }
}

fn merchant_part(posting: &Posting) -> i128 {
    let fen = i128::from(posting.amount.minor());
    match (posting.account, posting.side) {
        (Account::MerchantPayable | Account::MerchantFees, Side::Credit) => fen,
        (Account::MerchantPayable | Account::MerchantFees, Side::Debit) => -fen,
        (_, Side::Debit | Side::Credit) => 0,
    }
}
