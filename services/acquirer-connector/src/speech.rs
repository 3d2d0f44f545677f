//! How a link speaks: which reader and writer its messages go through.

use crate::listener::Listener;
use crate::refusal::Refusal;
use iso8583::{Dialect, Message, Speaks};

/// How a link speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// As terminals do: batches, terminals that sign on, codes of data element 60.
    Pos,
    /// As institutions do: a network key, data elements 70 and 90.
    Interbank(Tongue),
}

/// What institutions' dialects differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tongue {
    /// The interbank network's.
    Cups,
    /// ISO 8583:1987 as proprietary networks use it.
    Iso87,
    /// ISO 8583:1993: function codes, action codes, original data in data element 56.
    Iso93,
}

impl Speech {
    pub(crate) fn of(dialect: &Dialect) -> Self {
        match dialect.speaks() {
            Speaks::Pos => Self::Pos,
            Speaks::Cups => Self::Interbank(Tongue::Cups),
            Speaks::Iso87 => Self::Interbank(Tongue::Iso87),
            Speaks::Iso93 => Self::Interbank(Tongue::Iso93),
        }
    }
}

/// What is answered to a network management message, beside that it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Managed {
    Done,
    /// The terminal's parameters, in data element 62.
    Parameters,
    /// A network tells its new day, which takes a while.
    CutOver,
}

impl Listener {
    /// Does what a network management message says about its session.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub(crate) fn manage(&self, message: &Message<'_>) -> Result<Managed, Refusal> {
        match self.speech {
            Speech::Pos => self.network_pos(message),
            Speech::Interbank(tongue) => self.network_interbank(message, tongue),
        }
    }
}
