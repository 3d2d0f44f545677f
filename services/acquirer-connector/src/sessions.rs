//! Which terminals of one listener have signed on, and whether its institution has.
//!
//! A session belongs to the terminal, not to its connection: terminals that dial in for each
//! payment sign on once. Held in memory; after a restart terminals are told to sign on again.

use std::collections::HashMap;

use parking_lot::{Mutex, RwLock};

use card::TerminalId;
use link::{NetworkRequest, Session, SignOn};

/// Terminals that have signed on, never more than the register knows (OWN-4).
pub(crate) struct Sessions {
    sign_on: SignOn,
    /// With the batch that each signed on with.
    signed_on: RwLock<HashMap<TerminalId, u32>>,
}

impl Sessions {
    pub(crate) fn new(sign_on: SignOn) -> Self {
        Self {
            sign_on,
            signed_on: RwLock::default(),
        }
    }

    /// Notes what a terminal said, and in which batch. Call it for terminals of the register only.
    pub(crate) fn note(&self, terminal: TerminalId, batch: u32, request: NetworkRequest) {
        match (self.of(terminal).after(request), request) {
            (Session::SignedOn, NetworkRequest::SignOn) => {
                self.signed_on.write().insert(terminal, batch);
            }
            (Session::SignedOn, NetworkRequest::SignOff | NetworkRequest::Echo) => {}
            (Session::SignedOff, _) => {
                self.signed_on.write().remove(&terminal);
            }
        }
    }

    /// Whether new requests of a terminal may be in this batch: where sign-on is required, only in
    /// the one that it signed on with.
    pub(crate) fn permits_batch(&self, terminal: TerminalId, batch: u32) -> bool {
        match self.sign_on {
            SignOn::Optional => true,
            SignOn::Required => self.signed_on.read().get(&terminal) == Some(&batch),
        }
    }

    /// Whether a terminal may ask for payments now.
    pub(crate) fn permits_payments(&self, terminal: TerminalId) -> bool {
        match self.sign_on {
            SignOn::Optional => true,
            SignOn::Required => self.of(terminal).permits_payments(self.sign_on),
        }
    }

    fn of(&self, terminal: TerminalId) -> Session {
        if self.signed_on.read().contains_key(&terminal) {
            Session::SignedOn
        } else {
            Session::SignedOff
        }
    }
}

/// Whether the institution behind a link has signed on. One link, one session, however many
/// connections it has.
pub(crate) struct InstitutionSession {
    sign_on: SignOn,
    session: Mutex<Session>,
}

impl InstitutionSession {
    pub(crate) fn new(sign_on: SignOn) -> Self {
        Self {
            sign_on,
            session: Mutex::default(),
        }
    }

    /// Notes what the institution said.
    pub(crate) fn note(&self, request: NetworkRequest) {
        let mut session = self.session.lock();
        *session = session.after(request);
    }

    /// Whether it may ask for payments now: from the moment that it signs off, nothing.
    pub(crate) fn permits_payments(&self) -> bool {
        self.session.lock().permits_payments(self.sign_on)
    }
}
