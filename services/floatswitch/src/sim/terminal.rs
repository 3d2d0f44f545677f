//! One point-of-sale terminal: it asks, waits, and remembers what it may refer to later.
//!
//! Knows no socket and no clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::kind::{Ask, Kind, OnSilence};
use super::template::{Original, Trace};
use iso8583::Mti;

/// Traces and batches have six digits and start at 1.
const NUMBER_MAX: u32 = 999_999;
/// Earlier steps kept for voids, refunds and completions, of each sort.
const REMEMBERED_MAX: usize = 4;
/// A reversal or an advice that was put off is sent again after this time.
const PUT_OFF: Duration = Duration::from_secs(1);
/// Before the first answer told the date.
pub(crate) const DATE_UNKNOWN: [u8; 2] = [0, 0];

/// What a terminal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) ask: Ask,
    /// Serial number of the card.
    pub(crate) card: u64,
    /// 0 for an inquiry.
    pub(crate) amount_fen: u64,
    pub(crate) trace: Trace,
    pub(crate) original: Option<Original>,
}

/// A request without an answer so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) request: Request,
    /// When it was meant to be sent; latency counts from here.
    pub(crate) since: Instant,
    /// When it was sent first.
    pub(crate) sent_at: Instant,
    /// When its terminal does something about the missing answer.
    pub(crate) expires_at: Instant,
    /// The type of its answer.
    answer_mti: Option<Mti>,
}

// === impl Pending ===

impl Pending {
    pub(crate) fn times(&self) -> Times {
        Times {
            since: self.since,
            sent_at: self.sent_at,
            expires_at: self.expires_at,
        }
    }
}

/// When a request is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// When it was meant to be sent.
    pub(crate) since: Instant,
    /// When it was sent first.
    pub(crate) sent_at: Instant,
    /// When its terminal does something about a missing answer.
    pub(crate) expires_at: Instant,
}

impl Times {
    /// Of a request that is sent at the moment it is meant to be.
    pub(crate) fn from(now: Instant, patience: Duration) -> Self {
        Self {
            since: now,
            sent_at: now,
            expires_at: now + patience,
        }
    }
}

/// What an answer is to its terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Received {
    /// The answer to this request.
    Answer(Pending),
    /// The request must be made again: 91 and 96 end no reversal and no advice.
    PutOff,
    /// Not what was waited for.
    Unmatched,
}

/// A sort of earlier step that others refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earlier {
    Purchase,
    Hold,
    Completion,
}

impl Earlier {
    /// What must have been done before one can ask for this.
    pub(crate) fn needed_by(ask: Ask) -> Option<Self> {
        match ask {
            Ask::Step(Kind::Purchase | Kind::Balance | Kind::PreAuth | Kind::TopUp) => None,
            Ask::Step(Kind::Void | Kind::Refund) | Ask::Reversal(_) => Some(Self::Purchase),
            Ask::Step(Kind::PreAuthVoid | Kind::Completion | Kind::CompletionAdvice) => {
                Some(Self::Hold)
            }
            Ask::Step(Kind::CompletionVoid) => Some(Self::Completion),
        }
    }

    /// What is there once this was approved.
    fn made_by(ask: Ask) -> Option<Self> {
        match ask {
            Ask::Step(Kind::Purchase) => Some(Self::Purchase),
            Ask::Step(Kind::PreAuth) => Some(Self::Hold),
            Ask::Step(Kind::Completion) => Some(Self::Completion),
            Ask::Step(
                Kind::Balance
                | Kind::Void
                | Kind::Refund
                | Kind::PreAuthVoid
                | Kind::CompletionAdvice
                | Kind::CompletionVoid
                | Kind::TopUp,
            )
            | Ask::Reversal(_) => None,
        }
    }

    /// The step that makes one.
    pub(crate) fn maker(self) -> Ask {
        match self {
            Self::Purchase => Ask::Step(Kind::Purchase),
            Self::Hold => Ask::Step(Kind::PreAuth),
            Self::Completion => Ask::Step(Kind::Completion),
        }
    }
}

/// An approved step that a later one may refer to, once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) card: u64,
    pub(crate) amount_fen: u64,
    pub(crate) original: Original,
}

/// One terminal; asks for one thing at a time.
#[derive(Debug)]
pub(crate) struct Terminal {
    id: u32,
    trace: Trace,
    pending: Option<Pending>,
    purchases: VecDeque<Done>,
    holds: VecDeque<Done>,
    completions: VecDeque<Done>,
}

