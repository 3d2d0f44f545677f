//! The names of the steps of a request. A new step finds its name here.

/// From the frame read to the answer written. The root of every trace.
pub const REQUEST: &str = "request";
/// From handing the command to the log until the log has acknowledged it.
pub const LOG_APPEND: &str = "log.append";
/// From the record's place in the log until its card begins with it.
pub const LOG_WAIT: &str = "log.wait";
/// The card's decision.
pub const DECIDE: &str = "decide";
/// From handing the decision to the store until it is safe there.
pub const STORE_WRITE: &str = "store.write";
/// From the release of the decision until the connector that asked has it.
pub const REPLY: &str = "reply";
