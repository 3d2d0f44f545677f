//! The end of the story: the books of the stopped switch against the receipts.

use super::scene::Scene;
use super::stage::{Holds, yuan};
use super::world::{Kind, SIM_CARD_COUNT, SIM_CARD_FEN, SimCards, World};
use crate::engine::{Engine, Opening};
use crate::exit::Failure;

/// Opens the stopped switch's books and compares them with the notebook.
pub(super) async fn money_check(
    scene: &mut Scene<'_>,
    world: &World,
    sim_cards: SimCards,
) -> Result<(), Failure> {
    scene.stage.chapter(
        "The money check",
        &["The switch has stopped. Its books must say what the terminals' receipts add up to."],
    )?;
    let engine = Engine::open(&world.settings, Opening::Existing).await?;
    let (totals, _) = engine.processor.totals();
    engine.close().await?;
    for kind in Kind::ALL {
        let mut wanted = scene.notebook.get(&kind).copied().unwrap_or_default();
        if kind == Kind::Registered && sim_cards == SimCards::Issued {
            wanted += i128::from(SIM_CARD_COUNT * SIM_CARD_FEN);
        }
        let number = kind.number();
        let books = totals.programmes().find(|(id, _)| id.0 == number);
        let found = books.map_or(0, |(_, books)| books.float());
        let text = format!(
            "{:<15} float {:>10} on its cards, {:>10} by the receipts",
            kind.name(),
            signed_yuan(found),
            signed_yuan(wanted),
        );
        scene.stage.proof(Holds::equal(found, wanted), &text)?;
    }
    let all = totals.all();
    let trial = signed_yuan(all.trial_balance());
    scene.stage.proof(
        Holds::equal(all.trial_balance(), 0),
        &format!("debits less credits of all entries: {trial}"),
    )
}

fn signed_yuan(fen: i128) -> String {
    let digits = yuan(u64::try_from(fen.unsigned_abs()).unwrap_or(u64::MAX));
    if fen < 0 {
        format!("-{digits}")
    } else {
        digits
    }
}
