//! The log as the switch holds it.

use std::fs;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::clock::{Clock, LogClock};
use crate::consumer::EmbeddedConsumer;
use crate::error::OpenError;
use crate::format::seed_of;
use crate::identity::{self, LOG_ID_FILE, hex};
use crate::keeper::{Keeper, Room};
use crate::options::Options;
use crate::recovery::{Recovered, finish_creation, recover};
use crate::segment::{Folder, SegmentHeader, create_file, header_size, pieces};
use crate::sequencer::{Ending, Phase, Refusal, Sequencer, StartingPoint, Taken};
use crate::shared::{Parts, Shared};
use crate::writer::{Place, Writer};
use card::{PartitionId, Position, Timestamp};
use command_log::{
    AppendError, CommandLog, ConsumeError, Digest, Durable, DurableWatch, HASH_VERSION, LogId,
    NewRecord, Sequence,
};

/// A command log on one disk.
#[derive(Debug)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Holds the lock on the log.
    _identity: File,
}

impl EmbeddedLog {
    /// Makes a new log in a folder that holds none, and opens it.
    ///
    /// # Errors
    /// [`OpenError`]; on a full disk nothing but a temporary file is left behind.
    pub fn create(dir: &Path, options: Options) -> Result<Self, OpenError> {
        options.validate()?;
        let folder = Folder::new(dir);
        let segments = folder.segments();
        fs::create_dir_all(&segments).map_err(OpenError::io("create", &segments))?;
        let indexes = folder.indexes().map_err(OpenError::io("list", &segments))?;
        if dir.join(LOG_ID_FILE).exists() || !indexes.is_empty() {
            return Err(OpenError::AlreadyThere {
                dir: dir.to_path_buf(),
            });
        }
        let mut incarnation = [0; 16];
        getrandom::fill(&mut incarnation)
            .map_err(|error| OpenError::io("name the log in", dir)(io::Error::other(error)))?;
        let id = LogId {
            incarnation: options.incarnation.unwrap_or(incarnation),
            partition_count: options.partition_count,
            hash_version: HASH_VERSION,
        };
        write_first_segment(&folder, &id, &options)
            .map_err(OpenError::io("prepare the first segment in", &segments))?;
        identity::write(dir, &id, &*options.disk)
            .map_err(OpenError::io("write the log's id in", dir))?;
        Self::open(dir, options)
    }

    /// Opens a log, and reads it back to its end.
    ///
    /// # Errors
    /// [`OpenError`]; the segments are left as they are then.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        options.validate()?;
        let folder = Folder::new(dir);
        let (identity, id) = identity::open(dir)?;
        check_identity(&id, &options)?;
        let seed = seed_of(&id.incarnation);
        finish_creation(&folder, &id, seed)?;
        let found = recover(&folder, &id, seed, &*options.disk)?;
        Self::start(folder, id, found, options, identity)
            .map_err(OpenError::io("start the threads of the log in", dir))
    }

    fn start(
        folder: Folder,
        id: LogId,
        found: Recovered,
        options: Options,
        identity: File,
    ) -> io::Result<Self> {
        let last = found.segments.last().map(|segment| segment.header.clone());
        let last = last.ok_or(io::ErrorKind::NotFound)?;
        let clock = LogClock::resume(found.last_time, options.clock.read());
        let start = StartingPoint {
            next_offsets: found.next_offsets.clone(),
            next_sequence: found.next_sequence,
            room: last.size - found.position,
        };
        let (durable, watch) = watch::channel(Durable(Sequence(found.next_sequence - 1)));
        let shared = Arc::new(Shared::new(Parts {
            seed: seed_of(&id.incarnation),
            id,
            folder,
            disk: Arc::clone(&options.disk),
            retention: options.retention,
            sequencer: Sequencer::new(options.limits(), clock, start),
            segments: found.segments,
            witnesses: found.witnesses,
            durable: watch,
        }));
        let place = Place {
            file: found.file,
            index: last.index,
            position: found.position,
            size: last.size,
            next_block: found.next_block,
            next_sequence: found.next_sequence,
            next_offsets: found.next_offsets,
            last_time: found.last_time,
        };
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            segment_size: options.segment_size,
            space_retry: Duration::from_millis(options.space_retry_ms),
            told: Room::Ready,
        };
        let writer = Writer::new(Arc::clone(&shared), durable, place);
        let log = Self {
            shared,
            clock: options.clock,
            threads: Mutex::new(Vec::new()),
            _identity: identity,
        };
        log.spawn("log-writer", move || writer.run())?;
        log.spawn("log-keeper", move || keeper.run())?;
        Ok(log)
    }

    fn spawn(&self, name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body)?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// Why the log stopped for good, if it did. Closing is no failure.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        match self.shared.ending() {
            Some(Ending::Failed(reason)) => Some(reason),
            Some(Ending::Closed) | None => None,
        }
    }

    /// Takes no more records, writes those that were taken, and returns when all is on the disk.
    ///
    /// Blocks for about one sync. Dropping the log does the same.
    pub fn close(&self) {
        {
            let mut sequencer = self.shared.sequencer.lock();
            if sequencer.phase == Phase::Running {
                sequencer.phase = Phase::Draining(Ending::Closed);
            }
        }
        self.shared.writer_wake.notify_all();
        self.shared.keeper_wake.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the command log panicked");
            }
        }
    }

    /// The files of segments that are complete and will not change, oldest first: what a backup
    /// ships.
    #[must_use]
    pub fn closed_segments(&self) -> Vec<PathBuf> {
        let segments = self.shared.segments.lock();
        let closed = segments.split_last().map_or(&[][..], |(_, closed)| closed);
        closed.iter().map(|segment| segment.path.clone()).collect()
    }

    /// The time of the log's last record, or zero: where its clock goes on (LOG-5).
    #[must_use]
    pub fn last_appended_at(&self) -> Timestamp {
        self.shared.sequencer.lock().last_time()
    }

    fn take(&self, records: Vec<NewRecord>) -> Result<Taken, AppendError> {
        let mut sequencer = self.shared.sequencer.lock();
        let taken = sequencer.submit(records, self.clock.read());
        let wakes_writer = sequencer.writer_waits;
        drop(sequencer);
        if wakes_writer {
            self.shared.writer_wake.notify_one();
        }
        let taken = taken.map_err(|refusal| not_appended(&refusal))?;
        for queue in &taken.to_wake {
            queue.wake();
        }
        Ok(taken)
    }
}

