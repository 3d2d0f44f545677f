//! What a user would take instead of the switch: a PostgreSQL procedure behind an ISO 8583 link.
//!
//! It speaks the terminals' dialect as `floatswitch sim pos` does, and has PostgreSQL book each payment:
//! key of the request, balance, journal row with balanced postings, in one transaction that is durable
//! when it is answered. What it leaves out is told in `load-tests/README.md`. Not for real cards.

#![forbid(unsafe_code)]

mod books;
mod payment;
mod serve;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::serve::{Pool, serve};

/// The same as in the switch.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A PostgreSQL procedure behind an ISO 8583 link, to set beside the switch.
#[derive(Debug, Parser)]
#[command(name = "postgres-peer", version)]
struct Cli {
    /// How to reach the database: `host=FOLDER-OF-ITS-SOCKET user=NAME dbname=NAME`.
    #[arg(
        long,
        global = true,
        default_value = "host=/tmp user=postgres dbname=postgres"
    )]
    database: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the tables and the procedure, and cards with serials from 1 on.
    Load {
        #[arg(long, default_value_t = 100_000)]
        cards: u64,
        #[arg(long, default_value_t = 500_000)]
        balance_fen: i64,
    },
    /// Answers terminals.
    Serve {
        #[arg(long, default_value = "127.0.0.1:8583")]
        listen: String,
        /// Sessions with the database, each with one transaction at a time.
        #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        sessions: u16,
        /// Most payments that one transaction takes together.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        gather: u16,
    },
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(Cli::parse())),
        Err(source) => Err(format!("start the runtime: {source}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to be done when even stderr is gone.
            drop(writeln!(io::stderr(), "error: {failure}"));
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> Result<(), String> {
    match cli.command {
        Command::Load { cards, balance_fen } => books::load(&cli.database, cards, balance_fen)
            .await
            .map_err(|error| error.to_string()),
        Command::Serve {
            listen,
            sessions,
            gather,
        } => {
            let pool = Pool {
                database: cli.database,
                sessions: usize::from(sessions),
                gather: usize::from(gather),
            };
            serve(&listen, &pool)
                .await
                .map_err(|error| error.to_string())
        }
    }
}
