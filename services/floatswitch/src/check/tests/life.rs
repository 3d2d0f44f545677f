//! The life of one card, decided by the real rules, as writes that a test may alter.

use std::collections::BTreeMap;

use bytes::Bytes;

use card::{
    Adjusted, CardId, Command, CompletionForm, Context, CreditSource, Day, Facts, Fingerprint,
    LegKey, MerchantId, OriginalRef, PartitionId, Place, Position, Programme, ProgrammeId,
    Recalled, ReplaceReason, ReplyTo, Request, Row, Rules, TerminalId, Timestamp,
};
use card_store::memory::MemoryStore;
use card_store::{CardStore as _, CardWrite, JournalRow, StoredCard};
use money::Amount;

pub(super) const ID: CardId = CardId::from_bytes([7; 16]);
pub(super) const PROGRAMME: ProgrammeId = ProgrammeId(1);
pub(super) const PLACE: Place = Place {
    acquirer: card::AcquirerId::NOBODY,
    merchant: MerchantId(*b"898999954110001"),
    terminal: TerminalId(*b"71000001"),
    batch: 0,
    trace: 0,
};

/// Where cards are sold, by their first request: no terminal of a record.
const SALES_POINT: Place = Place {
    acquirer: card::AcquirerId::NOBODY,
    merchant: MerchantId([b' '; 15]),
    terminal: TerminalId([b' '; 8]),
    batch: 0,
    trace: 0,
};

pub(super) fn fen(minor: u64) -> Amount {
    Amount::from_minor(minor).unwrap()
}

fn rules() -> Rules {
    let programme = Programme {
        hold_lifetime_ms: 1_000_000,
        reversal_window_ms: 1_000,
        refund_window_ms: 1_000_000,
        refund_repeat_ms: 1_000,
        key_retention_ms: 1_000_000,
        ..Programme::example()
    };
    Rules {
        utc_offset_minutes: 0,
        programmes: BTreeMap::from([(PROGRAMME, programme)]),
    }
}

/// A request with the key that it has in these tests.
pub(super) fn with_key(number: u8, request: Request) -> (LegKey, Request) {
    (LegKey([number; 12]), request)
}

fn original(number: u8) -> OriginalRef {
    OriginalRef {
        key: Some(LegKey([number; 12])),
        ..OriginalRef::default()
    }
}

fn issue() -> (LegKey, Request) {
    let request = Request::Issue {
        programme: PROGRAMME,
        expiry: 0,
        amount: fen(10_000),
        source: CreditSource::Transfer,
    };
    with_key(1, request)
}

/// Sold with 100.00, paid 30.00, and the payment reversed.
pub(super) fn short_life() -> Vec<CardWrite> {
    let amount = fen(3_000);
    decide([
        issue(),
        with_key(2, Request::Purchase { amount }),
        with_key(
            3,
            Request::Reversal {
                amount,
                original: original(2),
            },
        ),
    ])
}

/// Versions 1 to 8: sold, paid, refunded in part, held, captured in part, held, paid, a decline.
pub(super) fn long_life() -> Vec<CardWrite> {
    let form = CompletionForm::Request;
    decide([
        issue(),
        with_key(2, Request::Purchase { amount: fen(3_000) }),
        with_key(
            3,
            Request::Refund {
                amount: fen(1_000),
                original: original(2),
            },
        ),
        with_key(4, Request::PreAuth { amount: fen(2_000) }),
        with_key(
            5,
            Request::Completion {
                amount: fen(1_500),
                original: original(4),
                form,
            },
        ),
        with_key(6, Request::PreAuth { amount: fen(500) }),
        with_key(7, Request::Purchase { amount: fen(100) }),
        with_key(
            8,
            Request::Purchase {
                amount: fen(90_000),
            },
        ),
    ])
}

