//! What must come of every record, told by a card kept on paper: the log is folded in its order, as
//! it grows, and every reply that leaves is compared with what the paper says.

use std::collections::{BTreeMap, BTreeSet};

use crate::orders::message::{Answer, Money, Postings, What, yuan};
use crate::orders::paper::{Clock, Sheet, Terms};
use crate::terminal::{Sent, card_id};
use crate::world::World;
use card::{DeclineReason, Outcome, PartitionId, Position, Reply, Timestamp};
use command_log::LogRecord;
use command_log::envelope::Mark;

/// The day that days are counted from.
pub(crate) const FIRST_DAY: u16 = 20_000;
/// A log that is further ahead is not believed.
const AHEAD_MAX_MS: i64 = 5 * 60 * 1_000;
const KEYS_KEPT_MS: i64 = 8 * 86_400_000;

/// What a record is, for the reference.
#[derive(Debug, Clone, Copy)]
enum Said {
    Command(Sent),
    Mark(Mark),
}

/// What a command comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) answer: Answer,
    pub(crate) sent: Sent,
    appended_at: Timestamp,
    pub(crate) released: bool,
}

#[derive(Debug, Default)]
struct Lane {
    records: Vec<(Said, Timestamp)>,
    /// By offset; none for marks and for what was skipped.
    expected: Vec<Option<Expected>>,
    day: i32,
    frozen: i32,
    /// The totals before each cut, by its number.
    cuts: BTreeMap<u64, Postings>,
    totals: Postings,
}

/// The reference for a whole world.
#[derive(Debug)]
pub(crate) struct Oracle {
    lanes: BTreeMap<PartitionId, Lane>,
    sheets: BTreeMap<u8, (Sheet, i64, Money)>,
    skips: BTreeSet<Position>,
    /// Records that carry an exchange: a network may have doubled it.
    exchanges: BTreeMap<u64, Vec<Position>>,
}

const TERMS: Terms = Terms {
    cap: 500_000,
    completion_percent: 100,
    tip_percent: 20,
    day_limit: None,
    expires_at: None,
    is_anonymous: false,
};

impl Oracle {
    pub(crate) fn new() -> Self {
        Self {
            lanes: BTreeMap::new(),
            sheets: BTreeMap::new(),
            skips: BTreeSet::new(),
            exchanges: BTreeMap::new(),
        }
    }

    /// A record is in the log.
    pub(crate) fn take(&mut self, world: &World, record: &LogRecord, sent: Option<(Sent, u64)>) {
        let position = record.position;
        let Some((sent, exchange)) = sent else {
            return;
        };
        self.exchanges.entry(exchange).or_default().push(position);
        self.push(position.partition, Said::Command(sent), record.appended_at);
        let numbers = [1, u64::from(position.partition.0), position.offset];
        world.tell(numbers, || {
            let answer = self
                .expected(position)
                .map(|expected| expected.answer.line());
            let (what, line) = (named(&sent), answer.unwrap_or_default());
            format!(
                "log {position}: card {} {what} -> must be {line}",
                sent.card
            )
        });
    }

    /// A mark is in the log.
    pub(crate) fn mark(&mut self, partition: PartitionId, mark: Mark, appended_at: Timestamp) {
        self.push(partition, Said::Mark(mark), appended_at);
    }

    fn push(&mut self, partition: PartitionId, said: Said, appended_at: Timestamp) {
        let lane = self.lanes.entry(partition).or_default();
        lane.records.push((said, appended_at));
        let offset = lane.records.len() as u64 - 1;
        self.fold(Position { partition, offset });
    }

    /// One record more.
    fn fold(&mut self, position: Position) {
        let Some(lane) = self.lanes.get_mut(&position.partition) else {
            return;
        };
        let index = usize::try_from(position.offset).unwrap_or(usize::MAX);
        let (said, appended_at) = lane.records[index];
        let is_skipped = self.skips.contains(&position);
        let expected = match said {
            _ if is_skipped => None,
            Said::Mark(mark) => {
                lane.mark(mark);
                None
            }
            Said::Command(sent) => {
                let fresh = || (Sheet::new(TERMS), 0, Money::default());
                let sheet = self.sheets.entry(sent.card).or_insert_with(fresh);
                let days = (lane.day, lane.frozen);
                let answer = receive(sheet, &sent, (appended_at, days), position.offset);
                for (total, fen) in lane.totals.iter_mut().zip(answer.postings) {
                    *total += fen;
                }
                Some(Expected {
                    answer,
                    sent,
                    appended_at,
                    released: false,
                })
            }
        };
        lane.expected.push(expected);
    }

