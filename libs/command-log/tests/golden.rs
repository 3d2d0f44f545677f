//! The bytes of log records, pinned: one golden file for each kind of command and mark under
//! `golden/`, as hexadecimal text. A change of these bytes makes old logs unreadable.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use proptest::prelude::*;

use card::{
    Adjusted, CardId, Channel, CheckFact, Command, CompletionForm, Counterparty, CreditSource, Day,
    EntryMode, Facts, FeeTerms, Fingerprint, LegKey, LossForm, MerchantId, OriginalRef, Place,
    ProgrammeId, ReplaceReason, ReplyTo, Request, TerminalId, Version,
};
use command_log::envelope::{
    EnvelopeError, LOGIC_VERSION, Mark, card_of, decode_command, decode_mark, encode_command,
    encode_mark,
};
use money::Amount;

macro_rules! golden_files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("golden/", $name, ".hex")))),*]
    };
}

const GOLDEN: &[(&str, &str)] = golden_files![
    "balance_inquiry",
    "purchase",
    "void",
    "refund",
    "pre_auth",
    "pre_auth_void",
    "completion_request",
    "completion_advice",
    "completion_void",
    "reversal",
    "direct_credit",
    "issue",
    "report_loss",
    "lift_loss",
    "account_check",
    "offline_sale",
    "adjust",
    "tip",
    "credit_confirm",
    "replace",
    "barrier",
    "cut",
    "freeze",
    "tick",
];

fn golden(name: &str) -> Bytes {
    let (_, hex) = GOLDEN
        .iter()
        .find(|(golden, _)| *golden == name)
        .expect("a golden file");
    unhex(hex)
}

