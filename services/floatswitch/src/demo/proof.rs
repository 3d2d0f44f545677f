//! The end of the story: the books of the stopped switch against the receipts.

use super::scene::Scene;
use super::stage::{Holds, Tone};
use super::world::{Kind, SIM_CARD_COUNT, SIM_CARD_FEN, SimCards, World};
use crate::books::{self, Books, Work};
use crate::check::{self, Checked};
use crate::engine::Opening;
use crate::exit::Failure;
use crate::output::yuan;
use card::ProgrammeId;
use card_processor::ControlTotals;
use ledger::Account;
use settings::Settings;

/// Opens the stopped switch's books, checks them, and compares them with the notebook.
pub(super) async fn money_check(
    scene: &mut Scene<'_>,
    world: &World,
    sim_cards: SimCards,
) -> Result<(), Failure> {
    scene.stage.chapter(
        "The money check",
        &[
            "The switch has stopped. Money on the cards, told four ways: by the terminals' receipts, by",
            "the cards themselves, by adding up their journals, and by totals kept while deciding.",
        ],
    )?;
    let proof = Proof(&world.settings);
    let (checked, totals) = books::work_on(&world.settings, Opening::Existing, proof).await?;
    let heading = format!(
        "      {:<16}{:>12}{:>12}{:>12}{:>12}",
        "", "receipts", "cards", "journals", "totals"
    );
    scene.stage.say(Tone::Dim, &heading)?;
    for kind in Kind::ALL {
        let mut by_receipts = scene.notebook.get(&kind).copied().unwrap_or_default();
        if kind == Kind::Registered && sim_cards == SimCards::Issued {
            by_receipts += i128::from(SIM_CARD_COUNT * SIM_CARD_FEN);
        }
        programme(scene, kind, by_receipts, &checked)?;
    }
    chains(scene, &checked)?;
    trial_balance(scene, &totals.all())
}

/// The check, with the totals that it compared with.
struct Proof<'a>(&'a Settings);

impl Work for Proof<'_> {
    type Done = (Checked, ControlTotals);

    async fn on<B: Books>(self, books: &B) -> Result<Self::Done, Failure> {
        let checked = check::check(books, self.0, &[]).await?;
        Ok((checked, books.settled().await?))
    }
}

fn programme(
    scene: &mut Scene<'_>,
    kind: Kind,
    by_receipts: i128,
    checked: &Checked,
) -> Result<(), Failure> {
    let sums = checked.audit.programmes.get(&ProgrammeId(kind.number()));
    let sums = sums.cloned().unwrap_or_default();
    let told = [
        by_receipts,
        sums.by_states,
        sums.by_rows.float(),
        sums.by_totals.float(),
    ];
    let columns: String = told
        .iter()
        .map(|fen| format!("{:>12}", yuan(*fen)))
        .collect();
    let text = format!("{:<16}{columns}", kind.name());
    scene
        .stage
        .proof(Holds::equal(told, [by_receipts; 4]), &text)
}

/// What `floatswitch check` says.
fn chains(scene: &mut Scene<'_>, checked: &Checked) -> Result<(), Failure> {
    let audit = &checked.audit;
    let cards: u64 = audit.programmes.values().map(|sums| sums.card_count).sum();
    let rows = audit.row_count;
    let text = format!("{cards} cards, {rows} journal rows: each hash chain and balance followed");
    scene
        .stage
        .proof(Holds::equal(checked.is_clean(), true), &text)?;
    for finding in &audit.findings.kept {
        scene
            .stage
            .say(Tone::Bad, &format!("      {}", finding.what))?;
    }
    Ok(())
}

/// Double entry: what was paid in is on the cards, with the merchants, or earned.
fn trial_balance(scene: &mut Scene<'_>, books: &ledger::Books) -> Result<(), Failure> {
    let owed = |account| yuan(books.balance(account).saturating_neg());
    let paid_in = books.balance(Account::LoadsInTransit) + books.balance(Account::CashInTransit);
    let text = format!(
        "paid in {} = on cards {} + owed to merchants {} + fees {}",
        yuan(paid_in),
        yuan(books.float()),
        owed(Account::MerchantPayable),
        owed(Account::MerchantFees),
    );
    scene
        .stage
        .proof(Holds::equal(books.trial_balance(), 0), &text)
}
