//! What was booked before each cut, between owners.

use bytes::Bytes;

use crate::support::{
    ByHand, assignment, fresh_card, fresh_partition, own_settings, session, store_at,
};
use card::PartitionId;
use card_store::{CardStore as _, CutTotals, StoreError, WriteError};
use card_store_scylla::{CqlSession, ScyllaReader};

fn cut(partition: PartitionId, number: u64) -> CutTotals {
    CutTotals {
        partition,
        number,
        offset: number * 10,
        totals: Bytes::from(format!("totals {partition} {number}")),
    }
}

/// A cut that two owners folded is one cut, and every reader sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_owner_keeps_the_same_cut() {
    let (session, partition) = (session().await, fresh_partition());
    let old = store_at(&session, partition, 1).await;
    old.keep_cuts(&[cut(partition, 7)]).unwrap();
    let new = store_at(&session, partition, 2).await;
    new.keep_cuts(&[cut(partition, 7), cut(partition, 8)])
        .unwrap();
    old.keep_cuts(&[cut(partition, 7)]).unwrap(); // Late.
    let expected = Ok(vec![cut(partition, 7), cut(partition, 8)]);
    assert_eq!(new.cut_totals(partition, 0, 9).await, expected);
    let reader = ScyllaReader::new(session);
    assert_eq!(reader.cut_totals(partition, 7, 9).await, expected);
    let second = Ok(vec![cut(partition, 8)]);
    assert_eq!(reader.cut_totals(partition, 8, 1).await, second);
    assert!(matches!(
        reader.keep_cuts(&[cut(partition, 9)]),
        Err(WriteError::Stopped(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_of_other_partitions_are_refused() {
    let (session, partition) = (session().await, fresh_partition());
    let store = store_at(&session, partition, 1).await;
    let foreign = [cut(partition, 1), cut(fresh_partition(), 1)];
    assert!(matches!(
        store.keep_cuts(&foreign),
        Err(WriteError::Stopped(_))
    ));
    assert_eq!(store.cut_totals(partition, 0, 9).await, Ok(Vec::new()));
    store.ended().end();
    assert!(matches!(
        store.keep_cuts(&[cut(partition, 1)]),
        Err(WriteError::Stopped(_))
    ));
}

/// A float of the past that somebody wrote by hand is nobody's float.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_changed_by_hand_is_damaged() {
    let settings = own_settings().await;
    let session = CqlSession::connect(&settings).await.unwrap();
    let by_hand = ByHand::new(&settings).await;
    for change in ["totals = 0x01", "cut_offset = 9", "epoch = 7"] {
        let partition = fresh_partition();
        let store = store_at(&session, partition, 1).await;
        assert_eq!(store.assignment(), assignment(partition, 1));
        store.keep_cuts(&[cut(partition, 7)]).unwrap();
        let cql = format!(
            "UPDATE {{keyspace}}.cut_totals SET {change} WHERE partition = {partition} AND number = 7"
        );
        by_hand.run(&cql, fresh_card()).await;
        let found = store.cut_totals(partition, 0, 9).await;
        assert!(
            matches!(found, Err(StoreError::Damaged(_))),
            "{change}: {found:?}"
        );
    }
}
