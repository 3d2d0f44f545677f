//! The terminal dialect: what a message of a point-of-sale terminal asks, and how it is answered.

pub(crate) mod batch;
pub(crate) mod kinds;
pub(crate) mod network;
pub(crate) mod read;
pub(crate) mod write;
