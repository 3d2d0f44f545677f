//! The card store as the switch sees it: one state per card, its journal rows, its old keys.
//!
//! This is the port. A [`CardWrite`] is one atomic unit: state, rows and key rows together or not
//! at all (STORE-1, STORE-6). The store never decides, never fences and never reads before it
//! writes. Adapters: `card-store-embedded`, and [`memory`] for tests; all pass [`contract`].

#![warn(missing_docs)]

pub mod contract;
mod items;
pub mod memory;
mod port;

pub use items::{BatchItem, BatchName, ITEM_KEY_SIZE};
pub use port::{
    CardStore, CardWrite, CutTotals, JournalRow, KeyName, KeyRow, NamedKey, PartitionCheckpoint,
    StoreError, StoredCard, WriteError,
};
