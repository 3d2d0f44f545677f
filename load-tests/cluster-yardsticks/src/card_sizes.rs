//! How large the cards of a keyspace are: the mean of some of them. No card is shown.

use std::fmt;

use serde::Serialize;

use crate::cql::{CqlArgs, connect};
use crate::report::{Report, YardstickError};
use card_store::{CardStore as _, StoreError};
use card_store_scylla::ScyllaReader;

/// Youngest journal rows that are looked at of each card.
const ROWS_MAX: usize = 8;

#[derive(Debug, clap::Args)]
pub(crate) struct CardSizesArgs {
    #[command(flatten)]
    pub(crate) cql: CqlArgs,
    /// Cards to look at.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) sample: u32,
}

/// Means over the cards that were looked at.
#[derive(Debug, Serialize)]
pub(crate) struct CardSizes {
    cards: u64,
    /// A card's body.
    state_bytes: u64,
    /// One of its youngest journal rows.
    row_bytes: u64,
}

impl Report for CardSizes {}

impl fmt::Display for CardSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cards,
            state_bytes,
            row_bytes,
        } = self;
        write!(
            f,
            "{cards} cards: state {state_bytes} bytes, journal row {row_bytes} bytes"
        )
    }
}

pub(crate) async fn run(args: &CardSizesArgs) -> Result<CardSizes, YardstickError> {
    let reader = ScyllaReader::new(connect(&args.cql.settings()?).await?);
    let sums = sum(&reader, args.sample as usize).await;
    let (cards, states, (rows, row_bytes)) = sums.map_err(YardstickError::server("read cards"))?;
    if cards == 0 {
        return Err(YardstickError::NoCards(args.cql.keyspace.clone()));
    }
    Ok(CardSizes {
        cards,
        state_bytes: states / cards,
        row_bytes: row_bytes / rows.max(1),
    })
}

/// Number of cards, bytes of their bodies, number and bytes of rows.
async fn sum(reader: &ScyllaReader, sample: usize) -> Result<(u64, u64, (u64, u64)), StoreError> {
    let (mut cards, mut states, mut rows) = (0, 0, (0, 0));
    for card in reader.cards_after(None, sample).await? {
        let Some(state) = reader.load(card).await? else {
            continue;
        };
        cards += 1;
        states += state.body.len() as u64;
        for row in reader.rows_back(card, None, ROWS_MAX).await? {
            rows = (rows.0 + 1, rows.1 + row.bytes.len() as u64);
        }
    }
    Ok((cards, states, rows))
}
