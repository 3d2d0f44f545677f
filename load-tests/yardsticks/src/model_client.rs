//! Y2, client side: a closed loop that keeps frames in flight on each connection.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::frame::{self, CARD_COUNT, FRAME_SIZE, FrameReader, IN_FLIGHT_MAX};
use crate::report::{Latencies, Summary, YardstickError};

/// Answers of the first moments are not counted: connections and caches are still cold.
const WARM_UP: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(crate) struct ModelClientArgs {
    /// Address of the model server.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7412")]
    connect: String,
    #[command(flatten)]
    load: LoadArgs,
}

/// How much to send and for how long.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct LoadArgs {
    /// Connections to open.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Frames in flight on each connection.
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    /// How long to measure, after half a second of warming up.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

/// A load within the model's bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) duration: Duration,
}

impl TryFrom<LoadArgs> for Load {
    type Error = YardstickError;

    fn try_from(args: LoadArgs) -> Result<Self, YardstickError> {
        let in_flight = args.connections.saturating_mul(args.in_flight);
        if in_flight > IN_FLIGHT_MAX {
            return Err(YardstickError::TooManyInFlight {
                in_flight,
                bound: IN_FLIGHT_MAX,
            });
        }
        Ok(Self {
            connections: args.connections.max(1),
            in_flight: args.in_flight.max(1),
            duration: Duration::from_secs(args.seconds),
        })
    }
}

pub(crate) async fn run(args: &ModelClientArgs) -> Result<Summary, YardstickError> {
    drive(&args.connect, Load::try_from(args.load)?).await
}

/// Runs the load against `address` and sums up all connections.
pub(crate) async fn drive(address: &str, load: Load) -> Result<Summary, YardstickError> {
    let warm_at = Instant::now() + WARM_UP;
    let end_at = warm_at + load.duration;
    let mut connections = JoinSet::new();
    for connection in 0..load.connections {
        let stream = TcpStream::connect(address)
            .await
            .map_err(YardstickError::io("reach the server"))?;
        stream
            .set_nodelay(true)
            .map_err(YardstickError::io("set nodelay"))?;
        let keys = Keys::new(connection as u64);
        connections.spawn(keep_in_flight(
            stream,
            keys,
            load.in_flight,
            (warm_at, end_at),
        ));
    }
    let mut latencies = Latencies::new();
    while let Some(ended) = connections.join_next().await {
        latencies.add(&ended.map_err(|_| YardstickError::Panicked)??);
    }
    Ok(latencies.summary(load.duration))
}

/// One connection: each answer frees its lane for the next request; all freed lanes share a write.
async fn keep_in_flight(
    mut stream: TcpStream,
    mut keys: Keys,
    in_flight: usize,
    (warm_at, end_at): (Instant, Instant),
) -> Result<Latencies, YardstickError> {
    let mut latencies = Latencies::new();
    let mut frames = FrameReader::new();
    let (mut reader, mut writer) = stream.split();
    let mut now = Instant::now();
    let mut sent_at = vec![now; in_flight];
    let mut free: Vec<usize> = (0..in_flight).collect();
    let mut out = Vec::with_capacity(in_flight * FRAME_SIZE);
    while now < end_at {
        out.clear();
        for lane in free.drain(..) {
            sent_at[lane] = now;
            frame::put_request(&mut out, keys.next_card(), keys.next_key(lane));
        }
        writer
            .write_all(&out)
            .await
            .map_err(YardstickError::io("send"))?;
        while free.is_empty() {
            let read = frames.read(&mut reader, |frame| free.push(lane_of(frame::key(frame))));
            if read
                .await
                .map_err(YardstickError::io("read answers"))?
                .is_none()
            {
                return Err(YardstickError::Closed);
            }
        }
        now = Instant::now();
        if now > warm_at {
            free.iter()
                .for_each(|lane| latencies.record(now.duration_since(sent_at[*lane])));
        }
    }
    Ok(latencies)
}

/// Keys that no other request of the run has, and cards at random.
#[derive(Debug)]
struct Keys {
    connection: u64,
    sequence: u64,
    random: u64,
}

impl Keys {
    fn new(connection: u64) -> Self {
        let random = 0x0139_408d_cbbf_7a45 ^ ((connection + 1) << 32);
        Self {
            connection: connection + 1,
            sequence: 0,
            random,
        }
    }

    /// Connection in the upper 16 bits, lane in the next 16, then the sequence.
    fn next_key(&mut self, lane: usize) -> u64 {
        self.sequence = (self.sequence + 1) & 0xffff_ffff;
        self.connection << 48 | (lane as u64) << 32 | self.sequence
    }

    /// Xorshift: cheap, and the same cards in every run.
    fn next_card(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % CARD_COUNT
    }
}

fn lane_of(key: u64) -> usize {
    (key >> 32 & 0xffff) as usize
}
