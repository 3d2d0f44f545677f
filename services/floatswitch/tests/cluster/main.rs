//! The cluster on real Kafka and Cassandra servers: what payments come to when parts of it die.
//!
//! These are the short forms of `load-tests/fault-run`, one after another, because each takes times
//! by the clock.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and tells what it measured"
)]

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use faults::{Scenario, ServersNeeded, Site};
use test_servers::{
    CASSANDRA_VARIABLE, CassandraCluster, CassandraOptions, KAFKA_VARIABLE, KafkaCluster,
    KafkaOptions, Size,
};

#[test]
fn processors_are_killed() {
    play("processor-killed");
}

#[test]
fn a_frozen_processor_comes_back_too_late() {
    play("processor-frozen");
}

#[test]
fn processors_come_and_go_all_the_time() {
    play("rebalance-storm");
}

#[test]
fn every_process_is_restarted_while_terminals_pay() {
    play("rolling-restart");
}

#[test]
fn a_repeat_finds_its_answer_through_another_connector() {
    play("acquirer-killed");
}

#[test]
fn one_card_gets_all_traffic() {
    play("hot-card");
}

#[test]
fn a_record_that_nobody_can_read_stops_its_partition_until_two_people_skip_it() {
    play("poison");
}

#[test]
fn a_card_that_was_changed_by_hand_stops_alone() {
    play("card-changed");
}

#[test]
fn nothing_starts_on_another_topic() {
    play("topic-recreated");
}

#[test]
fn the_broker_dies_and_freezes() {
    play("broker-restarted");
}

#[test]
fn the_card_store_dies_and_freezes() {
    play("node-restarted");
}

#[test]
fn brokers_are_lost_one_after_another() {
    play("brokers-lost");
}

#[test]
fn nodes_of_the_card_store_are_lost_one_after_another() {
    play("nodes-lost");
}

#[test]
fn a_day_ends_under_load() {
    play("day-cut");
}

#[test]
fn a_steady_load_gets_every_answer() {
    play("steady");
}

/// Plays a scenario as the only one.
#[track_caller]
fn play(name: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let scenario = Scenario::named(name).unwrap();
    let effort = scenario.quick.expect("a scenario with a short form");
    let site = site(scenario.needs);
    match scenario.run(&site, &effort) {
        Ok(facts) => println!("{name}: {facts:#?}"),
        Err(error) => panic!("{name}: {error}"),
    }
}

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_floatswitch").into()
}

/// Servers that somebody named are used, but never harmed.
fn site(needs: ServersNeeded) -> Site {
    let own = || Site::of(program(), one_broker(), one_node());
    match needs {
        ServersNeeded::Any => named().unwrap_or_else(own),
        ServersNeeded::Own => own(),
        ServersNeeded::ThreeBrokers => Site::of(program(), brokers(Size::Three), one_node()),
        ServersNeeded::ThreeNodes => Site::of(program(), one_broker(), nodes(Size::Three)),
    }
}

fn named() -> Option<Site> {
    let named = |variable| {
        std::env::var(variable)
            .ok()
            .filter(|value| !value.is_empty())
    };
    Some(Site {
        program: program(),
        kafka: named(KAFKA_VARIABLE)?,
        cassandra: named(CASSANDRA_VARIABLE)?,
        brokers: None,
        nodes: None,
    })
}

fn one_broker() -> Arc<KafkaCluster> {
    static BROKER: OnceLock<Arc<KafkaCluster>> = OnceLock::new();
    Arc::clone(BROKER.get_or_init(|| brokers(Size::One)))
}

fn one_node() -> Arc<CassandraCluster> {
    static NODE: OnceLock<Arc<CassandraCluster>> = OnceLock::new();
    Arc::clone(NODE.get_or_init(|| nodes(Size::One)))
}

fn brokers(brokers: Size) -> Arc<KafkaCluster> {
    let options = KafkaOptions {
        brokers,
        ..KafkaOptions::default()
    };
    Arc::new(KafkaCluster::start(options).unwrap_or_else(|error| panic!("{error}")))
}

fn nodes(nodes: Size) -> Arc<CassandraCluster> {
    let options = CassandraOptions {
        nodes,
        ..CassandraOptions::default()
    };
    Arc::new(CassandraCluster::start(options).unwrap_or_else(|error| panic!("{error}")))
}
