//! A keyspace of this process, stores in it, and a way to meddle by hand.

use std::time::Duration;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use tokio::sync::OnceCell;

use card::{CardId, PartitionId};
use card_store_scylla::{
    AssignedStore, Assignment, CqlSession, CqlSettings, Ended, Epoch, Keyspace, Reach, Replication,
    Schema, Term,
};

pub(crate) const PARTITION: PartitionId = PartitionId(3);

/// Settings for these servers and a keyspace that nobody else has.
pub(crate) fn settings_for(contact_points: &[String]) -> CqlSettings {
    CqlSettings {
        contact_points: contact_points.to_vec(),
        keyspace: Keyspace::new(&test_servers::unique("cards")).unwrap(),
        reach: Reach::Everywhere,
        request_timeout: Duration::from_secs(3),
        login: None,
    }
}

pub(crate) fn contact_points() -> Vec<String> {
    let points = test_servers::shared_cassandra().split(',');
    points.map(str::to_owned).collect()
}

/// Settings of the keyspace that the tests of this process share; each keeps to cards and
/// partitions of its own.
pub(crate) async fn settings() -> CqlSettings {
    static SHARED: OnceCell<CqlSettings> = OnceCell::const_new();
    SHARED.get_or_init(own_settings).await.clone()
}

/// Settings of a keyspace for one test.
pub(crate) async fn own_settings() -> CqlSettings {
    let settings = settings_for(&contact_points());
    Schema::apply(&settings, &Replication::everywhere(1).unwrap())
        .await
        .unwrap();
    settings
}

pub(crate) async fn session() -> CqlSession {
    CqlSession::connect(&settings().await).await.unwrap()
}

pub(crate) fn assignment(partition: PartitionId, epoch: u16) -> Assignment {
    Assignment {
        partition,
        term: Term::FIRST,
        epoch: Epoch(epoch),
    }
}

pub(crate) async fn store_at(
    session: &CqlSession,
    partition: PartitionId,
    epoch: u16,
) -> AssignedStore {
    let assignment = assignment(partition, epoch);
    AssignedStore::for_assignment(session.clone(), assignment, Ended::new())
        .await
        .unwrap()
}

/// A card of no other test of this process.
pub(crate) fn fresh_card() -> CardId {
    let name = test_servers::unique("card");
    let mut own = [0; 14];
    for (index, byte) in name.bytes().enumerate() {
        own[index % 14] ^= byte.rotate_left(u32::try_from(index / 14).unwrap());
    }
    CardId::new(1, own)
}

/// A partition of no other test of this process.
pub(crate) fn fresh_partition() -> PartitionId {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(100);
    PartitionId(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A session outside the switch, to do what nobody should.
pub(crate) struct ByHand {
    session: Session,
    keyspace: Keyspace,
}

impl ByHand {
    pub(crate) async fn new(settings: &CqlSettings) -> Self {
        let builder = SessionBuilder::new().known_nodes(&settings.contact_points);
        let session = builder.build().await.unwrap();
        Self {
            session,
            keyspace: settings.keyspace.clone(),
        }
    }

    /// Runs a statement; `{keyspace}` and `{card}` in it are filled in.
    pub(crate) async fn run(&self, cql: &str, card: CardId) {
        let cql = cql
            .replace("{keyspace}", self.keyspace.as_str())
            .replace("{card}", &format!("0x{card}"));
        self.session.query_unpaged(cql, ()).await.unwrap();
    }

    /// The stored state of a card, in hexadecimal digits.
    pub(crate) async fn state(&self, card: CardId) -> String {
        let cql = format!(
            "SELECT state FROM {}.cards WHERE card = 0x{card} LIMIT 1",
            self.keyspace
        );
        let result = self.session.query_unpaged(cql, ()).await.unwrap();
        let (state,) = result
            .into_rows_result()
            .unwrap()
            .first_row::<(Vec<u8>,)>()
            .unwrap();
        state.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
