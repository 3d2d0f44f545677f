//! One owner of a partition after another, on the same log and store: what the cluster does at each
//! assignment.

use crate::support::{Bench, card, yuan};
use card::{DeclineReason, Outcome, Position};
use card_store::CardStore as _;
use command_log::CommandLog as _;

const APPROVED: Outcome = Outcome::Approved;

#[tokio::test]
async fn what_was_decided_before_is_released_again_with_the_same_answer() {
    let first = Bench::start().await;
    first.issue(1, yuan(100)).await;
    for trace in 1..=3 {
        first.purchase(1, trace, yuan(40));
    }
    first.until(|| first.replies.taken().len() == 3).await;
    let (answers, before) = (first.replies.taken(), first.card(1).await);
    let (totals, _) = first.processor.totals();

    let next = first.owner_of(1, &[]).await;
    next.until(|| next.replies.taken().len() == 4).await;
    assert_eq!(next.replies.taken()[1..], answers, "LOG-3: the stored ones");
    assert_eq!(next.card(1).await, before, "nothing was decided twice");
    let (again, _) = next.processor.totals();
    assert_eq!(again, totals, "LEDGER-2: control totals are whole");

    next.purchase(1, 9, yuan(20));
    next.until(|| next.replies.taken().len() == 5).await;
    assert_eq!(next.replies.taken()[4].outcome, APPROVED);
}

#[tokio::test]
async fn a_handover_under_load_loses_no_answer() {
    let first = Bench::start().await;
    first.issue(1, yuan(5_000)).await;
    for trace in 1..=500 {
        first.purchase(1, trace, yuan(1));
    }
    tokio::task::yield_now().await;
    let (next, answered) = first.handed_over(1, &[]).await;
    let count = || next.replies.taken().len();
    next.until(|| count() + answered >= 500).await;
    assert_eq!(count() + answered, 500, "each is answered once");
    let answers = next.replies.taken();
    assert!(answers.iter().all(|reply| reply.outcome == APPROVED));
    assert_eq!(next.card(1).await.version().0, 501);
}

#[tokio::test]
async fn the_decisions_of_a_hot_card_go_out_together() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(5_000)).await;
    let before = bench.writes();
    for trace in 1..=500 {
        bench.purchase(1, trace, yuan(1));
    }
    bench.outcomes(500).await;
    let writes = bench.writes() - before;
    assert!(writes < 100, "STORE-2: {writes} writes for 500 decisions");
    let rows = bench.store.rows_back(card(1), None, 1_000).await.unwrap();
    assert_eq!(rows.len(), 501, "CARD-6: one row each");
    bench.stop().await;
}

#[tokio::test]
async fn a_skipped_command_is_not_decided_and_holds_nothing_up() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    let partition = bench.partition(1);
    let poison = Position {
        partition,
        offset: bench.log.end_offset(partition),
    };
    let (next, _) = bench.handed_over(1, &[poison]).await;
    next.purchase(1, 1, yuan(60));
    next.purchase(1, 2, yuan(50));
    next.purchase(1, 3, yuan(60));
    let declined = Outcome::Declined(DeclineReason::InsufficientFunds);
    assert_eq!(next.outcomes(2).await, [APPROVED, declined]);
    let passed = next.processor.watermarks();
    assert_eq!(passed, [(partition, poison.offset + 3)]);
}
