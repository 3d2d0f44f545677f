//! The simulator against a scripted switch over real TCP.

use std::collections::HashSet;
use std::sync::Mutex;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::record::{HEADER, RecordedRequest};
use super::*;
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, Encoder, Message, MtiClass};

/// What the scripted switch does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reaction {
    Answer(&'static str),
    AnswerAfter(Duration),
    Silence,
    HangUp,
}

/// A request as the scripted switch saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    mti: String,
    terminal: String,
    batch: String,
    stan: String,
    processing: String,
    original: Option<String>,
}

impl Seen {
    fn of(message: &Message<'_>) -> Self {
        let digits = |number| {
            message
                .digits(number)
                .map(|digits| digits.as_str().to_owned())
        };
        let custom = digits(60).unwrap();
        Self {
            mti: String::from_utf8(message.mti().digits().to_vec()).unwrap(),
            terminal: String::from_utf8(message.text(41).unwrap().to_vec()).unwrap(),
            batch: custom[2..8].to_owned(),
            stan: digits(11).unwrap(),
            processing: digits(3).unwrap_or_default(),
            original: digits(61).map(|original| original[..12].to_owned()),
        }
    }

    fn key(&self) -> [String; 4] {
        [&self.mti, &self.terminal, &self.batch, &self.stan].map(Clone::clone)
    }
}

type React = dyn Fn(usize, &Seen) -> Reaction + Send + Sync;

/// A switch that reacts as told to the `n`th request of business, counted from 1, and to a sign-on,
/// whose number is 0.
struct Switch {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _serving: JoinSet<()>,
}

impl Switch {
    async fn start(react: impl Fn(usize, &Seen) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let react: Arc<React> = Arc::new(react);
        let mut serving = JoinSet::new();
        let log = Arc::clone(&seen);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, Arc::clone(&log), Arc::clone(&react)));
            }
        });
        Self {
            address,
            seen,
            _serving: serving,
        }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn run(&self, options: &str) -> Result<RunOutcome, SimError> {
        simulate(args(&self.address, options)).await
    }
}

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: PosSimArgs,
}

fn args(address: &str, options: &str) -> PosSimArgs {
    let words = ["pos", "--connect", address]
        .into_iter()
        .chain(options.split(' '));
    Command::try_parse_from(words).unwrap().args
}

async fn converse(mut stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>, react: Arc<React>) {
    let mut received = Vec::new();
    while stream
        .read_buf(&mut received)
        .await
        .is_ok_and(|read| read > 0)
    {
        while let Ok(NextFrame::Frame { body, consumed }) = next_frame(Dialect::pos(), &received) {
            let message = Message::decode(Dialect::pos(), &received[body]).unwrap();
            let request = Seen::of(&message);
            let reaction = if message.mti().class() == MtiClass::NetworkManagement {
                react(0, &request)
            } else {
                let mut seen = seen.lock().unwrap();
                seen.push(request.clone());
                react(seen.len(), &request)
            };
            let code = match reaction {
                Reaction::HangUp => return,
                Reaction::Silence => None,
                Reaction::Answer(code) => Some(code),
                Reaction::AnswerAfter(delay) => {
                    tokio::time::sleep(delay).await;
                    Some("00")
                }
            };
            let frame = code.map(|code| answer(&message, code));
            received.drain(..consumed);
            if stream.write_all(&frame.unwrap_or_default()).await.is_err() {
                return;
            }
        }
    }
}

fn answer(message: &Message<'_>, code: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    let mut encoder = Encoder::answer(message, &mut frame).unwrap();
    encoder.echo(11, message).number(12, 90_000).number(13, 511);
    encoder.text(37, "051109000001");
    if code == "00" {
        encoder.text(38, "A12345");
    }
    encoder
        .text(39, code)
        .echo(41, message)
        .echo(42, message)
        .echo(60, message);
    encoder.finish().unwrap();
    drop(encoder);
    frame
}

fn read_record(path: &std::path::Path) -> Vec<RecordedRequest> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.strip_prefix(HEADER).unwrap().lines();
    lines
        .map(|line| RecordedRequest::parse(line).unwrap())
        .collect()
}

