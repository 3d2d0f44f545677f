//! What may happen to a card, and how often it does.

use proptest::prelude::*;

/// One event.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    /// A request.
    Ask(Asked),
    /// An earlier request, sent once more.
    Repeat(u8),
    /// Many small declines: older entries leave the ring.
    Fill,
    /// Time passes.
    Wait(i64),
    /// The next settlement day opens.
    Cut,
    /// The days before the open one close.
    Freeze,
}

/// A request, before it is known what it may point at.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) verb: &'static str,
    pub(crate) amount: AmountPick,
    pub(crate) trace: TracePick,
    pub(crate) terminal: &'static str,
    pub(crate) merchant: &'static str,
    pub(crate) target: u8,
    pub(crate) only: &'static str,
}

/// How much is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AmountPick {
    /// As the original.
    Same,
    /// A third of the original, rounded up.
    Third,
    /// The original and 15 % more, rounded down: as far as a completion may go.
    Over,
    /// So many fen.
    Fen(u64),
}

/// Which trace number is used.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TracePick {
    /// A new one.
    Fresh,
    /// One that was used before.
    Used(u8),
}

const SECOND_MS: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;

/// A story.
pub(crate) fn moves() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(one(), 1..48)
}

fn one() -> impl Strategy<Value = Move> {
    let wait = prop::sample::select(vec![
        SECOND_MS,
        61 * SECOND_MS,
        301 * SECOND_MS,
        600 * SECOND_MS,
        DAY_MS,
        4 * DAY_MS,
        9 * DAY_MS,
        31 * DAY_MS,
    ]);
    prop_oneof![
        40 => asked().prop_map(Move::Ask),
        4 => any::<u8>().prop_map(Move::Repeat),
        1 => Just(Move::Fill),
        5 => wait.prop_map(Move::Wait),
        1 => Just(Move::Cut),
        1 => Just(Move::Freeze),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    (
        new_work(),
        undo(),
        any::<bool>(),
        places(),
        traces(),
        any::<u8>(),
        only(),
    )
        .prop_map(
            |(new_work, undo, is_new, (merchant, terminal), trace, target, only)| {
                let (verb, amount) = if is_new { new_work } else { undo };
                Asked {
                    verb,
                    amount,
                    trace,
                    terminal,
                    merchant,
                    target,
                    only,
                }
            },
        )
}

fn new_work() -> impl Strategy<Value = (&'static str, AmountPick)> {
    let verb = prop_oneof![
        8 => Just("purchase"),
        6 => Just("preauth"),
        3 => Just("topup"),
        1 => Just("lose"),
        2 => Just("find"),
        1 => Just("balance"),
    ];
    let amount = prop::sample::select(vec![0, 1, 333, 1_000, 4_000, 4_000, 9_999, 10_000, 400_000]);
    (verb, amount.prop_map(AmountPick::Fen))
}

fn undo() -> impl Strategy<Value = (&'static str, AmountPick)> {
    let verb = prop_oneof![
        4 => Just("void"),
        4 => Just("refund"),
        3 => Just("void-preauth"),
        5 => Just("complete"),
        3 => Just("advise"),
        5 => Just("void-completion"),
        9 => Just("reverse"),
        2 => Just("settle"),
        2 => Just("adjust"),
        2 => Just("tip"),
        4 => Just("confirm"),
    ];
    let amount = prop_oneof![
        12 => Just(AmountPick::Same),
        3 => Just(AmountPick::Third),
        3 => Just(AmountPick::Over),
        2 => prop::sample::select(vec![0, 1, 11_500, 400_000]).prop_map(AmountPick::Fen),
    ];
    (verb, amount)
}

fn places() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![18 => Just(("m1", "t1")), 1 => Just(("m1", "t2")), 1 => Just(("m2", "t1"))]
}

fn traces() -> impl Strategy<Value = TracePick> {
    prop_oneof![8 => Just(TracePick::Fresh), 1 => any::<u8>().prop_map(TracePick::Used)]
}

fn only() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just("all"), 1 => Just("rrn"), 1 => Just("key"), 1 => Just("code")]
}
