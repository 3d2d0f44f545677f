//! What values mean, in the words of the trade. Only of values that need no hiding.

use iso8583::{Balance, BalanceKind, Dialect, OwnedMessage, PosF60, PosF61, Speaks};

/// The class and function of a message type.
pub(super) fn of_mti(mti: &str) -> String {
    let digit = |index| mti.as_bytes().get(index).copied();
    let class = match digit(1) {
        Some(b'1') => "authorisation",
        Some(b'2') => "financial",
        Some(b'3') => "batch upload",
        Some(b'4') => "reversal",
        Some(b'5') => "settlement",
        Some(b'6') => "administrative",
        Some(b'8') => "network management",
        _ => "message",
    };
    let function = match digit(2) {
        Some(b'0') => "request",
        Some(b'1') => "answer",
        Some(b'2') => "advice",
        Some(b'3') => "answer to an advice",
        _ => "",
    };
    format!("{class} {function}").trim_end().to_owned()
}

/// What a message is about, by its codes together.
pub(super) fn business(dialect: &'static Dialect, message: &OwnedMessage) -> Option<&'static str> {
    if dialect.speaks() == Speaks::Iso93 {
        return of_function_code(value(message, 24)?);
    }
    if dialect.speaks() == Speaks::Pos {
        let custom = PosF60::parse(value(message, 60)?.as_bytes()).ok()?;
        return match custom.transaction_type {
            0 => of_network_code(custom.network_code),
            kind => of_transaction_type(kind),
        };
    }
    if message.mti.starts_with("05") {
        return Some("reconciliation of a day");
    }
    if let Some(code) = value(message, 70) {
        return of_network_code(code.parse().ok()?);
    }
    of_codes(value(message, 3)?, value(message, 25)?)
}

/// A data element's meaning, when there is more to say than its value.
pub(super) fn of_field(
    dialect: &'static Dialect,
    message: &OwnedMessage,
    number: u8,
) -> Option<String> {
    let is_pos = dialect.speaks() == Speaks::Pos;
    let is_of_1993 = dialect.speaks() == Speaks::Iso93;
    let value = value(message, number)?;
    let is_request_reversal = message.mti.starts_with("04") && message.mti.ends_with("00");
    match number {
        12 if is_of_1993 => split(value, &[2, 2, 2, 2, 2, 2]).map(|parts| match parts.as_slice() {
            [year, month, day, hour, minute, second] => {
                format!("20{year}-{month}-{day}, {hour}:{minute}:{second}")
            }
            _ => String::new(),
        }),
        24 if is_of_1993 => of_function_code(value).map(str::to_owned),
        39 if is_of_1993 => of_action_code(value).map(str::to_owned),
        28 if is_of_1993 => split(value, &[2, 2, 2]).map(|parts| format!("20{}", parts.join("-"))),
        // Other meanings than in the dialects of 1987.
        15 | 22 | 25 | 66 | 70 | 90 if is_of_1993 => None,
        3 => of_processing_code(value).map(str::to_owned),
        4..=6 => yuan(value),
        7 => split(value, &[2, 2, 2, 2, 2]).map(|parts| match parts.as_slice() {
            [month, day, hour, minute, second] => {
                format!("day {month}-{day}, {hour}:{minute}:{second}")
            }
            _ => String::new(),
        }),
        12 => split(value, &[2, 2, 2]).map(|parts| parts.join(":")),
        13 | 15 => split(value, &[2, 2]).map(|parts| format!("day {}", parts.join("-"))),
        14 if value == "0000" => None,
        14 => split(value, &[2, 2]).map(|parts| format!("20{}", parts.join("-"))),
        22 => of_entry_mode(value),
        25 => of_condition(value).map(str::to_owned),
        39 if is_request_reversal => of_reversal_reason(value).map(str::to_owned),
        39 => of_response_code(value).map(str::to_owned),
        49..=51 => (value == "156").then(|| "yuan".to_owned()),
        54 => of_balances(value),
        60 if is_pos => of_pos_f60(value),
        61 if is_pos => of_pos_f61(value),
        66 => of_settlement_code(value).map(str::to_owned),
        86..=89 => yuan(value),
        97 => of_net(value),
        70 => of_network_code(value.parse().ok()?).map(str::to_owned),
        90 => of_original(value),
        _ => None,
    }
}

fn value(message: &OwnedMessage, number: u8) -> Option<&str> {
    let found = message.fields.iter().find(|(n, _)| *n == number);
    found.map(|(_, value)| value.as_str())
}

/// Cuts a text into parts of these widths; `None` when it has another length.
fn split<'v>(value: &'v str, widths: &[usize]) -> Option<Vec<&'v str>> {
    let mut rest = value;
    let mut parts = Vec::new();
    for width in widths {
        let (part, after) = rest.split_at_checked(*width)?;
        parts.push(part);
        rest = after;
    }
    rest.is_empty().then_some(parts)
}

