//! Requests as bytes: encoded once per kind, then copied and patched.
//!
//! The generator shares its processors with the switch, so a request costs a copy of some 130 bytes
//! and a few writes at known places. PIN and MAC are absent: links that do not check them are what
//! this simulator is for.

use super::cards::PAN_LENGTH;
use super::kind::{Ask, Kind};
use super::packed::{put_ascii, put_packed};
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, EncodeError, Encoder, Message, Mti, Prefix};

const PREFIX: Prefix = Prefix::Pos {
    tpdu: [0x60, 0x00, 0x03, 0x00, 0x00],
    header: [0x60, 0x31, 0x00, 0x31, 0x10, 0x01],
};
/// Magnetic stripe, no PIN.
const ENTRY_MODE: u64 = 22;
/// The terminal got no answer.
const REASON_NO_ANSWER: &str = "98";

/// What goes into a request at run time.
#[derive(Debug)]
pub(crate) struct Values {
    /// Card number (DE2), packed.
    pub(crate) pan: [u8; PAN_LENGTH / 2],
    /// Amount (DE4).
    pub(crate) amount_fen: u64,
    /// Batch (in DE60) and trace (DE11).
    pub(crate) trace: Trace,
    /// Terminal id (DE41).
    pub(crate) terminal: u32,
    /// What an earlier step is called by (DE37, DE38, DE61).
    pub(crate) original: Option<Original>,
}

/// A request's number at its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Batch, 1 to 999999.
    pub(crate) batch: u32,
    /// Trace (STAN), 1 to 999999.
    pub(crate) stan: u32,
}

/// How a request points at an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Original {
    /// Its batch and trace.
    pub(crate) trace: Trace,
    /// Its local date, MMDD, packed.
    pub(crate) date: [u8; 2],
    /// Its retrieval reference number.
    pub(crate) rrn: [u8; 12],
    /// Its approval code.
    pub(crate) approval: [u8; 6],
}

/// One encoded request per kind and reversal.
#[derive(Debug)]
pub(crate) struct Templates {
    steps: Vec<Template>,
    reversals: Vec<Template>,
    sign_on: Template,
}

impl Templates {
    /// Encodes them all.
    ///
    /// # Errors
    /// [`EncodeError`] when the merchant does not fit.
    pub(crate) fn new(merchant: &str) -> Result<Self, EncodeError> {
        let of = |ask| Template::new(&Shape::of(ask), merchant);
        Ok(Self {
            steps: Kind::ALL
                .into_iter()
                .map(|kind| of(Ask::Step(kind)))
                .collect::<Result<_, _>>()?,
            reversals: Kind::ALL
                .into_iter()
                .map(|kind| of(Ask::Reversal(kind)))
                .collect::<Result<_, _>>()?,
            sign_on: Template::new(&Shape::sign_on(), merchant)?,
        })
    }

    /// The template of a request.
    pub(crate) fn of(&self, ask: Ask) -> &Template {
        // Both lists are in the order of the enum, which `Kind::ALL` has too.
        match ask {
            Ask::Step(kind) => &self.steps[kind as usize],
            Ask::Reversal(kind) => &self.reversals[kind as usize],
        }
    }

    /// The template of a terminal's sign-on.
    pub(crate) fn sign_on(&self) -> &Template {
        &self.sign_on
    }
}

/// What a request says of itself, apart from its values.
#[derive(Debug)]
struct Shape {
    mti: Mti,
    /// Processing code (DE3).
    processing: u64,
    /// Condition code (DE25).
    condition: u64,
    /// First and last part of DE60: type, then network code and terminal abilities.
    custom: (&'static str, &'static str),
    /// Data elements, ascending.
    elements: &'static [u8],
}

const ABILITIES: &str = "00020";

impl Shape {
    fn of(ask: Ask) -> Self {
        match ask {
            Ask::Step(kind) => Self::step(kind),
            Ask::Reversal(kind) => Self {
                mti: Mti::REVERSAL_REQUEST,
                elements: &[2, 3, 4, 11, 22, 25, 39, 41, 42, 49, 60, 61],
                ..Self::step(kind)
            },
        }
    }

