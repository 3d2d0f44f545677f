//! Where an archive goes: the port between an import and what keeps cards there.

use std::fmt::Debug;
use std::future::Future;

use super::archive::ArchiveId;
use crate::exit::Failure;
use card_processor::Bundles;
use card_store::{CardStore, CardWrite, CutTotals, PartitionCheckpoint, WriteError};
use pan::{Pan, PanHash, PanHasher};
use registry::MediaBook;

/// A place for the cards of a switch, with nobody working on it.
pub(crate) trait Target: Debug + Send + Sync + 'static {
    /// Reads cards, and the checkpoints of all partitions.
    type Store: CardStore;

    fn store(&self) -> &Self::Store;

    fn media(&self) -> &dyn MediaBook;

    fn bundles(&self) -> &dyn Bundles;

    fn hasher(&self) -> &PanHasher;

    fn shape(&self) -> Shape;

    /// How far an import into this place came, none before the first.
    fn marker(&self) -> impl Future<Output = Result<Option<Marker>, Failure>> + Send;

    /// Keeps how far the import is, durable before this returns. With [`Stage::Done`] the place may
    /// be served; before that it must not be.
    fn set_marker(&self, marker: Marker) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Writes one unit of a card. The units of a card come one after the other, those of different
    /// cards at once; after an import that was cut short they come again, with the same bytes.
    fn write(&self, write: CardWrite) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Makes what was written durable; writes may go on meanwhile.
    fn flush(&self) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Keeps the cuts of all partitions; durable with the checkpoints.
    fn keep_cuts(&self, cuts: &[CutTotals]) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Makes everything durable together with the first checkpoint of every partition.
    fn keep_checkpoints(
        &self,
        checkpoints: &[PartitionCheckpoint],
    ) -> impl Future<Output = Result<(), WriteError>> + Send;
}

/// What must be the same at both ends (LOG-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) partition_count: u16,
    pub(crate) hash_version: u8,
    /// The position of the first record of each partition of the target's log.
    pub(crate) offset_base: u64,
}

/// That an archive was, or is being, taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) archive: ArchiveId,
    pub(crate) stage: Stage,
}

/// How far an import came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Some of it may be there: repeat the import, serve nobody.
    Started,
    /// All of it is there and was proved.
    Done,
}

/// All zeros is nobody's number.
const KEY_CHECK_DIGITS: &[u8] = b"0000000000000";

/// Tells one key of card number hashes from another, and nothing of either.
pub(crate) fn key_check(hasher: &PanHasher) -> Result<PanHash, Failure> {
    let nobody = Pan::parse(KEY_CHECK_DIGITS).map_err(Failure::cannot_start)?;
    Ok(hasher.hash(&nobody))
}
