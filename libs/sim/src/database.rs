//! The database of a world: three copies, cells with stamps of which the highest wins, and requests
//! that get lost, come late, or are done without an answer.
//!
//! Everything above it, from the stamp to the take-over, is the real store of the cluster.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::plan::REPLICAS;
use crate::world::{Life, World};
use card::{CardId, LegKey, PartitionId, Version};
use card_store::{
    BatchItem, BatchName, CutTotals, ITEM_KEY_SIZE, JournalRow, KeyName, NamedKey, StoreError,
};
use card_store_scylla::{
    Assignment, Database, Epoch, Fault, Found, Mutation, OwnedCheckpoint, RowKind, Stamp, Term,
};

/// How long a request waits for an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(2_000);
/// Three at a command, and those of the writes that it was part of before.
const PANICS_SEEN_MAX: u32 = 20;
/// Two of three.
const QUORUM: usize = 2;

type RowKey = (CardId, RowKind, Vec<u8>);

/// One copy.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    /// With the rank of who wrote it.
    states: BTreeMap<CardId, (Stamp, Bytes, (Term, Epoch))>,
    rows: BTreeMap<RowKey, (Stamp, Bytes)>,
}

/// All copies of the cards, and the smaller tables.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) replicas: [Replica; REPLICAS],
    checkpoints: BTreeMap<PartitionId, (Stamp, OwnedCheckpoint)>,
    pub(crate) cuts: BTreeMap<(PartitionId, u64), CutTotals>,
    pub(crate) items: BTreeMap<[u8; ITEM_KEY_SIZE], BatchItem>,
    /// The epoch of the last claim of each partition.
    epochs: BTreeMap<PartitionId, u16>,
}

impl Tables {
    /// Makes somebody the owner of a partition.
    pub(crate) fn claim(&mut self, partition: PartitionId) -> Assignment {
        let epoch = self.epochs.entry(partition).or_insert(0);
        *epoch += 1;
        Assignment {
            partition,
            term: Term::FIRST,
            epoch: Epoch(*epoch),
        }
    }

    /// The copies that have a card's journal row.
    pub(crate) fn copies(&self, card: CardId, version: Version) -> usize {
        let key = row_key(card, version);
        let has = |replica: &&Replica| replica.rows.contains_key(&key);
        self.replicas.iter().filter(has).count()
    }

    /// A card's rows, as any quorum shows them.
    pub(crate) fn rows(&self, card: CardId) -> BTreeMap<Version, Bytes> {
        let mut rows: BTreeMap<Version, (Stamp, Bytes)> = BTreeMap::new();
        let range = row_key(card, Version(0))..=row_key(card, Version(u32::MAX));
        for replica in &self.replicas {
            for ((_, _, key), (stamp, bytes)) in replica.rows.range(range.clone()) {
                let cell = rows
                    .entry(version_of(key))
                    .or_insert((*stamp, bytes.clone()));
                if *stamp > cell.0 {
                    *cell = (*stamp, bytes.clone());
                }
            }
        }
        let rows = rows.into_iter();
        rows.map(|(version, (_, bytes))| (version, bytes)).collect()
    }
}

fn row_key(card: CardId, version: Version) -> RowKey {
    (card, RowKind::Journal, version.0.to_be_bytes().to_vec())
}

fn version_of(key: &[u8]) -> Version {
    Version(key.try_into().map_or(0, u32::from_be_bytes))
}

impl Replica {
    /// Takes a mutation in: of each cell the higher stamp wins. Tells when a state of a later owner
    /// was overwritten.
    fn apply(&mut self, sent: &Sent) -> Result<(), String> {
        let mutation = &sent.mutation;
        let (card, stamp) = (mutation.card(), mutation.stamp());
        for (kind, key, data) in mutation.rows() {
            let cell = (stamp, data.clone());
            self.put_row((card, kind, key.to_vec()), cell);
        }
        let before = self.states.get(&card).map(|(_, _, rank)| *rank);
        let is_taken = self.put_state(card, (stamp, mutation.state().clone(), sent.rank));
        match before.filter(|before| is_taken && *before > sent.rank) {
            Some(before) => Err(format!(
                "a late write of epoch {} won over one of epoch {} on {card}",
                sent.rank.1, before.1
            )),
            None => Ok(()),
        }
    }

    fn put_row(&mut self, key: RowKey, cell: (Stamp, Bytes)) {
        let old = self.rows.get(&key);
        if old.is_none_or(|old| cell > *old) {
            self.rows.insert(key, cell);
        }
    }