fn unhex(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn command(request: Request) -> Command {
    Command {
        card: CardId::new(0x0102, *b"card-0123456\xfe\xff"),
        medium: 1,
        key: LegKey(*b"key-01234567"),
        fingerprint: Fingerprint(0x8877_6655_4433_2211),
        place: Place {
            acquirer: card::AcquirerId::NOBODY,
            merchant: MerchantId(*b"898999954110001"),
            terminal: TerminalId(*b"70000001"),
            batch: 17,
            trace: 300,
        },
        request,
        facts: Facts {
            mac: CheckFact::Passed,
            pin: CheckFact::Failed,
            cryptogram: CheckFact::Absent,
            merchant_group: 7,
            merchant_category: 5_411,
            fee: FeeTerms {
                rate_ppm: 6_000,
                fixed_minor: 1,
                min_minor: 2,
                max_minor: 3_000,
            },
            register_version: 42,
            counterparty: Counterparty::Network,
            channel: Channel::SelfService,
            entry: EntryMode::Chip,
            online_allowed: true,
        },
        reply_to: ReplyTo {
            partition: 9,
            incarnation: 0x0123_4567_89ab_cdef,
            exchange: 300,
        },
    }
}

const ALL: OriginalRef = OriginalRef {
    key: Some(LegKey(*b"key-00000001")),
    offset: Some(0),
    approval: Some(Version(36)),
};
const KEYED: OriginalRef = OriginalRef {
    offset: None,
    approval: None,
    ..ALL
};
const CODED: OriginalRef = OriginalRef {
    key: None,
    offset: None,
    ..ALL
};

fn commands() -> Vec<(&'static str, Command)> {
    let amount = Amount::from_minor(12_345).unwrap();
    let requests = sales(amount).into_iter().chain(services(amount));
    requests
        .map(|(name, request)| (name, command(request)))
        .collect()
}

fn sales(amount: Amount) -> Vec<(&'static str, Request)> {
    let original = ALL;
    let completion = |form| Request::Completion {
        amount,
        original: CODED,
        form,
    };
    let pre_auth_void = Request::PreAuthVoid {
        amount,
        original: CODED,
    };
    let reversal = Request::Reversal {
        amount,
        original: KEYED,
    };
    let offline_sale = Request::OfflineSale {
        amount,
        original: CODED,
    };
    let adjust = |what| Request::Adjust {
        amount,
        original,
        what,
    };
    let completion_void = Request::CompletionVoid { amount, original };
    vec![
        ("purchase", Request::Purchase { amount }),
        ("void", Request::Void { amount, original }),
        ("refund", Request::Refund { amount, original }),
        ("pre_auth", Request::PreAuth { amount }),
        ("pre_auth_void", pre_auth_void),
        ("completion_request", completion(CompletionForm::Request)),
        ("completion_advice", completion(CompletionForm::Advice)),
        ("completion_void", completion_void),
        ("reversal", reversal),
        ("offline_sale", offline_sale),
        ("adjust", adjust(Adjusted::Sale)),
        ("tip", adjust(Adjusted::Tip)),
    ]
}

fn services(amount: Amount) -> Vec<(&'static str, Request)> {
    let (cash, transfer) = (CreditSource::Cash, CreditSource::Transfer);
    let direct_credit = Request::DirectCredit {
        amount,
        source: cash,
    };
    let issue = Request::Issue {
        programme: ProgrammeId(3),
        expiry: 2_912,
        amount: Amount::ZERO,
        source: transfer,
    };
    let confirm = Request::CreditConfirm {
        amount,
        source: cash,
        original: KEYED,
    };
    let report = Request::ReportLoss {
        form: LossForm::Temporary,
    };
    let replace = Request::Replace {
        medium: 2,
        reason: ReplaceReason::Damaged,
    };
    vec![
        ("balance_inquiry", Request::BalanceInquiry),
        ("direct_credit", direct_credit),
        ("issue", issue),
        ("report_loss", report),
        ("lift_loss", Request::LiftLoss),
        ("account_check", Request::AccountCheck),
        ("credit_confirm", confirm),
        ("replace", replace),
    ]
}

fn marks() -> [(&'static str, Mark); 4] {
    let rules_hash = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let day = Day(20_513);
    [
        (
            "barrier",
            Mark::Barrier {
                rules_hash,
                logic_version: 1,
            },
        ),
        ("cut", Mark::Cut { number: 300, day }),
        (
            "freeze",
            Mark::Freeze {
                number: 299,
                day: Day(20_512),
            },
        ),
        ("tick", Mark::Tick),
    ]
}

#[test]
fn commands_have_their_golden_bytes() {
    for (name, command) in commands() {
        assert_eq!(hex(&encode_command(&command)), hex(&golden(name)), "{name}");
        assert_eq!(decode_command(&golden(name)), Ok(command.clone()), "{name}");
        assert_eq!(card_of(&golden(name)), Ok(command.card), "{name}");
    }
}

/// What logic version 1 wrote is read: what it did not say is none, or the first of its kind.
#[test]
fn records_of_logic_version_1_read_as_they_were_meant() {
    for (name, mut expected) in commands() {
        let old = match name {
            "purchase" => include_str!("golden/logic_1/purchase.hex"),
            "report_loss" => include_str!("golden/logic_1/report_loss.hex"),
            _ => continue,
        };
        (expected.place.batch, expected.place.trace) = (0, 0);
        expected.facts = Facts {
            mac: expected.facts.mac,
            pin: expected.facts.pin,
            cryptogram: expected.facts.cryptogram,
            merchant_group: expected.facts.merchant_group,
            merchant_category: expected.facts.merchant_category,
            fee: expected.facts.fee,
            register_version: expected.facts.register_version,
            ..Facts::default()
        };
        if name == "report_loss" {
            expected.request = Request::ReportLoss {
                form: LossForm::Formal,
            };
        }
        assert_eq!(decode_command(&unhex(old)), Ok(expected), "{name}");
    }
}

#[test]
fn marks_have_their_golden_bytes() {
    for (name, mark) in marks() {
        assert_eq!(hex(&encode_mark(mark)), hex(&golden(name)), "{name}");
        assert_eq!(decode_mark(&golden(name)), Ok(mark), "{name}");
    }
}

#[test]
fn every_golden_file_is_a_command_or_a_mark() {
    assert_eq!(GOLDEN.len(), commands().len() + marks().len());
}

/// Appends a field to a good record, where the last one counts, and reads it.
fn check(base: &str, extra: &[u8], expected: Result<(), &'static str>) {
    let bytes = [&golden(base)[..], extra].concat();
    let found = decode_command(&Bytes::from(bytes)).map(drop);
    let expected = expected.map_err(EnvelopeError::Field);
    assert_eq!(found, expected, "{base} and {extra:02x?}");
}

fn text(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    [&[(number << 3) | 2, length][..], bytes].concat()
}

/// A number in a field over 15, whose tag takes two bytes.
fn long_number(number: u8, value: u64) -> Vec<u8> {
    [&varint(u64::from(number) << 3)[..], &varint(value)].concat()
}

fn number(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3][..], &varint(value)].concat()
}

#[test]
fn fields_of_another_length_are_refused() {
    check("purchase", &text(1, b"short"), Err("card id"));
    check("purchase", &text(3, b""), Err("leg key"));
    check("purchase", &text(3, b"key-0123456"), Err("leg key"));
    check("purchase", &text(3, b"key-012345678"), Err("leg key"));
    check("purchase", &text(5, b"89899995411000"), Err("merchant"));
    check("purchase", &text(6, b"700000012"), Err("terminal"));
    check("void", &text(9, &text(1, b"key")), Err("original key"));
}

