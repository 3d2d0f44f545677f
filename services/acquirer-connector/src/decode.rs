//! What kind of message a frame is, and what can still be answered when it is broken.

use iso8583::{
    DecodeError, DecodeErrorKind, Dialect, Message, Mti, MtiClass, MtiFunction, MtiOrigin,
    MtiVersion,
};

/// Bad bytes that are looked past for the sake of an answer.
const BAD_BYTES_MAX: usize = 8;

/// Who deals with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desk {
    /// Sign-on, sign-off, echo.
    Network,
    /// A card, or a refusal.
    Card,
    /// Nobody: a terminal never sends this.
    Nobody,
}

impl Desk {
    pub(crate) fn of(mti: Mti) -> Self {
        // In the 1993 version network management is begun by neither acquirer nor issuer: 1804.
        let is_management_1993 =
            mti.class() == MtiClass::NetworkManagement && mti.version() == MtiVersion::V1993;
        match mti.origin() {
            MtiOrigin::Acquirer | MtiOrigin::AcquirerRepeat => {}
            MtiOrigin::Other | MtiOrigin::OtherRepeat if is_management_1993 => {}
            MtiOrigin::Issuer
            | MtiOrigin::IssuerRepeat
            | MtiOrigin::Other
            | MtiOrigin::OtherRepeat => return Self::Nobody,
        }
        match (mti.class(), mti.function()) {
            (_, MtiFunction::RequestResponse | MtiFunction::AdviceResponse) => Self::Nobody,
            (MtiClass::NetworkManagement, MtiFunction::Request | MtiFunction::Advice) => {
                Self::Network
            }
            (
                MtiClass::Authorization
                | MtiClass::Financial
                | MtiClass::FileAction
                | MtiClass::Reversal
                | MtiClass::Reconciliation
                | MtiClass::Administrative,
                MtiFunction::Request | MtiFunction::Advice,
            ) => Self::Card,
        }
    }
}

/// The body with its bad digits replaced by zeros, so that it decodes and "format error" can be
/// answered to the terminal that it names; `None` when its parts cannot be told apart.
///
/// The values replaced are those of no decision: they are only ever echoed back.
pub(crate) fn mend(dialect: &'static Dialect, body: &[u8], error: DecodeError) -> Option<Vec<u8>> {
    let mut body = body.to_vec();
    let mut error = error;
    for _ in 0..BAD_BYTES_MAX {
        match error.kind {
            // The message type itself is not guessed at.
            DecodeErrorKind::NotDigit if error.field == Some(0) => return None,
            DecodeErrorKind::NotDigit | DecodeErrorKind::Padding => {
                *body.get_mut(error.offset)? = 0;
            }
            DecodeErrorKind::Trailing { .. } => body.truncate(error.offset),
            DecodeErrorKind::BodyTooLong { .. }
            | DecodeErrorKind::Truncated { .. }
            | DecodeErrorKind::HeaderLength { .. }
            | DecodeErrorKind::TotalLength { .. }
            | DecodeErrorKind::UnknownMti { .. }
            | DecodeErrorKind::SecondBitmap
            | DecodeErrorKind::UnknownField
            | DecodeErrorKind::Length { .. }
            | DecodeErrorKind::Sign
            | DecodeErrorKind::NotText
            | DecodeErrorKind::NotHex => return None,
        }
        match Message::decode(dialect, &body) {
            Ok(_) => return Some(body),
            Err(next) => error = next,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_deals_with_which_type() {
        for (mti, desk) in [
            (b"0100", Desk::Card),
            (b"0201", Desk::Card),
            (b"0220", Desk::Card),
            (b"0400", Desk::Card),
            (b"0500", Desk::Card),
            (b"0800", Desk::Network),
            (b"0820", Desk::Network),
            (b"0210", Desk::Nobody),
            (b"0830", Desk::Nobody),
            (b"0202", Desk::Nobody),
            (b"0804", Desk::Nobody),
            (b"1804", Desk::Network),
            (b"1200", Desk::Card),
        ] {
            let mti = Mti::parse(*mti).unwrap();
            assert_eq!(Desk::of(mti), desk, "{mti}");
        }
    }
}
