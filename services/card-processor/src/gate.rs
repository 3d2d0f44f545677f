//! The durability gate: the only maker of [`Durable`], and so the only way to a release (OWN-2).

use command_log::{DurableWatch, Sequence};

/// Something that a crash can no longer undo. Only the gate makes one, and only the release stage
/// takes one, by value: an early reply does not compile.
#[derive(Debug)]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// Takes it out, to release it.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// Watches how far the log is safe.
///
/// Embedded: a decision is durable when the log is synced through its command, since whoever folds
/// the log decides the same again. Cluster: records come durable, and the store's acknowledgement
/// came before the decision reached the gate.
#[derive(Debug, Clone)]
pub struct Gate {
    durable: DurableWatch,
}

impl Gate {
    /// A gate over a log's watch.
    #[must_use]
    pub fn new(durable: DurableWatch) -> Self {
        Self { durable }
    }

    /// Whether what came from this record may go.
    #[must_use]
    pub fn is_open_for(&self, sequence: Sequence) -> bool {
        self.durable.borrow().covers(sequence)
    }

    /// Moves all that may go from `waiting` to `passed`, in order.
    pub fn pass<T>(
        &mut self,
        waiting: &mut Vec<T>,
        passed: &mut Vec<Durable<T>>,
        sequence_of: impl Fn(&T) -> Sequence,
    ) {
        let durable = *self.durable.borrow_and_update();
        let may_go = waiting.extract_if(.., |item| durable.covers(sequence_of(item)));
        passed.extend(may_go.map(Durable));
    }

    /// Waits until the log is safe further than at the last look. False when it stopped for good.
    pub async fn advanced(&mut self) -> bool {
        self.durable.changed().await.is_ok()
    }

    /// Waits until the log is safe through this record. False when it stopped before.
    pub async fn reaches(&mut self, sequence: Sequence) -> bool {
        self.durable
            .wait_for(|durable| durable.covers(sequence))
            .await
            .is_ok()
    }
}
