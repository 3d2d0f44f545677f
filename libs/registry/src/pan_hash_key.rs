//! The key of the hash under which card numbers are looked up: 32 random bytes in a file of its
//! own that only its owner may read.
//!
//! It is made once and never changed in place: with another key no card would be found. Whoever
//! has the key and the media database can try out all card numbers, so keep backups of the two
//! apart. No byte of it ever appears in a log or error.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use pan::PanHasher;

/// Its place below the folder of the switch.
pub const FILE_NAME: &str = "keys/pan-hash.key";
const KEY_SIZE: usize = 32;
/// Permissions that are accepted: only the owner, reading or also writing.
const MODES: [u32; 2] = [0o600, 0o400];

/// Why there is no key to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Making one would replace it.
    #[error("{} exists already; it is made once and kept, with another key no card is found", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("{} is missing; put it back from your key backup, or make one with `init`", .0.display())]
    Missing(PathBuf),
    /// It is not one file of 32 bytes.
    #[error("{} is not a file of 32 bytes; put it back from your key backup", .0.display())]
    Size(PathBuf),
    /// Others may read it.
    #[error("{} has permissions {mode:04o}; run `chmod 600` on it", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// What it has.
        mode: u32,
    },
    /// The system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes the key in the file of this path, with its folder. Durable when this returns.
///
/// # Errors
/// [`KeyError::Exists`] rather than replace one; [`KeyError::Io`].
pub fn create(path: &Path) -> Result<PanHasher, KeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    // Another name first, so that a crash never leaves half a key under the right one.
    let draft = path.with_extension("key.new");
    if let Err(error) = std::fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(io_error("remove", &draft)(error));
    }
    write_random(&draft)?;
    // A link, unlike a rename, does not replace.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).map_err(io_error("remove", &draft))?;
    linked.map_err(|error| {
        let is_taken = error.kind() == io::ErrorKind::AlreadyExists;
        if is_taken {
            KeyError::Exists(path.to_owned())
        } else {
            io_error("create", path)(error)
        }
    })?;
    let opened = File::open(folder).and_then(|folder| folder.sync_all());
    opened.map_err(io_error("sync", folder))?;
    load(path)
}

/// Reads the key from the file of this path.
///
/// # Errors
/// [`KeyError`], by what is wrong with the file.
pub fn load(path: &Path) -> Result<PanHasher, KeyError> {
    let mut file = File::open(path).map_err(|error| {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        if is_missing {
            KeyError::Missing(path.to_owned())
        } else {
            io_error("open", path)(error)
        }
    })?;
    let metadata = file.metadata().map_err(io_error("open", path))?;
    if !metadata.is_file() || metadata.len() != KEY_SIZE as u64 {
        return Err(KeyError::Size(path.to_owned()));
    }
    let mode = metadata.mode() & 0o7777;
    if !MODES.contains(&mode) {
        return Err(KeyError::Permissions {
            path: path.to_owned(),
            mode,
        });
    }
    let mut key = Zeroizing::new([0u8; KEY_SIZE]);
    file.read_exact(&mut *key).map_err(io_error("read", path))?;
    Ok(PanHasher::new(&key))
}

fn write_random(path: &Path) -> Result<(), KeyError> {
    let mut key = Zeroizing::new([0u8; KEY_SIZE]);
    fill_random(&mut *key).map_err(io_error("make random bytes for", path))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(&*key)?;
            file.sync_all()
        })
        .map_err(io_error("write", path))
}

fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        let flags = rustix::rand::GetRandomFlags::empty();
        filled += rustix::rand::getrandom(&mut bytes[filled..], flags)?;
    }
    Ok(())
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use pan::Pan;

    use super::*;

    #[test]
    fn is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let pan = Pan::parse(b"6299990100001238").unwrap();
        let made = create(&path).unwrap().hash(&pan);
        assert_eq!(load(&path).unwrap().hash(&pan), made);
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.len()), (0o600, 32));
        assert!(matches!(create(&path), Err(KeyError::Exists(_))));
        assert_eq!(load(&path).unwrap().hash(&pan), made, "untouched");
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(files.count(), 1, "no draft is left");

        let elsewhere = tempfile::tempdir().unwrap();
        let other = create(&elsewhere.path().join(FILE_NAME))
            .unwrap()
            .hash(&pan);
        assert_ne!(other, made, "another switch has another key");
    }

    #[test]
    fn anything_but_a_private_file_of_32_bytes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pan-hash.key");
        let refused = || {
            load(&path)
                .unwrap_err()
                .to_string()
                .replace(path.to_str().unwrap(), "F")
        };
        assert_eq!(
            refused(),
            "F is missing; put it back from your key backup, or make one with `init`"
        );
        let is = |content: &[u8], mode| {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for size in [0, 31, 33] {
            is(&vec![b'k'; size], 0o600);
            assert_eq!(
                refused(),
                "F is not a file of 32 bytes; put it back from your key backup"
            );
        }
        for mode in [0o644, 0o640, 0o604, 0o660, 0o700] {
            is(&[b'k'; 32], mode);
            assert_eq!(
                refused(),
                format!("F has permissions {mode:04o}; run `chmod 600` on it")
            );
        }
        is(&[b'k'; 32], 0o400);
        assert!(load(&path).is_ok());
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(load(&path), Err(KeyError::Size(_))));
    }
}
