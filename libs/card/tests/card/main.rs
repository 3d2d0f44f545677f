//! The card's rules from outside: tables by kind of request, the shared scenarios, and a model.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod formats;
mod model;
mod orders;
mod rules;
mod scenarios;
mod support;
