//! The card's side of an order: messages become commands, and decisions are told as plain data.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::orders::message::{
    ACCOUNTS, Answer, Class, Key, Message, Money, Named, Postings, Source, What,
};
use crate::orders::paper::Clock;
use card::{
    AcquirerId, Adjusted, Card, CardId, Command, CompletionForm, Context, CreditSource, Day, Facts,
    Fingerprint, LegKey, LossForm, MerchantId, OriginalRef, PartitionId, Place, Position,
    ProgrammeId, Recalled, ReplaceReason, ReplyTo, Request, Rules, TerminalId, Timestamp, Version,
};
use ledger::{Posting, Side};
use money::Amount;

/// The day that days are counted from.
const FIRST_DAY: u16 = 20_000;
/// The only programme of a test world.
const PROGRAMME: ProgrammeId = ProgrammeId(1);

/// The card as it is, and the books of its entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk {
    card: Option<Card>,
}

impl Desk {
    /// Gives the card a message that is number `rrn` in the log.
    pub(crate) fn receive(
        &mut self,
        message: &Message,
        rules: &Rules,
        (clock, rrn): (Clock, u64),
        expiry: u16,
    ) -> Answer {
        let recalled = Recalled::default();
        let context = Context {
            appended_at: Timestamp(clock.now * 1_000),
            position: Position {
                partition: PartitionId(3),
                offset: rrn,
            },
            day: day(clock.day),
            frozen_through: day(clock.frozen),
            rules,
            recalled: &recalled,
        };
        let command = command(message, expiry);
        if let Some(card) = &self.card {
            let needs = card::needs(card, &command, &context);
            assert!(needs.is_empty(), "a young card asks the store: {needs:?}");
        }
        let decision = card::decide(self.card.as_ref(), &command, &context);
        let row = decision.written.as_ref().map(|written| {
            card::apply(&mut self.card, &command, written);
            &written.row
        });
        let entry = row.and_then(|row| row.ledger.as_ref());
        let reply = decision.reply;
        assert_eq!(reply.outcome, decision.outcome);
        if let Some(row) = row {
            assert_eq!((row.outcome, row.day), (reply.outcome, reply.day));
        }
        Answer {
            outcome: reply.outcome,
            replayed: reply.replayed,
            written: row.is_some(),
            rrn: reply.position.offset,
            code: reply.version.map(|version| version.0),
            day: i32::from(reply.day.0) - i32::from(FIRST_DAY),
            decided_at: reply.decided_at.0 / 1_000,
            case: row.and_then(|row| row.case),
            postings: entry.map_or(Postings::default(), |entry| booked(entry.postings())),
            money: self.money(clock),
        }
    }

    fn money(&self, clock: Clock) -> Money {
        let card = self.card.as_ref().expect("it was sold");
        let now = card.now(Timestamp(clock.now * 1_000));
        Money {
            booked: fen(card.posted()),
            held: fen(card.held(now)),
            uncleared: fen(card.uncleared(now)),
            available: fen(card.available(now)),
        }
    }
}

fn booked(postings: &[Posting]) -> Postings {
    let mut sums = Postings::default();
    for posting in postings {
        let index = ACCOUNTS
            .iter()
            .position(|account| *account == posting.account.number())
            .unwrap_or_else(|| panic!("nobody expects postings on {:?}", posting.account));
        sums[index] += match posting.side {
            Side::Debit => fen(posting.amount),
            Side::Credit => -fen(posting.amount),
        };
    }
    sums
}

fn command(message: &Message, expiry: u16) -> Command {
    let mut facts = Facts::default();
    facts.fee.rate_ppm = 6_000;
    Command {
        card: CardId::new(1, [9; 14]),
        medium: message.medium,
        key: leg_key(message.key),
        fingerprint: fingerprint(message),
        place: Place {
            acquirer: AcquirerId::NOBODY,
            merchant: MerchantId([b'0' + message.key.merchant; 15]),
            terminal: TerminalId([b'0' + message.key.terminal; 8]),
            batch: message.key.batch,
            trace: message.key.trace,
        },
        request: request(message, expiry),
        facts,
        reply_to: ReplyTo::NOBODY,
    }
}

fn request(message: &Message, expiry: u16) -> Request {
    let amount = Amount::from_minor(u64::try_from(message.fen).unwrap()).unwrap();
    let original = original(&message.named);
    let source = match message.source {
        Source::Cash => CreditSource::Cash,
        Source::Transfer => CreditSource::Transfer,
    };
    let completion = |form| Request::Completion {
        amount,
        original,
        form,
    };
    let adjust = |what| Request::Adjust {
        amount,
        original,
        what,
    };
    match message.what {
        What::Issue => Request::Issue {
            programme: PROGRAMME,
            expiry,
            amount,
            source,
        },
        What::Purchase => Request::Purchase { amount },
        What::Void => Request::Void { amount, original },
        What::Refund => Request::Refund { amount, original },
        What::PreAuth => Request::PreAuth { amount },
        What::PreAuthVoid => Request::PreAuthVoid { amount, original },
        What::Completion => completion(CompletionForm::Request),
        What::CompletionAdvice => completion(CompletionForm::Advice),
        What::CompletionVoid => Request::CompletionVoid { amount, original },
        What::Reversal => Request::Reversal { amount, original },
        What::TopUp => Request::DirectCredit { amount, source },
        What::Confirm => Request::CreditConfirm {
            amount,
            source,
            original,
        },
        What::OfflineSale => Request::OfflineSale { amount, original },
        What::Adjust => adjust(Adjusted::Sale),
        What::Tip => adjust(Adjusted::Tip),
        What::PhoneLoss => loss(LossForm::Temporary),
        What::Loss => loss(LossForm::Formal),
        What::Lift => Request::LiftLoss,
        What::Replace(medium) => Request::Replace {
            medium,
            reason: ReplaceReason::Lost,
        },
    }
}

const fn loss(form: LossForm) -> Request {
    Request::ReportLoss { form }
}

fn original(named: &Named) -> OriginalRef {
    OriginalRef {
        key: named.key.map(leg_key),
        offset: named.rrn,
        approval: named.code.map(Version),
    }
}

/// Any one-to-one form will do: to a card a key is twelve bytes that mean nothing.
fn leg_key(key: Key) -> LegKey {
    let mut bytes = [0; 12];
    bytes[0] = key.merchant;
    bytes[1] = key.terminal;
    bytes[2] = match key.class {
        Class::Authorization => 1,
        Class::Financial => 2,
        Class::Advice => 3,
        Class::Reversal => 4,
        Class::Office => 5,
    };
    bytes[4..8].copy_from_slice(&key.batch.to_be_bytes());
    bytes[8..12].copy_from_slice(&key.trace.to_be_bytes());
    LegKey(bytes)
}

/// A digest of the content: the same in every run, other for other content.
fn fingerprint(message: &Message) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    let named = message.named;
    let place = (message.key.merchant, message.key.terminal, message.medium);
    (std::mem::discriminant(&message.what), message.fen, place).hash(&mut hasher);
    (named.rrn, named.code, named.key.map(|key| leg_key(key).0)).hash(&mut hasher);
    (message.source == Source::Cash).hash(&mut hasher);
    Fingerprint(hasher.finish())
}

fn day(day: i32) -> Day {
    Day(u16::try_from(i32::from(FIRST_DAY) + day).unwrap())
}

fn fen(amount: Amount) -> i64 {
    i64::try_from(amount.minor()).unwrap()
}