    /// An operator skipped a record: everything behind it is folded anew.
    pub(crate) fn skip(&mut self, position: Position) {
        self.skips.insert(position);
        self.sheets.clear();
        let partitions: Vec<PartitionId> = self.lanes.keys().copied().collect();
        for partition in partitions {
            let Some(lane) = self.lanes.get_mut(&partition) else {
                continue;
            };
            let count = lane.records.len() as u64;
            let released: Vec<bool> = lane
                .expected
                .iter()
                .map(|expected| expected.is_some_and(|expected| expected.released))
                .collect();
            *lane = Lane {
                records: std::mem::take(&mut lane.records),
                ..Lane::default()
            };
            for offset in 0..count {
                self.fold(Position { partition, offset });
            }
            let Some(lane) = self.lanes.get_mut(&partition) else {
                continue;
            };
            for (expected, released) in lane.expected.iter_mut().zip(released) {
                if let Some(expected) = expected {
                    expected.released = released;
                }
            }
        }
    }

    pub(crate) fn skips(&self) -> BTreeSet<Position> {
        self.skips.clone()
    }

    pub(crate) fn expected(&self, position: Position) -> Option<&Expected> {
        let lane = self.lanes.get(&position.partition)?;
        let index = usize::try_from(position.offset).ok()?;
        lane.expected.get(index)?.as_ref()
    }

    /// What is expected of each record, in log order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Position, &Expected)> {
        self.lanes.iter().flat_map(|(partition, lane)| {
            let numbered = (0..).zip(&lane.expected);
            numbered.filter_map(|(offset, expected)| {
                let position = Position {
                    partition: *partition,
                    offset,
                };
                expected.as_ref().map(|expected| (position, expected))
            })
        })
    }

    pub(crate) fn totals(&self, partition: PartitionId) -> Postings {
        self.lanes
            .get(&partition)
            .map(|lane| lane.totals)
            .unwrap_or_default()
    }

    pub(crate) fn cuts(&self, partition: PartitionId) -> BTreeMap<u64, Postings> {
        let lane = self.lanes.get(&partition);
        lane.map(|lane| lane.cuts.clone()).unwrap_or_default()
    }

    /// A reply leaves.
    pub(crate) fn hear(&mut self, world: &World, node: u8, reply: &Reply) {
        let positions = self.exchanges.get(&reply.reply_to.exchange).cloned();
        let positions = positions.unwrap_or_default();
        world.tell(
            [2, reply.position.offset, u64::from(reply.outcome.number())],
            || {
                format!(
                    "node {node} answers {positions:?}: {:?}{} RRN {} code {:?}",
                    reply.outcome,
                    if reply.replayed { " (stored)" } else { "" },
                    reply.position.offset,
                    reply.version.map(|version| version.0),
                )
            },
        );
        let is_ahead = |position: &Position| {
            let expected = self.expected(*position);
            let latest = crate::world::wall_clock().plus_ms(AHEAD_MAX_MS);
            expected.is_some_and(|expected| expected.appended_at > latest)
        };
        if let Some(position) = positions.iter().find(|position| is_ahead(position)) {
            return world.violate(
                "LOG-5",
                format!("{position}, of a clock that leapt, was decided"),
            );
        }
        let fitting = positions
            .iter()
            .find(|position| self.fits(**position, reply));
        let is_old = |position: &Position| {
            let expected = self.expected(*position);
            let now = crate::world::wall_clock();
            expected.is_some_and(|old| now.ms_since(old.appended_at) > KEYS_KEPT_MS)
        };
        if fitting.is_none() && positions.iter().any(is_old) {
            return; // Its key may be another one's by now, and nobody waits so long.
        }
        let Some(position) = fitting.copied() else {
            let must = positions
                .iter()
                .filter_map(|position| self.expected(*position));
            let must: Vec<String> = must.map(|expected| expected.answer.line()).collect();
            let invariant = match positions.first().is_some_and(|p| self.skips.contains(p)) {
                true => "OWN-5",
                false => "answer",
            };
            world.violate(
                invariant,
                format!("{reply:?}\n  must be {}", must.join("\n  or ")),
            );
            return;
        };
        for position in positions {
            self.note_released(world, position, reply);
        }
        self.check_durable(world, position);
    }

    fn note_released(&mut self, _: &World, position: Position, reply: &Reply) {
        if !self.fits(position, reply) {
            return;
        }
        let lane = self.lanes.get_mut(&position.partition);
        let index = usize::try_from(position.offset).unwrap_or(usize::MAX);
        let expected = lane.and_then(|lane| lane.expected.get_mut(index));
        if let Some(Some(expected)) = expected {
            expected.released = true;
        }
    }

    /// OWN-2: what is told cannot be undone.
    fn check_durable(&self, world: &World, position: Position) {
        let Some(expected) = self.expected(position) else {
            return;
        };
        let Some(code) = expected.answer.code.filter(|_| expected.answer.written) else {
            return;
        };
        let card = card_id(expected.sent.card);
        let copies = world.tables.lock().copies(card, card::Version(code));
        if copies < 2 {
            world.violate(
                "OWN-2",
                format!(
                    "{position} was answered while {copies} copies have decision {code} of {card}"
                ),
            );
        }
    }

    fn fits(&self, position: Position, reply: &Reply) -> bool {
        let Some(expected) = self.expected(position) else {
            return false;
        };
        let answer = &expected.answer;
        let decided_at = match answer.written || answer.replayed {
            true => answer.decided_at,
            false => expected.appended_at.0 / 1_000,
        };
        let is_same = reply.outcome == answer.outcome
            && reply.replayed == answer.replayed
            && reply.position.offset == answer.rrn
            && reply.version.map(|version| version.0) == answer.code
            && i32::from(reply.day.0) - i32::from(FIRST_DAY) == answer.day
            && reply.decided_at.0 / 1_000 == decided_at;
        is_same && (reply.available.is_none() || self.tells_balance(position, expected, reply))
    }

    /// An inquiry that is answered again may tell a later balance, never another one.
    fn tells_balance(&self, position: Position, expected: &Expected, reply: &Reply) -> bool {
        let told = reply
            .available
            .and_then(|fen| i64::try_from(fen.minor()).ok());
        let later = self.all().filter(|(other, later)| {
            other.partition == position.partition
                && other.offset >= position.offset
                && later.sent.card == expected.sent.card
        });
        let mut balances = later.map(|(_, later)| later.answer.money);
        // Holds end and credits clear while time passes: what is told lies between.
        balances
            .any(|money| told.is_some_and(|told| told >= money.available && told <= money.booked))
    }

    /// Records that nobody was told about, though their keys are still kept.
    pub(crate) fn untold(&self, now: Timestamp) -> Vec<Position> {
        let untold = self.all().filter(|(_, expected)| {
            !expected.released && now.ms_since(expected.appended_at) < KEYS_KEPT_MS
        });
        untold.map(|(position, _)| position).collect()
    }
}