fn not_appended(refusal: &Refusal) -> AppendError {
    AppendError::NotAppended(refusal.to_string())
}

fn check_identity(id: &LogId, options: &Options) -> Result<(), OpenError> {
    let refuse = |what, found, wanted| {
        Err(OpenError::OtherLog {
            what,
            found,
            wanted,
        })
    };
    let partition_count = options.partition_count;
    if id.partition_count != partition_count {
        let found = id.partition_count.to_string();
        return refuse("partition_count", found, partition_count.to_string());
    }
    if id.hash_version != HASH_VERSION {
        let found = id.hash_version.to_string();
        return refuse("hash_version", found, HASH_VERSION.to_string());
    }
    match options.incarnation {
        Some(wanted) if wanted != id.incarnation => {
            refuse("incarnation", hex(&id.incarnation), hex(&wanted))
        }
        Some(_) | None => Ok(()),
    }
}

/// Prepares the first segment under its temporary name; the log's id makes it count.
fn write_first_segment(folder: &Folder, id: &LogId, options: &Options) -> io::Result<()> {
    let header = SegmentHeader {
        index: 0,
        size: options.segment_size,
        first_block: 0,
        first_sequence: 1,
        last_time: Timestamp::default(),
        start_offsets: vec![options.first_offset; usize::from(id.partition_count)].into(),
    };
    debug_assert!(header_size(id.partition_count) < header.size);
    let file = create_file(&folder.spare())?;
    for (at, size) in pieces(0, options.segment_size) {
        options.disk.fill(&file, at, size)?;
    }
    options
        .disk
        .write(&file, &header.encode(id, seed_of(&id.incarnation)), 0)?;
    options.disk.sync(&file)?;
    options.disk.sync_names(&folder.segments())
}

impl CommandLog for EmbeddedLog {
    type Consumer = EmbeddedConsumer;

    fn log_id(&self) -> &LogId {
        &self.shared.id
    }

    fn submit(&self, records: Vec<NewRecord>) -> Result<(), AppendError> {
        if records.is_empty() {
            return Ok(());
        }
        self.take(records).map(|_| ())
    }

    async fn append(&self, record: NewRecord) -> Result<Position, AppendError> {
        let taken = self.take(vec![record])?;
        let (position, sequence) = taken.last.expect("one record was taken");
        let mut durable = self.shared.durable.clone();
        match durable.wait_for(|durable| durable.covers(sequence)).await {
            Ok(_) => Ok(position),
            Err(_) => Err(AppendError::Unknown(
                self.failed()
                    .unwrap_or_else(|| "the log was closed".to_owned()),
            )),
        }
    }

    fn end_offset(&self, partition: PartitionId) -> u64 {
        self.shared
            .sequencer
            .lock()
            .end_offset(partition)
            .unwrap_or(0)
    }

    fn consume(&self, starts: &[(PartitionId, u64)]) -> Result<EmbeddedConsumer, ConsumeError> {
        EmbeddedConsumer::attach(&self.shared, starts)
    }

    fn durable(&self) -> DurableWatch {
        self.shared.durable.clone()
    }

    fn witness(&self, decided: &[(Position, Digest)]) {
        self.shared.sequencer.lock().witness(decided);
    }

    fn release_before(&self, starts: &[(PartitionId, u64)]) {
        let mut sequencer = self.shared.sequencer.lock();
        for (partition, start) in starts {
            sequencer.release_before(*partition, *start);
        }
        drop(sequencer);
        for (partition, start) in starts {
            self.shared.forget_witnesses(*partition, *start);
        }
        self.shared.keeper_wake.notify_one();
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.close();
    }
}
