//! What a seed stands for: who asks what and when, and what goes wrong meanwhile. A plan is data, so
//! that a failing one can be shrunk step by step and played again.
//!
//! Long because the kinds of steps and how often each is drawn are read together.

use crate::rng::Rng;

/// Cards of a world; the first one is the hot one.
pub(crate) const CARDS_MAX: u64 = 4;
/// Processes that may own partitions.
pub(crate) const NODES: u64 = 3;
/// Partitions of the log.
pub(crate) const PARTITIONS: u16 = 2;
/// Copies of the database.
pub(crate) const REPLICAS: usize = 3;

/// Names a step. Later steps point at earlier ones.
pub(crate) type StepId = u32;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) id: StepId,
    /// Milliseconds after the start.
    pub(crate) at_ms: u64,
    pub(crate) what: Happening,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A terminal asks.
    Ask(Ask),
    /// Something goes wrong, or time passes.
    Fault(Fault),
}

/// A request of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) card: u8,
    pub(crate) kind: AskKind,
    pub(crate) fen: i64,
    /// The request that it is about.
    pub(crate) of: Option<StepId>,
    /// The trace number; terminals use one again at another card.
    pub(crate) trace: u32,
    pub(crate) after_silence: AfterSilence,
}

/// What a terminal does that got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterSilence {
    GivesUp,
    Repeats,
    Reverses,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskKind {
    Purchase,
    TopUp,
    PreAuth,
    Completion,
    CompletionAdvice,
    PreAuthVoid,
    CompletionVoid,
    Void,
    Refund,
    Reversal,
    Inquiry,
    /// The same message once more.
    Repeat,
    /// Another amount under the same key.
    OtherContent,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A process dies at its n-th operation from now on, and is started again later.
    Crash {
        node: u8,
        after_operations: u16,
        down_ms: u16,
    },
    /// A process stands still, and the group gives its partitions away meanwhile.
    Freeze { node: u8, ms: u16 },
    /// A partition goes to another process. The old one is told in time, late, or never.
    Move { partition: u8, node: u8, told: Told },
    /// A copy of the database is down.
    ReplicaDown { replica: u8, ms: u16 },
    /// The network to the database loses and delays.
    BadNetwork { ms: u16 },
    /// Answers to terminals get lost.
    LoseReplies { ms: u16 },
    /// An actor crashes at its next writes, before or after they were sent.
    Panic {
        card: u8,
        times: u8,
        after_sending: bool,
    },
    /// The log hands out records again that were read before.
    ReadAgain { partition: u8, count: u8 },
    /// The log passes over a record once.
    Gap { partition: u8 },
    /// Nothing happens for so long.
    TimePasses { hours: u16 },
    /// The log's clock goes back.
    ClockBack { seconds: u16 },
    /// The log's clock leaps ten years for one record.
    ClockLeap { partition: u8 },
    /// The next settlement day opens.
    Cut,
    /// All days but the open one are closed.
    FreezeDays,
    /// Every owner makes a checkpoint.
    Checkpoint,
}

/// How a former owner learns that it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    InTime,
    Late { ms: u16 },
    Never,
}

/// A whole story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) steps: Vec<Step>,
}

/// What kind of story it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A few cards, all faults.
    Mixed,
    /// One hot card whose ring overflows, and what is old.
    HotCard,
    /// Records that no owner can fold, and an operator who skips them.
    Operator,
}

impl Plan {
    /// The plan that a seed stands for.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed_f10a_7517_c4aa);
        let shape = match rng.below(20) {
            0..=2 => Shape::HotCard,
            3..=4 => Shape::Operator,
            _ => Shape::Mixed,
        };
        let mut drawing = Drawing {
            rng,
            shape,
            steps: Vec::new(),
            next_trace: 1,
        };
        drawing.asks();
        drawing.faults();
        let Drawing { mut steps, .. } = drawing;
        steps.sort_by_key(|step| (step.at_ms, step.id));
        Self { seed, shape, steps }
    }

    /// How long the story lasts.
    pub(crate) fn length_ms(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.at_ms)
    }
}

