//! One write of a card: state and journal row in one mutation at quorum, through the switch's own adapter, so
//! that the statement is the very same. Nothing is read, nothing decided.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::cql::{CqlArgs, connect};
use crate::report::{Latencies, Summary, YardstickError};
use card::{CardId, PartitionId, Position, Timestamp, Version};
use card_store::{CardStore as _, CardWrite, JournalRow, StoredCard, WriteError};
use card_store_scylla::{
    AssignedStore, Assignment, CqlSession, Ended, Ownership, Replication, Schema,
};

/// Writes of the first moments are not counted: connections and caches are still cold.
const WARM_UP: Duration = Duration::from_secs(1);
const PARTITION: PartitionId = PartitionId(0);
const TENANT: u16 = 1;

#[derive(Debug, clap::Args)]
pub(crate) struct CqlWriteArgs {
    /// Made when it is missing, and left behind.
    #[command(flatten)]
    cql: CqlArgs,
    /// Writes on their way, each of another card.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    in_flight: u32,
    /// Cards that are written in turn.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    cards: u32,
    /// Bytes of a card's body.
    #[arg(long, default_value_t = 2_500, value_parser = clap::value_parser!(u32).range(1..=32_768))]
    state_bytes: u32,
    /// Bytes of a journal row.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=32_768))]
    row_bytes: u32,
    /// How long to measure, after a second of warming up.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

pub(crate) async fn run(args: &CqlWriteArgs) -> Result<Summary, YardstickError> {
    let settings = args.cql.settings()?;
    let one_copy = Replication::everywhere(1);
    let one_copy = one_copy.map_err(YardstickError::server("make the keyspace"))?;
    let applied = Schema::apply(&settings, &one_copy).await;
    applied.map_err(YardstickError::server("make the tables"))?;
    let session = connect(&settings).await?;
    let assignment = claim(&session).await?;
    let store = AssignedStore::for_assignment(session, assignment, Ended::new()).await;
    let store = store.map_err(YardstickError::server("open the store"))?;
    drive(args, &Arc::new(store)).await
}

/// A claim of its own for each run: its writes win over those of earlier ones.
async fn claim(session: &CqlSession) -> Result<Assignment, YardstickError> {
    let ownership = Ownership::open(session.clone()).await;
    let ownership = ownership.map_err(YardstickError::server("open the table of owners"))?;
    let claim = ownership.claim(PARTITION, "yardstick", Timestamp(0)).await;
    let claim = claim.map_err(YardstickError::server("claim a partition"))?;
    Ok(claim.assignment)
}

async fn drive(args: &CqlWriteArgs, store: &Arc<AssignedStore>) -> Result<Summary, YardstickError> {
    let duration = Duration::from_secs(args.seconds);
    let warm_at = Instant::now() + WARM_UP;
    let end_at = warm_at + duration;
    let mut lanes = JoinSet::new();
    for number in 0..args.in_flight {
        let lane = Lane::new(args, number);
        lanes.spawn(lane.write(Arc::clone(store), (warm_at, end_at)));
    }
    let mut latencies = Latencies::new();
    while let Some(ended) = lanes.join_next().await {
        latencies.add(&ended.map_err(|_| YardstickError::Panicked)??);
    }
    Ok(latencies.summary(duration))
}

/// Writes its own cards in turn, one write at a time, as a card's owner does.
struct Lane {
    number: u32,
    cards: u32,
    body: Bytes,
    row: Bytes,
}

impl Lane {
    fn new(args: &CqlWriteArgs, number: u32) -> Self {
        Self {
            number,
            cards: args.cards.div_ceil(args.in_flight),
            body: noise(args.state_bytes, number),
            row: noise(args.row_bytes, number),
        }
    }

    async fn write(
        self,
        store: Arc<AssignedStore>,
        (warm_at, end_at): (Instant, Instant),
    ) -> Result<Latencies, YardstickError> {
        let mut latencies = Latencies::new();
        let mut now = Instant::now();
        let mut turn = 0;
        while now < end_at {
            let write = self.next(turn % self.cards, turn / self.cards + 1);
            write_until_known(&store, &write).await?;
            let began_at = std::mem::replace(&mut now, Instant::now());
            if began_at > warm_at {
                latencies.record(now.duration_since(began_at));
            }
            turn += 1;
        }
        Ok(latencies)
    }

    fn next(&self, card: u32, version: u32) -> CardWrite {
        let mut own = [0; 14];
        own[..4].copy_from_slice(&self.number.to_be_bytes());
        own[4..8].copy_from_slice(&card.to_be_bytes());
        CardWrite {
            card: CardId::new(TENANT, own),
            state: StoredCard {
                version: Version(version),
                position: Position {
                    partition: PARTITION,
                    offset: u64::from(version),
                },
                body: self.body.clone(),
            },
            rows: vec![JournalRow {
                version: Version(version),
                bytes: self.row.clone(),
            }],
            keys: Vec::new(),
        }
    }
}

/// STORE-3: an unknown outcome means the same bytes again.
async fn write_until_known(store: &AssignedStore, write: &CardWrite) -> Result<(), YardstickError> {
    loop {
        match store.write(write.clone()).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Unknown(_)) => {}
            Err(stopped @ WriteError::Stopped(_)) => {
                return Err(YardstickError::server("write a card")(stopped));
            }
        }
    }
}

/// Bytes that do not compress, as hashes and keys don't. Xorshift: the same in every run.
fn noise(size: u32, seed: u32) -> Bytes {
    let mut random = 0x0139_408d_cbbf_7a45 ^ (u64::from(seed) << 32);
    let bytes = (0..size).map(|_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 56) as u8
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card_sizes::{self, CardSizesArgs};
    use crate::runtime;

    #[test]
    fn writes_what_card_sizes_finds() {
        let points = test_servers::shared_cassandra().split(',');
        let cql = CqlArgs {
            cql: points.map(str::to_owned).collect(),
            keyspace: test_servers::unique("yardstick"),
        };
        let args = CqlWriteArgs {
            cql: cql.clone(),
            in_flight: 4,
            cards: 10,
            state_bytes: 700,
            row_bytes: 130,
            seconds: 1,
        };
        let runtime = runtime().unwrap();
        let summary = runtime.block_on(run(&args)).unwrap();
        assert!(summary.count > 4, "{summary}");
        let sizes = runtime.block_on(card_sizes::run(&CardSizesArgs { cql, sample: 5 }));
        let sizes = sizes.unwrap().to_string();
        assert_eq!(sizes, "5 cards: state 700 bytes, journal row 130 bytes");
    }

    #[test]
    fn noise_has_the_wanted_size_and_differs() {
        assert_eq!(noise(250, 1).len(), 250);
        assert_ne!(noise(250, 1), noise(250, 2));
        assert_eq!(noise(250, 1), noise(250, 1));
    }
}
