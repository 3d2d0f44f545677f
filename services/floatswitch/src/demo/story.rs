//! The story: each chapter shows some kinds of message, and what every answer must be.

use super::request::{Ask, Business, Session};
use super::scene::{Scene, Want, approved, refused, turned_away};
use super::stage::Shown;
use super::world::{BOOKSHOP_TILL, Card, Cards, TILL_1, TILL_2};
use crate::exit::Failure;

/// Lines and sessions.
pub(super) async fn the_shop_opens(scene: &mut Scene<'_>, cards: &Cards) -> Result<(), Failure> {
    scene.stage.chapter(
        "The shops open",
        &[
            "A terminal signs on before its first payment. Each line below is one message over TCP and",
            "its answer; \"available\" is what a balance inquiry right after it says. Amounts are yuan.",
        ],
    )?;
    scene.stage.columns()?;
    scene.tell(TILL_1, (Session::Echo, "echo"), "00").await?;
    let early = scene
        .till_1
        .request(Business::Purchase, &cards.shopper, 10_00);
    let want = refused("97", cards.shopper.sold_fen);
    scene.play("purchase before sign-on", &early, want).await?;
    for (place, what) in [
        (TILL_1, "sign-on till 1"),
        (TILL_2, "sign-on till 2"),
        (BOOKSHOP_TILL, "sign-on bookshop"),
    ] {
        scene.tell(place, (Session::SignOn, what), "00").await?;
    }
    let place = scene.stranger.place();
    let session = (Session::SignOn, "sign-on, unknown till");
    scene.tell(place, session, "97").await
}

/// Purchase, void, refunds, top-up.
pub(super) async fn a_day_at_the_supermarket(
    scene: &mut Scene<'_>,
    cards: &Cards,
) -> Result<(), Failure> {
    use Business::{Inquiry, Purchase, Refund, TopUp, Void};
    scene.stage.chapter(
        "A day at the supermarket",
        &[
            "Card R1 is sold with 500.00. A refund can be spent at once and never exceeds its sale. What",
            "a void gives back can be spent once the void can no longer be reversed, here after 2 s.",
        ],
    )?;
    let card = &cards.shopper;
    let ask = |scene: &mut Scene<'_>, business, fen| scene.till_1.request(business, card, fen);
    let inquiry = ask(scene, Inquiry, 0);
    scene
        .play("balance inquiry", &inquiry, approved(500_00))
        .await?;
    let groceries = ask(scene, Purchase, 120_00);
    let groceries = scene.play("purchase", &groceries, approved(380_00)).await?;
    for (what, fen, want) in [
        ("refund, a part", 20_00, approved(400_00)),
        ("refund, another part", 50_00, approved(450_00)),
        ("refund, asked twice", 50_00, refused("94", 450_00)),
        ("refund over the rest", 60_00, refused("64", 450_00)),
    ] {
        let refund = ask(scene, Refund, fen).of(&groceries);
        scene.play(what, &refund, want).await?;
    }
    let toaster = ask(scene, Purchase, 35_00);
    let toaster = scene.play("purchase", &toaster, approved(415_00)).await?;
    let refund = ask(scene, Refund, 35_00).of(&toaster);
    scene
        .play("refund, all of it", &refund, approved(450_00))
        .await?;
    let cash = ask(scene, TopUp, 200_00);
    scene
        .play("top-up, paid in cash", &cash, approved(650_00))
        .await?;
    let mistake = ask(scene, Purchase, 60_00);
    let mistake = scene
        .play("purchase, a mistake", &mistake, approved(590_00))
        .await?;
    // Within the time that a void may be reversed, so nothing slow may come in between.
    let void = ask(scene, Void, 60_00).of(&mistake);
    scene
        .play("void of the mistake", &void, approved(590_00))
        .await?;
    Ok(())
}

/// The life of a hold.
pub(super) async fn a_night_at_the_hotel(
    scene: &mut Scene<'_>,
    cards: &Cards,
) -> Result<(), Failure> {
    use Business::{Completion, CompletionAdvice, CompletionVoid, PreAuth, PreAuthVoid};
    scene.stage.chapter(
        "A deposit: hold first, take later",
        &[
            "A pre-authorisation holds money of R2; a completion takes it and frees the rest. This",
            "programme lets a completion take up to 115 % of its hold.",
        ],
    )?;
    let card = &cards.guest;
    let ask = |scene: &mut Scene<'_>, business, fen| scene.till_1.request(business, card, fen);
    let hold = ask(scene, PreAuth, 300_00);
    let hold = scene
        .play("pre-authorisation", &hold, approved(700_00))
        .await?;
    let bill = ask(scene, Completion, 280_00).of(&hold);
    let bill = scene.play("completion", &bill, approved(720_00)).await?;
    let undo = ask(scene, CompletionVoid, 280_00).of(&bill);
    scene
        .play("completion void", &undo, approved(700_00))
        .await?;
    let release = ask(scene, PreAuthVoid, 300_00).of(&hold);
    scene
        .play("pre-authorisation void", &release, approved(1_000_00))
        .await?;
    let hold = ask(scene, PreAuth, 200_00);
    let hold = scene
        .play("pre-authorisation", &hold, approved(800_00))
        .await?;
    for (what, business, fen, want) in [
        (
            "completion over 115 %",
            Completion,
            240_00,
            refused("61", 800_00),
        ),
        (
            "completion advice",
            CompletionAdvice,
            215_00,
            approved(785_00),
        ),
        (
            "second completion",
            Completion,
            100_00,
            refused("22", 785_00),
        ),
    ] {
        let completion = ask(scene, business, fen).of(&hold);
        scene.play(what, &completion, want).await?;
    }
    Ok(())
}