struct Drawing {
    rng: Rng,
    shape: Shape,
    steps: Vec<Step>,
    next_trace: u32,
}

impl Drawing {
    fn push(&mut self, at_ms: u64, what: Happening) {
        let id = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        self.steps.push(Step { id, at_ms, what });
    }

    fn asks(&mut self) {
        let (count, cards, span_ms) = match self.shape {
            Shape::Mixed => (
                self.rng.between(5, 60),
                self.rng.between(1, CARDS_MAX),
                self.rng.pick(&[2_000, 10_000, 40_000]),
            ),
            Shape::HotCard => (self.rng.between(110, 180), 2, 20_000),
            Shape::Operator => (self.rng.between(5, 30), 2, 10_000),
        };
        let mut at_ms = 0;
        for _ in 0..count {
            let gap = span_ms / count;
            // Some come in bursts, so that a card has many unwritten decisions at once.
            at_ms += match self.rng.one_in_thousand(500) {
                true => 0,
                false => self.rng.below(2 * gap.max(1)),
            };
            let card = match self.shape {
                Shape::HotCard if self.rng.one_in_thousand(950) => 0,
                Shape::Mixed | Shape::HotCard | Shape::Operator => {
                    u8::try_from(self.rng.below(cards)).unwrap_or(0)
                }
            };
            let ask = self.ask(card);
            self.push(at_ms, Happening::Ask(ask));
        }
    }

    fn ask(&mut self, card: u8) -> Ask {
        let mut kind = self.kind();
        let of = match kind {
            AskKind::Repeat | AskKind::OtherContent => self.earlier(card, |kind| {
                !matches!(
                    kind,
                    AskKind::Repeat | AskKind::OtherContent | AskKind::Inquiry
                )
            }),
            AskKind::Reversal => self.earlier(card, is_reversible),
            AskKind::Refund => self.earlier(card, is_sale),
            AskKind::Void => self.earlier(card, |kind| kind == AskKind::Purchase),
            AskKind::Completion | AskKind::CompletionAdvice | AskKind::PreAuthVoid => {
                self.earlier(card, |kind| kind == AskKind::PreAuth)
            }
            AskKind::CompletionVoid => self.earlier(card, |kind| {
                matches!(kind, AskKind::Completion | AskKind::CompletionAdvice)
            }),
            AskKind::Purchase | AskKind::TopUp | AskKind::PreAuth | AskKind::Inquiry => None,
        };
        let original = of.and_then(|of| self.ask_of(of));
        let needs_original = !matches!(
            kind,
            AskKind::Purchase | AskKind::TopUp | AskKind::PreAuth | AskKind::Inquiry
        );
        if needs_original && original.is_none() {
            kind = AskKind::Purchase;
        }
        let mut fen = self.amount(kind, original);
        if kind == AskKind::Refund && self.is_refunded(of, fen) {
            // That a refund is only asked again is known while the ring has it, no longer.
            (kind, fen) = (AskKind::Purchase, 1 + fen % 5_000);
        }
        let needs_original = needs_original && kind != AskKind::Purchase;
        let after_silence = match self.rng.below(4) {
            0 => AfterSilence::GivesUp,
            1 => AfterSilence::Reverses,
            _ => AfterSilence::Repeats,
        };
        Ask {
            card,
            kind,
            fen,
            of: of.filter(|_| needs_original && original.is_some()),
            trace: self.trace(card, kind),
            after_silence,
        }
    }

    fn is_refunded(&self, of: Option<StepId>, fen: i64) -> bool {
        self.shape == Shape::HotCard
            && self.steps.iter().any(|step| match step.what {
                Happening::Ask(ask) => {
                    ask.kind == AskKind::Refund && ask.of == of && ask.fen == fen
                }
                Happening::Fault(_) => false,
            })
    }

