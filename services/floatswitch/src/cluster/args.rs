//! What `floatswitch cluster` may be told.

use std::path::PathBuf;

use card::PartitionId;

use crate::output::OutputForm;

/// Prepares, shows and steers a cluster.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ClusterCommand {
    /// Makes topics, tables and the key of card number hashes, and puts the settings' rules in force.
    /// Repeated, it verifies what is there, and installs rules that changed.
    Init(InitArgs),
    /// Shows members, and of each partition its owner, epoch, watermark and lag.
    Status(StatusArgs),
    /// Has a process hand over its partitions and end, and waits until it has.
    Drain(DrainArgs),
    /// Has a stopped partition pass over the record that stopped it. Two people sign.
    Skip(SkipArgs),
}

/// `cluster init`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InitArgs {
    /// The settings file, with a [cluster] table.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    pub(crate) config: PathBuf,
}

const STATUS_EXAMPLES: &str = "\
Columns: partition, owner with the epoch of its claim, first record that is not in a checkpoint, end
of the log, how many records are between, state.

Exit codes: 0 all partitions have a running owner, 1 some have none or stopped, 3 cannot reach it.";

/// `cluster status`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = STATUS_EXAMPLES)]
pub(crate) struct StatusArgs {
    /// The settings file, with a [cluster] table.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    pub(crate) config: PathBuf,
    /// Every partition, not only those that need a look.
    #[arg(long)]
    pub(crate) all: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    pub(crate) output: OutputForm,
}

/// `cluster drain`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DrainArgs {
    /// The settings file, with a [cluster] table.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    pub(crate) config: PathBuf,
    /// The process, by its name in `cluster status`.
    #[arg(long, value_name = "NAME")]
    pub(crate) member: String,
}

const SKIP_EXAMPLES: &str = "\
Example:
  floatswitch cluster skip --partition 7 --offset 123456 \\
    --asked-by 'Wang Fang' --approved-by 'Li Na' --reason 'ticket 4711: panics in decide'

The record is not decided, its terminal gets no answer, and its reversal will find nothing. Only the
record that stopped the partition can be skipped; `cluster status` names it.";

/// `cluster skip`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = SKIP_EXAMPLES)]
pub(crate) struct SkipArgs {
    /// The settings file, with a [cluster] table.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    pub(crate) config: PathBuf,
    /// The stopped partition.
    #[arg(long, value_name = "NUMBER", value_parser = partition)]
    pub(crate) partition: PartitionId,
    /// The record that stopped it.
    #[arg(long, value_name = "OFFSET")]
    pub(crate) offset: u64,
    /// Who asks for it.
    #[arg(long, value_name = "NAME")]
    pub(crate) asked_by: String,
    /// Who approves it: somebody else.
    #[arg(long, value_name = "NAME")]
    pub(crate) approved_by: String,
    /// Why, for the audit.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

fn partition(text: &str) -> Result<PartitionId, String> {
    let number = text.parse();
    number
        .map(PartitionId)
        .map_err(|_| format!("`{text}` is no partition number"))
}
