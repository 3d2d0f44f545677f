//! Records that tell something else than the books.

use super::life::{
    ID, PLACE, alter, block_on, decide, fen, long_life, row, short_life, store, with_key,
};
use crate::check::told::read_line;
use crate::check::{Against, Audit};
use crate::plan;
use acquirer_connector::{ResponseCode, references};
use card::{CardId, CreditSource, Kind, LegKey, OriginalRef, Request, Row};
use card_store::CardWrite;
use registry::Register;
use settings::Settings;

const NAMES: [(Kind, &str, &str); 6] = [
    (Kind::DirectCredit, "top-up", "0200"),
    (Kind::Purchase, "purchase", "0200"),
    (Kind::Refund, "refund", "0220"),
    (Kind::PreAuth, "preauth", "0100"),
    (Kind::Completion, "completion", "0200"),
    (Kind::Reversal, "reversal", "0400"),
];

fn register() -> std::sync::Arc<Register> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), settings::example()).unwrap();
    plan::register(&Settings::load(file.path()).unwrap()).unwrap()
}

/// The line of the request that led to a row, as its terminal would have written it. The number
/// of the key is the trace; a reversal has the trace of what it reverses, here always request 2.
fn line(row: &Row) -> String {
    let (_, kind, mti) = NAMES.iter().find(|(kind, ..)| *kind == row.kind).unwrap();
    let trace = match row.kind == Kind::Reversal {
        true => 2,
        false => row.key.0[0],
    };
    let amount = row.amount.minor();
    let code = ResponseCode::of(row.outcome);
    let rrn = String::from_utf8(references::retrieval_reference(row.position, 1).to_vec()).unwrap();
    let approval = references::approval_code(row.version);
    let approval = match row.outcome.is_approved() {
        true => String::from_utf8(approval.to_vec()).unwrap(),
        false => String::new(),
    };
    let (terminal, merchant) = (PLACE.terminal, PLACE.merchant);
    format!(
        "{terminal},{merchant},1,{trace},{mti},{kind},{amount},{},{rrn},{approval},629999,7,,,0,0",
        code.as_str()
    )
}

/// What the check finds after `change` of the lines; the card's sale is not the terminal's.
fn found(writes: &[CardWrite], change: impl FnOnce(&mut Vec<String>)) -> Found {
    found_with(writes, change, |_, _| {})
}

/// The same, with the books changed too, by the keys of versions 2 and on.
fn found_with(
    writes: &[CardWrite],
    change: impl FnOnce(&mut Vec<String>),
    tamper: impl FnOnce(&mut [CardWrite], &[LegKey]),
) -> Found {
    let register = register();
    let mut lines: Vec<String> = (2..=writes.len()).map(|v| line(&row(writes, v))).collect();
    let keys: Vec<LegKey> = lines.iter().map(|line| key(&register, line)).collect();
    let mut writes = writes.to_vec();
    for (version, key) in (2..).zip(&keys) {
        alter(&mut writes, version, |row| row.key = *key);
    }
    tamper(&mut writes, &keys);
    change(&mut lines);
    let mut against = Against::new(1);
    for line in &lines {
        let (key, place, told) = read_line(&register, line, card_of).unwrap();
        against.tell(key, place, told);
    }
    let store = store(&writes);
    block_on(Audit::new(1).card(&store, ID, Some(&mut against)));
    against.conclude();
    let lines = against.findings.kept.iter();
    Found {
        lines: lines.map(ToString::to_string).collect(),
        open: against.open_count,
        repeated: against.repeated_count,
    }
}

struct Found {
    lines: Vec<String>,
    open: u64,
    repeated: u64,
}

fn key(register: &Register, line: &str) -> LegKey {
    read_line(register, line, card_of).unwrap().0
}

/// Serial 7 is our card, nobody else's number is registered.
fn card_of(request: &crate::sim::record::RecordedRequest) -> Result<Option<CardId>, String> {
    Ok((request.serial == 7).then_some(ID))
}

/// Changes a column of the line of a version.
fn set(lines: &mut [String], version: usize, column: usize, value: &str) {
    let line = &mut lines[version - 2];
    let mut columns: Vec<&str> = line.split(',').collect();
    columns[column] = value;
    *line = columns.join(",");
}

