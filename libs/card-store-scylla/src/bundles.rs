//! Rules bundles by hash, for all processes of the cluster (LOG-5).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use scylla::statement::prepared::PreparedStatement;
use tokio::runtime::Handle;

use crate::columns::first_row;
use crate::fault::Fault;
use crate::session::CqlSession;
use card::Rules;

/// Why a bundle cannot be kept or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CqlBundleError {
    /// A barrier names what nobody kept here.
    #[error("rules bundle {0} is not in the cluster's database; keep it again from its source")]
    Unknown(String),
    /// Not what its name says.
    #[error("rules bundle {0} is damaged; restore it from a backup")]
    Damaged(String),
    /// The database did not answer well.
    #[error("rules bundles: {0}")]
    Database(#[from] Fault),
}

/// The table of bundles. Cheap to clone; what was found once is not asked for again.
#[derive(Debug, Clone)]
pub struct CqlBundles {
    session: CqlSession,
    insert: PreparedStatement,
    read: PreparedStatement,
    runtime: Handle,
    known: Arc<Mutex<BTreeMap<[u8; 32], Arc<Rules>>>>,
}

impl CqlBundles {
    /// Prepares the statements.
    ///
    /// # Errors
    /// When the database does not answer or has not the table.
    pub async fn open(session: CqlSession) -> Result<Self, Fault> {
        Ok(Self {
            insert: session
                .prepare("INSERT INTO {keyspace}.rules_bundles (hash, bytes) VALUES (?, ?)")
                .await?,
            read: session
                .prepare("SELECT bytes FROM {keyspace}.rules_bundles WHERE hash = ?")
                .await?,
            session,
            runtime: Handle::current(),
            known: Arc::default(),
        })
    }

    /// Keeps a bundle, durable before this returns, and tells its hash. May be repeated.
    ///
    /// # Errors
    /// [`CqlBundleError::Database`].
    pub async fn keep(&self, rules: &Rules) -> Result<[u8; 32], CqlBundleError> {
        let hash = rules.hash();
        // The same name has the same bytes, whoever writes them how often.
        let values = (hash.to_vec(), rules.encode());
        self.session.write(self.insert.clone(), values).await?;
        self.known.lock().insert(hash, Arc::new(rules.clone()));
        Ok(hash)
    }

    /// Finds a bundle.
    ///
    /// # Errors
    /// As [`CqlBundleError`] says.
    pub async fn find(&self, hash: &[u8; 32]) -> Result<Arc<Rules>, CqlBundleError> {
        if let Some(rules) = self.known.lock().get(hash) {
            return Ok(Arc::clone(rules));
        }
        let rows = self.session.read(&self.read, (&hash[..],)).await?;
        let found = first_row::<(Option<Bytes>,)>(&rows)?;
        let Some((Some(bytes),)) = found else {
            return Err(CqlBundleError::Unknown(hex(hash)));
        };
        let rules = Rules::decode(&bytes).map_err(|_| CqlBundleError::Damaged(hex(hash)))?;
        if rules.hash() != *hash {
            return Err(CqlBundleError::Damaged(hex(hash)));
        }
        let rules = Arc::new(rules);
        self.known.lock().insert(*hash, Arc::clone(&rules));
        Ok(rules)
    }

    /// [`CqlBundles::keep`] for a caller that cannot wait: from a thread that may block, one of
    /// `spawn_blocking` or of a multi-threaded runtime.
    ///
    /// # Errors
    /// As [`CqlBundles::keep`].
    pub fn keep_blocking(&self, rules: &Rules) -> Result<[u8; 32], CqlBundleError> {
        tokio::task::block_in_place(|| self.runtime.block_on(self.keep(rules)))
    }

    /// [`CqlBundles::find`] for a caller that cannot wait, like [`CqlBundles::keep_blocking`]. One
    /// that was found before costs nothing.
    ///
    /// # Errors
    /// As [`CqlBundles::find`].
    pub fn find_blocking(&self, hash: &[u8; 32]) -> Result<Arc<Rules>, CqlBundleError> {
        if let Some(rules) = self.known.lock().get(hash) {
            return Ok(Arc::clone(rules));
        }
        tokio::task::block_in_place(|| self.runtime.block_on(self.find(hash)))
    }
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