#[tokio::test]
async fn every_request_is_sent_once_answered_and_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record.csv");
    let decline = |n: usize, _: &Seen| {
        Reaction::Answer(if n > 0 && n.is_multiple_of(10) {
            "51"
        } else {
            "00"
        })
    };
    let switch = Switch::start(decline).await;
    let options = format!(
        "--connections 2 --in-flight 3 --count 200 --record {}",
        record.display()
    );
    let outcome = switch.run(&options).await.unwrap();
    let summary = outcome.summary;
    assert_eq!(
        (summary.requests, summary.answered, summary.approved),
        (200, 200, 180)
    );
    assert_eq!(summary.by_code["51"], 20);
    let keys: HashSet<_> = switch.seen().iter().map(Seen::key).collect();
    assert_eq!(keys.len(), 200, "no key twice");
    let terminals: HashSet<_> = switch
        .seen()
        .into_iter()
        .map(|seen| seen.terminal)
        .collect();
    assert_eq!(terminals.len(), 6);
    let recorded = read_record(&record);
    let declined = recorded
        .iter()
        .filter(|row| row.code.as_deref() == Some("51"))
        .count();
    assert_eq!((recorded.len(), declined), (200, 20));
}

#[tokio::test]
async fn later_steps_refer_to_earlier_ones_of_their_terminal() {
    let switch = Switch::start(|_, _| Reaction::Answer("00")).await;
    let mix = "--mix purchase=1,balance=1,void=1,refund=1,preauth=1,preauth-void=1,completion=1,\
               completion-advice=1,completion-void=1,top-up=1,reversal=1";
    switch
        .run(&format!("--in-flight 4 --count 2000 {mix}"))
        .await
        .unwrap();
    let seen = switch.seen();
    let mut earlier = HashSet::new();
    let mut used = HashSet::new();
    for request in &seen {
        if let Some(original) = &request.original {
            let key = (request.terminal.clone(), original.clone());
            assert!(earlier.contains(&key), "{request:?} refers to nothing");
            assert!(used.insert(key), "{request:?} refers to what is done with");
        }
        earlier.insert((
            request.terminal.clone(),
            format!("{}{}", request.batch, request.stan),
        ));
    }
    for (mti, processing) in [
        ("0100", "030000"),
        ("0100", "200000"),
        ("0200", "000000"),
        ("0200", "200000"),
        ("0200", "310000"),
        ("0200", "630000"),
        ("0220", "000000"),
        ("0220", "200000"),
        ("0400", "000000"),
    ] {
        let count = seen
            .iter()
            .filter(|one| one.mti == mti && one.processing == processing)
            .count();
        assert!(count > 50, "{mti} {processing}: {count}");
    }
}

#[tokio::test]
async fn a_broken_connection_is_opened_again_and_its_requests_reversed() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record.csv");
    let hang_up = |n: usize, _: &Seen| match n {
        50 | 51 | 90 => Reaction::HangUp,
        _ => Reaction::Answer("00"),
    };
    let switch = Switch::start(hang_up).await;
    let options = format!(
        "--in-flight 2 --count 100 --mix purchase=1 --reconnect-for 10s --record {}",
        record.display()
    );
    let outcome = switch.run(&options).await.unwrap();
    assert!(outcome.broken.is_none());
    assert!(outcome.summary.reconnections >= 2, "{:?}", outcome.summary);
    let recorded = read_record(&record);
    let open: Vec<_> = recorded.iter().filter(|row| row.code.is_none()).collect();
    assert!(!open.is_empty());
    for row in open {
        let reversal = recorded.iter().find(|other| {
            other.mti == "0400"
                && other.code.is_some()
                && (other.terminal, other.batch, other.stan) == (row.terminal, row.batch, row.stan)
        });
        assert!(reversal.is_some(), "{row:?} was not reversed");
    }
    let seen = switch.seen();
    for (index, lost) in seen
        .iter()
        .enumerate()
        .filter(|(index, _)| [49, 50, 89].contains(index))
    {
        let next = seen[index + 1..]
            .iter()
            .find(|later| later.terminal == lost.terminal);
        let next = next.map(|later| (later.mti.as_str(), later.stan.as_str()));
        assert_eq!(
            next,
            Some(("0400", lost.stan.as_str())),
            "what follows {lost:?}"
        );
    }
}

