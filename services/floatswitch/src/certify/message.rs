//! The messages that scripts name, as data elements, for each way a link may speak.

use std::collections::BTreeMap;

use crate::certify::names::{
    INTERBANK_SESSIONS, Names, TERMINAL_MESSAGES, TERMINAL_SESSIONS, interbank_rows,
};
use crate::certify::reconciliation;
use crate::certify::script::{Exchange, Place};
use crate::msg::{self, hex, unhex};
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{
    Dialect, Disclosure, Encoder, Encoding, Message, Mti, MtiVersion, OwnedMessage, Prefix, Speaks,
};
use pan::Pan;

/// BINs that are set aside for tests.
const TEST_BINS: [&str; 4] = ["629997", "629998", "629999", "958000"];
const PAN_LENGTH: usize = 16;

/// The number of a test card, as `card issue` and `sim pos` make it.
///
/// # Errors
/// What is wrong with BIN or serial.
pub(super) fn test_pan(bin: &str, serial: u64) -> Result<Pan, String> {
    if !TEST_BINS.contains(&bin) {
        return Err(format!(
            "`{bin}` is no BIN for tests: use one of {TEST_BINS:?}"
        ));
    }
    Pan::from_bin_and_serial(bin, serial, PAN_LENGTH).map_err(|error| error.to_string())
}

/// A message that was sent, as later ones need it.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) mti: Mti,
    pub(super) fields: BTreeMap<u8, String>,
    pub(super) answer: Option<Answered>,
}

/// What an answer said.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) mti: Mti,
    pub(super) fields: BTreeMap<u8, String>,
    /// The message for people, card numbers masked.
    pub(super) table: String,
}

impl Answered {
    /// Takes every data element that can be shown.
    pub(super) fn of(message: &Message<'_>) -> Self {
        let fields = message.fields().filter_map(|field| {
            let digits = field.digits().map(|digits| digits.to_vec());
            let text = digits.or_else(|| field.text().map(<[u8]>::to_vec));
            let value = match text {
                Some(text) => String::from_utf8_lossy(&text).into_owned(),
                None => hex(field.bytes()?),
            };
            Some((field.number(), value))
        });
        Self {
            mti: message.mti(),
            fields: fields.collect(),
            table: masked_table(message),
        }
    }

    /// Data element 39.
    pub(super) fn code(&self) -> &str {
        self.fields.get(&39).map_or("none", String::as_str)
    }
}

/// What is not said by the script.
#[derive(Debug)]
pub(super) struct Numbers {
    /// Data element 11.
    pub(super) trace: u32,
    /// MMDDhhmmss of now, in local time.
    pub(super) now: String,
    /// Its year, YY.
    pub(super) year: String,
}

/// Makes the message of a script line.
///
/// # Errors
/// A name that is not known, or a message that needs something the line does not say.
pub(super) fn compose(
    dialect: &Dialect,
    exchange: &Exchange,
    (place, pan): (&Place, Option<&Pan>),
    numbers: &Numbers,
    original: Option<&Sent>,
) -> Result<Sent, String> {
    let draft = Draft {
        exchange,
        place,
        pan,
        numbers,
        original,
    };
    let mut sent = match (exchange.message.as_str(), original) {
        ("repeat", Some(original)) => original.clone(),
        ("repeat" | "reversal", None) => {
            return Err(format!(
                "{} of what? end it with `of NAME`",
                exchange.message
            ));
        }
        ("reversal", Some(original)) if is_pos(dialect) => reversal_of_terminal(original),
        ("reversal", Some(original)) => draft.reversal_of_institution(dialect.speaks(), original),
        (name, _) if is_pos(dialect) => draft.of_terminal(name)?,
        (name, _) => draft.of_institution(dialect.speaks(), name)?,
    };
    sent.answer = None;
    if original.is_some() {
        // A repeat or reversal may be told with another card or amount, which no honest sender does.
        if let Some(pan) = pan {
            sent.fields.insert(2, pan.expose().to_owned());
        }
        if let Some(amount) = exchange.amount {
            sent.fields.insert(4, format!("{:012}", amount.minor()));
        }
    }
    for (number, value) in &exchange.with {
        sent.fields.insert(*number, value.clone());
    }
    for number in &exchange.without {
        sent.fields.remove(number);
    }
    Ok(sent)
}

fn is_pos(dialect: &Dialect) -> bool {
    dialect.speaks() == Speaks::Pos
}

