//! Sign-on, sign-off and echo of terminals: answered at the edge, no card is asked.

use crate::listener::Listener;
use crate::pos::read::place_of;
use crate::refusal::Refusal;
use crate::speech::Managed;
use iso8583::{Message, MtiFunction, PosF60};
use link::NetworkRequest;

impl Listener {
    /// Does what a terminal says about its session.
    ///
    /// No working keys are handed out (data element 62 stays away), because this build checks
    /// neither MAC nor PIN.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies; the session is then as before.
    pub(crate) fn network_pos(&self, message: &Message<'_>) -> Result<Managed, Refusal> {
        let place = place_of(message, self.settings.acquirer)?;
        self.shop(place)?;
        let custom = message.digits(60).ok_or(Refusal::Missing { number: 60 })?;
        let custom = PosF60::parse(&custom).map_err(|_| Refusal::Form { number: 60 })?;
        match requested(message.mti().function(), custom.network_code)? {
            Requested::Session(request) => {
                self.sessions.note(place.terminal, custom.batch, request);
                Ok(Managed::Done)
            }
            Requested::Parameters => Ok(Managed::Parameters),
            Requested::EndOfParameters => Ok(Managed::Done),
        }
    }
}

/// What a terminal wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requested {
    Session(NetworkRequest),
    Parameters,
    EndOfParameters,
}

/// By function and network code (data element 60.3).
fn requested(function: MtiFunction, network_code: u16) -> Result<Requested, Refusal> {
    match (function, network_code) {
        // Single and double length keys, with a track key, SM4.
        (MtiFunction::Request, 1 | 3 | 4 | 5) => Ok(Requested::Session(NetworkRequest::SignOn)),
        (MtiFunction::Advice, 2) => Ok(Requested::Session(NetworkRequest::SignOff)),
        (MtiFunction::Advice, 301) => Ok(Requested::Session(NetworkRequest::Echo)),
        (MtiFunction::Request, 360) => Ok(Requested::Parameters),
        (MtiFunction::Request, 361) => Ok(Requested::EndOfParameters),
        // Certificates, chip parameters and lists are not downloaded from here.
        (
            MtiFunction::Request
            | MtiFunction::Advice
            | MtiFunction::RequestResponse
            | MtiFunction::AdviceResponse,
            _,
        ) => Err(Refusal::NotSupported),
    }
}
