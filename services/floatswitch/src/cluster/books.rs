//! The books of a running cluster: its card store, read without owning anything, and a desk whose
//! commands go through the log like everybody's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::bundles::SharedBundles;
use super::place::{Place, TOPIC_TIMEOUT};
use super::serve::random_below;
use crate::books::{Books, Work};
use crate::engine::record_of;
use crate::exit::Failure;
use card::{Command, Outcome, PartitionId, Reply, ReplyTo};
use card_processor::{ControlTotals, read_checkpoint};
use card_store::CardStore as _;
use card_store_scylla::ScyllaReader;
use command_log::{CommandLog as _, ReplySink, TracedReply};
use command_log_kafka::{KafkaLog, ReplyReader, watermarks};
use pan::PanHasher;
use registry::MediaBook;
use registry_scylla::CqlMedia;
use settings::{Cluster, Settings};

/// How long the processors may take to decide what is in the log.
const SETTLE_PATIENCE: Duration = Duration::from_secs(60);
/// How long they may take to decide commands of the desk.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const WATERMARK_TIMEOUT: Duration = Duration::from_secs(10);

/// An opened cluster.
pub(super) struct ClusterBooks {
    place: Place,
    store: ScyllaReader,
    media: CqlMedia,
    log: Arc<KafkaLog>,
    desk: Arc<Desk>,
    /// Ends with the books.
    _replies: ReplyReader,
}

/// Works on the books of a cluster.
pub(crate) async fn work_on_books<W: Work>(
    settings: &Settings,
    cluster: &Cluster,
    work: W,
) -> Result<W::Done, Failure> {
    let books = ClusterBooks::open(settings, cluster).await?;
    let done = work.on(&books).await;
    books.close().await?;
    done
}

impl ClusterBooks {
    async fn open(settings: &Settings, cluster: &Cluster) -> Result<Self, Failure> {
        let place = Place::open(settings, cluster, "desk").await?;
        let store = ScyllaReader::new(place.cql.clone());
        let desk = Arc::new(Desk::new(random_below(cluster.reply_partitions.get())?)?);
        let sink = Arc::clone(&desk) as Arc<dyn ReplySink>;
        let replies = ReplyReader::start(
            &place.kafka,
            &place.names,
            desk.address.partition,
            sink,
            TOPIC_TIMEOUT,
        )
        .map_err(Failure::start_error)?;
        Ok(Self {
            store,
            media: place.media().await?,
            log: Arc::new(place.open_log().await?),
            desk,
            _replies: replies,
            place,
        })
    }
}

/// Waits until the checkpoints reach the log's end, and adds up their totals. Without it, a check
/// would compare cards with totals of another moment.
async fn settled(place: &Place, store: &ScyllaReader) -> Result<ControlTotals, Failure> {
    let bundles = SharedBundles::open(&place.cql).await?;
    let deadline = Instant::now() + SETTLE_PATIENCE;
    loop {
        let ends = ends(place).await?;
        let checkpoints = store.checkpoints().await.map_err(Failure::start_error)?;
        let mut behind = 0;
        for (partition, end) in ends {
            let reached = checkpoints.iter().find(|one| one.partition == partition);
            behind += end.saturating_sub(reached.map_or(0, |one| one.next_offset));
        }
        if behind == 0 {
            let mut totals = ControlTotals::default();
            for checkpoint in &checkpoints {
                let read = tokio::task::block_in_place(|| read_checkpoint(checkpoint, &bundles));
                totals.add(&read.map_err(Failure::cannot_start)?.1);
            }
            return Ok(totals);
        }
        if Instant::now() > deadline {
            return Err(Failure::cannot_start(format!(
                "{behind} records of the log are in no checkpoint yet: stop the traffic, see to it \
                 that processors run and no partition has stopped (`floatswitch cluster status`), \
                 and try again"
            )));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Where each partition of the log ends.
pub(super) async fn ends(place: &Place) -> Result<Vec<(PartitionId, u64)>, Failure> {
    let (kafka, names) = (place.kafka.clone(), place.names.clone());

    let base = place.offset_base;
    let all: Vec<PartitionId> = (0..place.log_id.partition_count).map(PartitionId).collect();
    let found =
        tokio::task::spawn_blocking(move || watermarks(&kafka, &names, &all, WATERMARK_TIMEOUT));
    let found = found
        .await
        .map_err(Failure::start_error)?
        .map_err(Failure::start_error)?;
    Ok(found
        .into_iter()
        .map(|found| (found.partition, found.end + base))
        .collect())
}

impl Books for ClusterBooks {
    type Store = ScyllaReader;

    fn store(&self) -> &ScyllaReader {
        &self.store
    }

    fn media(&self) -> &dyn MediaBook {
        &self.media
    }

    fn hasher(&self) -> &PanHasher {
        &self.place.hasher
    }

    fn partition_count(&self) -> u16 {
        self.place.log_id.partition_count
    }

    async fn settled(&self) -> Result<ControlTotals, Failure> {
        settled(&self.place, &self.store).await
    }

    async fn ask(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, Failure> {
        let count = commands.len();
        let first = self.desk.expect(count);
        let records = commands
            .into_iter()
            .zip(first..)
            .map(|(mut command, number)| {
                command.reply_to = ReplyTo {
                    exchange: number,
                    ..self.desk.address
                };
                record_of(&command, self.partition_count())
            });
        self.log
            .submit(records.collect())
            .map_err(Failure::start_error)?;
        self.desk.take(first, count).await
    }

    async fn close(self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Waits for the outcomes of commands that this program gave itself.
struct Desk {
    address: ReplyTo,
    next: std::sync::atomic::AtomicU64,
    outcomes: Mutex<BTreeMap<u64, Outcome>>,
    came: Notify,
}

impl Desk {
    fn new(partition: u16) -> Result<Self, Failure> {
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).map_err(Failure::start_error)?;
        Ok(Self {
            address: ReplyTo {
                partition,
                incarnation: u64::from_le_bytes(random).max(1),
                exchange: 0,
            },
            next: std::sync::atomic::AtomicU64::new(1),
            outcomes: Mutex::default(),
            came: Notify::new(),
        })
    }

    /// The number of the first of so many exchanges.
    fn expect(&self, count: usize) -> u64 {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.next
            .fetch_add(count, std::sync::atomic::Ordering::Relaxed)
    }

    async fn take(&self, first: u64, count: usize) -> Result<Vec<Outcome>, Failure> {
        let all_came = async {
            loop {
                let came = self.came.notified();
                {
                    let mut outcomes = self.outcomes.lock();
                    if outcomes.range(first..).count() >= count {
                        return outcomes.split_off(&first).into_values().collect();
                    }
                }
                came.await;
            }
        };
        tokio::time::timeout(ANSWER_PATIENCE, all_came)
            .await
            .map_err(|_| {
                Failure::cannot_start(
                    "no processor decided in time: run `floatswitch serve --roles processor`, look at \
                     `floatswitch cluster status`, and repeat this, which issues no card twice",
                )
            })
    }
}

impl ReplySink for Desk {
    fn deliver(&self, replies: &mut Vec<Reply>, _: &[TracedReply]) {
        let mut outcomes = self.outcomes.lock();
        for reply in replies.drain(..) {
            if reply.reply_to.incarnation == self.address.incarnation {
                outcomes.insert(reply.reply_to.exchange, reply.outcome);
            }
        }
        drop(outcomes);
        self.came.notify_one();
    }
}
