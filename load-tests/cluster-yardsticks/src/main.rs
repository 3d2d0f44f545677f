//! What Kafka and the card store can do on this machine, measured beside the cluster.
//!
//! Y3 is `copy-loop`: a record to the broker, from there to a copier, back through a second topic. `cql-write` is
//! one write of a card. A payment in a cluster is both and what the switch adds. `card-sizes` and `record-sizes`
//! tell how large cards and records of a cluster are, so that the two can be given the same. The method is in
//! `load-tests/README.md`.
//!
//! Not here: ISO 8583, rules, ownership. A crate apart from `yardsticks`, so that only those who measure a
//! cluster need a C compiler.

mod card_sizes;
mod copy_loop;
mod copy_loop_log;
mod cql;
mod cql_write;
mod kafka_clients;
mod record_sizes;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::{Output, Report as _, YardstickError};

/// Measures what Kafka and the card store can do, to set beside a benchmark of the cluster.
#[derive(Debug, Parser)]
#[command(name = "cluster-yardsticks", version)]
struct Cli {
    /// How to print the result.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(subcommand)]
    yardstick: Yardstick,
}

#[derive(Debug, Subcommand)]
enum Yardstick {
    /// Y3: records through a topic to a copier, and back through another topic.
    CopyLoop(copy_loop::CopyLoopArgs),
    /// One write of a card, with its state and journal row, again and again.
    CqlWrite(cql_write::CqlWriteArgs),
    /// How large the states and journal rows of a keyspace are.
    CardSizes(card_sizes::CardSizesArgs),
    /// How large the commands and replies of a cluster are.
    RecordSizes(record_sizes::RecordSizesArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::fail(&error),
    }
}

fn run(cli: &Cli) -> Result<(), YardstickError> {
    match &cli.yardstick {
        Yardstick::CopyLoop(args) => copy_loop::run(args, &runtime()?)?.print(cli.output),
        Yardstick::CqlWrite(args) => runtime()?.block_on(cql_write::run(args))?.print(cli.output),
        Yardstick::CardSizes(args) => runtime()?
            .block_on(card_sizes::run(args))?
            .print(cli.output),
        Yardstick::RecordSizes(args) => record_sizes::run(args)?.print(cli.output),
    }
}

/// Two workers whatever the machine, so that results of different machines can be set side by side.
fn runtime() -> Result<tokio::runtime::Runtime, YardstickError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(YardstickError::io("start the runtime"))
}