    fn step(kind: Kind) -> Self {
        const REQUEST: Mti = Mti::FINANCIAL_REQUEST;
        const ADVICE: Mti = Mti::FINANCIAL_ADVICE;
        const AUTHORIZATION: Mti = Mti::AUTHORIZATION_REQUEST;
        let (mti, processing, condition, kind_code) = match kind {
            Kind::Purchase => (REQUEST, 0, 0, "22"),
            Kind::Balance => (REQUEST, 310_000, 0, "01"),
            Kind::Void => (REQUEST, 200_000, 0, "23"),
            Kind::Refund => (ADVICE, 200_000, 0, "25"),
            Kind::PreAuth => (AUTHORIZATION, 30_000, 6, "10"),
            Kind::PreAuthVoid => (AUTHORIZATION, 200_000, 6, "11"),
            Kind::Completion => (REQUEST, 0, 6, "20"),
            Kind::CompletionVoid => (REQUEST, 200_000, 6, "21"),
            Kind::CompletionAdvice => (ADVICE, 0, 6, "24"),
            Kind::TopUp => (REQUEST, 630_000, 0, "48"),
        };
        Self {
            mti,
            processing,
            condition,
            custom: (kind_code, ABILITIES),
            elements: Self::elements(kind),
        }
    }

    fn elements(kind: Kind) -> &'static [u8] {
        match kind {
            Kind::Balance => &[2, 3, 11, 22, 25, 41, 42, 49, 60],
            Kind::Purchase | Kind::PreAuth | Kind::TopUp => &[2, 3, 4, 11, 22, 25, 41, 42, 49, 60],
            Kind::Refund => &[2, 3, 4, 11, 22, 25, 37, 41, 42, 49, 60, 61],
            Kind::PreAuthVoid | Kind::Completion | Kind::CompletionAdvice => {
                &[2, 3, 4, 11, 22, 25, 38, 41, 42, 49, 60, 61]
            }
            Kind::Void | Kind::CompletionVoid => &[2, 3, 4, 11, 22, 25, 37, 38, 41, 42, 49, 60, 61],
        }
    }

    fn sign_on() -> Self {
        Self {
            mti: Mti::NETWORK_REQUEST,
            processing: 0,
            condition: 0,
            custom: ("00", "003"),
            elements: &[11, 41, 42, 60, 63],
        }
    }

    fn encode(&self, merchant: &str) -> Result<Vec<u8>, EncodeError> {
        let mut frame = Vec::new();
        let mut encoder = Encoder::new(Dialect::pos(), &mut frame, &PREFIX, self.mti);
        let (kind_code, rest) = self.custom;
        for number in self.elements {
            match number {
                2 => encoder.digits(2, [b'0'; PAN_LENGTH]),
                3 => encoder.number(3, self.processing),
                22 => encoder.number(22, ENTRY_MODE),
                25 => encoder.number(25, self.condition),
                37 => encoder.text(37, [b'0'; 12]),
                38 => encoder.text(38, [b'0'; 6]),
                39 => encoder.text(39, REASON_NO_ANSWER),
                41 => encoder.text(41, [b'0'; 8]),
                42 => encoder.text(42, merchant),
                49 => encoder.text(49, "156"),
                60 => encoder.digits(60, format!("{kind_code}000000{rest}")),
                61 => encoder.digits(61, [b'0'; 16]),
                63 => encoder.text(63, "01 "),
                // Amount and trace.
                number => encoder.number(*number, 0),
            };
        }
        encoder.finish()?;
        drop(encoder);
        Ok(frame)
    }
}

/// One encoded request and where its values are.
#[derive(Debug)]
pub(crate) struct Template {
    mti: Mti,
    frame: Vec<u8>,
    pan: Option<usize>,
    amount: Option<usize>,
    stan: Option<usize>,
    rrn: Option<usize>,
    approval: Option<usize>,
    terminal: Option<usize>,
    batch: Option<usize>,
    original: Option<usize>,
}

