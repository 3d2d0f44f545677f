//! The disk below the data folder: room, permissions, and how long it takes to keep something.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Report, milliseconds, size};
use crate::folder::DataFolder;
use settings::Settings;

/// Syncs that are measured.
const SYNC_COUNT: u64 = 200;
/// What one of them writes: the least that the log writes.
const BLOCK_SIZE: usize = 4_096;
/// A disk that is slower makes every payment slower.
const SYNC_LIMIT: Duration = Duration::from_millis(1);
/// The log prepares one segment in advance; below this many, there is little time left.
const SEGMENTS_FREE_MIN: u64 = 4;
/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

pub(super) fn look(settings: &Settings, folder: &DataFolder, report: &mut Report) {
    let Some(there) = nearest(folder.root()) else {
        let root = folder.root().display();
        let advice = "name a folder on a local disk in `data_dir`";
        report.fail("disk", format!("no part of {root} exists"), advice);
        return;
    };
    room(settings, there, report);
    key_file(folder, report);
    sync(there, report);
}

/// The folder, or what of its path exists.
fn nearest(folder: &Path) -> Option<&Path> {
    let here = Path::new(".");
    folder
        .ancestors()
        .map(|path| {
            if path.as_os_str().is_empty() {
                here
            } else {
                path
            }
        })
        .find(|path| path.is_dir())
}

fn room(settings: &Settings, folder: &Path, report: &mut Report) {
    let segment = u64::from(settings.log.segment_size_mib.get()) << 20;
    let free = match rustix::fs::statvfs(folder) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => {
            let advice = "check that the disk is there and may be read";
            report.fail("space", error.to_string(), advice);
            return;
        }
    };
    let text = format!("{} free, a log segment takes {}", size(free), size(segment));
    if free < segment {
        let advice = "make room now: without a new segment the switch soon takes no payments";
        report.fail("space", text, advice);
    } else if free < segment.saturating_mul(SEGMENTS_FREE_MIN) {
        report.warn("space", text, "make room soon");
    } else {
        report.ok("space", text);
    }
}

/// Whoever reads the key can try all card numbers against the register.
fn key_file(folder: &DataFolder, report: &mut Report) {
    let path = folder.pan_hash_key();
    let Ok(metadata) = fs::metadata(&path) else {
        return; // A new folder has none; a switch without one does not start and says so.
    };
    let path = path.display();
    if metadata.mode() & OTHERS == 0 {
        report.ok("key", format!("{path} is readable by its owner only"));
    } else {
        let text = format!("{path} may be read by others");
        report.fail("key", text, format!("chmod 600 {path}"));
    }
}

fn sync(folder: &Path, report: &mut Report) {
    let times = match measure(folder) {
        Ok(times) => times,
        Err(error) => {
            let text = format!("cannot write to {}: {error}", folder.display());
            let advice = "the switch's user must own the folder, on a disk that is not read-only";
            report.fail("disk", text, advice);
            return;
        }
    };
    let of_rank = |per_cent: usize| {
        let index = times.len().saturating_mul(per_cent) / 100;
        let time = times.get(index).or(times.last()).copied();
        time.unwrap_or_default()
    };
    let (median, high) = (of_rank(50), of_rank(99));
    let text = format!(
        "a sync takes {}, one in a hundred over {}",
        milliseconds(median.as_micros()),
        milliseconds(high.as_micros()),
    );
    if median > SYNC_LIMIT {
        let advice = "each payment waits for one: use a local disk of its own, best an SSD";
        report.warn("disk", text, advice);
    } else {
        report.ok("disk", text);
    }
}

/// Times of many syncs of a file that was written ahead, as the log does it, sorted.
///
/// The file has no name, so nothing is left behind.
fn measure(folder: &Path) -> io::Result<Vec<Duration>> {
    let file: File = tempfile::tempfile_in(folder)?;
    let block = [0u8; BLOCK_SIZE];
    let places = || (0..SYNC_COUNT).map(|index| index * BLOCK_SIZE as u64);
    for place in places() {
        file.write_all_at(&block, place)?;
    }
    file.sync_all()?;
    let mut times = Vec::new();
    for place in places() {
        let started_at = Instant::now();
        file.write_all_at(&block, place)?;
        file.sync_data()?;
        times.push(started_at.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}
