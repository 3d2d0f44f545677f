//! The back office's endpoint of a running switch: who is let in, what cards and days do when asked,
//! and that no card number is told or kept.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::{CARDS, Switch, summary, told};

const BY_HAND: [(&str, &str); 2] = [("cut_at", "\"manual\""), ("freeze_after_minutes", "")];
const NUMBER: &str = "6299990000000017";
/// A number that nobody was given.
const FRESH: &str = "6299990000990019";

/// A serving switch with an endpoint, whose days are opened by hand.
fn serving() -> Switch {
    let mut switch = Switch::new_with(&BY_HAND);
    switch.with_operations();
    switch.issue_cards();
    switch.serve();
    switch
}

/// Sends a request as it is and reads the answer: status and JSON.
fn raw(switch: &Switch, request: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", switch.operations_port)).unwrap();
    // An endpoint that has seen enough may close before all of it was sent.
    drop(stream.write_all(request.as_bytes()));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

struct Ask<'a> {
    method: &'a str,
    path: &'a str,
    token: &'a str,
    key: Option<&'a str>,
    body: &'a str,
}

fn ask(switch: &Switch, ask: &Ask<'_>) -> (u16, Value) {
    let key = ask.key.map(|key| format!("Idempotency-Key: {key}\r\n"));
    let request = format!(
        "{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n{}Content-Length: \
         {}\r\n\r\n{}",
        ask.method,
        ask.path,
        ask.token,
        key.unwrap_or_default(),
        ask.body.len(),
        ask.body
    );
    raw(switch, &request)
}

fn post(switch: &Switch, path: &str, key: Option<&str>, body: &str) -> (u16, Value) {
    let token = switch.token();
    ask(
        switch,
        &Ask {
            method: "POST",
            path,
            token: &token,
            key,
            body,
        },
    )
}

fn get(switch: &Switch, path: &str) -> (u16, Value) {
    let token = switch.token();
    ask(
        switch,
        &Ask {
            method: "GET",
            path,
            token: &token,
            key: None,
            body: "",
        },
    )
}

fn body(form: &str) -> String {
    json!({ "number": NUMBER, "form": form }).to_string()
}

fn show(switch: &Switch) -> Value {
    let (status, card) = post(
        switch,
        "/v1/cards/show",
        None,
        &json!({ "number": NUMBER }).to_string(),
    );
    assert_eq!(status, 200, "{card}");
    card
}

#[test]
fn strangers_are_told_what_to_show() {
    let switch = serving();
    let token = switch.token();
    for token in ["", "x", &token[..63], &format!("{token}0")] {
        let stranger = Ask {
            method: "GET",
            path: "/v1/day",
            token,
            key: None,
            body: "",
        };
        let (status, told) = ask(&switch, &stranger);
        assert_eq!(status, 401, "{told}");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("Authorization: Bearer"), "{message}");
    }
}

/// Path, key, body, and what is said to them.
type Wrong<'a> = (&'a str, Option<&'a str>, &'a str, u16, &'a str);

