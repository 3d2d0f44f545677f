//! The links: is each address served, free, or taken by another program, and what is not checked.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Holder, Report, milliseconds};
use crate::dialect;
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, Encoder, Message, Mti, Prefix, Speaks};
use settings::{Acquirer, EdgeCheck, Settings};

/// How long a link may take to answer an echo.
const PATIENCE: Duration = Duration::from_secs(3);
const TPDU: [u8; 5] = [0x60, 0x00, 0x03, 0x00, 0x00];
const HEADER: [u8; 6] = [0x60, 0x31, 0x00, 0x31, 0x10, 0x01];
const TRACE: u64 = 999_999;

pub(super) async fn look(settings: &Settings, holder: &Holder, report: &mut Report) {
    for acquirer in &settings.acquirers {
        match dialect::of_acquirer(settings, acquirer) {
            Ok(dialect) => link(acquirer, dialect, holder, report).await,
            Err(failure) => {
                let text = format!("{}: {}", acquirer.name.as_str(), failure.message);
                report.fail("link", text, "check it with `floatswitch msg lint FILE`");
            }
        }
        unchecked(acquirer, report);
    }
}

async fn link(
    acquirer: &Acquirer,
    dialect: &'static Dialect,
    holder: &Holder,
    report: &mut Report,
) {
    let name = acquirer.name.as_str();
    let address = match acquirer.listen.resolve() {
        Ok(address) => address,
        Err(error) => {
            let text = format!("{name}: {}: {error}", acquirer.listen.as_str());
            report.fail("link", text, "write an address of this machine in `listen`");
            return;
        }
    };
    if address.port() == 0 {
        let text = format!("{name}: the port is chosen at each start");
        report.warn(
            "link",
            text,
            "write a port in `listen`, so that acquirers can find it",
        );
        return;
    }
    let stream = timeout(PATIENCE, TcpStream::connect(address)).await;
    match (stream, holder) {
        (Ok(Ok(stream)), Holder::Switch { .. }) => {
            let answer = timeout(PATIENCE, echo(stream, acquirer, dialect)).await;
            served(
                name,
                address,
                answer.unwrap_or_else(|_| Err("no answer".into())),
                report,
            );
        }
        (Ok(Ok(_)), Holder::Nobody { .. } | Holder::Unknown) => {
            let text = format!("{name}: another program listens on {address}");
            let advice = "find it with `ss -ltnp`, stop it, or write another port in `listen`";
            report.fail("link", text, advice);
        }
        (Ok(Err(_)) | Err(_), Holder::Switch { pid }) => {
            let text = format!("{name}: process {pid} runs and nobody answers on {address}");
            let advice = "it may still be starting, or runs with other settings than these";
            report.fail("link", text, advice);
        }
        (Ok(Err(_)) | Err(_), Holder::Nobody { .. } | Holder::Unknown) => {
            free(name, address, report);
        }
    }
}

fn free(name: &str, address: SocketAddr, report: &mut Report) {
    match TcpListener::bind(address) {
        Ok(_) => report.ok(
            "link",
            format!("{name}: {address} is free, the switch is stopped"),
        ),
        Err(error) => {
            let text = format!("{name}: {address} cannot be listened on: {error}");
            report.fail(
                "link",
                text,
                "write a free address of this machine in `listen`",
            );
        }
    }
}

/// What a link said to an echo, and after which time; or why it said nothing.
type Echo = Result<(String, Duration), Box<dyn std::error::Error>>;

fn served(name: &str, address: SocketAddr, answer: Echo, report: &mut Report) {
    match answer {
        Ok((code, took)) if code == "00" => {
            let took = milliseconds(took.as_micros());
            report.ok(
                "link",
                format!("{name}: {address} answers an echo in {took}"),
            );
        }
        Ok((code, _)) => {
            let text = format!("{name}: {address} answers an echo with {code}");
            let advice = "it runs with another register of terminals: restart it";
            report.fail("link", text, advice);
        }
        Err(error) => {
            let text = format!("{name}: {address} does not answer an echo: {error}");
            let advice = "something else may listen there; look at the switch's log lines";
            report.fail("link", text, advice);
        }
    }
}

/// What stands before an echo in a dialect of terminals; `None` for other dialects.
fn prefix_in(dialect: &Dialect) -> Option<Prefix> {
    match (dialect.speaks(), dialect.has_tpdu(), dialect.header_size()) {
        (Speaks::Pos, false, 0) => Some(Prefix::None),
        (Speaks::Pos, true, 0) => Some(Prefix::Tpdu { tpdu: TPDU }),
        (Speaks::Pos, true, 1..) => Some(Prefix::Pos {
            tpdu: TPDU,
            header: HEADER,
        }),
        (Speaks::Pos | Speaks::Cups | Speaks::Iso87 | Speaks::Iso93, _, _) => None,
    }
}

/// Sends an 0820 as the acquirer's first terminal.
async fn echo(mut stream: TcpStream, acquirer: &Acquirer, dialect: &'static Dialect) -> Echo {
    let started_at = Instant::now();
    let terminals = acquirer
        .terminals
        .first()
        .ok_or("no terminal is registered")?;
    let terminal = terminals.ids().next().ok_or("no terminal is registered")?;
    let prefix = prefix_in(dialect).ok_or("doctor knows no echo of its dialect")?;
    let mut frame = Vec::new();
    Encoder::new(dialect, &mut frame, &prefix, Mti::NETWORK_ADVICE)
        .number(11, TRACE)
        .text(41, terminal)
        .text(42, terminals.merchant())
        .digits(60, "00000001301")
        .finish()?;
    stream.write_all(&frame).await?;
    let mut received = Vec::new();
    loop {
        if let NextFrame::Frame { body, .. } = next_frame(dialect, &received)? {
            let message = Message::decode(dialect, received.get(body).unwrap_or_default())?;
            let code = message.text(39).unwrap_or_default();
            return Ok((
                String::from_utf8_lossy(code).into_owned(),
                started_at.elapsed(),
            ));
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err("it closed the connection".into());
        }
    }
}

/// Loud, each time: nobody may take this link for a safe one.
fn unchecked(acquirer: &Acquirer, report: &mut Report) {
    let EdgeCheck::Unchecked = acquirer.mac;
    let EdgeCheck::Unchecked = acquirer.pin;
    let (name, listen) = (acquirer.name.as_str(), acquirer.listen.as_str());
    report.warn(
        "link",
        format!("{name}: MAC, PIN and chip cryptogram are NOT CHECKED"),
        format!("whoever reaches {listen} is believed: let only a trusted network reach it"),
    );
}
