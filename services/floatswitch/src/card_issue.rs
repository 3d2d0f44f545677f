//! `floatswitch card issue`: puts test cards on the books, sold with a first balance.
//!
//! The numbers follow from BIN and serial, so that `sim pos` knows them. A run that was interrupted
//! is repeated: cards that are there already answer with their stored outcome.

use std::io::Write;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use crate::config;
use crate::engine::{Engine, Opening, now};
use crate::exit::{DONE, Failure};
use crate::plan;
use crate::router::Desk;
use card::{
    CardId, CardKind, Command, CreditSource, Facts, Fingerprint, LegKey, MerchantId, Outcome,
    Place, ProgrammeId, Request, TerminalId, calendar,
};
use command_log::{CommandLog as _, NewRecord, RecordKind, envelope, partition_of};
use money::Amount;
use pan::{Expiry, Pan};
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
    let engine = Engine::open(&settings, Opening::CreateIfNew).await?;
    engine.take_up(&settings).await?;
    let issued = issue(&engine, &settings, &args).await;
    engine.close().await?;
    let issued = issued?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{issued} cards of programme {} issued with {} each",
        args.programme, args.balance
    )?;
    Ok(DONE)
}

/// Issues the cards and waits until each is decided and durable.
pub(crate) async fn issue(
    engine: &Engine,
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
        let media = (serial..end)
            .map(|serial| medium(engine, settings, programme, serial))
            .collect::<Result<Vec<_>, _>>()?;
        engine
            .media
            .add_media(&media)
            .map_err(Failure::start_error)?;
        issued += decide(engine, &media, args.balance).await?;
        serial = end;
    }
    Ok(issued)
}

fn medium(
    engine: &Engine,
    settings: &Settings,
    programme: &settings::Programme,
    serial: u64,
) -> Result<RegisteredMedium, Failure> {
    let bin = programme
        .bins
        .first()
        .map(settings::Digits::as_str)
        .unwrap_or_default();
    let length = usize::from(programme.pan_length.get());
    let pan = Pan::from_bin_and_serial(bin, serial, length).map_err(Failure::usage)?;
    let hash = engine.hasher.hash(&pan);
    if let Some(medium) = engine
        .media
        .find_medium(&hash)
        .map_err(Failure::start_error)?
    {
        return Ok(RegisteredMedium { hash, medium });
    }
    let mut own = [0u8; 14];
    getrandom::fill(&mut own).map_err(Failure::start_error)?;
    let four = |text: &str| text.as_bytes().first_chunk().copied().unwrap_or_default();
    let medium = Medium {
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
    };
    Ok(RegisteredMedium { hash, medium })
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

async fn decide(
    engine: &Engine,
    media: &[RegisteredMedium],
    balance: Amount,
) -> Result<u64, Failure> {
    let count = engine.log.log_id().partition_count;
    let record = |medium: &RegisteredMedium| {
        let command = command(&medium.medium, balance);
        NewRecord {
            partition: partition_of(command.card, count),
            kind: RecordKind::Command,
            payload: envelope::encode_command(&command),
        }
    };
    engine
        .log
        .submit(media.iter().map(record).collect())
        .map_err(Failure::start_error)?;
    let outcomes = engine.router.desk().take(media.len()).await;
    let refused = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Approved => None,
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
            merchant: MerchantId(*b"BACK OFFICE    "),
            terminal: TerminalId(*b"DESK    "),
        },
        request: Request::Issue {
            programme: medium.programme,
            expiry: yymm,
            amount: balance,
            source: CreditSource::Transfer,
        },
        facts: Facts::default(),
        reply_to: Desk::ADDRESS,
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
