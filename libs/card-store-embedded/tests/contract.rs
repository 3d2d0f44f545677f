//! The contract of the port, on disk.

use std::cell::RefCell;

use tempfile::TempDir;

use card_store::contract::{self, Place};
use card_store_embedded::{EmbeddedStore, Options};

/// Folders in which stores were created; the last one is in use.
#[derive(Default)]
struct OnDisk {
    folders: RefCell<Vec<TempDir>>,
    options: Options,
}

impl Place for OnDisk {
    type Store = EmbeddedStore;

    fn create(&self) -> EmbeddedStore {
        let folder = tempfile::tempdir().expect("make a folder");
        let store = EmbeddedStore::create(folder.path(), &self.options).expect("create");
        self.folders.borrow_mut().push(folder);
        store
    }

    fn crash(&self, store: EmbeddedStore) -> EmbeddedStore {
        drop(store);
        let folders = self.folders.borrow();
        let folder = folders.last().expect("a store was created");
        EmbeddedStore::open(folder.path(), &self.options).expect("open")
    }
}

#[test]
fn passes_the_contract() {
    contract::ready(contract::run(&OnDisk::default()));
}

#[test]
fn passes_the_contract_in_many_small_steps() {
    let options = Options {
        segment_size_max: 2 << 20,
        heads_cached_max: 0,
        checkpoint_batch_size: 1,
        compaction_threads: 1,
        block_cache_size: 0,
    };
    let place = OnDisk {
        folders: RefCell::default(),
        options,
    };
    contract::ready(contract::run(&place));
}
