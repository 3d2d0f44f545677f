//! `floatswitch export` and `import`: from an embedded switch to a cluster, or to another folder.
//!
//! The cards go as they are, through an [`archive`]: bodies, journal rows and old keys byte by byte,
//! so hash chains stay whole; media, rules and control totals go along. What the switch holds is
//! proved four times: before it is written to the archive, when the archive is read and nothing is
//! written yet, when all of it is read back from its new place, and by `check` whenever one likes.
//!
//! - [`export`]: from a stopped embedded switch to an archive.
//! - [`import`]: from an archive to a [`Target`].
//! - [`verify`]: what is told of an archive or a target, and how it is compared.
//!
//! Not here: the command log. It is folded to its end first, and the new log begins above it
//! (`offset_base`), so that applied positions and RRNs stay valid. Nor the key of the card number
//! hashes, which the operator carries by hand.

mod archive;
mod copy;
mod embedded;
mod export;
mod flight;
mod import;
mod readback;
mod report;
mod target;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use archive::Archive;
#[cfg(feature = "cluster")]
pub(crate) use archive::ArchiveId;
pub(crate) use export::{ExportArgs, run as export};
#[cfg(feature = "cluster")]
pub(crate) use import::into;
pub(crate) use import::{ImportArgs, Imported, run as import};
#[cfg(feature = "cluster")]
pub(crate) use target::{Marker, Shape, Stage, Target};
#[cfg(feature = "cluster")]
pub(crate) use verify::archive as verify;
