//! `floatswitch card list`, `card show` and `tx list`: what the books say, for back office.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr as _;

use serde_json::{Value, json};

use crate::config;
use crate::engine::{Engine, Opening, now};
use crate::exit::{DONE, Failure};
use crate::output::{OutputForm, yuan};
use acquirer_connector::{ResponseCode, references};
use card::{Card, CardId, Outcome, ProgrammeId, Row, calendar::Civil};
use card_store::CardStore as _;
use command_log::CommandLog as _;
use registry::{ListingCursor, RegisteredMedium};

/// What every one of these commands is told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BooksArgs {
    /// The settings file of the switch, which must be stopped.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// How to print: for people, or one JSON object a line.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    output: OutputForm,
}

/// `card list`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ListArgs {
    /// The programme's number in the settings.
    #[arg(long, value_name = "NUMBER")]
    programme: u16,
    /// How many cards at most.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    books: BooksArgs,
}

/// `card show` and `tx list`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ShowArgs {
    /// The card: its id of 32 hexadecimal digits, as `card list` prints it.
    card: String,
    /// How many of the last transactions.
    #[arg(long, default_value_t = 10)]
    last: usize,
    #[command(flatten)]
    books: BooksArgs,
}

/// Lists cards of a programme with their balances.
pub(crate) async fn list(args: ListArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.books.config)?;
    let engine = Engine::open(&settings, Opening::Existing).await?;
    let listed = list_from(&engine, &args).await;
    engine.close().await?;
    listed
}

async fn list_from(engine: &Engine, args: &ListArgs) -> Result<u8, Failure> {
    let mut out = std::io::stdout().lock();
    let programme = ProgrammeId(args.programme);
    let mut after: Option<ListingCursor> = None;
    let mut left = args.limit;
    if args.books.output == OutputForm::Text {
        writeln!(
            out,
            "{:<32}  {:<16}  {:>14}  {:>14}",
            "card", "number", "posted", "available"
        )?;
    }
    while left > 0 {
        let page = engine
            .media
            .media_of_programme(programme, after, left.min(512));
        let page = page.map_err(Failure::start_error)?;
        let Some(last) = page.last() else { break };
        after = Some(ListingCursor {
            card: last.medium.card,
            number: last.medium.number,
        });
        left -= page.len();
        for medium in page {
            let Some(card) = load(engine, medium.medium.card).await? else {
                continue;
            };
            let (posted, available) = (card.posted(), card.available(now()));
            let line = match args.books.output {
                OutputForm::Text => format!(
                    "{}  {:<16}  {:>14}  {:>14}",
                    card.id(),
                    masked(&medium),
                    yuan(posted.minor().into()),
                    yuan(available.minor().into())
                ),
                OutputForm::Json => summary(&card, Some(&medium)).to_string(),
            };
            writeln!(out, "{line}")?;
        }
    }
    Ok(DONE)
}

/// Shows one card.
pub(crate) async fn show(args: ShowArgs) -> Result<u8, Failure> {
    with_card(args, async |engine, card, args| {
        let media = engine
            .media
            .media_of(card.id())
            .map_err(Failure::start_error)?;
        let mut out = std::io::stdout().lock();
        match args.books.output {
            OutputForm::Json => writeln!(out, "{}", summary(card, media.first()))?,
            OutputForm::Text => {
                for medium in &media {
                    writeln!(out, "medium {}  {}", medium.medium.number, masked(medium))?;
                }
                show_balances(&mut out, card)?;
            }
        }
        drop(out);
        print_rows(engine, card, args).await
    })
    .await
}

/// Lists a card's transactions, the youngest first.
pub(crate) async fn transactions(args: ShowArgs) -> Result<u8, Failure> {
    with_card(args, print_rows).await
}

async fn with_card(
    args: ShowArgs,
    act: impl AsyncFnOnce(&Engine, &Card, &ShowArgs) -> Result<(), Failure>,
) -> Result<u8, Failure> {
    let id = CardId::from_str(&args.card)
        .map_err(|error| Failure::usage(format!("{error}; `card list` prints them")))?;
    let settings = config::load(&args.books.config)?;
    let engine = Engine::open(&settings, Opening::Existing).await?;
    let done = match load(&engine, id).await {
        Ok(Some(card)) => act(&engine, &card, &args).await,
        Ok(None) => Err(Failure::refused(format!("no card {id}"))),
        Err(failure) => Err(failure),
    };
    engine.close().await?;
    done.map(|()| DONE)
}

async fn load(engine: &Engine, id: CardId) -> Result<Option<Card>, Failure> {
    let stored = engine.store.load(id).await.map_err(Failure::start_error)?;
    let card = stored.map(|stored| Card::decode(&stored.body)).transpose();
    card.map_err(|error| Failure::found_wrong(format!("card {id}: {error}")))
}

fn show_balances(out: &mut impl Write, card: &Card) -> Result<(), Failure> {
    let now = now();
    let status = if card.lost_at().is_some() {
        "reported lost"
    } else {
        "active"
    };
    let line = |amount: money::Amount| yuan(amount.minor().into());
    writeln!(out, "card       {}", card.id())?;
    writeln!(out, "programme  {}", card.programme())?;
    writeln!(out, "status     {status}, version {}", card.version())?;
    writeln!(out, "posted     {:>14}", line(card.posted()))?;
    writeln!(out, "held       {:>14}", line(card.held(now)))?;
    writeln!(out, "uncleared  {:>14}", line(card.uncleared(now)))?;
    writeln!(out, "available  {:>14}", line(card.available(now)))?;
    Ok(())
}

fn summary(card: &Card, medium: Option<&RegisteredMedium>) -> Value {
    let now = now();
    json!({
        "card": card.id().to_string(),
        "number": medium.map(masked),
        "programme": card.programme().0,
        "lost": card.lost_at().is_some(),
        "version": card.version().0,
        "posted_fen": card.posted().minor(),
        "held_fen": card.held(now).minor(),
        "uncleared_fen": card.uncleared(now).minor(),
        "available_fen": card.available(now).minor(),
    })
}

/// First six and last four, the most of a number that may be shown.
fn masked(medium: &RegisteredMedium) -> String {
    let text = |digits: &[u8]| String::from_utf8_lossy(digits).into_owned();
    format!(
        "{}******{}",
        text(&medium.medium.bin),
        text(&medium.medium.last_four)
    )
}

async fn print_rows(engine: &Engine, card: &Card, args: &ShowArgs) -> Result<(), Failure> {
    let rows = engine.store.rows_back(card.id(), None, args.last).await;
    let rows = rows.map_err(Failure::start_error)?;
    let count = engine.log.log_id().partition_count;
    let mut out = std::io::stdout().lock();
    for row in rows {
        let row = Row::decode(&row.bytes)
            .map_err(|error| Failure::found_wrong(format!("card {}: {error}", card.id())))?;
        match args.books.output {
            OutputForm::Text => writeln!(out, "{}", row_line(&row, count))?,
            OutputForm::Json => writeln!(out, "{}", row_json(&row, count))?,
        }
    }
    Ok(())
}

fn row_line(row: &Row, partition_count: u16) -> String {
    let at = moment(row);
    let code = ResponseCode::of(row.outcome);
    let why = match (row.outcome, row.case) {
        (_, Some(case)) => case.text(),
        (Outcome::Declined(reason), None) => reason.text(),
        (Outcome::Approved, None) => "",
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

/// The moment in UTC: the books know no local time.
fn moment(row: &Row) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::at(row.decided_at, 0);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}
