//! The command line: what may be said, and who does it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::exit::Failure;
use crate::{
    backup, batch_day, batch_show, card_issue, card_show, card_steer, certify, check, cluster,
    config, day_command, demo, doctor, float, msg, serve, sim, transfer, tx_list,
};

/// A transaction switch for prepaid cards.
///
/// Takes ISO 8583 messages from acquirers over TCP, decides each on the card it belongs to, and
/// answers once the decision is on disk.
#[derive(Debug, Parser)]
#[command(name = "floatswitch", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
First steps:
  floatswitch demo                        a whole story on a temporary folder
  floatswitch init                        write a commented switch.toml
  floatswitch card issue --programme 1 --count 1000 --balance 500.00
  floatswitch serve                       run the switch
  floatswitch sim pos --connect 127.0.0.1:8583 --cards 1000
  floatswitch check                       prove books, balances and hash chains
  floatswitch float --at 2026-11-24       what was owed to holders when that day ended
  floatswitch doctor                      what is wrong, and what to do about it

Exit codes: 0 done, 1 the check found something wrong, 2 usage or configuration,
3 cannot reach or start, 4 refused by the switch.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a whole story on a temporary folder: nothing to configure, nothing to install.
    Demo(demo::DemoArgs),
    /// Runs the switch until it is told to stop (SIGTERM or Ctrl-C).
    Serve(serve::ServeArgs),
    /// Prepares, shows and steers a cluster.
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Writes a commented settings file.
    Init {
        /// Where to write it.
        #[arg(long, value_name = "FILE", default_value = "switch.toml")]
        config: PathBuf,
        /// With the table that makes of it the settings of a cluster.
        #[arg(long)]
        cluster: bool,
    },
    /// Proves books, balances and hash chains of a stopped switch.
    Check(check::CheckArgs),
    /// Tells what was owed to card holders at a past cut-over.
    Float(float::FloatArgs),
    /// Shows, opens and freezes settlement days.
    #[command(subcommand)]
    Day(day_command::DayCommand),
    /// Issues cards, lists them, shows one, reports one lost, replaces one.
    #[command(subcommand)]
    Card(CardCommand),
    /// Transactions as the journal has them.
    #[command(subcommand)]
    Tx(TxCommand),
    /// Batches of terminals, and days of acquirers.
    #[command(subcommand)]
    Batch(BatchCommand),
    /// Plays the outside of the switch.
    #[command(subcommand)]
    Sim(SimCommand),
    /// Looks at settings, folder, disk, links and recovery, and says what to do.
    Doctor(doctor::DoctorArgs),
    /// Copies a stopped switch with a SHA-256 of every file, or verifies such a copy.
    Backup(backup::BackupArgs),
    /// Puts a backup back, after every hash of it was verified.
    Restore(backup::RestoreArgs),
    /// Writes a stopped embedded switch to an archive, to be carried to a cluster.
    Export(transfer::ExportArgs),
    /// Takes an archive into a cluster or a new data folder, and proves that all of it is there.
    Import(transfer::ImportArgs),
    /// Plays an acquirer's script against a running switch, and reports what held.
    Certify(certify::CertifyArgs),
    /// Shows ISO 8583 frames, and writes them.
    #[command(subcommand)]
    Msg(msg::MsgCommand),
}

#[derive(Debug, Subcommand)]
enum CardCommand {
    /// Puts test cards on the books while the switch is stopped.
    Issue(card_issue::IssueArgs),
    /// Lists cards of a programme with their balances.
    List(card_show::ListArgs),
    /// Shows a card with its last transactions.
    Show(card_show::ShowArgs),
    /// Reports a card lost, while the switch runs.
    Loss(card_steer::LossArgs),
    /// Lifts a loss report, while the switch runs.
    Unfreeze(card_steer::UnfreezeArgs),
    /// Gives a card another medium, while the switch runs.
    Replace(card_steer::ReplaceArgs),
}

#[derive(Debug, Subcommand)]
enum BatchCommand {
    /// Shows a batch: its items, and how it differs from what its terminal said.
    Show(batch_show::BatchArgs),
    /// Shows an acquirer's settlement day: its items, and how it differs from what the acquirer said.
    Day(batch_day::DayArgs),
}

#[derive(Debug, Subcommand)]
enum TxCommand {
    /// Lists a card's transactions, the youngest first.
    List(tx_list::TxListArgs),
}

#[derive(Debug, Subcommand)]
enum SimCommand {
    /// Many point-of-sale terminals: load, measurements, and a record of what was answered.
    Pos(Box<sim::PosSimArgs>),
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> Result<u8, Failure> {
    let cli = Cli::parse();
    match cli.command {
        Command::Demo(args) => block_on(demo::run(args)),
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Cluster(command) => block_on(cluster::run(command)),
        Command::Doctor(args) => block_on(doctor::run(args)),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Export(args) => block_on(transfer::export(args)),
        Command::Import(args) => block_on(transfer::import(args)),
        Command::Certify(args) => block_on(certify::run(args)),
        Command::Msg(command) => msg::run(command),
        Command::Init { config, cluster } => config::init(&config, cluster.into()),
        Command::Check(args) => block_on(check::run(args)),
        Command::Float(args) => block_on(float::run(args)),
        Command::Day(command) => block_on(day_command::run(command)),
        Command::Card(CardCommand::Issue(args)) => block_on(card_issue::run(args)),
        Command::Card(CardCommand::List(args)) => block_on(card_show::list(args)),
        Command::Card(CardCommand::Show(args)) => block_on(card_show::show(args)),
        Command::Batch(BatchCommand::Show(args)) => block_on(batch_show::run(args)),
        Command::Batch(BatchCommand::Day(args)) => block_on(batch_day::run(args)),
        Command::Card(CardCommand::Loss(args)) => block_on(card_steer::loss(args)),
        Command::Card(CardCommand::Unfreeze(args)) => block_on(card_steer::unfreeze(args)),
        Command::Card(CardCommand::Replace(args)) => block_on(card_steer::replace(args)),
        Command::Tx(TxCommand::List(args)) => block_on(tx_list::run(args)),
        Command::Sim(SimCommand::Pos(args)) => block_on(async {
            sim::run(*args).await.map_err(|error| Failure {
                code: error.exit_code(),
                message: error.to_string(),
            })
        }),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::cannot_start(format!("start the runtime: {error}")))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}