    fn put_state(&mut self, card: CardId, cell: (Stamp, Bytes, (Term, Epoch))) -> bool {
        let old = self.states.get(&card);
        let wins = old.is_none_or(|old| (cell.0, &cell.1) > (old.0, &old.1));
        if wins {
            self.states.insert(card, cell);
        }
        wins
    }
}

/// A mutation on its way.
#[derive(Debug)]
struct Sent {
    mutation: Arc<Mutation>,
    rank: (Term, Epoch),
}

/// The database as one process sees it.
#[derive(Debug, Clone)]
pub(crate) struct SimDatabase {
    world: Arc<World>,
    life: Arc<Life>,
}

impl SimDatabase {
    pub(crate) const fn new(world: Arc<World>, life: Arc<Life>) -> Self {
        Self { world, life }
    }

    /// Two copies that answer, chosen anew each time.
    async fn quorum(&self) -> Result<[usize; QUORUM], StoreError> {
        self.life.operates(&self.world).await;
        let up: Vec<usize> = (0..REPLICAS).filter(|r| self.world.is_up(*r)).collect();
        let is_lost = self.world.is_bad() && self.world.draw(|rng| rng.one_in_thousand(60));
        if up.len() < QUORUM || is_lost {
            tokio::time::sleep(REQUEST_TIMEOUT).await;
            return Err(StoreError::Unavailable("no quorum answers".to_owned()));
        }
        let left_out = self.world.draw(|rng| rng.pick(&up));
        let mut chosen = up.iter().filter(|r| up.len() == QUORUM || **r != left_out);
        Ok(std::array::from_fn(|_| *chosen.next().expect("two are up")))
    }

    async fn find(
        &self,
        card: CardId,
        kind: RowKind,
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        let quorum = self.quorum().await?;
        let mut tables = self.world.tables.lock();
        let key = (card, kind, key.to_vec());
        let cells = quorum
            .iter()
            .filter_map(|r| tables.replicas[*r].rows.get(&key));
        let Some(cell) = cells.max().cloned() else {
            return Ok(None);
        };
        for replica in quorum {
            tables.replicas[replica].put_row(key.clone(), cell.clone()); // Read repair.
        }
        Ok(Some(cell.1))
    }

    /// Sends a mutation to all copies. The answers come as they come.
    fn send(&self, mutation: Arc<Mutation>) -> Result<mpsc::Receiver<()>, Fault> {
        let stamp = mutation.stamp().as_micros();
        let state = (Some(mutation.state().clone()), Some(stamp));
        let found = Found::genuine(mutation.card(), state, None)
            .map_err(|error| Fault::Refused(error.to_string()))?;
        let sent = Arc::new(Sent {
            mutation,
            rank: found.rank(),
        });
        let (done, answers) = mpsc::channel(REPLICAS);
        for replica in 0..REPLICAS {
            let (world, sent, done) = (Arc::clone(&self.world), Arc::clone(&sent), done.clone());
            let Some(delay) = self.delivery(replica) else {
                continue;
            };
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let applied = world.tables.lock().replicas[replica].apply(&sent);
                if let Err(seen) = applied {
                    world.violate("STORE-4", seen);
                }
                done.send(()).await.ok();
            });
        }
        Ok(answers)
    }

    /// When a copy gets a request that is sent now; none when never.
    fn delivery(&self, replica: usize) -> Option<Duration> {
        let is_bad = self.world.is_bad();
        let is_up = self.world.is_up(replica);
        let latency = self.world.latency();
        self.world.draw(|rng| match (is_up, is_bad) {
            (true, false) => Some(latency),
            (true, true) if rng.one_in_thousand(250) => None,
            (true, true) if rng.one_in_thousand(250) => {
                Some(Duration::from_millis(rng.between(1_000, 40_000)))
            }
            (true, true) => Some(latency),
            // A hint brings it later, or nobody does.
            (false, _) if rng.one_in_thousand(500) => None,
            (false, _) => Some(Duration::from_millis(rng.between(3_000, 60_000))),
        })
    }

    /// Whether a mutation has a row that no copy has: what was decided before crashes nobody, and an
    /// operator does not skip it.
    fn is_news(&self, mutation: &Mutation) -> bool {
        let tables = self.world.tables.lock();
        let mut journal = mutation
            .rows()
            .filter(|(kind, ..)| *kind == RowKind::Journal);
        journal.any(|(_, key, _)| tables.copies(mutation.card(), version_of(key)) == 0)
    }

    #[expect(clippy::fn_params_excessive_bools, reason = "as the fault says it")]
    fn panic_if_told(&self, (card, row): (CardId, &Bytes), after_sending: bool) {
        let mut panics = self.world.panics.lock();
        let is_it = |panics: &&mut crate::world::Panics| {
            panics.left > 0
                && panics.after_sending == after_sending
                && crate::terminal::card_id(panics.card) == card
        };
        if let Some(told) = panics.iter_mut().find(is_it) {
            told.left -= 1;
            let count = if told.at.0 == **row { told.at.1 + 1 } else { 1 };
            told.at = (row.to_vec(), count);
            drop(panics);
            if count > PANICS_SEEN_MAX {
                let seen = format!("one decision of {card} crashed {count} times");
                self.world.violate("OWN-5", seen);
            }
            self.world.tell([20, 0, 0], || {
                format!("actor of {card} crashes at its write")
            });
            panic!("{}", crate::run::INJECTED);
        }
    }

    /// What a small write of one row comes to. It is done at once, or gets lost.
    fn small_write(&self, write: impl FnOnce(&mut Tables)) -> Result<(), Fault> {
        if !self.life.operates_now(&self.world) {
            return Err(Fault::Unknown("no answer".to_owned()));
        }
        let (is_done, is_told) = match self.world.is_bad() {
            true => self
                .world
                .draw(|rng| (rng.one_in_thousand(800), rng.one_in_thousand(800))),
            false => (true, true),
        };
        if is_done {
            write(&mut self.world.tables.lock());
        }
        match is_done && is_told {
            true => Ok(()),
            false => Err(Fault::Unknown("no answer".to_owned())),
        }
    }
}

