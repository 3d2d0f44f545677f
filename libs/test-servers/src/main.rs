//! Runs a command, or a terminal, with real servers beside it.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::process::{Command, ExitCode};
use std::thread;

use test_servers::{
    CASSANDRA_VARIABLE, CassandraCluster, CassandraOptions, CommitlogSync, KAFKA_VARIABLE,
    KafkaCluster, KafkaOptions, Served, ServerError, Tuning,
};

const USAGE: &str = "usage: test-servers run -- COMMAND ARGS...   \
                     with both servers, named by FLOATSWITCH_TEST_KAFKA and FLOATSWITCH_TEST_CQL\n       \
                     test-servers up [FLAGS]               \
                     prints both variables and stays until its input closes\n\
                     flags: --throughput  servers that are quick when warm, with more memory: for figures\n       \
                     --periodic    the card store acknowledges before its log is on disk: shows what that costs\n";
/// Java's heap of a server that is measured, in MiB.
const MEASURED_HEAP: u32 = 1_024;
const USAGE_CODE: u8 = 2;
const FAILED_CODE: u8 = 1;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let done = match arguments.as_slice() {
        [verb, dashes, command @ ..] if verb == "run" && dashes == "--" && !command.is_empty() => {
            run(command)
        }
        [verb, flags @ ..] if verb == "up" => match Likes::parse(flags) {
            Some(likes) => up(likes),
            None => return say(USAGE, USAGE_CODE),
        },
        _ => return say(USAGE, USAGE_CODE),
    };
    done.unwrap_or_else(|error| say(&format!("test-servers: {}\n", error), FAILED_CODE))
}

/// What the servers should be like.
#[derive(Default)]
struct Likes {
    kafka: KafkaOptions,
    cassandra: CassandraOptions,
}

// === impl Likes ===

impl Likes {
    fn parse(flags: &[OsString]) -> Option<Self> {
        let mut likes = Self::default();
        for flag in flags {
            match flag.to_str()? {
                "--throughput" => {
                    likes.kafka.tuning = Tuning::Throughput;
                    likes.kafka.heap_mib = MEASURED_HEAP;
                    likes.cassandra.tuning = Tuning::Throughput;
                    likes.cassandra.heap_mib = MEASURED_HEAP;
                }
                "--periodic" => likes.cassandra.commitlog_sync = CommitlogSync::Periodic,
                _ => return None,
            }
        }
        Some(likes)
    }
}

/// The two servers; those that the environment names already are not started.
struct Servers {
    kafka: Served<KafkaCluster>,
    cassandra: Served<CassandraCluster>,
}

// === impl Servers ===

impl Servers {
    fn start(likes: Likes) -> Result<Self, ServerError> {
        thread::scope(|scope| {
            let kafka = scope.spawn(|| Served::kafka_like(likes.kafka));
            let cassandra = Served::cassandra_like(likes.cassandra);
            let kafka = kafka.join().expect("starting a server does not panic");
            Ok(Self {
                kafka: kafka?,
                cassandra: cassandra?,
            })
        })
    }

    fn variables(&self) -> [(&'static str, &str); 2] {
        [
            (KAFKA_VARIABLE, self.kafka.addresses()),
            (CASSANDRA_VARIABLE, self.cassandra.addresses()),
        ]
    }
}

fn run(command: &[OsString]) -> Result<ExitCode, Box<dyn Error>> {
    let servers = Servers::start(Likes::default())?;
    let status = Command::new(&command[0])
        .args(&command[1..])
        .envs(servers.variables())
        .status()
        .map_err(|error| format!("run {}: {error}", command[0].display()))?;
    // A command that was killed has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(FAILED_CODE)))
}

fn up(likes: Likes) -> Result<ExitCode, Box<dyn Error>> {
    let servers = Servers::start(likes)?;
    let mut lines = String::new();
    for (name, value) in servers.variables() {
        writeln!(lines, "export {name}={value}")?;
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(lines.as_bytes())?;
    stdout.flush()?;
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard error. There is nobody to tell when that fails.
fn say(text: &str, code: u8) -> ExitCode {
    drop(io::stderr().write_all(text.as_bytes()));
    ExitCode::from(code)
}
