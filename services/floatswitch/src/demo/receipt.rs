//! What a terminal of the demo learns from an answer.

use iso8583::{Balance, Message};

/// An answer, as far as a terminal prints it or needs it for a later request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    /// DE39.
    pub(super) code: String,
    /// DE37.
    pub(super) reference: String,
    /// DE38, empty when nothing was booked.
    pub(super) approval: String,
    /// DE13, MMDD.
    pub(super) date: String,
    /// DE54, in fen.
    pub(super) available_fen: Option<u64>,
    /// Of the request.
    pub(super) batch: u32,
    /// DE11.
    pub(super) trace: u32,
}

impl Receipt {
    /// Takes from an answer what is printed; `batch` is that of the request.
    pub(super) fn read(message: &Message<'_>, batch: u32) -> Self {
        let text = |number| {
            let bytes = message.text(number).unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
        let available = message.text(54).and_then(|text| {
            let balance = Balance::parse_all(text).next()?.ok()?;
            u64::try_from(balance.amount).ok()
        });
        Self {
            code: text(39),
            reference: text(37),
            approval: text(38),
            date: message
                .digits(13)
                .map(|date| date.as_str().to_owned())
                .unwrap_or_default(),
            available_fen: available,
            batch,
            trace: message
                .number(11)
                .and_then(|trace| u32::try_from(trace).ok())
                .unwrap_or_default(),
        }
    }

    pub(super) fn is_approved(&self) -> bool {
        self.code == "00"
    }

    /// The code with what a terminal shows of it.
    pub(super) fn code_text(&self) -> String {
        format!("{} {}", self.code, text_of(&self.code))
    }
}

/// A few words for a response code.
fn text_of(code: &str) -> &'static str {
    match code {
        "00" => "approved",
        "03" => "wrong merchant",
        "12" => "original invalid",
        "13" => "invalid amount",
        "14" => "no such card",
        "22" => "out of order",
        "25" => "original unknown",
        "30" => "format error",
        "40" => "not offered",
        "51" => "balance too low",
        "54" => "expired",
        "57" => "not allowed",
        "58" => "other terminal",
        "61" => "over the limit",
        "64" => "wrong amount",
        "94" => "duplicate",
        "96" => "try again",
        "97" => "not signed on",
        _ => "",
    }
}
