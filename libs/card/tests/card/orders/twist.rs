//! What may go wrong with an order: one event is not as it should be, or time passes before it.

use crate::orders::flow::Flow;
use crate::orders::message::{Key, Message};
use crate::orders::paper::Clock;

const DAY: i64 = 86_400;

/// One thing that is not as it should be, at one event of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    None,
    Wrong(Wrong),
    Late(Moment),
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A fen more.
    Amount,
    /// It comes for another card.
    Card,
    /// It comes from another terminal of the shop.
    Terminal,
    /// It comes from another shop.
    Merchant,
    /// It comes in another batch.
    Batch,
    /// The terminal has lost its count: the trace number of another event, in the same batch.
    Count,
    /// The trace numbers have come round: the number of another event, in the next batch.
    Round,
    /// What goes by the number of another message comes with one of its own, as in a network.
    OwnNumber,
    /// It points at a message that never was.
    Reference,
    /// It knows no receipt, only batch and trace.
    NoReceipt,
    /// It knows a receipt, but neither batch nor trace.
    OnlyReceipt,
    /// It is shown with another medium.
    Medium,
}

impl Wrong {
    pub(crate) const ALL: [Self; 12] = [
        Self::Amount,
        Self::Card,
        Self::Terminal,
        Self::Merchant,
        Self::Batch,
        Self::Count,
        Self::Round,
        Self::OwnNumber,
        Self::Reference,
        Self::NoReceipt,
        Self::OnlyReceipt,
        Self::Medium,
    ];

    /// Whether it makes a difference at all to an event.
    pub(crate) fn fits(self, flow: &Flow, event: usize) -> bool {
        let what = flow.events[event].what;
        match self {
            Self::Amount => what.has_amount(),
            Self::Card | Self::Terminal | Self::Merchant | Self::Batch | Self::Medium => true,
            Self::Count | Self::Round => {
                !what.shares_trace() && other_of_class(flow, event).is_some()
            }
            Self::OwnNumber => what.shares_trace(),
            Self::Reference => flow.of(event).is_some(),
            // A reversal and a confirmation never know a receipt.
            Self::NoReceipt | Self::OnlyReceipt => flow.of(event).is_some() && !what.shares_trace(),
        }
    }

    /// The message as it comes.
    pub(crate) fn apply(self, message: &mut Message, flow: &Flow, event: usize) {
        let by_own_key = message.what.shares_trace();
        match self {
            Self::Amount => message.fen += 1,
            Self::Card => {}
            Self::Terminal => change_keys(message, |key| key.terminal = 2),
            Self::Merchant => change_keys(message, |key| key.merchant = 2),
            // What goes by its own key means that batch, others tell the original's.
            Self::Batch if by_own_key => change_keys(message, |key| key.batch = 2),
            Self::Batch => message.key.batch = 2,
            Self::Count => message.key.trace = taken(flow, event),
            Self::Round => {
                message.key.trace = taken(flow, event);
                message.key.batch = 2;
            }
            Self::OwnNumber => message.key.trace = 777_777,
            Self::Reference => {
                message.named.rrn = None;
                message.named.code = None;
                if let Some(key) = &mut message.named.key {
                    key.trace = 555_555;
                }
                if by_own_key {
                    message.key.trace = 555_555;
                }
            }
            Self::NoReceipt => {
                message.named.rrn = None;
                message.named.code = None;
            }
            Self::OnlyReceipt => message.named.key = None,
            Self::Medium => message.medium += 1,
        }
    }
}

fn change_keys(message: &mut Message, change: impl Fn(&mut Key)) {
    change(&mut message.key);
    if let Some(key) = &mut message.named.key {
        change(key);
    }
}

fn taken(flow: &Flow, event: usize) -> u32 {
    let other = other_of_class(flow, event).expect("it fits");
    flow.trace(other)
}

/// Another event whose number this one could take.
fn other_of_class(flow: &Flow, event: usize) -> Option<usize> {
    let class = flow.events[event].what.class();
    (0..flow.events.len()).find(|other| {
        let what = flow.events[*other].what;
        flow.trace(*other) != flow.trace(event) && what.class() == class && !what.shares_trace()
    })
}

/// What passes before an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A second: the first one of another local day, month and year.
    Midnight,
    /// The day is cut, and still open.
    Cut,
    /// The day is cut and closed.
    Freeze,
    /// So many seconds.
    Seconds(i64),
}

/// To the second: the last one before something ends, and the first one after.
pub(crate) mod edges {
    use super::{DAY, Moment};

    pub(crate) const REFUND_REPEAT: [Moment; 2] = [Moment::Seconds(300), Moment::Seconds(301)];
    pub(crate) const REVERSAL_WINDOW: [Moment; 2] = [Moment::Seconds(599), Moment::Seconds(600)];
    pub(crate) const KEYS_KEPT: [Moment; 2] =
        [Moment::Seconds(8 * DAY), Moment::Seconds(8 * DAY + 1)];
    pub(crate) const HOLD_LIFE: [Moment; 2] =
        [Moment::Seconds(30 * DAY - 1), Moment::Seconds(30 * DAY)];
    pub(crate) const REFUND_WINDOW: [Moment; 2] =
        [Moment::Seconds(180 * DAY), Moment::Seconds(180 * DAY + 1)];
    pub(crate) const PHONE_LOSS: [Moment; 2] =
        [Moment::Seconds(5 * DAY - 1), Moment::Seconds(5 * DAY)];
}

impl Moment {
    pub(crate) fn pass(self, clock: &mut Clock) {
        match self {
            Self::Midnight => clock.now += 1,
            Self::Cut => clock.day += 1,
            Self::Freeze => {
                clock.frozen = clock.day;
                clock.day += 1;
            }
            Self::Seconds(seconds) => clock.now += seconds,
        }
    }
}
