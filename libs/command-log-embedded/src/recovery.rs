//! Reads a log back when it is opened, and makes its end fit to write on.
//!
//! A block that does not read back at the end of the log is a write that was cut short: nothing
//! in it was acknowledged, it is cut off. If an intact block follows it, it had been synced
//! (each block is synced before the next is written), so it is damage, and the log is left alone.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::format::{BLOCK_ALIGN, BlockHeader, Entry, block_size, entry_at};
use crate::reader::{BlockReader, read_some};
use crate::segment::{Folder, Segment, SegmentHeader, header_size, pieces};
use card::Timestamp;
use command_log::{Digest, LogId};

/// Offsets of one partition, ascending, with what an earlier fold made of the records.
pub(crate) type Witnesses = [(u64, Digest)];

/// A log as it was found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) segments: Vec<Segment>,
    /// The last segment, to be written on at `position`.
    pub(crate) file: File,
    pub(crate) position: u64,
    pub(crate) next_block: u64,
    pub(crate) next_sequence: u64,
    pub(crate) next_offsets: Vec<u64>,
    pub(crate) last_time: Timestamp,
    /// By partition.
    pub(crate) witnesses: Vec<Vec<(u64, Digest)>>,
}

/// Reads all segments and repairs the tail of the last one.
pub(crate) fn recover(
    folder: &Folder,
    id: &LogId,
    seed: u32,
    disk: &dyn Disk,
) -> Result<Recovered, OpenError> {
    let indexes = folder
        .indexes()
        .map_err(OpenError::io("list", &folder.segments()))?;
    let Some(&last) = indexes.last() else {
        let what = "there is no segment at all";
        return Err(OpenError::damaged(&folder.segments(), 0, what));
    };
    let mut scan = Scan::new(id, seed);
    let mut segments = Vec::with_capacity(indexes.len());
    let mut tail = None;
    for index in indexes {
        let (segment, end) = scan.segment(&folder.segment(index), index)?;
        if index == last {
            tail = Some(end);
        }
        segments.push(segment);
    }
    let tail = tail.expect("the last index is among the indexes");
    let segment = segments.last().expect("there is a last segment");
    let file = repair(segment, &tail, seed, disk)?;
    disk.sync_names(&folder.segments())
        .map_err(OpenError::io("sync", &folder.segments()))?;
    Ok(scan.finish(segments, file, tail.position))
}

/// Where the intact blocks of a segment end.
#[derive(Debug)]
struct Tail {
    position: u64,
    last_block: Option<(u64, usize)>,
}

/// Follows numbers, offsets and times through the log.
#[derive(Debug)]
struct Scan<'a> {
    id: &'a LogId,
    seed: u32,
    next_block: u64,
    next_sequence: u64,
    next_offsets: Option<Vec<u64>>,
    next_index: u64,
    last_time: Timestamp,
    witnesses: Vec<Vec<(u64, Digest)>>,
}

impl<'a> Scan<'a> {
    fn new(id: &'a LogId, seed: u32) -> Self {
        Self {
            id,
            seed,
            next_block: 0,
            next_sequence: 0,
            next_offsets: None,
            next_index: 0,
            last_time: Timestamp::default(),
            witnesses: vec![Vec::new(); usize::from(id.partition_count)],
        }
    }

    fn segment(&mut self, path: &Path, index: u64) -> Result<(Segment, Tail), OpenError> {
        let file = File::open(path).map_err(OpenError::io("open", path))?;
        let header = SegmentHeader::read(&file, self.id, self.seed)
            .map_err(OpenError::io("read", path))?
            .map_err(|what| OpenError::damaged(path, 0, what))?;
        self.enter(path, index, &header)?;
        let begin = header_size(self.id.partition_count);
        let mut reader = BlockReader::new(file, self.seed, begin, header.size);
        let mut last_block = None;
        loop {
            let at = reader.position();
            let next = reader.next_block().map_err(OpenError::io("read", path))?;
            let Some((block, entries)) = next else { break };
            self.block(block, entries)
                .map_err(|what| OpenError::damaged(path, at, what))?;
            last_block = Some((at, block.unpadded_size()));
        }
        let tail = Tail {
            position: reader.position(),
            last_block,
        };
        Ok((
            Segment {
                header,
                path: path.to_path_buf(),
            },
            tail,
        ))
    }

