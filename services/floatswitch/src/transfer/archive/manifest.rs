//! `manifest.json`: what is in an archive, with the hashes that prove it, and the money it tells of.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{ArchiveError, ArchiveId, FORMAT};

/// The file of the manifest.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The file of its hash; it makes the archive whole.
pub(crate) const MANIFEST_HASH: &str = "manifest.sha256";

/// What is in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The program that wrote it.
    pub(crate) made_by: String,
    /// Milliseconds since 1970, UTC.
    pub(crate) made_at_ms: i64,
    /// The log that the positions of the rows name.
    pub(crate) log: SourceLog,
    /// Where each partition of the new log begins: at or above every offset of the old one, so that
    /// applied positions and RRNs stay what they are and none comes twice.
    pub(crate) offset_base: u64,
    /// The hash of a number that nobody has, under the key of the card number hashes: tells whether
    /// a key is the same without telling the key.
    pub(crate) pan_hash_key_check: String,
    pub(crate) contents: Contents,
    pub(crate) programmes: Vec<ProgrammeTold>,
    pub(crate) files: Vec<Listed>,
}

/// The log that the cards come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceLog {
    pub(crate) incarnation: String,
    pub(crate) partition_count: u16,
    pub(crate) hash_version: u8,
    /// The highest offset that the next record of any partition would have got.
    pub(crate) end_offset_max: u64,
}

impl Manifest {
    /// What it tells of its contents.
    pub(crate) fn told(&self) -> Told {
        Told {
            contents: self.contents,
            programmes: self.programmes.clone(),
        }
    }
}

/// Counts and money; the same when it is told of the archive, and of the place it went to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Told {
    pub(crate) contents: Contents,
    pub(crate) programmes: Vec<ProgrammeTold>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contents {
    pub(crate) cards: u64,
    pub(crate) journal_rows: u64,
    pub(crate) entries: u64,
    pub(crate) old_keys: u64,
    pub(crate) media: u64,
    pub(crate) partitions: u64,
    pub(crate) rules_bundles: u64,
    /// Cuts of partitions, with what was booked before each.
    pub(crate) cuts: u64,
}

/// The money of a programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProgrammeTold {
    pub(crate) programme: u16,
    pub(crate) cards: u64,
    pub(crate) entries: u64,
    pub(crate) float_fen: FloatFen,
    /// Debits less credits of all entries.
    pub(crate) trial_balance_fen: i128,
    /// By account number, debit positive.
    pub(crate) balances_fen: BTreeMap<u16, i128>,
}

/// The float, told three ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FloatFen {
    pub(crate) by_cards: i128,
    pub(crate) by_rows: i128,
    pub(crate) by_totals: i128,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// Writes the manifest and then its hash, each durable: from then on the folder is an archive.
pub(crate) fn write(folder: &Path, manifest: &Manifest) -> Result<ArchiveId, ArchiveError> {
    let path = folder.join(MANIFEST);
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| ArchiveError::Io {
        action: "encode",
        path: path.clone(),
        source: error.into(),
    })?;
    create_synced(&path, &text)?;
    sync_folder(folder)?;
    let id = id_of(&text);
    create_synced(&folder.join(MANIFEST_HASH), hash_line(id).as_bytes())?;
    sync_folder(folder)?;
    Ok(id)
}

pub(super) fn read(folder: &Path) -> Result<(Manifest, ArchiveId), ArchiveError> {
    let hash_path = folder.join(MANIFEST_HASH);
    let told = needed(&hash_path)?;
    let path = folder.join(MANIFEST);
    let text = needed(&path)?;
    let id = id_of(&text);
    if told != hash_line(id).as_bytes() {
        let what = format!("its SHA-256 is not the one in {MANIFEST_HASH}");
        return Err(ArchiveError::damaged(&path, what));
    }
    let unreadable = |error: serde_json::Error| ArchiveError::damaged(&path, error.to_string());
    let Version { format } = serde_json::from_slice(&text).map_err(unreadable)?;
    if format != FORMAT {
        return Err(ArchiveError::Format(format));
    }
    Ok((serde_json::from_slice(&text).map_err(unreadable)?, id))
}

/// What is read of a manifest of any format.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

fn needed(path: &Path) -> Result<Vec<u8>, ArchiveError> {
    fs::read(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            return ArchiveError::Unfinished {
                path: path.to_owned(),
                what: "is missing".to_owned(),
            };
        }
        ArchiveError::io("read", path)(error)
    })
}

fn id_of(text: &[u8]) -> ArchiveId {
    ArchiveId(Sha256::digest(text).into())
}

/// As `sha256sum` writes it.
fn hash_line(id: ArchiveId) -> String {
    format!("{id}  {MANIFEST}\n")
}

/// The bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new file, for its owner alone.
pub(super) fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

fn create_synced(path: &Path, content: &[u8]) -> Result<(), ArchiveError> {
    let mut file = create(path).map_err(ArchiveError::io("create", path))?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(ArchiveError::io("write", path))
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), ArchiveError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(ArchiveError::io("sync", folder))
}
