//! The processor over in-memory log and store: nothing leaves before it is durable, a crash loses
//! nothing and invents nothing, a crashing card does not take others with it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{Bench, COMMAND, Faults, card, fen, rules, yuan};
use card::{DeclineReason, Outcome, PartitionId, Timestamp};
use card_processor::StopReason;
use card_store::CardStore as _;
use command_log::CommandLog as _;
use command_log::memory::MEMORY_LOG_START;

#[tokio::test]
async fn a_purchase_is_answered_once_it_is_durable_and_not_before() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    bench.log.hold_durability();
    bench.purchase(1, 1, yuan(30));
    // Something later, on the same log, is decided: the purchase has been, too. It is not told.
    bench.decided(2).await;
    assert_eq!(
        bench.replies.taken(),
        [],
        "OWN-2: no reply before the log is synced"
    );
    bench.log.release_durability();
    assert_eq!(bench.outcomes(1).await, [Outcome::Approved]);
    bench.stop().await;
}

#[tokio::test]
async fn an_overspend_is_declined_and_an_equal_request_gets_the_stored_answer() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    bench.purchase(1, 1, yuan(60));
    bench.purchase(1, 2, yuan(60));
    bench.purchase(1, 1, yuan(60));
    let declined = Outcome::Declined(DeclineReason::InsufficientFunds);
    assert_eq!(
        bench.outcomes(3).await,
        [Outcome::Approved, declined, Outcome::Approved]
    );
    let card = bench.card(1).await;
    assert_eq!((card.posted(), card.version().0), (yuan(40), 3));
    bench.stop().await;
}

#[tokio::test]
async fn a_crash_keeps_what_was_answered_and_folds_to_the_same_rows() {
    let bench = Bench::start().await;
    for card in 1..=20 {
        bench.issue(card, yuan(100)).await;
    }
    for trace in 0..200 {
        bench.purchase(1 + trace % 20, trace, yuan(1));
    }
    assert_eq!(bench.outcomes(200).await.len(), 200);
    let before = bench.card(7).await;
    let (totals, _) = bench.processor.totals();
    let bench = bench.crash().await;
    assert!(bench.processor.recovery().command_count >= 220);
    assert_eq!(
        bench.card(7).await,
        before,
        "the same fold gives the same card, hash included"
    );
    assert_eq!(
        bench.processor.totals().0,
        totals,
        "LEDGER-2: control totals come back"
    );
    bench.purchase(7, 6, yuan(1));
    assert_eq!(
        bench.outcomes(1).await,
        [Outcome::Approved],
        "the stored answer survives"
    );
    assert_eq!(bench.card(7).await, before, "and nothing was booked twice");
    bench.stop().await;
}

#[tokio::test]
async fn a_checkpoint_shortens_the_next_recovery_and_keeps_totals() {
    let bench = Bench::start().await;
    for card in 1..=5 {
        bench.issue(card, yuan(100)).await;
    }
    bench.processor.checkpoint().await.unwrap();
    bench.purchase(3, 1, yuan(5));
    bench.outcomes(1).await;
    let (totals, context) = bench.processor.totals();
    let bench = bench.crash().await;
    assert_eq!(
        bench.processor.recovery().command_count,
        1,
        "only what came after"
    );
    assert_eq!(
        bench.processor.totals(),
        (totals, context),
        "LOG-5: context and totals restored"
    );
    bench.stop().await;
}

#[tokio::test]
async fn states_ahead_of_the_offsets_are_not_decided_again() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    bench.purchase(1, 1, yuan(10));
    bench.outcomes(1).await;
    let (totals, _) = bench.processor.totals();
    let before = bench.card(1).await;
    // A checkpoint that tells offsets from before the last decisions, as one made at work does.
    let frozen = bench.store.freeze();
    let starts: Vec<_> = bench.store.checkpoints().await.unwrap();
    bench.store.checkpoint(frozen, &starts).unwrap();
    let bench = bench.crash().await;
    assert_eq!(
        bench.card(1).await,
        before,
        "LOG-3: at or below the applied position"
    );
    assert_eq!(
        bench.processor.totals().0,
        totals,
        "what it booked is read from its row"
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_decision_that_differs_from_the_first_fold_refuses_the_start() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    bench.log.hold_durability();
    bench.purchase(1, 1, yuan(10));
    bench.decided(2).await;
    let records = bench.log.records();
    let last = records
        .iter()
        .rfind(|record| record.kind == COMMAND)
        .unwrap();
    bench.log.witness(&[(last.position, 42)]); // The first digest counts.
    bench.log.release_durability();
    bench.outcomes(1).await;
    let error = bench.crash_to_error().await.to_string();
    assert!(
        error.contains("differs from the one made before"),
        "{error}"
    );
}