fn yuan(value: &str) -> Option<String> {
    let fen: u64 = value.parse().ok()?;
    Some(format!("{}.{:02}", fen / 100, fen % 100))
}

fn of_transaction_type(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "balance inquiry",
        10 => "pre-authorisation",
        11 => "pre-authorisation void",
        20 => "pre-authorisation completion, asked",
        21 => "void of a completion",
        22 => "purchase",
        23 => "purchase void",
        24 => "pre-authorisation completion, told",
        25 => "refund",
        27 => "offline refund",
        30 => "offline settlement",
        32 => "adjustment",
        34 => "tip",
        36 => "upload of an offline purchase",
        45 => "e-cash load from the card's own account",
        46 => "e-cash load paid in cash",
        47 => "e-cash load from another account",
        48 => "top-up paid in cash",
        49 => "top-up from an account",
        51 => "void of an e-cash load paid in cash",
        _ => return None,
    })
}

fn of_network_code(code: u16) -> Option<&'static str> {
    Some(match code {
        1 | 3 | 4 | 5 => "sign-on",
        2 => "sign-off",
        101 => "key reset",
        201 => "batch settlement or cut-over",
        202 | 207 => "end of batch or cut-over",
        203..=206 => "batch upload",
        301 => "echo",
        360..=365 => "parameters",
        370..=372 => "certificates",
        380..=382 => "chip parameters",
        951 => "script result",
        _ => return None,
    })
}

/// Between institutions the processing and condition codes tell.
fn of_codes(processing: &str, condition: &str) -> Option<&'static str> {
    let is_pre_auth = condition == "06";
    Some(match (processing.get(..2)?, is_pre_auth) {
        ("00", false) => "purchase",
        ("00", true) => "pre-authorisation completion",
        ("03", _) => "pre-authorisation",
        ("20", false) => "void or refund",
        ("20", true) => "void of a pre-authorisation or completion",
        ("17", _) => "void of an e-cash load paid in cash",
        ("30" | "31", _) => "balance inquiry",
        ("33", _) => "account check",
        ("40", _) => "transfer",
        ("46", _) => "transfer out",
        ("47", _) => "transfer in",
        ("60" | "62" | "63", _) => "e-cash load",
        _ => return None,
    })
}

fn of_processing_code(value: &str) -> Option<&'static str> {
    Some(match value.get(..2)? {
        "00" => "goods and services",
        "03" => "hold",
        "17" => "void of a load paid in cash",
        "20" => "money back to the card",
        "30" | "31" => "balance inquiry",
        "33" => "account check",
        "40" => "transfer",
        "46" => "transfer out",
        "47" => "transfer in",
        "60" => "load from the card's own account",
        "62" => "load from another account",
        "63" => "load paid in cash",
        _ => return None,
    })
}

fn of_entry_mode(value: &str) -> Option<String> {
    let (medium, pin) = value.split_at_checked(2)?;
    let medium = match medium {
        "00" => "not told",
        "01" => "keyed in",
        "02" => "magnetic stripe",
        "03" => "code scanned",
        "05" => "chip, contact",
        "07" => "chip, contactless",
        "80" => "stripe of a chip card, fallback",
        "95" => "chip, data not reliable",
        "98" => "contactless as a stripe",
        _ => return None,
    };
    let pin = match pin {
        "1" => "with PIN",
        "2" => "no PIN",
        _ => "PIN not told",
    };
    Some(format!("{medium}, {pin}"))
}

fn of_condition(value: &str) -> Option<&'static str> {
    Some(match value {
        "00" => "normal",
        "02" => "cash machine",
        "06" => "pre-authorisation",
        "08" => "by mail or telephone",
        "64" => "instalments",
        "65" => "points",
        "66" => "account top-up",
        "91" => "e-cash load",
        _ => return None,
    })
}

