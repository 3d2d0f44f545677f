//! What the outside was told, against what was booked.
//!
//! Each recorded request has a key. An answered one must be booked as it was answered, exactly
//! once; one that stayed without an answer may be booked, and then its reversal must have undone
//! it. Money of a recorded terminal under a key that nobody recorded is an invention.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use crate::check::audit::Findings;
use crate::engine::Engine;
use crate::exit::Failure;
use crate::plan;
use crate::sim::record::{HEADER, RecordedRequest};
use acquirer_connector::keys::{Leg, Origin, leg_key};
use acquirer_connector::{ResponseCode, references};
use card::{CardId, Kind, LegKey, Row, TerminalId, Version};
use command_log::CommandLog as _;
use iso8583::Mti;
use registry::{Register, merchant_id, terminal_id};
use settings::Settings;

/// One key of the record.
#[derive(Debug)]
struct Told {
    kind: String,
    amount_fen: u64,
    code: Option<String>,
    rrn: Option<String>,
    approval: Option<String>,
    row_count: u32,
    moved_money: bool,
}

/// The record, and what of it was found.
#[derive(Debug)]
pub(crate) struct Against {
    told: HashMap<LegKey, Told>,
    terminals: BTreeSet<TerminalId>,
    partition_count: u16,
    /// Rows with money that was undone, by the key of the step.
    undone: BTreeSet<LegKey>,
    pub(crate) answered_count: u64,
    pub(crate) unanswered_count: u64,
    pub(crate) booked_count: u64,
    pub(crate) findings: Findings,
}

impl Against {
    /// Reads the files.
    pub(crate) fn read(
        settings: &Settings,
        engine: &Engine,
        files: &[PathBuf],
    ) -> Result<Self, Failure> {
        let register = plan::register(settings)?;
        let mut against = Self {
            told: HashMap::new(),
            terminals: BTreeSet::new(),
            partition_count: engine.log.log_id().partition_count,
            undone: BTreeSet::new(),
            answered_count: 0,
            unanswered_count: 0,
            booked_count: 0,
            findings: Findings::default(),
        };
        for file in files {
            against.read_one(&register, file)?;
        }
        Ok(against)
    }

    fn read_one(&mut self, register: &Register, path: &Path) -> Result<(), Failure> {
        let shown = path.display();
        let file = std::fs::File::open(path)
            .map_err(|error| Failure::usage(format!("open {shown}: {error}")))?;
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| Failure::usage(format!("read {shown}: {error}")))?;
            if number == 0 && line == HEADER.trim_end() {
                continue;
            }
            let request = RecordedRequest::parse(&line).ok_or_else(|| {
                let number = number + 1;
                Failure::usage(format!("{shown} line {number} is not a line of a record"))
            })?;
            self.tell(register, request)?;
        }
        Ok(())
    }

    fn tell(&mut self, register: &Register, request: RecordedRequest) -> Result<(), Failure> {
        let terminal = terminal_id(&format!("{:08}", request.terminal)).map_err(Failure::usage)?;
        let key = key_of(register, terminal, &request)?;
        self.terminals.insert(terminal);
        match request.code {
            Some(_) => self.answered_count += 1,
            None => self.unanswered_count += 1,
        }
        let told = self.told.entry(key).or_insert_with(|| Told {
            kind: request.kind.clone(),
            amount_fen: request.amount_fen,
            code: None,
            rrn: None,
            approval: None,
            row_count: 0,
            moved_money: false,
        });
        let repeats_differ = match (&told.code, &request.code) {
            (Some(before), Some(now)) => before != now || told.rrn != request.rrn,
            (None, _) | (_, None) => false,
        };
        if repeats_differ {
            let what = format!("{} was answered twice, differently", describe(&request));
            self.findings.add(None, None, what);
        }
        if request.code.is_some() {
            told.code = request.code;
            told.rrn = request.rrn;
            told.approval = request.approval;
        }
        Ok(())
    }

    /// Compares the rows of one card.
    pub(crate) fn rows(&mut self, card: CardId, rows: &[(Row, [u8; 32])]) {
        for (row, _) in rows {
            if row.kind == Kind::Reversal && row.ledger.is_some() {
                let index = usize::try_from(row.link.0.saturating_sub(1)).unwrap_or(usize::MAX);
                self.undone
                    .extend(rows.get(index).map(|(original, _)| original.key));
            }
            self.row(card, row);
        }
    }

    fn row(&mut self, card: CardId, row: &Row) {
        let Some(told) = self.told.get_mut(&row.key) else {
            if row.ledger.is_some() && self.terminals.contains(&row.place.terminal) {
                let what = format!("{} was booked, nobody recorded it", row.kind.text());
                self.findings.add(Some(card), Some(row.version), what);
            }
            return;
        };
        told.row_count += 1;
        told.moved_money |= row.ledger.is_some();
        if told.row_count > 1 {
            let what = format!("{} is booked more than once", told.kind);
            self.findings.add(Some(card), Some(row.version), what);
        }
        self.booked_count += 1;
        for what in differences(told, row, self.partition_count) {
            self.findings.add(Some(card), Some(row.version), what);
        }
    }

    /// What was told and is not there.
    pub(crate) fn conclude(&mut self) {
        for (key, told) in &self.told {
            let Some(code) = &told.code else {
                if told.moved_money && told.kind != "reversal" && !self.undone.contains(key) {
                    let what = format!("a {} without an answer stayed booked", told.kind);
                    self.findings.add(None, None, what);
                }
                continue;
            };
            let must_be_booked = code == "00" && told.kind != "balance";
            if must_be_booked && told.row_count == 0 {
                let rrn = told.rrn.as_deref().unwrap_or("none");
                let what = format!(
                    "{} was answered 00 (RRN {rrn}) and is not booked",
                    told.kind
                );
                self.findings.add(None, None, what);
            }
        }
    }
}

