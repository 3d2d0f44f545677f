//! Requests of the back office as commands to cards.

use sha2::{Digest as _, Sha256};

use crate::refusal::Refusal;
use card::{
    AcquirerId, CardId, Channel, Command, Facts, Fingerprint, LegKey, LossForm, MerchantId, Place,
    ReplaceReason, ReplyTo, Request, TerminalId,
};

/// The back office among the participants: no acquirer has letters in its code.
const PARTICIPANT: &[u8; 11] = b"BACK OFFICE";
const PLACE: Place = Place {
    acquirer: AcquirerId::NOBODY,
    merchant: MerchantId(*b"BACK OFFICE    "),
    terminal: TerminalId(*b"HTTP    "),
    batch: 0,
    trace: 0,
};
const KEY_LENGTH_MAX: usize = 64;

/// What a caller names its request by: the same name with the same content is one request, however
/// often it is sent (CARD-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Takes the header's value.
    pub(crate) fn parse(value: Option<&[u8]>) -> Result<Self, Refusal> {
        let refusal = |what: &str| {
            Refusal::new(
                400,
                "bad_idempotency_key",
                format!(
                    "{what}: name the request by 1 to {KEY_LENGTH_MAX} visible characters, the same \
                     when it is repeated, another one for another request"
                ),
            )
        };
        let value = value.ok_or_else(|| refusal("the header Idempotency-Key is missing"))?;
        let is_name = value.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(value) {
            Ok(text) if is_name && (1..=KEY_LENGTH_MAX).contains(&text.len()) => {
                Ok(Self(text.to_owned()))
            }
            Ok(_) | Err(_) => Err(refusal("the header Idempotency-Key cannot be used")),
        }
    }

    fn leg_key(&self) -> LegKey {
        let digest = Sha256::new()
            .chain_update(PARTICIPANT)
            .chain_update(self.0.as_bytes())
            .finalize();
        LegKey(*digest.first_chunk().expect("a SHA-256 digest has 32 bytes"))
    }
}

/// What the back office asks of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The card is lost.
    Loss(LossForm),
    /// It was found again.
    Unfreeze,
    /// The holder gets the medium with this number.
    Replace(u8, ReplaceReason),
}

impl Asked {
    fn request(self) -> Request {
        match self {
            Self::Loss(form) => Request::ReportLoss { form },
            Self::Unfreeze => Request::LiftLoss,
            Self::Replace(medium, reason) => Request::Replace { medium, reason },
        }
    }

    /// The numbers are in stored fingerprints: only ever add.
    fn content(self) -> [u8; 3] {
        match self {
            Self::Loss(LossForm::Temporary) => [1, 1, 0],
            Self::Loss(LossForm::Formal) => [1, 2, 0],
            Self::Unfreeze => [2, 0, 0],
            Self::Replace(medium, ReplaceReason::Lost) => [3, 1, medium],
            Self::Replace(medium, ReplaceReason::Damaged) => [3, 2, medium],
        }
    }

    /// The command to a card, as if one of its media had been shown.
    pub(crate) fn command(
        self,
        (card, medium): (CardId, u8),
        key: &IdempotencyKey,
        reply_to: ReplyTo,
    ) -> Command {
        Command {
            card,
            medium,
            key: key.leg_key(),
            fingerprint: self.fingerprint(medium),
            place: PLACE,
            request: self.request(),
            facts: Facts {
                channel: Channel::BackOffice,
                ..Facts::default()
            },
            reply_to,
        }
    }

    fn fingerprint(self, medium: u8) -> Fingerprint {
        let digest = Sha256::new()
            .chain_update(PARTICIPANT)
            .chain_update(self.content())
            .chain_update([medium])
            .finalize();
        let head = digest.first_chunk().expect("a SHA-256 digest has 32 bytes");
        Fingerprint(u64::from_be_bytes(*head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(key: &str, asked: Asked, medium: u8) -> (LegKey, Fingerprint) {
        let key = IdempotencyKey::parse(Some(key.as_bytes())).unwrap();
        let card = CardId::from_bytes([7; 16]);
        let command = asked.command((card, medium), &key, ReplyTo::NOBODY);
        (command.key, command.fingerprint)
    }

    #[test]
    fn a_name_is_a_key_and_content_a_fingerprint() {
        let contents = [
            Asked::Loss(LossForm::Temporary),
            Asked::Loss(LossForm::Formal),
            Asked::Unfreeze,
            Asked::Replace(1, ReplaceReason::Lost),
            Asked::Replace(1, ReplaceReason::Damaged),
            Asked::Replace(2, ReplaceReason::Lost),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for content in contents {
            for medium in [0, 1] {
                let (key, fingerprint) = asked("a", content, medium);
                assert_eq!(asked("a", content, medium), (key, fingerprint));
                assert_eq!(key, asked("a", Asked::Unfreeze, 0).0);
                assert!(seen.insert(fingerprint.0), "{content:?}");
            }
        }
        assert_ne!(
            asked("a", Asked::Unfreeze, 0).0,
            asked("b", Asked::Unfreeze, 0).0
        );
    }

    #[test]
    fn requests_need_a_name() {
        for wrong in [
            None,
            Some(&b""[..]),
            Some(b"a b"),
            Some(&[b'x'; 65]),
            Some(b"\xff"),
        ] {
            assert_eq!(IdempotencyKey::parse(wrong).unwrap_err().status, 400);
        }
        assert!(IdempotencyKey::parse(Some(&[b'x'; 64])).is_ok());
    }
}
