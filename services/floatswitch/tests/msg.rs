//! `msg decode` and `msg encode`, run as programs run them: the golden vectors both ways. And
//! dialect files: printed, checked, used.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const POS: &str = include_str!("../../../libs/iso8583/tests/vectors/iso8583_pos.json");
const CUPS: &str = include_str!("../../../libs/iso8583/tests/vectors/iso8583_cups.json");
const NEGATIVE: &str = include_str!("../../../libs/iso8583/tests/vectors/iso8583_negative.json");

fn vectors(file: &str) -> Vec<Value> {
    let mut file: Value = serde_json::from_str(file).unwrap();
    let Value::Array(vectors) = file["vectors"].take() else {
        panic!("vectors is not a list");
    };
    vectors
}

/// Runs the program with this on its standard input.
fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_floatswitch"))
        .arg("msg")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn frames(vectors: &[Value], key: &str) -> String {
    let lines = vectors.iter().map(|vector| vector[key].as_str().unwrap());
    lines.map(|line| format!("{line}\n")).collect()
}

/// What decode says of a vector must be what the vector says.
fn check_decoded(vector: &Value, decoded: &Value) {
    let name = &vector["name"];
    for key in ["mti", "tpdu", "header"] {
        if vector.get(key).is_some() {
            assert_eq!(decoded[key], vector[key], "{name} {key}");
        }
    }
    let short = |field: &Value| (field["n"].clone(), field["value"].clone());
    let fields = |value: &Value| -> Vec<(Value, Value)> {
        value["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(short)
            .collect()
    };
    assert_eq!(fields(decoded), fields(vector), "{name}");
}

fn check_both_ways(dialect: &str, file: &str) {
    let vectors = vectors(file);
    let hex = frames(&vectors, "frame_hex");
    let decoded = run(
        &["decode", "--dialect", dialect, "--reveal", "-o", "json"],
        &hex,
    );
    assert_eq!(decoded.status.code(), Some(0));
    let objects: Vec<Value> = text(&decoded)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), vectors.len());
    for (vector, object) in vectors.iter().zip(&objects) {
        check_decoded(vector, object);
    }
    let encoded = run(&["encode", "--dialect", dialect], text(&decoded));
    assert_eq!(encoded.status.code(), Some(0));
    assert_eq!(text(&encoded), hex);
}

#[test]
fn vectors_of_terminals_go_both_ways() {
    check_both_ways("pos", POS);
}

#[test]
fn vectors_of_institutions_go_both_ways() {
    check_both_ways("cups", CUPS);
}

#[test]
fn what_cannot_be_decoded_has_an_error_in_its_place() {
    let mut refused_count = 0;
    for vector in vectors(NEGATIVE) {
        let name = vector["name"].as_str().unwrap();
        let dialect = vector["dialect"].as_str().unwrap();
        let hex = vector["hex"].as_str().unwrap();
        let output = run(&["decode", "--dialect", dialect, "-o", "json"], hex);
        let object: Value = serde_json::from_str(text(&output)).unwrap();
        // Its form is right, only the MAC is not, which needs a key.
        if name == "neg-mac-last-byte-flipped" {
            assert_eq!(object["mti"], "0200", "{name}");
            assert_eq!(output.status.code(), Some(0), "{name}");
            continue;
        }
        assert_eq!(output.status.code(), Some(1), "{name}");
        let error = object["error"].as_object().expect(name);
        let mut keys: Vec<&str> = error.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["field", "message", "offset"], "{name}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{name}");
        if name == "neg-pan-nibble-not-digit" {
            assert_eq!((&error["field"], &error["offset"]), (&2.into(), &22.into()));
        }
        refused_count += 1;
    }
    assert_eq!(refused_count, 7);
}

#[test]
fn an_error_does_not_stop_the_others() {
    let good = vectors(POS)[0]["frame_hex"].as_str().unwrap().to_owned();
    let input = format!("# a comment\n\n{good}\nnothing\n{good}\n{good}00\n");
    let output = run(&["decode", "-o", "json"], &input);
    assert_eq!(output.status.code(), Some(1));
    let is_error: Vec<bool> = text(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|object| object.get("error").is_some())
        .collect();
    assert_eq!(is_error, [false, true, false, true]);
}

