//! How the yardsticks reach the card store: as the switch does.

use std::time::Duration;

use crate::report::YardstickError;
use card_store_scylla::{CqlSession, CqlSettings, Keyspace, Reach};

/// Longer than the server's own time-out, as the switch has it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CqlArgs {
    /// Nodes to ask first, HOST:PORT, several separated by commas.
    #[arg(long, value_name = "NODES", value_delimiter = ',')]
    pub(crate) cql: Vec<String>,
    /// The keyspace.
    #[arg(long, default_value = "yardstick")]
    pub(crate) keyspace: String,
}

impl CqlArgs {
    pub(crate) fn settings(&self) -> Result<CqlSettings, YardstickError> {
        let keyspace = Keyspace::new(&self.keyspace);
        Ok(CqlSettings {
            contact_points: self.cql.clone(),
            keyspace: keyspace.map_err(YardstickError::server("name the keyspace"))?,
            reach: Reach::Everywhere,
            request_timeout: REQUEST_TIMEOUT,
            login: None,
        })
    }
}

pub(crate) async fn connect(settings: &CqlSettings) -> Result<CqlSession, YardstickError> {
    let session = CqlSession::connect(settings).await;
    session.map_err(YardstickError::server("reach the card store"))
}
