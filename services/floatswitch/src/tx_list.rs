//! `floatswitch tx list`: a card's transactions as its journal has them.

use std::io::Write;

use serde_json::{Value, json};

use crate::books::Books;
use crate::card_choice::CardChoice;
use crate::card_show::{BooksArgs, CardWork, with_card};
use crate::exit::Failure;
use crate::output::{OutputForm, moment, yuan};
use acquirer_connector::{ResponseCode, references};
use card::{Card, Outcome, Row, Version};
use card_store::CardStore as _;

/// Rows read in one go.
const ROWS_PER_PAGE: usize = 256;

const EXAMPLES: &str = "\
Examples:
  floatswitch tx list 629999-0017                    the last ten, the youngest first
  floatswitch tx list 629999-0017 --last 1000 -o json
  floatswitch tx list 629999-0017 --since-version 40 what came after version 39
  floatswitch tx list --pan-stdin < number           the whole number, kept out of the shell

Columns: version (the approval code is this in base 36), moment (UTC), kind, version that it acted
on, amount, response code, balance after it, RRN, terminal, and why it was declined or which case
people must look at. Exit code 4: there is no such card.";

/// `tx list`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TxListArgs {
    #[command(flatten)]
    card: CardChoice,
    /// How many of the last transactions; 10 when no other bound is given.
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
    /// Only from this version on: goes on where an earlier list ended.
    #[arg(long, value_name = "VERSION")]
    since_version: Option<u32>,
    #[command(flatten)]
    books: BooksArgs,
}

/// Which rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) last: usize,
    pub(crate) since: Option<Version>,
}

/// Lists a card's transactions, the youngest first.
pub(crate) async fn run(args: TxListArgs) -> Result<u8, Failure> {
    let since = args.since_version.map(Version);
    let unbounded = since.map_or(10, |_| usize::MAX);
    let shown = Shown {
        last: args.last.unwrap_or(unbounded),
        since,
    };
    let list = List {
        shown,
        form: args.books.output,
    };
    with_card(&args.card, &args.books, list).await
}

struct List {
    shown: Shown,
    form: OutputForm,
}

impl CardWork for List {
    async fn on<B: Books>(self, books: &B, card: &Card) -> Result<(), Failure> {
        print(books, card, self.shown, self.form).await
    }
}

/// Prints rows, page by page.
pub(crate) async fn print<B: Books>(
    books: &B,
    card: &Card,
    shown: Shown,
    form: OutputForm,
) -> Result<(), Failure> {
    let partition_count = books.partition_count();
    let mut out = std::io::stdout().lock();
    let mut left = shown.last;
    let mut newest = Some(card.version());
    while let Some(from) = newest
        && left > 0
        && shown.since.is_none_or(|since| from >= since)
    {
        let page = (books.store())
            .rows_back(card.id(), Some(from), left.min(ROWS_PER_PAGE))
            .await;
        let page = page.map_err(Failure::start_error)?;
        left -= page.len();
        newest = page
            .last()
            .and_then(|row| row.version.0.checked_sub(1))
            .map(Version);
        newest = newest.filter(|next| *next > Version(0));
        for row in page {
            if shown.since.is_some_and(|since| row.version < since) {
                return Ok(());
            }
            let row = Row::decode(&row.bytes)
                .map_err(|error| Failure::found_wrong(format!("card {}: {error}", card.id())))?;
            match form {
                OutputForm::Text => writeln!(out, "{}", row_line(&row, partition_count))?,
                OutputForm::Json => writeln!(out, "{}", row_json(&row, partition_count))?,
            }
        }
    }
    Ok(())
}

fn row_line(row: &Row, partition_count: u16) -> String {
    let at = moment(row.decided_at);
    let code = ResponseCode::of(row.outcome);
    let why = match (row.outcome, row.case) {
        (_, Some(case)) => case.text(),
        (Outcome::Declined(reason), None) => reason.text(),
        (Outcome::Approved | Outcome::AcceptedUnseen | Outcome::AcceptedAfterRefusal, None) => "",
    };
    let link = match row.link.0 {
        0 => String::new(),
        link => format!("of {link}"),
    };
    format!(
        "{:>6}  {at}  {:<17} {link:<8} {:>12}  {}  balance {:>12}  RRN {}  {}  {why}",
        row.version.0,
        row.kind.text(),
        yuan(row.amount.minor().into()),
        code.as_str(),
        yuan(row.posted_after.minor().into()),
        rrn(row, partition_count),
        row.place.terminal,
    )
    .trim_end()
    .to_owned()
}

fn row_json(row: &Row, partition_count: u16) -> Value {
    json!({
        "version": row.version.0,
        "decided_at_ms": row.decided_at.0,
        "kind": row.kind.text(),
        "of_version": (row.link.0 != 0).then_some(row.link.0),
        "amount_fen": row.amount.minor(),
        "code": ResponseCode::of(row.outcome).as_str(),
        "rrn": rrn(row, partition_count),
        "merchant": row.place.merchant.to_string(),
        "terminal": row.place.terminal.to_string(),
        "posted_after_fen": row.posted_after.minor(),
        "held_after_fen": row.held_after.minor(),
        "case": row.case.map(card::Case::text),
    })
}

fn rrn(row: &Row, partition_count: u16) -> String {
    let rrn = references::retrieval_reference(row.position, partition_count);
    String::from_utf8_lossy(&rrn).into_owned()
}
