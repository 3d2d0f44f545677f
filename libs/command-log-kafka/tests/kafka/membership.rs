//! What the group says, with both of its protocols.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

use crate::support::{PATIENCE, born, names, open, settings};
use card::PartitionId;
use command_log::{CommandLog, contract};
use command_log_kafka::{
    GroupProtocol, KafkaSettings, Membership, MembershipEvent, MembershipOptions, Revocation,
    TopicNames, TopicPlan, create_or_verify,
};
use test_servers::{KafkaCluster, KafkaOptions, shared_kafka};

const CLASSIC: GroupProtocol = GroupProtocol::Classic {
    session_timeout: Duration::from_secs(6),
    heartbeat: Duration::from_millis(200),
};

/// A member and what it holds.
struct Member {
    membership: Membership,
    events: mpsc::Receiver<MembershipEvent>,
    held: BTreeSet<PartitionId>,
}

impl Member {
    fn join(settings: &KafkaSettings, names: &TopicNames, protocol: GroupProtocol) -> Self {
        let options = MembershipOptions {
            protocol,
            ..MembershipOptions::default()
        };
        Self::join_with(settings, names, &options)
    }

    fn join_with(
        settings: &KafkaSettings,
        names: &TopicNames,
        options: &MembershipOptions,
    ) -> Self {
        let (membership, events) = Membership::join(settings, names, options).unwrap();
        Self {
            membership,
            events,
            held: BTreeSet::new(),
        }
    }

    async fn event(&mut self) -> MembershipEvent {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event
            .expect("the group says something")
            .expect("the member lives")
    }

    /// Takes events until it holds this many; says what it gave away.
    async fn until(&mut self, count: usize) -> BTreeSet<PartitionId> {
        let mut given = BTreeSet::new();
        while self.held.len() != count {
            match self.event().await {
                MembershipEvent::Assigned(partitions) => self.held.extend(partitions),
                MembershipEvent::Revoked(revocation) => given.extend(self.give(revocation)),
                event @ (MembershipEvent::Lost(_) | MembershipEvent::Failed(_)) => {
                    panic!("{event:?}")
                }
            }
        }
        given
    }

    fn give(&mut self, revocation: Revocation) -> Vec<PartitionId> {
        let partitions = revocation.partitions.clone();
        assert!(
            partitions
                .iter()
                .all(|partition| self.held.remove(partition))
        );
        revocation.released();
        partitions
    }
}

