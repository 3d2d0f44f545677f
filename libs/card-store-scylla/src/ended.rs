//! The end of an assignment, as a flag that many may look at and wait for.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells whether an assignment has ended. Clones are the same flag; it is never taken back.
#[derive(Debug, Clone)]
pub struct Ended(Arc<watch::Sender<bool>>);

impl Default for Ended {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Ended {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the assignment. Whoever ends it first is told `true`.
    pub fn end(&self) -> bool {
        !self.0.send_replace(true)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the end. May be cancelled at any time.
    pub async fn ended(&self) {
        let mut watching = self.0.subscribe();
        // The sender is in `self`, so it cannot be gone.
        drop(watching.wait_for(|ended| *ended).await);
    }
}
