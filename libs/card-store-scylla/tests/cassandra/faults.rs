//! Frozen, killed and restarted nodes, under load: nothing acknowledged is lost, and work goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::support::{PARTITION, fresh_partition, settings_for, store_at};
use card::{CardId, Timestamp};
use card_store::contract::{card, decision, offsets, row};
use card_store::{CardStore as _, StoreError, WriteError};
use card_store_scylla::{
    AssignedStore, CqlSession, CqlSettings, Epoch, Ownership, Replication, Schema, ScyllaReader,
};
use test_servers::{CassandraCluster, CassandraOptions, Size};

const CARDS: u8 = 16;
const ROWS_PER_PAGE: usize = 500;

/// A node of our own with the tables in it. One at a time: this machine has few processors.
pub(crate) struct Node {
    cluster: CassandraCluster,
    pub(crate) settings: CqlSettings,
    _turn: tokio::sync::MutexGuard<'static, ()>,
}

impl Node {
    async fn start() -> Self {
        let node = Self::start_with(CassandraOptions::default()).await;
        node.apply_schema().await;
        node
    }

    pub(crate) async fn start_with(options: CassandraOptions) -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        let start = || CassandraCluster::start(options);
        let cluster = tokio::task::block_in_place(start).unwrap();
        let settings = settings_for(&cluster.contact_points());
        Self {
            cluster,
            settings,
            _turn: turn,
        }
    }

    pub(crate) async fn apply_schema(&self) {
        Schema::apply(&self.settings, &Replication::everywhere(1).unwrap())
            .await
            .unwrap();
    }

    pub(crate) async fn session(&self) -> CqlSession {
        CqlSession::connect(&self.settings).await.unwrap()
    }

    async fn freeze_for(&self, pause: Duration) {
        self.cluster.freeze(1).unwrap();
        tokio::time::sleep(pause).await;
        self.cluster.thaw(1).unwrap();
    }
}

/// Cards that are written one version after another, as fast as the store takes them.
struct Load {
    store: Arc<AssignedStore>,
    writers: Vec<JoinHandle<u32>>,
    stopping: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
}

