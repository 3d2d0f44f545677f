//! The identity and the content of a request, as digests (CARD-2).

use sha2::{Digest, Sha256};

use card::{Fingerprint, LegKey, MerchantId, OriginalRef, Request, TerminalId};
use iso8583::{Mti, MtiClass, MtiFunction, MtiOrigin};
use money::{Amount, Currency};
use registry::ParticipantId;

/// A terminal at its merchant, seen from one acquirer.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The acquirer.
    pub participant: ParticipantId,
    /// Data element 42.
    pub merchant: MerchantId,
    /// Data element 41.
    pub terminal: TerminalId,
}

/// What numbers a request at its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Data element 60.2.
    pub batch: u32,
    /// Data element 11.
    pub trace: u32,
    /// Class and function tell a 0200 from its 0220; who began and repeats do not count.
    pub mti: Mti,
}

/// The key of a request: first 12 bytes of SHA-256 over acquirer, merchant, terminal, batch,
/// trace and message class, each in its fixed width. Holds no date, so that no clock decides it.
#[must_use]
pub fn leg_key(origin: &Origin, leg: &Leg) -> LegKey {
    let mti = Mti::new(leg.mti.class(), leg.mti.function(), MtiOrigin::Acquirer);
    let digest = Sha256::new()
        .chain_update(origin.participant.padded())
        .chain_update(origin.merchant.0)
        .chain_update(origin.terminal.0)
        .chain_update(leg.batch.to_be_bytes())
        .chain_update(leg.trace.to_be_bytes())
        .chain_update(mti.digits())
        .finalize();
    LegKey(first(&digest))
}

/// The key of the step that a reversal with this leg undoes.
pub(crate) fn original_of_reversal(origin: &Origin, leg: &Leg, original: Mti) -> LegKey {
    leg_key(
        origin,
        &Leg {
            mti: original,
            ..*leg
        },
    )
}

/// Whether a message asks for an undo.
pub(crate) fn is_reversal(mti: Mti) -> bool {
    match (mti.class(), mti.function()) {
        (MtiClass::Reversal, MtiFunction::Request) => true,
        (MtiClass::Reversal, _) => false,
        (
            MtiClass::Authorization
            | MtiClass::Financial
            | MtiClass::FileAction
            | MtiClass::Reconciliation
            | MtiClass::Administrative
            | MtiClass::NetworkManagement,
            _,
        ) => false,
    }
}

/// The digest of a request's content: kind, amount, currency, medium, merchant, terminal,
/// original. Facts, times and reply addresses do not count.
pub(crate) fn fingerprint(origin: &Origin, request: &Request, medium: u8) -> Fingerprint {
    let (kind, amount, original) = content(request);
    let digest = Sha256::new()
        .chain_update([kind, medium])
        .chain_update(amount.minor().to_be_bytes())
        .chain_update(Currency::CNY.number().to_be_bytes())
        .chain_update(origin.merchant.0)
        .chain_update(origin.terminal.0)
        .chain_update(original_bytes(original))
        .finalize();
    Fingerprint(u64::from_be_bytes(first(&digest)))
}

/// The numbers of kinds are in stored fingerprints: only ever add.
fn content(request: &Request) -> (u8, Amount, OriginalRef) {
    use card::Adjusted::{Sale, Tip};
    use card::CompletionForm::{Advice, Request as Asked};
    use card::LossForm::{Formal, Temporary};
    use card::ReplaceReason::{Damaged, Lost};
    let number = |medium: u8| Amount::from_minor(medium.into()).unwrap_or_default();
    let none = OriginalRef::default();
    match *request {
        Request::BalanceInquiry => (1, Amount::ZERO, none),
        Request::Purchase { amount } => (2, amount, none),
        Request::Void { amount, original } => (3, amount, original),
        Request::Refund { amount, original } => (4, amount, original),
        Request::PreAuth { amount } => (5, amount, none),
        Request::PreAuthVoid { amount, original } => (6, amount, original),
        Request::Completion {
            amount,
            original,
            form: Asked,
        } => (7, amount, original),
        Request::Completion {
            amount,
            original,
            form: Advice,
        } => (8, amount, original),
        Request::CompletionVoid { amount, original } => (9, amount, original),
        Request::Reversal { amount, original } => (10, amount, original),
        Request::DirectCredit { amount, .. } => (11, amount, none),
        Request::Issue { amount, .. } => (12, amount, none),
        Request::ReportLoss { form: Formal } => (13, Amount::ZERO, none),
        Request::LiftLoss => (14, Amount::ZERO, none),
        Request::AccountCheck => (15, Amount::ZERO, none),
        Request::OfflineSale { amount, original } => (16, amount, original),
        Request::Adjust {
            amount,
            original,
            what: Sale,
        } => (17, amount, original),
        Request::Adjust {
            amount,
            original,
            what: Tip,
        } => (18, amount, original),
        Request::CreditConfirm {
            amount, original, ..
        } => (19, amount, original),
        Request::ReportLoss { form: Temporary } => (20, Amount::ZERO, none),
        Request::Replace {
            medium,
            reason: Lost,
        } => (21, number(medium), none),
        Request::Replace {
            medium,
            reason: Damaged,
        } => (22, number(medium), none),
    }
}

