//! What the terminals saw: the file that `sim pos --record` writes, read while it grows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::FaultError;

/// Columns of a line.
const COLUMNS: usize = 16;
const PART_SIZE: u64 = 16 << 20;
/// Codes by which a step was done.
const APPROVED: [&str; 8] = ["00", "10", "11", "16", "A2", "A4", "A5", "A6"];
/// Codes by which a connector tells that nothing was appended. Their references name no record.
const NOT_APPENDED: [&str; 2] = ["91", "96"];
/// An answer that comes this soon after a kill was on its way before it.
const ON_ITS_WAY_MS: u64 = 250;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Moves no money, so a card in memory answers it without its store.
    Inquiry,
    /// Undoes a request.
    Reversal,
    /// Everything else.
    Payment,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Decided by the card's partition, and done.
    Approved {
        /// The partition that decided.
        partition: u16,
    },
    /// Decided by the card's partition, and not done.
    Declined {
        /// The partition that decided.
        partition: u16,
    },
    /// Answered by the connector alone: nothing was appended.
    Edge,
    /// No answer came.
    Lost,
}

/// A request that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) serial: u64,
    pub(crate) kind: Kind,
    pub(crate) ending: Ending,
    pub(crate) sent_ms: u64,
    pub(crate) ended_ms: u64,
}

// === impl Seen ===

impl Seen {
    fn parse(line: &str, partition_count: u16) -> Option<Self> {
        let columns: [&str; COLUMNS] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
        let [
            _,
            _,
            _,
            _,
            _,
            kind,
            _,
            code,
            rrn,
            _,
            _,
            serial,
            _,
            _,
            sent,
            ended,
        ] = columns;
        let ending = match (code, partition_of(rrn, partition_count)) {
            ("", _) => Ending::Lost,
            (code, _) if NOT_APPENDED.contains(&code) => Ending::Edge,
            (code, Some(partition)) if APPROVED.contains(&code) => Ending::Approved { partition },
            (_, Some(partition)) => Ending::Declined { partition },
            (_, None) => Ending::Edge,
        };
        Some(Self {
            serial: serial.parse().ok()?,
            kind: match kind {
                "balance" => Kind::Inquiry,
                "reversal" => Kind::Reversal,
                _ => Kind::Payment,
            },
            ending,
            sent_ms: sent.parse().ok()?,
            ended_ms: ended.parse().ok()?,
        })
    }

    /// The partition that decided it, if one did and its answer came.
    pub(crate) fn decided_by(&self) -> Option<u16> {
        match self.ending {
            Ending::Approved { partition } | Ending::Declined { partition } => Some(partition),
            Ending::Edge | Ending::Lost => None,
        }
    }

    pub(crate) fn is_approved(&self) -> bool {
        matches!(self.ending, Ending::Approved { .. })
    }

    /// How long its terminal waited.
    fn waited_ms(&self) -> u64 {
        self.ended_ms.saturating_sub(self.sent_ms)
    }
}

/// A retrieval reference is `offset * partition_count + partition` in base 36; so the docs of the switch say.
fn partition_of(rrn: &str, partition_count: u16) -> Option<u16> {
    let number = (rrn.len() == 12).then(|| u64::from_str_radix(rrn, 36).ok())??;
    u16::try_from(number % u64::from(partition_count)).ok()
}

/// A record, read as far as it is written.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    partition_count: u16,
    read: u64,
    /// The beginning of a line whose end is not written yet.
    rest: String,
    seen: Vec<Seen>,
}

// === impl Record ===

impl Record {
    pub(crate) fn new(path: &Path, partition_count: u16) -> Self {
        Self {
            path: path.to_owned(),
            partition_count,
            read: 0,
            rest: String::new(),
            seen: Vec::new(),
        }
    }

    /// Reads what was written since the last call, and gives all.
    pub(crate) fn refresh(&mut self) -> Result<&[Seen], FaultError> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(_) => return Ok(&self.seen), // Not made yet.
        };
        let shown = self.path.display().to_string();
        let action = || FaultError::io(format!("read {shown}"));
        file.seek(SeekFrom::Start(self.read)).map_err(action())?;
        loop {
            // In parts: a record of an hour has hundreds of megabytes.
            let part = (&mut file).take(PART_SIZE).read_to_string(&mut self.rest);
            match part.map_err(action())? {
                0 => return Ok(&self.seen),
                size => self.read += size as u64,
            }
            self.take_lines();
        }
    }

    fn take_lines(&mut self) {
        let whole = self.rest.rfind('\n').map_or(0, |end| end + 1);
        let lines: String = self.rest.drain(..whole).collect();
        let count = self.partition_count;
        // The header is no line.
        let lines = lines.lines().filter_map(|line| Seen::parse(line, count));
        self.seen.extend(lines);
    }
}

