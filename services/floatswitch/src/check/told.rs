//! What the outside was told: the record of a run, by the keys under which the switch books.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use crate::books::Books;
use crate::check::Against;
use crate::exit::Failure;
use crate::plan;
use crate::sim::record::{HEADER, RecordedRequest};
use acquirer_connector::keys::{Leg, Origin, leg_key};
use card::{CardId, Kind, LegKey, Place, TerminalId};
use iso8583::Mti;
use pan::{Pan, PanHash, PanHasher};
use registry::{Register, merchant_id, terminal_id};
use settings::Settings;

/// Digits of a simulator's card numbers.
const PAN_LENGTH: usize = 16;

/// The names of a record, and what the switch calls them.
const KINDS: [(&str, Kind); 11] = [
    ("purchase", Kind::Purchase),
    ("balance", Kind::BalanceInquiry),
    ("void", Kind::Void),
    ("refund", Kind::Refund),
    ("preauth", Kind::PreAuth),
    ("preauth-void", Kind::PreAuthVoid),
    ("completion", Kind::Completion),
    ("completion-advice", Kind::CompletionAdvice),
    ("completion-void", Kind::CompletionVoid),
    ("top-up", Kind::DirectCredit),
    ("reversal", Kind::Reversal),
];

/// A request as its terminal saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) kind: Kind,
    /// The card whose number was presented; `None` when no such card is registered.
    pub(crate) card: Option<CardId>,
    pub(crate) amount_fen: u64,
    pub(crate) leg: TerminalLeg,
    /// `None` when no answer came.
    pub(crate) answer: Option<ToldAnswer>,
}

/// What a terminal calls a request and its reversal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TerminalLeg {
    pub(crate) terminal: TerminalId,
    pub(crate) batch: u32,
    pub(crate) trace: u32,
}

/// An answer: what a receipt has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToldAnswer {
    pub(crate) code: [u8; 2],
    pub(crate) rrn: Option<[u8; 12]>,
    pub(crate) approval: Option<[u8; 6]>,
}

impl ToldAnswer {
    pub(crate) fn code(&self) -> &str {
        text(&self.code)
    }

    pub(crate) fn rrn(&self) -> &str {
        self.rrn.as_ref().map_or("none", |rrn| text(rrn))
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("?")
}

/// Reads all files into the comparison.
pub(crate) async fn read_records<B: Books>(
    settings: &Settings,
    books: &B,
    files: &[PathBuf],
) -> Result<Against, Failure> {
    let register = plan::register(settings)?;
    let mut against = Against::new(books.partition_count());
    let cards = cards_presented(books, files).await?;
    let card_of = |request: &RecordedRequest| {
        let hash = hash_of(books.hasher(), request)?;
        Ok(cards.get(&hash).copied())
    };
    for file in files {
        let shown = file.display();
        for_each_line(file, |number, line| {
            let told = read_line(&register, line, card_of)
                .map_err(|what| Failure::usage(format!("{shown} line {number}: {what}")))?;
            let (key, place, told) = told;
            against.tell(key, place, told);
            Ok(())
        })?;
    }
    Ok(against)
}

fn for_each_line(
    path: &Path,
    mut take: impl FnMut(usize, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let shown = path.display();
    let file =
        File::open(path).map_err(|error| Failure::usage(format!("open {shown}: {error}")))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        let size = file.read_line(&mut line);
        if size.map_err(|error| Failure::usage(format!("read {shown}: {error}")))? == 0 {
            break;
        }
        if number == 1 && line == HEADER {
            continue;
        }
        take(number, line.trim_end_matches('\n'))?;
    }
    Ok(())
}

/// A line's request, its key, and where it was asked.
pub(crate) fn read_line(
    register: &Register,
    line: &str,
    card_of: impl Fn(&RecordedRequest) -> Result<Option<CardId>, String>,
) -> Result<(LegKey, Place, Told), String> {
    let request = RecordedRequest::parse(line).ok_or("this is not a line of a record")?;
    let (kind, _) = (KINDS.iter().map(|(name, kind)| (*kind, *name)))
        .find(|(_, name)| *name == request.kind)
        .ok_or_else(|| format!("`{}` is no kind of a record", request.kind))?;
    let place = Place {
        acquirer: card::AcquirerId::NOBODY,
        merchant: merchant_id(&request.merchant).map_err(|error| error.to_string())?,
        terminal: terminal_id(&format!("{:08}", request.terminal))
            .map_err(|error| error.to_string())?,
        batch: request.batch,
        trace: request.stan,
    };
    let leg = TerminalLeg {
        terminal: place.terminal,
        batch: request.batch,
        trace: request.stan,
    };
    let key = key_of(register, place, &leg, &request.mti)?;
    let told = Told {
        kind,
        card: card_of(&request)?,
        amount_fen: request.amount_fen,
        leg,
        answer: answer_of(&request)?,
    };
    Ok((key, place, told))
}

fn answer_of(request: &RecordedRequest) -> Result<Option<ToldAnswer>, String> {
    let Some(code) = &request.code else {
        return Ok(None);
    };
    Ok(Some(ToldAnswer {
        code: fixed(code)?,
        rrn: request.rrn.as_deref().map(fixed).transpose()?,
        approval: request.approval.as_deref().map(fixed).transpose()?,
    }))
}

fn fixed<const SIZE: usize>(text: &str) -> Result<[u8; SIZE], String> {
    let bytes = text.as_bytes().try_into();
    bytes.map_err(|_| format!("`{text}` has not {SIZE} characters"))
}

fn key_of(
    register: &Register,
    place: Place,
    leg: &TerminalLeg,
    mti: &str,
) -> Result<LegKey, String> {
    let known = register
        .participants()
        .find_map(|participant| register.terminal(participant.id, place.terminal));
    let known =
        known.ok_or_else(|| format!("terminal {} is not in the settings", place.terminal))?;
    let digits = <[u8; 4]>::try_from(mti.as_bytes()).ok();
    let mti = digits
        .and_then(Mti::parse)
        .ok_or_else(|| format!("`{mti}` is no message type"))?;
    let origin = Origin {
        participant: known.participant.id,
        merchant: place.merchant,
        terminal: place.terminal,
    };
    Ok(leg_key(
        &origin,
        &Leg {
            batch: leg.batch,
            trace: leg.trace,
            mti,
        },
    ))
}

/// The cards of all numbers that the records name. A line that cannot be read is told later.
async fn cards_presented<B: Books>(
    books: &B,
    files: &[PathBuf],
) -> Result<BTreeMap<PanHash, CardId>, Failure> {
    let mut hashes = BTreeMap::new();
    for file in files {
        for_each_line(file, |_, line| {
            if let Some(request) = RecordedRequest::parse(line) {
                let number = (request.bin.clone(), request.serial);
                if !hashes.contains_key(&number)
                    && let Ok(hash) = hash_of(books.hasher(), &request)
                {
                    hashes.insert(number, hash);
                }
            }
            Ok(())
        })?;
    }
    let hashes: Vec<PanHash> = hashes.into_values().collect();
    books.cards_of(&hashes).await
}

/// The hash of the number that the simulator made of BIN and serial.
fn hash_of(hasher: &PanHasher, request: &RecordedRequest) -> Result<PanHash, String> {
    let pan = Pan::from_bin_and_serial(&request.bin, request.serial, PAN_LENGTH);
    pan.map(|pan| hasher.hash(&pan))
        .map_err(|error| error.to_string())
}