#[test]
fn wrong_requests_are_told_what_to_write() {
    let switch = serving();
    let (good, key) = (body("formal"), Some("k"));
    let long = good.clone() + &" ".repeat(5_000);
    let number = format!(r#"{{"number":{NUMBER},"form":"formal"}}"#);
    let nobody = json!({ "number": FRESH }).to_string();
    let (loss, show) = ("/v1/cards/loss", "/v1/cards/show");
    let past = r#"{"day":"1999-01-01"}"#;
    let future = r#"{"through":"2149-01-01"}"#;
    let wrong: [Wrong<'_>; 12] = [
        (loss, None, &good, 400, "bad_idempotency_key"),
        (loss, Some(""), &good, 400, "bad_idempotency_key"),
        (loss, key, &number, 400, "bad_body"),
        (loss, key, "{", 400, "bad_body"),
        (loss, key, r#"{"form":"formal"}"#, 400, "bad_body"),
        (loss, key, &long, 413, "body_too_long"),
        (
            show,
            None,
            r#"{"number":"6299990000000016"}"#,
            400,
            "bad_body",
        ),
        (show, None, &nobody, 404, "no_card"),
        ("/v1/cards/lost", key, &good, 404, "no_path"),
        ("/v1/float", None, "", 405, "wrong_method"),
        ("/v1/day/cut", None, past, 409, "day_is_over"),
        ("/v1/day/freeze", None, future, 409, "day_is_open"),
    ];
    for (path, key, body, expected, error) in wrong {
        let (status, told) = post(&switch, path, key, body);
        let found = (status, told["error"].as_str());
        assert_eq!(found, (expected, Some(error)), "{path} {told}");
        assert!(!told.to_string().contains("62999900"), "{told}");
    }
    for path in ["/v1/float?at=monday", "/v1/float?x=1"] {
        assert_eq!(get(&switch, path).0, 400);
    }
    let head = "x".repeat(20_000);
    let (status, _) = raw(
        &switch,
        &format!("GET / HTTP/1.1\r\nHost: x\r\nX: {head}\r\n\r\n"),
    );
    assert_eq!(status, 431, "a head over its bound");
    assert_eq!(get(&switch, "/v1/day").0, 200, "and it goes on");
}

#[test]
fn too_many_strangers_are_turned_away() {
    let switch = serving();
    let request = "GET /v1/day HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let statuses: Vec<u16> = (0..60).map(|_| raw(&switch, request).0).collect();
    assert!(statuses.iter().all(|status| [401, 429].contains(status)));
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(
        get(&switch, "/v1/day").0,
        200,
        "the owner is not one of them"
    );
}

#[test]
fn a_loss_report_is_in_effect_where_it_says() {
    let switch = serving();
    let before = show(&switch);
    assert_eq!(before["lost_at_ms"], Value::Null);
    assert_eq!(before["media"][0]["number"], "629999******0017");
    let (status, first) = post(
        &switch,
        "/v1/cards/loss",
        Some("call-1"),
        &body("temporary"),
    );
    assert_eq!(status, 200, "{first}");
    assert_eq!(
        (&first["outcome"], &first["replayed"]),
        (&json!("approved"), &json!(false))
    );
    assert_eq!(first["card"], before["card"]);
    assert!(first["effect_us"].as_u64().unwrap() > 0);
    let (_, again) = post(
        &switch,
        "/v1/cards/loss",
        Some("call-1"),
        &body("temporary"),
    );
    assert_eq!(
        (&again["replayed"], &again["version"]),
        (&json!(true), &first["version"])
    );
    let (status, other) = post(&switch, "/v1/cards/loss", Some("call-1"), &body("formal"));
    assert_eq!(status, 409, "another request under the same name: {other}");
    assert_eq!(other["outcome"], "declined");
    let lost = show(&switch);
    assert_ne!(lost["lost_at_ms"], Value::Null);
    assert_eq!(
        purchase(&switch, "1"),
        "41",
        "no debit is approved any more"
    );
    let id = lost["card"].as_str().unwrap();
    let unfrozen = switch.run(&["card", "unfreeze", id]);
    assert!(unfrozen.status.success(), "{}", told(&unfrozen));
    assert_eq!(purchase(&switch, "2"), "00");
    let text = std::fs::read_to_string(switch.file("serve.log")).unwrap();
    assert!(text.contains("decided for the back office"), "{text}");
    assert!(!text.contains(NUMBER), "no card number in the log lines");
}

/// Pays with the card of [`NUMBER`] once, and tells the response code.
fn purchase(switch: &Switch, batch: &str) -> String {
    let options = ["--count", "1", "--mix", "purchase=1", "--batch", batch];
    let record = switch.file(&format!("batch-{batch}.csv"));
    let told = summary(switch.load_cards(1, &record, &options));
    let codes = told["by_code"].as_object().unwrap();
    codes.keys().next().unwrap().clone()
}

#[test]
fn the_command_line_asks_the_running_switch() {
    let mut switch = serving();
    let json = |arguments: &[&str], input: &str| -> (Option<i32>, Value) {
        let output = switch.run_with_input(&[arguments, &["-o", "json"]].concat(), input);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        (output.status.code(), value)
    };
    let (code, lost) = json(
        &[
            "card",
            "loss",
            "--form",
            "formal",
            "--key",
            "a",
            "--pan-stdin",
        ],
        NUMBER,
    );
    assert_eq!((code, &lost["outcome"]), (Some(0), &json!("approved")));
    let (code, found) = json(&["card", "unfreeze", lost["card"].as_str().unwrap()], "");
    assert_eq!(code, Some(0), "{found}");
    let (code, _) = json(&["card", "unfreeze", "629999-0017"], "");
    assert_eq!(code, Some(2), "parts of a number are no name while it runs");
    let (code, _) = json(&["card", "unfreeze", &"0".repeat(32)], "");
    assert_eq!(code, Some(4), "no such card");
    let (code, before) = json(&["day", "status"], "");
    assert_eq!(code, Some(0));
    let (code, cut) = json(&["day", "cut"], "");
    assert_eq!(code, Some(0));
    let number = before["cut_number"].as_u64().unwrap() + 1;
    assert_eq!(cut["cut_number"].as_u64(), Some(number));
    let (code, float) = json(&["float"], "");
    assert_eq!(
        (code, float["cut_number"].as_u64()),
        (Some(0), Some(number))
    );
    assert_eq!(float["float_fen"], CARDS * 500_000);
    let (code, frozen) = json(&["day", "freeze"], "");
    assert_eq!(
        (code, &frozen["frozen_through"]),
        (Some(0), &before["open_day"])
    );
    let (code, _) = json(
        &["day", "cut", "--day", before["open_day"].as_str().unwrap()],
        "",
    );
    assert_eq!(code, Some(4), "days do not go back");
    // Killed, and the same questions are answered from the folder.
    let told_running = json(&["float"], "").1;
    switch.kill();
    let output = switch.run(&["float", "--verify", "-o", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["programmes"], told_running["programmes"]);
    assert_eq!(told["verified"]["clean"], true, "{told}");
    let output = switch.run(&["card", "unfreeze", &"0".repeat(32)]);
    assert_eq!(output.status.code(), Some(3));
    assert!(crate::support::told(&output).contains("the switch does not run"));
}

/// Batches and reversals across a cut and a freeze, all under load: every answer is booked once, and
/// each float of the past is the sum of cards and of entries.
#[test]
fn days_change_under_load() {
    let mut switch = serving();
    let record = switch.file("run.csv");
    let mix = "purchase=60,void=15,refund=5,preauth=10,completion=5,reversal=5";
    let options = [
        "--connections",
        "4",
        "--in-flight",
        "8",
        "--count",
        "30000",
        "--mix",
        mix,
    ];
    let load = switch.load(&record, &options);
    // Work of the day before the cut, and plenty of it still to come.
    let begun = || std::fs::metadata(&record).is_ok_and(|file| file.len() > 50_000);
    while !begun() {
        crate::crash::wait(std::time::Duration::from_millis(5));
    }
    let (_, before) = get(&switch, "/v1/day");
    let (status, cut) = post(&switch, "/v1/day/cut", None, "");
    assert_eq!(status, 200, "{cut}");
    let (status, float) = get(&switch, "/v1/float");
    assert_eq!((status, &float["cut_number"]), (200, &cut["cut_number"]));
    let (status, frozen) = post(&switch, "/v1/day/freeze", None, "");
    assert_eq!(
        (status, &frozen["frozen_through"]),
        (200, &before["open_day"])
    );
    let told = summary(load);
    assert_eq!(told["answered"], 30_000, "{told}");
    let (_, later) = get(&switch, "/v1/float");
    assert_eq!(later, float, "the past does not change");
    switch.kill();
    switch.check_clean(&record);
    let output = switch.run(&["float", "--verify", "-o", "json"]);
    let verified: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verified["verified"]["clean"], true, "{verified}");
    assert_eq!(verified["programmes"], float["programmes"]);
}

#[test]
fn a_replaced_medium_names_the_same_card() {
    let switch = serving();
    let card = show(&switch)["card"].clone();
    let body = json!({ "number": NUMBER, "new_number": FRESH, "reason": "damaged" }).to_string();
    let (status, first) = post(&switch, "/v1/cards/replace", Some("desk-1"), &body);
    assert_eq!(
        (&first["card"], &first["medium"]),
        (&card, &json!(1)),
        "{first}"
    );
    let (again, second) = post(&switch, "/v1/cards/replace", Some("desk-1"), &body);
    assert_eq!(
        (again, &second["outcome"]),
        (status, &first["outcome"]),
        "{second}"
    );
    let media = show(&switch)["media"].clone();
    assert_eq!(media.as_array().unwrap().len(), 2, "{media}");
    assert_eq!(media[1]["number"], "629999******0019");
    // Another card's number is no new number.
    let other = json!({ "number": NUMBER, "new_number": "6299990000000025", "reason": "lost" });
    let (status, taken) = post(
        &switch,
        "/v1/cards/replace",
        Some("desk-2"),
        &other.to_string(),
    );
    assert_eq!(
        (status, taken["error"].as_str()),
        (409, Some("number_taken")),
        "{taken}"
    );
}