    /// Mostly a new one; sometimes one that was used at another card before.
    fn trace(&mut self, card: u8, kind: AskKind) -> u32 {
        let is_shared = kind == AskKind::Purchase && self.rng.one_in_thousand(150);
        let other = self.steps.iter().rev().find_map(|step| match step.what {
            Happening::Ask(ask) if ask.card != card && ask.kind == kind => Some(ask.trace),
            Happening::Ask(_) | Happening::Fault(_) => None,
        });
        let used_here = |trace: u32| {
            self.steps.iter().any(|step| {
                matches!(step.what, Happening::Ask(ask) if ask.card == card && ask.trace == trace)
            })
        };
        match other {
            Some(trace) if is_shared && !used_here(trace) => trace,
            Some(_) | None => {
                self.next_trace += 1;
                self.next_trace
            }
        }
    }

    fn kind(&mut self) -> AskKind {
        match self.rng.below(100) {
            0..=36 => AskKind::Purchase,
            37..=42 => AskKind::TopUp,
            43..=50 => AskKind::PreAuth,
            51..=54 => AskKind::Completion,
            55..=56 => AskKind::CompletionAdvice,
            57..=59 => AskKind::PreAuthVoid,
            60..=61 => AskKind::CompletionVoid,
            62..=64 => AskKind::Void,
            65..=73 => AskKind::Refund,
            74..=81 => AskKind::Reversal,
            82..=87 => AskKind::Inquiry,
            88..=96 => AskKind::Repeat,
            _ => AskKind::OtherContent,
        }
    }

    fn amount(&mut self, kind: AskKind, original: Option<Ask>) -> i64 {
        let small = i64::try_from(self.rng.between(1, 12_000)).unwrap_or(1);
        let whole = original.map_or(small, |original| original.fen);
        match kind {
            AskKind::Purchase | AskKind::PreAuth | AskKind::TopUp => small,
            AskKind::Inquiry => 0,
            AskKind::Refund if self.rng.one_in_thousand(750) => 1 + small % whole.max(1),
            AskKind::Completion | AskKind::CompletionAdvice if self.rng.one_in_thousand(500) => {
                1 + small % whole.max(1)
            }
            AskKind::OtherContent => whole + 1,
            AskKind::Completion
            | AskKind::CompletionAdvice
            | AskKind::PreAuthVoid
            | AskKind::CompletionVoid
            | AskKind::Void
            | AskKind::Refund
            | AskKind::Reversal
            | AskKind::Repeat => whole,
        }
    }

    fn ask_of(&self, id: StepId) -> Option<Ask> {
        let step = self.steps.iter().find(|step| step.id == id)?;
        match step.what {
            Happening::Ask(ask) => Some(ask),
            Happening::Fault(_) => None,
        }
    }

    fn earlier(&mut self, card: u8, fits: impl Fn(AskKind) -> bool) -> Option<StepId> {
        let fitting: Vec<StepId> = self
            .steps
            .iter()
            .filter(|step| matches!(step.what, Happening::Ask(ask) if ask.card == card && fits(ask.kind)))
            .map(|step| step.id)
            .collect();
        // Mostly a young one, sometimes any.
        let young = fitting.len().saturating_sub(4);
        let from = match self.rng.one_in_thousand(500) {
            true => young,
            false => 0,
        };
        let fitting = &fitting[from..];
        (!fitting.is_empty()).then(|| self.rng.pick(fitting))
    }

    fn faults(&mut self) {
        let length_ms = self.steps.last().map_or(0, |step| step.at_ms) + 2_000;
        let count = match self.shape {
            Shape::Mixed => self.rng.below(9),
            Shape::HotCard => self.rng.below(5),
            Shape::Operator => self.rng.between(1, 3),
        };
        for _ in 0..count {
            let fault = match self.shape {
                Shape::Mixed => self.fault(),
                Shape::HotCard => self.fault_of_hot_card(),
                Shape::Operator => self.fault_of_operator(),
            };
            let at_ms = self.rng.below(length_ms);
            self.push(at_ms, Happening::Fault(fault));
        }
        if self.shape == Shape::Mixed && self.rng.one_in_thousand(150) {
            // What was sold on a day that is frozen since, while a later one opens.
            for (part, fault) in [(2, Fault::Cut), (3, Fault::FreezeDays), (4, Fault::Cut)] {
                self.push(length_ms * part / 8, Happening::Fault(fault));
            }
        }
        if self.shape == Shape::HotCard {
            let hours = self.rng.pick(&[1, 24, 150, 216]);
            let at_ms = self.rng.below(length_ms / 2);
            self.push(at_ms, Happening::Fault(Fault::TimePasses { hours }));
        }
    }