impl Template {
    fn new(shape: &Shape, merchant: &str) -> Result<Self, EncodeError> {
        let frame = shape.encode(merchant)?;
        let at = |number| content_offset(&frame, number);
        Ok(Self {
            mti: shape.mti,
            pan: at(2),
            amount: at(4),
            stan: at(11),
            rrn: at(37),
            approval: at(38),
            terminal: at(41),
            // The batch follows the two digits of the kind.
            batch: at(60).map(|custom| custom + 1),
            original: at(61),
            frame,
        })
    }

    /// The message type, of which the answer's follows.
    pub(crate) fn mti(&self) -> Mti {
        self.mti
    }

    /// Appends the request with these values.
    pub(crate) fn write(&self, values: &Values, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        let Trace { batch, stan } = values.trace;
        put_bytes(frame, self.pan, &values.pan);
        put_number(frame, self.amount, 6, values.amount_fen);
        put_number(frame, self.stan, 3, stan.into());
        put_number(frame, self.batch, 3, batch.into());
        if let Some(at) = self.terminal {
            put_ascii(&mut frame[at..at + 8], values.terminal.into());
        }
        if let Some(original) = &values.original {
            put_bytes(frame, self.rrn, &original.rrn);
            put_bytes(frame, self.approval, &original.approval);
            put_number(frame, self.original, 3, original.trace.batch.into());
            put_number(
                frame,
                self.original.map(|at| at + 3),
                3,
                original.trace.stan.into(),
            );
            put_bytes(frame, self.original.map(|at| at + 6), &original.date);
        }
    }
}

