//! What was written and is not in the LSM tree yet.
//!
//! One shard of cards under one lock each. A shard has a live layer, and frozen layers that wait
//! for their checkpoint. A card's data moves live -> frozen -> LSM tree and is never missing on
//! the way: a reader that looks in this order sees the newest.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::journal::Address;
use card::{CardId, LegKey};
use card_store::{KeyName, KeyRow, StoredCard};

/// A power of two: [`shard_index`] takes the top bits of a product.
const SHARD_COUNT: usize = 64;

/// The newest of one card in one layer.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) state: StoredCard,
    /// The card's last journal row.
    pub(crate) head: Address,
    pub(crate) by_key: BTreeMap<LegKey, Bytes>,
    pub(crate) by_offset: BTreeMap<u64, Bytes>,
}

impl Pending {
    /// In the order of the names.
    fn keys_after(&self, after: Option<KeyName>) -> impl Iterator<Item = (KeyName, Bytes)> {
        let by_key = self.by_key.iter();
        let by_key = by_key.map(|(key, bytes)| (KeyName::Key(*key), bytes));
        let by_offset = self.by_offset.iter();
        let by_offset = by_offset.map(|(offset, bytes)| (KeyName::Offset(*offset), bytes));
        by_key
            .chain(by_offset)
            .filter(move |(name, _)| after.is_none_or(|after| *name > after))
            .map(|(name, bytes)| (name, bytes.clone()))
    }
}

/// Cards in the order of their ids.
pub(crate) type Layer = BTreeMap<CardId, Pending>;

/// A set of writes that waits for its checkpoint; made by `freeze`, taken by `checkpoint`. The
/// writes themselves stay readable in the store, also when this is dropped: then the next
/// checkpoint includes them.
#[derive(Debug)]
pub struct Frozen {
    generation: u64,
}