/// A reversal for each kind that has one.
pub(super) async fn reversals(scene: &mut Scene<'_>, cards: &Cards) -> Result<(), Failure> {
    use Business::{Completion, CompletionVoid, PreAuth, PreAuthVoid, Purchase, TopUp, Void};
    scene.stage.chapter(
        "No answer? Reverse it",
        &[
            "A terminal without an answer sends 0400 with the same number until it is answered.",
            "Each kind is undone exactly, whatever it was, and only once. Card R3 has 500.00.",
        ],
    )?;
    let card = &cards.unlucky;
    let ask = |scene: &mut Scene<'_>, business, fen| scene.till_2.request(business, card, fen);
    let purchase = ask(scene, Purchase, 50_00);
    scene.play("purchase", &purchase, approved(450_00)).await?;
    let reversal = purchase.reversal();
    let first = scene
        .play("reversal of purchase", &reversal, approved(500_00))
        .await?;
    let again = (&first, approved(500_00));
    scene
        .play_again("the same reversal again", &reversal, again)
        .await?;

    let purchase = ask(scene, Purchase, 40_00);
    let sale = scene.play("purchase", &purchase, approved(460_00)).await?;
    let void = ask(scene, Void, 40_00).of(&sale);
    scene.play("void", &void, approved(460_00)).await?;
    reverse(scene, "reversal of void", &void, approved(460_00)).await?;

    let hold = ask(scene, PreAuth, 100_00);
    scene
        .play("pre-authorisation", &hold, approved(360_00))
        .await?;
    reverse(scene, "reversal of pre-auth.", &hold, approved(460_00)).await?;
    let hold = ask(scene, PreAuth, 100_00);
    let hold = scene
        .play("pre-authorisation", &hold, approved(360_00))
        .await?;
    let release = ask(scene, PreAuthVoid, 100_00).of(&hold);
    scene
        .play("pre-authorisation void", &release, approved(460_00))
        .await?;
    reverse(scene, "reversal of that void", &release, approved(360_00)).await?;

    let bill = ask(scene, Completion, 90_00).of(&hold);
    scene.play("completion", &bill, approved(370_00)).await?;
    reverse(scene, "reversal of completion", &bill, approved(360_00)).await?;
    let bill = ask(scene, Completion, 90_00).of(&hold);
    let billed = scene.play("completion", &bill, approved(370_00)).await?;
    let undo = ask(scene, CompletionVoid, 90_00).of(&billed);
    scene
        .play("completion void", &undo, approved(360_00))
        .await?;
    reverse(scene, "reversal of that void", &undo, approved(370_00)).await?;

    let cash = ask(scene, TopUp, 30_00);
    scene.play("top-up", &cash, approved(400_00)).await?;
    reverse(scene, "reversal of top-up", &cash, approved(370_00)).await
}

async fn reverse(scene: &mut Scene<'_>, what: &str, ask: &Ask, want: Want) -> Result<(), Failure> {
    scene.play(what, &ask.reversal(), want).await?;
    Ok(())
}

/// What the programmes do not allow.
pub(super) async fn rules_of_the_cards(
    scene: &mut Scene<'_>,
    cards: &Cards,
) -> Result<(), Failure> {
    use Business::{PreAuth, Purchase, TopUp};
    scene.stage.chapter(
        "Gift cards and shop cards",
        &[
            "A1 is anonymous: at most 1000.00 on it, no holds. S1 is the supermarket's own card and",
            "is not good in the bookshop.",
        ],
    )?;
    let gift = &cards.gift;
    for (what, business, fen, want) in [
        ("purchase", Purchase, 100_00, approved(800_00)),
        ("top-up", TopUp, 150_00, approved(950_00)),
        ("top-up over the cap", TopUp, 60_00, refused("61", 950_00)),
        ("pre-authorisation", PreAuth, 10_00, refused("57", 950_00)),
    ] {
        let request = scene.till_1.request(business, gift, fen);
        scene.play(what, &request, want).await?;
    }
    let own = &cards.supermarket;
    let groceries = scene.till_1.request(Purchase, own, 80_00);
    scene.play("purchase", &groceries, approved(220_00)).await?;
    let book = scene.bookshop.request(Purchase, own, 20_00);
    scene
        .play("purchase in bookshop", &book, refused("57", 220_00))
        .await?;
    let book = scene.bookshop.request(Purchase, gift, 20_00);
    scene
        .play("purchase in bookshop", &book, approved(930_00))
        .await?;
    Ok(())
}

