//! The reference: a card kept on paper, the same that the rules are tested with. It was written from
//! the trade's rules and shares no code with the card.

#[path = "../../card/tests/card/orders/message.rs"]
#[expect(dead_code, reason = "the tests of the rules use more of it")]
pub(crate) mod message;
#[path = "../../card/tests/card/orders/paper/mod.rs"]
pub(crate) mod paper;
