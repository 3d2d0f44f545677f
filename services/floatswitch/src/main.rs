//! floatswitch: a transaction switch for prepaid cards.
//!
//! This is the one binary. Start at [`cli`]; the switch itself is put together in `engine.rs` and
//! `serve.rs`.

#![forbid(unsafe_code)]

mod back_office;
mod backup;
mod batch_day;
mod batch_show;
mod books;
mod card_choice;
mod card_issue;
mod card_show;
mod card_steer;
mod certify;
mod check;
mod cli;
mod cluster;
mod config;
mod day_command;
mod days;
mod demo;
mod dialect;
mod doctor;
mod engine;
mod exit;
mod float;
mod folder;
mod msg;
mod output;
mod plan;
mod router;
mod serve;
mod sim;
mod transfer;
mod tx_list;

use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if !failure.message.is_empty() {
                let mut out = std::io::stderr().lock();
                drop(writeln!(out, "error: {}", failure.message)); // Nobody may read it any more.
            }
            ExitCode::from(failure.code)
        }
    }
}
