//! The database: schema, cards, and sessions that each call the procedure.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::payment::{Outcome, Payment, hasher};
use pan::{Pan, PanError};

const SCHEMA: &str = include_str!("schema.sql");
const CARDS_PER_INSERT: u64 = 10_000;

const ONE: &str = "SELECT code, version FROM pay($1, $2, $3, $4, $5, $6)";
/// Cards are locked in one order everywhere, so that two sessions never wait for each other.
const MANY: &str = "SELECT place, code, version FROM (
        SELECT * FROM unnest($1::boolean[], $2::bytea[], $3::bigint[], $4::integer[], $5::integer[], $6::integer[])
            WITH ORDINALITY AS asked (is_purchase, pan_hash, amount, terminal, batch, trace, place)
        ORDER BY pan_hash OFFSET 0
    ) asked CROSS JOIN LATERAL pay(is_purchase, pan_hash, amount, terminal, batch, trace)";

/// Why the database is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BooksError {
    #[error("PostgreSQL: {0}")]
    Database(#[from] tokio_postgres::Error),
    #[error("a card's number: {0}")]
    Number(#[from] PanError),
}

/// A payment that waits for a session, and what to do with its outcome.
pub(crate) struct Job {
    pub(crate) payment: Payment,
    pub(crate) request: Vec<u8>,
    pub(crate) answers: mpsc::Sender<(Vec<u8>, Outcome)>,
}

/// Jobs for all sessions.
pub(crate) type Queue = Arc<Mutex<mpsc::Receiver<Job>>>;

async fn connect(database: &str) -> Result<Client, BooksError> {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
    // When the connection ends, the next call of its client fails and says why.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// Makes the tables and puts cards with serials from 1 on into them.
///
/// # Errors
/// [`BooksError`], also when the tables are there already.
pub(crate) async fn load(database: &str, cards: u64, balance_fen: i64) -> Result<(), BooksError> {
    let client = connect(database).await?;
    client.batch_execute(SCHEMA).await?;
    let insert = "INSERT INTO cards SELECT pan_hash, $2 FROM unnest($1::bytea[]) AS pan_hash";
    let insert = client
        .prepare_typed(insert, &[Type::BYTEA_ARRAY, Type::INT8])
        .await?;
    let hasher = hasher();
    let mut first = 1;
    while first <= cards {
        let last = cards.min(first + CARDS_PER_INSERT - 1);
        let mut hashes = Vec::new();
        for serial in first..=last {
            let pan = Pan::from_bin_and_serial("629999", serial, 16)?;
            hashes.push(hasher.hash(&pan).as_bytes().to_vec());
        }
        client.execute(&insert, &[&hashes, &balance_fen]).await?;
        first = last + 1;
    }
    // A vacuum now, and a checkpoint, so that none of them is due while we measure.
    client.batch_execute("VACUUM ANALYZE cards").await?;
    client.batch_execute("CHECKPOINT").await?;
    Ok(())
}

/// One session, with its prepared calls.
pub(crate) struct Session {
    client: Client,
    one: Statement,
    many: Statement,
    /// Most payments of one transaction.
    gather: usize,
}

impl Session {
    pub(crate) async fn open(database: &str, gather: usize) -> Result<Self, BooksError> {
        let client = connect(database).await?;
        let one = client.prepare(ONE).await?;
        let many = client.prepare(MANY).await?;
        Ok(Self {
            client,
            one,
            many,
            gather,
        })
    }

    /// Takes jobs until there will be none. What fails is answered 96: nothing of it was booked.
    pub(crate) async fn work(self, queue: Queue) {
        let mut jobs = Vec::with_capacity(self.gather);
        loop {
            let taken = queue.lock().await.recv_many(&mut jobs, self.gather).await;
            if taken == 0 {
                return;
            }
            let payments: Vec<Payment> = jobs.iter().map(|job| job.payment).collect();
            let outcomes = match payments.as_slice() {
                [payment] => self.pay(payment).await.map(|outcome| vec![outcome]),
                payments => self.pay_all(payments).await,
            };
            let outcomes = outcomes.unwrap_or_else(|_| vec![Outcome::not_now(); taken]);
            for (job, outcome) in jobs.drain(..).zip(outcomes) {
                // A connection that is gone needs no answer.
                drop(job.answers.send((job.request, outcome)).await);
            }
        }
    }

    async fn pay(&self, payment: &Payment) -> Result<Outcome, BooksError> {
        let pan_hash = payment.pan_hash.as_bytes().as_slice();
        let row = self
            .client
            .query_one(
                &self.one,
                &[
                    &payment.is_purchase,
                    &pan_hash,
                    &payment.amount_fen,
                    &payment.terminal,
                    &payment.batch,
                    &payment.trace,
                ],
            )
            .await?;
        outcome(&row, 0)
    }

    /// In one transaction: all of them, or none.
    async fn pay_all(&self, payments: &[Payment]) -> Result<Vec<Outcome>, BooksError> {
        let hashes: Vec<&[u8]> = payments
            .iter()
            .map(|payment| payment.pan_hash.as_bytes().as_slice())
            .collect();
        let of = |field: fn(&Payment) -> i32| payments.iter().map(field).collect::<Vec<i32>>();
        let is_purchase: Vec<bool> = payments.iter().map(|payment| payment.is_purchase).collect();
        let amounts: Vec<i64> = payments.iter().map(|payment| payment.amount_fen).collect();
        let terminals = of(|payment| payment.terminal);
        let batches = of(|payment| payment.batch);
        let traces = of(|payment| payment.trace);
        let rows = self
            .client
            .query(
                &self.many,
                &[
                    &is_purchase,
                    &hashes,
                    &amounts,
                    &terminals,
                    &batches,
                    &traces,
                ],
            )
            .await?;
        let mut outcomes = vec![Outcome::not_now(); payments.len()];
        for row in rows {
            let place = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
            if let Some(slot) = place
                .checked_sub(1)
                .and_then(|place| outcomes.get_mut(place))
            {
                *slot = outcome(&row, 1)?;
            }
        }
        Ok(outcomes)
    }
}

/// Code and version, from this column on. An unknown card has no version.
fn outcome(row: &Row, from: usize) -> Result<Outcome, BooksError> {
    let version: Option<i32> = row.try_get(from + 1)?;
    Ok(Outcome {
        code: row.try_get(from)?,
        version: version.unwrap_or(0),
    })
}
