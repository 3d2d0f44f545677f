//! What the next start has to do, seen from a stopped switch.

use std::fs;
use std::path::Path;

use super::{Report, size};
use crate::engine::now;
use crate::folder::DataFolder;
use card_store::{CardStore as _, PartitionCheckpoint};
use card_store_embedded::EmbeddedStore;
use command_log::CommandLog as _;
use command_log_embedded::EmbeddedLog;
use settings::Settings;

/// More than a start folds in about a minute.
const COMMANDS_MANY: u64 = 10_000_000;

pub(super) async fn look(settings: &Settings, folder: &DataFolder, report: &mut Report) {
    let Some(checkpoints) = store(folder, report).await else {
        return;
    };
    let mut options = command_log_embedded::Options::new(settings.log.partition_count.get());
    options.segment_size = u64::from(settings.log.segment_size_mib.get()) << 20;
    let log = match EmbeddedLog::open(&folder.log(), options) {
        Ok(log) => log,
        Err(error) => {
            report.fail(
                "log",
                error.to_string(),
                "restore a backup, if that is no setting",
            );
            return;
        }
    };
    let segments = log.closed_segments().len() + 1;
    let bytes = size(size_below(&folder.log()));
    report.ok(
        "log",
        format!("segments to read: {segments}, {bytes} with what is prepared"),
    );
    let to_fold = commands_to_fold(&log, &checkpoints);
    log.close();
    if to_fold > COMMANDS_MANY {
        let text = format!("{to_fold} commands to fold at the next start");
        report.warn(
            "recovery",
            text,
            "it will take minutes; let the switch stop by itself",
        );
    } else {
        report.ok(
            "recovery",
            format!("{to_fold} commands to fold at the next start"),
        );
    }
}

async fn store(folder: &DataFolder, report: &mut Report) -> Option<Vec<PartitionCheckpoint>> {
    let options = card_store_embedded::Options::default();
    let opened = EmbeddedStore::open(&folder.cards(), &options);
    let store = opened
        .map_err(|error| report.fail("cards", error.to_string(), "restore a backup"))
        .ok()?;
    let stats = store
        .stats()
        .map_err(|error| report.fail("cards", error.to_string(), "restore a backup"))
        .ok()?;
    let checkpoints = store
        .checkpoints()
        .await
        .map_err(|error| report.fail("cards", error.to_string(), "restore a backup"))
        .ok()?;
    report.ok(
        "cards",
        format!(
            "about {} states in {}, journal {}, last checkpoint {}",
            stats.card_count_approximate,
            size(stats.lsm_size),
            size(stats.journal_size),
            age(&folder.cards().join("checkpoint")),
        ),
    );
    Some(checkpoints)
}

/// Records after the checkpoint, over all partitions.
fn commands_to_fold(log: &EmbeddedLog, checkpoints: &[PartitionCheckpoint]) -> u64 {
    (0..log.log_id().partition_count)
        .map(|number| {
            let partition = card::PartitionId(number);
            let checkpoint = checkpoints.iter().find(|one| one.partition == partition);
            let done = checkpoint.map_or(0, |checkpoint| checkpoint.next_offset);
            log.end_offset(partition).saturating_sub(done)
        })
        .sum()
}

/// How long ago a file was written.
fn age(path: &Path) -> String {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    let since_epoch = written
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let Some(since_epoch) = since_epoch else {
        return "unknown".to_owned();
    };
    let now_seconds = now().0 / 1_000;
    let seconds = now_seconds.saturating_sub_unsigned(since_epoch.as_secs());
    match seconds {
        ..120 => format!("{} s ago", seconds.max(0)),
        120..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn size_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size_of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size_of).sum()
}