impl Load {
    fn start(store: AssignedStore) -> Self {
        let store = Arc::new(store);
        let (stopping, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let writers = (1..=CARDS).map(|number| {
            let (store, stopping) = (Arc::clone(&store), Arc::clone(&stopping));
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(async move {
                let mut version = 0;
                while !stopping.load(Ordering::Acquire) {
                    version += 1;
                    write_until_done(&store, card(number), version).await;
                    acknowledged.fetch_add(1, Ordering::AcqRel);
                }
                version
            })
        });
        let writers = writers.collect();
        Self {
            store,
            writers,
            stopping,
            acknowledged,
        }
    }

    /// Waits until this many more writes are acknowledged.
    async fn progress(&self, more: u64) {
        let (start, began) = (self.acknowledged.load(Ordering::Acquire), Instant::now());
        while self.acknowledged.load(Ordering::Acquire) < start + more {
            assert!(began.elapsed() < Duration::from_secs(60), "no progress");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The last acknowledged version of each card.
    async fn finish(self) -> Vec<(CardId, u32)> {
        self.stopping.store(true, Ordering::Release);
        let mut last = Vec::new();
        for (number, writer) in (1..=CARDS).zip(self.writers) {
            last.push((card(number), writer.await.unwrap()));
        }
        self.store.ended().end();
        last
    }
}

/// STORE-3: the same write again until it is acknowledged, as the card's actor does.
async fn write_until_done(store: &AssignedStore, card: CardId, version: u32) {
    loop {
        match store.write(decision(card, version)).await {
            Ok(()) => return,
            Err(WriteError::Unknown(_)) => {}
            Err(stopped @ WriteError::Stopped(_)) => panic!("{stopped}"),
        }
    }
}

/// The next owner finds every acknowledged version with every row.
async fn assert_nothing_lost(session: &CqlSession, acknowledged: Vec<(CardId, u32)>) {
    let store = store_at(session, PARTITION, 2).await;
    for (card, version) in acknowledged {
        let state = loaded(&store, card).await;
        assert_eq!(state, decision(card, version).state, "{card}");
        let mut newest = version;
        while newest > 0 {
            let rows = store
                .rows_back(card, Some(card::Version(newest)), ROWS_PER_PAGE)
                .await
                .unwrap();
            for found in rows {
                assert_eq!(found, row(card, newest), "{card}");
                newest -= 1;
            }
        }
    }
}

async fn loaded(store: &AssignedStore, card: CardId) -> card_store::StoredCard {
    loop {
        match store.load(card).await {
            Ok(state) => return state.expect("the card is there"),
            Err(StoreError::Unavailable(_)) => {}
            Err(damaged @ StoreError::Damaged(_)) => panic!("{damaged}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_node_delays_and_loses_nothing() {
    let node = Node::start().await;
    let session = node.session().await;
    let load = Load::start(store_at(&session, PARTITION, 1).await);
    load.progress(300).await;
    node.freeze_for(Duration::from_secs(3)).await;
    let thawed = Instant::now();
    load.progress(300).await;
    let took = thawed.elapsed();
    assert!(
        took < Duration::from_secs(15),
        "work goes on soon: {took:?}"
    );
    assert_nothing_lost(&session, load.finish().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_comes_back_with_everything_acknowledged() {
    let node = Node::start().await;
    let session = node.session().await;
    let load = Load::start(store_at(&session, PARTITION, 1).await);
    load.progress(300).await;
    node.cluster.kill(1).unwrap();
    tokio::task::block_in_place(|| node.cluster.restart(1)).unwrap();
    load.progress(300).await;
    assert_nothing_lost(&session, load.finish().await).await;
}

/// RPO 0 for the loss of a node: with one of three copies gone work goes on, with two it stands
/// still, and nothing that was acknowledged is lost by either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_bear_the_loss_of_one() {
    let options = CassandraOptions {
        nodes: Size::Three,
        ..CassandraOptions::default()
    };
    let node = Node::start_with(options).await;
    let replication = Replication::everywhere(3).unwrap();
    Schema::apply(&node.settings, &replication).await.unwrap();
    let session = node.session().await;
    let load = Load::start(store_at(&session, PARTITION, 1).await);
    load.progress(300).await;
    node.cluster.kill(3).unwrap();
    load.progress(600).await;
    node.cluster.freeze(2).unwrap();
    // What was on its way may still be acknowledged; then nothing is.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let stalled = load.acknowledged.load(Ordering::Acquire);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        load.acknowledged.load(Ordering::Acquire),
        stalled,
        "one copy is no quorum"
    );
    node.cluster.thaw(2).unwrap();
    load.progress(300).await;
    tokio::task::block_in_place(|| node.cluster.restart(3)).unwrap();
    load.progress(300).await;
    assert_nothing_lost(&session, load.finish().await).await;
}

/// While the node is away a checkpoint fails, says so, and the next one does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_failed_is_made_by_the_next() {
    let mut node = Node::start().await;
    node.settings.request_timeout = Duration::from_millis(300);
    let session = node.session().await;
    let store = store_at(&session, PARTITION, 1).await;
    let keep = |next_offset| store.checkpoint(store.freeze(), &[offsets(PARTITION.0, next_offset)]);
    keep(10).unwrap();
    node.cluster.freeze(1).unwrap();
    assert!(matches!(keep(20), Err(WriteError::Unknown(_))));
    assert!(matches!(
        store.load(card(1)).await,
        Err(StoreError::Unavailable(_))
    ));
    node.cluster.thaw(1).unwrap();
    let began = Instant::now();
    while keep(30).is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the node is back"
        );
    }
    let made = store_at(&session, PARTITION, 2).await.checkpoints().await;
    assert_eq!(made, Ok(vec![offsets(PARTITION.0, 30)]));
}

/// STORE-3: whoever waits for an unknown outcome is let go when the assignment ends, at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_does_not_wait_for_the_database() {
    let node = Node::start().await;
    let session = node.session().await;
    let store = Arc::new(store_at(&session, PARTITION, 1).await);
    write_until_done(&store, card(1), 1).await;
    node.cluster.freeze(1).unwrap();
    let writer = Arc::clone(&store);
    let waiting = tokio::spawn(async move { writer.write(decision(card(1), 2)).await });
    tokio::time::sleep(Duration::from_millis(100)).await; // Sent or not, both must end.
    let ended_at = Instant::now();
    store.ended().end();
    assert!(matches!(
        waiting.await.unwrap(),
        Err(WriteError::Stopped(_))
    ));
    assert!(
        ended_at.elapsed() < Duration::from_secs(1),
        "{:?}",
        ended_at.elapsed()
    );
    node.cluster.thaw(1).unwrap();
    // The write was sent or not; what is there is one of the two, whole.
    let reader = ScyllaReader::new(session);
    let began = Instant::now();
    let version = loop {
        match reader.load(card(1)).await {
            Ok(state) => break state.unwrap().version.0,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(30), "{error}"),
        }
    };
    let rows = reader.rows_back(card(1), None, 9).await.unwrap();
    assert!((1..=2).contains(&version) && rows.len() >= usize::try_from(version).unwrap());
}

/// STORE-4: claims whose outcome is unknown are found out; no epoch is given twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_through_time_outs_are_all_different() {
    const CLAIMS: usize = 25;
    let mut node = Node::start().await;
    node.settings.request_timeout = Duration::from_millis(150);
    let ownership = Ownership::open(node.session().await).await.unwrap();
    let partition = fresh_partition();
    let claimers = (0..3).map(|number| {
        let ownership = ownership.clone();
        tokio::spawn(async move {
            let mut epochs: Vec<Epoch> = Vec::new();
            while epochs.len() < CLAIMS {
                let name = format!("processor-{number}");
                if let Ok(claim) = ownership.claim(partition, &name, Timestamp(0)).await {
                    epochs.push(claim.assignment.epoch);
                }
            }
            epochs
        })
    });
    let claimers: Vec<_> = claimers.collect();
    while claimers.iter().any(|claimer| !claimer.is_finished()) {
        node.freeze_for(Duration::from_millis(400)).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let mut all = Vec::new();
    for claimer in claimers {
        let epochs = claimer.await.unwrap();
        assert!(
            epochs.is_sorted_by(|one, next| one < next),
            "rising for each claimer"
        );
        all.extend(epochs);
    }
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count, "no epoch twice");
}
