//! Dialect files: what is written comes back, and each mistake is named with its line.

use crate::support::all_dialects;
use iso8583::{Dialect, Encoding, LengthKind, Sensitivity, Speaks, ValueKind};

#[test]
fn a_dialect_can_be_written_and_read_again() {
    for dialect in all_dialects() {
        let text = dialect.to_string();
        assert_eq!(Dialect::parse(&text).as_ref(), Ok(dialect), "{text}");
    }
}

#[test]
fn built_in_dialects_are_found_by_name() {
    let names: Vec<&str> = Dialect::builtin_names().collect();
    assert_eq!(
        names,
        [
            "pos",
            "cups",
            "iso87-ascii",
            "iso87-ascii-hex",
            "iso87-ebcdic",
            "iso93-ascii",
            "iso93-ascii-hex",
            "iso93-ebcdic"
        ]
    );
    for name in names {
        assert_eq!(Dialect::builtin(name).unwrap().name(), name);
    }
    assert!(Dialect::builtin("POS").is_none());
    assert_eq!(Dialect::pos().speaks(), Speaks::Pos);
    let track = Dialect::pos().field(35).unwrap();
    assert_eq!(track.length(), LengthKind::Ll);
    assert_eq!(track.length_max(), 37);
    assert_eq!(track.encoding(), Encoding::PackedTrack);
    assert_eq!(track.encoding().kind(), ValueKind::Numeric);
    assert_eq!(track.sensitivity(), Sensitivity::Track);
    assert_eq!(track.name(), "track 2");
}

/// A copy of a built-in file with changes may be laid out and commented at will.
#[test]
fn a_users_own_dialect() {
    let text = Dialect::builtin_file("pos").unwrap();
    let text = text
        .replace("dialect   pos", "\tdialect\tshop_chain-2   # ours")
        .replace("binary, up to 64", "hex ,up to 128")
        .replace("\n48 ", "\n\n  # none of our terminals sends 48\n#48 ")
        + "120 LLL 999 text free-form # a name with a number sign cannot be\n";
    let error = Dialect::parse(&text).unwrap_err();
    assert!(error.to_string().contains("name is missing"), "{error}");
    let text = text.replace("free-form # a", "free-form for tests # a");
    let dialect = Dialect::parse(&text.replace('\n', "\r\n")).unwrap();
    assert_eq!(dialect.name(), "shop_chain-2");
    assert!(dialect.field(48).is_none());
    assert_eq!(dialect.field(120).unwrap().name(), "for tests");
    assert_ne!(&dialect, Dialect::pos());
}

/// The first text in `pos` that is replaced, and what is said of its line.
#[track_caller]
fn check(found: &str, instead: &str, expected: &str) {
    let text = Dialect::builtin_file("pos").unwrap();
    let start = text.find(found).unwrap_or_else(|| panic!("no {found}"));
    let error = Dialect::parse(&text.replacen(found, instead, 1)).unwrap_err();
    let line = 1 + text[..start].matches('\n').count() + instead.matches('\n').count();
    assert_eq!(error.to_string(), format!("line {line}: {expected}"));
}

/// A line without which `pos` is not whole: it is missed at the end.
#[track_caller]
fn check_missing(line: &str, expected: &str) {
    let text = Dialect::builtin_file("pos").unwrap();
    let without = text.replacen(line, "", 1);
    assert_ne!(without, text);
    let error = Dialect::parse(&without).unwrap_err();
    let last_line = without.lines().count();
    assert_eq!(error.to_string(), format!("line {last_line}: {expected}"));
}

