//! `floatswitch card list` and `card show`: what the books say of a card, for back office.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::books::{self, Books, Work};
use crate::card_choice::{self, CardChoice};
use crate::config;
use crate::engine::{Opening, now};
use crate::exit::{DONE, Failure};
use crate::output::{OutputForm, moment, yuan};
use crate::tx_list::{self, Shown};
use acquirer_connector::references;
use card::{Card, CardId, Hold, Loss, Position, ProgrammeId};
use card_store::CardStore as _;
use registry::{ListingCursor, RegisteredMedium};
use settings::Settings;

/// What every one of these commands is told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BooksArgs {
    /// The settings file of the switch, which must be stopped.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    pub(crate) config: PathBuf,
    /// How to print: for people, or one JSON object a line.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    pub(crate) output: OutputForm,
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

const SHOW_EXAMPLES: &str = "\
Examples:
  floatswitch card show 629999-0017              as a receipt shows the number
  floatswitch card show 0001f9a0c0ffee00112233445566778899 -o json
  floatswitch card show --pan-stdin < number     the whole number, kept out of the shell

Exit code 4: there is no such card.";

/// `card show`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    card: CardChoice,
    /// How many of the last transactions.
    #[arg(long, default_value_t = 10)]
    last: usize,
    #[command(flatten)]
    books: BooksArgs,
}

/// Lists cards of a programme with their balances.
pub(crate) async fn list(args: ListArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.books.config)?;
    books::work_on(&settings, Opening::Existing, List(&args)).await
}

struct List<'a>(&'a ListArgs);

impl Work for List<'_> {
    type Done = u8;

    async fn on<B: Books>(self, books: &B) -> Result<u8, Failure> {
        list_from(books, self.0).await
    }
}

async fn list_from<B: Books>(books: &B, args: &ListArgs) -> Result<u8, Failure> {
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
        let page = books
            .media()
            .media_of_programme(programme, after, left.min(512))
            .await;
        let page = page.map_err(Failure::start_error)?;
        let Some(last) = page.last() else { break };
        after = Some(ListingCursor {
            card: last.medium.card,
            number: last.medium.number,
        });
        left -= page.len();
        for medium in page {
            let Some(card) = load(books, medium.medium.card).await? else {
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
    with_card(&args.card, &args.books, Show(&args)).await
}

struct Show<'a>(&'a ShowArgs);

impl CardWork for Show<'_> {
    async fn on<B: Books>(self, books: &B, card: &Card) -> Result<(), Failure> {
        let Self(args) = self;
        let media = books.media().media_of(card.id()).await;
        let media = media.map_err(Failure::start_error)?;
        show_card(card, &media, books.partition_count(), args.books.output)?;
        let shown = Shown {
            last: args.last,
            since: None,
        };
        tx_list::print(books, card, shown, args.books.output).await
    }
}

fn show_card(
    card: &Card,
    media: &[RegisteredMedium],
    partition_count: u16,
    form: OutputForm,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match form {
        OutputForm::Json => {
            let mut summary = summary(card, media.first());
            let holds = open_holds(card).map(|hold| hold_json(card, hold, partition_count));
            summary["holds"] = holds.collect();
            writeln!(out, "{summary}")?;
        }
        OutputForm::Text => {
            for medium in media {
                writeln!(out, "medium {}  {}", medium.medium.number, masked(medium))?;
            }
            show_balances(&mut out, card)?;
            for hold in open_holds(card) {
                writeln!(out, "{}", hold_line(card, hold, partition_count))?;
            }
        }
    }
    Ok(())
}

/// Something that is done with one card of the books.
pub(crate) trait CardWork {
    async fn on<B: Books>(self, books: &B, card: &Card) -> Result<(), Failure>;
}

struct WithCard<'a, W> {
    choice: &'a CardChoice,
    settings: &'a Settings,
    work: W,
}

impl<W: CardWork> Work for WithCard<'_, W> {
    type Done = ();

    async fn on<B: Books>(self, books: &B) -> Result<(), Failure> {
        let id = self.choice.find(books, self.settings).await?;
        let card = load(books, id).await?;
        let card = card.ok_or_else(|| Failure::refused(format!("no card {id}")))?;
        self.work.on(books, &card).await
    }
}

/// Opens the books, finds the card, and does something with both.
pub(crate) async fn with_card<W: CardWork>(
    choice: &CardChoice,
    args: &BooksArgs,
    work: W,
) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let with_card = WithCard {
        choice,
        settings: &settings,
        work,
    };
    books::work_on(&settings, Opening::Existing, with_card).await?;
    Ok(DONE)
}

async fn load<B: Books>(books: &B, id: CardId) -> Result<Option<Card>, Failure> {
    let stored = books.store().load(id).await.map_err(Failure::start_error)?;
    let card = stored.map(|stored| Card::decode(&stored.body)).transpose();
    card.map_err(|error| Failure::found_wrong(format!("card {id}: {error}")))
}

fn show_balances(out: &mut impl Write, card: &Card) -> Result<(), Failure> {
    let now = now();
    let status = match card.loss().filter(|_| card.is_lost(now)) {
        Some(Loss { until: None, .. }) => "reported lost",
        Some(Loss { until: Some(_), .. }) => "reported lost for some days",
        None => "active",
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
        "lost": card.is_lost(now),
        "active_medium": card.active_medium(),
        "version": card.version().0,
        "posted_fen": card.posted().minor(),
        "held_fen": card.held(now).minor(),
        "uncleared_fen": card.uncleared(now).minor(),
        "available_fen": card.available(now).minor(),
    })
}

fn open_holds(card: &Card) -> impl Iterator<Item = &Hold> {
    let now = now();
    (card.holds().iter()).filter(move |hold| hold.expires_at > now)
}

fn hold_rrn(card: &Card, hold: &Hold, partition_count: u16) -> String {
    // All records of a card are in one partition.
    let position = Position {
        offset: hold.offset,
        ..card.applied()
    };
    let rrn = references::retrieval_reference(position, partition_count);
    String::from_utf8_lossy(&rrn).into_owned()
}

fn hold_line(card: &Card, hold: &Hold, partition_count: u16) -> String {
    format!(
        "hold       {:>14}  of version {}, RRN {}, until {}",
        yuan(hold.amount.minor().into()),
        hold.version,
        hold_rrn(card, hold, partition_count),
        moment(hold.expires_at),
    )
}

fn hold_json(card: &Card, hold: &Hold, partition_count: u16) -> Value {
    json!({
        "of_version": hold.version.0,
        "amount_fen": hold.amount.minor(),
        "rrn": hold_rrn(card, hold, partition_count),
        "placed_at_ms": hold.placed_at.0,
        "expires_at_ms": hold.expires_at.0,
    })
}

fn masked(medium: &RegisteredMedium) -> String {
    card_choice::masked(&medium.medium.bin, &medium.medium.last_four)
}
