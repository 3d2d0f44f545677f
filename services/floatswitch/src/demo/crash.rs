//! The middle of the story: the switch is killed with requests on their way, and starts again.

use std::slice;

use super::receipt::Receipt;
use super::request::{Ask, Business, Session};
use super::scene::Scene;
use super::served::Served;
use super::stage::{Holds, Tone, yuan};
use super::world::{BOOKSHOP_TILL, Cards, TILL_1, TILL_2, World};
use crate::exit::Failure;

/// Purchases before the kill, half of them without an answer.
const PURCHASE_COUNT: usize = 40;
const PURCHASE_FEN: u64 = 1_00;

/// Kills the switch in the middle of its work; returns the one that takes over.
pub(super) async fn kill_and_reopen(
    scene: &mut Scene<'_>,
    served: Served,
    world: &World,
) -> Result<Served, Failure> {
    scene.stage.chapter(
        "kill -9",
        &[
            "Card R6 pays 40 times 1.00. After 20 answers the process is killed, with the other 20",
            "on their way: nobody knows whether they were booked. Then everything is sent again.",
        ],
    )?;
    let asks: Vec<Ask> = (0..PURCHASE_COUNT)
        .map(|_| {
            scene
                .till_2
                .request(Business::Purchase, &world.cards.survivor, PURCHASE_FEN)
        })
        .collect();
    let (answered, unknown) = asks.split_at(PURCHASE_COUNT / 2);
    let mut receipts = Vec::new();
    scene.till_2.send(answered).await?;
    for ask in answered {
        receipts.push(scene.till_2.receive(ask).await?);
    }
    let before = balances(scene, &world.cards).await?;
    leave_unanswered(scene, unknown).await?;
    let pid = served.pid();
    served.kill().await?;
    scene
        .stage
        .say(Tone::Bad, &format!("      kill -9 {pid}"))?;

    let served = Served::start(world).await?;
    let (ms, recovered) = (served.took.as_millis(), &served.said.recovered);
    let text = format!("      started again, ready after {ms} ms: {recovered}");
    scene.stage.say(Tone::Bold, &text)?;
    scene.dial(served.address()?).await?;
    for (place, what) in [
        (TILL_1, "sign-on till 1"),
        (TILL_2, "sign-on till 2"),
        (BOOKSHOP_TILL, "sign-on bookshop"),
    ] {
        scene.tell(place, (Session::SignOn, what), "00").await?;
    }
    compare_balances(scene, &world.cards, &before).await?;
    booked_unseen(scene, answered).await?;
    answered_again(scene, answered, &receipts).await?;
    decided_once(scene, unknown).await?;
    Ok(served)
}

/// Sends requests and reads no answer: some are booked by then, and nobody knows of the others.
async fn leave_unanswered(scene: &mut Scene<'_>, asks: &[Ask]) -> Result<(), Failure> {
    let (certain, open) = asks.split_at(asks.len() / 2);
    scene.till_2.send(certain).await?;
    if let Some(ask) = certain.first() {
        let booked = PURCHASE_FEN * u64::try_from(PURCHASE_COUNT * 3 / 4).unwrap_or_default();
        let left = ask.card.sold_fen.saturating_sub(booked);
        scene.wait_for(&ask.card, left).await?;
    }
    for ask in open {
        scene.till_2.send(slice::from_ref(ask)).await?;
    }
    Ok(())
}

async fn balances(scene: &mut Scene<'_>, cards: &Cards) -> Result<Vec<Option<u64>>, Failure> {
    let mut balances = Vec::new();
    for card in cards.all() {
        balances.push(scene.available(card).await?);
    }
    Ok(balances)
}

/// All cards but the one that was paying have what they had.
async fn compare_balances(
    scene: &mut Scene<'_>,
    cards: &Cards,
    before: &[Option<u64>],
) -> Result<(), Failure> {
    let after = balances(scene, cards).await?;
    let others = cards.all().len() - 1;
    let survivor = cards.survivor.label;
    let told = |balances: &[Option<u64>]| {
        let all = cards.all().into_iter().zip(balances.to_vec());
        all.filter(|(card, _)| card.label != survivor)
            .map(|(card, fen)| format!("{} {}", card.label, fen.map(yuan).unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (found, wanted) = (told(&after), told(before));
    let holds = Holds::equal(&found, &wanted);
    let text = format!("the other {others} cards have what they had:");
    scene.stage.proof(holds, &text)?;
    scene.stage.say(Tone::Plain, &format!("      {found}"))
}

/// How many of the unanswered had been booked: any number is right, and no terminal can know.
async fn booked_unseen(scene: &mut Scene<'_>, answered: &[Ask]) -> Result<(), Failure> {
    let Some(ask) = answered.first() else {
        return Ok(());
    };
    let card = &ask.card;
    let available = scene.available(card).await?.unwrap_or_default();
    let seen = PURCHASE_FEN * u64::try_from(answered.len()).unwrap_or_default();
    let unseen = card.sold_fen.saturating_sub(seen).saturating_sub(available) / PURCHASE_FEN;
    let text = format!(
        "      {} has {}: of those without an answer, {unseen} were booked before the kill",
        card.label,
        yuan(available),
    );
    scene.stage.say(Tone::Plain, &text)
}

/// What was answered before the kill has the same answer after it.
async fn answered_again(
    scene: &mut Scene<'_>,
    asks: &[Ask],
    receipts: &[Receipt],
) -> Result<(), Failure> {
    let mut same_count = 0;
    scene.till_2.send(asks).await?;
    for (ask, receipt) in asks.iter().zip(receipts) {
        scene.note(ask, receipt);
        if scene.till_2.receive(ask).await? == *receipt {
            same_count += 1;
        }
    }
    let count = asks.len();
    scene.stage.proof(
        Holds::equal(same_count, count),
        &format!(
            "{same_count} of {count} answered purchases, sent again, have their stored answer"
        ),
    )
}

/// What nobody knew of is decided exactly once, whether it was in the log or not.
async fn decided_once(scene: &mut Scene<'_>, asks: &[Ask]) -> Result<(), Failure> {
    let mut approved_count = 0;
    scene.till_2.send(asks).await?;
    for ask in asks {
        let receipt = scene.till_2.receive(ask).await?;
        scene.note(ask, &receipt);
        if receipt.is_approved() {
            approved_count += 1;
        }
    }
    let count = asks.len();
    scene.stage.proof(
        Holds::equal(approved_count, count),
        &format!(
            "{approved_count} of {count} unanswered purchases, sent again, are approved, old or new"
        ),
    )?;
    let Some(ask) = asks.first() else {
        return Ok(());
    };
    let available = scene.available(&ask.card).await?.unwrap_or_default();
    let spent = PURCHASE_FEN * u64::try_from(PURCHASE_COUNT).unwrap_or_default();
    let wanted = ask.card.sold_fen.saturating_sub(spent);
    scene.stage.proof(
        Holds::equal(available, wanted),
        &format!(
            "{} has {}: {} less {PURCHASE_COUNT} times {}, each booked once",
            ask.card.label,
            yuan(available),
            yuan(ask.card.sold_fen),
            yuan(PURCHASE_FEN),
        ),
    )
}
