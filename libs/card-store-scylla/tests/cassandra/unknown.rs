//! Requests and answers that get lost on the way, and answers that say little.
//!
//! A proxy between driver and node loses or forges them, one at a time.

use std::net::SocketAddr;
use std::time::Duration;

use scylla_proxy::{
    Condition, Node as ProxiedNode, Proxy, Reaction as _, RequestOpcode, RequestReaction,
    RequestRule, ResponseOpcode, ResponseReaction, ResponseRule, RunningProxy, ShardAwareness,
    get_exclusive_local_address,
};

use crate::faults::Node;
use crate::support::{fresh_card, fresh_partition, store_at};
use card::Timestamp;
use card_store::contract::{decision, offsets, row};
use card_store::{CardStore as _, WriteError};
use card_store_scylla::{CqlSession, Epoch, OwnerStatus, Ownership};
use test_servers::CassandraOptions;

/// A node that every driver reaches through a proxy, because it says that it is at the proxy's
/// address.
struct Lossy {
    node: Node,
    proxy: RunningProxy,
}

impl Lossy {
    async fn start() -> Self {
        let address = get_exclusive_local_address();
        let settings = vec![("broadcast_rpc_address".to_owned(), address.to_string())];
        let mut node = Node::start_with(CassandraOptions {
            settings,
            ..CassandraOptions::default()
        })
        .await;
        let real: SocketAddr = node.settings.contact_points[0].parse().unwrap();
        let address = SocketAddr::new(address, real.port());
        let proxied = ProxiedNode::builder()
            .real_address(real)
            .proxy_address(address)
            .shard_awareness(ShardAwareness::Unaware)
            .build();
        let proxy = Proxy::builder()
            .with_node(proxied)
            .build()
            .run()
            .await
            .unwrap();
        node.settings.contact_points = vec![address.to_string()];
        node.settings.request_timeout = Duration::from_secs(1);
        let lossy = Self { node, proxy };
        lossy.node.apply_schema().await;
        lossy
    }

    async fn session(&self) -> CqlSession {
        self.node.session().await
    }

    /// Deals once with a request like this.
    fn next_request(&mut self, like: Condition, reaction: RequestReaction) {
        let once = like.and(Condition::TrueForLimitedTimes(1));
        self.proxy.running_nodes[0].change_request_rules(Some(vec![RequestRule(once, reaction)]));
    }

    /// Deals once with an answer that holds this text.
    fn next_answer(&mut self, text: &[u8], reaction: ResponseReaction) {
        let like = Condition::ResponseOpcode(ResponseOpcode::Result)
            .and(Condition::BodyContainsCaseSensitive(text.into()))
            .and(Condition::TrueForLimitedTimes(1));
        self.proxy.running_nodes[0].change_response_rules(Some(vec![ResponseRule(like, reaction)]));
    }
}

/// One after another on one node: a start takes longer than a case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_gets_lost_nothing_is_lost_or_done_twice() {
    let mut lossy = Lossy::start().await;
    a_claim_without_answer_is_found_out(&mut lossy).await;
    a_write_of_unknown_outcome_is_repeated_by_its_caller_only(&mut lossy).await;
    a_done_write_without_answer_is_the_same_again(&mut lossy).await;
    a_refused_write_stops(&mut lossy).await;
    a_read_outlives_lost_answers_and_taken_over_states_too(&mut lossy).await;
}

fn batch() -> Condition {
    Condition::RequestOpcode(RequestOpcode::Batch)
}

/// STORE-4: a claim whose answer is lost is found out by its token; no epoch is spent for nothing.
async fn a_claim_without_answer_is_found_out(lossy: &mut Lossy) {
    let ownership = Ownership::open(lossy.session().await).await.unwrap();
    let partition = fresh_partition();
    for epoch in 1..=3 {
        lossy.next_answer(b"[applied]", ResponseReaction::drop_frame());
        let claim = ownership
            .claim(partition, "processor-1", Timestamp(0))
            .await
            .unwrap();
        assert_eq!(
            claim.assignment.epoch,
            Epoch(epoch),
            "the claim that was done"
        );
    }
    // Also when the request is lost, or the server says that it ran out of time.
    for (epoch, reaction) in [
        (4, RequestReaction::drop_frame()),
        (5, RequestReaction::forge().write_timeout()),
        (6, RequestReaction::forge().unavailable()),
        (7, RequestReaction::drop_connection()),
    ] {
        let claim_row = b"processor-2".to_vec().into_boxed_slice();
        lossy.next_request(Condition::BodyContainsCaseSensitive(claim_row), reaction);
        let claim = ownership
            .claim(partition, "processor-2", Timestamp(0))
            .await
            .unwrap();
        assert_eq!(claim.assignment.epoch, Epoch(epoch), "asked again");
    }
    let owner = ownership.owner(partition).await.unwrap().unwrap();
    assert_eq!(
        (owner.assignment.epoch, owner.owner.as_str()),
        (Epoch(7), "processor-2")
    );
    lossy.next_answer(b"[applied]", ResponseReaction::drop_frame());
    ownership
        .mark_stopped(owner.assignment, 7, "poison")
        .await
        .unwrap();
    let status = ownership.owner(partition).await.unwrap().unwrap().status;
    assert_eq!(
        status,
        OwnerStatus::Stopped {
            offset: 7,
            reason: "poison".to_owned()
        }
    );
}

