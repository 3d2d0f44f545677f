//! Walks through all orders of a flow as through a tree: each node is one more event, and what
//! came before it is shared. Each node is a story that may end there, so what comes only in part is
//! played too.

use std::rc::Rc;

use crate::orders::desk::Desk;
use crate::orders::flow::{EVENTS_MAX, Flow};
use crate::orders::message::{Answer, Class, Key, Message, Named, Source, What, yuan};
use crate::orders::order;
use crate::orders::paper::{Clock, Sheet, Terms};
use crate::orders::twist::{Twist, Wrong};
use crate::support::World;
use card::{Programme, Rules};
use money::Amount;

/// What was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    /// Orders in which nothing is wrong.
    pub(crate) plain: u32,
    /// All orders, those among them in which something is wrong or late.
    pub(crate) orders: u32,
    /// Answers that were compared.
    pub(crate) answers: u32,
}

/// When a story begins, and when the card expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calendar {
    pub(crate) name: &'static str,
    /// The last second of a local month, in seconds since 1970.
    pub(crate) start: i64,
    /// The month as YYMM, if the card expires with it.
    pub(crate) expiry: u16,
}

/// One event of a story and what is wrong with it.
pub(crate) type Step = (usize, Twist);

/// Both sides after some events. What an event leaves alone is shared with the scene before it.
#[derive(Debug, Clone)]
struct Scene {
    desks: [Rc<Desk>; 2],
    sheets: [Rc<Sheet>; 2],
    clock: Clock,
    next_rrn: u64,
    /// The messages as they were first sent, by event.
    sent: [Option<Message>; EVENTS_MAX],
    /// The last receipt of each message: its number and its approval code.
    receipts: [Option<(u64, u32)>; EVENTS_MAX],
}

/// A walk through the orders of one flow.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    flow: &'a Flow,
    calendar: Calendar,
    rules: Rules,
    wrong: &'static [Wrong],
    trail: Vec<Trace>,
    pub(crate) count: Count,
}

/// What is told of an event when a story fails.
#[derive(Debug, Clone, Copy)]
struct Trace {
    step: Step,
    message: Message,
    expected: Answer,
    came: Answer,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(flow: &'a Flow, calendar: Calendar) -> Self {
        let mut world = World::new();
        let programme: &mut Programme = world.programme();
        programme.balance_cap = amount(flow.cap);
        programme.limits.day_amount = flow.day_limit.map(amount);
        programme.completion_ratio_percent = u16::try_from(flow.completion_percent).unwrap();
        Self {
            flow,
            calendar,
            rules: world.rules,
            wrong: &Wrong::ALL,
            trail: Vec::new(),
            count: Count::default(),
        }
    }

    /// Plays all orders, and each with each thing that may go wrong at each event.
    pub(crate) fn all(&mut self) {
        let scene = self.open();
        self.branch(&scene, 0, Twist::None);
    }

    /// Plays all orders, and each with time passing before each event.
    pub(crate) fn all_late(&mut self) {
        self.wrong = &[];
        self.all();
    }

    /// Plays one order.
    pub(crate) fn one(&mut self, order: &[Step]) {
        let mut scene = self.open();
        for step in order {
            self.play(&mut scene, *step);
        }
        self.count.orders += 1;
    }

    pub(crate) fn story(&self) -> String {
        let lines = self.trail.iter().map(|trace| self.lines(trace));
        format!(
            "{} ({}), card sold with {}:\n{}",
            self.flow.name,
            self.calendar.name,
            yuan(self.flow.balance),
            lines.collect::<String>()
        )
    }

    /// The card is sold, the other card too, and what comes before all others has happened.
    fn open(&mut self) -> Scene {
        let flow = self.flow;
        let terms = Terms {
            cap: flow.cap,
            completion_percent: flow.completion_percent,
            tip_percent: 20,
            day_limit: flow.day_limit,
            expires_at: (self.calendar.expiry != 0).then_some(self.calendar.start + 1),
            is_anonymous: false,
        };
        let mut scene = Scene {
            desks: [(); 2].map(|()| Rc::new(Desk::default())),
            sheets: [(); 2].map(|()| Rc::new(Sheet::new(terms))),
            clock: Clock {
                now: self.calendar.start,
                day: 0,
                frozen: -1,
            },
            next_rrn: 1,
            sent: [None; EVENTS_MAX],
            receipts: [None; EVENTS_MAX],
        };
        self.trail.clear();
        for card in 0..2 {
            let sale = Message {
                what: What::Issue,
                fen: flow.balance,
                key: Key {
                    merchant: 9,
                    terminal: 9,
                    batch: 1,
                    trace: 1,
                    class: Class::Office,
                },
                named: Named::default(),
                medium: 0,
                source: Source::Transfer,
            };
            self.send(&mut scene, card, &sale);
        }
        for event in 0..flow.before {
            self.play(&mut scene, (event, Twist::None));
        }
        self.count = Count::default();
        scene
    }