    /// Checks that a segment goes on where the one before it ended.
    fn enter(&mut self, path: &Path, index: u64, header: &SegmentHeader) -> Result<(), OpenError> {
        let Some(next_offsets) = &self.next_offsets else {
            self.next_block = header.first_block;
            self.next_sequence = header.first_sequence;
            self.next_offsets = Some(header.start_offsets.to_vec());
            self.next_index = index + 1;
            self.last_time = header.last_time;
            return if header.index == index {
                Ok(())
            } else {
                Err(OpenError::damaged(
                    path,
                    0,
                    "it has the name of another segment",
                ))
            };
        };
        let goes_on = index == self.next_index
            && header.index == index
            && header.first_block == self.next_block
            && header.first_sequence == self.next_sequence
            && header.start_offsets[..] == next_offsets[..];
        if !goes_on {
            let what = format!(
                "it begins at block {} of segment {index}, but what is left of the log before it \
                 ends at block {} of segment {}",
                header.first_block,
                self.next_block,
                self.next_index.saturating_sub(1)
            );
            return Err(OpenError::damaged(path, 0, what));
        }
        self.next_index += 1;
        Ok(())
    }

    fn block(&mut self, header: BlockHeader, entries: &[u8]) -> Result<(), String> {
        if header.block != self.next_block || header.first_sequence != self.next_sequence {
            return Err(format!(
                "block {} stands where block {} belongs",
                header.block, self.next_block
            ));
        }
        let mut at = 0;
        let mut record_count = 0;
        while at < entries.len() {
            let (entry, next) = entry_at(entries, at).map_err(|error| error.to_string())?;
            record_count += self.entry(&entry)?;
            at = next;
        }
        if record_count != header.record_count {
            return Err(format!(
                "block {} holds other records than it says",
                header.block
            ));
        }
        self.next_block += 1;
        self.next_sequence += u64::from(record_count);
        Ok(())
    }

    /// Follows one entry; returns how many records it is.
    fn entry(&mut self, entry: &Entry) -> Result<u32, String> {
        let next_offsets = self.next_offsets.as_mut().expect("a segment was entered");
        match entry {
            Entry::Record {
                position,
                appended_at,
                ..
            } => {
                let index = usize::from(position.partition.0);
                let next = next_offsets
                    .get_mut(index)
                    .ok_or("record of an unknown partition")?;
                if *next != position.offset {
                    return Err(format!(
                        "record {position} stands where offset {next} belongs"
                    ));
                }
                *next += 1;
                self.last_time = self.last_time.max(*appended_at);
                Ok(1)
            }
            Entry::Witness { position, digest } => {
                let index = usize::from(position.partition.0);
                let known = self
                    .witnesses
                    .get_mut(index)
                    .ok_or("digest of an unknown partition")?;
                known.push((position.offset, *digest));
                Ok(0)
            }
        }
    }

    fn finish(mut self, segments: Vec<Segment>, file: File, position: u64) -> Recovered {
        for known in &mut self.witnesses {
            // Stable: of several digests of one record the first one written counts.
            known.sort_by_key(|(offset, _)| *offset);
            known.dedup_by_key(|(offset, _)| *offset);
        }
        Recovered {
            segments,
            file,
            position,
            next_block: self.next_block,
            next_sequence: self.next_sequence,
            next_offsets: self.next_offsets.expect("there is a segment"),
            last_time: self.last_time,
            witnesses: self.witnesses,
        }
    }
}

