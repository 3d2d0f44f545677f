//! The suite that every log must pass. Digests are not kept by this adapter, so that part is not run.

use crate::support::{open, unborn};
use command_log::contract;
use command_log_kafka::KafkaLog;

async fn make(partition_count: u16) -> KafkaLog {
    let (names, id) = unborn(partition_count).await;
    open(&names, &id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract() {
    contract::run(make).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract_over_restarts() {
    let (names, id) = unborn(3).await;
    let restart = async |log: KafkaLog| {
        drop(log);
        open(&names, &id)
    };
    contract::run_again_after_restart(async |_| open(&names, &id), restart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_when_stopped() {
    contract::refuses_when_stopped(make(2).await, |log| log.stop("stopped by a test")).await;
}
