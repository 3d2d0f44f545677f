//! The steps of a payment, each in a function of its own that is never merged into its caller, so
//! that callgrind counts it by name.
//!
//! They call what the switch calls, in its order. Left out: sockets, files, threads, actors and the
//! hand-over between them, which no count repeats from run to run.

use bytes::Bytes;

use acquirer_connector::{DryLink, DryRequest};
use card::{Card, Command, Context, Decision, Recalled, Reply, Row, Written};
use command_log::envelope;
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, Message};

/// A step whose instructions are counted and have a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Decode,
    Translate,
    WriteEnvelope,
    ReadEnvelope,
    Decide,
    WriteRow,
    TakeIn,
    WriteState,
    WriteAnswer,
}

impl Step {
    /// In the order in which a payment takes them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Decode,
        Self::Translate,
        Self::WriteEnvelope,
        Self::ReadEnvelope,
        Self::Decide,
        Self::WriteRow,
        Self::TakeIn,
        Self::WriteState,
        Self::WriteAnswer,
    ];

    /// The name of its function here and of its budget.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Translate => "translate",
            Self::WriteEnvelope => "write_envelope",
            Self::ReadEnvelope => "read_envelope",
            Self::Decide => "decide",
            Self::WriteRow => "write_row",
            Self::TakeIn => "take_in",
            Self::WriteState => "write_state",
            Self::WriteAnswer => "write_answer",
        }
    }

    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Decode => "cut the frame and decode it",
            Self::Translate => "find terminal and card, make key and command",
            Self::WriteEnvelope => "write the log's record",
            Self::ReadEnvelope => "read the log's record",
            Self::Decide => "decide, without the row",
            Self::WriteRow => "write the journal row and its hash",
            Self::TakeIn => "take the decision into the card",
            Self::WriteState => "write the card's state",
            Self::WriteAnswer => "write the answer's frame",
        }
    }
}

/// Cuts and reads the one frame in `bytes`.
#[inline(never)]
pub(crate) fn decode(bytes: &[u8]) -> Message<'_> {
    let dialect = Dialect::pos();
    let Ok(NextFrame::Frame { body, .. }) = next_frame(dialect, bytes) else {
        unreachable!("the frame was written whole");
    };
    Message::decode(dialect, bytes.get(body).unwrap_or_default()).expect("the frame is a purchase")
}

#[inline(never)]
pub(crate) fn translate(link: &DryLink, message: &Message<'_>) -> (Command, DryRequest) {
    link.translate(message)
        .expect("terminal and card are known")
}

#[inline(never)]
pub(crate) fn write_envelope(command: &Command) -> Bytes {
    envelope::encode_command(command)
}

#[inline(never)]
pub(crate) fn read_envelope(bytes: &Bytes) -> Command {
    envelope::decode_command(bytes).expect("the record was just written")
}

/// Asks what is missing, is told that the store has none of it, and decides.
#[inline(never)]
pub(crate) fn decide(
    card: &Card,
    command: &Command,
    context: &Context<'_>,
    recalled: &mut Recalled,
) -> Decision {
    recalled.asked.clear();
    loop {
        let context = Context {
            recalled,
            ..*context
        };
        let needs = card::needs(card, command, &context);
        if needs.is_empty() {
            return card::decide(Some(card), command, &context);
        }
        recalled.asked.extend(needs);
    }
}

/// Does once more what [`decide`] did for its row, to tell that share of it.
#[inline(never)]
pub(crate) fn write_row(written: &Written) -> [u8; 32] {
    Row::hash_of(&written.row.encode())
}

#[inline(never)]
pub(crate) fn take_in(card: &mut Option<Card>, command: &Command, written: &Written) -> usize {
    card::apply(card, command, written).len()
}

#[inline(never)]
pub(crate) fn write_state(card: &Card) -> Vec<u8> {
    let mut body = Vec::with_capacity(card.body_size_hint());
    card.encode(&mut body);
    body
}

#[inline(never)]
pub(crate) fn write_answer(
    link: &DryLink,
    request: &DryRequest,
    reply: &Reply,
    buffer: &mut Vec<u8>,
) {
    assert!(
        link.answer(request, reply, buffer),
        "an approval is written"
    );
}
