//! Cost of one purchase for the card: decide, take in and write the state, on a card whose ring of recent
//! transactions is full.
//!
//! Goal on one core: decide at most 1 us, journal row and hash chain included.
#![expect(clippy::unwrap_used, reason = "a benchmark ends by panicking")]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use card::{
    Card, CardId, Command, Context, CreditSource, Day, Facts, FeeTerms, Fingerprint, LegKey,
    Limits, MerchantId, PartitionId, Place, Position, Programme, ProgrammeId, RING_ENTRIES_MAX,
    Recalled, ReplyTo, Request, Rules, TerminalId, Timestamp,
};
use money::Amount;

fn benches(criterion: &mut Criterion) {
    let rules = rules();
    let recalled = Recalled::default();
    let mut card = None;
    fold(&mut card, &issue(), &context(&rules, &recalled, 0));
    let last = u64::try_from(RING_ENTRIES_MAX).unwrap() + 36;
    for offset in 1..last {
        let context = context(&rules, &recalled, offset);
        fold(&mut card, &purchase(offset), &context);
    }
    let (command, context) = (purchase(last), context(&rules, &recalled, last));
    let decision = card::decide(card.as_ref(), &command, &context);
    let written = decision.written.as_ref().unwrap();

    criterion.bench_function("decide purchase", |bencher| {
        bencher.iter(|| card::decide(black_box(card.as_ref()), &command, &context));
    });
    criterion.bench_function("take a purchase in", |bencher| {
        let fresh = || card.clone();
        bencher.iter_batched_ref(
            fresh,
            |card| card::apply(card, &command, written),
            BatchSize::SmallInput,
        );
    });
    let state = card.as_ref().unwrap();
    let mut body = Vec::with_capacity(state.body_size_hint());
    criterion.bench_function("write a state", |bencher| {
        bencher.iter(|| {
            body.clear();
            black_box(state).encode(&mut body);
        });
    });
}

criterion_group!(decide, benches);
criterion_main!(decide);

fn fold(card: &mut Option<Card>, command: &Command, context: &Context<'_>) {
    let decision = card::decide(card.as_ref(), command, context);
    card::apply(card, command, decision.written.as_ref().unwrap());
}

fn context<'a>(rules: &'a Rules, recalled: &'a Recalled, offset: u64) -> Context<'a> {
    Context {
        appended_at: Timestamp(1_772_337_600_000 + i64::try_from(offset).unwrap()),
        position: Position {
            partition: PartitionId(1),
            offset,
        },
        day: Day(20_513),
        frozen_through: Day(20_512),
        rules,
        recalled,
    }
}

fn issue() -> Command {
    let source = CreditSource::Transfer;
    let amount = Amount::from_minor(500_000_000).unwrap();
    command(
        0,
        Request::Issue {
            programme: ProgrammeId(1),
            expiry: 0,
            amount,
            source,
        },
    )
}

fn purchase(number: u64) -> Command {
    command(
        number,
        Request::Purchase {
            amount: Amount::from_minor(1_234).unwrap(),
        },
    )
}

fn command(number: u64, request: Request) -> Command {
    let mut key = [7; 12];
    key[..8].copy_from_slice(&number.to_be_bytes());
    Command {
        card: CardId::new(1, [9; 14]),
        medium: 0,
        key: LegKey(key),
        fingerprint: Fingerprint(number),
        place: Place {
            acquirer: card::AcquirerId::NOBODY,
            merchant: MerchantId(*b"898999954110001"),
            terminal: TerminalId(*b"70000001"),
            batch: 0,
            trace: 0,
        },
        request,
        facts: Facts {
            fee: FeeTerms {
                rate_ppm: 6_000,
                ..FeeTerms::default()
            },
            ..Facts::default()
        },
        reply_to: ReplyTo::NOBODY,
    }
}

fn rules() -> Rules {
    let all = Amount::from_minor(500_000_000).unwrap();
    let programme = Programme {
        balance_cap: all,
        limits: Limits {
            transaction: Some(all),
            day_amount: Some(all),
            day_count: Some(u32::MAX),
            month_amount: Some(all),
            month_count: Some(u32::MAX),
            agent_top_up_day: None,
        },
        blocked_categories: vec![6_010, 6_011, 6_012, 6_051, 4_829],
        ..Programme::example()
    };
    Rules {
        utc_offset_minutes: 480,
        programmes: BTreeMap::from([(ProgrammeId(1), programme)]),
    }
}