/// DE24 of 1993.
fn of_function_code(value: &str) -> Option<&'static str> {
    Some(match value {
        "100" => "authorisation",
        "108" => "inquiry",
        "200" => "purchase",
        "400" => "full reversal",
        "401" => "reversal of a part",
        "801" => "sign-on",
        "802" => "sign-off",
        "831" => "echo",
        _ if value.starts_with('5') => "reconciliation",
        _ => return None,
    })
}

/// DE39 of 1993, most by the first digit.
fn of_action_code(value: &str) -> Option<&'static str> {
    Some(match value.bytes().next()? {
        _ if value == "000" => "approved",
        _ if value == "500" => "in balance",
        _ if value == "501" => "out of balance",
        _ if value == "503" => "no totals of such a day",
        b'0' => "approved, with a condition",
        b'1' => "declined",
        b'2' => "declined, pick up the card",
        b'4' => "reversal accepted",
        b'5' => "reconciliation",
        b'8' => "network management",
        b'9' => "error",
        _ => return None,
    })
}

/// DE66 of 1987.
fn of_settlement_code(value: &str) -> Option<&'static str> {
    Some(match value {
        "1" => "in balance",
        "2" => "out of balance",
        _ => return None,
    })
}

/// What cards were given less what was taken from them.
fn of_net(value: &str) -> Option<String> {
    let (side, rest) = value.split_at_checked(1)?;
    let side = match side {
        _ if rest.bytes().all(|digit| digit == b'0') => return yuan(rest),
        "C" => "more was given to cards",
        "D" => "more was taken from cards",
        _ => return None,
    };
    Some(format!("{}, {side}", yuan(rest)?))
}

/// DE39 of a reversal says why it is sent.
fn of_reversal_reason(value: &str) -> Option<&'static str> {
    Some(match value {
        "06" => "reason: the chip refused after the approval",
        "96" => "reason: the terminal failed",
        "98" => "reason: no answer came",
        "A0" => "reason: the answer's MAC was wrong",
        _ => return None,
    })
}

fn of_response_code(value: &str) -> Option<&'static str> {
    Some(match value {
        "00" => "approved",
        "01" => "refer to the issuer",
        "03" => "merchant is not valid",
        "04" => "pick up the card",
        "05" => "identity check failed",
        "06" => "general error",
        "10" => "approved in part",
        "11" => "approved, VIP",
        "12" => "the original was declined or is of another day",
        "13" => "amount is not valid",
        "14" => "no such card",
        "15" => "no such issuer",
        "20" => "answer is not valid",
        "21" => "card is not active",
        "22" => "out of order: the related transaction is past this step",
        "25" => "original not found",
        "30" => "format error",
        "31" => "acquirer is not supported",
        "33" => "expired, keep the card",
        "34" => "suspected fraud, keep the card",
        "38" => "too many wrong PINs",
        "40" => "function is not supported",
        "41" => "card is reported lost",
        "43" => "card is reported stolen",
        "45" => "use the chip",
        "51" => "balance is too low",
        "54" => "card has expired",
        "55" => "wrong PIN",
        "57" => "not allowed for this card",
        "58" => "not allowed for this terminal",
        "59" => "suspected fraud",
        "61" => "over an amount limit",
        "62" => "card is restricted",
        "64" => "amount differs from the original or is over its rest",
        "65" => "over a count limit",
        "68" => "issuer answered too late",
        "75" => "too many wrong PINs",
        "77" => "wrong batch, sign on again",
        "79" => "upload again",
        "90" => "cut-over is running",
        "91" => "issuer is not signed on",
        "92" => "no route",
        "94" => "duplicate with other content",
        "95" => "nothing to compare totals with, or they differ",
        "96" => "system malfunction",
        "97" => "terminal is unknown or not signed on",
        "98" => "no answer from the issuer",
        "99" => "PIN block is wrong, sign on again",
        "A0" => "MAC is wrong, sign on again",
        "A2" | "A4" | "A5" | "A6" => "done, with a defect",
        _ => return None,
    })
}

fn of_balances(value: &str) -> Option<String> {
    let told: Vec<String> = Balance::parse_all(value.as_bytes())
        .map(|balance| {
            let balance = balance.ok()?;
            let kind = match balance.kind {
                BalanceKind::Ledger => "booked",
                BalanceKind::Available => "available",
            };
            let fen = balance.amount.unsigned_abs();
            let sign = if balance.amount < 0 { "-" } else { "" };
            Some(format!("{kind} {sign}{}.{:02}", fen / 100, fen % 100))
        })
        .collect::<Option<_>>()?;
    Some(told.join(", "))
}

