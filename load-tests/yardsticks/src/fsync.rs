//! Y1: the time from a write to its fdatasync on a preallocated, already written file.
//!
//! Nothing that promises durability can answer faster than this on the same disk.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::report::{Latencies, Report, Summary, YardstickError};
use crate::ring_file::RingFile;

/// One command alone, and one page.
const RECORD_SIZES: [usize; 2] = [256, 4096];

#[derive(Debug, clap::Args)]
pub(crate) struct FsyncArgs {
    /// Folder on the disk to measure.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// How long to measure each record size.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

/// Syncs per second and their latency, for each record size.
#[derive(Debug, Serialize)]
pub(crate) struct FsyncReport {
    runs: Vec<FsyncRun>,
}

#[derive(Debug, Serialize)]
struct FsyncRun {
    record_size: usize,
    #[serde(flatten)]
    summary: Summary,
}

impl Report for FsyncReport {}

impl fmt::Display for FsyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self.runs.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(
                f,
                "{separator}fdatasync of {:>4} bytes: {}",
                run.record_size, run.summary
            )?;
        }
        Ok(())
    }
}

pub(crate) fn run(args: &FsyncArgs) -> Result<FsyncReport, YardstickError> {
    let mut ring = RingFile::create(&args.dir).map_err(YardstickError::io(
        "preallocate the file; is --dir a folder with 256 MiB free",
    ))?;
    let mut runs = Vec::with_capacity(RECORD_SIZES.len());
    for record_size in RECORD_SIZES {
        let summary = measure(&mut ring, record_size, Duration::from_secs(args.seconds))?;
        runs.push(FsyncRun {
            record_size,
            summary,
        });
    }
    Ok(FsyncReport { runs })
}

fn measure(
    ring: &mut RingFile,
    record_size: usize,
    duration: Duration,
) -> Result<Summary, YardstickError> {
    let record = vec![0x5a; record_size];
    let mut latencies = Latencies::new();
    let started_at = Instant::now();
    while started_at.elapsed() < duration {
        let write_at = Instant::now();
        ring.append_synced(&record)
            .map_err(YardstickError::io("sync the file"))?;
        latencies.record(write_at.elapsed());
    }
    Ok(latencies.summary(started_at.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_a_rate_for_each_record_size() {
        let dir = tempfile::tempdir().unwrap();
        let report = run(&FsyncArgs {
            dir: dir.path().to_path_buf(),
            seconds: 1,
        })
        .unwrap();
        assert_eq!(report.runs.len(), RECORD_SIZES.len());
        assert!(report.runs.iter().all(|run| run.summary.per_second > 0));
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "the file is removed"
        );
    }
}
