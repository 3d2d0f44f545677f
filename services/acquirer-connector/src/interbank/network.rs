//! Sign-on, sign-off and echo of institutions: answered at the edge, no card is asked.

use crate::listener::Listener;
use crate::refusal::Refusal;
use crate::speech::{Managed, Tongue};
use iso8583::Message;
use link::NetworkRequest;

/// What an institution says about its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Session(NetworkRequest),
    /// A day of the network ends, or has ended.
    CutOver,
}

impl Listener {
    /// Does what an institution says about its session.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies; the session is then as before.
    pub(crate) fn network_interbank(
        &self,
        message: &Message<'_>,
        tongue: Tongue,
    ) -> Result<Managed, Refusal> {
        match said(message, tongue)? {
            Said::Session(request) => {
                self.institution.note(request);
                Ok(Managed::Done)
            }
            Said::CutOver => Ok(Managed::CutOver),
        }
    }
}

/// By data element 70; in the 1993 version by the function code (24).
fn said(message: &Message<'_>, tongue: Tongue) -> Result<Said, Refusal> {
    let number = match tongue {
        Tongue::Cups | Tongue::Iso87 => 70,
        Tongue::Iso93 => 24,
    };
    let code = message.number(number).ok_or(Refusal::Missing { number })?;
    match (tongue, code) {
        (Tongue::Cups | Tongue::Iso87, 1) | (Tongue::Iso93, 801) => {
            Ok(Said::Session(NetworkRequest::SignOn))
        }
        (Tongue::Cups | Tongue::Iso87, 2) | (Tongue::Iso93, 802) => {
            Ok(Said::Session(NetworkRequest::SignOff))
        }
        (Tongue::Cups | Tongue::Iso87, 301) | (Tongue::Iso93, 831) => {
            Ok(Said::Session(NetworkRequest::Echo))
        }
        (Tongue::Cups | Tongue::Iso87, 201 | 202) | (Tongue::Iso93, 821 | 822) => Ok(Said::CutOver),
        // No keys are exchanged here.
        (Tongue::Cups | Tongue::Iso87 | Tongue::Iso93, _) => Err(Refusal::NotSupported),
    }
}