async fn hands_over_in_good_order(protocol: GroupProtocol) {
    let (names, _) = born(8).await;
    let settings = settings();
    let mut first = Member::join(&settings, &names, protocol);
    first.until(8).await;
    let mut second = Member::join(&settings, &names, protocol);
    let given = first.until(4).await;
    second.until(4).await;
    assert_eq!(given, second.held, "what one gave the other got");
    assert!(first.held.is_disjoint(&second.held));

    let leaving = second.membership.leave();
    let goes = async {
        let Some(MembershipEvent::Revoked(revocation)) = second.events.recv().await else {
            panic!("a member that leaves is asked to let go");
        };
        assert_eq!(revocation.partitions.len(), 4);
        revocation.released();
    };
    let (gained, (), ()) = tokio::join!(first.until(8), leaving, goes);
    assert_eq!(gained, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classic_members_hand_over_in_good_order() {
    hands_over_in_good_order(CLASSIC).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_the_new_protocol_hand_over_in_good_order() {
    hands_over_in_good_order(GroupProtocol::Consumer).await;
}

/// A handover goes on without an owner that hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handover_waits_for_its_owner_but_not_for_ever() {
    let (names, _) = born(4).await;
    let settings = settings();
    let options = MembershipOptions {
        protocol: CLASSIC,
        revoke_wait: Duration::from_secs(3),
        ..MembershipOptions::default()
    };
    let mut first = Member::join_with(&settings, &names, &options);
    first.until(4).await;
    let mut second = Member::join(&settings, &names, CLASSIC);
    let MembershipEvent::Revoked(held_back) = first.event().await else {
        panic!("a handover was due");
    };
    let quick = tokio::time::timeout(Duration::from_millis(300), second.until(2)).await;
    assert!(
        quick.is_err(),
        "the new owner came while the old one had not let go"
    );
    second.until(2).await;
    drop(held_back);
}

/// The broker forgets a member it does not hear: first to know is the member itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_without_its_group_has_lost_all() {
    let start = || KafkaCluster::start(KafkaOptions::default()).unwrap();
    let cluster = tokio::task::spawn_blocking(start).await.unwrap();
    let settings = KafkaSettings::new(&cluster.bootstrap(), "test").unwrap();
    let plan = TopicPlan {
        partition_count: 4,
        reply_partition_count: 1,
        replication_factor: 1,
        ..TopicPlan::new(names())
    };
    create_or_verify(&settings, &plan, None, PATIENCE)
        .await
        .unwrap();
    let protocol = GroupProtocol::Classic {
        session_timeout: Duration::from_secs(1),
        heartbeat: Duration::from_millis(200),
    };
    let mut member = Member::join(&settings, &plan.names, protocol);
    member.until(4).await;
    tokio::task::block_in_place(|| cluster.freeze(1).unwrap());
    let MembershipEvent::Lost(lost) = member.event().await else {
        panic!("the session is over");
    };
    assert_eq!(lost.len(), 4);
    member.held.clear();
    tokio::task::block_in_place(|| cluster.thaw(1).unwrap());
    member.until(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_are_seen_by_the_lag_tools() {
    let (names, id) = born(2).await;
    let log = open(&names, &id);
    for _ in 0..5 {
        log.append(contract::command(1, "x")).await.unwrap();
    }
    let mut member = Member::join(&settings(), &names, CLASSIC);
    member.until(2).await;
    member
        .membership
        .commit(&[(PartitionId(1), 3), (PartitionId(0), 1)]);
    member.membership.commit(&[(PartitionId(1), 4)]);
    let leaving = member.membership.leave();
    let goes = async { drop(member.events.recv().await) };
    tokio::join!(leaving, goes);

    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", shared_kafka())
        .set("group.id", names.processor_group());
    let reader: BaseConsumer = config.create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(&names.commands(), 0, 1);
    let committed = tokio::task::spawn_blocking(move || reader.committed_offsets(asked, PATIENCE));
    let committed = committed.await.unwrap().unwrap();
    let offsets: Vec<_> = committed.elements().iter().map(|e| e.offset()).collect();
    assert_eq!(offsets, [Offset::Offset(1), Offset::Offset(4)]);
}

/// Two processes with one name: the older one hears that it is out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_member_of_the_same_name_ends_the_first() {
    let (names, _) = born(2).await;
    let options = MembershipOptions {
        protocol: CLASSIC,
        instance_id: Some("processor-1".to_owned()),
        ..MembershipOptions::default()
    };
    let join = || Membership::join(&settings(), &names, &options).unwrap();
    let (_first, mut first) = join();
    let assigned = tokio::time::timeout(PATIENCE, first.recv()).await.unwrap();
    assert!(matches!(assigned, Some(MembershipEvent::Assigned(_))));
    let (_second, mut second) = join();
    let said = async {
        let mut said = Vec::new();
        while let Some(event) = first.recv().await {
            said.push(event);
        }
        said
    };
    let said = tokio::time::timeout(PATIENCE, said).await.unwrap();
    assert!(matches!(said[0], MembershipEvent::Lost(_)), "{said:?}");
    assert!(
        matches!(said.last(), Some(MembershipEvent::Failed(_))),
        "{said:?}"
    );
    let assigned = tokio::time::timeout(PATIENCE, second.recv()).await.unwrap();
    assert!(matches!(assigned, Some(MembershipEvent::Assigned(_))));
}