struct Draft<'a> {
    exchange: &'a Exchange,
    place: &'a Place,
    pan: Option<&'a Pan>,
    numbers: &'a Numbers,
    original: Option<&'a Sent>,
}

impl Draft<'_> {
    fn of_terminal(&self, name: &str) -> Result<Sent, String> {
        if let Some((_, mti, code, totals)) = TERMINAL_SESSIONS.iter().find(|row| row.0 == name) {
            let mut sent = self.session_of_terminal(mti, code)?;
            if let Some(totals) = totals {
                sent.fields.insert(48, (*totals).to_owned());
                sent.fields.insert(49, "156".to_owned());
            }
            return Ok(sent);
        }
        let Some((_, mti, f3, f25, kind, names)) =
            TERMINAL_MESSAGES.iter().find(|row| row.0 == name)
        else {
            let known = TERMINAL_MESSAGES.iter().map(|row| row.0);
            let known = known.chain(TERMINAL_SESSIONS.iter().map(|row| row.0));
            return Err(unknown(name, known));
        };
        let mut fields = self.card_and_amount(name)?;
        // A confirmation has the trace of what it confirms.
        let of_original = self.original.filter(|_| name == "top-up-confirm");
        let trace = of_original.and_then(|original| original.fields.get(&11).cloned());
        fields.extend([
            (3, (*f3).to_owned()),
            (11, trace.unwrap_or_else(|| self.trace())),
            (22, "022".to_owned()),
            (25, (*f25).to_owned()),
            (60, format!("{kind}{:06}00020", self.place.batch)),
        ]);
        self.add_place(&mut fields);
        if let Some(original) = self.original.filter(|_| *names != Names::Nothing) {
            self.point_at(&mut fields, *names, original);
            let batch = original.fields.get(&60).and_then(|custom| custom.get(2..8));
            let trace = original.fields.get(&11).map_or("000000", String::as_str);
            let date = said(original, 13).unwrap_or_default();
            let batch = batch.unwrap_or("000000");
            fields.insert(61, format!("{batch}{trace}{date}"));
        }
        sent(mti, fields)
    }

    fn session_of_terminal(&self, mti: &[u8; 4], code: &str) -> Result<Sent, String> {
        let fields = [
            (11, self.trace()),
            (41, self.place.terminal.clone()),
            (42, self.place.merchant.clone()),
            (60, format!("00{:06}{code}", self.place.batch)),
        ];
        sent(mti, BTreeMap::from(fields))
    }

    fn of_institution(&self, speaks: Speaks, name: &str) -> Result<Sent, String> {
        if let Some((_, code, function)) = INTERBANK_SESSIONS.iter().find(|row| row.0 == name) {
            return self.session_of_institution(speaks, (code, function));
        }
        if let Some(mti) = reconciliation::mti_of(name) {
            return self.reconciliation_of_institution(speaks, mti);
        }
        let rows = interbank_rows(speaks);
        let Some((_, mti, f3, condition, names)) = rows.iter().find(|row| row.0 == name) else {
            let known = rows.iter().map(|row| row.0);
            let known = known.chain(INTERBANK_SESSIONS.iter().map(|row| row.0));
            let known = known.chain(reconciliation::names());
            return Err(unknown(name, known));
        };
        let mut fields = self.card_and_amount(name)?;
        fields.insert(3, (*f3).to_owned());
        fields.insert(7, self.numbers.now.clone());
        fields.insert(11, self.trace());
        fields.insert(32, self.place.acquirer.clone());
        if speaks == Speaks::Cups || !self.place.forwarder.is_empty() {
            fields.insert(33, self.place.forwarder.clone());
        }
        fields.insert(37, format!("{}{}", &self.numbers.now[..6], self.trace()));
        self.add_place(&mut fields);
        self.add_circumstances(&mut fields, speaks, condition);
        if let Some(original) = self.original.filter(|_| *names != Names::Nothing) {
            if matches!(names, Names::Approval | Names::Both)
                && let Some(approval) = said(original, 38)
            {
                fields.insert(38, approval);
            }
            name_original(&mut fields, speaks, original);
        }
        sent(mti, fields)
    }

    /// What tells the kinds apart, when and how it was asked.
    fn add_circumstances(
        &self,
        fields: &mut BTreeMap<u8, String>,
        speaks: Speaks,
        condition: &str,
    ) {
        if speaks == Speaks::Iso93 {
            fields.insert(12, format!("{}{}", self.numbers.year, self.numbers.now));
            fields.insert(22, "210101211344".to_owned());
            fields.insert(24, condition.to_owned());
            fields.insert(26, self.place.category.clone());
            return;
        }
        let (date, time) = self.numbers.now.split_at(4);
        fields.insert(12, time.to_owned());
        fields.insert(13, date.to_owned());
        fields.insert(18, self.place.category.clone());
        fields.insert(22, "021".to_owned());
        fields.insert(25, condition.to_owned());
        if speaks == Speaks::Cups {
            fields.insert(60, "000002000300000000000011000000".to_owned());
        }
    }

    fn session_of_institution(
        &self,
        speaks: Speaks,
        (code, function): (&str, &str),
    ) -> Result<Sent, String> {
        let mut fields = BTreeMap::from([(7, self.numbers.now.clone()), (11, self.trace())]);
        // A cut-over tells the day that the answer to the message which it is about told.
        if let Some(day) = self.original.and_then(|original| said(original, 15)) {
            fields.insert(15, day);
        }
        if speaks == Speaks::Iso93 {
            fields.insert(12, format!("{}{}", self.numbers.year, self.numbers.now));
            fields.insert(24, function.to_owned());
            return sent(b"1804", fields);
        }
        if !self.place.forwarder.is_empty() {
            fields.insert(33, self.place.forwarder.clone());
        }
        fields.insert(70, code.to_owned());
        let mti = if speaks == Speaks::Cups {
            b"0820"
        } else {
            b"0800"
        };
        sent(mti, fields)
    }

    fn reconciliation_of_institution(&self, speaks: Speaks, mti: &[u8; 4]) -> Result<Sent, String> {
        let mut fields = reconciliation::fields_of(speaks, self.original)?;
        fields.insert(7, self.numbers.now.clone());
        fields.insert(11, self.trace());
        fields.insert(32, self.place.acquirer.clone());
        if speaks == Speaks::Iso93 {
            fields.insert(12, format!("{}{}", self.numbers.year, self.numbers.now));
        }
        let mut sent = sent(mti, fields)?;
        if speaks == Speaks::Iso93 {
            sent.mti = sent.mti.in_version(MtiVersion::V1993);
        }
        Ok(sent)
    }

    /// A new message with everything of the original, which it names.
    fn reversal_of_institution(&self, speaks: Speaks, original: &Sent) -> Sent {
        let mut fields = original.fields.clone();
        fields.insert(7, self.numbers.now.clone());
        fields.insert(11, self.trace());
        let mut mti = Mti::REVERSAL_ADVICE;
        if speaks == Speaks::Iso93 {
            fields.insert(12, format!("{}{}", self.numbers.year, self.numbers.now));
            fields.insert(24, "400".to_owned());
            mti = mti.in_version(MtiVersion::V1993);
        }
        name_original(&mut fields, speaks, original);
        Sent {
            mti,
            fields,
            answer: None,
        }
    }

    fn card_and_amount(&self, name: &str) -> Result<BTreeMap<u8, String>, String> {
        let mut fields = BTreeMap::new();
        let of_original = self.original.and_then(|original| original.fields.get(&2));
        let digits = match (self.pan, of_original) {
            (Some(pan), _) => pan.expose().to_owned(),
            (None, Some(digits)) => digits.clone(),
            (None, None) => return Err(format!("{name} needs a card")),
        };
        fields.insert(2, digits);
        let of_original = self.original.and_then(|original| original.fields.get(&4));
        match (self.exchange.amount, of_original) {
            (Some(amount), _) => {
                fields.insert(4, format!("{:012}", amount.minor()));
            }
            (None, Some(amount)) => {
                fields.insert(4, amount.clone());
            }
            (None, None) if matches!(name, "balance-inquiry" | "account-check") => {}
            (None, None) => return Err(format!("{name} needs an amount in yuan, as 123.45")),
        }
        Ok(fields)
    }

    fn add_place(&self, fields: &mut BTreeMap<u8, String>) {
        fields.insert(41, self.place.terminal.clone());
        fields.insert(42, self.place.merchant.clone());
        fields.insert(49, "156".to_owned());
    }

    fn point_at(&self, fields: &mut BTreeMap<u8, String>, names: Names, original: &Sent) {
        let numbers: &[u8] = match names {
            Names::Nothing => &[],
            Names::Reference => &[37],
            Names::Approval => &[38],
            Names::Both => &[37, 38],
        };
        for number in numbers {
            if let Some(value) = said(original, *number) {
                fields.insert(*number, value);
            }
        }
    }

    fn trace(&self) -> String {
        format!("{:06}", self.numbers.trace)
    }
}

