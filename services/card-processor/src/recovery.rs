//! Folding again what the log holds beyond the last checkpoint, before the first new command.
//!
//! No actors here: one pass in log order for each worker. Whoever folds the same log gets the same
//! rows; the digests that the first fold noted prove it (CARD-7).

use std::collections::HashMap;
use std::sync::Arc;

use crate::bundles::Bundles;
use crate::context::{Booked, Kept, PartitionContext};
use crate::cuts::PassedCut;
use crate::error::{StartError, StopReason};
use crate::fold::{Asked, FoldError, Folded as Decided, RowsBefore, Unwritten, load};
use crate::release::digest_of;
use crate::settings::RECORDS_PER_POLL_MAX;
use crate::totals::ControlTotals;
use card::{Card, CardId, PartitionId, Position, Row};
use card_store::{BatchItem, CardStore, PartitionCheckpoint};
use command_log::envelope::{decode_command, decode_mark};
use command_log::{CommandLog, Digest, LogConsumer, LogRecord, RecordKind, Sequence};
use mutants::{Mutant, broken, noted};

/// Cards kept at hand while folding.
const CARDS_KEPT_MAX: usize = 50_000;

/// A partition, folded up to `next_offset`.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) partition: PartitionId,
    pub(crate) next_offset: u64,
    pub(crate) context: Arc<PartitionContext>,
    pub(crate) totals: ControlTotals,
    /// Cuts that were passed and are not kept yet.
    pub(crate) cuts: Vec<PassedCut>,
    /// Items of batches that may not be kept yet.
    pub(crate) items: Vec<BatchItem>,
}

/// What one worker's recovery leaves.
#[derive(Debug)]
pub(crate) struct Recovered<C> {
    pub(crate) consumer: C,
    pub(crate) partitions: Vec<Folded>,
    pub(crate) command_count: u64,
    pub(crate) through: Sequence,
}

/// Where the partitions begin.
pub(crate) fn begin(
    partitions: impl Iterator<Item = PartitionId>,
    checkpoints: &[PartitionCheckpoint],
    bundles: &dyn Bundles,
) -> Result<Vec<Folded>, StartError> {
    partitions
        .map(|partition| {
            let kept = checkpoints.iter().find(|kept| kept.partition == partition);
            let Some(kept) = kept else {
                let context = Arc::new(PartitionContext::EMPTY);
                let totals = ControlTotals::default();
                return Ok(Folded {
                    partition,
                    next_offset: 0,
                    context,
                    totals,
                    cuts: Vec::new(),
                    items: Vec::new(),
                });
            };
            let Kept { context, totals } =
                Kept::decode(&kept.context, bundles).map_err(card_store::StoreError::Damaged)?;
            let context = Arc::new(match broken(Mutant::ContextNotRestored) {
                true => PartitionContext {
                    rules_hash: context.rules_hash,
                    rules: context.rules,
                    ..PartitionContext::EMPTY
                },
                false => context, // LOG-5
            });
            Ok(Folded {
                partition,
                next_offset: next_offset(kept),
                context,
                totals,
                cuts: Vec::new(),
                items: Vec::new(),
            })
        })
        .collect()
}

/// LOG-3: folding goes on at the checkpoint.
fn next_offset(kept: &PartitionCheckpoint) -> u64 {
    let before = noted(b"next offset").and_then(|bytes| bytes.try_into().ok());
    match before {
        Some(before) if broken(Mutant::NextOffsetKept) => u64::from_be_bytes(before),
        Some(_) | None => kept.next_offset,
    }
}

/// Folds the partitions up to the log's end as it is now.
pub(crate) async fn recover<S: CardStore, L: CommandLog>(
    store: Arc<S>,
    log: Arc<L>,
    bundles: Arc<dyn Bundles>,
    partitions: Vec<Folded>,
) -> Result<Recovered<L::Consumer>, StartError> {
    let starts: Vec<(PartitionId, u64)> = partitions
        .iter()
        .map(|folded| (folded.partition, folded.next_offset))
        .collect();
    let ends: Vec<u64> = partitions
        .iter()
        .map(|folded| log.end_offset(folded.partition))
        .collect();
    let mut consumer = log.consume(&starts)?;
    let mut pass = Pass::new(store, bundles, partitions);
    let mut batch = Vec::new();
    while pass.is_behind(&ends) {
        consumer.poll(&mut batch, RECORDS_PER_POLL_MAX).await?;
        for record in batch.drain(..) {
            pass.take(record).await?;
        }
    }
    Ok(Recovered {
        consumer,
        partitions: pass.partitions,
        command_count: pass.command_count,
        through: pass.through,
    })
}

struct Pass<S> {
    store: Arc<S>,
    bundles: Arc<dyn Bundles>,
    partitions: Vec<Folded>,
    index: HashMap<PartitionId, usize>,
    cards: HashMap<CardId, Option<Card>>,
    command_count: u64,
    through: Sequence,
}

