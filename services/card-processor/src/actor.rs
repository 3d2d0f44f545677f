//! One live card: an actor that holds its state and decides its commands, one after another.

use std::marker::PhantomData;
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::context::Booked;
use crate::error::StopReason;
use crate::fold::{Asked, FoldError, fold, load};
use crate::inbox::{Inbox, Work};
use crate::partition::Shared;
use crate::release::{Decided, digest_of};
use card::{Card, Decision};
use card_store::{CardStore, StoreError};

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
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Look>,
        Look: Look,
        state: &mut LiveState<S>,
    ) -> Result<(), ActorProcessingErr> {
        while let Some(attempt) = state.inbox.begin() {
            match state
                .card
                .decide(state.card_id, &state.shared, attempt.work())
                .await
            {
                Ok(decision) => state
                    .shared
                    .release
                    .offer(decided_of(attempt.done(), decision)),
                Err(error) => {
                    stuck(&state.shared, state.card_id, attempt.work(), &error);
                    state.card = Loaded::Stuck;
                    drop(attempt); // The command waits at the head, and the inbox stays awake.
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Loaded {
    async fn decide<S: CardStore>(
        &mut self,
        id: card::CardId,
        shared: &Shared<S>,
        work: &Work,
    ) -> Result<Option<Decision>, FoldError> {
        if let Self::NotYet = self {
            *self = Self::Yes(Box::new(load(&*shared.store, id).await?));
        }
        let Self::Yes(card) = self else {
            let reason = "card stopped earlier, an operator must look".to_owned();
            return Err(StoreError::Damaged(reason).into());
        };
        shared.will_write(work.sequence);
        let asked = Asked {
            command: &work.command,
            position: work.position,
            appended_at: work.appended_at,
            context: &work.context,
        };
        fold(&*shared.store, card, asked).await
    }
}

fn decided_of(work: Work, decision: Option<Decision>) -> Decided {
    let Some(decision) = decision else {
        return Decided::nothing(work.position, work.sequence);
    };
    let digest = digest_of(&decision);
    let booked = decision.written.and_then(|written| {
        let programme = written.row.programme;
        written
            .row
            .ledger
            .map(|entry| Box::new(Booked { programme, entry }))
    });
    Decided {
        position: work.position,
        sequence: work.sequence,
        kind: decision.kind,
        reply: Some(decision.reply),
        booked,
        digest,
    }
}

fn stuck<S>(shared: &Shared<S>, card: card::CardId, work: &Work, error: &FoldError) {
    let position = work.position;
    match error {
        FoldError::NoRules => shared.stop(position.partition, StopReason::NoRules(position)),
        FoldError::Write(error) => {
            let reason = error.to_string();
            shared.stop(position.partition, StopReason::Card { position, reason });
        }
        FoldError::Store(error) => shared.card_stuck(card, position, &error.to_string()),
    }
}
