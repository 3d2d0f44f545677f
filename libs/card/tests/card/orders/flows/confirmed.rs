//! Top-ups in two halves: the request, and the confirmation that it is paid.

use crate::orders::flow::{Flow, again, event};
use crate::orders::message::What;
use crate::orders::twist::{Moment, edges};

const MOMENTS: &[Moment] = &[
    Moment::Cut,
    Moment::Freeze,
    edges::KEYS_KEPT[0],
    edges::KEYS_KEPT[1],
];

/// The halves come in any order, or one of them never.
pub(crate) fn unseen() -> Flow {
    let request = event("request", What::TopUp, 5_000);
    let confirmation = event("confirmation", What::Confirm, 5_000).of("request");
    let events = [
        request,
        again("repeat", request),
        confirmation,
        again("confirmation-repeat", confirmation),
        event("reversal", What::Reversal, 5_000).of("request"),
        event("purchase", What::Purchase, 11_000),
    ];
    Flow::new("confirmed", 10_000, &[], &events).moments(MOMENTS)
}

/// The request may be refused, for the cap or since the card is lost, and be paid all the same.
pub(crate) fn refused() -> Flow {
    let events = [
        event("request", What::TopUp, 5_000),
        event("confirmation", What::Confirm, 5_000).of("request"),
        event("reversal", What::Reversal, 5_000).of("request"),
        event("other", What::TopUp, 2_000).by_transfer(),
        event("loss", What::Loss, 0),
        event("purchase", What::Purchase, 4_000),
    ];
    Flow::new("confirmed-refused", 10_000, &[], &events)
        .cap(16_000)
        .moments(MOMENTS)
}
