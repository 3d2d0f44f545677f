//! Offline settlement, and corrections of what was settled.

use crate::orders::flow::{Flow, event};
use crate::orders::message::What;
use crate::orders::twist::{Moment, edges};

/// The merchant tells later what was sold against a hold, and corrects it.
pub(crate) fn offline() -> Flow {
    let events = [
        event("hold", What::PreAuth, 8_000),
        event("sale", What::OfflineSale, 8_500).of("hold"),
        event("adjustment", What::Adjust, 9_200).of("sale"),
        event("other", What::Purchase, 1_900),
        event("refund", What::Refund, 8_500).of("sale"),
        event("hold-void", What::PreAuthVoid, 8_000).of("hold"),
    ];
    Flow::new("offline", 10_000, &[], &events)
        .completion_percent(115)
        .moments(&[
            Moment::Cut,
            Moment::Freeze,
            edges::HOLD_LIFE[0],
            edges::HOLD_LIFE[1],
        ])
}

/// A sale is corrected down, given a tip, refunded, voided and reversed.
pub(crate) fn adjusted() -> Flow {
    let before = [event("sale", What::Purchase, 10_000)];
    let events = [
        event("tip", What::Tip, 11_500).of("sale"),
        event("adjustment", What::Adjust, 8_000).of("sale"),
        event("refund", What::Refund, 8_000).of("sale"),
        event("void", What::Void, 10_000).of("sale"),
        event("reversal", What::Reversal, 10_000).of("sale"),
        event("other", What::Purchase, 900),
    ];
    Flow::new("adjusted", 11_000, &before, &events).moments(&[
        Moment::Cut,
        Moment::Freeze,
        edges::REFUND_WINDOW[0],
        edges::REFUND_WINDOW[1],
    ])
}