/// Versions 1 to 12: sold; confirmed before it was asked, asked, reversed; refused, confirmed; paid,
/// corrected to 25.00, tipped to 33.00, refunded; another medium; found.
pub(super) fn corrected_life() -> Vec<CardWrite> {
    let source = CreditSource::Cash;
    let confirm = |amount, number| Request::CreditConfirm {
        amount,
        source,
        original: original(number),
    };
    let credit = |amount| Request::DirectCredit { amount, source };
    let adjust = |amount, what| Request::Adjust {
        amount,
        original: original(7),
        what,
    };
    decide([
        issue(),
        with_key(2, confirm(fen(1_000), 3)),
        with_key(3, credit(fen(1_000))),
        with_key(
            4,
            Request::Reversal {
                amount: fen(1_000),
                original: original(3),
            },
        ),
        with_key(5, credit(fen(900_000))),
        with_key(6, confirm(fen(900_000), 5)),
        with_key(7, Request::Purchase { amount: fen(3_000) }),
        with_key(8, adjust(fen(2_500), Adjusted::Sale)),
        with_key(9, adjust(fen(3_300), Adjusted::Tip)),
        with_key(
            10,
            Request::Refund {
                amount: fen(3_300),
                original: original(7),
            },
        ),
        with_key(
            11,
            Request::Replace {
                medium: 1,
                reason: ReplaceReason::Damaged,
            },
        ),
        with_key(12, Request::LiftLoss),
    ])
}

/// One write for each decision; each request is record number 1, 2, … of the only partition.
pub(super) fn decide(requests: impl IntoIterator<Item = (LegKey, Request)>) -> Vec<CardWrite> {
    let (rules, recalled, mut card) = (rules(), Recalled::default(), None);
    let mut writes = Vec::new();
    for (number, (key, request)) in (1..).zip(requests) {
        let command = Command {
            card: ID,
            medium: 0,
            key,
            fingerprint: Fingerprint(number),
            place: if number == 1 { SALES_POINT } else { PLACE },
            request,
            facts: Facts::default(),
            reply_to: ReplyTo::NOBODY,
        };
        let position = Position {
            partition: PartitionId(0),
            offset: number,
        };
        let context = Context {
            appended_at: Timestamp(1_000_000),
            position,
            day: Day(1),
            frozen_through: Day(0),
            rules: &rules,
            recalled: &recalled,
        };
        let decision = card::decide(card.as_ref(), &command, &context);
        let written = decision.written.expect("each of them writes");
        card::apply(&mut card, &command, &written);
        let mut body = Vec::new();
        card.as_ref().unwrap().encode(&mut body);
        let version = written.version;
        writes.push(CardWrite {
            card: ID,
            state: StoredCard {
                version,
                position,
                body: Bytes::from(body),
            },
            rows: vec![JournalRow {
                version,
                bytes: Bytes::from(written.row_bytes.clone()),
            }],
            keys: Vec::new(),
        });
    }
    writes
}

pub(super) fn row(writes: &[CardWrite], version: usize) -> Row {
    Row::decode(&writes[version - 1].rows[0].bytes).unwrap()
}

/// Rewrites a row.
pub(super) fn alter(writes: &mut [CardWrite], version: usize, change: impl FnOnce(&mut Row)) {
    let mut decoded = row(writes, version);
    change(&mut decoded);
    writes[version - 1].rows[0].bytes = Bytes::from(decoded.encode());
}

/// As a forger would do it: after altering a row, every younger one carries the right hash again.
pub(super) fn forge(writes: &mut [CardWrite], version: usize, change: impl FnOnce(&mut Row)) {
    alter(writes, version, change);
    for younger in version + 1..=writes.len() {
        let previous = Row::hash_of(&writes[younger - 2].rows[0].bytes);
        alter(writes, younger, |row| row.previous = previous);
    }
}

pub(super) fn store(writes: &[CardWrite]) -> MemoryStore {
    let store = MemoryStore::new();
    block_on(async {
        for write in writes {
            store.write(write.clone()).await.unwrap();
        }
    });
    store
}

pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(work)
}
