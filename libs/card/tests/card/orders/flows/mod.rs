//! The flows: what happens before, and the events that may come in any order.

pub(crate) mod confirmed;
pub(crate) mod replaced;
pub(crate) mod settled;

use crate::orders::flow::{Flow, again, event};
use crate::orders::message::What;
use crate::orders::twist::{Moment, edges};

/// All that this test knows.
pub(crate) fn all() -> Vec<Flow> {
    vec![
        purchase(),
        void(),
        void_again(),
        day_limit(),
        refunds(),
        hold(),
        hold_reversals(),
        advices(),
        top_ups(),
        loss(),
        confirmed::unseen(),
        confirmed::refused(),
        settled::offline(),
        settled::adjusted(),
        replaced::phone(),
        replaced::media(),
    ]
}

pub(crate) fn purchase() -> Flow {
    let request = event("request", What::Purchase, 12_345);
    let reversal = event("reversal", What::Reversal, 12_345).of("request");
    let events = [
        request,
        again("repeat", request),
        reversal,
        again("reversal-repeat", reversal),
        event("void", What::Void, 12_345).of("request"),
        event("refund", What::Refund, 5_000).of("request"),
    ];
    Flow::new("purchase", 20_000, &[], &events).moments(&[
        Moment::Midnight,
        Moment::Cut,
        Moment::Freeze,
        edges::KEYS_KEPT[0],
        edges::KEYS_KEPT[1],
    ])
}

pub(crate) fn void() -> Flow {
    let events = [
        event("request", What::Purchase, 12_345),
        event("void", What::Void, 12_345).of("request"),
        event("void-reversal", What::Reversal, 12_345).of("void"),
        event("reversal", What::Reversal, 12_345).of("request"),
        event("other", What::Purchase, 10_000),
        event("refund", What::Refund, 12_345).of("request"),
    ];
    Flow::new("void", 20_000, &[], &events).moments(&[
        Moment::Cut,
        Moment::Freeze,
        edges::REVERSAL_WINDOW[0],
        edges::REVERSAL_WINDOW[1],
    ])
}

pub(crate) fn void_again() -> Flow {
    let before = [event("request", What::Purchase, 12_345)];
    let void = event("void", What::Void, 12_345).of("request");
    let events = [
        void,
        event("void-reversal", What::Reversal, 12_345).of("void"),
        again("void-repeat", void),
        event("second", What::Void, 12_345).of("request"),
        event("second-reversal", What::Reversal, 12_345).of("second"),
        event("other", What::Purchase, 10_000),
    ];
    Flow::new("void-again", 20_000, &before, &events).moments(&[
        Moment::Cut,
        Moment::Freeze,
        edges::REVERSAL_WINDOW[0],
        edges::REVERSAL_WINDOW[1],
    ])
}

/// What is undone on the same day of the wall clock makes room again.
pub(crate) fn day_limit() -> Flow {
    let events = [
        event("request", What::Purchase, 6_000),
        event("void", What::Void, 6_000).of("request"),
        event("void-reversal", What::Reversal, 6_000).of("void"),
        event("hold", What::PreAuth, 5_000),
        event("hold-void", What::PreAuthVoid, 5_000).of("hold"),
        event("other", What::Purchase, 4_500),
    ];
    Flow::new("day-limit", 50_000, &[], &events)
        .day_limit(10_000)
        .moments(&[Moment::Midnight, Moment::Cut, edges::REVERSAL_WINDOW[1]])
}

pub(crate) fn refunds() -> Flow {
    let before = [
        event("sale", What::Purchase, 10_001),
        event("top-up", What::TopUp, 9_000),
    ];
    let events = [
        event("part", What::Refund, 3_333).of("sale"),
        event("same-part", What::Refund, 3_333).of("sale"),
        event("rest", What::Refund, 6_668).of("sale"),
        event("too-much", What::Refund, 10_000).of("sale"),
        event("reversal", What::Reversal, 10_001).of("sale"),
        event("void", What::Void, 10_001).of("sale"),
    ];
    Flow::new("refunds", 15_000, &before, &events)
        .cap(15_000)
        .moments(&[
            Moment::Cut,
            Moment::Freeze,
            edges::REFUND_REPEAT[0],
            edges::REFUND_REPEAT[1],
            edges::REFUND_WINDOW[0],
            edges::REFUND_WINDOW[1],
        ])
}