/// Each part with a byte that says whether it is there.
fn original_bytes(original: OriginalRef) -> [u8; 27] {
    let mut bytes = [0; 27];
    let (key, rest) = bytes.split_at_mut(13);
    let (offset, approval) = rest.split_at_mut(9);
    if let Some(LegKey(value)) = original.key {
        put(key, &value);
    }
    if let Some(value) = original.offset {
        put(offset, &value.to_be_bytes());
    }
    if let Some(version) = original.approval {
        put(approval, &version.0.to_be_bytes());
    }
    bytes
}

fn put(slot: &mut [u8], value: &[u8]) {
    if let Some((present, slot)) = slot.split_first_mut() {
        *present = 1;
        slot.copy_from_slice(value);
    }
}

fn first<const SIZE: usize>(digest: &[u8]) -> [u8; SIZE] {
    *digest
        .first_chunk()
        .expect("a SHA-256 digest is longer than what is taken of it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::{CreditSource, Version};

    fn origin() -> Origin {
        Origin {
            participant: ParticipantId::parse("69980290").unwrap(),
            merchant: MerchantId(*b"898999954110001"),
            terminal: TerminalId(*b"70000001"),
        }
    }

    fn leg(mti: &[u8; 4]) -> Leg {
        Leg {
            batch: 1,
            trace: 3,
            mti: Mti::parse(*mti).unwrap(),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Made with Python's hashlib. They are in stored cards: a change here would make repeats unknown.
    #[test]
    fn keys_are_pinned() {
        for (mti, key) in [
            (b"0200", KEY_0200),
            (b"0400", KEY_0400),
            (b"0201", KEY_0200),
        ] {
            assert_eq!(hex(&leg_key(&origin(), &leg(mti)).0), key);
        }
    }

    const KEY_0200: &str = "c383aaa7f72db0500ad3e6c1";
    const KEY_0400: &str = "fe1cdaac37e3140791a7012e";

    #[test]
    fn every_part_of_a_key_counts() {
        let base = leg_key(&origin(), &leg(b"0200"));
        let other_acquirer = Origin {
            participant: ParticipantId::parse("6998029").unwrap(),
            ..origin()
        };
        let other_merchant = Origin {
            merchant: MerchantId(*b"898999954110002"),
            ..origin()
        };
        let other_terminal = Origin {
            terminal: TerminalId(*b"70000002"),
            ..origin()
        };
        for other in [other_acquirer, other_merchant, other_terminal] {
            assert_ne!(leg_key(&other, &leg(b"0200")), base);
        }
        for other in [
            Leg {
                batch: 2,
                ..leg(b"0200")
            },
            Leg {
                trace: 4,
                ..leg(b"0200")
            },
            leg(b"0220"),
            leg(b"0100"),
            leg(b"0400"),
        ] {
            assert_ne!(leg_key(&origin(), &other), base);
        }
    }

    #[test]
    fn a_reversal_finds_the_key_of_its_original() {
        let original = leg(b"0100");
        let key = original_of_reversal(&origin(), &leg(b"0400"), original.mti);
        assert_eq!(key, leg_key(&origin(), &original));
    }

    #[test]
    fn only_a_0400_is_a_reversal_of_this_dialect() {
        for (mti, expected) in [
            (b"0400", true),
            (b"0401", true),
            (b"0410", false),
            (b"0420", false),
            (b"0200", false),
            (b"0800", false),
        ] {
            assert_eq!(is_reversal(Mti::parse(*mti).unwrap()), expected);
        }
    }

    #[test]
    fn fingerprints_tell_contents_apart() {
        let amount = |minor| Amount::from_minor(minor).unwrap();
        let original = |offset| OriginalRef {
            offset,
            ..OriginalRef::default()
        };
        let requests = [
            Request::BalanceInquiry,
            Request::Purchase { amount: amount(1) },
            Request::Purchase { amount: amount(2) },
            Request::PreAuth { amount: amount(1) },
            Request::DirectCredit {
                amount: amount(1),
                source: CreditSource::Cash,
            },
            Request::Refund {
                amount: amount(1),
                original: original(None),
            },
            Request::Refund {
                amount: amount(1),
                original: original(Some(0)),
            },
            Request::Refund {
                amount: amount(1),
                original: original(Some(1)),
            },
            Request::Void {
                amount: amount(1),
                original: original(Some(1)),
            },
            Request::Void {
                amount: amount(1),
                original: OriginalRef {
                    key: Some(LegKey([1; 12])),
                    offset: Some(1),
                    approval: Some(Version(1)),
                },
            },
        ];
        let mut seen = std::collections::HashSet::new();
        for request in &requests {
            for medium in [0, 1] {
                assert!(
                    seen.insert(fingerprint(&origin(), request, medium)),
                    "{request:?}"
                );
            }
            assert_eq!(
                fingerprint(&origin(), request, 0),
                fingerprint(&origin(), request, 0)
            );
        }
        let purchase = Request::Purchase {
            amount: amount(12_345),
        };
        assert_eq!(
            format!("{:016x}", fingerprint(&origin(), &purchase, 0).0),
            PURCHASE
        );
    }

    const PURCHASE: &str = "5c6dc0c4c286515c";
}
