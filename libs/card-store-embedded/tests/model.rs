//! Random writes, freezes, checkpoints and crashes: the embedded store answers every question as
//! the store in memory does.

use proptest::prelude::*;
use tempfile::TempDir;

use card::CardId;
use card_store::contract::{card, decisions, key, key_row, offsets, ready};
use card_store::memory::MemoryStore;
use card_store::{CardStore, CardWrite, KeyName};
use card_store_embedded::{EmbeddedStore, Options};

const CARDS: u8 = 5;
const KEYS: u8 = 6;

#[derive(Debug, Clone)]
enum Step {
    Write {
        card: u8,
        row_count: u32,
        keys: Vec<(u8, u64)>,
    },
    Freeze,
    Checkpoint,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let keys = proptest::collection::vec((0..KEYS, 0..8u64), 0..3);
    prop_oneof![
        8 => (0..CARDS, 1..4u32, keys).prop_map(|(card, row_count, keys)| Step::Write {
            card,
            row_count,
            keys
        }),
        2 => Just(Step::Freeze),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Crash),
    ]
}

/// Both stores, and what the test must remember to use them.
struct Pair {
    folder: TempDir,
    options: Options,
    embedded: Option<EmbeddedStore>,
    memory: MemoryStore,
    frozen: Vec<(card_store_embedded::Frozen, card_store::memory::Frozen)>,
    write_count: u64,
}

impl Pair {
    fn new() -> Self {
        // Small, so that batches, segments and caches come to their ends.
        let options = Options {
            heads_cached_max: 2,
            checkpoint_batch_size: 300,
            compaction_threads: 1,
            ..Options::default()
        };
        let folder = tempfile::tempdir().expect("make a folder");
        let embedded = EmbeddedStore::create(folder.path(), &options).expect("create");
        let memory = MemoryStore::new();
        Self {
            folder,
            options,
            embedded: Some(embedded),
            memory,
            frozen: Vec::new(),
            write_count: 0,
        }
    }

    fn embedded(&self) -> &EmbeddedStore {
        self.embedded.as_ref().expect("open")
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Write {
                card: number,
                row_count,
                keys,
            } => {
                let unit = self.unit(card(number), row_count, &keys);
                ready(self.embedded().write(unit.clone())).expect("write");
                ready(self.memory.write(unit)).expect("write");
            }
            Step::Freeze => self
                .frozen
                .push((self.embedded().freeze(), self.memory.freeze())),
            Step::Checkpoint => {
                // Every other set is left to the next checkpoint.
                let Some((embedded, memory)) = self.frozen.pop() else {
                    return;
                };
                self.frozen.clear();
                let partitions = [offsets(1, self.write_count), offsets(2, 7)];
                self.embedded()
                    .checkpoint(embedded, &partitions)
                    .expect("checkpoint");
                self.memory
                    .checkpoint(memory, &partitions)
                    .expect("checkpoint");
            }
            Step::Crash => {
                self.frozen.clear();
                self.memory = self.memory.crash();
                drop(self.embedded.take());
                let opened = EmbeddedStore::open(self.folder.path(), &self.options);
                self.embedded = Some(opened.expect("open"));
            }
        }
    }

    fn unit(&mut self, card: CardId, row_count: u32, keys: &[(u8, u64)]) -> CardWrite {
        self.write_count += 1;
        let state = ready(self.memory.load(card)).expect("load");
        let version = state.map_or(0, |state| state.version.0);
        let mut unit = decisions(card, version + 1, version + row_count);
        let text = self.write_count.to_string();
        let rows = keys
            .iter()
            .map(|(number, offset)| key_row(*number, *offset, &text));
        unit.keys = rows.collect();
        unit
    }

    fn assert_same(&self) {
        let (embedded, memory) = (self.embedded(), &self.memory);
        for card in (0..CARDS).map(card) {
            let state = ready(memory.load(card));
            assert_eq!(ready(embedded.load(card)), state, "state of {card}");
            let last = state.expect("load").map_or(0, |state| state.version.0);
            for newest in [
                None,
                Some(last / 2),
                Some(last.saturating_sub(1)),
                Some(last + 9),
            ] {
                let newest = newest.map(card::Version);
                for max in [2, usize::MAX] {
                    let expected = ready(memory.rows_back(card, newest, max));
                    let found = ready(embedded.rows_back(card, newest, max));
                    assert_eq!(found, expected, "{max} rows of {card} back from {newest:?}");
                }
            }
            for (after, max) in [
                (None, usize::MAX),
                (Some(KeyName::Key(key(KEYS / 2))), 3),
                (Some(KeyName::Offset(4)), 2),
            ] {
                let expected = ready(memory.keys_after(card, after, max));
                let found = ready(embedded.keys_after(card, after, max));
                assert_eq!(found, expected, "{max} keys of {card} after {after:?}");
            }
            for number in 0..KEYS {
                let found = ready(embedded.find_key(card, key(number)));
                assert_eq!(
                    found,
                    ready(memory.find_key(card, key(number))),
                    "key {number}"
                );
            }
            for offset in 0..8 {
                let found = ready(embedded.find_offset(card, offset));
                assert_eq!(
                    found,
                    ready(memory.find_offset(card, offset)),
                    "offset {offset}"
                );
            }
        }
        for after in [None, Some(card(1)), Some(card(CARDS))] {
            let found = ready(embedded.cards_after(after, 3));
            assert_eq!(
                found,
                ready(memory.cards_after(after, 3)),
                "cards after {after:?}"
            );
        }
        assert_eq!(ready(embedded.checkpoints()), ready(memory.checkpoints()));
        assert_eq!(embedded.dirty_count(), memory.dirty_count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn answers_as_the_store_in_memory(steps in proptest::collection::vec(step(), 1..60)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.run(step);
            pair.assert_same();
        }
    }
}
