//! `floatswitch card issue`: puts test cards on the books, sold with a first balance.
//!
//! The numbers follow from BIN and serial, so that `sim pos` knows them. A run that was interrupted
//! is repeated: cards that are there already answer with their stored outcome.

use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::books::{self, Books, Work};
use crate::config;
use crate::engine::{Opening, now};
use crate::exit::{DONE, Failure};
use crate::plan;
use card::{
    CardId, CardKind, Channel, Command, CreditSource, Facts, Fingerprint, LegKey, MerchantId,
    Outcome, Place, ProgrammeId, ReplyTo, Request, TerminalId, calendar,
};
use money::Amount;
use pan::{Expiry, Pan, PanHash};
use registry::{Medium, RegisteredMedium};
use settings::Settings;

/// Cards issued in one go.
const CARDS_PER_BATCH: usize = 2_048;

/// The tenant of an embedded switch.
const TENANT: u16 = 1;

/// What to issue.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct IssueArgs {
    /// The settings file.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    pub(crate) config: PathBuf,
    /// The programme's number in the settings.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) programme: u16,
    /// How many cards.
    #[arg(long, default_value_t = 1)]
    pub(crate) count: u64,
    /// The serial of the first card.
    #[arg(long, default_value_t = 1, value_name = "SERIAL")]
    pub(crate) from: u64,
    /// The balance that each is sold with, in yuan.
    #[arg(long, value_name = "YUAN", default_value = "0.00", value_parser = parse_yuan)]
    pub(crate) balance: Amount,
}

/// Reads yuan with at most two decimals.
pub(crate) fn parse_yuan(text: &str) -> Result<Amount, String> {
    let (yuan, fen) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if yuan.is_empty() || fen.len() > 2 || !digits(yuan) || !digits(fen) {
        return Err("write yuan with at most two decimals, as 500 or 500.00".to_owned());
    }
    let minor = format!("{yuan}{fen:0<2}")
        .parse()
        .map_err(|_| "amount is too large".to_owned())?;
    Amount::from_minor(minor).map_err(|error| error.to_string())
}

/// Runs the command.
pub(crate) async fn run(args: IssueArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let issue = Issue {
        settings: &settings,
        args: &args,
    };
    let issued = books::work_on(&settings, Opening::CreateIfNew, issue).await?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{issued} cards of programme {} issued with {} each",
        args.programme, args.balance
    )?;
    Ok(DONE)
}

struct Issue<'a> {
    settings: &'a Settings,
    args: &'a IssueArgs,
}

impl Work for Issue<'_> {
    type Done = u64;

    async fn on<B: Books>(self, books: &B) -> Result<u64, Failure> {
        issue(books, self.settings, self.args).await
    }
}

/// Issues the cards and waits until each is decided and durable.
pub(crate) async fn issue<B: Books>(
    books: &B,
    settings: &Settings,
    args: &IssueArgs,
) -> Result<u64, Failure> {
    let programme = settings
        .programmes
        .iter()
        .find(|p| p.number.get() == args.programme);
    let programme = programme.ok_or_else(|| {
        let known: Vec<String> = settings
            .programmes
            .iter()
            .map(|p| p.number.get().to_string())
            .collect();
        Failure::usage(format!(
            "no programme {}: choose one of {}",
            args.programme,
            known.join(", ")
        ))
    })?;
    let mut issued = 0;
    let last = args.from.saturating_add(args.count);
    let mut serial = args.from;
    while serial < last {
        let end = last.min(serial.saturating_add(CARDS_PER_BATCH as u64));
        let media = media(books, settings, programme, serial..end).await?;
        let added = books.media().add_media(&media).await;
        added.map_err(Failure::start_error)?;
        issued += decide(books, &media, args.balance).await?;
        serial = end;
    }
    Ok(issued)
}

/// The media of these serial numbers: what is registered already, else new ones.
async fn media<B: Books>(
    books: &B,
    settings: &Settings,
    programme: &settings::Programme,
    serials: Range<u64>,
) -> Result<Vec<RegisteredMedium>, Failure> {
    let mut pans = Vec::new();
    for serial in serials {
        let pan = pan(programme, serial)?;
        pans.push((books.hasher().hash(&pan), pan));
    }
    let hashes: Vec<PanHash> = pans.iter().map(|(hash, _)| *hash).collect();
    let fetched = books.media().fetch(&hashes).await;
    fetched.map_err(Failure::start_error)?;
    pans.into_iter()
        .map(|(hash, pan)| {
            let known = books.media().find_medium(&hash);
            let medium = match known.map_err(Failure::start_error)? {
                Some(medium) => medium,
                None => new_medium(settings, programme, &pan)?,
            };
            Ok(RegisteredMedium { hash, medium })
        })
        .collect()
}