/// As if the answer of a version had been lost.
fn lose(lines: &mut [String], version: usize) {
    (7..10).for_each(|column| set(lines, version, column, ""));
}

fn check(change: impl FnOnce(&mut Vec<String>), expected: &str) {
    let found = found(&long_life(), change).lines;
    assert!(
        found.iter().any(|line| line.contains(expected)),
        "{expected}: {found:?}"
    );
}

const KIND: usize = 5;
const AMOUNT: usize = 6;
const CODE: usize = 7;
const RRN: usize = 8;
const APPROVAL: usize = 9;
const SERIAL: usize = 11;

#[test]
fn a_record_that_tells_what_is_booked_is_clean() {
    for writes in [short_life(), long_life()] {
        assert_eq!(found(&writes, |_| {}).lines, [""; 0]);
    }
}

#[test]
fn an_answer_that_differs_from_its_row_is_found() {
    let who = format!("card {ID} version 2: purchase of terminal 71000001, batch 1, trace 2");
    check(
        |lines| set(lines, 2, AMOUNT, "2999"),
        &format!("{who} asked 2999 fen, 3000 are booked"),
    );
    check(
        |lines| set(lines, 2, CODE, "51"),
        &format!("{who} was answered 51, booked is 00"),
    );
    check(
        |lines| set(lines, 8, CODE, "00"),
        "version 8: purchase of terminal 71000001",
    );
    check(
        |lines| set(lines, 2, RRN, "000000000009"),
        "was answered RRN 000000000009, booked is",
    );
    check(|lines| set(lines, 2, RRN, ""), "was answered RRN none");
    check(
        |lines| set(lines, 2, APPROVAL, "000009"),
        "with another approval code",
    );
    check(
        |lines| set(lines, 2, KIND, "top-up"),
        "is booked as purchase",
    );
    check(
        |lines| set(lines, 2, SERIAL, "8"),
        "is booked on another card",
    );
}

#[test]
fn an_answer_without_a_row_is_found() {
    let invented = |line: &str, kind: &str, code: &str| {
        let mut columns: Vec<&str> = line.split(',').collect();
        (columns[3], columns[KIND], columns[CODE]) = ("99", kind, code);
        columns.join(",")
    };
    for (kind, code, is_wrong) in [
        ("purchase", "00", true),
        ("purchase", "51", true),
        ("purchase", "96", false),
        ("purchase", "94", false),
        ("balance", "00", false),
    ] {
        let found = found(&long_life(), |lines| {
            let line = invented(&lines[0], kind, code);
            lines.push(line);
        });
        let expected = format!("trace 99 was answered {code} (RRN 000000000002) and is not booked");
        let is_found = found.lines.iter().any(|line| line.contains(&expected));
        assert_eq!(is_found, is_wrong, "{kind} {code}: {:?}", found.lines);
        assert!(is_wrong || found.lines.is_empty(), "{:?}", found.lines);
    }
}

#[test]
fn what_nobody_recorded_is_found_with_money_and_with_holds() {
    let removed = |version: usize| move |lines: &mut Vec<String>| drop(lines.remove(version - 2));
    check(
        removed(2),
        "version 2: purchase was approved, nobody recorded it",
    );
    check(
        removed(6),
        "version 6: pre-auth was approved, nobody recorded it",
    );
    assert_eq!(
        found(&long_life(), removed(8)).lines,
        [""; 0],
        "a decline moved nothing"
    );
    let elsewhere = found(&long_life(), Vec::clear).lines;
    assert_eq!(elsewhere, [""; 0], "other terminals are not judged");
}

#[test]
fn a_request_that_is_booked_twice_is_found() {
    let twice = decide([
        with_key(1, issue()),
        with_key(2, Request::Purchase { amount: fen(3_000) }),
        with_key(3, Request::Purchase { amount: fen(3_000) }),
    ]);
    let found = found_with(
        &twice,
        |lines| drop(lines.pop()),
        |writes, keys| {
            alter(writes, 3, |row| row.key = keys[0]);
        },
    );
    let expected =
        "version 2: purchase of terminal 71000001, batch 1, trace 2 is booked more than once";
    assert!(
        found.lines.iter().any(|line| line.contains(expected)),
        "{:?}",
        found.lines
    );
}

