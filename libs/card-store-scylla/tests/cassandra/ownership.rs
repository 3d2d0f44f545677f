//! Claims, stops and skips.

use crate::support::{fresh_partition, session};
use card::{PartitionId, Timestamp};
use card_store_scylla::{
    Assignment, Claim, Epoch, OwnerStatus, Ownership, OwnershipError, Skip, SkipError, Skips, Term,
};

const AT: Timestamp = Timestamp(1_700_000_000_000);

async fn ownership() -> Ownership {
    Ownership::open(session().await).await.unwrap()
}

async fn claim(ownership: &Ownership, partition: PartitionId, owner: &str) -> Assignment {
    let Claim { assignment } = ownership.claim(partition, owner, AT).await.unwrap();
    assignment
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_claim_has_a_higher_epoch() {
    let (ownership, partition) = (ownership().await, fresh_partition());
    assert_eq!(ownership.owner(partition).await, Ok(None));
    for epoch in 1..=4 {
        let expected = Assignment {
            partition,
            term: Term::FIRST,
            epoch: Epoch(epoch),
        };
        let owner = format!("processor-{epoch}");
        assert_eq!(claim(&ownership, partition, &owner).await, expected);
        let row = ownership.owner(partition).await.unwrap().unwrap();
        assert_eq!((row.assignment, row.owner), (expected, owner));
        assert_eq!((row.claimed_at, row.status), (AT, OwnerStatus::Owned));
    }
}

/// STORE-4: eight processes that all want one partition get eight epochs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_in_parallel_are_all_different() {
    const CLAIMERS: u16 = 8;
    const CLAIMS: u16 = 3;
    let (ownership, partition) = (ownership().await, fresh_partition());
    let claimers = (0..CLAIMERS).map(|number| {
        let ownership = ownership.clone();
        tokio::spawn(async move {
            let mut epochs = Vec::new();
            for _ in 0..CLAIMS {
                epochs.push(
                    claim(&ownership, partition, &format!("processor-{number}"))
                        .await
                        .epoch,
                );
            }
            assert!(
                epochs.is_sorted_by(|one, next| one < next),
                "rising for each claimer"
            );
            epochs
        })
    });
    let mut all = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        all.extend(claimer.await.unwrap());
    }
    all.sort_unstable();
    let expected: Vec<Epoch> = (1..=CLAIMERS * CLAIMS).map(Epoch).collect();
    assert_eq!(all, expected, "no epoch twice, none left out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_present_owner_changes_its_row() {
    let (ownership, partition) = (ownership().await, fresh_partition());
    let old = claim(&ownership, partition, "processor-1").await;
    ownership
        .mark_stopped(old, 41, "three panics")
        .await
        .unwrap();
    let stopped = OwnerStatus::Stopped {
        offset: 41,
        reason: "three panics".to_owned(),
    };
    let listed = ownership.owners().await.unwrap();
    assert!(listed.is_sorted_by_key(|row| row.assignment.partition));
    assert!(
        listed
            .iter()
            .any(|row| row.assignment == old && row.status == stopped)
    );

    let new = claim(&ownership, partition, "processor-2").await;
    let status = async || ownership.owner(partition).await.unwrap().unwrap().status;
    assert_eq!(status().await, OwnerStatus::Owned, "a claim starts afresh");
    let late = ownership.mark_stopped(old, 42, "late").await;
    assert_eq!(late, Err(OwnershipError::Superseded(old, new)));
    assert_eq!(
        ownership.release(old).await,
        Err(OwnershipError::Superseded(old, new))
    );
    assert_eq!(status().await, OwnerStatus::Owned);
    ownership.release(new).await.unwrap();
    ownership.release(new).await.unwrap();
    assert_eq!(status().await, OwnerStatus::Released);
}

fn skip(stopped: Assignment, offset: u64, approved_by: &str) -> Skip {
    Skip {
        stopped,
        offset,
        reason: "cannot be decoded".to_owned(),
        asked_by: "lin".to_owned(),
        approved_by: approved_by.to_owned(),
        at: AT,
    }
}

/// OWN-5: two people, and the very epoch and record at which the partition stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skip_names_what_stopped() {
    let (ownership, partition) = (ownership().await, fresh_partition());
    let skips = Skips::open(session().await, ownership.clone())
        .await
        .unwrap();
    let stranger = Assignment {
        partition,
        term: Term::FIRST,
        epoch: Epoch(1),
    };
    let not_stopped = Err(SkipError::NotStopped(partition));
    assert_eq!(
        skips.add(&skip(stranger, 41, "wang")).await,
        not_stopped,
        "never owned"
    );
    claim(&ownership, partition, "processor-1").await;
    let owner = claim(&ownership, partition, "processor-2").await;
    assert_eq!(
        skips.add(&skip(owner, 41, "wang")).await,
        not_stopped,
        "works"
    );
    ownership
        .mark_stopped(owner, 41, "three panics")
        .await
        .unwrap();

    let elsewhere = Err(SkipError::StoppedElsewhere {
        found: owner,
        offset: 41,
    });
    assert_eq!(
        skips.add(&skip(owner, 42, "wang")).await,
        elsewhere,
        "another record"
    );
    assert_eq!(
        skips.add(&skip(stranger, 41, "wang")).await,
        elsewhere,
        "an earlier epoch"
    );
    let one_person = skips.add(&skip(owner, 41, "Lin ")).await;
    assert_eq!(one_person, Err(SkipError::OnePerson("lin".to_owned())));
    assert_eq!(
        skips.of_partition(partition).await,
        Ok(Vec::new()),
        "nothing was recorded"
    );

    let good = skip(owner, 41, "wang");
    skips.add(&good).await.unwrap();
    skips.add(&good).await.unwrap();
    let other = skips.add(&skip(owner, 41, "zhao")).await;
    assert!(matches!(
        other,
        Err(SkipError::AlreadySkipped { offset: 41, .. })
    ));
    let next = claim(&ownership, partition, "processor-1").await;
    ownership.mark_stopped(next, 17, "again").await.unwrap();
    let second = skip(next, 17, "wang");
    skips.add(&second).await.unwrap();
    assert_eq!(
        skips.of_partition(partition).await,
        Ok(vec![second, good]),
        "by offset"
    );
}