fn pan(programme: &settings::Programme, serial: u64) -> Result<Pan, Failure> {
    let bin = programme
        .bins
        .first()
        .map(settings::Digits::as_str)
        .unwrap_or_default();
    let length = usize::from(programme.pan_length.get());
    Pan::from_bin_and_serial(bin, serial, length).map_err(Failure::usage)
}

fn new_medium(
    settings: &Settings,
    programme: &settings::Programme,
    pan: &Pan,
) -> Result<Medium, Failure> {
    let mut own = [0u8; 14];
    getrandom::fill(&mut own).map_err(Failure::start_error)?;
    let four = |text: &str| text.as_bytes().first_chunk().copied().unwrap_or_default();
    Ok(Medium {
        card: CardId::new(TENANT, own),
        number: 0,
        bin: pan
            .bin6()
            .as_bytes()
            .first_chunk()
            .copied()
            .unwrap_or_default(),
        last_four: four(pan.last_four()),
        programme: ProgrammeId(programme.number.get()),
        expiry: expiry(settings, programme)?,
    })
}

/// The last month of validity of an anonymous card that is sold now.
fn expiry(settings: &Settings, programme: &settings::Programme) -> Result<Option<Expiry>, Failure> {
    let Some(months) = &programme.validity_months else {
        return Ok(None);
    };
    if plan::card_kind(programme) == CardKind::Registered {
        return Ok(None);
    }
    let today = calendar::Civil::at(now(), settings.day.utc_offset_minutes.get());
    let count = u32::from(today.year) * 12 + u32::from(today.month) - 1 + u32::from(months.get());
    let text = format!("{:02}{:02}", count / 12 % 100, count % 12 + 1);
    Expiry::parse(text.as_bytes())
        .map(Some)
        .map_err(Failure::usage)
}

async fn decide<B: Books>(
    books: &B,
    media: &[RegisteredMedium],
    balance: Amount,
) -> Result<u64, Failure> {
    let commands = media
        .iter()
        .map(|medium| command(&medium.medium, balance))
        .collect();
    let outcomes = books.ask(commands).await?;
    let refused = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Approved | Outcome::AcceptedUnseen | Outcome::AcceptedAfterRefusal => None,
        Outcome::Declined(reason) => Some(*reason),
    });
    match refused {
        None => Ok(outcomes.len() as u64),
        Some(reason) => Err(Failure::refused(format!(
            "a card was not issued: {}",
            reason.text()
        ))),
    }
}

fn command(medium: &Medium, balance: Amount) -> Command {
    let expiry = medium.expiry.map_or(*b"0000", Expiry::to_digits);
    let yymm = expiry
        .iter()
        .fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let mut digest = Sha256::new();
    digest.update(b"issue");
    digest.update(medium.card.as_bytes());
    let key: [u8; 32] = digest.clone().finalize().into();
    digest.update(medium.programme.0.to_be_bytes());
    digest.update(balance.minor().to_be_bytes());
    let content: [u8; 32] = digest.finalize().into();
    Command {
        card: medium.card,
        medium: medium.number,
        key: LegKey(key.first_chunk().copied().unwrap_or_default()),
        fingerprint: Fingerprint(
            content
                .first_chunk()
                .map_or(0, |head| u64::from_be_bytes(*head)),
        ),
        place: Place {
            acquirer: card::AcquirerId::NOBODY,
            merchant: MerchantId(*b"BACK OFFICE    "),
            terminal: TerminalId(*b"DESK    "),
            batch: 0,
            trace: 0,
        },
        request: Request::Issue {
            programme: medium.programme,
            expiry: yymm,
            amount: balance,
            source: CreditSource::Transfer,
        },
        facts: Facts {
            channel: Channel::BackOffice,
            ..Facts::default()
        },
        reply_to: ReplyTo::NOBODY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse_yuan(text).ok().map(Amount::minor), expected, "{text}");
    }

    #[test]
    fn reads_yuan() {
        check("500", Some(50_000));
        check("500.5", Some(50_050));
        check("0.01", Some(1));
        check("1.234", None);
        check("-1", None);
        check("", None);
        check("1e3", None);
        check(".50", None);
    }
}