fn of_pos_f60(value: &str) -> Option<String> {
    let custom = PosF60::parse(value.as_bytes()).ok()?;
    let kind = match custom.transaction_type {
        0 => of_network_code(custom.network_code),
        kind => of_transaction_type(kind),
    };
    let batch = format!("batch {:06}", custom.batch);
    Some(kind.map_or_else(|| batch.clone(), |kind| format!("{kind}, {batch}")))
}

fn of_pos_f61(value: &str) -> Option<String> {
    let original = PosF61::parse(value.as_bytes()).ok()?;
    let day = original
        .date
        .map(|date| format!(", day {:02}-{:02}", date / 100, date % 100));
    Some(format!(
        "original: batch {:06}, trace {:06}{}",
        original.batch,
        original.trace,
        day.unwrap_or_default()
    ))
}

fn of_original(value: &str) -> Option<String> {
    let parts = split(value, &[4, 6, 10, 11, 11])?;
    match parts.as_slice() {
        [mti, trace, time, acquirer, forwarder] => Some(format!(
            "original: {mti}, trace {trace}, {time}, acquirer {acquirer}, forwarder {forwarder}"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::{BitmapWidth, OwnedPrefix};

    fn message(mti: &str, fields: &[(u8, &str)]) -> OwnedMessage {
        let fields = fields.iter().map(|(n, value)| (*n, (*value).to_owned()));
        OwnedMessage {
            mti: mti.to_owned(),
            prefix: OwnedPrefix::Pos {
                tpdu: String::new(),
                header: String::new(),
            },
            bitmap_width: BitmapWidth::Primary,
            fields: fields.collect(),
        }
    }

    fn check(mti: &str, (number, value): (u8, &str), meaning: Option<&str>) {
        let message = message(mti, &[(number, value)]);
        let found = of_field(Dialect::pos(), &message, number);
        assert_eq!(found.as_deref(), meaning, "{mti} {number} {value}");
    }

    #[test]
    fn values_have_their_meaning() {
        for (mti, field, meaning) in [
            ("0200", (3, "310000"), Some("balance inquiry")),
            ("0200", (4, "000000012345"), Some("123.45")),
            ("0210", (12, "193005"), Some("19:30:05")),
            ("0200", (14, "2705"), Some("2027-05")),
            ("0210", (14, "0000"), None),
            ("0210", (13, "0511"), Some("day 05-11")),
            ("0200", (22, "051"), Some("chip, contact, with PIN")),
            ("0210", (39, "51"), Some("balance is too low")),
            ("0400", (39, "98"), Some("reason: no answer came")),
            ("0410", (39, "98"), Some("no answer from the issuer")),
            (
                "0210",
                (54, "1002156C000000048800"),
                Some("available 488.00"),
            ),
            (
                "0200",
                (60, "2200000100020"),
                Some("purchase, batch 000001"),
            ),
            ("0820", (60, "00000001301"), Some("echo, batch 000001")),
            (
                "0220",
                (61, "0000010000080511"),
                Some("original: batch 000001, trace 000008, day 05-11"),
            ),
            ("0510", (66, "2"), Some("out of balance")),
            ("0500", (88, "0000000000016100"), Some("161.00")),
            (
                "0500",
                (97, "D0000000000009000"),
                Some("90.00, more was taken from cards"),
            ),
            // Not understood is not an error.
            ("0510", (66, "9"), None),
            ("0200", (3, "99"), None),
            ("0200", (12, "1930"), None),
            ("0210", (39, "??"), None),
            ("0210", (54, "1002"), None),
            ("0200", (60, ""), None),
        ] {
            check(mti, field, meaning);
        }
    }

    #[test]
    fn messages_are_named_by_what_they_are_about() {
        assert_eq!(of_mti("0220"), "financial advice");
        assert_eq!(of_mti("0410"), "reversal answer");
        let refund = message("0220", &[(60, "2500000100020")]);
        assert_eq!(business(Dialect::pos(), &refund), Some("refund"));
        let hold = message("0100", &[(3, "030000"), (25, "06")]);
        assert_eq!(business(Dialect::cups(), &hold), Some("pre-authorisation"));
        let echo = message("0820", &[(70, "301")]);
        assert_eq!(business(Dialect::cups(), &echo), Some("echo"));
    }
}
