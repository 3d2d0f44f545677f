//! Reads an archive. Nothing is handed out of a segment whose hash is not the manifest's.

use std::path::PathBuf;

use bytes::Bytes;

use super::record::{CardHead, Record};
use super::segment::Blocks;
use super::{Archive, ArchiveError};
use crate::transfer::copy::CardCopy;
use card::Rules;
use card_store::{CutTotals, PartitionCheckpoint};
use registry::RegisteredMedium;

/// Room that is made at once for the rows of a card, whatever it says.
const ROWS_AT_ONCE: u32 = 4_096;

/// What an archive is made of.
#[derive(Debug)]
pub(crate) enum Item {
    Rules(Rules),
    Checkpoint(PartitionCheckpoint),
    Cut(CutTotals),
    Card(CardCopy),
    Medium(RegisteredMedium),
}

/// Goes through an archive once.
#[derive(Debug)]
pub(crate) struct ArchiveReader<'a> {
    archive: &'a Archive,
    /// Segments that were opened.
    segment_count: usize,
    blocks: Blocks,
    records: Bytes,
}

impl<'a> ArchiveReader<'a> {
    pub(super) fn new(archive: &'a Archive) -> Self {
        Self {
            archive,
            segment_count: 0,
            blocks: Blocks::default(),
            records: Bytes::new(),
        }
    }

    /// The next item, `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Item>, ArchiveError> {
        let item = match self.record()? {
            None => return Ok(None),
            Some(Record::Rules(bytes)) => {
                let rules = Rules::decode(&bytes);
                Item::Rules(rules.map_err(|error| self.damaged(format!("rules: {error}")))?)
            }
            Some(Record::Checkpoint(made)) => Item::Checkpoint(made),
            Some(Record::Cut(cut)) => Item::Cut(cut),
            Some(Record::Medium(medium)) => Item::Medium(medium),
            Some(Record::Card(head)) => Item::Card(self.card(head)?),
            Some(Record::Row(_) | Record::Key(_)) => {
                return Err(self.damaged("has a row without its card"));
            }
        };
        Ok(Some(item))
    }

    fn card(&mut self, head: CardHead) -> Result<CardCopy, ArchiveError> {
        let room = |count: u32| usize::try_from(count.min(ROWS_AT_ONCE)).unwrap_or_default();
        let mut rows = Vec::with_capacity(room(head.row_count));
        for _ in 0..head.row_count {
            match self.record()? {
                Some(Record::Row(row)) => rows.push(row),
                _ => return Err(self.damaged(format!("card {} has not all its rows", head.card))),
            }
        }
        let mut keys = Vec::with_capacity(room(head.key_count));
        for _ in 0..head.key_count {
            match self.record()? {
                Some(Record::Key(key)) => keys.push(key),
                _ => return Err(self.damaged(format!("card {} has not all its keys", head.card))),
            }
        }
        Ok(CardCopy {
            card: head.card,
            state: head.state,
            rows,
            keys,
        })
    }

    fn record(&mut self) -> Result<Option<Record>, ArchiveError> {
        while self.records.is_empty() {
            match self.blocks.next() {
                Ok(Some(records)) => self.records = records,
                Ok(None) if self.open_next()? => {}
                Ok(None) => return Ok(None),
                Err(what) => return Err(self.damaged(what)),
            }
        }
        match Record::take(&mut self.records) {
            Some(record) => Ok(Some(record)),
            None => Err(self.damaged("has something that is no record")),
        }
    }

    /// Opens the next segment, and tells whether there was one.
    fn open_next(&mut self) -> Result<bool, ArchiveError> {
        let Some(listed) = self.archive.manifest.files.get(self.segment_count) else {
            return Ok(false);
        };
        self.segment_count += 1;
        let number = u32::try_from(self.segment_count).unwrap_or(u32::MAX);
        self.blocks = Blocks::read(&self.archive.folder, number, listed)?;
        Ok(true)
    }

    fn damaged(&self, what: impl Into<String>) -> ArchiveError {
        let opened = self.segment_count.saturating_sub(1);
        let name = self.archive.manifest.files.get(opened);
        let name = name.map_or_else(PathBuf::new, |listed| PathBuf::from(&listed.path));
        ArchiveError::damaged(&self.archive.folder.join(name), what)
    }
}