impl Terminal {
    pub(crate) fn new(id: u32, batch: u32) -> Self {
        Self {
            id,
            trace: Trace { batch, stan: 0 },
            pending: None,
            purchases: VecDeque::new(),
            holds: VecDeque::new(),
            completions: VecDeque::new(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// The next batch and trace. A key is never used twice before all batches are through.
    pub(crate) fn next_trace(&mut self) -> Trace {
        if self.trace.stan < NUMBER_MAX {
            self.trace.stan += 1;
        } else {
            let batch = if self.trace.batch < NUMBER_MAX {
                self.trace.batch + 1
            } else {
                1
            };
            self.trace = Trace { batch, stan: 1 };
            // A void must be of its original's batch.
            self.purchases.clear();
            self.completions.clear();
        }
        self.trace
    }

    /// Takes the oldest step of a sort, so that nothing else refers to it.
    pub(crate) fn take_earlier(&mut self, sort: Earlier) -> Option<Done> {
        self.earlier(sort).pop_front()
    }

    /// Waits for the answer to a request of this type from here on.
    pub(crate) fn wait(&mut self, request: Request, mti: Mti, times: Times) {
        self.pending = Some(Pending {
            request,
            since: times.since,
            sent_at: times.sent_at,
            expires_at: times.expires_at,
            answer_mti: mti.response(),
        });
    }

    /// Looks which request an answer belongs to.
    pub(crate) fn receive(&mut self, answer: &Answer, now: Instant) -> Received {
        let is_ours = |pending: &mut Pending| {
            pending.answer_mti == Some(answer.mti) && pending.request.trace.stan == answer.stan
        };
        let Some(pending) = self.pending.take_if(is_ours) else {
            return Received::Unmatched;
        };
        if answer.puts_off() && pending.request.ask.is_repeated() {
            self.pending = Some(Pending {
                expires_at: now + PUT_OFF,
                ..pending
            });
            return Received::PutOff;
        }
        if answer.is_approved() {
            self.remember(&pending.request, answer);
        }
        Received::Answer(pending)
    }

    /// Gives the answer up, as a terminal does when its line breaks or its patience ends.
    ///
    /// What is pending afterwards must be sent: a reversal in place of a request, or the same
    /// advice or reversal again. Returns what nobody waits for any more.
    pub(crate) fn lose_answer(&mut self, times: Times, today: [u8; 2]) -> Option<Pending> {
        let lost = self.pending?;
        let request = lost.request;
        let Ask::Step(kind) = request.ask else {
            return None;
        };
        match kind.on_silence() {
            OnSilence::Repeat => return None,
            OnSilence::Forget => self.pending = None,
            OnSilence::Reverse => {
                let reversal = Request {
                    ask: Ask::Reversal(kind),
                    original: Some(Original {
                        trace: request.trace,
                        date: today,
                        rrn: [b'0'; 12],
                        approval: [b'0'; 6],
                    }),
                    ..request
                };
                self.wait(reversal, Mti::REVERSAL_REQUEST, times);
            }
        }
        Some(lost)
    }

    /// Stops waiting for good.
    pub(crate) fn give_up(&mut self) -> Option<Pending> {
        self.pending.take()
    }

    fn remember(&mut self, request: &Request, answer: &Answer) {
        let (Some(sort), Some(rrn), Some(approval)) =
            (Earlier::made_by(request.ask), answer.rrn, answer.approval)
        else {
            return;
        };
        let date = answer.date.unwrap_or(DATE_UNKNOWN);
        let steps = self.earlier(sort);
        if steps.len() == REMEMBERED_MAX {
            steps.pop_front();
        }
        steps.push_back(Done {
            card: request.card,
            amount_fen: request.amount_fen,
            original: Original {
                trace: request.trace,
                date,
                rrn,
                approval,
            },
        });
    }

    fn earlier(&mut self, sort: Earlier) -> &mut VecDeque<Done> {
        match sort {
            Earlier::Purchase => &mut self.purchases,
            Earlier::Hold => &mut self.holds,
            Earlier::Completion => &mut self.completions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: [u8; 2] = [0x05, 0x11];

    fn times() -> Times {
        Times::from(Instant::now(), Duration::from_secs(60))
    }

    /// Whether the answer is the one waited for.
    fn is_taken(terminal: &mut Terminal, answer: &Answer) -> bool {
        matches!(
            terminal.receive(answer, Instant::now()),
            Received::Answer(_)
        )
    }

    fn waiting(kind: Kind) -> (Terminal, Request) {
        let mut terminal = Terminal::new(10_000_001, 1);
        let trace = terminal.next_trace();
        let request = Request {
            ask: Ask::Step(kind),
            card: 7,
            amount_fen: 5,
            trace,
            original: None,
        };
        terminal.wait(request, Mti::FINANCIAL_REQUEST, times());
        (terminal, request)
    }

    fn answer(stan: u32, code: &[u8; 2]) -> Answer {
        Answer {
            mti: Mti::FINANCIAL_RESPONSE,
            terminal: 10_000_001,
            stan,
            code: *code,
            rrn: Some([b'1'; 12]),
            approval: Some([b'A'; 6]),
            date: Some(TODAY),
        }
    }

    #[test]
    fn only_the_answer_waited_for_is_taken() {
        let (mut terminal, request) = waiting(Kind::Purchase);
        let wrong_trace = answer(2, b"00");
        assert!(!is_taken(&mut terminal, &wrong_trace), "another trace");
        let other_type = Answer {
            mti: Mti::REVERSAL_RESPONSE,
            ..answer(1, b"00")
        };
        assert!(!is_taken(&mut terminal, &other_type), "another type");
        let right = answer(1, b"00");
        match terminal.receive(&right, Instant::now()) {
            Received::Answer(pending) => assert_eq!(pending.request, request),
            Received::PutOff | Received::Unmatched => panic!("the answer"),
        }
        assert!(!is_taken(&mut terminal, &right), "a second time");
    }

    #[test]
    fn approved_steps_can_be_referred_to_once() {
        let (mut terminal, _) = waiting(Kind::Purchase);
        assert!(is_taken(&mut terminal, &answer(1, b"00")));
        let done = terminal.take_earlier(Earlier::Purchase).unwrap();
        assert_eq!((done.card, done.amount_fen), (7, 5));
        assert_eq!(done.original.trace, Trace { batch: 1, stan: 1 });
        assert!(terminal.take_earlier(Earlier::Purchase).is_none());
        let (mut terminal, _) = waiting(Kind::Purchase);
        assert!(is_taken(&mut terminal, &answer(1, b"51")));
        assert!(
            terminal.take_earlier(Earlier::Purchase).is_none(),
            "declined"
        );
    }

    #[test]
    fn a_lost_answer_leads_to_what_a_terminal_must_do() {
        let lose = |kind| {
            let (mut terminal, request) = waiting(kind);
            let lost = terminal.lose_answer(times(), TODAY);
            (
                lost.map(|lost| lost.request) == Some(request),
                terminal.give_up().map(|pending| pending.request.ask),
            )
        };
        assert_eq!(
            lose(Kind::Purchase),
            (true, Some(Ask::Reversal(Kind::Purchase)))
        );
        assert_eq!(lose(Kind::Void), (true, Some(Ask::Reversal(Kind::Void))));
        assert_eq!(lose(Kind::Balance), (true, None));
        assert_eq!(lose(Kind::Refund), (false, Some(Ask::Step(Kind::Refund))));
    }

    #[test]
    fn who_is_told_to_ask_later_asks_later_if_he_must() {
        let (mut terminal, _) = waiting(Kind::Purchase);
        assert!(
            is_taken(&mut terminal, &answer(1, b"96")),
            "nothing was done"
        );
        let (mut terminal, request) = waiting(Kind::Refund);
        let now = Instant::now();
        let received = terminal.receive(&answer(1, b"96"), now);
        assert!(matches!(received, Received::PutOff), "{received:?}");
        let pending = terminal.pending().unwrap();
        assert_eq!(
            (pending.request, pending.expires_at),
            (request, now + PUT_OFF)
        );
        assert!(is_taken(&mut terminal, &answer(1, b"00")));
    }

    #[test]
    fn a_reversal_has_the_key_of_its_original_and_is_repeated() {
        let (mut terminal, request) = waiting(Kind::Purchase);
        terminal.lose_answer(times(), TODAY);
        assert!(terminal.lose_answer(times(), TODAY).is_none());
        let reversal = terminal.give_up().unwrap().request;
        assert_eq!(reversal.trace, request.trace);
        assert_eq!(reversal.original.unwrap().trace, request.trace);
        assert_eq!(reversal.original.unwrap().date, TODAY);
    }

    #[test]
    fn traces_wrap_into_the_next_batch() {
        let mut terminal = Terminal::new(1, NUMBER_MAX);
        terminal.trace.stan = NUMBER_MAX - 1;
        assert_eq!(
            terminal.next_trace(),
            Trace {
                batch: NUMBER_MAX,
                stan: NUMBER_MAX
            }
        );
        assert_eq!(terminal.next_trace(), Trace { batch: 1, stan: 1 });
    }
}