/// Duplicates, wrong order, lost answers, strangers.
pub(super) async fn awkward_moments(scene: &mut Scene<'_>, cards: &Cards) -> Result<(), Failure> {
    use Business::{Purchase, Void};
    scene.stage.chapter(
        "Awkward moments",
        &["Lines repeat, overtake and break; people press twice. Card R4 has 200.00."],
    )?;
    let card = &cards.awkward;
    let tea = scene.till_1.request(Purchase, card, 25_00);
    let sale = scene.play("purchase", &tea, approved(175_00)).await?;
    let again = (&sale, approved(175_00));
    scene
        .play_again("the same message again", &tea, again)
        .await?;
    let changed = tea.with_amount(26_00);
    scene
        .play("same number, more money", &changed, refused("94", 175_00))
        .await?;
    let void = scene.till_2.request(Void, card, 25_00).of(&sale);
    scene
        .play("void at another till", &void, refused("58", 175_00))
        .await?;

    let overtaken = scene.till_1.request(Purchase, card, 60_00);
    let first = overtaken.reversal();
    scene
        .play("reversal, first to come", &first, refused("25", 175_00))
        .await?;
    scene
        .play("its purchase, late", &overtaken, refused("22", 175_00))
        .await?;

    lost_answer(scene, card).await?;
    let greedy = scene.till_1.request(Purchase, card, 175_01);
    scene
        .play("one fen too much", &greedy, refused("51", 175_00))
        .await?;

    let stranger = scene.stranger.request(Purchase, card, 10_00);
    scene
        .play("from an unknown till", &stranger, refused("97", 175_00))
        .await?;
    let nobody = Card {
        label: "?",
        pan: pan::Pan::from_bin_and_serial("629998", 1, 16).map_err(Failure::usage)?,
        ..card.clone()
    };
    let unknown = scene.till_1.request(Purchase, &nobody, 10_00);
    scene
        .play("with an unknown card", &unknown, turned_away("14"))
        .await?;

    race(scene, &cards.last_yuan).await?;
    let shopper = &cards.shopper;
    scene.wait_for(shopper, 650_00).await?;
    let inquiry = scene.till_1.request(Business::Inquiry, shopper, 0);
    scene
        .play("the void has cleared", &inquiry, approved(650_00))
        .await?;
    Ok(())
}

/// The switch decides, the line breaks, the terminal reverses over a new one.
async fn lost_answer(scene: &mut Scene<'_>, card: &Card) -> Result<(), Failure> {
    let lost = scene.till_1.request(Business::Purchase, card, 30_00);
    scene.till_1.send(std::slice::from_ref(&lost)).await?;
    scene.wait_for(card, 145_00).await?;
    scene.till_1.hang_up();
    scene.book(&lost); // The balance tells.
    let available_fen = scene.available(card).await?;
    scene.stage.exchange(&Shown {
        what: "0200 purchase, line breaks",
        card: card.label,
        amount_fen: Some(lost.amount_fen),
        no_answer: "(lost on the way)",
        available_fen,
        ..Shown::default()
    })?;
    scene.redial(TILL_1).await?;
    reverse(scene, "reversal on a new line", &lost, approved(175_00)).await
}

/// Two tills ask for the same last yuan at the same moment: exactly one gets it.
async fn race(scene: &mut Scene<'_>, card: &Card) -> Result<(), Failure> {
    let one = scene.till_1.request(Business::Purchase, card, 1_00);
    let two = scene.till_2.request(Business::Purchase, card, 1_00);
    let (at_one, at_two) = tokio::join!(scene.till_1.ask(&one), scene.till_2.ask(&two));
    let (at_one, at_two) = (at_one?, at_two?);
    scene.note(&one, &at_one);
    scene.note(&two, &at_two);
    let (first, second) = if at_two.is_approved() {
        (refused("51", 0), approved(0))
    } else {
        (approved(0), refused("51", 0))
    };
    scene
        .show("last yuan, at till 1", &one, &at_one, first)
        .await?;
    scene
        .show("last yuan, at till 2", &two, &at_two, second)
        .await
}

/// Sessions end.
pub(super) async fn the_shop_closes(scene: &mut Scene<'_>, cards: &Cards) -> Result<(), Failure> {
    scene.stage.chapter("The shops close", &[])?;
    for (place, what) in [
        (TILL_1, "sign-off till 1"),
        (TILL_2, "sign-off till 2"),
        (BOOKSHOP_TILL, "sign-off bookshop"),
    ] {
        scene.tell(place, (Session::SignOff, what), "00").await?;
    }
    let late = scene
        .till_1
        .request(Business::Purchase, &cards.guest, 10_00);
    scene
        .play("purchase after sign-off", &late, refused("97", 785_00))
        .await?;
    Ok(())
}
