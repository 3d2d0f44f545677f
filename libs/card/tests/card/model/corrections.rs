//! What is put right later: reversals, adjustments and confirmations, as the reference sees them.

use crate::model::record::{Question, State};
use crate::model::reference::{DAY_MS, Early, HOLDS_MAX, Known, Reference};

impl Reference {
    pub(super) fn reverse(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        let key = asked.original.key.clone()?;
        let index = match self.known(&key) {
            None => {
                let at = self.now;
                let (met, confirmed) = (None, None);
                let reversed = true;
                self.early.push(Early {
                    key,
                    at,
                    met,
                    confirmed,
                    reversed,
                });
                return None;
            }
            Some(Known::Early(early)) if early.met.is_some() => return None,
            Some(Known::Early(early)) => {
                let (confirmed, was_reversed) = (early.confirmed?, early.reversed);
                let fen = self.records[confirmed].asked.fen;
                let may = fen == asked.fen && (was_reversed || fen <= self.available());
                may.then_some(())?;
                self.records[confirmed].credited = false;
                let early = self.early.iter_mut().rfind(|early| early.key == key);
                early.unwrap().reversed = true;
                return Some((Some(confirmed), 0));
            }
            Some(Known::Record(index)) => index,
        };
        let found = &self.records[index];
        match found.state {
            _ if found.asked.fen != asked.fen => return None,
            State::Reversed => return Some((Some(index), 0)),
            State::InForce => {}
            State::Voided | State::Captured | State::Refused | State::Adjusted => return None,
        }
        self.undo(index)?;
        self.records[index].state = State::Reversed;
        Some((Some(index), 0))
    }

    fn undo(&mut self, index: usize) -> Option<()> {
        let found = self.records[index].clone();
        let fen = found.asked.fen;
        match found.asked.verb {
            "purchase" => (found.refunded == 0).then_some(()),
            "preauth" => Some(()),
            "topup" => (fen <= self.available()).then(|| {
                let booked_by = found.on.unwrap_or(index);
                self.records[booked_by].credited = false;
            }),
            "complete" if found.refunded == 0 => self.undo_capture(index, State::Reversed),
            "void" => {
                let covered = !self.is_cleared(&found) || fen <= self.available();
                covered.then(|| self.records[found.on.unwrap()].state = State::InForce)
            }
            "void-preauth" => {
                let has_room = self.holds().count() < HOLDS_MAX;
                let hold = found.on?;
                let ok = has_room && found.part <= self.available();
                ok.then(|| {
                    self.records[hold].part = found.part;
                    self.records[hold].state = State::InForce;
                })
            }
            "void-completion" => self.capture_again(found.on?),
            _ => None,
        }
    }

    /// Another total for a whole sale.
    pub(super) fn adjust(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        const SALES: [&str; 4] = ["purchase", "complete", "advise", "settle"];
        let original = &asked.original;
        let index = match (&original.key, original.rrn, original.code) {
            (None, None, Some(code)) => Some(code).filter(|code| {
                let sale = &self.records[*code];
                let is_merchant = sale.asked.key.merchant == asked.key.merchant;
                is_merchant && SALES.contains(&sale.asked.verb) && sale.state != State::Refused
            }),
            _ => self.named(asked, &SALES),
        }?;
        let sale = &self.records[index];
        let in_time = self.now - sale.at <= 180 * DAY_MS;
        let base = sale
            .on
            .map_or(sale.asked.fen, |hold| self.records[hold].asked.fen);
        let (least, most) = match asked.verb {
            "tip" => (sale.asked.fen, sale.asked.fen * 120 / 100),
            _ => (1, base * self.ratio / 100),
        };
        let in_bounds = asked.fen > 0 && asked.fen >= least && asked.fen <= most;
        (sale.is_capture() && sale.refunded == 0 && in_time && in_bounds).then_some(())?;
        let more = asked.fen - sale.settled;
        let short = (more - self.available()).max(0);
        let sale = &mut self.records[index];
        sale.part = match more > 0 {
            true => sale.part + short,
            false => (sale.part + more).max(0),
        };
        (sale.settled, sale.state) = (asked.fen, State::Adjusted);
        Some((Some(index), short))
    }

    /// The money of a top-up is here: it is credited if it is not yet.
    pub(super) fn confirm(&mut self, asked: &Question) -> Option<(Option<usize>, i64)> {
        let key = asked.original.key.clone()?;
        (asked.fen > 0).then_some(())?;
        let at = self.now;
        let next = self.records.len(); // The page that this one gets.
        match self.known(&key) {
            None => {
                let (met, reversed) = (None, false);
                self.early.push(Early {
                    key,
                    at,
                    met,
                    confirmed: Some(next),
                    reversed,
                });
                Some((None, 0))
            }
            Some(Known::Early(early)) => {
                let (met, reversed) = (early.met.is_some(), early.reversed);
                let confirmed = early.confirmed?;
                let same = self.records[confirmed].asked.fen == asked.fen;
                (!met && !reversed && same).then_some((Some(confirmed), 0))
            }
            Some(Known::Record(index)) => {
                let request = &mut self.records[index];
                let fits = request.asked.verb == "topup" && request.asked.fen == asked.fen;
                (fits && request.state != State::Reversed).then_some(())?;
                let credits = request.state == State::Refused && !request.confirmed;
                request.confirmed |= credits;
                Some((Some(index), i64::from(credits)))
            }
        }
    }

    fn capture_again(&mut self, index: usize) -> Option<()> {
        let hold = self.records[index].on?;
        let paid = self.records[index].asked.fen - self.records[index].part;
        let kept = match self.is_alive(&self.records[hold]) {
            true => self.records[hold].part,
            false => 0,
        };
        let is_open = self.records[hold].state == State::InForce;
        (is_open && paid <= self.available() + kept).then(|| {
            self.records[index].state = State::InForce;
            self.records[hold].state = State::Captured;
        })
    }
}
