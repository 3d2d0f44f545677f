//! The form for people: equal to the golden vectors when revealed, free of card data when masked,
//! and back to the same frame.
use serde_json::Value;

use crate::support::{dialect_of, string, unhex, vectors};
use iso8583::{CupsHeader, Dialect, Disclosure, Message, OwnedMessage, OwnedPrefix};

fn describe(vector: &Value, disclosure: Disclosure) -> OwnedMessage {
    let dialect = dialect_of(vector);
    let frame = unhex(&vector["frame_hex"]);
    let length_size = frame.len() - body_size(dialect, &frame);
    OwnedMessage::of(
        &Message::decode(dialect, &frame[length_size..]).unwrap(),
        disclosure,
    )
}

fn body_size(dialect: &Dialect, frame: &[u8]) -> usize {
    if dialect == Dialect::pos() {
        frame.len() - 2
    } else {
        frame.len() - 4
    }
}

fn header_of(vector: &Value) -> CupsHeader {
    let header = &vector["header"];
    let number = |key: &str| header[key].as_u64().unwrap();
    CupsHeader {
        header_length: number("header_length").try_into().unwrap(),
        version: string(header, "version").to_owned(),
        total_length: number("total_length").try_into().unwrap(),
        destination: string(header, "destination").to_owned(),
        source: string(header, "source").to_owned(),
        reserved: string(header, "reserved").to_owned(),
        batch: string(header, "batch").to_owned(),
        transaction_info: string(header, "transaction_info").to_owned(),
        user_info: string(header, "user_info").to_owned(),
        reject_code: string(header, "reject_code").to_owned(),
    }
}

#[test]
fn revealed_values_are_those_of_the_vectors() {
    for vector in [vectors("pos"), vectors("cups")].concat() {
        let owned = describe(&vector, Disclosure::Revealed);
        assert_eq!(owned.mti, string(&vector, "mti"));
        let expected: Vec<(u64, &str)> = vector["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| (field["n"].as_u64().unwrap(), string(field, "value")))
            .collect();
        let fields: Vec<(u64, &str)> = owned
            .fields
            .iter()
            .map(|(number, value)| (u64::from(*number), &value[..]))
            .collect();
        assert_eq!(fields, expected, "{}", vector["name"]);
        match &owned.prefix {
            OwnedPrefix::Pos { tpdu, header } => {
                assert_eq!(
                    (&tpdu[..], &header[..]),
                    (string(&vector, "tpdu"), string(&vector, "header"))
                );
            }
            OwnedPrefix::Cups(header) if vector["header"].is_object() => {
                assert_eq!(*header, header_of(&vector));
            }
            OwnedPrefix::Cups(_) => assert_eq!(vector["name"], "cups-21-key-reset"),
            OwnedPrefix::None | OwnedPrefix::Tpdu { .. } => panic!("{owned:?} lost its prefix"),
        }
    }
}

#[test]
fn the_form_for_people_encodes_to_the_frame() {
    for vector in [vectors("pos"), vectors("cups")].concat() {
        let mut owned = describe(&vector, Disclosure::Revealed);
        owned.fields.reverse();
        let mut frame = Vec::new();
        owned.encode(dialect_of(&vector), &mut frame).unwrap();
        assert_eq!(frame, unhex(&vector["frame_hex"]), "{}", vector["name"]);
    }
}

/// Everything that a masked message shows.
fn shown(vector: &Value) -> String {
    let owned = describe(vector, Disclosure::Masked);
    owned
        .fields
        .iter()
        .map(|(number, value)| format!("{number}={value}\n"))
        .collect()
}

#[test]
fn masked_values_show_no_card_number_track_pin_or_key() {
    let secrets = [
        "6299990100001238",
        "6299990200000004564",
        "6299990300007894",
        "6299990400000003216",
        "6299980000000555017",
        "6299990500012345678",
        "2705220",
        "2705201",
        "2805120",
    ];
    for vector in [vectors("pos"), vectors("cups")].concat() {
        let shown = shown(&vector);
        for secret in secrets {
            let as_hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
            assert!(
                !shown.contains(secret),
                "{} shows {secret}:\n{shown}",
                vector["name"]
            );
            assert!(
                !shown.contains(&as_hex),
                "{} shows {secret} in hex",
                vector["name"]
            );
        }
        for field in vector["fields"].as_array().unwrap() {
            let is_pin = field["n"] == 52;
            let is_key = field["n"] == 62 && vector["mti"] == "0810"
                || field["n"] == 48
                    && vector["dialect"].is_string()
                    && vector["name"] == "cups-21-key-reset";
            if is_pin || is_key {
                assert!(
                    !shown.contains(string(field, "value")),
                    "{} {field}",
                    vector["name"]
                );
            }
        }
    }
}

#[test]
fn masked_values_keep_what_an_operator_needs() {
    let vectors = vectors("pos");
    let named = |name: &str| {
        vectors
            .iter()
            .find(|vector| vector["name"] == name)
            .unwrap()
    };
    let purchase = shown(named("pos-05-purchase-req"));
    for line in [
        "2=629999******1238\n",
        "4=000000012345\n",
        "35=629999******1238=*****************\n",
        "41=70000001\n",
        "52=****************\n",
        "60=2200000100020\n",
    ] {
        assert!(purchase.contains(line), "{line} is not in\n{purchase}");
    }
    let top_up = shown(named("pos-25-magstripe-account-topup-req"));
    assert!(
        top_up.contains("62=363239393939************31323338\n"),
        "{top_up}"
    );
}

#[test]
fn refusals_name_the_part() {
    let vectors = vectors("pos");
    let owned = describe(&vectors[4], Disclosure::Revealed);
    let check = |owned: OwnedMessage, expected: &str| {
        let mut buffer = b"before".to_vec();
        let error = owned.encode(Dialect::pos(), &mut buffer).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(buffer, b"before");
    };
    let with_field = |number: u8, value: &str| {
        let mut owned = owned.clone();
        owned.fields.retain(|(other, _)| *other != number);
        owned.fields.push((number, value.to_owned()));
        owned
    };
    check(
        OwnedMessage {
            mti: "9900".to_owned(),
            ..owned.clone()
        },
        "mti is not one of the trade, write four digits such as 0200",
    );
    check(
        with_field(2, "629999******1238"),
        "de2: character 6 is not a digit",
    );
    check(
        with_field(7, "0511193001"),
        "de7: the dialect has no such data element",
    );
    check(
        with_field(52, "81B2"),
        "de52: length 2 does not fit the table's 8",
    );
    check(with_field(52, "xyz"), "de52 is binary, write it as hex");
    check(
        with_field(41, "7000000\\"),
        "de41 has a backslash that starts neither \\\\ nor \\xHH",
    );
    let prefix = OwnedPrefix::Pos {
        tpdu: "60".to_owned(),
        header: "603100311001".to_owned(),
    };
    check(
        OwnedMessage {
            prefix,
            ..owned.clone()
        },
        "tpdu of the prefix has not the right form or length",
    );
}