fn key_of(
    register: &Register,
    terminal: TerminalId,
    request: &RecordedRequest,
) -> Result<LegKey, Failure> {
    let known = register
        .participants()
        .find_map(|participant| register.terminal(participant.id, terminal));
    let known = known.ok_or_else(|| {
        Failure::usage(format!(
            "terminal {terminal} of the record is not in the settings"
        ))
    })?;
    let digits = request.mti.as_bytes().first_chunk::<4>();
    let mti = digits.and_then(|digits| Mti::parse(*digits));
    let mti = mti.ok_or_else(|| Failure::usage(format!("{} is no MTI", request.mti)))?;
    let origin = Origin {
        participant: known.participant.id,
        merchant: merchant_id(&request.merchant).map_err(Failure::usage)?,
        terminal,
    };
    Ok(leg_key(
        &origin,
        &Leg {
            batch: request.batch,
            trace: request.stan,
            mti,
        },
    ))
}

fn describe(request: &RecordedRequest) -> String {
    let RecordedRequest {
        terminal,
        batch,
        stan,
        mti,
        ..
    } = request;
    format!("{mti} of terminal {terminal}, batch {batch}, trace {stan}")
}

/// How a row differs from what was answered.
fn differences(told: &Told, row: &Row, partition_count: u16) -> Vec<String> {
    let mut found = Vec::new();
    let amount = row.amount.minor();
    if amount != told.amount_fen {
        found.push(format!(
            "{} of {} fen is booked as {amount}",
            told.kind, told.amount_fen
        ));
    }
    let Some(code) = &told.code else { return found };
    let booked = ResponseCode::of(row.outcome);
    if booked.as_str() != code {
        found.push(format!("answered {code}, booked as {}", booked.as_str()));
    }
    let rrn = references::retrieval_reference(row.position, partition_count);
    if told.rrn.as_ref().is_some_and(|told| told.as_bytes() != rrn) {
        found.push("answered with another RRN".to_owned());
    }
    let approval = references::approval_code(row.version);
    if told
        .approval
        .as_ref()
        .is_some_and(|told| told.as_bytes() != approval)
    {
        found.push("answered with another approval code".to_owned());
    }
    debug_assert!(row.version > Version(0));
    found
}
