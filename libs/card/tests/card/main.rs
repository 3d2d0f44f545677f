//! The card's rules from outside: tables by kind of request, the shared scenarios, and a model.

mod formats;
mod model;
mod rules;
mod scenarios;
mod support;
