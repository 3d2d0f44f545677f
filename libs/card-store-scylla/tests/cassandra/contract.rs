//! The port's contract.

use std::sync::atomic::{AtomicU16, Ordering};

use tokio::runtime::Handle;

use crate::support::{ByHand, PARTITION, own_settings, store_at};
use card_store::contract::{self, Place, card, decision, decisions, key, key_row, offsets};
use card_store::{CardStore as _, StoredCard};
use card_store_scylla::{AssignedStore, CqlSession};

struct OnCassandra {
    session: CqlSession,
    by_hand: ByHand,
    epoch: AtomicU16,
}

impl OnCassandra {
    async fn new() -> Self {
        let settings = own_settings().await;
        Self {
            session: CqlSession::connect(&settings).await.unwrap(),
            by_hand: ByHand::new(&settings).await,
            epoch: AtomicU16::new(1),
        }
    }

    async fn next_owner(&self) -> AssignedStore {
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed);
        store_at(&self.session, PARTITION, epoch).await
    }
}

impl Place for OnCassandra {
    type Store = AssignedStore;

    fn create(&self) -> AssignedStore {
        tokio::task::block_in_place(|| {
            Handle::current().block_on(async {
                for table in ["cards", "partition_checkpoints", "cut_totals"] {
                    let cql = format!("TRUNCATE {{keyspace}}.{table}");
                    self.by_hand.run(&cql, card(1)).await;
                }
                self.next_owner().await
            })
        })
    }

    /// Another owner comes, with a higher epoch.
    fn crash(&self, store: AssignedStore) -> AssignedStore {
        store.ended().end();
        tokio::task::block_in_place(|| Handle::current().block_on(self.next_owner()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_contract() {
    contract::run_visible(&OnCassandra::new().await).await;
}

async fn state_of(store: &AssignedStore, number: u8) -> Option<StoredCard> {
    store.load(card(number)).await.unwrap()
}

/// What the contract's cases about crashes say, for a store whose writes are durable at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_outlives_the_owner() {
    let place = OnCassandra::new().await;
    let mut store = place.create();
    for version in 1..=6 {
        let number = u8::try_from(version).unwrap();
        let mut unit = decision(card(1), version);
        unit.keys = vec![key_row(number, u64::from(version), "kept")];
        store.write(unit).await.unwrap();
        store
            .write(decisions(card(2), version * 2 - 1, version * 2))
            .await
            .unwrap();
        if version % 2 == 0 {
            let made = [offsets(PARTITION.0, u64::from(version) * 10)];
            store.checkpoint(store.freeze(), &made).unwrap();
        }
        store = place.crash(store);
        assert_eq!(store.dirty_count(), 0);
        let last_even = u64::from(version / 2 * 2) * 10;
        let made = (last_even > 0).then(|| offsets(PARTITION.0, last_even));
        assert_eq!(
            store.checkpoints().await.unwrap(),
            made.into_iter().collect::<Vec<_>>()
        );
    }
    assert_eq!(state_of(&store, 1).await, Some(decision(card(1), 6).state));
    assert_eq!(state_of(&store, 2).await, Some(decision(card(2), 12).state));
    for (number, count) in [(1, 6), (2, 12)] {
        let rows = store.rows_back(card(number), None, 99).await.unwrap();
        let versions: Vec<u32> = rows.iter().map(|row| row.version.0).collect();
        assert_eq!(versions, (1..=count).rev().collect::<Vec<_>>());
    }
    for number in 1..=6 {
        let kept = Ok(Some(key_row(number, u64::from(number), "kept").bytes));
        assert_eq!(store.find_key(card(1), key(number)).await, kept);
        assert_eq!(store.find_offset(card(1), u64::from(number)).await, kept);
    }
}