    /// Goes on with each event that has not come yet.
    fn branch(&mut self, scene: &Scene, come: u32, twist: Twist) {
        let flow = self.flow;
        let length = self.trail.len();
        let mut is_end = true;
        for event in flow.before..flow.events.len() {
            if come & (1 << event) != 0 {
                continue;
            }
            is_end = false;
            let then = come | (1 << event);
            // A repeat is the same message: which of the two comes first makes no other story.
            let root = flow.root(event);
            let is_second = root == event || come & (1 << root) != 0;
            let go = |walk: &mut Self, step: Twist, after: Twist| {
                let mut scene = scene.clone();
                walk.play(&mut scene, (event, step));
                walk.branch(&scene, then, after);
                walk.trail.truncate(length);
            };
            if is_second {
                go(self, Twist::None, twist);
            }
            if twist != Twist::None {
                continue;
            }
            let known = self.wrong;
            let wrong = known.iter().filter(|wrong| wrong.fits(flow, event));
            let wrong = wrong.map(|wrong| Twist::Wrong(*wrong));
            let is_first = come == 0;
            let moments = flow.moments.iter().filter(|_| !is_first && is_second);
            let late = moments.map(|moment| Twist::Late(*moment));
            for step in wrong.chain(late) {
                go(self, step, step);
            }
        }
        if is_end {
            self.count.plain += u32::from(twist == Twist::None);
            self.count.orders += 1;
        }
    }

    /// One more event: both sides must give the same answer.
    fn play(&mut self, scene: &mut Scene, (event, twist): Step) {
        let flow = self.flow;
        let root = flow.root(event);
        if let Twist::Late(moment) = twist {
            moment.pass(&mut scene.clock);
        }
        let (message, card) = match twist {
            Twist::Wrong(wrong) => {
                let mut message = self.compose(scene, root);
                wrong.apply(&mut message, flow, event);
                (message, usize::from(wrong == Wrong::Card))
            }
            Twist::None | Twist::Late(_) => {
                let message = scene.sent[root].unwrap_or_else(|| self.compose(scene, root));
                scene.sent[root] = Some(message);
                (message, 0)
            }
        };
        let (expected, came) = self.send(scene, card, &message);
        self.trail.push(Trace {
            step: (event, twist),
            message,
            expected,
            came,
        });
        self.count.answers += 1;
        if let Some(code) = came.code {
            scene.receipts[root] = Some((came.rrn, code));
        }
        assert!(expected == came, "{}", self.failure());
    }

    fn send(&self, scene: &mut Scene, card: usize, message: &Message) -> (Answer, Answer) {
        let rrn = scene.next_rrn;
        scene.next_rrn += 1;
        let sheet = Rc::make_mut(&mut scene.sheets[card]);
        let expected = sheet.receive(message, scene.clock, rrn);
        let at = (scene.clock, rrn);
        let came = Rc::make_mut(&mut scene.desks[card]).receive(
            message,
            &self.rules,
            at,
            self.calendar.expiry,
        );
        (expected, came)
    }

    /// The message of an event, with what its terminal knows of the event that it is about.
    fn compose(&self, scene: &Scene, event: usize) -> Message {
        let flow = self.flow;
        let said = flow.events[event];
        let key = |of: usize| Key {
            merchant: 1,
            terminal: 1,
            batch: 1,
            trace: flow.trace(of),
            class: flow.events[of].what.class(),
        };
        let of = flow.of(event).map(|of| flow.root(of));
        let receipt = of
            .filter(|_| !said.what.shares_trace())
            .and_then(|of| scene.receipts[of]);
        Message {
            what: said.what,
            fen: said.fen,
            key: key(event),
            named: Named {
                key: of.map(key),
                rrn: receipt.map(|(rrn, _)| rrn),
                code: receipt.map(|(_, code)| code),
            },
            medium: said.medium,
            source: said.source,
        }
    }

    fn lines(&self, trace: &Trace) -> String {
        let (event, twist) = trace.step;
        let twist = match twist {
            Twist::None => String::new(),
            other @ (Twist::Wrong(_) | Twist::Late(_)) => format!(" [{other:?}]"),
        };
        let Message {
            what,
            fen,
            key,
            named,
            ..
        } = trace.message;
        let expected = trace.expected.line();
        let came = trace.came.line();
        let came = match expected == came {
            true => String::new(),
            false => format!("\n      but came {came}"),
        };
        let number = |(batch, trace): (u32, u32)| format!("{batch}/{trace:06}");
        let of = [
            named
                .key
                .map(|key| format!(" of {}", number((key.batch, key.trace)))),
            named.rrn.map(|rrn| format!(" RRN {rrn}")),
            named.code.map(|code| format!(" code {code}")),
        ];
        format!(
            "  {}{twist}: {what:?} {} {}, shop {} terminal {},{}\n      expected {expected}{came}\n",
            self.flow.events[event].name,
            yuan(fen),
            number((key.batch, key.trace)),
            key.merchant,
            key.terminal,
            of.into_iter().flatten().collect::<String>(),
        )
    }

    fn failure(&self) -> String {
        let steps = self
            .trail
            .iter()
            .skip(self.flow.before)
            .map(|trace| trace.step);
        let order = order::written(self.flow, self.calendar, steps);
        format!(
            "card and reference disagree\n{}\nto play only this order:\n  \
             CARD_ORDER='{order}' cargo test -p card --test card orders::one_order -- --nocapture",
            self.story()
        )
    }
}

fn amount(fen: i64) -> Amount {
    Amount::from_minor(u64::try_from(fen).unwrap()).unwrap()
}
