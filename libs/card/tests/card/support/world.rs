//! The card with what surrounds it. After every command it asserts what must hold whatever
//! happens: money, chain, codec, determinism.

use std::collections::BTreeMap;

use card::{
    Acceptance, Card, CardKind, Channels, Command, Context, Day, Decision, Entry, LegKey, Limits,
    Need, Offered, PartitionId, Position, Programme, ProgrammeId, Recalled, Reply, ReplyTo, Row,
    Rules, Timestamp,
};
use ledger::{Account, Books, Side};
use money::Amount;

pub(crate) const PROGRAMME: ProgrammeId = ProgrammeId(1);
pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The size that a body may have with everything full.
const BODY_SIZE_WANTED: usize = 16 * 1024;
/// The size that a ring entry may have: 48 for small numbers, 3 more for large offsets and sums.
const ENTRY_SIZE_WANTED: usize = 51;
/// Rounds of fetching before a command can be decided.
const FETCH_ROUNDS_MAX: usize = 6;

/// One card and all that its decisions depend on.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) card: Option<Card>,
    pub(crate) now: Timestamp,
    pub(crate) day: Day,
    pub(crate) frozen_through: Day,
    pub(crate) next_offset: u64,
    pub(crate) books: Books,
    pub(crate) rows: Vec<Row>,
    store: Store,
    replies: BTreeMap<LegKey, Reply>,
}

/// Key rows, found as the processor finds them.
#[derive(Debug, Default)]
struct Store {
    by_key: BTreeMap<LegKey, Vec<u8>>,
    by_offset: BTreeMap<u64, Vec<u8>>,
}

impl World {
    /// An empty world on 2026-03-01, 12:00 in Beijing.
    pub(crate) fn new() -> Self {
        let programmes = BTreeMap::from([(PROGRAMME, everyday())]);
        let day = card::calendar::day_of_date(2026, 3, 1).unwrap();
        Self {
            rules: Rules {
                utc_offset_minutes: 480,
                programmes,
            },
            card: None,
            now: Timestamp(i64::from(day.0) * DAY_MS + 4 * 60 * MINUTE_MS),
            day,
            frozen_through: Day(day.0 - 1),
            next_offset: 1,
            books: Books::default(),
            rows: Vec::new(),
            store: Store::default(),
            replies: BTreeMap::new(),
        }
    }

    /// The product of the world's card.
    pub(crate) fn programme(&mut self) -> &mut Programme {
        self.rules.programmes.get_mut(&PROGRAMME).unwrap()
    }

    /// Appends a command and decides it.
    pub(crate) fn submit(&mut self, command: &Command) -> Decision {
        let position = Position {
            partition: PartitionId(3),
            offset: self.next_offset,
        };
        self.next_offset += 1;
        let recalled = self.recall(command, position);
        let decision = self.decide(command, position, &recalled);
        assert_eq!(
            decision,
            self.decide(command, position, &recalled),
            "CARD-7: the same input gave two decisions"
        );
        match &decision.written {
            Some(_) => self.take_in(command, &decision),
            None => self.assert_replay(command, &decision),
        }
        decision
    }

    fn context<'a>(&'a self, position: Position, recalled: &'a Recalled) -> Context<'a> {
        Context {
            appended_at: self.now,
            position,
            day: self.day,
            frozen_through: self.frozen_through,
            rules: &self.rules,
            recalled,
        }
    }

    fn decide(&self, command: &Command, position: Position, recalled: &Recalled) -> Decision {
        card::decide(
            self.card.as_ref(),
            command,
            &self.context(position, recalled),
        )
    }

    fn recall(&self, command: &Command, position: Position) -> Recalled {
        let mut recalled = Recalled::default();
        let Some(card) = &self.card else {
            return recalled;
        };
        for _ in 0..FETCH_ROUNDS_MAX {
            let needs = card::needs(card, command, &self.context(position, &recalled));
            if needs.is_empty() {
                return recalled;
            }
            for need in needs {
                recalled.asked.push(need);
                recalled.entries.extend(self.fetch(need));
            }
        }
        panic!("the card asks for more and more: {:?}", recalled.asked);
    }

    fn fetch(&self, need: Need) -> Option<Entry> {
        let bytes = match need {
            Need::Key(key) => self.store.by_key.get(&key),
            Need::Offset(offset) => self.store.by_offset.get(&offset),
            Need::Version(version) => {
                let row = self.rows.iter().find(|row| row.version == version)?;
                self.store.by_offset.get(&row.position.offset)
            }
        };
        bytes.map(|bytes| Entry::from_bytes(bytes).unwrap())
    }