#[test]
fn mistakes_in_the_head_are_named() {
    for (found, instead, expected) in [
        (
            "speaks    pos",
            "speeks    pos",
            "`speeks` starts no line: write the number of a data element, or one of dialect, speaks, frame, prefix, numerals, bitmap",
        ),
        (
            "speaks    pos",
            "speaks    bank",
            "language `bank` is not known: write one of pos, cups, iso87, iso93",
        ),
        (
            "dialect   pos",
            "dialect   my dialect",
            "name `my dialect` is not one: use 1 to 32 letters, digits, `-` and `_`",
        ),
        (
            "dialect   pos",
            "dialect",
            "name `` is not one: use 1 to 32 letters, digits, `-` and `_`",
        ),
        (
            "speaks    pos",
            "speaks pos\nspeaks cups",
            "`speaks` was given in line 9 already: keep one of the two",
        ),
        (
            "2-bytes, up to 4096",
            "2-bytes",
            "`frame` reads `2-bytes`: write it as `frame 2-bytes, up to 4096`",
        ),
        (
            "2-bytes, up to 4096",
            "3-bytes, up to 4096",
            "frame length `3-bytes` is not known: write one of 2-bytes, 4-digits",
        ),
        (
            "2-bytes, up to 4096",
            "4-digits, up to 10000",
            "largest frame `10000` is not one: write a number from 64 to 9999",
        ),
        (
            "tpdu-and-header",
            "header",
            "prefix `header` is not known: write one of none, tpdu, tpdu-and-header, cups-header",
        ),
        (
            "numerals  packed",
            "numerals  bcd",
            "numerals `bcd` is not known: write one of packed, ascii, ebcdic, ebcdic-1047",
        ),
    ] {
        check(found, instead, expected);
    }
}

#[test]
fn missing_lines_of_the_head_are_named() {
    for (line, expected) in [
        (
            "dialect   pos\n",
            "the file has no `dialect` line: add one such as `dialect my-bank`",
        ),
        (
            "speaks    pos\n",
            "the file has no `speaks` line: add one such as `speaks pos`",
        ),
        (
            "frame     2-bytes, up to 4096\n",
            "the file has no `frame` line: add one such as `frame 2-bytes, up to 4096`",
        ),
        (
            "prefix    tpdu-and-header\n",
            "the file has no `prefix` line: add one such as `prefix none`",
        ),
        (
            "numerals  packed\n",
            "the file has no `numerals` line: add one such as `numerals ascii`",
        ),
        (
            "bitmap    binary, up to 64\n",
            "the file has no `bitmap` line: add one such as `bitmap binary, up to 128`",
        ),
    ] {
        check_missing(line, expected);
    }
}

#[test]
fn mistakes_in_the_bitmap_line_are_named() {
    let parts = "write `binary` or `hex`, then after commas `up to 64`, `up to 128` or `up to 192`, and if need be `always 64`, `always 128` or `always 192`, and with 192 `third in front` or `third as element 65`";
    for (instead, expected) in [
        ("binary, up to 100", format!("`bitmap` has `up to 100`: {parts}")),
        ("octal, up to 64", format!("`bitmap` has `octal`: {parts}")),
        ("binary, hex, up to 64", format!("`bitmap` has `hex`: {parts}")),
        ("binary", format!("`bitmap` has `binary`: {parts}")),
        (
            "binary, up to 64, always 128",
            "`bitmap` always sends more than it goes up to: raise `up to` or lower `always`".to_owned(),
        ),
        (
            "binary, up to 192",
            "`bitmap` goes up to 192: say where the third stands, `third in front` or `third as element 65`".to_owned(),
        ),
        (
            "binary, up to 128, third in front",
            "`bitmap` has no third one to place: write `up to 192`, or leave out `third`".to_owned(),
        ),
    ] {
        check("binary, up to 64", instead, &expected);
    }
}

/// The line of data element 2 in `pos`.
const PAN: &str = "2    LL     19   packed        card-number  primary account number";

