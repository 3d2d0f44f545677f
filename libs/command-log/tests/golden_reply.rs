//! The bytes of replies, pinned: one golden file for each shape under `golden/`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use card::{
    Day, DeclineReason, Outcome, PartitionId, Position, Reply, ReplyTo, Timestamp, Version,
};
use command_log::envelope::EnvelopeError;
use command_log::reply_envelope::{decode_reply, encode_reply};
use money::Amount;

fn approval() -> Reply {
    Reply {
        reply_to: ReplyTo {
            partition: 3,
            incarnation: 0x1122_3344_5566_7788,
            exchange: 77,
        },
        outcome: Outcome::Approved,
        replayed: false,
        amount: Some(Amount::from_minor(12_345).unwrap()),
        available: None,
        version: Some(Version(9)),
        position: Position {
            partition: PartitionId(255),
            offset: 1_000_000,
        },
        decided_at: Timestamp(1_767_225_600_000),
        day: Day(20_454),
    }
}

fn decline() -> Reply {
    Reply {
        outcome: Outcome::Declined(DeclineReason::InsufficientFunds),
        replayed: true,
        ..approval()
    }
}

fn inquiry() -> Reply {
    Reply {
        amount: None,
        available: Some(Amount::ZERO),
        version: None,
        ..approval()
    }
}

fn check(reply: &Reply, golden: &str) {
    let bytes = encode_reply(reply);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden.trim());
    assert_eq!(decode_reply(&bytes).as_ref(), Ok(reply));
}

#[test]
fn replies_have_the_pinned_bytes() {
    check(&approval(), include_str!("golden/reply_approval.hex"));
    check(&decline(), include_str!("golden/reply_decline.hex"));
    check(&inquiry(), include_str!("golden/reply_inquiry.hex"));
}

#[test]
fn a_reply_without_address_or_with_an_unknown_outcome_is_refused() {
    assert_eq!(
        decode_reply(&[]),
        Err(EnvelopeError::Field("reply address"))
    );
    let mut bytes = encode_reply(&decline()).to_vec();
    let outcome = bytes
        .windows(2)
        .position(|pair| pair == [0x10, 11])
        .unwrap();
    bytes[outcome + 1] = 99;
    assert_eq!(decode_reply(&bytes), Err(EnvelopeError::Field("outcome")));
}

proptest! {
    #[test]
    fn random_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _reply = decode_reply(&bytes);
    }

    #[test]
    fn replies_read_back(fen: Option<u32>, version: Option<u32>, offset: u64, ms: i64, day: u16) {
        let reply = Reply {
            available: fen.map(|fen| Amount::from_minor(fen.into()).unwrap()),
            version: version.map(Version),
            position: Position { partition: PartitionId(1), offset },
            decided_at: Timestamp(ms),
            day: Day(day),
            ..approval()
        };
        prop_assert_eq!(decode_reply(&encode_reply(&reply)), Ok(reply));
    }
}