    fn small(&mut self, bound: u64) -> u8 {
        u8::try_from(self.rng.below(bound)).unwrap_or(0)
    }

    fn ms(&mut self, most: u64) -> u16 {
        u16::try_from(self.rng.between(1, most)).unwrap_or(u16::MAX)
    }

    fn fault(&mut self) -> Fault {
        let node = self.small(NODES);
        let partition = self.small(u64::from(PARTITIONS));
        match self.rng.below(100) {
            0..=17 => self.crash(node),
            18..=27 => Fault::Freeze {
                node,
                ms: self.ms(20_000),
            },
            28..=45 => self.a_move(partition, node),
            46..=55 => Fault::ReplicaDown {
                replica: self.small(3),
                ms: self.ms(20_000),
            },
            56..=67 => Fault::BadNetwork {
                ms: self.ms(15_000),
            },
            68..=72 => Fault::LoseReplies { ms: self.ms(5_000) },
            73..=78 => Fault::Panic {
                card: self.small(CARDS_MAX),
                times: 1 + self.small(2),
                after_sending: self.rng.one_in_thousand(500),
            },
            79..=82 => Fault::ReadAgain {
                partition,
                count: 1 + self.small(20),
            },
            83..=84 => Fault::Gap { partition },
            85..=87 => Fault::TimePasses {
                hours: self.rng.pick(&[1, 24, 100]),
            },
            88..=89 => Fault::ClockBack {
                seconds: self.ms(30),
            },
            90..=92 => Fault::Cut,
            93..=94 => Fault::FreezeDays,
            _ => Fault::Checkpoint,
        }
    }

    fn crash(&mut self, node: u8) -> Fault {
        Fault::Crash {
            node,
            after_operations: self.ms(60),
            down_ms: self.ms(10_000),
        }
    }

    fn a_move(&mut self, partition: u8, node: u8) -> Fault {
        let told = match self.rng.below(4) {
            0 | 1 => Told::InTime,
            2 => Told::Late {
                ms: self.ms(10_000),
            },
            _ => Told::Never,
        };
        Fault::Move {
            partition,
            node,
            told,
        }
    }

    fn fault_of_hot_card(&mut self) -> Fault {
        let node = self.small(NODES);
        match self.rng.below(8) {
            0 => self.crash(node),
            1 => self.a_move(0, node),
            2 => self.a_move(1, node),
            3 | 4 => Fault::BadNetwork { ms: self.ms(4_000) },
            5 => Fault::ReplicaDown {
                replica: self.small(3),
                ms: self.ms(8_000),
            },
            6 => Fault::Checkpoint,
            _ => Fault::Cut,
        }
    }

    fn fault_of_operator(&mut self) -> Fault {
        let partition = self.small(u64::from(PARTITIONS));
        match self.rng.below(4) {
            0 => Fault::ClockLeap { partition },
            1 | 2 => Fault::Panic {
                card: self.small(2),
                times: 40,
                after_sending: false,
            },
            _ => {
                let node = self.small(NODES);
                self.crash(node)
            }
        }
    }
}

fn is_sale(kind: AskKind) -> bool {
    matches!(
        kind,
        AskKind::Purchase | AskKind::Completion | AskKind::CompletionAdvice
    )
}

fn is_reversible(kind: AskKind) -> bool {
    matches!(
        kind,
        AskKind::Purchase
            | AskKind::PreAuth
            | AskKind::PreAuthVoid
            | AskKind::Completion
            | AskKind::CompletionVoid
            | AskKind::Void
            | AskKind::TopUp
    )
}