    fn assert_replay(&self, command: &Command, decision: &Decision) {
        if decision.reply.replayed {
            let stored = self
                .replies
                .get(&command.key)
                .expect("something was answered before");
            let asked_now = ReplyTo {
                exchange: command.reply_to.exchange,
                ..stored.reply_to
            };
            let expected = Reply {
                replayed: true,
                reply_to: asked_now,
                ..*stored
            };
            assert_eq!(decision.reply, expected, "CARD-2: the stored reply");
        }
    }

    fn take_in(&mut self, command: &Command, decision: &Decision) {
        let written = decision.written.as_ref().unwrap();
        let (version_before, hash_before) = match &self.card {
            Some(card) => (card.version().0, card.hash()),
            None => (0, [0; 32]),
        };
        let evicted = card::apply(&mut self.card, command, written);
        for entry in &evicted {
            let bytes = entry.to_bytes();
            assert!(
                bytes.len() <= ENTRY_SIZE_WANTED,
                "{} bytes: {entry:?}",
                bytes.len()
            );
            assert_eq!(Entry::from_bytes(&bytes).as_ref(), Ok(entry));
            self.store.by_key.insert(entry.key, bytes.clone());
            self.store.by_offset.insert(entry.offset, bytes);
        }
        let row = &written.row;
        assert_eq!(
            row.version.0,
            version_before + 1,
            "CARD-6: one version each"
        );
        assert_eq!(row.previous, hash_before, "the chain of rows");
        assert_eq!(Row::decode(&written.row_bytes).as_ref(), Ok(row));
        assert_eq!(written.hash, Row::hash_of(&written.row_bytes));
        assert_eq!(row.outcome, decision.outcome);
        if !row.outcome.is_approved() {
            assert_eq!(row.ledger, None, "a decline books nothing");
        }
        if let Some(entry) = &row.ledger {
            self.books.post(entry).unwrap();
        }
        self.rows.push(row.clone());
        self.replies.insert(command.key, decision.reply);
        self.assert_sound();
    }

    /// What must hold between any two commands.
    fn assert_sound(&self) {
        let card = self.card.as_ref().unwrap();
        let row = self.rows.last().unwrap();
        assert_eq!(card.hash(), Row::hash_of(&row.encode()));
        assert_eq!(
            row.posted_after,
            card.posted(),
            "row and card disagree on posted"
        );
        assert_eq!(
            row.held_after,
            card.held(row.decided_at),
            "row and card disagree on held"
        );
        let memo = card.held(row.decided_at).minor() + card.uncleared(row.decided_at).minor();
        assert!(
            memo <= card.posted().minor(),
            "CARD-1: available below zero"
        );
        let booked = -self.books.balance(card.account());
        assert_eq!(
            booked,
            i128::from(card.posted().minor()),
            "entries and card disagree"
        );
        assert_eq!(self.books.trial_balance(), 0);
        assert!(
            self.books.coverage_surplus() >= 0,
            "LEDGER-3: client money is not covered"
        );
        let body = self.body();
        assert!(
            body.len() <= BODY_SIZE_WANTED,
            "body of {} bytes",
            body.len()
        );
        assert_eq!(Card::decode(&body).as_ref(), Ok(card));
    }

    /// The card's canonical bytes, none before it is issued.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(card) = &self.card {
            card.encode(&mut body);
        }
        body
    }

    /// Decisions that moved money.
    pub(crate) fn entry_count(&self) -> usize {
        self.rows.iter().filter(|row| row.ledger.is_some()).count()
    }

    /// What an account shows on its own side: assets and expenses by debit, the rest by credit.
    pub(crate) fn shows(&self, account: Account, side: Side) -> i128 {
        match side {
            Side::Debit => self.books.balance(account),
            Side::Credit => -self.books.balance(account),
        }
    }
}

/// The programme that scripts change where they need to.
fn everyday() -> Programme {
    Programme {
        kind: CardKind::Registered,
        acceptance: Acceptance::Everywhere,
        balance_cap: Amount::from_minor(500_000).unwrap(),
        limits: Limits::NONE,
        accepted_categories: Vec::new(),
        blocked_categories: Vec::new(),
        blocked_channels: Channels::NONE,
        tip_ratio_percent: 20,
        temporary_loss_ms: 5 * DAY_MS,
        reloadable: Offered::Yes,
        preauth: Offered::Yes,
        hold_lifetime_ms: 30 * DAY_MS,
        completion_ratio_percent: 100,
        reversal_window_ms: 10 * MINUTE_MS,
        refund_window_ms: 180 * DAY_MS,
        refund_repeat_ms: 5 * MINUTE_MS,
        key_retention_ms: 8 * DAY_MS,
    }
}
