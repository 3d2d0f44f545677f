//! What the outside was told, against what was booked.
//!
//! An answered request must be booked as it was answered, exactly once; one that stayed without an
//! answer may be booked, and then its reversal must have undone it. What a recorded terminal got
//! approved under a key that nobody recorded is an invention. Memory goes with the record, not with
//! the books.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::check::findings::Findings;
use crate::check::told::{TerminalLeg, Told, ToldAnswer};
use acquirer_connector::{ResponseCode, references};
use card::{CardId, Kind, LegKey, MerchantId, Place, Row, TerminalId, Version};

/// Answers that may come without a row: given at the edge, or by a card that keeps the first
/// answer of the key.
const UNBOOKED_CODES: [&[u8; 2]; 7] = [b"03", b"14", b"30", b"40", b"94", b"96", b"97"];

/// A request of the record, and what of it was found.
#[derive(Debug)]
struct Entry {
    told: Told,
    row_count: u32,
    fate: Fate,
}

/// What its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// Nothing, or a decline.
    Undone,
    /// A decline that people must look at.
    Case,
    /// Approved, and no reversal of it was seen.
    Stands,
}

/// The record, and what of it was found.
#[derive(Debug)]
pub(crate) struct Against {
    partition_count: u16,
    entries: HashMap<LegKey, Entry>,
    places: BTreeSet<(MerchantId, TerminalId)>,
    /// The card whose rows come, and its decisions that younger ones reversed.
    card: Option<CardId>,
    reversed: BTreeSet<Version>,
    pub(crate) answered_count: u64,
    pub(crate) unanswered_count: u64,
    /// Lines whose key an earlier line had.
    pub(crate) repeated_count: u64,
    pub(crate) booked_count: u64,
    /// Approved without an answer, and its reversal has none either: both fates are right.
    pub(crate) open_count: u64,
    pub(crate) findings: Findings,
}

impl Against {
    /// Nothing is told yet. `partition_count` is the log's: RRNs depend on it.
    pub(crate) fn new(partition_count: u16) -> Self {
        Self {
            partition_count,
            entries: HashMap::new(),
            places: BTreeSet::new(),
            card: None,
            reversed: BTreeSet::new(),
            answered_count: 0,
            unanswered_count: 0,
            repeated_count: 0,
            booked_count: 0,
            open_count: 0,
            findings: Findings::default(),
        }
    }

    /// Takes a line of the record.
    pub(crate) fn tell(&mut self, key: LegKey, place: Place, told: Told) {
        self.places.insert((place.merchant, place.terminal));
        match told.answer {
            Some(_) => self.answered_count += 1,
            None => self.unanswered_count += 1,
        }
        let Some(entry) = self.entries.get_mut(&key) else {
            let (row_count, fate) = (0, Fate::Undone);
            let entry = Entry {
                told,
                row_count,
                fate,
            };
            self.entries.insert(key, entry);
            return;
        };
        self.repeated_count += 1;
        match (&entry.told.answer, told.answer) {
            (Some(before), Some(now)) if *before != now => {
                let what = format!("{} was answered twice, differently", describe(&told));
                self.findings.add(told.card, None, what);
            }
            (None, Some(now)) => entry.told.answer = Some(now),
            (Some(_), Some(_)) | (_, None) => {}
        }
    }

    /// Rows of this card follow, the youngest first.
    pub(crate) fn begin_card(&mut self, card: CardId) {
        self.card = Some(card);
        self.reversed.clear();
    }

    /// Compares the next older row of the card.
    pub(crate) fn row(&mut self, row: &Row) {
        let is_reversed = self.reversed.remove(&row.version);
        let is_approved = row.outcome.is_approved();
        if is_approved && row.kind == Kind::Reversal {
            self.reversed.insert(row.link);
        }
        let at = (self.card, Some(row.version));
        let Some(entry) = self.entries.get_mut(&row.key) else {
            let is_ours = self
                .places
                .contains(&(row.place.merchant, row.place.terminal));
            if is_approved && is_ours {
                let what = format!("{} was approved, nobody recorded it", row.kind.text());
                self.findings.add(at.0, at.1, what);
            }
            return;
        };
        entry.row_count += 1;
        let fate = match (is_approved && !is_reversed, row.case) {
            (true, _) => Fate::Stands,
            (false, Some(_)) => Fate::Case,
            (false, None) => Fate::Undone,
        };
        entry.fate = entry.fate.max(fate);
        self.booked_count += 1;
        if entry.row_count > 1 {
            let what = format!("{} is booked more than once", describe(&entry.told));
            self.findings.add(at.0, at.1, what);
        }
        if entry.told.card != self.card {
            let what = format!("{} is booked on another card", describe(&entry.told));
            self.findings.add(at.0, at.1, what);
        }
        for what in differences(&entry.told, row, self.partition_count) {
            self.findings.add(at.0, at.1, what);
        }
    }

