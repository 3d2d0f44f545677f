//! What this machine can do, measured in the same minute as the switch.
//!
//! A benchmark of the switch means little on its own: disks and neighbours change by the minute. So
//! every result is given as a ratio to these small programs. Y1 is `fsync`, Y2 is `model-server` with
//! `model-client`; `echo` tells what the sockets alone allow. The method is in
//! `load-tests/README.md`.
//!
//! Not here: ISO 8583, rules, recovery. The moment a yardstick does what the switch does, it is no
//! longer a yardstick.

mod echo;
mod frame;
mod fsync;
mod model_client;
mod model_journal;
mod model_server;
mod report;
mod ring_file;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::{Output, Report, YardstickError};

/// Measures what this machine can do, to set beside a benchmark of the switch.
#[derive(Debug, Parser)]
#[command(name = "yardsticks", version)]
struct Cli {
    /// How to print the result.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(subcommand)]
    yardstick: Yardstick,
}

#[derive(Debug, Subcommand)]
enum Yardstick {
    /// Y1: how long fdatasync takes on a preallocated, already written file.
    Fsync(fsync::FsyncArgs),
    /// Frames over loopback TCP and back, client and server in this process.
    Echo(echo::EchoArgs),
    /// Y2, server side: frames in, folded in memory, group-committed to disk, answered.
    ModelServer(model_server::ModelServerArgs),
    /// Y2, client side: keeps frames in flight on each connection and times the answers.
    ModelClient(model_client::ModelClientArgs),
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
        Yardstick::Fsync(args) => fsync::run(args)?.print(cli.output),
        Yardstick::Echo(args) => runtime()?.block_on(echo::run(args))?.print(cli.output),
        Yardstick::ModelServer(args) => runtime()?
            .block_on(model_server::run(args))?
            .print(cli.output),
        Yardstick::ModelClient(args) => runtime()?
            .block_on(model_client::run(args))?
            .print(cli.output),
    }
}

/// Two workers whatever the machine, so that results of different machines can be set side by side.
fn runtime() -> Result<tokio::runtime::Runtime, YardstickError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| YardstickError::Io {
            act: "start the runtime",
            source,
        })
}
