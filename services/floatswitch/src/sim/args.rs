//! The options of `floatswitch sim pos`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::cards::CARD_COUNT_MAX;
use super::kind::Mix;

/// Terminal ids have eight digits.
const TERMINAL_MAX: u32 = 99_999_999;
/// Largest amount of one request, 10 million yuan; keeps sums far from overflow.
const AMOUNT_FEN_MAX: u64 = 1_000_000_000;

/// Plays many point-of-sale terminals against a running switch and measures the answers.
///
/// Each connection carries `--in-flight` terminals, and each terminal waits for its answer before
/// it asks again. A request whose answer is lost with its connection is reversed, as a terminal
/// does.
///
/// Exit codes: 0 done, 1 the switch answered nonsense, 2 usage, 3 cannot reach the switch or its
/// connection broke, 4 the switch refused the sign-on.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PosSimArgs {
    /// Where the switch listens for this acquirer; several separated by commas. Connections are dealt
    /// out over them, and one that breaks goes on to the next.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:8583",
        value_delimiter = ','
    )]
    pub(crate) connect: Vec<String>,
    /// Connections to open.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) connections: u32,
    /// Terminals, and so requests in flight, on each connection.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) in_flight: u32,
    /// Cards that pay: serial numbers 1 to N of the BIN.
    #[arg(long, default_value_t = 1_000, value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=CARD_COUNT_MAX))]
    pub(crate) cards: u64,
    /// Their first six digits.
    #[arg(long, default_value = "629999", value_parser = digits::<6>)]
    pub(crate) bin: [u8; 6],
    /// How often each card pays.
    #[arg(long, value_enum, default_value_t = Distribution::Uniform)]
    pub(crate) distribution: Distribution,
    /// Exponent of `--distribution zipf`, with up to two decimals.
    #[arg(long, default_value = "1.1", value_parser = hundredths)]
    pub(crate) zipf_exponent: u32,
    /// Requests a second, all connections together, at fixed times whatever the switch does;
    /// latency counts from those times. Without it, flat out.
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) rate: Option<u64>,
    /// How long to send: 500ms, 10s, 2m or 1h. 10s unless --count is given.
    #[arg(long, value_parser = duration, conflicts_with = "count")]
    pub(crate) duration: Option<Duration>,
    /// How many requests to send.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Weights of what terminals ask for. Kinds: purchase, balance, void, refund, preauth,
    /// preauth-void, completion, completion-advice, completion-void, top-up, reversal. Those that need an
    /// earlier step of the same terminal fall back to making one.
    #[arg(
        long,
        default_value = "purchase=90,balance=5,void=2,refund=1,preauth=1,reversal=1"
    )]
    pub(crate) mix: Mix,
    /// Amounts, drawn evenly.
    #[arg(long, default_value = "1..=100", value_name = "FROM..=TO", value_parser = amounts)]
    pub(crate) amount_fen: RangeInclusive<u64>,
    /// Id of the first terminal; the others count up from it.
    #[arg(long, default_value_t = 71_000_000, value_name = "ID",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(TERMINAL_MAX)))]
    pub(crate) terminal_from: u32,
    /// The merchant of all terminals.
    #[arg(long, default_value = "898999954110001", value_name = "ID", value_parser = merchant)]
    pub(crate) merchant: String,
    /// The terminals' batch number. Traces start at 1, so a second run against the same books needs
    /// another batch.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=999_999))]
    pub(crate) batch: u32,
    /// Writes a line for each answered request to this file, for `check --against`.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// When a connection breaks, keep trying for this long and reverse what has no answer. After the
    /// end of the run reversals and advices are repeated for as long. Without it, a broken connection
    /// ends the run.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) reconnect_for: Option<Duration>,
    /// A terminal gives a request up and reverses it after this time.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(crate) answer_timeout: Duration,
    /// Whether each terminal signs on before its first request.
    #[arg(long, value_enum, default_value_t = SignOn::Yes)]
    pub(crate) sign_on: SignOn,
    /// Same seed, same cards, kinds and amounts.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How to print the result.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Text)]
    pub(crate) output: OutputForm,
    /// No line of progress each second.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How often each card pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Distribution {
    /// All alike.
    Uniform,
    /// Card 1 most often, then card 2, and so on.
    Zipf,
}

/// Whether terminals sign on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SignOn {
    /// Each terminal, at the start of each connection.
    Yes,
    /// None.
    No,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputForm {
    /// A table for people.
    Text,
    /// One JSON object.
    Json,
}

