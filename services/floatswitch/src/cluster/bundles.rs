//! Rules bundles in the card store, for a processor that cannot wait for a future.

use std::sync::Arc;

use crate::exit::Failure;
use card::Rules;
use card_processor::{BundleError, Bundles};
use card_store_scylla::{CqlBundleError, CqlBundles, CqlSession};

/// Bundles for many processes. A bundle is read once in each.
#[derive(Debug)]
pub(super) struct SharedBundles(CqlBundles);

impl SharedBundles {
    pub(super) async fn open(cql: &CqlSession) -> Result<Self, Failure> {
        let table = CqlBundles::open(cql.clone()).await;
        table.map(Self).map_err(Failure::start_error)
    }
}

impl Bundles for SharedBundles {
    fn keep(&self, rules: &Rules) -> Result<[u8; 32], BundleError> {
        let kept = tokio::task::block_in_place(|| self.0.keep_blocking(rules));
        kept.map_err(error)
    }

    fn find(&self, hash: &[u8; 32]) -> Result<Arc<Rules>, BundleError> {
        let found = tokio::task::block_in_place(|| self.0.find_blocking(hash));
        found.map_err(error)
    }
}

fn error(error: CqlBundleError) -> BundleError {
    BundleError::Store(error.to_string())
}