#[test]
fn mistakes_in_the_columns_of_a_line_are_named() {
    for (instead, expected) in [
        (
            "2    ll     19   packed        card-number  primary account number",
            "length `ll` is not known: write one of FIXED, LL, LLL",
        ),
        (
            "2    LL     100  packed        card-number  primary account number",
            "max `100` does not fit LL: write a number from 1 to 99",
        ),
        (
            "2    LL     0    packed        card-number  primary account number",
            "max `0` does not fit LL: write a number from 1 to 99",
        ),
        (
            "2    LLL    1000 packed        card-number  primary account number",
            "max `1000` does not fit LLL: write a number from 1 to 999",
        ),
        (
            "2    LL     19   bcd           card-number  primary account number",
            "form `bcd` is not known: write one of packed, packed-right, packed-track, digits, track, signed, text, binary, hex",
        ),
        (
            "2    LL     19   packed        pan          primary account number",
            "hidden part `pan` is not known: write one of -, card-number, track, secret, chip-data, free-form",
        ),
        (
            "2    LL     19   packed        card-number",
            "name is missing: a data element has number, length, max, form, what is hidden (`-` for nothing) and name",
        ),
        (
            "2    LL",
            "max is missing: a data element has number, length, max, form, what is hidden (`-` for nothing) and name",
        ),
    ] {
        check(PAN, instead, expected);
    }
}

#[test]
fn mistakes_in_the_number_of_a_line_are_named() {
    for (instead, expected) in [
        (
            "2    FIXED",
            "data element 2 was given in line 16 already: keep one of the two",
        ),
        (
            "193  FIXED",
            "`193` is not the number of a data element: they go from 2 to 192",
        ),
        (
            "2x   FIXED",
            "`2x` is not the number of a data element: they go from 2 to 192",
        ),
        (
            "1    FIXED",
            "data element 1 is the second bitmap: drop this line, the head says its form",
        ),
        (
            "0    FIXED",
            "data element 0 is the message type: drop this line, the head says its form",
        ),
        (
            "65   FIXED",
            "data element 65 has no bit: the bitmap goes up to 64; raise that, or drop this line",
        ),
    ] {
        check("22   FIXED", instead, expected);
    }
    let third = Dialect::builtin_file("iso87-ascii").unwrap().to_owned()
        + "65 FIXED 8 binary - extended bitmap\n";
    let error = Dialect::parse(&third).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "data element 65 is the third bitmap: drop this line, the head says its form"
        ),
        "{error}"
    );
}

/// What the switch reads and writes must be there, in a form that takes it.
#[test]
fn what_the_switch_needs_is_named_with_a_line_that_would_do() {
    let code = "39   FIXED  2    text          -            response code\n";
    check_missing(
        code,
        "data element 39 is missing, the switch needs it to speak pos: add a line such as `39 FIXED 2 text - response code`",
    );
    for unfit in [
        "39   FIXED  3    text   - response code\n",
        "39   FIXED  2    binary - response code\n",
        "39   LL     1    text   - response code\n",
    ] {
        let text = Dialect::builtin_file("pos").unwrap();
        let error = Dialect::parse(&text.replace(code, unfit)).unwrap_err();
        assert_eq!(
            error.problem.to_string(),
            "data element 39 cannot hold what the switch writes to speak pos: write a line such as `39 FIXED 2 text - response code`",
        );
    }
    let text = Dialect::builtin_file("pos").unwrap();
    let longer = text.replace(code, "39 LLL 3 text - response code\n");
    assert!(Dialect::parse(&longer).is_ok());
}

#[test]
fn no_text_makes_the_reader_panic() {
    for text in [
        "",
        "#",
        "\0",
        "2",
        "dialect",
        "bitmap ,,",
        "frame ,up to ",
        "9999999999",
        "２",
    ] {
        assert!(Dialect::parse(text).is_err(), "{text}");
    }
    // Any part of a file, and any line of it twice.
    let text = Dialect::builtin_file("iso93-ebcdic").unwrap();
    for end in 0..text.len() / 4 {
        assert!(Dialect::parse(&text[..end]).is_err());
    }
}
