//! The cards that have an actor: found, started, passivated, restarted after a crash.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::actor::{CardActor, Look};
use crate::inbox::{Inbox, Wake, Work};
use crate::partition::Shared;
use crate::settings::PANICS_MAX;
use card::{CardId, PartitionId, Position};
use card_store::CardStore;

/// Looks at this many cards for one to passivate before it lets the number grow.
const SECOND_CHANCES_MAX: usize = 64;

struct LiveCard {
    inbox: Arc<Inbox>,
    actor: ActorRef<Look>,
    used_at: Instant,
}

impl LiveCard {
    fn take(&mut self, work: Work, now: Instant) {
        self.used_at = now;
        if self.inbox.push(work) == Wake::Needed {
            look(&self.actor);
        }
    }
}

/// The live cards of one worker.
pub(crate) struct LiveCards<S> {
    shared: Arc<Shared<S>>,
    cards: HashMap<CardId, LiveCard>,
    /// Cards in the order in which they are looked at for passivation.
    queue: VecDeque<CardId>,
    cards_max: usize,
    supervisor: ActorCell,
    crashes: Arc<Crashes>,
    gauge: metrics::Gauge,
}

/// Actors that crashed since they were last looked at.
#[derive(Debug, Default)]
struct Crashes {
    ids: Mutex<Vec<ActorId>>,
    signal: Arc<Notify>,
}

/// What a crash leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterCrash {
    /// The card was loaded again and tries once more.
    Restarted,
    /// The same command crashed too often.
    Poison(PartitionId, Position),
}

impl<S: CardStore> LiveCards<S> {
    pub(crate) async fn new(
        shared: Arc<Shared<S>>,
        cards_max: usize,
    ) -> Result<Self, ractor::SpawnErr> {
        let crashes = Arc::<Crashes>::default();
        let on_crash = Supervisor {
            crashes: Arc::clone(&crashes),
        };
        let (supervisor, _) = Actor::spawn(None, on_crash, ()).await?;
        Ok(Self {
            shared,
            cards: HashMap::new(),
            queue: VecDeque::new(),
            cards_max,
            supervisor: supervisor.get_cell(),
            crashes,
            gauge: metrics::gauge!(crate::metric_names::LIVE_CARDS),
        })
    }

    /// Told when an actor crashed.
    pub(crate) fn crash_signal(&self) -> Arc<Notify> {
        Arc::clone(&self.crashes.signal)
    }

    /// Hands a command, for which a credit was taken, to its card's actor.
    pub(crate) async fn route(&mut self, work: Work, now: Instant) -> Result<(), ractor::SpawnErr> {
        let card = work.command.card;
        if let Some(live) = self.cards.get_mut(&card) {
            live.take(work, now);
            return Ok(());
        }
        self.make_room();
        self.start(card, Arc::default(), now).await?;
        if let Some(live) = self.cards.get_mut(&card) {
            live.take(work, now);
        }
        Ok(())
    }

    async fn start(
        &mut self,
        card: CardId,
        inbox: Arc<Inbox>,
        used_at: Instant,
    ) -> Result<(), ractor::SpawnErr> {
        let arguments = (card, Arc::clone(&self.shared), Arc::clone(&inbox));
        let supervisor = self.supervisor.clone();
        let spawned = Actor::spawn_linked(None, CardActor::new(), arguments, supervisor).await?;
        let live = LiveCard {
            inbox,
            actor: spawned.0,
            used_at,
        };
        if self.cards.insert(card, live).is_none() {
            self.queue.push_back(card);
            self.gauge.increment(1);
        }
        Ok(())
    }

    fn make_room(&mut self) {
        if self.cards.len() < self.cards_max {
            return;
        }
        for _ in 0..SECOND_CHANCES_MAX {
            let Some(card) = self.queue.pop_front() else {
                return;
            };
            if self.passivate(card, |_| true) {
                return;
            }
        }
    }

    /// Stops the actors of cards that had no command for `idle`.
    pub(crate) fn passivate_idle(&mut self, idle: Duration, now: Instant) {
        for _ in 0..self.queue.len() {
            let Some(card) = self.queue.pop_front() else {
                return;
            };
            self.passivate(card, |live| now.duration_since(live.used_at) >= idle);
        }
    }

    /// Stops one actor, if it has nothing to do. Its writes are all in the store, where the next
    /// load sees them.
    fn passivate(&mut self, card: CardId, wanted: impl Fn(&LiveCard) -> bool) -> bool {
        let Some(live) = self.cards.get(&card) else {
            return false;
        };
        if !wanted(live) || !live.inbox.is_idle() {
            self.queue.push_back(card);
            return false;
        }
        live.actor.stop(None);
        self.cards.remove(&card);
        self.gauge.decrement(1);
        true
    }

    /// Restarts the cards whose actors crashed; a restarted actor reads its state again (OWN-1).
    pub(crate) async fn restart_crashed(&mut self) -> Result<Vec<AfterCrash>, ractor::SpawnErr> {
        let crashed = std::mem::take(&mut *self.crashes.ids.lock());
        let mut after = Vec::new();
        for id in crashed {
            let found = self
                .cards
                .iter()
                .find(|(_, live)| live.actor.get_id() == id);
            let Some((card, inbox)) = found.map(|(card, live)| (*card, Arc::clone(&live.inbox)))
            else {
                continue;
            };
            after.push(self.restart(card, inbox).await?);
        }
        Ok(after)
    }

    async fn restart(
        &mut self,
        card: CardId,
        inbox: Arc<Inbox>,
    ) -> Result<AfterCrash, ractor::SpawnErr> {
        if let Some((position, crashes)) = inbox.head()
            && crashes >= PANICS_MAX
        {
            return Ok(AfterCrash::Poison(position.partition, position));
        }
        let used_at = Instant::now();
        self.start(card, inbox, used_at).await?;
        if let Some(live) = self.cards.get(&card) {
            look(&live.actor);
        }
        Ok(AfterCrash::Restarted)
    }

    /// Stops every actor (OWN-1).
    pub(crate) fn drop_all(&mut self) {
        for card in self.queue.drain(..) {
            if let Some(live) = self.cards.remove(&card) {
                live.actor.stop(None);
            }
        }
        self.gauge.set(0);
        self.supervisor.stop(None);
    }
}

fn look(actor: &ActorRef<Look>) {
    if actor.cast(Look).is_err() {
        // It crashed a moment ago: its inbox keeps the command and the restart looks at it.
        tracing::debug!("actor is gone, its restart will look");
    }
}

/// Hears of crashes.
struct Supervisor {
    crashes: Arc<Crashes>,
}

impl Actor for Supervisor {
    type Msg = Look;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Look>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Look>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(cell, error) = event {
            tracing::error!(%error, "card actor crashed");
            self.crashes.ids.lock().push(cell.get_id());
            self.crashes.signal.notify_one();
        }
        Ok(())
    }
}
