//! All scenarios, with how hard each tries.

use std::time::Duration;

#[cfg(feature = "drivers")]
use super::hands;
use super::{Effort, Scenario, ServersNeeded};
use super::{acquirers, brokers, days, group, nodes, processors, steady};

const QUICK: Effort = Effort {
    rounds: 1,
    hold: Duration::from_secs(8),
    rate: 100,
    partitions: 8,
    cards: 200,
};
const LONG: Effort = Effort {
    rounds: 3,
    hold: Duration::from_secs(30),
    rate: 300,
    partitions: 32,
    cards: 2_000,
};
const MINUTE: Duration = Duration::from_secs(60);

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "processor-killed",
        fault: "a processor is killed with `kill -9` under load, again and again",
        promise: "the others take its partitions over",
        needs: ServersNeeded::Any,
        quick: Some(Effort { rounds: 2, ..QUICK }),
        long: Effort { rounds: 50, ..LONG },
        play: processors::killed,
    },
    Scenario {
        name: "processor-frozen",
        fault: "a processor is frozen longer than its session, and goes on as if no time had passed",
        promise: "the others take its partitions over, and nothing that it does late counts",
        needs: ServersNeeded::Any,
        quick: Some(QUICK),
        long: Effort {
            hold: MINUTE,
            ..LONG
        },
        play: processors::frozen,
    },
    Scenario {
        name: "rebalance-storm",
        fault: "processors join and leave every second or so",
        promise: "payments go on, and end well",
        needs: ServersNeeded::Any,
        quick: Some(Effort { rounds: 6, ..QUICK }),
        long: Effort { rounds: 60, ..LONG },
        play: group::storm,
    },
    Scenario {
        name: "rolling-restart",
        fault: "every process is told to end and started again, one after another",
        promise: "no answer is lost",
        needs: ServersNeeded::Any,
        quick: Some(QUICK),
        long: Effort { rounds: 5, ..LONG },
        play: group::rolling,
    },
    Scenario {
        name: "acquirer-killed",
        fault: "a connector is killed between a request and its answer, and under load",
        promise: "the repeat through another one finds the stored answer",
        needs: ServersNeeded::Any,
        quick: Some(Effort { rounds: 2, ..QUICK }),
        long: Effort { rounds: 20, ..LONG },
        play: acquirers::killed,
    },
    Scenario {
        name: "hot-card",
        fault: "cards by a zipf distribution, then all terminals on one card",
        promise: "one card takes what one card can",
        needs: ServersNeeded::Any,
        quick: Some(Effort {
            hold: Duration::from_secs(4),
            ..QUICK
        }),
        long: LONG,
        play: steady::hot,
    },
    #[cfg(feature = "drivers")]
    Scenario {
        name: "poison",
        fault: "a record that nobody can read is put into the log",
        promise: "its partition stops and says so, others go on, and two people can have it skipped",
        needs: ServersNeeded::Any,
        quick: Some(QUICK),
        long: LONG,
        play: hands::poison,
    },
    #[cfg(feature = "drivers")]
    Scenario {
        name: "card-changed",
        fault: "the state of a card is changed by CQL",
        promise: "that card stops, with an alarm, and others go on",
        needs: ServersNeeded::Any,
        quick: Some(QUICK),
        long: LONG,
        play: hands::card_changed,
    },
    #[cfg(feature = "drivers")]
    Scenario {
        name: "topic-recreated",
        fault: "the commands topic is deleted and made again",
        promise: "nothing starts on it, and says why",
        needs: ServersNeeded::Any,
        quick: Some(QUICK),
        long: LONG,
        play: hands::topic_recreated,
    },
    Scenario {
        name: "broker-restarted",
        fault: "the only broker is killed, stopped and frozen",
        promise: "payments go on when it is back",
        needs: ServersNeeded::Own,
        quick: Some(QUICK),
        long: LONG,
        play: brokers::restarted,
    },
    Scenario {
        name: "node-restarted",
        fault: "the only node of the card store is killed and frozen: writes of unknown fate, and late ones",
        promise: "nothing is approved meanwhile, and payments go on when it is back",
        needs: ServersNeeded::Own,
        quick: Some(QUICK),
        long: LONG,
        play: nodes::restarted,
    },
    Scenario {
        name: "brokers-lost",
        fault: "one of three brokers is killed, then a second one",
        promise: "with two payments go on, with one nothing is approved, and all comes back",
        needs: ServersNeeded::ThreeBrokers,
        quick: Some(QUICK),
        long: LONG,
        play: brokers::lost,
    },
    Scenario {
        name: "nodes-lost",
        fault: "one of three nodes of the card store is frozen, then killed, then a second one",
        promise: "with two payments go on, with one nothing is approved, and all comes back",
        needs: ServersNeeded::ThreeNodes,
        quick: Some(QUICK),
        long: LONG,
        play: nodes::lost,
    },
    Scenario {
        name: "day-cut",
        fault: "a day is cut and frozen under load, and a processor is killed right after it",
        promise: "the float at the cut is told at once, stays what it was, and is the sum of cards and entries",
        needs: ServersNeeded::Any,
        quick: Some(QUICK),
        long: LONG,
        play: days::cut,
    },
    Scenario {
        name: "steady",
        fault: "nothing, for a while",
        promise: "every answer comes",
        needs: ServersNeeded::Any,
        quick: Some(QUICK),
        long: Effort {
            hold: Duration::from_secs(600),
            rate: 1_000,
            cards: 10_000,
            ..LONG
        },
        play: steady::even,
    },
    Scenario {
        name: "steady-hour",
        fault: "nothing, for an hour",
        promise: "every answer comes",
        needs: ServersNeeded::Any,
        quick: None,
        long: Effort {
            hold: Duration::from_secs(3_600),
            rate: 1_000,
            cards: 10_000,
            ..LONG
        },
        play: steady::even,
    },
];