/// STORE-3: the driver repeats nothing by itself, and the same write again is right whatever became
/// of the first.
async fn a_write_of_unknown_outcome_is_repeated_by_its_caller_only(lossy: &mut Lossy) {
    let store = store_at(&lossy.session().await, fresh_partition(), 1).await;
    let card = fresh_card();
    let reactions = [
        RequestReaction::drop_frame(),
        RequestReaction::forge().write_timeout(),
        RequestReaction::forge().write_failure(),
        RequestReaction::forge().overloaded(),
        RequestReaction::forge().server_error(),
        RequestReaction::forge().unavailable(),
        RequestReaction::forge().is_bootstrapping(),
        RequestReaction::drop_connection(),
    ];
    let mut version = 0;
    for reaction in reactions {
        version += 1;
        lossy.next_request(batch(), reaction.clone());
        let first = store.write(decision(card, version)).await;
        assert!(
            matches!(first, Err(WriteError::Unknown(_))),
            "{reaction:?}: {first:?}"
        );
        let there = store
            .load(card)
            .await
            .unwrap()
            .map_or(0, |state| state.version.0);
        assert_eq!(there, version - 1, "not sent a second time by anybody");
        while let Err(error) = store.write(decision(card, version)).await {
            assert!(matches!(error, WriteError::Unknown(_)), "{error}");
        }
    }
    assert_eq!(
        store.load(card).await,
        Ok(Some(decision(card, version).state))
    );
    let rows = store.rows_back(card, None, 99).await.unwrap();
    assert_eq!(
        rows,
        (1..=version)
            .rev()
            .map(|version| row(card, version))
            .collect::<Vec<_>>()
    );
}

/// A write that was done although its answer got lost.
async fn a_done_write_without_answer_is_the_same_again(lossy: &mut Lossy) {
    let partition = fresh_partition();
    let store = store_at(&lossy.session().await, partition, 1).await;
    let card = fresh_card();
    // A void result has nothing in it but its kind.
    lossy.next_answer(&[0, 0, 0, 1], ResponseReaction::drop_frame());
    assert!(matches!(
        store.write(decision(card, 1)).await,
        Err(WriteError::Unknown(_))
    ));
    assert_eq!(
        store.load(card).await,
        Ok(Some(decision(card, 1).state)),
        "it was done"
    );
    store.write(decision(card, 1)).await.unwrap();
    store.write(decision(card, 2)).await.unwrap();
    assert_eq!(store.load(card).await, Ok(Some(decision(card, 2).state)));
    lossy.next_answer(&[0, 0, 0, 1], ResponseReaction::drop_frame());
    let made = |next_offset| [offsets(partition.0, next_offset)];
    let unknown = store.checkpoint(store.freeze(), &made(5));
    assert!(matches!(unknown, Err(WriteError::Unknown(_))));
    store.checkpoint(store.freeze(), &made(6)).unwrap();
    assert_eq!(store.checkpoints().await, Ok(made(6).to_vec()));
}

/// What can never be done stops the processor instead of being repeated for ever.
async fn a_refused_write_stops(lossy: &mut Lossy) {
    let store = store_at(&lossy.session().await, fresh_partition(), 1).await;
    lossy.next_request(batch(), RequestReaction::forge().invalid());
    let refused = store.write(decision(fresh_card(), 1)).await;
    assert!(
        matches!(refused, Err(WriteError::Stopped(_))),
        "{refused:?}"
    );
}

/// Reads are repeated until they are answered.
async fn a_read_outlives_lost_answers_and_taken_over_states_too(lossy: &mut Lossy) {
    let (partition, card) = (fresh_partition(), fresh_card());
    let old = store_at(&lossy.session().await, partition, 1).await;
    old.write(decision(card, 1)).await.unwrap();
    let new = store_at(&lossy.session().await, partition, 2).await;
    let execute = Condition::RequestOpcode(RequestOpcode::Execute);
    lossy.next_request(execute.clone(), RequestReaction::forge().read_timeout());
    assert_eq!(new.load(card).await, Ok(Some(decision(card, 1).state)));
    old.write(decision(card, 2)).await.unwrap();
    let third = store_at(&lossy.session().await, partition, 3).await;
    // The state is written again by the load itself, until that is acknowledged (STORE-5).
    lossy.next_request(batch(), RequestReaction::forge().write_timeout());
    assert_eq!(third.load(card).await, Ok(Some(decision(card, 1).state)));
    new.write(decision(card, 3)).await.unwrap();
    assert_eq!(
        third.load(card).await,
        Ok(Some(decision(card, 1).state)),
        "it was taken over"
    );
}
