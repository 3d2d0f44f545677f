//! From where a partition is folded again, between owners.

use crate::support::{
    ByHand, assignment, fresh_card, fresh_partition, own_settings, session, store_at,
};
use card::PartitionId;
use card_store::contract::offsets;
use card_store::{CardStore as _, StoreError, WriteError};
use card_store_scylla::{AssignError, AssignedStore, CqlSession, Ended, ScyllaReader};

fn keep(store: &AssignedStore, next_offset: u64) -> Result<(), WriteError> {
    let made = [offsets(store.assignment().partition.0, next_offset)];
    store.checkpoint(store.freeze(), &made)
}

async fn kept(store: &AssignedStore) -> Vec<u64> {
    let made = store.checkpoints().await.unwrap();
    made.into_iter().map(|made| made.next_offset).collect()
}

/// A superseded owner may be ahead in the log, but its cards lost, so its offset must not win.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_checkpoint_of_an_earlier_owner_loses() {
    let (session, partition) = (session().await, fresh_partition());
    let old = store_at(&session, partition, 1).await;
    keep(&old, 50).unwrap();
    let new = store_at(&session, partition, 2).await;
    for late in [40, 100] {
        keep(&old, late).unwrap();
        assert_eq!(kept(&new).await, [50], "before its own first checkpoint");
    }
    keep(&new, 70).unwrap();
    keep(&old, 200).unwrap();
    assert_eq!(kept(&new).await, [70]);
    assert!(matches!(
        old.checkpoints().await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(old.ended().is_ended());
    assert!(matches!(keep(&old, 300), Err(WriteError::Stopped(_))));
    assert_eq!(kept(&store_at(&session, partition, 3).await).await, [70]);
}

/// Also when the earlier owner had not made any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_first_checkpoint_loses() {
    let (session, partition) = (session().await, fresh_partition());
    let old = store_at(&session, partition, 1).await;
    let new = store_at(&session, partition, 2).await;
    keep(&old, 100).unwrap();
    assert_eq!(kept(&new).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_owner_cannot_begin() {
    let (session, partition) = (session().await, fresh_partition());
    let new = store_at(&session, partition, 2).await;
    let ended = Ended::new();
    let old = AssignedStore::for_assignment(session, assignment(partition, 1), ended.clone()).await;
    assert!(matches!(old, Err(AssignError::Superseded(_))));
    assert!(ended.is_ended());
    assert!(!new.ended().is_ended());
}

/// The same assignment, opened again in the same process, goes on counting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_owner_goes_on() {
    let (session, partition) = (session().await, fresh_partition());
    let store = store_at(&session, partition, 1).await;
    for next_offset in [5, 6, 7] {
        keep(&store, next_offset).unwrap();
    }
    let again = store_at(&session, partition, 1).await;
    assert_eq!(kept(&again).await, [7]);
    keep(&again, 8).unwrap();
    assert_eq!(kept(&again).await, [8]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_all_partitions_in_order() {
    let session = session().await;
    let partitions = [(); 3].map(|()| fresh_partition());
    for partition in partitions.iter().rev() {
        let store = store_at(&session, *partition, 1).await;
        keep(&store, u64::from(partition.0)).unwrap();
    }
    let unmade = store_at(&session, fresh_partition(), 1)
        .await
        .assignment()
        .partition;
    let all = ScyllaReader::new(session).checkpoints().await.unwrap();
    assert!(all.is_sorted_by(|one, next| one.partition < next.partition));
    for partition in partitions {
        assert!(all.contains(&offsets(partition.0, u64::from(partition.0))));
    }
    assert!(all.iter().all(|made| made.partition != unmade));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_partitions_are_refused() {
    let (session, partition) = (session().await, fresh_partition());
    let store = store_at(&session, partition, 1).await;
    let foreign = [offsets(partition.0, 1), offsets(PartitionId(1).0, 1)];
    assert!(matches!(
        store.checkpoint(store.freeze(), &foreign),
        Err(WriteError::Stopped(_))
    ));
    assert_eq!(kept(&store).await, [0; 0], "all or nothing");
}

/// A checkpoint that was moved by hand would win over all later ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_changed_by_hand_is_damaged() {
    let settings = own_settings().await;
    let session = CqlSession::connect(&settings).await.unwrap();
    let by_hand = ByHand::new(&settings).await;
    for change in [
        "next_offset = 9",
        "number = 1",
        "context = 0x01",
        "epoch = 7",
    ] {
        let partition = fresh_partition();
        let store = store_at(&session, partition, 1).await;
        keep(&store, 5).unwrap();
        let cql = format!(
            "UPDATE {{keyspace}}.partition_checkpoints SET {change} WHERE partition = {partition}"
        );
        by_hand.run(&cql, fresh_card()).await;
        let next =
            AssignedStore::for_assignment(session.clone(), assignment(partition, 9), Ended::new())
                .await;
        assert!(
            matches!(next, Err(AssignError::Store(StoreError::Damaged(_)))),
            "{change}: {next:?}"
        );
    }
    let all = ScyllaReader::new(session).checkpoints().await;
    assert!(matches!(all, Err(StoreError::Damaged(_))));
}
