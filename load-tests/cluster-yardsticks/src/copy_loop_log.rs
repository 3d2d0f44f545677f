//! The copy loop once more, through the switch's own adapter in both directions. What it is slower than the
//! client alone, the adapter costs.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::timeout;

use crate::copy_loop::{Asker, Loop, PATIENCE, settings};
use crate::report::{Summary, YardstickError};
use card::PartitionId;
use command_log::{CommandLog as _, LogConsumer as _, LogRecord, NewRecord, RecordKind};
use command_log_kafka::{KafkaConsumer, KafkaLog, LogOptions};

/// Records taken in one turn.
const BATCH_MAX: usize = 1_024;

/// Measures the way through the log `forth`, whose copy goes through the log `back`.
pub(crate) async fn measure(forth: &Loop, back: &Loop) -> Result<Summary, YardstickError> {
    let requests = open(forth)?;
    let replies = open(back)?;
    let copied = read(&requests)?;
    let answers = read(&replies)?;
    let copier = tokio::spawn(copy(copied, Arc::clone(&replies)));
    let asked = ask(forth, &requests, answers).await;
    copier.abort();
    asked
}

fn open(this: &Loop) -> Result<Arc<KafkaLog>, YardstickError> {
    let options = LogOptions::default();
    let log = KafkaLog::open(
        &settings(&this.brokers)?,
        &this.names,
        this.log_id.clone(),
        &options,
    );
    log.map(Arc::new)
        .map_err(YardstickError::server("open the log"))
}

fn read(log: &KafkaLog) -> Result<KafkaConsumer, YardstickError> {
    let partitions: Vec<_> = (0..log.log_id().partition_count).map(PartitionId).collect();
    let ends = log.watermarks(&partitions);
    let ends = ends.map_err(YardstickError::server("ask where the log ends"))?;
    let starts: Vec<_> = ends.iter().map(|held| (held.partition, held.end)).collect();
    let reading = log.consume(&starts);
    reading.map_err(YardstickError::server("read the log"))
}

async fn copy(mut requests: KafkaConsumer, replies: Arc<KafkaLog>) -> Result<(), YardstickError> {
    let mut batch = Vec::new();
    loop {
        take(&mut requests, &mut batch).await?;
        let copies = batch.drain(..).map(|record| command(0, record.payload));
        submit(&replies, copies.collect())?;
    }
}

async fn ask(
    this: &Loop,
    requests: &KafkaLog,
    mut answers: KafkaConsumer,
) -> Result<Summary, YardstickError> {
    let mut asker = Asker::new(this);
    let mut batch = Vec::new();
    let first = (0..this.in_flight).map(|_| request(&mut asker)).collect();
    submit(requests, first)?;
    while !asker.is_over() {
        let taken = timeout(PATIENCE, take(&mut answers, &mut batch)).await;
        taken.map_err(|_| YardstickError::Silent(PATIENCE))??;
        let mut again = Vec::with_capacity(batch.len());
        for answer in batch.drain(..) {
            asker.answered(&answer.payload);
            again.push(request(&mut asker));
        }
        submit(requests, again)?;
    }
    Ok(asker.summary())
}

async fn take(
    consumer: &mut KafkaConsumer,
    batch: &mut Vec<LogRecord>,
) -> Result<(), YardstickError> {
    let polled = consumer.poll(batch, BATCH_MAX).await;
    polled.map_err(YardstickError::server("read the log"))
}

fn submit(log: &KafkaLog, records: Vec<NewRecord>) -> Result<(), YardstickError> {
    let submitted = log.submit(records);
    submitted.map_err(YardstickError::server("append to the log"))
}

fn request(asker: &mut Asker) -> NewRecord {
    let (partition, payload) = asker.next();
    command(
        u16::try_from(partition).unwrap_or_default(),
        Bytes::copy_from_slice(payload),
    )
}

fn command(partition: u16, payload: Bytes) -> NewRecord {
    NewRecord {
        partition: PartitionId(partition),
        kind: RecordKind::Command,
        payload,
        trace: None,
    }
}
