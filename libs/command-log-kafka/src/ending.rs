//! The end of a log client: once, for good, with a reason.

use parking_lot::Mutex;
use tokio::sync::watch;

use command_log::{Durable, DurableWatch, Sequence};

/// Whether the log goes on.
pub(crate) struct Ending {
    state: Mutex<State>,
    /// For those who ask after the end.
    watch: DurableWatch,
}

enum State {
    /// All that is read is durable already, so the value never changes; dropping the sender tells the end.
    Open {
        _durable: watch::Sender<Durable>,
    },
    Stopped(String),
}

impl Ending {
    pub(crate) fn open() -> Self {
        let (sender, watch) = watch::channel(Durable(Sequence(0)));
        Self {
            state: Mutex::new(State::Open { _durable: sender }),
            watch,
        }
    }

    /// The first reason counts.
    pub(crate) fn stop(&self, reason: &str) {
        let mut state = self.state.lock();
        if matches!(*state, State::Open { .. }) {
            tracing::error!(reason, "the log on kafka has stopped for this process");
            *state = State::Stopped(reason.to_owned());
        }
    }

    pub(crate) fn reason(&self) -> Option<String> {
        match &*self.state.lock() {
            State::Open { .. } => None,
            State::Stopped(reason) => Some(reason.clone()),
        }
    }

    pub(crate) fn watch(&self) -> DurableWatch {
        self.watch.clone()
    }
}