impl Lane {
    fn mark(&mut self, mark: Mark) {
        let days = |day: card::Day| i32::from(day.0) - i32::from(FIRST_DAY);
        match mark {
            Mark::Cut { number, day } if self.cuts.keys().all(|known| *known < number) => {
                self.day = days(day);
                self.cuts.insert(number, self.totals);
            }
            Mark::Freeze { day, .. } if days(day) < self.day => {
                self.frozen = self.frozen.max(days(day));
            }
            Mark::Barrier { .. } => self.frozen = -i32::from(FIRST_DAY),
            Mark::Cut { .. } | Mark::Freeze { .. } | Mark::Tick => {}
        }
    }
}

/// The reference answers one command.
fn receive(
    (sheet, last_time, money): &mut (Sheet, i64, Money),
    sent: &Sent,
    (appended_at, (day, frozen)): (Timestamp, (i32, i32)),
    rrn: u64,
) -> Answer {
    let now = (appended_at.0 / 1_000).max(*last_time);
    let clock = Clock { now, day, frozen };
    let is_unknown = *last_time == 0 && sent.message.what != What::Issue;
    if sent.only_asks || is_unknown {
        return Answer {
            outcome: match is_unknown {
                true => Outcome::Declined(DeclineReason::UnknownCard),
                false => Outcome::Approved,
            },
            replayed: false,
            written: false,
            rrn,
            code: None,
            day,
            decided_at: now,
            case: None,
            postings: Postings::default(),
            money: *money,
        };
    }
    let answer = sheet.receive(&sent.message, clock, rrn);
    if answer.written {
        *last_time = now;
    }
    *money = answer.money;
    answer
}

/// A message in words.
fn named(sent: &Sent) -> String {
    let message = &sent.message;
    let what = match sent.only_asks {
        true => "Inquiry".to_owned(),
        false => format!("{:?}", message.what),
    };
    let of = message
        .named
        .key
        .map(|key| format!(" of trace {}", key.trace));
    format!(
        "{what} {} trace {}{}",
        yuan(message.fen),
        message.key.trace,
        of.unwrap_or_default()
    )
}
