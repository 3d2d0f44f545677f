//! Y3: a record to the broker, to a copier, back through a second topic to who asked.
//!
//! It is the way of a payment through a cluster with nothing decided and nothing stored: two hops, each
//! acknowledged by all replicas in sync. Asker and copier are threads of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::copy_loop_log;
use crate::kafka_clients::{Receiver, Sender};
use crate::report::{Latencies, Summary, YardstickError};
use command_log::LogId;
use command_log_kafka::{KafkaSettings, TopicNames, TopicPlan, create_or_verify};

/// Answers of the first moments are not counted: connections and caches are still cold.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);
/// No answer for this long: give up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
const TOPIC_TIMEOUT: Duration = Duration::from_secs(30);
/// Where the time of sending is in a payload.
const STAMP_SIZE: usize = 8;

#[derive(Debug, clap::Args)]
pub(crate) struct CopyLoopArgs {
    /// Brokers to ask first, HOST:PORT, several separated by commas.
    #[arg(long, value_name = "BROKERS")]
    kafka: String,
    /// What the topics' names begin with. They are made when they are missing, and left behind.
    #[arg(long, default_value = "yardstick.")]
    topic_prefix: String,
    /// Partitions of the request topic; records are dealt out to them. Replies go to one partition.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) partitions: u16,
    /// Records on their way.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) in_flight: u32,
    /// Bytes of a record.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(8..=65_000))]
    payload_bytes: u32,
    /// How long to measure, after a second of warming up.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// What the records go through.
    #[arg(long, value_enum, default_value_t = Through::Client)]
    through: Through,
}

/// What the records go through on their way to the broker and from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Through {
    /// The Kafka client alone: the yardstick.
    Client,
    /// The switch's own log adapter, both ways: shows what the adapter costs.
    Log,
}

/// A loop to be measured.
pub(crate) struct Loop {
    pub(crate) brokers: String,
    pub(crate) names: TopicNames,
    pub(crate) log_id: LogId,
    pub(crate) in_flight: u32,
    pub(crate) payload_size: usize,
    pub(crate) duration: Duration,
}

pub(crate) fn run(args: &CopyLoopArgs, runtime: &Runtime) -> Result<Summary, YardstickError> {
    let forth = runtime.block_on(open(args, "", args.partitions))?;
    match args.through {
        Through::Client => measure(&forth),
        Through::Log => runtime.block_on(async {
            let back = open(args, "back.", 1).await?;
            copy_loop_log::measure(&forth, &back).await
        }),
    }
}

/// Sees to it that the topics are there, made as those of a switch.
async fn open(args: &CopyLoopArgs, more: &str, partitions: u16) -> Result<Loop, YardstickError> {
    let refused = YardstickError::server("name the topics");
    let names = TopicNames::new(&format!("{}{more}{partitions}.", args.topic_prefix));
    let names = names.map_err(refused)?;
    let settings = settings(&args.kafka)?;
    let plan = TopicPlan {
        partition_count: partitions,
        reply_partition_count: 1,
        replication_factor: 1,
        ..TopicPlan::new(names.clone())
    };
    let report = create_or_verify(&settings, &plan, None, TOPIC_TIMEOUT).await;
    let report = report.map_err(YardstickError::server("make the topics"))?;
    Ok(Loop {
        brokers: args.kafka.clone(),
        names,
        log_id: report.log_id,
        in_flight: args.in_flight,
        payload_size: args.payload_bytes as usize,
        duration: Duration::from_secs(args.seconds),
    })
}

pub(crate) fn settings(brokers: &str) -> Result<KafkaSettings, YardstickError> {
    KafkaSettings::new(brokers, "yardstick").map_err(YardstickError::server("reach the brokers"))
}

fn measure(this: &Loop) -> Result<Summary, YardstickError> {
    let is_over = Arc::new(AtomicBool::new(false));
    let copier = {
        let requests = Receiver::open(
            &this.brokers,
            &this.names.commands(),
            this.log_id.partition_count,
        )?;
        let replies = Sender::open(&this.brokers, &this.names.replies())?;
        let is_over = Arc::clone(&is_over);
        thread::spawn(move || copy(&requests, &replies, &is_over))
    };
    let asked = ask(this);
    is_over.store(true, Ordering::Relaxed);
    copier.join().map_err(|_| YardstickError::Panicked)??;
    asked
}