impl<S: CardStore> Pass<S> {
    fn new(store: Arc<S>, bundles: Arc<dyn Bundles>, partitions: Vec<Folded>) -> Self {
        let index = partitions
            .iter()
            .enumerate()
            .map(|(index, folded)| (folded.partition, index))
            .collect();
        let cards = HashMap::new();
        Self {
            store,
            bundles,
            partitions,
            index,
            cards,
            command_count: 0,
            through: Sequence(0),
        }
    }

    fn is_behind(&self, ends: &[u64]) -> bool {
        self.partitions
            .iter()
            .zip(ends)
            .any(|(folded, end)| folded.next_offset < *end)
    }

    async fn take(&mut self, record: LogRecord) -> Result<(), StartError> {
        let position = record.position;
        let Some(index) = self.index.get(&position.partition).copied() else {
            return Ok(());
        };
        let Some(folded) = self.partitions.get_mut(index) else {
            return Ok(());
        };
        if position.offset < folded.next_offset {
            return Ok(());
        }
        if position.offset > folded.next_offset {
            let gap = StopReason::Gap {
                expected: folded.next_offset,
                found: position.offset,
            };
            return Err(stopped(position, gap));
        }
        folded.next_offset += 1;
        self.through = record.sequence;
        match record.kind {
            RecordKind::Mark => mark(folded, &record, &*self.bundles),
            RecordKind::Command => self.command(index, record).await,
        }
    }

    async fn command(&mut self, index: usize, record: LogRecord) -> Result<(), StartError> {
        let position = record.position;
        let command = decode_command(&record.payload).map_err(|error| {
            stopped(
                position,
                StopReason::Unreadable {
                    position,
                    reason: error.to_string(),
                },
            )
        })?;
        self.command_count += 1;
        let mut card = self.card(command.card).await?;
        let Some(folded) = self.partitions.get_mut(index) else {
            return Ok(());
        };
        let asked = Asked {
            command: &command,
            position,
            appended_at: record.appended_at,
            context: &folded.context,
        };
        let row = decide(&*self.store, &mut card, asked, record.witness).await?;
        if let Some(booked) = row.and_then(|row| Booked::of(command.card, &row)) {
            folded.totals.post(booked.programme, &booked.entry);
            folded.items.extend(booked.item);
        }
        self.cards.insert(command.card, card);
        Ok(())
    }

    async fn card(&mut self, id: CardId) -> Result<Option<Card>, StartError> {
        if let Some(card) = self.cards.remove(&id) {
            return Ok(card);
        }
        if self.cards.len() >= CARDS_KEPT_MAX {
            self.cards.clear(); // All of them are in the store.
        }
        Ok(load(&*self.store, id).await?)
    }
}

/// One command against its card, written at once. Returns the row that it led to, now or before.
async fn decide<S: CardStore>(
    store: &S,
    card: &mut Option<Card>,
    asked: Asked<'_>,
    witness: Option<Digest>,
) -> Result<Option<Row>, StartError> {
    let position = asked.position;
    let mut unwritten = Unwritten::default();
    let folded = unwritten.fold(store, card, asked).await;
    match folded.map_err(|error| fold_failed(position, error))? {
        Decided::Decided(decision) => {
            if witness.is_some_and(|seen| digest_of(&decision) != Some(seen)) {
                return Err(stopped(position, StopReason::Differs(position)));
            }
            unwritten.write(store, card.as_ref()).await?;
            Ok(decision.written.map(|written| written.row))
        }
        Decided::Before => match card {
            Some(card) => {
                let mut before = RowsBefore::default();
                Ok(before.at(store, card, position).await?.cloned())
            }
            None => Ok(None),
        },
    }
}

fn mark(folded: &mut Folded, record: &LogRecord, bundles: &dyn Bundles) -> Result<(), StartError> {
    let position = record.position;
    let mark = decode_mark(&record.payload).map_err(|error| {
        stopped(
            position,
            StopReason::Unreadable {
                position,
                reason: error.to_string(),
            },
        )
    })?;
    let context = folded.context.after(mark, position, bundles);
    let context = context.map_err(|reason| stopped(position, reason))?;
    let passed = (&*folded.context, &context);
    if let Some(cut) = PassedCut::between(passed, position.offset, record.appended_at) {
        let totals = folded.totals.clone();
        folded.cuts.push(PassedCut { totals, ..cut });
    }
    folded.context = Arc::new(context);
    Ok(())
}

fn stopped(position: Position, reason: StopReason) -> StartError {
    StartError::Partition {
        partition: position.partition,
        reason,
    }
}

fn fold_failed(position: Position, error: FoldError) -> StartError {
    match error {
        FoldError::NoRules => stopped(position, StopReason::NoRules(position)),
        FoldError::Store(error) => StartError::Store(error),
        FoldError::Write(error) => StartError::Write(error),
    }
}
