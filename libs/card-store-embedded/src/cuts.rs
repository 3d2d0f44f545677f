//! The file `cuts`: what was booked before each cut, for ever (LEDGER-2).
//!
//! A file of its own beside the LSM tree, which takes longer to open the more cards it holds: the
//! float of a past day is told without it.
//!
//! Layout: 8 bytes that name the format, then records, each length u32 and crc32 u32 of what follows,
//! partition u16, number u64, offset u64, totals; numbers little endian. Records are appended and
//! synced before the checkpoint that lies behind their cuts, so one that a crash cut off comes again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;

use crate::options::OpenError;
use card::PartitionId;
use card_store::{CutTotals, StoreError, WriteError};

/// Below the folder of the store.
pub(crate) const FILE_NAME: &str = "cuts";
const MAGIC: [u8; 8] = *b"FSCUTS\0\x01";
/// Length and checksum.
const HEAD_SIZE: usize = 8;
/// No totals of one partition come near it.
const RECORD_SIZE_MAX: usize = 16 << 20;

/// The kept cuts of a store.
#[derive(Debug)]
pub struct KeptCuts {
    kept: Mutex<Kept>,
    /// None when it is only read.
    file: Option<File>,
}

#[derive(Debug, Default)]
struct Kept {
    cuts: BTreeMap<(PartitionId, u64), CutTotals>,
    /// Where the next record goes.
    end: u64,
}

