//! Cases about cuts: kept for ever, in their order, whatever is kept again.

use bytes::Bytes;

use super::{Place, checkpoint, offsets};
use crate::port::{CardStore, CutTotals};
use card::PartitionId;

pub(super) async fn run<P: Place>(place: &P) {
    cuts_of_partitions_are_apart(place).await;
    kept_cuts_outlive_a_crash(place).await;
}

pub(super) async fn run_visible<P: Place>(place: &P) {
    cuts_are_listed_in_their_order(place).await;
    a_cut_kept_again_is_kept_once(place).await;
}

/// Totals whose bytes tell partition and number.
fn cut(partition: u16, number: u64) -> CutTotals {
    CutTotals {
        partition: PartitionId(partition),
        number,
        offset: number * 10,
        totals: Bytes::from(format!("totals {partition} {number}")),
    }
}

async fn numbers(store: &impl CardStore, partition: u16, from: u64, max: usize) -> Vec<u64> {
    let listed = store.cut_totals(PartitionId(partition), from, max).await;
    let listed = listed.expect("list cuts");
    for found in &listed {
        assert_eq!(*found, cut(partition, found.number), "bytes of a cut");
    }
    listed.into_iter().map(|found| found.number).collect()
}

async fn cuts_are_listed_in_their_order<P: Place>(place: &P) {
    let store = place.create();
    assert_eq!(numbers(&store, 3, 0, 9).await, [0; 0], "none yet");
    store.keep_cuts(&[cut(3, 300)]).expect("keep a cut");
    store
        .keep_cuts(&[cut(3, 2), cut(3, 256)])
        .expect("keep cuts");
    store.keep_cuts(&[]).expect("keep no cuts");
    for (from, max, expected) in [
        (0, 9, &[2, 256, 300][..]),
        (2, 1, &[2]),
        (3, 1, &[256]),
        (300, 9, &[300]),
        (301, 9, &[]),
        (u64::MAX, 9, &[]),
        (0, 0, &[]),
    ] {
        let found = numbers(&store, 3, from, max).await;
        assert_eq!(found, expected, "{max} cuts from {from}");
    }
}

async fn cuts_of_partitions_are_apart<P: Place>(place: &P) {
    let store = place.create();
    store
        .keep_cuts(&[cut(300, 2), cut(4, 1), cut(3, 7)])
        .expect("keep cuts");
    for (partition, expected) in [(3, &[7][..]), (4, &[1]), (300, &[2]), (5, &[])] {
        assert_eq!(numbers(&store, partition, 0, 9).await, expected);
    }
}

async fn a_cut_kept_again_is_kept_once<P: Place>(place: &P) {
    let store = place.create();
    for _ in 0..2 {
        store.keep_cuts(&[cut(3, 7)]).expect("keep a cut");
    }
    assert_eq!(numbers(&store, 3, 0, 9).await, [7]);
}

async fn kept_cuts_outlive_a_crash<P: Place>(place: &P) {
    let store = place.create();
    store.keep_cuts(&[cut(3, 7), cut(4, 7)]).expect("keep cuts");
    checkpoint(&store, &[offsets(3, 71), offsets(4, 71)]);
    store.keep_cuts(&[cut(3, 8)]).expect("keep a cut");
    checkpoint(&store, &[offsets(3, 81)]);
    let store = place.crash(store);
    assert_eq!(numbers(&store, 3, 0, 9).await, [7, 8]);
    assert_eq!(numbers(&store, 4, 0, 9).await, [7]);
}
