//! The terminals of a world: they ask, wait, repeat, reverse, and remember what they were told.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::orders::message::{Key, Message, Named, Source, What};
use crate::plan::{AfterSilence, Ask, AskKind, PARTITIONS, StepId};
use crate::world::{World, wall_clock};
use card::{
    AcquirerId, CardId, Command, CompletionForm, CreditSource, Facts, Fingerprint, LegKey,
    MerchantId, OriginalRef, Place, ProgrammeId, Reply, ReplyTo, Request, TerminalId, Timestamp,
    Version,
};
use command_log::{NewRecord, RecordKind, envelope, partition_of};
use money::Amount;

/// How long a terminal waits.
const PATIENCE: Duration = Duration::from_millis(4_000);
/// How often it asks at most, before everything is calm.
const TRIES_MAX: u32 = 4;
/// Every card begins with so much.
pub(crate) const FIRST_FEN: i64 = 60_000;
pub(crate) const PROGRAMME: ProgrammeId = ProgrammeId(1);

/// The id of a card of a world.
pub(crate) fn card_id(card: u8) -> CardId {
    let mut own = [0; 14];
    own[13] = card;
    CardId::new(1, own)
}

/// What is sent: a message of the reference, or an inquiry, which it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) card: u8,
    pub(crate) message: Message,
    pub(crate) only_asks: bool,
}

/// What the terminals know.
#[derive(Debug, Default)]
pub(crate) struct Terminals {
    /// What each step sent first.
    sent: Mutex<BTreeMap<StepId, Sent>>,
    /// When.
    sent_at: Mutex<BTreeMap<StepId, Timestamp>>,
    /// The last receipt of each step: its number and its approval code.
    receipts: Mutex<BTreeMap<StepId, (u64, Option<u32>)>>,
    /// Which step each exchange belongs to.
    exchanges: Mutex<BTreeMap<u64, StepId>>,
    heard: Notify,
}

impl Terminals {
    pub(crate) fn has_answer(&self, step: StepId) -> bool {
        self.receipts.lock().contains_key(&step)
    }

    pub(crate) fn unanswered(&self) -> Vec<StepId> {
        let sent = self.sent.lock();
        let steps = sent.keys().copied();
        let is_open = |step: &StepId| !self.has_answer(*step) && !self.is_old(*step);
        steps.filter(is_open).collect()
    }

    pub(crate) fn answered(&self) -> Vec<StepId> {
        let answered: Vec<StepId> = self.receipts.lock().keys().copied().collect();
        let answered = answered.into_iter();
        answered.filter(|step| !self.is_old(*step)).collect()
    }

    /// A key is kept for eight days, and no terminal sends a message again after seven.
    fn is_old(&self, step: StepId) -> bool {
        let sent_at = self.sent_at.lock().get(&step).copied();
        sent_at.is_some_and(|at| wall_clock().ms_since(at) > 7 * 86_400_000)
    }

    /// A reply arrives.
    pub(crate) fn hear(&self, reply: &Reply) {
        let step = self.exchanges.lock().get(&reply.reply_to.exchange).copied();
        let Some(step) = step else {
            return;
        };
        let code = reply.version.map(|version| version.0);
        self.receipts
            .lock()
            .entry(step)
            .or_insert((reply.position.offset, code));
        self.heard.notify_waiters();
    }

    /// The whole of a step: ask, and see what comes.
    pub(crate) async fn play(self: Arc<Self>, world: Arc<World>, step: StepId, ask: Ask) {
        let Some(sent) = self.compose(step, ask) else {
            return;
        };
        let original = ask.of.filter(|_| ask.kind == AskKind::Repeat);
        let asked = original.unwrap_or(step);
        let about = ask.of.filter(|_| ask.kind == AskKind::OtherContent);
        if self.is_old(about.unwrap_or(asked)) {
            return;
        }
        self.sent.lock().entry(asked).or_insert(sent);
        self.sent_at.lock().entry(asked).or_insert_with(wall_clock);
        for try_number in 0..TRIES_MAX {
            if self.is_old(asked) {
                return;
            }
            self.send(&world, asked, &sent).await;
            let heard = async {
                while !self.has_answer(asked) {
                    self.heard.notified().await;
                }
            };
            if tokio::time::timeout(PATIENCE, heard).await.is_ok() {
                return;
            }
            match ask.after_silence {
                AfterSilence::GivesUp => return,
                AfterSilence::Repeats => {}
                AfterSilence::Reverses if ask.kind == AskKind::Reversal || sent.only_asks => return,
                AfterSilence::Reverses if try_number > 0 => return,
                AfterSilence::Reverses => {
                    self.reverse(&world, step, &sent).await;
                    return;
                }
            }
        }
    }

