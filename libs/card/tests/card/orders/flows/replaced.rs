//! Loss by telephone, and media that were replaced.

use crate::orders::flow::{Flow, event};
use crate::orders::message::What;
use crate::orders::twist::{Moment, edges};

/// A report by telephone ends by itself, unless papers follow.
pub(crate) fn phone() -> Flow {
    let before = [event("hold", What::PreAuth, 4_000)];
    let events = [
        event("telephone", What::PhoneLoss, 0),
        event("papers", What::Loss, 0),
        event("lift", What::Lift, 0),
        event("purchase", What::Purchase, 3_000),
        event("completion", What::Completion, 4_000).of("hold"),
        event("top-up", What::TopUp, 1_000),
    ];
    Flow::new("phone-loss", 10_000, &before, &events).moments(&[
        Moment::Cut,
        Moment::Freeze,
        edges::PHONE_LOSS[0],
        edges::PHONE_LOSS[1],
    ])
}

/// The old medium takes credits only, whatever was begun with it.
pub(crate) fn media() -> Flow {
    let before = [
        event("sale", What::Purchase, 2_000),
        event("hold", What::PreAuth, 4_000),
    ];
    let events = [
        event("report", What::Loss, 0),
        event("replacement", What::Replace(1), 0),
        event("old", What::Purchase, 1_000),
        event("new", What::Purchase, 1_500).medium(1),
        event("refund", What::Refund, 2_000).of("sale"),
        event("completion", What::Completion, 4_000).of("hold"),
    ];
    Flow::new("replaced", 10_000, &before, &events).moments(&[
        Moment::Cut,
        Moment::Freeze,
        edges::KEYS_KEPT[1],
    ])
}