/// Everything of the original under its own numbers: a terminal got no answer.
fn reversal_of_terminal(original: &Sent) -> Sent {
    let mut fields = original.fields.clone();
    for number in [37, 38, 61] {
        fields.remove(&number);
    }
    fields.insert(39, "98".to_owned());
    Sent {
        mti: Mti::REVERSAL_REQUEST,
        fields,
        answer: None,
    }
}

/// Data element 90: type, trace, time, acquirer and forwarder of the original; in the 1993 version
/// 56: type, trace, local time, acquirer.
fn name_original(fields: &mut BTreeMap<u8, String>, speaks: Speaks, original: &Sent) {
    let of = |number| original.fields.get(&number).map_or("", String::as_str);
    if speaks == Speaks::Iso93 {
        let acquirer = of(32);
        let length = acquirer.len();
        let text = format!("{}{}{}{length:02}{acquirer}", original.mti, of(11), of(12));
        fields.insert(56, text);
        return;
    }
    let text = format!(
        "{}{}{}{:0>11}{:0>11}",
        original.mti,
        of(11),
        of(7),
        of(32),
        of(33)
    );
    fields.insert(90, text);
}

fn said(original: &Sent, number: u8) -> Option<String> {
    original.answer.as_ref()?.fields.get(&number).cloned()
}