#[test]
fn card_data_is_masked_unless_asked_for() {
    for (dialect, file) in [("pos", POS), ("cups", CUPS)] {
        let hex = frames(&vectors(file), "frame_hex");
        for form in ["text", "json"] {
            let output = run(&["decode", "--dialect", dialect, "-o", form], &hex);
            for secret in ["6299990100001238", "2705220"] {
                assert!(
                    !text(&output).contains(secret),
                    "{dialect} {form} shows {secret}"
                );
            }
            let shown = run(
                &["decode", "--dialect", dialect, "-o", form, "--reveal"],
                &hex,
            );
            assert!(
                text(&shown).contains("6299990100001238"),
                "{dialect} {form}"
            );
        }
    }
}

#[test]
fn the_table_tells_what_values_mean() {
    let hex = frames(&vectors(POS), "frame_hex");
    let output = run(&["decode"], &hex);
    for told in [
        "0200 financial request: purchase\n",
        "0400 reversal request: purchase\n",
        "0820 network management advice: echo\n",
        "  balance is too low\n",
        "123.45\n",
    ] {
        assert!(text(&output).contains(told), "{told}");
    }
}

#[test]
fn what_cannot_be_encoded_says_why_and_shows_no_card_number() {
    let header = r#""mti":"0200","tpdu":"6000030000","header":"603100311001""#;
    for (line, told) in [
        ("{}".to_owned(), "missing field `mti`"),
        (
            "0200".to_owned(),
            "write an object as `msg decode -o json` prints it",
        ),
        (
            format!(r#"{{{header},"fields":[{{"n":"6299990100001238","value":"1"}}]}}"#),
            "not the form of a message",
        ),
        (
            format!(r#"{{{header},"fields":[{{"n":2,"value":"62999901000012381234"}}]}}"#),
            "de2: length 20 does not fit",
        ),
        (
            format!(r#"{{{header},"fields":[{{"n":7,"value":"0511193001"}}]}}"#),
            "de7: the dialect has no such data element",
        ),
        (
            r#"{"mti":"0200","header":"603100311001","fields":[]}"#.to_owned(),
            "tpdu is missing",
        ),
        (
            r#"{"mti":"0200","tpdu":"6000030000","fields":[]}"#.to_owned(),
            "header is missing",
        ),
        (
            format!(r#"{{{},"fields":[]}}"#, header.replace("0200", "1200")),
            "1200 is of another version",
        ),
        (
            format!(r#"{{{header},"bitmap":"{}","fields":[]}}"#, "0".repeat(32)),
            "leave it out",
        ),
    ] {
        let output = run(&["encode"], &line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(
            text(&output).contains(told),
            "{line} gives {}",
            text(&output)
        );
        assert!(
            !text(&output).contains("629999"),
            "{line} gives {}",
            text(&output)
        );
    }
}

/// A message between institutions may do without its second bitmap, and what is always the same
/// in a header may be left out.
#[test]
fn short_forms_of_institutions() {
    let short = r#"{"mti":"0820","header":{"destination":"69990001   ","source":"00010000   "},
        "fields":[{"n":7,"value":"0511013000"},{"n":11,"value":"000004"}],"bitmap":"0220000000000000"}"#;
    let frame = run(&["encode", "--dialect", "cups"], &short.replace('\n', " "));
    let decoded = run(&["decode", "--dialect", "cups", "-o", "json"], text(&frame));
    let object: Value = serde_json::from_str(text(&decoded)).unwrap();
    assert_eq!(object["bitmap"], "0220000000000000");
    assert_eq!(object["header"]["header_length"], 46);
    assert_eq!(object["header"]["total_length"], 46 + 4 + 8 + 10 + 6);
    let again = run(&["encode", "--dialect", "cups"], text(&decoded));
    assert_eq!(text(&again), text(&frame));
}

/// The messages of the generic vectors as frames: two bytes of length in front.
fn generic_frames(version: &str) -> String {
    let file = include_str!("../../../libs/iso8583/tests/vectors/iso8583_generic.json");
    vectors(file)
        .iter()
        .filter(|vector| vector["name"].as_str().unwrap().starts_with(version))
        .map(|vector| vector["message_hex"].as_str().unwrap())
        .map(|message| format!("{:04X}{message}\n", message.len() / 2))
        .collect()
}

/// The same messages from ASCII to EBCDIC and back, through the form for programs.
#[test]
fn generic_dialects_go_both_ways() {
    for (version, names) in [
        ("gen87", ["iso87-ascii-hex", "iso87-ascii", "iso87-ebcdic"]),
        ("gen93", ["iso93-ascii-hex", "iso93-ascii", "iso93-ebcdic"]),
    ] {
        let mut hex = generic_frames(version);
        let first = hex.clone();
        let mut before = names[0];
        for name in names.into_iter().chain([names[0]]) {
            let flags = ["decode", "--dialect", before, "--reveal", "-o", "json"];
            let decoded = run(&flags, &hex);
            assert_eq!(decoded.status.code(), Some(0), "{}", text(&decoded));
            let encoded = run(&["encode", "--dialect", name], text(&decoded));
            assert_eq!(encoded.status.code(), Some(0), "{}", text(&encoded));
            hex = text(&encoded).to_owned();
            before = name;
        }
        assert_eq!(hex, first);
    }
    let output = run(
        &["decode", "--dialect", "iso93-ascii-hex"],
        &generic_frames("gen93"),
    );
    for told in [
        "1200 financial request: purchase\n",
        "1420 reversal advice: full reversal\n",
        "  2017-05-11, 19:30:00\n",
    ] {
        assert!(text(&output).contains(told), "{told}:\n{}", text(&output));
    }
}

/// How a user makes a dialect: copies a built-in one, changes it, checks it, uses it.
#[test]
fn a_copied_dialect_is_checked_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.dialect");
    let file = path.to_str().unwrap();
    let printed = run(&["dialect", "pos"], "");
    let copy = text(&printed).replace("dialect   pos", "dialect   mine");
    std::fs::write(&path, copy.replace("57   LLL    999", "57   LL     99")).unwrap();
    let checked = run(&["lint", file], "");
    assert_eq!(checked.status.code(), Some(0));
    for told in [
        "dialect   mine\n",
        "57   LL     99   text          free-form    vendor data\n",
        "mine.dialect: good, 35 data elements\n",
    ] {
        assert!(text(&checked).contains(told), "{}", text(&checked));
    }
    let hex = frames(&vectors(POS), "frame_hex");
    let ours = run(&["decode", "--dialect", file, "-o", "json"], &hex);
    let theirs = run(&["decode", "-o", "json"], &hex);
    assert_eq!(text(&ours), text(&theirs));

    std::fs::write(&path, copy.replace("57   LLL", "57   LLLL")).unwrap();
    let expected = format!("{file}:43: length `LLLL` is not known: write one of FIXED, LL, LLL");
    for (arguments, code) in [
        (&["lint", file][..], 1),
        (&["decode", "--dialect", file], 2),
    ] {
        let refused = run(arguments, "");
        let told = std::str::from_utf8(&refused.stderr).unwrap();
        assert!(told.contains(&expected), "{told}");
        assert_eq!(refused.status.code(), Some(code));
    }
}

#[test]
fn dialects_that_are_none_are_refused_with_the_names_there_are() {
    for arguments in [
        &["dialect", "visa"][..],
        &["lint", "visa"],
        &["decode", "--dialect", "visa"],
        &["encode", "--dialect", "visa"],
    ] {
        let refused = run(arguments, "");
        let told = std::str::from_utf8(&refused.stderr).unwrap();
        assert!(told.contains("pos, cups, iso87-ascii"), "{told}");
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
    }
}