#[derive(Debug)]
pub(crate) struct Overlay {
    shards: Vec<Mutex<Shard>>,
    live_count: AtomicUsize,
    frozen_count: AtomicUsize,
    generation: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Shard {
    live: Layer,
    /// Oldest first.
    frozen: Vec<(u64, Arc<Layer>)>,
}

impl Overlay {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARD_COUNT).map(|_| Mutex::default()).collect(),
            live_count: AtomicUsize::new(0),
            frozen_count: AtomicUsize::new(0),
            generation: Mutex::new(0),
        }
    }

    /// Takes a card's new state and keys, all at once (STORE-1).
    pub(crate) fn put(&self, card: CardId, state: StoredCard, head: Address, keys: Vec<KeyRow>) {
        let mut shard = self.shard(card).lock();
        let pending = match shard.live.entry(card) {
            std::collections::btree_map::Entry::Occupied(entry) => {
                let pending = entry.into_mut();
                pending.state = state;
                pending.head = head;
                pending
            }
            std::collections::btree_map::Entry::Vacant(entry) => {
                self.live_count.fetch_add(1, Ordering::Relaxed);
                let (by_key, by_offset) = Default::default();
                entry.insert(Pending {
                    state,
                    head,
                    by_key,
                    by_offset,
                })
            }
        };
        for row in keys {
            pending.by_key.insert(row.key, row.bytes.clone());
            pending.by_offset.insert(row.offset, row.bytes);
        }
    }

    /// Looks at the card's layers, newest first, until `look` finds something.
    pub(crate) fn find<T>(
        &self,
        card: CardId,
        look: impl FnMut(&Pending) -> Option<T>,
    ) -> Option<T> {
        let shard = self.shard(card).lock();
        let frozen = shard.frozen.iter().rev().map(|(_, layer)| &**layer);
        let layers = std::iter::once(&shard.live).chain(frozen);
        layers.filter_map(|layer| layer.get(&card)).find_map(look)
    }

    /// What the card's layers have under names of old keys behind `after`, the newest of each, at
    /// most `max` of each layer.
    pub(crate) fn keys_after(
        &self,
        card: CardId,
        after: Option<KeyName>,
        max: usize,
    ) -> BTreeMap<KeyName, Bytes> {
        let shard = self.shard(card).lock();
        let frozen = shard.frozen.iter().map(|(_, layer)| &**layer);
        let oldest_first = frozen.chain(std::iter::once(&shard.live));
        let mut found = BTreeMap::new();
        for pending in oldest_first.filter_map(|layer| layer.get(&card)) {
            found.extend(pending.keys_after(after).take(max));
        }
        found
    }

    /// The ids after `after` of every shard, at most `max` of each layer, in no order, perhaps
    /// more than once.
    pub(crate) fn ids_after(&self, after: Option<CardId>, max: usize) -> Vec<CardId> {
        let range = (
            after.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        let mut ids = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            ids.extend(shard.live.range(range).map(|(id, _)| *id).take(max));
            for (_, layer) in &shard.frozen {
                ids.extend(layer.range(range).map(|(id, _)| *id).take(max));
            }
        }
        ids
    }

    /// Cards in the live layers.
    pub(crate) fn live_count(&self) -> usize {
        self.live_count.load(Ordering::Relaxed)
    }

    /// Cards in all layers; one that is in several counts as often.
    pub(crate) fn waiting_count(&self) -> usize {
        self.live_count() + self.frozen_count.load(Ordering::Relaxed)
    }

    /// Sets the live layers aside. A write that runs meanwhile ends up on either side, whole.
    pub(crate) fn freeze(&self) -> Frozen {
        let mut generation = self.generation.lock();
        *generation += 1;
        for shard in &self.shards {
            let mut shard = shard.lock();
            let layer = std::mem::take(&mut shard.live);
            if !layer.is_empty() {
                self.live_count.fetch_sub(layer.len(), Ordering::Relaxed);
                self.frozen_count.fetch_add(layer.len(), Ordering::Relaxed);
                shard.frozen.push((*generation, Arc::new(layer)));
            }
        }
        Frozen {
            generation: *generation,
        }
    }

    /// Everything frozen up to and with this set, shard by shard, the newest of each card.
    pub(crate) fn frozen_layers(&self, frozen: &Frozen) -> impl Iterator<Item = Arc<Layer>> {
        let generation = frozen.generation;
        self.shards.iter().filter_map(move |shard| {
            let shard = shard.lock();
            let waiting = shard
                .frozen
                .iter()
                .filter(|(number, _)| *number <= generation);
            let layers: Vec<_> = waiting.map(|(_, layer)| Arc::clone(layer)).collect();
            drop(shard);
            merge(layers)
        })
    }

    /// Forgets what a checkpoint made durable. `last_row` is told of each card's last row before
    /// the card leaves.
    pub(crate) fn release(&self, frozen: &Frozen, last_row: impl Fn(CardId, Address)) {
        for shard in &self.shards {
            let layers: Vec<_> = {
                let shard = shard.lock();
                let done = shard
                    .frozen
                    .iter()
                    .filter(|(number, _)| *number <= frozen.generation);
                done.map(|(_, layer)| Arc::clone(layer)).collect()
            };
            for layer in &layers {
                layer
                    .iter()
                    .for_each(|(card, pending)| last_row(*card, pending.head));
                self.frozen_count.fetch_sub(layer.len(), Ordering::Relaxed);
            }
            // The layers are freed here, after the lock.
            shard
                .lock()
                .frozen
                .retain(|(number, _)| *number > frozen.generation);
        }
    }

    fn shard(&self, card: CardId) -> &Mutex<Shard> {
        &self.shards[shard_index(card)]
    }
}

/// Spreads ids that differ in any byte, also when they count upwards.
fn shard_index(card: CardId) -> usize {
    const GOLDEN_RATIO: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
    let product = u128::from_le_bytes(*card.as_bytes()).wrapping_mul(GOLDEN_RATIO);
    usize::try_from(product >> (128 - SHARD_COUNT.ilog2())).expect("fewer than 64 bits")
}

fn merge(layers: Vec<Arc<Layer>>) -> Option<Arc<Layer>> {
    let mut layers = layers.into_iter();
    let oldest = layers.next()?;
    if layers.len() == 0 {
        return Some(oldest);
    }
    let mut merged = Layer::clone(&oldest);
    for layer in layers {
        for (card, newer) in layer.iter() {
            let mut newer = newer.clone();
            if let Some(older) = merged.remove(card) {
                newer.by_key = overlaid(older.by_key, newer.by_key);
                newer.by_offset = overlaid(older.by_offset, newer.by_offset);
            }
            merged.insert(*card, newer);
        }
    }
    Some(Arc::new(merged))
}

fn overlaid<K: Ord>(
    mut below: BTreeMap<K, Bytes>,
    above: BTreeMap<K, Bytes>,
) -> BTreeMap<K, Bytes> {
    below.extend(above);
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_spread_over_the_shards() {
        for byte in 0..14 {
            let mut counts = [0; SHARD_COUNT];
            for number in 0..=255 {
                let mut own = [0; 14];
                own[byte] = number;
                counts[shard_index(CardId::new(1, own))] += 1;
            }
            let most = counts.iter().max().unwrap();
            assert!(
                *most <= 16,
                "byte {byte}: {most} of 256 cards in one of {SHARD_COUNT} shards"
            );
        }
    }
}
