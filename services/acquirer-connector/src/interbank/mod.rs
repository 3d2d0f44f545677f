//! The dialects of institutions: the interbank network's, and ISO 8583:1987 and 1993 as proprietary
//! networks use them. A request is known by the network's key, its original is named by data element
//! 90 (56 in the 1993 version), and the institution itself signs on.

pub(crate) mod action_code;
pub(crate) mod cut_over;
pub(crate) mod day_totals;
pub(crate) mod kinds;
pub(crate) mod leg;
pub(crate) mod network;
pub(crate) mod read;
pub(crate) mod reconcile;
pub(crate) mod write;