/// Cuts off a torn block and makes sure that all blocks before it are on the disk.
fn repair(segment: &Segment, tail: &Tail, seed: u32, disk: &dyn Disk) -> Result<File, OpenError> {
    let path = &segment.path;
    let open = || OpenOptions::new().read(true).write(true).open(path);
    let file = open().map_err(OpenError::io("open", path))?;
    let rest =
        Rest::inspect(&file, segment, tail.position, seed).map_err(OpenError::io("read", path))?;
    if let Some(at) = rest.intact_block_at {
        let what = format!("a block does not read back, although a later one at byte {at} does");
        return Err(OpenError::damaged(path, tail.position, what));
    }
    rest.clear(&file, tail.position, disk)
        .map_err(OpenError::io("repair", path))?;
    rewrite_last_block(&file, tail, disk).map_err(OpenError::io("repair", path))?;
    Ok(file)
}

/// What lies behind the last intact block.
#[derive(Debug)]
struct Rest {
    intact_block_at: Option<u64>,
    /// Where the garbage ends; what follows is zeros.
    garbage_end: u64,
    /// Where the zeros end although the segment should go on.
    short_from: u64,
    size: u64,
}

impl Rest {
    fn inspect(file: &File, segment: &Segment, from: u64, seed: u32) -> std::io::Result<Self> {
        let size = segment.header.size;
        let length = file.metadata()?.len().min(size);
        let mut rest = Self {
            intact_block_at: None,
            garbage_end: from,
            short_from: length.max(from),
            size,
        };
        for (at, piece_size) in pieces(from, length) {
            let mut piece = vec![0; piece_size];
            let filled = read_some(file, &mut piece, at)?;
            for (index, sector) in piece[..filled].chunks(BLOCK_ALIGN).enumerate() {
                if sector.iter().all(|byte| *byte == 0) {
                    continue;
                }
                let sector_at = at + (index * BLOCK_ALIGN) as u64;
                rest.garbage_end = sector_at + sector.len() as u64;
                if sector_at > from && BlockHeader::parse(sector).is_some() {
                    let mut reader = BlockReader::new(file.try_clone()?, seed, sector_at, size);
                    if reader.next_block()?.is_some() {
                        rest.intact_block_at = Some(sector_at);
                        return Ok(rest);
                    }
                }
            }
        }
        Ok(rest)
    }

    /// Writes zeros over the garbage, so that it can never be taken for a later block.
    fn clear(&self, file: &File, from: u64, disk: &dyn Disk) -> std::io::Result<()> {
        let garbage = pieces(from, self.garbage_end);
        let missing = pieces(self.short_from.min(self.size), self.size);
        let mut cleared = false;
        for (at, size) in garbage.chain(missing) {
            disk.fill(file, at, size)?;
            cleared = true;
        }
        if cleared {
            tracing::warn!(
                from_byte = from,
                to_byte = self.garbage_end,
                "cut off the end of the log that a crash left half written"
            );
            disk.sync(file)?;
        }
        Ok(())
    }
}

/// Writes the last block once more and syncs it.
///
/// The process before this one may have died between write and sync, or by an error of the sync.
/// Then the block is in the page cache but perhaps not on the disk, and a sync alone would say
/// that all is well. Earlier blocks were synced before this one was written.
fn rewrite_last_block(file: &File, tail: &Tail, disk: &dyn Disk) -> std::io::Result<()> {
    let Some((at, size)) = tail.last_block else {
        return disk.sync(file);
    };
    let mut block = vec![0; block_size(size)];
    let filled = read_some(file, &mut block[..size], at)?;
    if filled < size {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    disk.write(file, &block, at)?;
    disk.sync(file)
}

/// Takes the first segment of a log whose creation was cut short right before its end.
pub(crate) fn finish_creation(folder: &Folder, id: &LogId, seed: u32) -> Result<(), OpenError> {
    let spare = folder.spare();
    let indexes = folder
        .indexes()
        .map_err(OpenError::io("list", &folder.segments()))?;
    if !indexes.is_empty() {
        return remove_if_there(&spare);
    }
    let Ok(file) = File::open(&spare) else {
        return Ok(());
    };
    let header = SegmentHeader::read(&file, id, seed).map_err(OpenError::io("read", &spare))?;
    match header {
        Ok(header) if header.index == 0 => {
            let first = folder.segment(0);
            fs::rename(&spare, &first).map_err(OpenError::io("name", &first))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn remove_if_there(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(OpenError::io("remove", path)(error)),
    }
}
