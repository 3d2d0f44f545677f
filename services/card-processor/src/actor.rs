//! One live card: an actor that holds its state and decides its commands, one after another.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::context::Booked;
use crate::error::StopReason;
use crate::fold::{FoldError, Folded, RowsBefore, Unwritten, load};
use crate::inbox::{Attempt, Inbox, Work};
use crate::partition::Shared;
use crate::release::{Decided, digest_of};
use crate::settings::DECISIONS_PER_WRITE_MAX;
use crate::spans::Steps;
use card::{Card, Decision, Kind, Reply, Row};
use card_store::{CardStore, StoreError};
use mutants::{Mutant, broken, note, noted};

/// How long a card waits before it asks a store again that could not be read.
const UNAVAILABLE_PAUSE: Duration = Duration::from_millis(200);

/// Something waits in the inbox.
#[derive(Debug)]
pub(crate) struct Look;

/// The actor's kind; all state is in [`LiveState`].
#[derive(Debug)]
pub(crate) struct CardActor<S>(PhantomData<S>);

impl<S> CardActor<S> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

/// What a live card holds. A restarted actor begins unloaded: its state is read again (OWN-1).
#[derive(Debug)]
pub(crate) struct LiveState<S> {
    card_id: card::CardId,
    shared: Arc<Shared<S>>,
    inbox: Arc<Inbox>,
    card: Loaded,
    /// Used after a takeover only, for commands that were decided before it.
    rows_before: RowsBefore,
}

#[derive(Debug)]
enum Loaded {
    NotYet,
    Yes(Box<Option<Card>>),
    /// Something is wrong with it; an operator must look.
    Stuck,
}

impl<S: CardStore> Actor for CardActor<S> {
    type Msg = Look;
    type State = LiveState<S>;
    type Arguments = (card::CardId, Arc<Shared<S>>, Arc<Inbox>);