    /// Takes back what was not answered.
    async fn reverse(&self, world: &Arc<World>, step: StepId, sent: &Sent) {
        let message = Message {
            what: What::Reversal,
            key: key(sent.message.key.trace, What::Reversal),
            named: Named {
                key: Some(sent.message.key),
                ..Named::default()
            },
            ..sent.message
        };
        let reversal = Sent { message, ..*sent };
        // Its own number, so that its answer is known: far above all others.
        let own = step + (1 << 20);
        self.sent.lock().insert(own, reversal);
        self.sent_at.lock().insert(own, wall_clock());
        self.send(world, own, &reversal).await;
    }

    /// Sends a step's message once more.
    pub(crate) async fn repeat(&self, world: &Arc<World>, step: StepId) {
        let sent = self.sent.lock().get(&step).copied();
        if let Some(sent) = sent {
            self.send(world, step, &sent).await;
        }
    }

    /// Puts the message into the log, unless the network has other plans.
    async fn send(&self, world: &Arc<World>, step: StepId, sent: &Sent) {
        let (delay, fate) = world.draw(|rng| (rng.between(1, 20), rng.below(1_000)));
        let is_calm = world.is_calm();
        if !is_calm && fate < 15 {
            return; // Lost on its way.
        }
        let delay = match !is_calm && fate < 40 {
            true => delay + 4_000 + 300 * (fate - 15), // Late: its sender has given it up.
            false => delay,
        };
        let copies = if !is_calm && (40..70).contains(&fate) {
            2
        } else {
            1
        };
        let (record, exchange) = self.record(world, sent);
        self.exchanges.lock().insert(exchange, step);
        let (world, sent) = (Arc::clone(world), *sent);
        let append = async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            for _ in 0..copies {
                let appended = world.append(record.clone());
                world
                    .oracle
                    .lock()
                    .take(&world, &appended, Some((sent, exchange)));
            }
        };
        if delay > 3_000 {
            drop(tokio::spawn(append));
        } else {
            append.await;
        }
    }

    fn record(&self, world: &World, sent: &Sent) -> (NewRecord, u64) {
        let exchange = world.draw(|rng| rng.next() >> 1) | 1;
        let command = command(sent, exchange);
        let record = NewRecord {
            partition: partition_of(command.card, PARTITIONS),
            kind: RecordKind::Command,
            payload: envelope::encode_command(&command),
            trace: None,
        };
        (record, exchange)
    }

    /// The message of a step, with what its terminal knows of the one that it is about.
    fn compose(&self, step: StepId, ask: Ask) -> Option<Sent> {
        let original = ask.of.map(|of| self.sent.lock().get(&of).copied());
        let original = match original {
            Some(None) => return None, // It was never sent.
            Some(Some(original)) => Some(original),
            None => None,
        };
        if let (AskKind::Repeat, Some(original)) = (ask.kind, original) {
            return Some(original);
        }
        if let (AskKind::OtherContent, Some(original)) = (ask.kind, original) {
            let message = Message {
                fen: ask.fen,
                ..original.message
            };
            return Some(Sent {
                message,
                ..original
            });
        }
        let what = what_of(ask.kind);
        let receipt = ask.of.and_then(|of| self.receipts.lock().get(&of).copied());
        let receipt = receipt.filter(|_| what != What::Reversal && !step.is_multiple_of(3));
        let is_reversal = what == What::Reversal;
        let trace = match (is_reversal, original) {
            (true, Some(original)) => original.message.key.trace,
            (true, None) | (false, _) => ask.trace,
        };
        let message = Message {
            what,
            fen: ask.fen,
            key: key(trace, what),
            named: Named {
                key: original.map(|original| original.message.key),
                rrn: receipt.map(|(rrn, _)| rrn),
                code: receipt.and_then(|(_, code)| code),
            },
            medium: 0,
            source: Source::Transfer,
        };
        Some(Sent {
            card: ask.card,
            message,
            only_asks: ask.kind == AskKind::Inquiry,
        })
    }
}