fn sent(mti: &[u8; 4], fields: BTreeMap<u8, String>) -> Result<Sent, String> {
    Ok(Sent {
        mti: Mti::parse(*mti).ok_or("a message type that is none")?,
        fields,
        answer: None,
    })
}

fn unknown<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let known: Vec<&str> = known.chain(["repeat", "reversal"]).collect();
    format!(
        "no message is called `{name}`; there are {}",
        known.join(", ")
    )
}

/// Writes the frame.
///
/// # Errors
/// A data element that does not fit the dialect, or bytes that are no hex, which a script may have
/// asked for.
pub(super) fn encode(
    dialect: &'static Dialect,
    sent: &Sent,
    frame: &mut Vec<u8>,
) -> Result<(), String> {
    let prefix = prefix(dialect);
    let mut encoder = Encoder::new(dialect, frame, &prefix, sent.mti);
    for (number, value) in &sent.fields {
        match dialect.field(*number).map(|spec| spec.encoding()) {
            Some(Encoding::Text | Encoding::SignedDigits) => encoder.text(*number, value),
            Some(Encoding::Binary | Encoding::Hex) => {
                let bytes =
                    unhex(value).map_err(|error| format!("data element {number}: {error}"))?;
                encoder.bytes(*number, bytes)
            }
            Some(
                Encoding::PackedLeft
                | Encoding::PackedRight
                | Encoding::PackedTrack
                | Encoding::Digits
                | Encoding::Track,
            )
            | None => encoder.digits(*number, value),
        };
    }
    encoder.finish().map_err(|error| error.to_string())
}

/// A message as `msg decode` shows it, card numbers masked.
fn masked_table(message: &Message<'_>) -> String {
    let owned = OwnedMessage::of(message, Disclosure::Masked);
    msg::table(message.dialect(), &owned)
}

/// A frame of ours, as [`masked_table`].
pub(super) fn masked_frame(dialect: &'static Dialect, frame: &[u8]) -> String {
    let Ok(NextFrame::Frame { body, .. }) = next_frame(dialect, frame) else {
        return String::new();
    };
    let body = frame.get(body).unwrap_or_default();
    Message::decode(dialect, body)
        .map_or_else(|error| error.to_string(), |message| masked_table(&message))
}

fn prefix(dialect: &Dialect) -> Prefix {
    let tpdu = [0x60, 0x00, 0x03, 0x00, 0x00];
    match (dialect.has_tpdu(), dialect.header_size()) {
        (true, 0) => Prefix::Tpdu { tpdu },
        (true, _) => Prefix::Pos {
            tpdu,
            header: [0x60, 0x31, 0x00, 0x31, 0x10, 0x01],
        },
        (false, 0) => Prefix::None,
        (false, _) => cups_prefix(),
    }
}

fn cups_prefix() -> Prefix {
    let mut header = [b'0'; iso8583::CUPS_HEADER_SIZE];
    header[..2].copy_from_slice(b".\x02");
    header[6..28].copy_from_slice(b"69990001   00010000   ");
    header[28..32].fill(0);
    Prefix::Cups { header }
}