impl KeptCuts {
    /// Reads the cuts of the store in this folder, which nobody may be writing to. A store without
    /// any has none.
    ///
    /// # Errors
    /// [`OpenError::Store`] when the file is damaged, [`OpenError::Io`] when it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE_NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => MAGIC.to_vec(),
            Err(error) => return Err(OpenError::io("read", &path)(error)),
        };
        Ok(Self {
            kept: Mutex::new(parse(bytes, &path)?),
            file: None,
        })
    }

    /// Makes an empty file.
    pub(crate) fn create(path: &Path) -> Result<Self, OpenError> {
        let create = || {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create_new(true).open(path)?;
            file.write_all_at(&MAGIC, 0)?;
            file.sync_all()?;
            Ok(file)
        };
        let file = create().map_err(OpenError::io("create", path))?;
        let kept = Kept {
            cuts: BTreeMap::new(),
            end: MAGIC.len() as u64,
        };
        Ok(Self {
            kept: Mutex::new(kept),
            file: Some(file),
        })
    }

    /// Opens the file, and takes off what a crash left of a last record.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        if !path.exists() {
            tracing::warn!(path = %path.display(), "no cuts are kept yet: a store of an earlier version");
            return Self::create(path);
        }
        let mut bytes = Vec::new();
        let open = |bytes: &mut Vec<u8>| {
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            file.read_to_end(bytes)?;
            Ok(file)
        };
        let file = open(&mut bytes).map_err(OpenError::io("open", path))?;
        let size = bytes.len() as u64;
        let kept = parse(bytes, path)?;
        if kept.end < size {
            let cut = file.set_len(kept.end).and_then(|()| file.sync_all());
            cut.map_err(OpenError::io("cut off the torn tail of", path))?;
        }
        Ok(Self {
            kept: Mutex::new(kept),
            file: Some(file),
        })
    }

    /// Keeps cuts, durable when this returns; what is kept already is passed over.
    pub(crate) fn keep(&self, cuts: &[CutTotals]) -> Result<(), WriteError> {
        let mut kept = self.kept.lock();
        let mut bytes = Vec::new();
        let mut new = Vec::new();
        for cut in cuts {
            match kept.cuts.get(&(cut.partition, cut.number)) {
                Some(known) if known == cut => {}
                Some(_) => return Err(contradiction(cut)),
                None => {
                    put(cut, &mut bytes);
                    new.push(cut.clone());
                }
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let stopped = |error: io::Error| WriteError::Stopped(format!("write cuts: {error}"));
        let file = self.file.as_ref();
        let file = file.ok_or_else(|| WriteError::Stopped("cuts are only read here".to_owned()))?;
        // After a failed sync the tail is unknown, so nothing is added behind it.
        file.write_all_at(&bytes, kept.end).map_err(stopped)?;
        file.sync_data().map_err(stopped)?;
        kept.end += bytes.len() as u64;
        kept.cuts.extend(
            new.into_iter()
                .map(|cut| ((cut.partition, cut.number), cut)),
        );
        Ok(())
    }

    /// The cuts of a partition from a number on, in their order, at most `max`.
    #[must_use]
    pub fn cut_totals(&self, partition: PartitionId, from: u64, max: usize) -> Vec<CutTotals> {
        let kept = self.kept.lock();
        let range = (partition, from)..=(partition, u64::MAX);
        let found = kept.cuts.range(range).take(max);
        found.map(|(_, cut)| cut.clone()).collect()
    }
}

/// Totals are a function of the log (CARD-7): whoever comes to others must not go on.
fn contradiction(cut: &CutTotals) -> WriteError {
    let (number, partition) = (cut.number, cut.partition);
    WriteError::Stopped(format!(
        "cut {number} of partition {partition} was kept with other totals: stop and call the maintainers"
    ))
}

fn put(cut: &CutTotals, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(18 + cut.totals.len());
    body.extend_from_slice(&cut.partition.0.to_le_bytes());
    body.extend_from_slice(&cut.number.to_le_bytes());
    body.extend_from_slice(&cut.offset.to_le_bytes());
    body.extend_from_slice(&cut.totals);
    let size = u32::try_from(body.len()).expect("totals are far below it");
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    out.extend_from_slice(&body);
}

/// Reads all records. A last one that is cut off or was never finished is left out; anything else
/// that is wrong is damage.
fn parse(bytes: Vec<u8>, path: &Path) -> Result<Kept, OpenError> {
    let damaged = |at: usize| {
        let path = path.display();
        StoreError::Damaged(format!("{path} is damaged at byte {at}; restore a backup"))
    };
    let mut rest = Bytes::from(bytes);
    let size = rest.len();
    if rest.get(..MAGIC.len()) != Some(&MAGIC) {
        return Err(damaged(0).into());
    }
    rest.advance(MAGIC.len());
    let mut kept = Kept::default();
    loop {
        let at = size - rest.len();
        kept.end = at as u64;
        match take(&mut rest) {
            Taken::End => return Ok(kept),
            Taken::Cut(cut) => drop(kept.cuts.insert((cut.partition, cut.number), cut)),
            Taken::Damaged => return Err(damaged(at).into()),
        }
    }
}

enum Taken {
    Cut(CutTotals),
    /// No more, or no more that was finished.
    End,
    Damaged,
}

fn take(rest: &mut Bytes) -> Taken {
    let is_last = |size: usize| size >= rest.len();
    let Some((head, _)) = rest.split_at_checked(HEAD_SIZE) else {
        return Taken::End;
    };
    let (mut head, whole) = (head, rest.clone());
    let size = usize::try_from(head.get_u32_le()).unwrap_or(usize::MAX);
    let crc = head.get_u32_le();
    // Blocks that were never written read as zeros.
    if size == 0 && whole.iter().all(|byte| *byte == 0) {
        return Taken::End;
    }
    let end = HEAD_SIZE.saturating_add(size);
    let Some(body) = whole.get(HEAD_SIZE..end) else {
        return match size > RECORD_SIZE_MAX {
            true => Taken::Damaged,
            false => Taken::End,
        };
    };
    if crc32fast::hash(body) != crc {
        return match is_last(end) {
            true => Taken::End,
            false => Taken::Damaged,
        };
    }
    let cut = decode(whole.slice(HEAD_SIZE..end));
    rest.advance(end);
    cut.map_or(Taken::Damaged, Taken::Cut)
}

fn decode(mut body: Bytes) -> Option<CutTotals> {
    Some(CutTotals {
        partition: PartitionId(body.try_get_u16_le().ok()?),
        number: body.try_get_u64_le().ok()?,
        offset: body.try_get_u64_le().ok()?,
        totals: body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(partition: u16, number: u64, totals: &'static [u8]) -> CutTotals {
        CutTotals {
            partition: PartitionId(partition),
            number,
            offset: number * 10,
            totals: Bytes::from_static(totals),
        }
    }

    /// A file with three cuts, in a folder.
    fn kept() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let cuts = KeptCuts::create(&path).unwrap();
        cuts.keep(&[cut(3, 7, b"seven"), cut(4, 7, b"")]).unwrap();
        cuts.keep(&[cut(3, 7, b"seven"), cut(3, 8, b"eight")])
            .unwrap();
        (folder, path)
    }

    fn numbers(cuts: &KeptCuts, partition: u16) -> Vec<u64> {
        let found = cuts.cut_totals(PartitionId(partition), 0, 9);
        found.into_iter().map(|cut| cut.number).collect()
    }

    /// Kept for ever: every later build must read it.
    #[test]
    fn layout_is_pinned() {
        let (_folder, path) = kept();
        let hex: String = std::fs::read(path)
            .unwrap()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, GOLDEN);
    }

    /// Made with Python's zlib and struct.
    const GOLDEN: &str = "465343555453000117000000268fbc2003000700000000000000460000000000000073\
                          6576656e12000000542bb87e04000700000000000000460000000000000017000000e5\
                          ea15880300080000000000000050000000000000006569676874";

    #[test]
    fn a_torn_tail_is_cut_off_and_comes_again() {
        let (folder, path) = kept();
        let whole = std::fs::read(&path).unwrap();
        let last = whole.len() - (HEAD_SIZE + 18 + 5);
        for size in last..whole.len() {
            std::fs::write(&path, &whole[..size]).unwrap();
            assert_eq!(numbers(&KeptCuts::read(folder.path()).unwrap(), 3), [7]);
            let cuts = KeptCuts::open(&path).unwrap();
            assert_eq!((numbers(&cuts, 3), numbers(&cuts, 4)), (vec![7], vec![7]));
            cuts.keep(&[cut(3, 8, b"eight")]).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {size}");
        }
        // Blocks that a crash left unwritten, and half a record.
        let mut torn = whole.clone();
        torn.extend([0; 4_096]);
        std::fs::write(&path, torn).unwrap();
        assert_eq!(numbers(&KeptCuts::open(&path).unwrap(), 3), [7, 8]);
        let mut torn = whole.clone();
        *torn.last_mut().unwrap() ^= 1;
        std::fs::write(&path, torn).unwrap();
        assert_eq!(numbers(&KeptCuts::open(&path).unwrap(), 3), [7]);
    }

    #[test]
    fn what_is_no_torn_tail_is_damage() {
        let (folder, path) = kept();
        let whole = std::fs::read(&path).unwrap();
        let last = whole.len() - (HEAD_SIZE + 18 + 5);
        for at in (0..last).step_by(3) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            std::fs::write(&path, &damaged).unwrap();
            let read = KeptCuts::read(folder.path());
            // A length that reaches beyond the end may be a torn tail; nothing else may.
            let lost = read
                .as_ref()
                .map(|cuts| numbers(cuts, 3).len())
                .unwrap_or(0);
            assert!(read.is_err() || lost < 2, "byte {at}");
        }
        std::fs::write(&path, b"").unwrap();
        assert!(KeptCuts::open(&path).is_err(), "not even its format");
    }

    #[test]
    fn other_totals_of_a_kept_cut_are_refused() {
        let (folder, path) = kept();
        let cuts = KeptCuts::open(&path).unwrap();
        let other = [cut(3, 9, b"nine"), cut(3, 8, b"other")];
        assert!(matches!(cuts.keep(&other), Err(WriteError::Stopped(_))));
        assert_eq!(numbers(&cuts, 3), [7, 8], "all or nothing");
        let read = KeptCuts::read(folder.path()).unwrap();
        assert!(read.keep(&[cut(3, 9, b"nine")]).is_err(), "only read");
        let none = tempfile::tempdir().unwrap();
        assert_eq!(numbers(&KeptCuts::read(none.path()).unwrap(), 3), [0; 0]);
    }
}