#[test]
fn numbers_out_of_range_are_refused() {
    check("purchase", &number(2, 256), Err("medium"));
    check("purchase", &number(8, money::AMOUNT_MAX), Ok(()));
    check("purchase", &number(8, money::AMOUNT_MAX + 1), Err("amount"));
    check("purchase", &number(8, u64::MAX), Err("amount"));
    check("issue", &number(10, 65_536), Err("programme"));
    check("issue", &number(11, 65_536), Err("expiry"));
    check(
        "purchase",
        &text(13, &number(5, 65_536)),
        Err("merchant category"),
    );
    check(
        "purchase",
        &text(14, &number(1, 65_536)),
        Err("reply partition"),
    );
}

#[test]
fn kinds_that_this_build_does_not_know_are_refused() {
    check("purchase", &number(7, 0), Err("request kind"));
    check("purchase", &number(7, 20), Err("request kind"));
    check("purchase", &number(7, 3), Err("original"));
    check("direct_credit", &number(12, 0), Err("credit source"));
    check("direct_credit", &number(12, 4), Err("credit source"));
    check("purchase", &text(13, &number(2, 4)), Err("check fact"));
    check("purchase", &text(13, &number(11, 2)), Err("counterparty"));
    check("purchase", &text(13, &number(12, 6)), Err("channel"));
    check("purchase", &text(13, &number(13, 7)), Err("entry mode"));
    check("adjust", &long_number(18, 3), Err("adjustment"));
    check("report_loss", &long_number(19, 2), Err("loss form"));
    check("replace", &long_number(20, 256), Err("replacement"));
    check("replace", &long_number(21, 0), Err("replacement reason"));
    // A field that a later build added, and that this one may pass over.
    check("purchase", &[0xf2, 0x01, 0x01, 7], Ok(()));
}

#[test]
fn later_logic_is_refused_before_anything_else() {
    let later = [0x78, u8::try_from(LOGIC_VERSION + 1).unwrap()];
    let bytes = [&golden("purchase")[..], &[0x38, 99], &later].concat();
    let found = decode_command(&Bytes::from(bytes));
    assert_eq!(
        found,
        Err(EnvelopeError::LaterLogic {
            needed: LOGIC_VERSION + 1
        })
    );
    let text = EnvelopeError::LaterLogic { needed: 3 }.to_string();
    assert_eq!(
        text,
        "record needs logic version 3, this build has 2: upgrade it"
    );
}

#[test]
fn what_is_missing_is_refused() {
    assert_eq!(
        decode_command(&Bytes::new()),
        Err(EnvelopeError::Field("card id"))
    );
    assert_eq!(
        decode_mark(&Bytes::new()),
        Err(EnvelopeError::Field("mark"))
    );
    let barrier = golden("barrier");
    let short_hash = Bytes::from([&barrier[..], &[0x0a, 3, 0x0a, 1, 0]].concat());
    assert_eq!(
        decode_mark(&short_hash),
        Err(EnvelopeError::Field("rules hash"))
    );
    let far_day = Bytes::from_static(&[0x12, 4, 0x10, 0x80, 0x80, 0x04]);
    assert_eq!(decode_mark(&far_day), Err(EnvelopeError::Field("day")));
}

proptest! {
    #[test]
    fn random_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let bytes = Bytes::from(bytes);
        let _command = decode_command(&bytes);
        let _mark = decode_mark(&bytes);
    }

    /// One changed byte in a good record, or an end that is missing: read as something else, or
    /// refused; never a panic.
    #[test]
    fn damaged_records_are_read_or_refused(index in 0..20usize, at: prop::sample::Index, to: u8) {
        let (name, _) = commands().swap_remove(index);
        let mut bytes = golden(name).to_vec();
        let at = at.index(bytes.len());
        let _cut = decode_command(&Bytes::copy_from_slice(&bytes[..at]));
        bytes[at] = to;
        if let Ok(command) = decode_command(&Bytes::from(bytes)) {
            prop_assert_eq!(decode_command(&encode_command(&command)), Ok(command));
        }
    }

    #[test]
    fn commands_read_back(
        fen in 0..=money::AMOUNT_MAX,
        key: [u8; 12],
        offset: Option<u64>,
        approval: Option<u32>,
        exchange: u64,
    ) {
        let original = OriginalRef {
            key: Some(LegKey(key)),
            offset,
            approval: approval.map(Version),
        };
        let amount = Amount::from_minor(fen).unwrap();
        let mut command = command(Request::Refund { amount, original });
        command.reply_to.exchange = exchange;
        prop_assert_eq!(decode_command(&encode_command(&command)), Ok(command));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seven bits a byte, lowest first.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}