    /// After the last row: what was told and is not there, and what nobody was told and stands.
    pub(crate) fn conclude(&mut self) {
        let reversals: BTreeMap<TerminalLeg, (Option<ToldAnswer>, Fate)> = self
            .entries
            .values()
            .filter(|entry| entry.told.kind == Kind::Reversal)
            .map(|entry| (entry.told.leg, (entry.told.answer, entry.fate)))
            .collect();
        let mut found = Vec::new();
        for Entry {
            told,
            row_count,
            fate,
        } in self.entries.values()
        {
            let what = match &told.answer {
                Some(answer) if *row_count == 0 => missing(told, answer),
                None if *fate == Fate::Stands && told.kind != Kind::Reversal => {
                    match reversals.get(&told.leg) {
                        // A person looks at it: the terminal was told that it stands.
                        Some((Some(_), Fate::Case)) => None,
                        Some((Some(answer), _)) => Some(stands(told, answer)),
                        Some((None, _)) | None => {
                            self.open_count += 1;
                            None
                        }
                    }
                }
                Some(_) | None => None,
            };
            found.extend(what.map(|what| (told.leg, told.card, what)));
        }
        found.sort();
        for (_, card, what) in found {
            self.findings.add(card, None, what);
        }
    }
}

/// What is wrong when an answered request has no row.
fn missing(told: &Told, answer: &ToldAnswer) -> Option<String> {
    let (request, code, rrn) = (describe(told), answer.code(), answer.rrn());
    if told.kind == Kind::BalanceInquiry || UNBOOKED_CODES.contains(&&answer.code) {
        return None; // CARD-6: inquiries and duplicates write nothing.
    }
    Some(format!(
        "{request} was answered {code} (RRN {rrn}) and is not booked"
    ))
}

fn stands(told: &Told, answer: &ToldAnswer) -> String {
    let (request, code) = (describe(told), answer.code());
    format!("{request} had no answer, its reversal was answered {code}, and it still stands")
}

fn describe(told: &Told) -> String {
    let TerminalLeg {
        terminal,
        batch,
        trace,
    } = told.leg;
    let kind = told.kind.text();
    format!("{kind} of terminal {terminal}, batch {batch}, trace {trace}")
}

/// How a row differs from what was asked and answered.
fn differences(told: &Told, row: &Row, partition_count: u16) -> Vec<String> {
    let mut found = Vec::new();
    let request = describe(told);
    let mut differs = |what: String| found.push(format!("{request} {what}"));
    if row.kind != told.kind {
        differs(format!("is booked as {}", row.kind.text()));
    }
    let amount = row.amount.minor();
    if amount != told.amount_fen {
        differs(format!(
            "asked {} fen, {amount} are booked",
            told.amount_fen
        ));
    }
    let Some(answer) = &told.answer else {
        return found;
    };
    let booked = ResponseCode::of(row.outcome);
    if *booked.as_bytes() != answer.code {
        differs(format!(
            "was answered {}, booked is {}",
            answer.code(),
            booked.as_str()
        ));
    }
    let rrn = references::retrieval_reference(row.position, partition_count);
    if answer.rrn != Some(rrn) {
        let booked = String::from_utf8_lossy(&rrn);
        differs(format!(
            "was answered RRN {}, booked is {booked}",
            answer.rrn()
        ));
    }
    let approval = row
        .outcome
        .is_approved()
        .then(|| references::approval_code(row.version));
    if answer.approval != approval {
        differs("was answered with another approval code".to_owned());
    }
    found
}