fn put_bytes(frame: &mut [u8], at: Option<usize>, bytes: &[u8]) {
    if let Some(at) = at {
        frame[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

fn put_number(frame: &mut [u8], at: Option<usize>, size: usize, number: u64) {
    if let Some(at) = at {
        put_packed(&mut frame[at..at + size], number);
    }
}

/// Where the content of a data element starts in a frame of our own; `None` when it has none.
fn content_offset(frame: &[u8], number: u8) -> Option<usize> {
    let Ok(NextFrame::Frame { body, .. }) = next_frame(Dialect::pos(), frame) else {
        return None;
    };
    let message = Message::decode(Dialect::pos(), &frame[body]).ok()?;
    let field = message.field(number)?;
    let from_here: usize = message
        .fields()
        .filter(|other| other.number() >= number)
        .map(|other| other.wire().len())
        .sum();
    let prefix_size = field.wire().len() - field.content().len();
    Some(frame.len() - from_here + prefix_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAN: [u8; 8] = [0x62, 0x99, 0x99, 0x01, 0x00, 0x00, 0x12, 0x38];
    const ORIGINAL: Original = Original {
        trace: Trace { batch: 1, stan: 3 },
        date: [0x05, 0x11],
        rrn: *b"051119300501",
        approval: *b"A12345",
    };

    fn body(template: &Template, values: &Values) -> Vec<u8> {
        let mut out = b"earlier".to_vec();
        template.write(values, &mut out);
        let frame = &out[b"earlier".len()..];
        let Ok(NextFrame::Frame { body, consumed }) = next_frame(Dialect::pos(), frame) else {
            panic!("not a frame");
        };
        assert_eq!(consumed, frame.len());
        frame[body].to_vec()
    }

    /// The request as people write it: its type, then `number=value` of each data element.
    fn check(ask: Ask, wanted: &str) {
        let templates = Templates::new("898999954110001").unwrap();
        let values = Values {
            pan: PAN,
            amount_fen: 12_345,
            trace: Trace { batch: 1, stan: 6 },
            terminal: 70_000_001,
            original: Some(ORIGINAL),
        };
        let body = body(templates.of(ask), &values);
        let message = Message::decode(Dialect::pos(), &body).unwrap();
        let mut found = String::from_utf8(message.mti().digits().to_vec()).unwrap();
        for field in message.fields() {
            let digits = field.digits().map(|digits| digits.as_bytes().to_vec());
            let value = digits.unwrap_or_else(|| field.content().to_vec());
            found += &format!(" {}={}", field.number(), String::from_utf8(value).unwrap());
        }
        let wanted = wanted
            .replace("CARD", "2=6299990100001238")
            .replace("AMOUNT", "4=000000012345")
            .replace("TRACE", "11=000006 22=022")
            .replace("PLACE", "41=70000001 42=898999954110001 49=156")
            .replace("ORIGINAL", "61=0000010000030511");
        assert_eq!(found, wanted, "{ask:?}");
    }

    #[test]
    fn requests_have_the_elements_of_their_kind() {
        for (kind, wanted) in [
            (
                Kind::Purchase,
                "0200 CARD 3=000000 AMOUNT TRACE 25=00 PLACE 60=2200000100020",
            ),
            (
                Kind::Balance,
                "0200 CARD 3=310000 TRACE 25=00 PLACE 60=0100000100020",
            ),
            (
                Kind::TopUp,
                "0200 CARD 3=630000 AMOUNT TRACE 25=00 PLACE 60=4800000100020",
            ),
            (
                Kind::Void,
                "0200 CARD 3=200000 AMOUNT TRACE 25=00 37=051119300501 38=A12345 PLACE \
                 60=2300000100020 ORIGINAL",
            ),
            (
                Kind::Refund,
                "0220 CARD 3=200000 AMOUNT TRACE 25=00 37=051119300501 PLACE 60=2500000100020 \
                 ORIGINAL",
            ),
            (
                Kind::PreAuth,
                "0100 CARD 3=030000 AMOUNT TRACE 25=06 PLACE 60=1000000100020",
            ),
            (
                Kind::PreAuthVoid,
                "0100 CARD 3=200000 AMOUNT TRACE 25=06 38=A12345 PLACE 60=1100000100020 ORIGINAL",
            ),
            (
                Kind::Completion,
                "0200 CARD 3=000000 AMOUNT TRACE 25=06 38=A12345 PLACE 60=2000000100020 ORIGINAL",
            ),
            (
                Kind::CompletionAdvice,
                "0220 CARD 3=000000 AMOUNT TRACE 25=06 38=A12345 PLACE 60=2400000100020 ORIGINAL",
            ),
            (
                Kind::CompletionVoid,
                "0200 CARD 3=200000 AMOUNT TRACE 25=06 37=051119300501 38=A12345 PLACE \
                 60=2100000100020 ORIGINAL",
            ),
        ] {
            check(Ask::Step(kind), wanted);
        }
    }

    #[test]
    fn reversals_look_like_what_they_undo() {
        check(
            Ask::Reversal(Kind::Purchase),
            "0400 CARD 3=000000 AMOUNT TRACE 25=00 39=98 PLACE 60=2200000100020 ORIGINAL",
        );
        check(
            Ask::Reversal(Kind::PreAuth),
            "0400 CARD 3=030000 AMOUNT TRACE 25=06 39=98 PLACE 60=1000000100020 ORIGINAL",
        );
    }

    #[test]
    fn templates_are_found_by_kind() {
        let templates = Templates::new("898999954110001").unwrap();
        for kind in Kind::ALL {
            assert_eq!(
                templates.of(Ask::Step(kind)).mti(),
                Shape::step(kind).mti,
                "{kind:?}"
            );
            assert_eq!(
                templates.of(Ask::Reversal(kind)).mti(),
                Mti::REVERSAL_REQUEST
            );
        }
        assert!(Templates::new("8989").is_err());
    }

    #[test]
    fn the_sign_on_equals_the_golden_frame() {
        let templates = Templates::new("898999954110001").unwrap();
        let values = Values {
            pan: PAN,
            amount_fen: 0,
            trace: Trace { batch: 1, stan: 1 },
            terminal: 70_000_001,
            original: None,
        };
        let mut frame = Vec::new();
        templates.sign_on().write(&values, &mut frame);
        let hex: String = frame.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(
            hex,
            "003C600003000060310031100108000020000000C000120000013730303030303031383938393939393534\
             31313030303100110000000100300003303120"
        );
    }
}
