//! The token that a caller must show: 64 hexadecimal digits in a file that only its owner may read.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

const RANDOM_SIZE: usize = 32;
const LENGTH_MIN: usize = 32;
const LENGTH_MAX: usize = 256;
/// Permissions that are accepted: only the owner, reading or also writing.
const MODES: [u32; 2] = [0o600, 0o400];

/// Why there is no token to work with.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Making one would replace it.
    #[error("{} is there already: it was not touched", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("{} is missing: `floatswitch init` writes one beside the settings, or write 64 random hexadecimal digits with mode 600", .0.display())]
    Missing(PathBuf),
    /// Others may read it.
    #[error("{} has permissions {mode:04o}; run `chmod 600` on it", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// What it has.
        mode: u32,
    },
    /// Too short to be safe, or not one word.
    #[error("{} holds no token: write {LENGTH_MIN} to {LENGTH_MAX} visible characters on one line", .0.display())]
    Content(PathBuf),
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

/// A token, in memory for as long as it is needed.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Makes a random one in the file of this path. Durable when this returns.
    ///
    /// # Errors
    /// [`TokenError::Exists`] rather than replace one; [`TokenError::Io`].
    pub fn create(path: &Path) -> Result<Self, TokenError> {
        let mut random = Zeroizing::new([0u8; RANDOM_SIZE]);
        getrandom::fill(&mut *random)
            .map_err(|error| io_error("make", path)(io::Error::other(error)))?;
        let digits = random.iter().map(|byte| format!("{byte:02x}"));
        let token = Self(Zeroizing::new(digits.collect()));
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(path);
        let mut file = opened.map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return TokenError::Exists(path.to_owned());
            }
            io_error("create", path)(error)
        })?;
        writeln!(file, "{}", token.expose())
            .and_then(|()| file.sync_all())
            .map_err(io_error("write", path))?;
        Ok(token)
    }

    /// Reads the token from the file of this path.
    ///
    /// # Errors
    /// As [`TokenError`] says.
    pub fn load(path: &Path) -> Result<Self, TokenError> {
        let file = File::open(path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                return TokenError::Missing(path.to_owned());
            }
            io_error("open", path)(error)
        })?;
        let mode = file.metadata().map_err(io_error("open", path))?.mode() & 0o7777;
        if !MODES.contains(&mode) {
            return Err(TokenError::Permissions {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::with_capacity(2 * LENGTH_MAX));
        let read = file.take(2 * LENGTH_MAX as u64).read_to_string(&mut text);
        read.map_err(io_error("read", path))?;
        let word = text.trim_end();
        let is_word = word.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_word || !(LENGTH_MIN..=LENGTH_MAX).contains(&word.len()) {
            return Err(TokenError::Content(path.to_owned()));
        }
        Ok(Self(Zeroizing::new(word.to_owned())))
    }

    /// Whether this is it. Takes the same time wherever two tokens differ, and whatever their
    /// lengths.
    #[must_use]
    pub fn is(&self, shown: &[u8]) -> bool {
        let digest = |text: &[u8]| Sha256::digest(text);
        digest(self.0.as_bytes()).ct_eq(&digest(shown)).into()
    }

    /// Its characters, for the one header that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> TokenError {
    let path = path.to_owned();
    move |source| TokenError::Io {
        action,
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn one_is_made_once_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operations.token");
        assert!(matches!(Token::load(&path), Err(TokenError::Missing(_))));
        let token = Token::create(&path).unwrap();
        assert!(matches!(Token::create(&path), Err(TokenError::Exists(_))));
        let read = Token::load(&path).unwrap();
        assert!(read.is(token.expose().as_bytes()));
        assert_eq!(token.expose().len(), 64);
        for other in [&b""[..], b"x", &token.expose().as_bytes()[..63]] {
            assert!(!read.is(other));
        }
        assert!(!format!("{token:?}").contains(token.expose()));
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = Token::load(&path).unwrap_err().to_string();
        assert!(error.ends_with("run `chmod 600` on it"), "{error}");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operations.token");
        for text in [
            "",
            "short",
            &"x".repeat(257),
            &format!("{0} {0}", "x".repeat(20)),
        ] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert!(
                matches!(Token::load(&path), Err(TokenError::Content(_))),
                "{text}"
            );
        }
    }
}
