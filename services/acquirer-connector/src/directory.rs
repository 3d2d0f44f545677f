//! Looks up who and what a message names: terminal, merchant, card.

use std::sync::Arc;

use crate::batch_book::BatchBook;
use crate::switch_days::SwitchDays;
use pan::{Pan, PanHash, PanHasher};
use registry::{MediaBook, MediaError, Medium, Register};

/// Where the connector looks things up.
#[derive(Clone)]
pub struct Directory {
    /// Acquirers, merchants and terminals.
    pub register: Arc<Register>,
    /// Which plastic or token is of which card.
    pub media: Arc<dyn MediaBook>,
    /// What terminals' batches are made of.
    pub batches: Arc<dyn BatchBook>,
    /// Opens settlement days.
    pub days: Arc<dyn SwitchDays>,
    /// Makes the hashes that media are found by.
    pub hasher: PanHasher,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}

impl Directory {
    /// The medium with this number. The last line that sees digits.
    ///
    /// # Errors
    /// The database of media cannot be read.
    pub(crate) fn medium(&self, pan: &Pan) -> Result<Option<Medium>, MediaError> {
        self.media.find_medium(&self.hasher.hash(pan))
    }

    /// What [`Self::medium`] finds this number by.
    pub(crate) fn hash(&self, pan: &Pan) -> PanHash {
        self.hasher.hash(pan)
    }
}
