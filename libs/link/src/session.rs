//! Sign-on to sign-off of one terminal.

/// What a terminal or an institution says about its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkRequest {
    /// Begins a session, also when one is open: a terminal that restarted signs on again.
    SignOn,
    /// Ends it, also when none is open.
    SignOff,
    /// Asks whether anybody is there. Allowed in each state and changes none.
    Echo,
}

/// Whether payments need an open session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOn {
    /// Yes: without one the answer is "sign on first".
    Required,
    /// No: the link has no working keys yet that a sign-on would hand out.
    Optional,
}

/// Where a terminal stands.
///
/// | state | sign-on | sign-off | echo | payment |
/// |---|---|---|---|---|
/// | signed off | → signed on | stays | stays | only if sign-on is optional |
/// | signed on | stays | → signed off | stays | yes |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Session {
    /// Never signed on since the switch started, or signed off.
    #[default]
    SignedOff,
    /// Signed on.
    SignedOn,
}

impl Session {
    /// The state after a request.
    #[must_use]
    pub fn after(self, request: NetworkRequest) -> Self {
        match request {
            NetworkRequest::SignOn => Self::SignedOn,
            NetworkRequest::SignOff => Self::SignedOff,
            NetworkRequest::Echo => self,
        }
    }

    /// Whether a payment may be asked for now.
    #[must_use]
    pub fn permits_payments(self, sign_on: SignOn) -> bool {
        match (self, sign_on) {
            (Self::SignedOn, SignOn::Required | SignOn::Optional)
            | (Self::SignedOff, SignOn::Optional) => true,
            (Self::SignedOff, SignOn::Required) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NetworkRequest::{Echo, SignOff, SignOn};
    use super::Session::{SignedOff, SignedOn};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_of_states() {
        for (before, request, after) in [
            (SignedOff, SignOn, SignedOn),
            (SignedOff, SignOff, SignedOff),
            (SignedOff, Echo, SignedOff),
            (SignedOn, SignOn, SignedOn),
            (SignedOn, SignOff, SignedOff),
            (SignedOn, Echo, SignedOn),
        ] {
            assert_eq!(before.after(request), after, "{before:?} {request:?}");
        }
        assert!(SignedOff.permits_payments(super::SignOn::Optional));
        assert!(!Session::default().permits_payments(super::SignOn::Required));
        assert!(SignedOn.permits_payments(super::SignOn::Required));
    }

    proptest! {
        #[test]
        fn state_is_that_of_the_last_sign_on_or_off(
            requests in prop::collection::vec(prop::sample::select(&[SignOn, SignOff, Echo]), 0..40),
        ) {
            let state = requests.iter().fold(Session::default(), |at, next| at.after(*next));
            let last = requests.iter().rev().find(|request| **request != Echo);
            prop_assert_eq!(state == SignedOn, last == Some(&SignOn));
        }
    }
}