fn issue() -> Request {
    Request::Issue {
        programme: super::life::PROGRAMME,
        expiry: 0,
        amount: fen(10_000),
        source: CreditSource::Cash,
    }
}

#[test]
fn a_request_told_again_must_be_told_alike() {
    let again = |change: fn(&mut Vec<String>)| {
        found(&long_life(), |lines| {
            let line = lines[0].clone();
            lines.insert(0, line);
            change(lines);
        })
    };
    let alike = again(|_| {});
    assert_eq!((alike.lines.len(), alike.repeated), (0, 1));
    let differently = again(|lines| set(lines, 2, APPROVAL, "00000A")).lines;
    assert!(
        differently[0].contains("was answered twice, differently"),
        "{differently:?}"
    );
    let lost = again(|lines| lose(lines, 2));
    assert_eq!(
        (lost.lines.len(), lost.open),
        (0, 0),
        "one of the two was answered"
    );
}

/// The fate of a request without an answer is its reversal's to settle.
#[test]
fn what_had_no_answer_is_undone_by_its_reversal() {
    let reversed = found(&short_life(), |lines| lose(lines, 2));
    assert_eq!(
        (reversed.lines.len(), reversed.open),
        (0, 0),
        "{:?}",
        reversed.lines
    );
}

/// The terminal was told that its reversal is done, but the books do not have it.
#[test]
fn what_had_no_answer_and_stands_after_its_reversal_is_found() {
    let amount = fen(3_000);
    for request in [Request::Purchase { amount }, Request::PreAuth { amount }] {
        let stands = decide([with_key(1, issue()), with_key(2, request)]);
        let reversal = line(&row(&short_life(), 3));
        for (code, expected) in [
            (
                "00",
                "had no answer, its reversal was answered 00, and it still stands",
            ),
            (
                "25",
                "had no answer, its reversal was answered 25, and it still stands",
            ),
        ] {
            let found = found(&stands, |lines| {
                lose(lines, 2);
                lines.push(reversal.clone());
                set(lines, 3, CODE, code);
            });
            let is_found = found.lines.iter().any(|line| line.contains(expected));
            assert!(is_found, "{expected}: {:?}", found.lines);
            assert_eq!(found.open, 0);
        }
    }
}

#[test]
fn without_an_answer_to_the_reversal_either_fate_is_right() {
    let open = found(&long_life(), |lines| lose(lines, 6));
    assert_eq!((open.lines.len(), open.open), (0, 1), "{:?}", open.lines);
    let declined = found(&long_life(), |lines| lose(lines, 8));
    assert_eq!((declined.lines.len(), declined.open), (0, 0));
}

/// The money of a top-up was spent before its reversal came: the refused reversal is a case for
/// people, and the check does not call it wrong.
#[test]
fn a_reversal_that_is_no_longer_covered_is_left_to_people() {
    let amount = fen(3_000);
    let original = OriginalRef {
        key: Some(LegKey([2; 12])),
        ..OriginalRef::default()
    };
    let source = CreditSource::Cash;
    let spent = decide([
        with_key(1, issue()),
        with_key(2, Request::DirectCredit { amount, source }),
        with_key(
            3,
            Request::Purchase {
                amount: fen(12_000),
            },
        ),
        with_key(4, Request::Reversal { amount, original }),
    ]);
    assert!(row(&spent, 4).case.is_some());
    let found = found(&spent, |lines| lose(lines, 2));
    assert_eq!((found.lines.len(), found.open), (0, 0), "{:?}", found.lines);
}

#[test]
fn lines_that_are_none_are_told() {
    let register = register();
    let good = line(&row(&long_life(), 2));
    for (column, value, expected) in [
        (0, "99999999", "terminal 99999999 is not in the settings"),
        (4, "02x0", "`02x0` is no message type"),
        (KIND, "sale", "`sale` is no kind of a record"),
        (CODE, "0", "`0` has not 2 characters"),
        (RRN, "1", "`1` has not 12 characters"),
    ] {
        let mut lines = [good.clone()];
        set(&mut lines, 2, column, value);
        assert_eq!(
            read_line(&register, &lines[0], card_of).unwrap_err(),
            expected
        );
    }
    let cut = &good[..30];
    assert_eq!(
        read_line(&register, cut, card_of).unwrap_err(),
        "this is not a line of a record"
    );
}
