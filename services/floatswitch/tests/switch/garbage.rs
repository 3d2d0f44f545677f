//! Peers that send anything but messages, while an honest one is served.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::crash::wait;
use crate::support::{Switch, summary};

const CONNECTIONS: usize = 10_000;

/// What the switch may grow by while it is attacked.
const GROWTH_KIB_MAX: u64 = 300 * 1024;

#[test]
fn garbage_on_the_port_disturbs_nobody() {
    allow_many_files();
    let mut switch = Switch::new_with(&[("read_timeout_seconds", "1")]);
    switch.issue_cards();
    switch.serve();
    let before = resident_kib(switch.pid());
    let record = switch.file("run.csv");
    let options = [
        "--connections",
        "2",
        "--in-flight",
        "4",
        "--rate",
        "300",
        "--duration",
        "10s",
    ];
    let honest = switch.load(&record, &options);
    while std::fs::metadata(&record).map_or(0, |file| file.len()) < 1_000 {
        wait(Duration::from_millis(10)); // It is connected before the crowd takes every place.
    }
    let port = switch.port;
    let attacks = [random_bytes, half_frames, oversize, slow_writer].map(|attack| {
        std::thread::spawn(move || {
            for round in 0..40 {
                attack(port, round);
            }
        })
    });
    let opened = crowd(port);
    for attack in attacks {
        attack.join().unwrap();
    }
    let grown = resident_kib(switch.pid()).saturating_sub(before);
    let summary = summary(honest);
    println!("{opened} connections of {CONNECTIONS} opened, grown by {grown} KiB: {summary}");
    assert_eq!(opened, CONNECTIONS);
    assert_eq!(switch.ended(), None, "the switch runs on");
    assert_eq!(
        summary["answered"], summary["requests"],
        "the honest peer is answered"
    );
    assert!(summary["requests"].as_u64().unwrap() > 2_000, "{summary}");
    assert!(grown < GROWTH_KIB_MAX, "grown by {grown} KiB");
    switch.kill();
    switch.check_clean(&record);
}

/// Opens many connections and holds those that the switch lets stay.
fn crowd(port: u16) -> usize {
    let mut held = Vec::new();
    let mut opened = 0;
    for _ in 0..CONNECTIONS {
        let Some(stream) = connect(port) else {
            continue;
        };
        held.push(stream);
        opened += 1;
        if held.len() > 4_000 {
            held.clear();
        }
    }
    opened
}

/// A connection that the switch may close at any moment.
fn connect(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(3)))
        .unwrap();
    Some(stream)
}

fn random_bytes(port: u16, round: u64) {
    let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(4_096)
    .collect();
    send(port, &bytes);
}

fn half_frames(port: u16, _: u64) {
    let frame = include_str!("../../../../libs/iso8583/tests/vectors/iso8583_negative.json");
    send(port, &[0, 123, 0x60, 0, 3]);
    send(port, &frame.as_bytes()[..300]);
}

fn oversize(port: u16, _: u64) {
    send(port, &[0xff, 0xff]);
    send(port, &vec![0xff; 70_000]);
}

/// One byte at a time: cut off when the frame takes too long.
fn slow_writer(port: u16, _: u64) {
    let Some(mut stream) = connect(port) else {
        return;
    };
    for byte in [0u8, 200, 0x60, 0, 3] {
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        wait(Duration::from_millis(20));
    }
}

/// Sends, and reads what comes until the switch closes or says nothing more.
fn send(port: u16, bytes: &[u8]) {
    let Some(mut stream) = connect(port) else {
        return;
    };
    if stream.write_all(bytes).is_err() {
        return;
    }
    drop(stream.shutdown(std::net::Shutdown::Write));
    let mut answer = [0; 1_024];
    loop {
        match stream.read(&mut answer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(1 << 20).min(1 << 20);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(wanted),
            ..limit
        },
    )
    .unwrap();
    assert!(
        wanted >= 8_192,
        "this test needs 8,192 open files, {wanted} are allowed: raise ulimit -n"
    );
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
