//! What one purchase costs the card: decide, apply and encode, on a card whose ring is full.
//!
//! `cargo run --release -p card --example decide_cost`
#![expect(clippy::unwrap_used, reason = "an example ends by panicking")]
#![expect(clippy::print_stdout, reason = "its result goes to the terminal")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use card::{
    Card, CardId, Command, Context, CreditSource, Day, Facts, FeeTerms, Fingerprint, LegKey,
    Limits, MerchantId, PartitionId, Place, Position, Programme, ProgrammeId, Recalled, ReplyTo,
    Request, Rules, TerminalId, Timestamp,
};
use money::Amount;

const ROUNDS: u64 = 300_000;

fn main() {
    let rules = rules();
    let recalled = Recalled::default();
    let mut card = None;
    fold(&mut card, &issue(), &context(&rules, &recalled, 0));
    for offset in 1..=100 {
        fold(
            &mut card,
            &purchase(offset),
            &context(&rules, &recalled, offset),
        );
    }
    let mut body = Vec::new();
    let mut steps = [0u128; 3];
    for offset in 101..=100 + ROUNDS {
        let (command, context) = (purchase(offset), context(&rules, &recalled, offset));
        let start = Instant::now();
        let decision = black_box(card::decide(card.as_ref(), &command, &context));
        let decided = Instant::now();
        black_box(card::apply(
            &mut card,
            &command,
            decision.written.as_ref().unwrap(),
        ));
        let applied = Instant::now();
        body.clear();
        card.as_ref().unwrap().encode(&mut body);
        black_box(&body);
        steps[0] += (decided - start).as_nanos();
        steps[1] += (applied - decided).as_nanos();
        steps[2] += applied.elapsed().as_nanos();
    }
    let [decide, apply, encode] = steps.map(|sum| sum / u128::from(ROUNDS));
    println!("body {} bytes", body.len());
    println!("decide {decide} ns, apply {apply} ns, encode {encode} ns");
}

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
