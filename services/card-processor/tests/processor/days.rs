//! Settlement days: what a mark dates, what it sets aside, and what a crash leaves of it.

use std::sync::Arc;

use crate::support::{Bench, DAY, PARTITIONS, yuan};
use card::{Day, PartitionId};
use card_processor::{ControlTotals, PassedCut, append_mark};
use card_store::CardStore as _;
use command_log::CommandLog as _;
use command_log::envelope::Mark;

const NEXT: Day = Day(DAY.0 + 1);
const AFTER: Day = Day(DAY.0 + 2);

fn partitions() -> Vec<PartitionId> {
    (0..PARTITIONS).map(PartitionId).collect()
}

/// What was booked before the cut that opened a day, over all partitions.
async fn totals_at(bench: &Bench, opened: Day) -> ControlTotals {
    let mut all = ControlTotals::default();
    for partition in partitions() {
        let cut = first_cut(bench, partition, opened).await;
        let cut = cut.expect("it passed the cut");
        assert_eq!((cut.number, cut.day), (opened.0.into(), opened));
        all.add(&cut.totals);
    }
    all
}

async fn first_cut(bench: &Bench, partition: PartitionId, opened: Day) -> Option<PassedCut> {
    let days = bench.processor.days();
    days.first_cut(partition, opened.0.into()).await.unwrap()
}

async fn kept_count(bench: &Bench) -> usize {
    let mut count = 0;
    for partition in partitions() {
        let kept = bench.store.cut_totals(partition, 0, usize::MAX).await;
        count += kept.unwrap().len();
    }
    count
}

fn open_days(bench: &Bench) -> Vec<Day> {
    let marks = bench.processor.days().marks();
    marks.into_iter().map(|(_, marks)| marks.day).collect()
}

#[tokio::test]
async fn an_undo_keeps_its_day_until_that_is_frozen() {
    let bench = Bench::start().await;
    let days = bench.processor.days();
    bench.issue(1, yuan(100)).await;
    for trace in 1..=3 {
        bench.purchase(1, trace, yuan(10));
    }
    assert_eq!(bench.days(3).await, [DAY; 3]);
    days.cut(NEXT).await.unwrap();
    bench.purchase(1, 4, yuan(10));
    bench.reversal(1, (101, 1), yuan(10));
    assert_eq!(bench.days(2).await, [NEXT, DAY], "new work, and an undo");
    days.freeze(DAY).await.unwrap();
    bench.reversal(1, (102, 2), yuan(10));
    bench.reversal(1, (101, 1), yuan(10));
    assert_eq!(
        bench.days(2).await,
        [NEXT, DAY],
        "a frozen day takes no more; the stored answer stays what it was"
    );
    // A lower, an equal or a too high number is a no-op, and so is what comes with it.
    days.cut(NEXT).await.unwrap();
    days.cut(DAY).await.unwrap();
    days.freeze(NEXT).await.unwrap();
    bench.purchase(1, 5, yuan(10));
    bench.reversal(1, (104, 4), yuan(10));
    assert_eq!(bench.days(2).await, [NEXT; 2]);
    let marks = bench.processor.days().marks();
    assert!(marks.iter().all(|(_, marks)| marks.frozen_through == DAY));
    bench.stop().await;
}

#[tokio::test]
async fn every_cut_sets_the_totals_before_it_aside() {
    let bench = Bench::start().await;
    for card in 1..=20 {
        bench.issue(card, yuan(100)).await;
    }
    for card in 1..=20 {
        bench.purchase(card, 1, yuan(card.into()));
    }
    bench.outcomes(20).await;
    let (before, _) = bench.processor.totals();
    bench.processor.cut(NEXT).await.unwrap();
    for card in 1..=20 {
        bench.reversal(card, (101, 1), yuan(card.into()));
        bench.purchase(card, 2, yuan(1));
    }
    assert_eq!(bench.outcomes(40).await.len(), 40);
    assert_eq!(kept_count(&bench).await, 0, "no checkpoint was made yet");
    assert_eq!(totals_at(&bench, NEXT).await, before, "and yet it is told");
    bench.processor.checkpoint().await.unwrap();
    bench.processor.checkpoint().await.unwrap();
    let cuts = usize::from(PARTITIONS);
    assert_eq!(kept_count(&bench).await, 2 * cuts);
    bench.processor.cut(AFTER).await.unwrap();
    let (after, _) = bench.processor.totals();
    assert_ne!(after, before);
    // The last cut is in the log only: the fold sets it aside again, with the same bytes.
    let bench = bench.crash().await;
    for (opened, expected) in [
        (DAY, ControlTotals::default()),
        (NEXT, before),
        (AFTER, after),
    ] {
        assert_eq!(totals_at(&bench, opened).await, expected, "LEDGER-2");
    }
    bench.processor.checkpoint().await.unwrap();
    assert_eq!(kept_count(&bench).await, 3 * cuts);
    bench.stop().await;
}

#[tokio::test]
async fn a_cut_that_is_folded_again_is_the_same_cut() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    let starts = bench.store.checkpoints().await.unwrap();
    assert_eq!(starts, [], "everything is folded again");
    bench.purchase(1, 1, yuan(10));
    bench.outcomes(1).await;
    bench.processor.cut(NEXT).await.unwrap();
    bench.purchase(1, 2, yuan(10));
    bench.outcomes(1).await;
    let partition = bench.partition(1);
    let first = first_cut(&bench, partition, NEXT).await;
    // Kept, and then folded again from an older offset.
    let kept = first.as_ref().unwrap().to_kept(partition);
    bench.store.keep_cuts(std::slice::from_ref(&kept)).unwrap();
    let bench = bench.crash().await;
    bench.processor.checkpoint().await.unwrap();
    let again = bench.store.cut_totals(partition, NEXT.0.into(), 9).await;
    assert_eq!(again, Ok(vec![kept]));
    // And by another owner of the partition alone.
    let (bench, _) = bench.handed_over(1, &[]).await;
    assert_eq!(first_cut(&bench, partition, NEXT).await, first);
    bench.stop().await;
}

#[tokio::test]
async fn a_cut_that_was_cut_short_is_completed() {
    let bench = Bench::start().await;
    let half: Vec<PartitionId> = partitions().into_iter().step_by(2).collect();
    append_mark(&bench.log, &half, Mark::cut(NEXT))
        .await
        .unwrap();
    let bench = bench.crash().await;
    assert_eq!(
        open_days(&bench),
        [NEXT, DAY, NEXT, DAY, NEXT, DAY, NEXT, DAY],
        "some have it, some have not"
    );
    let ends = |bench: &Bench| -> Vec<u64> {
        let partitions = partitions().into_iter();
        partitions.map(|id| bench.log.end_offset(id)).collect()
    };
    let before = ends(&bench);
    bench.processor.cut(NEXT).await.unwrap();
    assert_eq!(open_days(&bench), [NEXT; 8]);
    let added: Vec<u64> = ends(&bench)
        .iter()
        .zip(&before)
        .map(|(a, b)| a - b)
        .collect();
    assert_eq!(added, [0, 1, 0, 1, 0, 1, 0, 1], "only where it was missing");
    // Several that cut at once do no harm.
    let days = Arc::new(bench.processor.days());
    let all: Vec<_> = (0..4)
        .map(|_| {
            let days = Arc::clone(&days);
            tokio::spawn(async move { days.cut(AFTER).await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(open_days(&bench), [AFTER; 8]);
    bench.processor.checkpoint().await.unwrap();
    assert_eq!(kept_count(&bench).await, 3 * usize::from(PARTITIONS));
    bench.stop().await;
}