/// Of each partition, how long after a moment its first answer came that was not on its way before.
pub(crate) fn first_answers(
    seen: &[Seen],
    partitions: &BTreeSet<u16>,
    since_ms: u64,
) -> BTreeMap<u16, Duration> {
    let mut firsts = BTreeMap::new();
    let late = seen
        .iter()
        .filter(|one| one.ended_ms >= since_ms + ON_ITS_WAY_MS);
    for one in late {
        let Some(partition) = one.decided_by().filter(|one| partitions.contains(one)) else {
            continue;
        };
        let after = one.ended_ms - since_ms;
        let first = firsts.entry(partition).or_insert(after);
        *first = after.min(*first);
    }
    let as_time = |(partition, ms)| (partition, Duration::from_millis(ms));
    firsts.into_iter().map(as_time).collect()
}

/// The longest time in which no partition answered anything, between two moments.
pub(crate) fn longest_silence(seen: &[Seen], (from_ms, to_ms): (u64, u64)) -> Duration {
    let mut moments: Vec<u64> = seen
        .iter()
        .filter(|one| one.decided_by().is_some())
        .map(|one| one.ended_ms)
        .filter(|at| (from_ms..=to_ms).contains(at))
        .collect();
    moments.extend([from_ms, to_ms]);
    moments.sort_unstable();
    let longest = moments.windows(2).map(|pair| pair[1] - pair[0]).max();
    Duration::from_millis(longest.unwrap_or(0))
}

/// The longest time that a terminal waited for an answer that it got between two moments.
pub(crate) fn longest_wait(seen: &[Seen], (from_ms, to_ms): (u64, u64)) -> Duration {
    let waits = seen
        .iter()
        .filter(|one| one.decided_by().is_some() && (from_ms..=to_ms).contains(&one.ended_ms))
        .map(Seen::waited_ms);
    Duration::from_millis(waits.max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::time::Duration;

    use super::{Ending, Kind, Record, Seen, first_answers, longest_silence, longest_wait};

    fn line(code: &str, rrn: &str, sent_ms: u64, ended_ms: u64) -> String {
        format!(
            "71000000,898999954110001,1,2,0200,purchase,5,{code},{rrn},,629999,7,,,{sent_ms},{ended_ms}"
        )
    }

    fn seen(partition: u16, sent_ms: u64, ended_ms: u64) -> Seen {
        Seen {
            serial: 7,
            kind: Kind::Payment,
            ending: Ending::Approved { partition },
            sent_ms,
            ended_ms,
        }
    }

    #[test]
    fn endings_are_told_apart() {
        let ending = |code: &str, rrn: &str| Seen::parse(&line(code, rrn, 1, 2), 8).unwrap().ending;
        assert_eq!(
            ending("00", "00000000000A"),
            Ending::Approved { partition: 2 }
        );
        assert_eq!(
            ending("51", "000000000010"),
            Ending::Declined { partition: 4 }
        );
        assert_eq!(ending("96", "112421000004"), Ending::Edge);
        assert_eq!(ending("", ""), Ending::Lost);
        assert_eq!(Seen::parse("terminal,merchant", 8), None);
    }

    #[test]
    fn a_record_is_read_while_it_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.csv");
        let mut record = Record::new(&path, 8);
        assert_eq!(record.refresh().unwrap(), []);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        let whole = line("00", "000000000001", 10, 20);
        let (begin, end) = whole.split_at(30);
        write!(file, "terminal,merchant\n{whole}\n{begin}").unwrap();
        assert_eq!(record.refresh().unwrap(), [seen(1, 10, 20)]);
        writeln!(file, "{end}").unwrap();
        assert_eq!(
            record.refresh().unwrap(),
            [seen(1, 10, 20), seen(1, 10, 20)]
        );
    }

    #[test]
    fn an_outage_is_measured_by_what_came_after_it() {
        let all = [
            seen(1, 900, 990),
            seen(1, 995, 1_100),
            seen(2, 995, 4_000),
            seen(1, 3_000, 7_000),
        ];
        let firsts = first_answers(&all, &BTreeSet::from([1, 2, 3]), 1_000);
        let expected = [(1, Duration::from_secs(6)), (2, Duration::from_secs(3))];
        assert_eq!(firsts.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(longest_silence(&all, (900, 7_000)), Duration::from_secs(3));
        assert_eq!(longest_silence(&all, (900, 12_000)), Duration::from_secs(5));
        assert_eq!(
            longest_wait(&all, (900, 5_000)),
            Duration::from_millis(3_005)
        );
    }
}