#[tokio::test]
async fn without_reconnecting_a_broken_connection_ends_the_run() {
    let hang_up = |n: usize, _: &Seen| match n {
        30 => Reaction::HangUp,
        _ => Reaction::Answer("00"),
    };
    let switch = Switch::start(hang_up).await;
    let outcome = switch.run("--connections 2 --duration 1h").await.unwrap();
    assert!(outcome.broken.is_some());
    let summary = outcome.summary;
    assert_eq!(
        (summary.requests, summary.reconnections),
        (summary.answered + 1, 0)
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_reversed() {
    let silent = |_: usize, request: &Seen| match request.mti.as_str() {
        "0200" => Reaction::Silence,
        _ => Reaction::Answer("00"),
    };
    let switch = Switch::start(silent).await;
    let outcome = switch
        .run("--mix purchase=1 --count 1 --answer-timeout 100ms")
        .await
        .unwrap();
    assert_eq!((outcome.summary.requests, outcome.summary.answered), (2, 1));
    let mtis: Vec<_> = switch
        .seen()
        .into_iter()
        .map(|seen| (seen.mti, seen.stan))
        .collect();
    assert_eq!(
        mtis,
        [
            ("0200".to_owned(), "000002".to_owned()),
            ("0400".to_owned(), "000002".to_owned())
        ]
    );
}

#[tokio::test]
async fn a_reversal_that_is_put_off_is_sent_until_it_is_decided() {
    let busy = |n: usize, request: &Seen| match (request.mti.as_str(), n) {
        ("0200", _) => Reaction::Silence,
        (_, 2) => Reaction::Answer("96"),
        _ => Reaction::Answer("00"),
    };
    let switch = Switch::start(busy).await;
    let options = "--mix purchase=1 --count 1 --answer-timeout 100ms --reconnect-for 60s";
    let summary = switch.run(options).await.unwrap().summary;
    assert_eq!((summary.put_off, summary.answered), (1, 1), "{summary:?}");
    assert_eq!(summary.by_code["00"], 1);
    let mtis: Vec<_> = switch.seen().into_iter().map(|seen| seen.mti).collect();
    assert_eq!(mtis, ["0200", "0400", "0400"]);
}

#[tokio::test]
async fn connections_are_dealt_out_and_one_that_breaks_goes_on_to_the_next() {
    let steady = Switch::start(|_, _| Reaction::Answer("00")).await;
    let brittle = Switch::start(|n, _| match n {
        20 => Reaction::HangUp,
        _ => Reaction::Answer("00"),
    });
    let brittle = brittle.await;
    // Nothing listens at the third: whoever starts there goes on at once.
    let addresses = format!("{},{},127.0.0.1:1", steady.address, brittle.address);
    let options = "--connections 3 --count 300 --mix purchase=1 --reconnect-for 10s";
    let outcome = simulate(args(&addresses, options)).await.unwrap();
    assert!(outcome.broken.is_none());
    assert_eq!(outcome.summary.reconnections, 1);
    // Its reversal found another switch, as the rest of its requests did.
    assert_eq!(brittle.seen().len(), 20);
    let reversals = |switch: &Switch| {
        switch
            .seen()
            .iter()
            .filter(|seen| seen.mti == "0400")
            .count()
    };
    assert_eq!((reversals(&steady), reversals(&brittle)), (1, 0));
}

#[tokio::test]
async fn a_stall_is_not_hidden_by_the_requests_that_waited_for_it() {
    let stall = |n: usize, _: &Seen| match n {
        20 => Reaction::AnswerAfter(Duration::from_millis(500)),
        _ => Reaction::Answer("00"),
    };
    let switch = Switch::start(stall).await;
    let outcome = switch.run("--rate 200 --count 200").await.unwrap();
    let summary = outcome.summary;
    assert_eq!((summary.answered, summary.unsent), (200, 0));
    // 100 requests were due during the stall; a closed model would have one slow answer.
    assert!(summary.latency_us.p90 > 200_000, "{summary:?}");
    assert!(summary.per_second <= 220, "{summary:?}");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let error = simulate(args("127.0.0.1:1", "--count 1"))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 3);
    let switch = Switch::start(|_, _| Reaction::Answer("97")).await;
    let error = switch.run("--count 3").await.unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("71000000 with 97"), "{error}");
    let outcome = switch.run("--count 3 --sign-on no").await.unwrap();
    assert_eq!(outcome.summary.by_code["97"], 3);
}

#[tokio::test]
async fn nonsense_ends_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        pending::<()>().await;
    });
    let error = simulate(args(&address, "--count 1")).await.unwrap_err();
    assert_eq!(error.exit_code(), 1, "{error}");
}
