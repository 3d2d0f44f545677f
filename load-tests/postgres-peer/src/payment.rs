//! From a terminal's message to what the procedure is asked, and from its answer to a message.

use iso8583::{Dialect, Encoder, Message, PosF60};
use pan::{Pan, PanHash, PanHasher};

/// The key of the hash of card numbers: this is a load test, and no card is real.
const HASH_KEY: [u8; 32] = [7; 32];

/// Makes the hashes that cards are found by.
pub(crate) fn hasher() -> PanHasher {
    PanHasher::new(&HASH_KEY)
}

/// What the procedure takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) is_purchase: bool,
    pub(crate) pan_hash: PanHash,
    pub(crate) amount_fen: i64,
    pub(crate) terminal: i32,
    pub(crate) batch: i32,
    pub(crate) trace: i32,
}

/// What the procedure says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: String,
    pub(crate) version: i32,
}

impl Outcome {
    /// Not done; the terminal may ask again.
    pub(crate) fn not_now() -> Self {
        let code = "96".to_owned();
        Self { code, version: 0 }
    }
}

impl Payment {
    /// Reads a purchase or a balance inquiry; everything else is the code to refuse it with.
    pub(crate) fn read(message: &Message<'_>, hasher: &PanHasher) -> Result<Self, &'static str> {
        let processing_code = message.digits(3).ok_or("30")?;
        let is_purchase = match processing_code.as_bytes() {
            b"000000" => true,
            b"310000" => false,
            _ => return Err("40"),
        };
        let pan = message.digits(2).ok_or("30")?;
        let pan = Pan::parse(pan.as_bytes()).map_err(|_| "14")?;
        let custom = message.digits(60).ok_or("30")?;
        let custom = PosF60::parse(custom.as_bytes()).map_err(|_| "30")?;
        let terminal = message.text(41).and_then(|id| std::str::from_utf8(id).ok());
        Ok(Self {
            is_purchase,
            pan_hash: hasher.hash(&pan),
            amount_fen: number(message.number(4).unwrap_or(0))?,
            terminal: terminal.and_then(|id| id.parse().ok()).ok_or("97")?,
            batch: number(u64::from(custom.batch))?,
            trace: number(message.number(11).ok_or("30")?)?,
        })
    }
}

fn number<T: TryFrom<u64>>(value: u64) -> Result<T, &'static str> {
    T::try_from(value).map_err(|_| "30")
}

/// Appends the answer to a request's body to `buffer`; nothing when it cannot be answered.
pub(crate) fn answer(request: &[u8], outcome: &Outcome, buffer: &mut Vec<u8>) {
    let start = buffer.len();
    let Ok(message) = Message::decode(Dialect::pos(), request) else {
        return;
    };
    let Ok(mut answer) = Encoder::answer(&message, buffer) else {
        return;
    };
    for number in [2, 3, 4, 11, 25] {
        answer.echo(number, &message);
    }
    if outcome.code == "00" {
        let trace = message.number(11).unwrap_or(0);
        answer
            .text(37, format!("{:06}{trace:06}", outcome.version % 1_000_000))
            .text(38, format!("{:06}", outcome.version % 1_000_000));
    }
    answer.text(39, &outcome.code);
    for number in [41, 42, 49, 60] {
        answer.echo(number, &message);
    }
    let written = answer.finish();
    drop(answer);
    if written.is_err() {
        buffer.truncate(start);
    }
}

#[cfg(test)]
mod tests {
    use iso8583::{Mti, Prefix};

    use super::*;

    fn request(processing_code: &str) -> Vec<u8> {
        let prefix = Prefix::Pos {
            tpdu: [0x60, 0, 3, 0, 0],
            header: [0x60, 0x31, 0, 0x31, 0x10, 1],
        };
        let mut frame = Vec::new();
        let mut encoder = Encoder::new(Dialect::pos(), &mut frame, &prefix, Mti::FINANCIAL_REQUEST);
        let written = encoder
            .digits(2, "6299990100001238")
            .digits(3, processing_code)
            .number(4, 12_345)
            .number(11, 3)
            .digits(22, "021")
            .digits(25, "00")
            .text(41, "71000001")
            .text(42, "898999954110001")
            .text(49, "156")
            .digits(60, "2200000700020")
            .finish();
        written.unwrap();
        drop(encoder);
        frame.split_off(2)
    }

    #[test]
    fn a_purchase_is_read() {
        let body = request("000000");
        let message = Message::decode(Dialect::pos(), &body).unwrap();
        let pan = Pan::parse(b"6299990100001238").unwrap();
        let expected = Payment {
            is_purchase: true,
            pan_hash: hasher().hash(&pan),
            amount_fen: 12_345,
            terminal: 71_000_001,
            batch: 7,
            trace: 3,
        };
        assert_eq!(Payment::read(&message, &hasher()), Ok(expected));
    }

    #[test]
    fn what_the_procedure_does_not_do_is_refused() {
        let body = request("200000");
        let message = Message::decode(Dialect::pos(), &body).unwrap();
        assert_eq!(Payment::read(&message, &hasher()), Err("40"));
    }

    #[test]
    fn the_answer_says_what_the_procedure_said() {
        for (code, has_approval) in [("00", true), ("51", false)] {
            let outcome = Outcome {
                code: code.to_owned(),
                version: 41,
            };
            let mut buffer = Vec::new();
            answer(&request("000000"), &outcome, &mut buffer);
            let message = Message::decode(Dialect::pos(), &buffer[2..]).unwrap();
            assert_eq!(message.mti(), Mti::FINANCIAL_RESPONSE);
            assert_eq!(message.text(39), Some(code.as_bytes()));
            assert_eq!(message.has(38), has_approval);
            assert_eq!(message.text(41), Some(b"71000001".as_slice()));
        }
    }
}
