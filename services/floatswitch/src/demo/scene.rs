//! The actors of the story: terminals with their lines, cards, and a notebook of what they saw.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::receipt::Receipt;
use super::request::{Ask, Business, Place, Session};
use super::stage::{Shown, Stage, yuan};
use super::terminal::Terminal;
use super::world::{self, Card, Cards, Kind};
use crate::exit::Failure;

/// How long the story waits for something that the switch does in its own time.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// What an exchange must come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    code: &'static str,
    /// The card's available balance afterwards; none when there is no such card.
    available_fen: Option<u64>,
}

/// Approved, and this is available afterwards.
pub(super) fn approved(available_fen: u64) -> Want {
    Want {
        code: "00",
        available_fen: Some(available_fen),
    }
}

/// Refused with this code, and this is available afterwards.
pub(super) fn refused(code: &'static str, available_fen: u64) -> Want {
    Want {
        code,
        available_fen: Some(available_fen),
    }
}

/// Refused with this code before any card was asked.
pub(super) fn turned_away(code: &'static str) -> Want {
    Want {
        code,
        available_fen: None,
    }
}

/// Where the story plays.
#[derive(Debug)]
pub(super) struct Scene<'s> {
    pub(super) stage: &'s mut Stage,
    pub(super) till_1: Terminal,
    pub(super) till_2: Terminal,
    pub(super) bookshop: Terminal,
    pub(super) stranger: Terminal,
    desk: Terminal,
    address: Option<SocketAddr>,
    /// Money on the cards of each programme, in fen, told by receipts alone.
    pub(super) notebook: BTreeMap<Kind, i128>,
}

impl<'s> Scene<'s> {
    pub(super) fn new(stage: &'s mut Stage, cards: &Cards) -> Self {
        let mut notebook = BTreeMap::new();
        for card in cards.all() {
            *notebook.entry(card.programme).or_default() += i128::from(card.sold_fen);
        }
        Self {
            stage,
            till_1: Terminal::new(world::TILL_1),
            till_2: Terminal::new(world::TILL_2),
            bookshop: Terminal::new(world::BOOKSHOP_TILL),
            stranger: Terminal::new(world::STRANGER),
            desk: Terminal::new(world::DESK),
            address: None,
            notebook,
        }
    }

    /// Opens all lines, and signs on the desk that asks for balances.
    pub(super) async fn dial(&mut self, address: SocketAddr) -> Result<(), Failure> {
        self.address = Some(address);
        for terminal in [
            &mut self.till_1,
            &mut self.till_2,
            &mut self.bookshop,
            &mut self.stranger,
            &mut self.desk,
        ] {
            terminal.dial(address).await?;
        }
        self.desk.tell(Session::SignOn).await?;
        Ok(())
    }

    /// Opens a terminal's line again.
    pub(super) async fn redial(&mut self, place: Place) -> Result<(), Failure> {
        let address = self
            .address
            .ok_or_else(|| Failure::cannot_start("no switch to dial"))?;
        self.terminal(place).dial(address).await
    }

    pub(super) fn terminal(&mut self, place: Place) -> &mut Terminal {
        match place {
            world::TILL_1 => &mut self.till_1,
            world::TILL_2 => &mut self.till_2,
            world::BOOKSHOP_TILL => &mut self.bookshop,
            world::DESK => &mut self.desk,
            _ => &mut self.stranger,
        }
    }

    /// A terminal says something of its session.
    pub(super) async fn tell(
        &mut self,
        place: Place,
        (session, what): (Session, &str),
        code: &'static str,
    ) -> Result<(), Failure> {
        let receipt = self.terminal(place).tell(session).await?;
        let what = format!("{} {what}", session.mti());
        self.stage.exchange(&Shown {
            what: &what,
            receipt: Some(&receipt),
            ..Shown::default()
        })?;
        self.stage.expect("the answer", (&receipt.code, code))
    }

    /// A terminal sends a request; the answer and the balance afterwards must be as wanted.
    pub(super) async fn play(
        &mut self,
        what: &str,
        ask: &Ask,
        want: Want,
    ) -> Result<Receipt, Failure> {
        let receipt = self.terminal(ask.place).ask(ask).await?;
        self.note(ask, &receipt);
        self.show(what, ask, &receipt, want).await?;
        Ok(receipt)
    }

    /// The same message once more: the answer must be the stored one, letter by letter.
    pub(super) async fn play_again(
        &mut self,
        what: &str,
        ask: &Ask,
        (first, want): (&Receipt, Want),
    ) -> Result<(), Failure> {
        let receipt = self.terminal(ask.place).ask(ask).await?;
        self.show(what, ask, &receipt, want).await?;
        let same = if receipt == *first {
            "the stored one"
        } else {
            "a new one"
        };
        self.stage.expect("the answer", (same, "the stored one"))
    }

    /// Shows an answer that has come, and compares it.
    pub(super) async fn show(
        &mut self,
        what: &str,
        ask: &Ask,
        receipt: &Receipt,
        want: Want,
    ) -> Result<(), Failure> {
        let available_fen = if ask.business == Business::Inquiry {
            receipt.available_fen
        } else {
            self.available(&ask.card).await?
        };
        let what = format!("{} {what}", ask.mti());
        self.stage.exchange(&Shown {
            what: &what,
            card: ask.card.label,
            amount_fen: (ask.business != Business::Inquiry).then_some(ask.amount_fen),
            receipt: Some(receipt),
            available_fen,
            ..Shown::default()
        })?;
        self.stage
            .expect("the answer", (&receipt.code, want.code))?;
        let text = |fen: Option<u64>| fen.map_or_else(|| "nothing".to_owned(), yuan);
        let (found, wanted) = (text(available_fen), text(want.available_fen));
        self.stage.expect("available", (&found, &wanted))
    }

    /// What a card can spend, by a balance inquiry of the desk. `None` when there is no such card.
    pub(super) async fn available(&mut self, card: &Card) -> Result<Option<u64>, Failure> {
        let inquiry = self.desk.request(Business::Inquiry, card, 0);
        Ok(self.desk.ask(&inquiry).await?.available_fen)
    }

    /// Asks until a card can spend this much, or patience ends.
    pub(super) async fn wait_for(&mut self, card: &Card, fen: u64) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while self.available(card).await? != Some(fen) && Instant::now() < deadline {
            sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    /// Books an approval in the notebook, as a shopkeeper would with the receipts alone.
    pub(super) fn note(&mut self, ask: &Ask, receipt: &Receipt) {
        if receipt.is_approved() {
            self.book(ask);
        }
    }

    /// Books what was done, for whoever knows it without a receipt.
    pub(super) fn book(&mut self, ask: &Ask) {
        let amount = i128::from(ask.amount_fen);
        let done = match ask.business {
            Business::Inquiry | Business::PreAuth | Business::PreAuthVoid => 0,
            Business::Purchase | Business::Completion | Business::CompletionAdvice => -amount,
            Business::Void | Business::Refund | Business::CompletionVoid | Business::TopUp => {
                amount
            }
        };
        let change = if ask.is_reversal() { -done } else { done };
        *self.notebook.entry(ask.card.programme).or_default() += change;
    }
}
