//! A line of progress each second on stderr, when a person is looking.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::interval;

use super::args::{OutputForm, PosSimArgs};
use super::connection::Control;

/// Starts telling; dropping the result ends it.
pub(crate) fn start(args: &PosSimArgs, control: Arc<Control>) -> JoinSet<()> {
    let mut telling = JoinSet::new();
    if !args.quiet && args.output == OutputForm::Text && io::stderr().is_terminal() {
        telling.spawn(tell(control));
    }
    telling
}

async fn tell(control: Arc<Control>) {
    let mut second = interval(Duration::from_secs(1));
    second.tick().await;
    let mut before = 0;
    for seconds in 1_u64.. {
        second.tick().await;
        let answered = control.answered();
        let per_second = answered - before;
        let line = format!("{seconds:>5} s  answered {answered:>12}  {per_second:>9}/s");
        if writeln!(io::stderr(), "{line}").is_err() {
            return;
        }
        before = answered;
    }
}