impl PosSimArgs {
    /// Id of the first terminal of a connection, or which option to change.
    pub(crate) fn first_terminal(&self, connection: u32) -> Result<u32, String> {
        let first =
            u64::from(self.terminal_from) + u64::from(connection) * u64::from(self.in_flight);
        let last = first + u64::from(self.in_flight) - 1;
        u32::try_from(first).ok().filter(|_| last <= u64::from(TERMINAL_MAX)).ok_or_else(|| {
            "terminal ids have eight digits; take a lower --terminal-from, or less --connections \
             or --in-flight"
                .to_owned()
        })
    }
}

fn digits<const N: usize>(text: &str) -> Result<[u8; N], String> {
    <[u8; N]>::try_from(text.as_bytes())
        .ok()
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))
        .ok_or_else(|| format!("must have {N} digits"))
}

fn merchant(text: &str) -> Result<String, String> {
    let is_valid = text.len() == 15 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_valid
        .then(|| text.to_owned())
        .ok_or_else(|| "must have 15 letters or digits".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let millis_each = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a number and ms, s, m or h, such as 10s".to_owned()),
    };
    let number: u32 = number
        .parse()
        .map_err(|_| "write a whole number, such as 10s".to_owned())?;
    Ok(Duration::from_millis(u64::from(number) * millis_each))
}

fn amounts(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wanted = || format!("write a range of 1 to {AMOUNT_FEN_MAX} fen, such as 1..=100");
    let (from, to) = text.split_once("..=").ok_or_else(wanted)?;
    let from: u64 = from.trim().parse().map_err(|_| wanted())?;
    let to: u64 = to.trim().parse().map_err(|_| wanted())?;
    if from == 0 || from > to || to > AMOUNT_FEN_MAX {
        return Err(wanted());
    }
    Ok(from..=to)
}

/// `1`, `1.1` or `1.10` as 110.
fn hundredths(text: &str) -> Result<u32, String> {
    let wanted = || "write a number above 0 and up to 10 with up to two decimals".to_owned();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if decimals.is_empty() || decimals.len() > 2 || decimals.starts_with('+') {
        return Err(wanted());
    }
    let whole: u32 = whole.parse().map_err(|_| wanted())?;
    let scale = if decimals.len() == 1 { 10 } else { 1 };
    let decimals: u32 = decimals.parse().map_err(|_| wanted())?;
    let value = whole.saturating_mul(100).saturating_add(decimals * scale);
    (1..=1_000)
        .contains(&value)
        .then_some(value)
        .ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: PosSimArgs,
    }

    fn parse(options: &str) -> Result<PosSimArgs, clap::Error> {
        let words = ["pos", "--connect", "localhost:1,localhost:2"]
            .into_iter()
            .chain(options.split(' '));
        let words = words.filter(|word| !word.is_empty());
        Command::try_parse_from(words).map(|command| command.args)
    }

    #[test]
    fn values_are_read() {
        let args = parse("--zipf-exponent 1.05 --amount-fen 5..=7 --duration 2m --bin 958000");
        let args = args.unwrap();
        assert_eq!(args.zipf_exponent, 105);
        assert_eq!(args.amount_fen, 5..=7);
        assert_eq!(args.duration, Some(Duration::from_secs(120)));
        assert_eq!(&args.bin, b"958000");
        assert_eq!(parse("").unwrap().zipf_exponent, 110);
        assert_eq!(parse("").unwrap().connect, ["localhost:1", "localhost:2"]);
    }

    #[test]
    fn bad_values_are_refused() {
        for options in [
            "--duration 10",
            "--duration s",
            "--duration 10x",
            "--duration 10s --count 5",
            "--amount-fen 0..=5",
            "--amount-fen 7..=5",
            "--amount-fen 5",
            "--zipf-exponent 0",
            "--zipf-exponent 1.234",
            "--zipf-exponent 11",
            "--bin 62999",
            "--bin 62999x",
            "--merchant 1",
            "--mix nothing=1",
            "--cards 0",
            "--cards 1000000000",
        ] {
            assert!(parse(options).is_err(), "{options}");
        }
    }

    #[test]
    fn every_terminal_is_one_of_its_own() {
        let args = parse("--connections 3 --in-flight 4 --terminal-from 99999988").unwrap();
        assert_eq!(args.first_terminal(0), Ok(99_999_988));
        assert_eq!(args.first_terminal(2), Ok(99_999_996));
        assert!(args.first_terminal(3).is_err());
    }
}
