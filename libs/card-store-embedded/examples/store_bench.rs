//! Measures the store on this machine: writes, checkpoints, opening and cold loads.
//!
//! `cargo run --release -p card-store-embedded --example store_bench -- FOLDER [CARDS]`
//!
//! Uses one thread but for the writes, bodies of 1 KB and rows of 300 bytes. Drop the page cache
//! (`echo 3 > /proc/sys/vm/drop_caches`) when it asks, to see loads that come from the disk.

#![expect(clippy::print_stdout, reason = "a report for a person")]

use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;

use card::{CardId, PartitionId, Position, Version};
use card_store::contract::{offsets, ready};
use card_store::{CardStore, CardWrite, JournalRow, StoredCard};
use card_store_embedded::{EmbeddedStore, Options};

const CARDS_PER_CHECKPOINT: u64 = 100_000;
const WRITES_PER_THREAD: u64 = 1_000_000;
const LOADS: u64 = 20_000;
const BODY_SIZE: usize = 1_024;
const ROW_SIZE: usize = 300;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .expect("name a folder that does not exist yet");
    let folder = Path::new(&folder);
    let card_count = arguments
        .next()
        .map_or(1_000_000, |count| count.parse().expect("a number"));
    let options = Options::default();
    let store = EmbeddedStore::create(folder, &options).expect("create");
    fill(&store, card_count);
    measure_hot_writes(&store);
    drop(store);

    println!("drop the page cache now if you can, then press enter");
    std::io::stdin()
        .lock()
        .read_line(&mut String::new())
        .expect("read a line");
    let began = Instant::now();
    let store = EmbeddedStore::open(folder, &options).expect("open");
    println!("open: {} ms", began.elapsed().as_millis());
    measure_loads(&store, card_count);
    println!("{:?}", store.stats().expect("stats"));
    println!("resident memory: {} MB", resident_mb());
}

/// Ids look random, as those of real cards do.
fn card_of(number: u64) -> CardId {
    let mut bytes = [0; 16];
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    CardId::from_bytes(bytes)
}

/// Half of a body compresses well, half does not.
fn body_of(number: u64) -> Bytes {
    let noise = (number..).map(|index| index.wrapping_mul(0xD134_2543_DE82_EF95));
    let mut body: Vec<u8> = noise
        .flat_map(u64::to_le_bytes)
        .take(BODY_SIZE / 2)
        .collect();
    body.resize(BODY_SIZE, 7);
    Bytes::from(body)
}

fn unit(number: u64, version: u32, body: Bytes) -> CardWrite {
    let position = Position {
        partition: PartitionId(0),
        offset: number,
    };
    let state = StoredCard {
        version: Version(version),
        position,
        body: body.clone(),
    };
    let row = JournalRow {
        version: Version(version),
        bytes: body.slice(..ROW_SIZE),
    };
    CardWrite {
        card: card_of(number),
        state,
        rows: vec![row],
        keys: Vec::new(),
    }
}

fn fill(store: &EmbeddedStore, card_count: u64) {
    let began = Instant::now();
    let mut checkpoints = Vec::new();
    for first in (0..card_count).step_by(usize::try_from(CARDS_PER_CHECKPOINT).expect("fits")) {
        for number in first..card_count.min(first + CARDS_PER_CHECKPOINT) {
            ready(store.write(unit(number, 1, body_of(number)))).expect("write");
        }
        checkpoints.push(checkpoint(store, first));
    }
    println!(
        "fill with {card_count} cards: {} s",
        began.elapsed().as_secs()
    );
    report("checkpoint of 100k new cards, us", &mut checkpoints);
}

fn checkpoint(store: &EmbeddedStore, next_offset: u64) -> Duration {
    let began = Instant::now();
    store
        .checkpoint(store.freeze(), &[offsets(0, next_offset)])
        .expect("checkpoint");
    began.elapsed()
}

fn measure_hot_writes(store: &EmbeddedStore) {
    for threads in [1, 2] {
        let body = body_of(1);
        let began = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let body = &body;
                scope.spawn(move || {
                    let cpu_before = thread_cpu_ns();
                    for index in 0..WRITES_PER_THREAD {
                        let number = thread + threads * (index % (CARDS_PER_CHECKPOINT / threads));
                        let version = u32::try_from(2 + index).expect("fits");
                        ready(store.write(unit(number, version, body.clone()))).expect("write");
                    }
                    let cpu = (thread_cpu_ns() - cpu_before) / WRITES_PER_THREAD;
                    println!("write, thread {thread}: {cpu} ns of CPU each");
                });
            }
        });
        let nanos = began.elapsed().as_nanos() / u128::from(threads * WRITES_PER_THREAD);
        println!("write, {threads} threads, 100k cards: {nanos} ns each (wall)");
        let frozen_in = {
            let began = Instant::now();
            let frozen = store.freeze();
            let took = began.elapsed();
            store.checkpoint(frozen, &[]).expect("checkpoint");
            (took, began.elapsed())
        };
        println!("freeze and checkpoint of 100k dirty cards: {frozen_in:?}");
    }
}

fn measure_loads(store: &EmbeddedStore, card_count: u64) {
    for round in ["first", "second"] {
        let mut times = Vec::new();
        for index in 0..LOADS {
            let number = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) % card_count;
            let began = Instant::now();
            let found = ready(store.load(card_of(number))).expect("load");
            times.push(began.elapsed());
            assert!(found.is_some(), "card {number}");
        }
        report(
            &format!("{round} load of {LOADS} random cards, us"),
            &mut times,
        );
    }
    let mut times = Vec::new();
    for index in 0..LOADS {
        let began = Instant::now();
        let found = ready(store.load(card_of(card_count + index))).expect("load");
        times.push(began.elapsed());
        assert!(found.is_none(), "an unknown card");
    }
    report("load of unknown cards, us", &mut times);
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |per_mille: usize| times[(times.len() - 1) * per_mille / 1_000].as_micros();
    println!(
        "{what}: p50 {}, p99 {}, max {}",
        at(500),
        at(990),
        at(1_000)
    );
}

/// Time that this thread ran, whoever else wanted the CPU.
fn thread_cpu_ns() -> u64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat
        .split(' ')
        .next()
        .and_then(|ns| ns.parse().ok())
        .unwrap_or(0)
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or("0 kB");
    line.trim()
        .trim_end_matches(" kB")
        .parse::<u64>()
        .unwrap_or(0)
        / 1_024
}