pub(crate) fn hold() -> Flow {
    let events = [
        event("hold", What::PreAuth, 8_000),
        event("completion", What::Completion, 7_000).of("hold"),
        event("second", What::Completion, 8_000).of("hold"),
        event("completion-void", What::CompletionVoid, 7_000).of("completion"),
        event("hold-void", What::PreAuthVoid, 8_000).of("hold"),
        event("hold-reversal", What::Reversal, 8_000).of("hold"),
    ];
    Flow::new("hold", 10_000, &[], &events).moments(&[
        Moment::Cut,
        Moment::Freeze,
        edges::KEYS_KEPT[1],
        edges::HOLD_LIFE[0],
        edges::HOLD_LIFE[1],
    ])
}

pub(crate) fn hold_reversals() -> Flow {
    let before = [
        event("hold", What::PreAuth, 8_000),
        event("completion", What::Completion, 6_000).of("hold"),
    ];
    let events = [
        event("completion-reversal", What::Reversal, 6_000).of("completion"),
        event("completion-void", What::CompletionVoid, 6_000).of("completion"),
        event("completion-void-reversal", What::Reversal, 6_000).of("completion-void"),
        event("hold-void", What::PreAuthVoid, 8_000).of("hold"),
        event("hold-void-reversal", What::Reversal, 8_000).of("hold-void"),
        event("other", What::Purchase, 4_000),
    ];
    Flow::new("hold-reversals", 10_000, &before, &events).moments(&[
        Moment::Cut,
        Moment::Freeze,
        edges::HOLD_LIFE[0],
        edges::HOLD_LIFE[1],
    ])
}

pub(crate) fn advices() -> Flow {
    let before = [event("hold", What::PreAuth, 8_000)];
    let events = [
        event("advice", What::CompletionAdvice, 9_200).of("hold"),
        event("late-advice", What::CompletionAdvice, 5_000).of("hold"),
        event("other", What::Purchase, 2_000),
        event("advice-void", What::CompletionVoid, 9_200).of("advice"),
        event("refund", What::Refund, 1_700).of("advice"),
        event("other-reversal", What::Reversal, 2_000).of("other"),
    ];
    Flow::new("advices", 10_000, &before, &events)
        .completion_percent(115)
        .moments(&[
            Moment::Cut,
            Moment::Freeze,
            edges::HOLD_LIFE[0],
            edges::HOLD_LIFE[1],
        ])
}

pub(crate) fn top_ups() -> Flow {
    let request = event("request", What::TopUp, 5_000);
    let events = [
        request,
        again("repeat", request),
        event("reversal", What::Reversal, 5_000).of("request"),
        event("purchase", What::Purchase, 11_000),
        event("second", What::TopUp, 6_000).by_transfer(),
        event("purchase-reversal", What::Reversal, 11_000).of("purchase"),
    ];
    Flow::new("top-ups", 10_000, &[], &events)
        .cap(16_000)
        .moments(&[
            Moment::Cut,
            Moment::Freeze,
            edges::KEYS_KEPT[0],
            edges::KEYS_KEPT[1],
        ])
}

pub(crate) fn loss() -> Flow {
    let before = [
        event("hold", What::PreAuth, 4_000),
        event("sale", What::Purchase, 2_000),
    ];
    let events = [
        event("report", What::Loss, 0),
        event("lift", What::Lift, 0),
        event("purchase", What::Purchase, 3_000),
        event("completion", What::Completion, 4_000).of("hold"),
        event("refund", What::Refund, 2_000).of("sale"),
        event("top-up", What::TopUp, 1_000),
    ];
    Flow::new("loss", 10_000, &before, &events).moments(&[
        Moment::Cut,
        Moment::Freeze,
        edges::KEYS_KEPT[1],
    ])
}
