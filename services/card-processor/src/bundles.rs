//! Rules bundles by hash: immutable files that barriers name (LOG-5).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use card::Rules;

/// Why a bundle cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder cannot be read or written.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what its name says.
    #[error("rules file {0} is damaged: restore it from a backup")]
    Damaged(PathBuf),
    /// A store of bundles that is no folder.
    #[error("rules bundles: {0}")]
    Store(String),
}

/// Keeps rules bundles by their hash. What was kept once never changes and is found for ever.
pub trait Bundles: Send + Sync + std::fmt::Debug + 'static {
    /// Keeps a bundle, durable before this returns, and tells its hash.
    ///
    /// # Errors
    /// [`BundleError`] when it cannot be written.
    fn keep(&self, rules: &Rules) -> Result<[u8; 32], BundleError>;

    /// Finds a bundle.
    ///
    /// # Errors
    /// [`BundleError`] when it is missing, cannot be read, or is not what its name says.
    fn find(&self, hash: &[u8; 32]) -> Result<Arc<Rules>, BundleError>;
}

/// A folder of bundles.
#[derive(Debug)]
pub struct BundleFolder {
    folder: PathBuf,
    known: Mutex<BTreeMap<[u8; 32], Arc<Rules>>>,
}

impl BundleFolder {
    /// Uses a folder, made when it is not there.
    ///
    /// # Errors
    /// [`BundleError::Io`] when it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        fs::create_dir_all(folder).map_err(|source| io("create", folder, source))?;
        Ok(Self {
            folder: folder.to_owned(),
            known: Mutex::default(),
        })
    }

    fn path(&self, hash: &[u8; 32]) -> PathBuf {
        let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.rules"))
    }
}

impl Bundles for BundleFolder {
    fn keep(&self, rules: &Rules) -> Result<[u8; 32], BundleError> {
        let hash = rules.hash();
        let path = self.path(&hash);
        if !path.exists() {
            let partial = path.with_extension("partial");
            let write = || -> std::io::Result<()> {
                let mut file = fs::File::create(&partial)?;
                file.write_all(&rules.encode())?;
                file.sync_all()?;
                fs::rename(&partial, &path)?;
                fs::File::open(&self.folder)?.sync_all()
            };
            write().map_err(|source| io("write", &path, source))?;
        }
        self.known.lock().insert(hash, Arc::new(rules.clone()));
        Ok(hash)
    }

    fn find(&self, hash: &[u8; 32]) -> Result<Arc<Rules>, BundleError> {
        if let Some(rules) = self.known.lock().get(hash) {
            return Ok(Arc::clone(rules));
        }
        let path = self.path(hash);
        let bytes = fs::read(&path).map_err(|source| io("read", &path, source))?;
        let rules = Rules::decode(&bytes).map_err(|_| BundleError::Damaged(path.clone()))?;
        if rules.hash() != *hash {
            return Err(BundleError::Damaged(path));
        }
        let rules = Arc::new(rules);
        self.known.lock().insert(*hash, Arc::clone(&rules));
        Ok(rules)
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> BundleError {
    BundleError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