#[tokio::test]
async fn an_actor_that_crashes_twice_goes_on_and_the_third_time_stops_its_partition() {
    let faults = Arc::new(Faults::default());
    let bench = Bench::start_with(Arc::clone(&faults)).await;
    bench.issue(1, yuan(100)).await;
    bench.issue(2, yuan(100)).await;
    faults.panics.store(2, Ordering::SeqCst);
    faults.set_card(card(1));
    bench.purchase(1, 1, yuan(10));
    assert_eq!(
        bench.outcomes(1).await,
        [Outcome::Approved],
        "reloaded, then decided once"
    );
    assert_eq!(bench.card(1).await.posted(), yuan(90));
    faults.panics.store(100, Ordering::SeqCst);
    bench.purchase(1, 2, yuan(10));
    let partition = bench.partition(1);
    bench
        .until(|| !bench.processor.gates().is_open(partition))
        .await;
    let stopped = bench.processor.stopped();
    assert!(
        matches!(stopped[..], [(id, StopReason::Poison(_))] if id == partition),
        "{stopped:?}"
    );
    assert_ne!(
        bench.partition(2),
        partition,
        "the other card lives elsewhere"
    );
    bench.purchase(2, 1, yuan(10));
    assert_eq!(
        bench.outcomes(1).await,
        [Outcome::Approved],
        "and goes on (OWN-5)"
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_write_of_unknown_outcome_is_made_again_before_anything_is_released() {
    let faults = Arc::new(Faults::default());
    let bench = Bench::start_with(Arc::clone(&faults)).await;
    bench.issue(1, yuan(100)).await;
    faults.set_card(card(1));
    faults.unknown.store(5, Ordering::SeqCst);
    bench.purchase(1, 1, yuan(10));
    bench.purchase(1, 2, yuan(10));
    assert_eq!(bench.outcomes(2).await, [Outcome::Approved; 2]);
    assert_eq!(faults.unknown.load(Ordering::SeqCst), 0);
    let card = bench.card(1).await;
    assert_eq!(
        (card.posted(), card.version().0),
        (yuan(80), 3),
        "STORE-3: each booked once"
    );
    bench.stop().await;
}

#[tokio::test]
async fn a_damaged_card_stops_alone() {
    let faults = Arc::new(Faults::default());
    let bench = Bench::start_with(Arc::clone(&faults)).await;
    bench.issue(1, yuan(100)).await;
    bench.issue(2, yuan(100)).await;
    faults.damaged.store(true, Ordering::SeqCst);
    faults.set_card(card(1));
    let bench = bench.reopen(faults).await;
    bench.purchase(1, 1, yuan(10));
    bench.purchase(2, 1, yuan(10));
    assert_eq!(
        bench.outcomes(1).await,
        [Outcome::Approved],
        "the other card answers"
    );
    assert_eq!(
        bench.processor.outstanding_count(),
        1,
        "the damaged one waits for an operator"
    );
}

#[tokio::test]
async fn more_live_cards_than_allowed_are_passivated_and_come_back() {
    let bench = Bench::start().await;
    for card in 1..=50 {
        bench.issue(card, yuan(100)).await;
    }
    for round in 0..3 {
        for card in 1..=50 {
            bench.purchase(card, round, yuan(1));
        }
        assert!(
            bench
                .outcomes(50)
                .await
                .iter()
                .all(|outcome| outcome.is_approved())
        );
    }
    for card in 1..=50 {
        assert_eq!(bench.card(card).await.posted(), yuan(97));
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_hot_card_with_more_commands_than_credits_is_decided_in_order() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(1_000)).await;
    for trace in 0..3_000 {
        bench.purchase(1, trace, fen(1));
    }
    let outcomes = bench.outcomes(3_000).await;
    assert!(outcomes.iter().all(|outcome| outcome.is_approved()));
    let versions = bench.replies.versions();
    assert!(versions.is_sorted(), "released in version order");
    bench.stop().await;
}

#[tokio::test]
async fn when_the_log_stops_nothing_more_is_released() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    bench.log.hold_durability();
    bench.purchase(1, 1, yuan(10));
    bench.decided(2).await;
    bench.log.stop("sync failed");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(bench.replies.taken(), []);
    assert!(
        bench.processor.checkpoint().await.is_err(),
        "nor made durable in the store"
    );
}

#[tokio::test]
async fn rules_that_drop_a_programme_or_change_its_kind_are_refused() {
    let bench = Bench::start().await;
    let mut changed = rules();
    for programme in changed.programmes.values_mut() {
        programme.kind = card::CardKind::Anonymous;
    }
    let error = bench
        .processor
        .install_rules(&changed)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("programme 1 changed its kind"), "{error}");
    changed.programmes.clear();
    let error = bench
        .processor
        .install_rules(&changed)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("programme 1 has been in force"), "{error}");
    bench.stop().await;
}