/// The first message about a card.
pub(crate) fn issue(card: u8) -> Sent {
    let message = Message {
        what: What::Issue,
        fen: FIRST_FEN,
        key: key(1_000_000 + u32::from(card), What::Issue),
        named: Named::default(),
        medium: 0,
        source: Source::Transfer,
    };
    Sent {
        card,
        message,
        only_asks: false,
    }
}

const fn key(trace: u32, what: What) -> Key {
    Key {
        merchant: 1,
        terminal: 1,
        batch: 1,
        trace,
        class: what.class(),
    }
}

fn what_of(kind: AskKind) -> What {
    match kind {
        AskKind::Purchase | AskKind::Inquiry | AskKind::Repeat | AskKind::OtherContent => {
            What::Purchase
        }
        AskKind::TopUp => What::TopUp,
        AskKind::PreAuth => What::PreAuth,
        AskKind::Completion => What::Completion,
        AskKind::CompletionAdvice => What::CompletionAdvice,
        AskKind::PreAuthVoid => What::PreAuthVoid,
        AskKind::CompletionVoid => What::CompletionVoid,
        AskKind::Void => What::Void,
        AskKind::Refund => What::Refund,
        AskKind::Reversal => What::Reversal,
    }
}

/// The command that a message becomes at the edge.
pub(crate) fn command(sent: &Sent, exchange: u64) -> Command {
    let message = &sent.message;
    let mut facts = Facts::default();
    facts.fee.rate_ppm = 6_000;
    Command {
        card: card_id(sent.card),
        medium: 0,
        key: leg_key(message.key, sent.only_asks),
        fingerprint: fingerprint(message),
        place: Place {
            acquirer: AcquirerId::NOBODY,
            merchant: MerchantId(*b"898999954110001"),
            terminal: TerminalId(*b"70000001"),
            batch: message.key.batch,
            trace: message.key.trace,
        },
        request: request(sent),
        facts,
        reply_to: ReplyTo {
            partition: 0,
            incarnation: 1,
            exchange,
        },
    }
}

fn request(sent: &Sent) -> Request {
    let Message {
        what, fen, named, ..
    } = sent.message;
    let amount = u64::try_from(fen).unwrap_or(0);
    let amount = Amount::from_minor(amount).unwrap_or_default();
    let original = OriginalRef {
        key: named.key.map(|key| leg_key(key, false)),
        offset: named.rrn,
        approval: named.code.map(Version),
    };
    let source = CreditSource::Transfer;
    match what {
        _ if sent.only_asks => Request::BalanceInquiry,
        What::Issue => Request::Issue {
            programme: PROGRAMME,
            expiry: 0,
            amount,
            source,
        },
        What::TopUp => Request::DirectCredit { amount, source },
        What::PreAuth => Request::PreAuth { amount },
        What::Void => Request::Void { amount, original },
        What::Refund => Request::Refund { amount, original },
        What::PreAuthVoid => Request::PreAuthVoid { amount, original },
        What::Completion => Request::Completion {
            amount,
            original,
            form: CompletionForm::Request,
        },
        What::CompletionAdvice => Request::Completion {
            amount,
            original,
            form: CompletionForm::Advice,
        },
        What::CompletionVoid => Request::CompletionVoid { amount, original },
        What::Reversal => Request::Reversal { amount, original },
        What::Purchase
        | What::Confirm
        | What::OfflineSale
        | What::Adjust
        | What::Tip
        | What::PhoneLoss
        | What::Loss
        | What::Lift
        | What::Replace(_) => Request::Purchase { amount },
    }
}

/// An inquiry is of a class of its own.
#[expect(clippy::fn_params_excessive_bools, reason = "a part of the key")]
fn leg_key(key: Key, only_asks: bool) -> LegKey {
    let mut bytes = [0; 12];
    bytes[0] = key.merchant;
    bytes[1] = key.terminal;
    bytes[2] = key.class as u8 + 1;
    bytes[3] = u8::from(only_asks);
    bytes[4..8].copy_from_slice(&key.batch.to_be_bytes());
    bytes[8..12].copy_from_slice(&key.trace.to_be_bytes());
    LegKey(bytes)
}

fn fingerprint(message: &Message) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    let named = message.named;
    (std::mem::discriminant(&message.what), message.fen).hash(&mut hasher);
    (
        named.rrn,
        named.code,
        named.key.map(|key| leg_key(key, false).0),
    )
        .hash(&mut hasher);
    Fingerprint(hasher.finish())
}