/// Sends back what comes, until it is over.
fn copy(requests: &Receiver, replies: &Sender, is_over: &AtomicBool) -> Result<(), YardstickError> {
    while !is_over.load(Ordering::Relaxed) {
        requests
            .receive(|_, payload| replies.send(0, payload))?
            .transpose()?;
        replies.take_reports();
    }
    Ok(())
}

/// Keeps records in flight and times them.
fn ask(this: &Loop) -> Result<Summary, YardstickError> {
    let replies = Receiver::open(&this.brokers, &this.names.replies(), 1)?;
    let requests = Sender::open(&this.brokers, &this.names.commands())?;
    let mut asker = Asker::new(this);
    for _ in 0..this.in_flight {
        let (partition, payload) = asker.next();
        requests.send(partition, payload)?;
    }
    let mut heard_at = Instant::now();
    while !asker.is_over() {
        let heard = replies.receive(|_, payload| asker.answered(payload))?;
        requests.take_reports();
        match heard {
            Some(()) => {
                let (partition, payload) = asker.next();
                requests.send(partition, payload)?;
                heard_at = Instant::now();
            }
            None if heard_at.elapsed() > PATIENCE => return Err(YardstickError::Silent(PATIENCE)),
            None => {}
        }
    }
    Ok(asker.summary())
}

/// Makes payloads that carry the time of sending, and times what comes back.
pub(crate) struct Asker {
    began_at: Instant,
    warm_at: Instant,
    end_at: Instant,
    now: Instant,
    payload: Vec<u8>,
    partition_count: u16,
    sent: u64,
    latencies: Latencies,
    duration: Duration,
}

impl Asker {
    pub(crate) fn new(this: &Loop) -> Self {
        let began_at = Instant::now();
        let warm_at = began_at + WARM_UP;
        Self {
            began_at,
            warm_at,
            end_at: warm_at + this.duration,
            now: began_at,
            payload: vec![0x5a; this.payload_size.max(STAMP_SIZE)],
            partition_count: this.log_id.partition_count,
            sent: 0,
            latencies: Latencies::new(),
            duration: this.duration,
        }
    }

    /// A partition in turn, and what to send there now.
    pub(crate) fn next(&mut self) -> (i32, &[u8]) {
        let nanos = self.began_at.elapsed().as_nanos() as u64;
        self.payload[..STAMP_SIZE].copy_from_slice(&nanos.to_be_bytes());
        let partition = self.sent % u64::from(self.partition_count);
        self.sent += 1;
        (partition as i32, &self.payload)
    }

    /// A payload is back.
    pub(crate) fn answered(&mut self, payload: &[u8]) {
        self.now = Instant::now();
        let stamp = payload
            .first_chunk()
            .map(|stamp| u64::from_be_bytes(*stamp));
        let Some(stamp) = stamp else { return };
        if self.now > self.warm_at {
            let since_start = self.now.duration_since(self.began_at);
            let took = since_start.saturating_sub(Duration::from_nanos(stamp));
            self.latencies.record(took);
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.now >= self.end_at
    }

    pub(crate) fn summary(&self) -> Summary {
        self.latencies.summary(self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime;

    #[test]
    fn records_come_back_through_client_and_log() {
        for through in [Through::Client, Through::Log] {
            let args = CopyLoopArgs {
                kafka: test_servers::shared_kafka().to_owned(),
                topic_prefix: format!("{}.", test_servers::unique("copy")),
                partitions: 3,
                in_flight: 8,
                payload_bytes: 250,
                seconds: 1,
                through,
            };
            let summary = run(&args, &runtime().unwrap()).unwrap();
            assert!(summary.count > 8, "{through:?}: {summary}");
            assert!(summary.latency_us.p50 > 0, "{through:?}: {summary}");
        }
    }
}
