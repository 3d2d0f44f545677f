//! Plays purchases through all steps, in one thread: the same ones in every run.

use std::hint::black_box;

use card::{Card, RING_ENTRIES_MAX, Recalled};

use crate::steps;
use crate::world::{World, context, purchase, serial_of};

/// Cards that take turns.
const CARDS: u32 = 64;

/// Plays until every card's ring of recent transactions is full, then `payments` more that are
/// counted. Returns how many of those were approved.
pub(crate) fn play(payments: u32) -> u32 {
    let mut world = World::new(CARDS);
    let full = CARDS * u32::try_from(RING_ENTRIES_MAX + 8).unwrap_or(u32::MAX);
    let frames: Vec<_> = (0..full + payments)
        .map(|number| purchase(number, number % CARDS))
        .collect();
    let (first, counted) = frames.split_at(usize::try_from(full).unwrap_or(usize::MAX));
    let mut run = Run::default();
    for frame in first {
        run.pay(&mut world, frame);
    }
    run.approved = 0;
    count(&mut run, &mut world, counted);
    run.approved
}

/// Callgrind collects only while this function runs.
#[inline(never)]
fn count(run: &mut Run, world: &mut World, frames: &[Vec<u8>]) {
    for frame in frames {
        run.pay(world, frame);
    }
}

/// What lives on between payments.
#[derive(Default)]
struct Run {
    offset: u64,
    recalled: Recalled,
    answer: Vec<u8>,
    approved: u32,
}

impl Run {
    fn pay(&mut self, world: &mut World, frame: &[u8]) {
        self.offset += 1;
        let message = steps::decode(frame);
        let (asked, request) = steps::translate(&world.link, &message);
        let record = steps::write_envelope(&asked);
        let command = steps::read_envelope(&record);
        let card = world.cards.get_mut(serial_of(command.card));
        let card: &mut Option<Card> = card.expect("the card was sold");
        let nothing = Recalled::default();
        let context = context(&world.rules, &nothing, self.offset);
        let state = card.as_ref().expect("the card was sold");
        let decision = steps::decide(state, &command, &context, &mut self.recalled);
        let written = decision.written.as_deref().expect("a purchase writes");
        assert_eq!(
            steps::write_row(written),
            written.hash,
            "the row is the decision's"
        );
        steps::take_in(card, &command, written);
        black_box(steps::write_state(
            card.as_ref().expect("the card was sold"),
        ));
        self.answer.clear();
        steps::write_answer(&world.link, &request, &decision.reply, &mut self.answer);
        self.approved += u32::from(decision.outcome.is_approved());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payment_is_approved() {
        assert_eq!(play(100), 100);
    }
}