    async fn pre_start(
        &self,
        _: ActorRef<Look>,
        (card_id, shared, inbox): Self::Arguments,
    ) -> Result<LiveState<S>, ActorProcessingErr> {
        Ok(LiveState {
            card_id,
            shared,
            inbox,
            card: Loaded::NotYet,
            rows_before: RowsBefore::default(),
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Look>,
        Look: Look,
        state: &mut LiveState<S>,
    ) -> Result<(), ActorProcessingErr> {
        let inbox = Arc::clone(&state.inbox);
        while let Some(mut attempt) = inbox.begin(DECISIONS_PER_WRITE_MAX) {
            let decided = state.decide(&mut attempt).await;
            let all_done = decided.len() == attempt.works().len();
            drop(attempt.done(decided.len()));
            state.shared.release.offer(decided);
            if all_done {
                continue;
            }
            if state.shared.has_ended() || matches!(state.card, Loaded::Stuck) {
                break; // The first command that cannot be decided waits, and the inbox stays awake.
            }
            tokio::time::sleep(UNAVAILABLE_PAUSE).await;
        }
        Ok(())
    }
}

impl<S: CardStore> LiveState<S> {
    /// Folds the commands in memory, makes what they wrote durable in one write, and returns what
    /// each leaves to release. Fewer than were asked: the card is stuck at the next one.
    async fn decide(&mut self, attempt: &mut Attempt<'_>) -> Vec<Decided> {
        let mut unwritten = Unwritten::default();
        let mut decided = Vec::with_capacity(attempt.works().len());
        let mut failed = None;
        for index in 0..attempt.works().len() {
            attempt.at(index);
            match self.fold(&mut unwritten, &attempt.works()[index]).await {
                Ok(one) => decided.push(one),
                Err(error) => {
                    failed = Some((index, error));
                    break;
                }
            }
        }
        // A crash from here on is the last one's, as if they had come one by one.
        let written = unwritten.write(&*self.shared.store, self.card.get()).await;
        self.trace_written(&mut decided, attempt.works());
        if let Err(error) = written
            && !broken(Mutant::ReplyBeforeDurable)
        {
            decided.clear(); // OWN-2: nothing is released before it is durable.
            failed = Some((0, error.into()));
        }
        self.keep_over_assignment();
        if let Some((index, error)) = failed {
            self.stuck(&attempt.works()[index], &error);
        }
        decided
    }

    /// The decisions of one write became durable together.
    fn trace_written(&self, decided: &mut [Decided], works: &[Work]) {
        for (decided, work) in decided.iter_mut().zip(works) {
            if let Some(steps) = &mut decided.steps {
                steps.written(&self.shared.tracer, work);
            }
        }
    }

    async fn fold(&mut self, unwritten: &mut Unwritten, work: &Work) -> Result<Decided, FoldError> {
        let mut steps = Steps::begin(&self.shared.tracer, work);
        let mut decided = self.fold_untraced(unwritten, work).await?;
        if let Some(steps) = &mut steps {
            steps.decided(&self.shared.tracer, work);
        }
        decided.steps = steps;
        Ok(decided)
    }

    async fn fold_untraced(
        &mut self,
        unwritten: &mut Unwritten,
        work: &Work,
    ) -> Result<Decided, FoldError> {
        self.load().await?;
        let store = &*self.shared.store;
        let asked = work.asked();
        self.shared.will_write(work.sequence);
        let Loaded::Yes(card) = &mut self.card else {
            let reason = "card stopped earlier, an operator must look".to_owned();
            return Err(StoreError::Damaged(reason).into());
        };
        match unwritten.fold(store, card, asked).await? {
            Folded::Decided(decision) => Ok(decided_of(work, *decision)),
            Folded::Before => {
                let again = unwritten.reply_again(store, card.as_ref().as_ref(), asked);
                let again = again.await?;
                let row = match card.as_ref() {
                    Some(card) => self.rows_before.at(store, card, work.position).await?,
                    None => None,
                };
                let again = again.filter(|_| !broken(Mutant::AppliedNotReleased));
                let row = row.filter(|_| !broken(Mutant::TotalsWithoutAppliedRows));
                Ok(decided_before(work, again, row))
            }
        }
    }

    async fn load(&mut self) -> Result<(), FoldError> {
        if let Loaded::NotYet = self.card {
            let card = match self.kept_over_assignment() {
                Some(kept) => Some(kept),
                None => load(&*self.shared.store, self.card_id).await?,
            };
            self.card = Loaded::Yes(Box::new(card));
        }
        Ok(())
    }

    /// For a mutant only: what OWN-1 forbids. A process is told by its gates.
    fn keep_over_assignment(&self) {
        if let Some(card) = self.card.get()
            && broken(Mutant::CardKeptOverAssignment)
        {
            let mut body = Vec::new();
            card.encode(&mut body);
            note(&self.key_of_kept(), &body);
        }
    }

    /// For a mutant only.
    fn kept_over_assignment(&self) -> Option<Card> {
        if !broken(Mutant::CardKeptOverAssignment) {
            return None;
        }
        noted(&self.key_of_kept()).and_then(|body| Card::decode(&body).ok())
    }

    fn key_of_kept(&self) -> Vec<u8> {
        let process = Arc::as_ptr(&self.shared.gates).addr();
        [&process.to_be_bytes(), &self.card_id.as_bytes()[..]].concat()
    }

    /// A store that cannot be read for a while holds its cards up; everything else stops them.
    fn stuck(&mut self, work: &Work, error: &FoldError) {
        let position = work.position;
        if let FoldError::Store(StoreError::Unavailable(reason)) = error {
            tracing::warn!(%position, reason, "card waits for its store");
            return;
        }
        self.card = Loaded::Stuck;
        match error {
            FoldError::NoRules => self
                .shared
                .stop(position.partition, StopReason::NoRules(position)),
            FoldError::Write(error) => {
                let reason = error.to_string();
                let reason = StopReason::Card { position, reason };
                self.shared.stop(position.partition, reason);
            }
            FoldError::Store(error) => {
                self.shared
                    .card_stuck(self.card_id, position, &error.to_string());
            }
        }
    }
}

impl Loaded {
    fn get(&self) -> Option<&Card> {
        match self {
            Self::Yes(card) => card.as_ref().as_ref(),
            Self::NotYet | Self::Stuck => None,
        }
    }
}

fn decided_of(work: &Work, decision: Decision) -> Decided {
    let digest = digest_of(&decision);
    let booked = decision.written.as_ref();
    let booked = booked.and_then(|written| Booked::of(work.command.card, &written.row));
    Decided {
        position: work.position,
        sequence: work.sequence,
        kind: decision.kind,
        reply: Some(decision.reply),
        booked: booked.map(Box::new),
        digest,
        steps: None,
    }
}

/// LOG-3: what was taken in before is released again, with what it booked then.
fn decided_before(work: &Work, again: Option<Decision>, row: Option<&Row>) -> Decided {
    let kind = again.as_ref().map(|decision| decision.kind);
    let reply = again.map(|decision| Reply {
        // It is the first answer to this very record, not that to a duplicate of it.
        replayed: decision.reply.replayed && row.is_none(),
        ..decision.reply
    });
    Decided {
        position: work.position,
        sequence: work.sequence,
        kind: kind.unwrap_or(Kind::BalanceInquiry),
        reply,
        booked: row
            .and_then(|row| Booked::of(work.command.card, row))
            .map(Box::new),
        digest: None,
        steps: None,
    }
}