impl Database for SimDatabase {
    async fn load(&self, card: CardId) -> Result<Option<Found>, StoreError> {
        let quorum = self.quorum().await?;
        let mut tables = self.world.tables.lock();
        let states = quorum
            .iter()
            .filter_map(|r| tables.replicas[*r].states.get(&card));
        let Some(newest) = states.max_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1))).cloned() else {
            return Ok(None);
        };
        let range = row_key(card, Version(0))..=row_key(card, Version(u32::MAX));
        let last = |replica: &usize| {
            let mut rows = tables.replicas[*replica].rows.range(range.clone());
            rows.next_back().map(|((_, _, key), _)| version_of(key))
        };
        let newest_row = quorum.iter().filter_map(last).max();
        for replica in quorum {
            tables.replicas[replica].put_state(card, newest.clone()); // Read repair.
        }
        let (stamp, bytes, _) = newest;
        Found::genuine(card, (Some(bytes), Some(stamp.as_micros())), newest_row).map(Some)
    }

    async fn find_key(&self, card: CardId, key: LegKey) -> Result<Option<Bytes>, StoreError> {
        self.find(card, RowKind::Key, &key.0).await
    }

    async fn find_offset(&self, card: CardId, offset: u64) -> Result<Option<Bytes>, StoreError> {
        self.find(card, RowKind::Offset, &offset.to_be_bytes())
            .await
    }

    async fn rows_back(
        &self,
        card: CardId,
        newest: Option<Version>,
        max: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        let quorum = self.quorum().await?;
        let tables = self.world.tables.lock();
        let newest = newest.unwrap_or(Version(u32::MAX));
        let range = row_key(card, Version(0))..=row_key(card, newest);
        let mut rows = BTreeMap::new();
        for replica in quorum {
            for ((_, _, key), (_, bytes)) in tables.replicas[replica].rows.range(range.clone()) {
                rows.insert(version_of(key), bytes.clone());
            }
        }
        let rows = rows.into_iter().rev().take(max);
        Ok(rows
            .map(|(version, bytes)| JournalRow { version, bytes })
            .collect())
    }

    async fn keys_after(
        &self,
        _: CardId,
        _: Option<KeyName>,
        _: usize,
    ) -> Result<Vec<NamedKey>, StoreError> {
        Err(StoreError::Unavailable("nobody lists keys here".to_owned()))
    }

    async fn cards_after(&self, _: Option<CardId>, _: usize) -> Result<Vec<CardId>, StoreError> {
        Err(StoreError::Unavailable(
            "nobody lists cards here".to_owned(),
        ))
    }

    async fn apply(&self, mutation: Arc<Mutation>) -> Result<(), Fault> {
        let card = mutation.card();
        self.life.operates(&self.world).await;
        let row = mutation.rows().next().map(|(_, _, row)| row.clone());
        let row = row.unwrap_or_default();
        if self.is_news(&mutation) {
            self.panic_if_told((card, &row), false);
        }
        let mut answers = self.send(mutation)?;
        self.panic_if_told((card, &row), true);
        let quorum = async {
            for _ in 0..QUORUM {
                if answers.recv().await.is_none() {
                    return std::future::pending().await;
                }
            }
        };
        let answered = tokio::time::timeout(REQUEST_TIMEOUT, quorum).await;
        self.life.operates(&self.world).await;
        let is_lost = self.world.is_bad() && self.world.draw(|rng| rng.one_in_thousand(100));
        match answered {
            Ok(()) if !is_lost => Ok(()),
            Ok(()) | Err(_) => Err(Fault::Unknown("no answer in time".to_owned())),
        }
    }

    async fn checkpoint(
        &self,
        partition: PartitionId,
    ) -> Result<Option<OwnedCheckpoint>, StoreError> {
        self.quorum().await?;
        let tables = self.world.tables.lock();
        Ok(tables
            .checkpoints
            .get(&partition)
            .map(|(_, found)| found.clone()))
    }

    async fn write_checkpoint(&self, checkpoint: &OwnedCheckpoint) -> Result<(), Fault> {
        let by = checkpoint.by;
        let stamp = Stamp::new(by.term, by.epoch, checkpoint.number)
            .map_err(|error| Fault::Refused(error.to_string()))?;
        let mut overwritten = None;
        let written = self.small_write(|tables| {
            let old = tables.checkpoints.get(&by.partition);
            if old.is_none_or(|(old, _)| stamp > *old) {
                overwritten = old
                    .map(|(_, old)| old.by)
                    .filter(|old| old.rank() > by.rank());
                tables
                    .checkpoints
                    .insert(by.partition, (stamp, checkpoint.clone()));
            }
        });
        if let Some(later) = overwritten {
            self.world.violate(
                "STORE-4",
                format!("a checkpoint of {by} won over one of {later}"),
            );
        }
        let offset = checkpoint.made.as_ref().map(|made| made.next_offset);
        self.world.tell(
            [21, offset.unwrap_or(0), u64::from(written.is_ok())],
            || {
                let (node, fate) = (self.life.node, fate(&written));
                format!("node {node} writes a checkpoint of {by} at {offset:?}: {fate}")
            },
        );
        written
    }

    async fn write_cut(&self, _: &Assignment, cut: &CutTotals) -> Result<(), Fault> {
        let mut other = false;
        let written = self.small_write(|tables| {
            let old = tables.cuts.insert((cut.partition, cut.number), cut.clone());
            other = old.is_some_and(|old| old != *cut);
        });
        if other {
            self.world.violate(
                "LEDGER-2",
                format!("cut {} was kept with other totals before", cut.number),
            );
        }
        written
    }

    async fn cuts(
        &self,
        partition: PartitionId,
        from: u64,
        max: usize,
    ) -> Result<Vec<CutTotals>, StoreError> {
        self.quorum().await?;
        let tables = self.world.tables.lock();
        let kept = tables.cuts.range((partition, from)..=(partition, u64::MAX));
        Ok(kept.take(max).map(|(_, cut)| cut.clone()).collect())
    }

    async fn write_items(&self, items: &[BatchItem]) -> Result<(), Fault> {
        self.small_write(|tables| {
            tables
                .items
                .extend(items.iter().map(|item| (item.key(), *item)));
        })
    }

    async fn items(&self, _: BatchName) -> Result<Vec<BatchItem>, StoreError> {
        Err(StoreError::Unavailable(
            "no terminal settles here".to_owned(),
        ))
    }

    async fn settle(&self, _: BatchName, _: Bytes) -> Result<(), Fault> {
        Err(Fault::Refused("no terminal settles here".to_owned()))
    }

    async fn settled(&self, _: BatchName) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }

    /// Nothing that is asked in this way waits for anything.
    fn wait_for<T>(&self, _: &Handle, request: impl Future<Output = T>) -> T {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(request).poll(&mut context) {
            Poll::Ready(answer) => answer,
            Poll::Pending => unreachable!("small writes are done at once"),
        }
    }
}

fn fate(written: &Result<(), Fault>) -> &'static str {
    match written {
        Ok(()) => "done",
        Err(_) => "unknown",
    }
}
