//! The model's one thread: folds what has come, writes it with one sync, then answers.
//!
//! While a sync runs the next batch gathers in the inbox, so there is no timer: an idle machine
//! answers after one sync, a busy one shares each sync among all that wait.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::Receiver;

use serde::Serialize;
use tokio::sync::mpsc::Sender;

use crate::frame::{self, CARD_COUNT, Frame, Outcome};
use crate::ring_file::RingFile;

/// Requests that share one sync.
const BATCH_MAX: usize = 4096;
/// Bytes a request takes in the journal: its card, key, the head of its frame and room for state.
const RECORD_SIZE: usize = 344;
const FRAME_HEAD_SIZE: usize = 200;

/// One frame on its way to the journal, with the connection that waits for its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) connection: usize,
    pub(crate) frame: Frame,
    pub(crate) answers: Sender<Vec<u8>>,
}

/// How well syncs were shared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct JournalCounts {
    pub(crate) records: u64,
    pub(crate) syncs: u64,
}

/// Runs until every sender is gone.
pub(crate) fn run(inbox: &Receiver<Request>, ring: &mut RingFile) -> io::Result<JournalCounts> {
    let mut cards = vec![Card::new(); CARD_COUNT as usize];
    let mut counts = JournalCounts::default();
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut bytes = Vec::with_capacity(BATCH_MAX * RECORD_SIZE);
    let mut answers = HashMap::new();
    while let Ok(first) = inbox.recv() {
        batch.push(fold(&mut cards, first));
        while batch.len() < BATCH_MAX
            && let Ok(next) = inbox.try_recv()
        {
            batch.push(fold(&mut cards, next));
        }
        counts.records += batch.len() as u64;
        counts.syncs += 1;
        bytes.clear();
        batch
            .iter()
            .for_each(|request| put_record(&mut bytes, &request.frame));
        ring.append_synced(&bytes)?;
        answer(&mut batch, &mut answers);
    }
    Ok(counts)
}

fn fold(cards: &mut [Card], mut request: Request) -> Request {
    let index = frame::card(&request.frame) % CARD_COUNT;
    let outcome = cards[index as usize].purchase(1, frame::key(&request.frame));
    frame::set_outcome(&mut request.frame, outcome);
    request
}

fn put_record(bytes: &mut Vec<u8>, frame: &Frame) {
    let end = bytes.len() + RECORD_SIZE;
    bytes.extend_from_slice(&frame::card(frame).to_le_bytes());
    bytes.extend_from_slice(&frame::key(frame).to_le_bytes());
    bytes.extend_from_slice(&frame[..FRAME_HEAD_SIZE]);
    bytes.resize(end, 0);
}

/// Gathers the answers per connection: one write each, however many there are.
fn answer(batch: &mut Vec<Request>, answers: &mut HashMap<usize, (Sender<Vec<u8>>, Vec<u8>)>) {
    for request in batch.drain(..) {
        let (_, bytes) = answers
            .entry(request.connection)
            .or_insert_with(|| (request.answers, Vec::new()));
        bytes.extend_from_slice(&request.frame);
    }
    for (_, (sender, bytes)) in answers.drain() {
        // A connection that is gone needs no answer.
        drop(sender.try_send(bytes));
    }
}

/// The least a card must remember: its balance and the last keys.
#[derive(Debug, Clone)]
struct Card {
    balance_fen: i64,
    keys: [u64; 16],
    key_count: usize,
}

impl Card {
    fn new() -> Self {
        Self {
            balance_fen: 1 << 50,
            keys: [0; 16],
            key_count: 0,
        }
    }

    fn purchase(&mut self, amount_fen: i64, key: u64) -> Outcome {
        if self.keys.contains(&key) {
            return Outcome::Approved;
        }
        if self.balance_fen < amount_fen {
            return Outcome::Declined;
        }
        self.balance_fen -= amount_fen;
        self.keys[self.key_count % self.keys.len()] = key;
        self.key_count += 1;
        Outcome::Approved
    }
}
