//! Cuts a torn batch off the end of fjall's own journal.
//!
//! A power cut may leave the pages of an unsynced batch on disk in any order. fjall drops a batch
//! that ends early, but refuses to open when a batch is complete and its checksum is wrong. Such a
//! batch was never acknowledged, so it may go; that nothing else went is checked afterwards with
//! the checkpoint mark.
//!
//! Entries of fjall's format 3, little endian: start (tag 1, item count u32, sequence u64), item
//! (tag 2, kind u8, compression u8, keyspace u64, key size u16, value size u32, stored size u32,
//! key, stored value), end (tag 3, xxh3 of everything between start and end, `FJL` and 3), clear
//! (tag 4, keyspace u64).

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

/// Ends a batch that was written whole.
const TRAILER: [u8; 4] = *b"FJL\x03";

/// Cuts the newest journal file of this fjall folder behind its last good batch. What was there
/// stays beside it under the extension `torn`.
pub(crate) fn cut(folder: &Path) -> io::Result<()> {
    let Some(path) = newest_journal(folder)? else {
        return Ok(());
    };
    let bytes = std::fs::read(&path)?;
    let good_size = good_size(&bytes);
    tracing::warn!(path = %path.display(), good_size, "cutting a torn batch that was never synced");
    std::fs::copy(&path, path.with_extension("torn"))?;
    let file = OpenOptions::new().write(true).open(&path)?;
    file.set_len(good_size as u64)?;
    file.sync_all()
}

fn newest_journal(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let Some(number) = number.filter(|_| is_journal) {
            newest = newest.max(Some((number, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// How many bytes from the start are whole batches with the right checksum.
fn good_size(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some(behind) = skip_batch(rest) {
        rest = behind;
    }
    bytes.len() - rest.len()
}

fn skip_batch(bytes: &[u8]) -> Option<&[u8]> {
    let ([1, ..], content) = bytes.split_first_chunk::<13>()? else {
        return None;
    };
    let mut rest = content;
    loop {
        rest = match rest.first()? {
            2 => skip_item(rest)?,
            3 => break,
            4 => rest.get(9..)?,
            _ => return None,
        };
    }
    let content = content.get(..content.len() - rest.len())?;
    let (end, behind) = rest.split_first_chunk::<13>()?;
    let (checksum, trailer) = end.get(1..)?.split_first_chunk()?;
    let is_good = xxh3_64(content) == u64::from_le_bytes(*checksum) && trailer == TRAILER;
    is_good.then_some(behind)
}

fn skip_item(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_first_chunk::<21>()?;
    let (sizes, stored_size) = header.get(11..)?.split_first_chunk::<6>()?;
    let key_size = u16::from_le_bytes(*sizes.first_chunk()?);
    let stored_size = u32::from_le_bytes(stored_size.try_into().ok()?);
    rest.get(usize::from(key_size)..)?
        .get(usize::try_from(stored_size).ok()?..)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use card_store::CardStore;
    use card_store::contract::{card, decision, offsets, ready};

    use super::*;
    use crate::{EmbeddedStore, Options};

    /// Two checkpoints of one card each. Returns the folder and the fjall journal.
    fn two_checkpoints() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::create(folder.path(), &Options::default()).unwrap();
        for version in 1..=2 {
            ready(store.write(decision(card(1), version))).unwrap();
            store
                .checkpoint(store.freeze(), &[offsets(0, version.into())])
                .unwrap();
            let mark = folder.path().join("checkpoint");
            fs::copy(&mark, folder.path().join(format!("mark {version}"))).unwrap();
        }
        drop(store);
        let journal = newest_journal(&folder.path().join("lsm")).unwrap().unwrap();
        (folder, journal)
    }

    /// Where the body of a version is in the fjall journal.
    fn body_index(bytes: &[u8], version: u32) -> usize {
        let body = decision(card(1), version).state.body;
        bytes
            .windows(body.len())
            .position(|window| window == body)
            .unwrap()
    }

    #[test]
    fn whole_batches_are_measured_as_fjall_writes_them() {
        let (_folder, journal) = two_checkpoints();
        let bytes = fs::read(journal).unwrap();
        let good = good_size(&bytes);
        assert!(good > body_index(&bytes, 2), "both checkpoints are whole");
        assert!(
            bytes[good..].iter().all(|byte| *byte == 0),
            "nothing but room behind them"
        );
        let mut torn = bytes.clone();
        torn[body_index(&bytes, 2)] ^= 1;
        let good_before = good_size(&torn);
        assert!((body_index(&bytes, 1)..body_index(&bytes, 2)).contains(&good_before));
        for size in (good_before..good).step_by(7) {
            assert_eq!(good_size(&bytes[..size]), good_before, "cut at {size}");
        }
    }

    #[test]
    fn a_torn_checkpoint_that_was_not_acknowledged_is_dropped() {
        let (folder, journal) = two_checkpoints();
        let mut bytes = fs::read(&journal).unwrap();
        let index = body_index(&bytes, 2);
        bytes[index..index + 20].fill(0);
        fs::write(&journal, &bytes).unwrap();
        fs::copy(
            folder.path().join("mark 1"),
            folder.path().join("checkpoint"),
        )
        .unwrap();

        let store = EmbeddedStore::open(folder.path(), &Options::default()).unwrap();
        assert_eq!(ready(store.checkpoints()).unwrap(), [offsets(0, 1)]);
        assert_eq!(
            ready(store.load(card(1))).unwrap(),
            Some(decision(card(1), 1).state)
        );
        assert_eq!(
            fs::read(journal.with_extension("torn")).unwrap(),
            bytes,
            "kept for a look"
        );
        ready(store.write(decision(card(1), 2))).unwrap();
        store.checkpoint(store.freeze(), &[offsets(0, 2)]).unwrap();
        drop(store);
        let store = EmbeddedStore::open(folder.path(), &Options::default()).unwrap();
        assert_eq!(ready(store.checkpoints()).unwrap(), [offsets(0, 2)]);
    }

    #[test]
    fn damage_to_an_acknowledged_checkpoint_is_not_taken_for_a_torn_one() {
        for damaged in [1, 2] {
            let (folder, journal) = two_checkpoints();
            let mut bytes = fs::read(&journal).unwrap();
            let index = body_index(&bytes, damaged);
            bytes[index] ^= 1;
            fs::write(&journal, &bytes).unwrap();
            let error = EmbeddedStore::open(folder.path(), &Options::default())
                .map(|_| "opened")
                .unwrap_err()
                .to_string();
            let expected = "but checkpoint 2 was kept and the log may no longer reach back so \
                            far; restore a backup";
            assert!(error.ends_with(expected), "{error}");
        }
    }
}