#[tokio::test]
async fn a_gap_in_the_log_stops_the_partition() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    let partition = bench.partition(1);
    let mut checkpoints = bench.store.checkpoints().await.unwrap();
    let frozen = bench.store.freeze();
    checkpoints
        .iter_mut()
        .for_each(|kept| kept.next_offset += u64::from(kept.partition == partition) * 1_000);
    if checkpoints.is_empty() {
        bench.processor.checkpoint().await.unwrap();
        checkpoints = bench.store.checkpoints().await.unwrap();
        checkpoints
            .iter_mut()
            .for_each(|kept| kept.next_offset += 1_000);
    }
    bench.store.checkpoint(frozen, &checkpoints).unwrap();
    let partitions: Vec<PartitionId> = checkpoints.iter().map(|kept| kept.partition).collect();
    assert!(partitions.contains(&partition));
    let bench_error = tokio::time::timeout(Duration::from_secs(5), bench.crash_to_error()).await;
    assert!(
        bench_error.is_ok(),
        "an offset beyond the log's end is another log: refused"
    );
}

#[tokio::test]
async fn a_log_whose_clock_leapt_is_not_believed() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(100)).await;
    let before = bench.card(1).await;
    let minutes = |count: i64| Timestamp(MEMORY_LOG_START.0 + count * 60_000);
    bench.log.set_time(minutes(4));
    bench.purchase(1, 1, yuan(1));
    assert_eq!(bench.outcomes(1).await, [Outcome::Approved]);
    bench.log.set_time(minutes(10 * 365 * 24 * 60));
    bench.purchase(1, 2, yuan(1));
    bench.until(|| !bench.processor.stopped().is_empty()).await;
    let (_, reason) = bench.processor.stopped().remove(0);
    assert!(matches!(reason, StopReason::ClockAhead(_)), "{reason}");
    assert_eq!(
        bench.card(1).await.version().0,
        before.version().0 + 1,
        "LOG-5: it reached no card"
    );
    // OWN-5: an operator gets past it, and what it asked is not done.
    let (_, reason) = bench.processor.stopped().remove(0);
    let leapt = reason.position().unwrap();
    let next = bench.owner_of(1, &[leapt]).await;
    next.until(|| next.processor.watermarks() == [(leapt.partition, leapt.offset + 1)])
        .await;
    assert_eq!(next.processor.stopped(), []);
    assert_eq!(next.card(1).await.version().0, before.version().0 + 1);
}

/// LOG-5: a command is decided by the rules in front of it in the log, also when it is decided after
/// others were installed, and again after a crash.
#[tokio::test]
async fn changed_rules_hold_from_their_barrier_on() {
    let bench = Bench::start().await;
    bench.issue(1, yuan(1_000)).await;
    let mut changed = rules();
    for programme in changed.programmes.values_mut() {
        programme.limits.day_amount = Some(yuan(100));
    }
    bench.purchase(1, 1, yuan(60));
    bench.purchase(1, 2, yuan(60)); // In flight while the rules change.
    bench.processor.install_rules(&changed).await.unwrap();
    bench.purchase(1, 3, yuan(1)); // What was spent before the limit counts.
    let declined = Outcome::Declined(DeclineReason::OverLimit);
    assert_eq!(
        bench.outcomes(3).await,
        [Outcome::Approved, Outcome::Approved, declined]
    );
    let bench = bench.crash().await; // Folds again, and compares.
    assert_eq!(bench.card(1).await.posted(), yuan(880));
    bench.stop().await;
}

#[tokio::test]
async fn rules_that_are_in_force_get_no_second_barrier() {
    let bench = Bench::start().await;
    let partition = bench.partition(1);
    let records = || bench.log.records();
    let of_partition = |record: &command_log::LogRecord| record.position.partition == partition;
    let end = || {
        records()
            .iter()
            .filter(|record| of_partition(record))
            .count()
    };
    let before = end();
    bench.processor.install_rules(&rules()).await.unwrap();
    assert_eq!(end(), before);
    let mut changed = rules();
    for programme in changed.programmes.values_mut() {
        programme.blocked_categories = vec![6_011];
    }
    bench.processor.install_rules(&changed).await.unwrap();
    assert_eq!(end(), before + 1);
    bench.stop().await;
}
