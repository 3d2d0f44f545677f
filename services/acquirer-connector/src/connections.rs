//! All open connections of this process, found by number when replies are delivered.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::connection::{Connection, Limits};
use card::{Reply, ReplyTo};
use link::{ExchangeId, Exchanges};

/// Places of connections. A place is used again, its exchange generations go on.
#[derive(Default)]
pub(crate) struct Connections {
    places: RwLock<Places>,
}

#[derive(Default)]
struct Places {
    places: Vec<Place>,
    free: Vec<u32>,
}

struct Place {
    connection: Option<Arc<Connection>>,
    generation_next: u32,
}

impl Connections {
    /// Adds a connection.
    pub(crate) fn open(&self, in_flight_max: usize, limits: Limits) -> Arc<Connection> {
        let mut places = self.places.write();
        let number = places.free_number();
        let place = places.at(number);
        let exchanges = Exchanges::new(in_flight_max, place.generation_next);
        let connection = Arc::new(Connection::new(number, exchanges, limits));
        place.connection = Some(Arc::clone(&connection));
        connection
    }

    /// Takes a connection out; returns how many of its exchanges are left unanswered.
    pub(crate) fn close(&self, connection: &Connection) -> usize {
        let mut places = self.places.write();
        let (in_flight, generation_next) = connection.close();
        let place = places.at(connection.number);
        *place = Place {
            connection: None,
            generation_next,
        };
        places.free.push(connection.number);
        in_flight
    }

    /// Does something with each open connection, without the lock.
    pub(crate) fn for_each(&self, mut act: impl FnMut(&Connection)) {
        let open: Vec<_> = {
            let places = self.places.read();
            places
                .places
                .iter()
                .filter_map(|place| place.connection.clone())
                .collect()
        };
        for connection in open {
            act(&connection);
        }
    }

    /// Hands replies to their connections, each woken once, and empties the list; returns how many
    /// came too late.
    ///
    /// Replies of one connection keep their order. Both lists keep their memory: thousands of
    /// replies come in one go, a hundred times a second.
    pub(crate) fn deliver(&self, delivery: &mut Delivery) -> usize {
        let Delivery { addressed, batch } = delivery;
        addressed.sort_unstable_by_key(|(address, order, _)| (address.connection, *order));
        let places = self.places.read();
        let mut late = 0;
        for group in addressed.chunk_by(|(a, ..), (b, ..)| a.connection == b.connection) {
            batch.clear();
            batch.extend(
                group
                    .iter()
                    .map(|(address, _, reply)| (address.exchange, *reply)),
            );
            let number = group.first().map(|(address, ..)| address.connection);
            late += match number.and_then(|number| places.get(number)) {
                Some(connection) => connection.deliver(batch),
                None => batch.len(),
            };
        }
        addressed.clear();
        late
    }
}

/// Replies on their way to connections.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    addressed: Vec<(Address, u32, Reply)>,
    batch: Vec<(ExchangeId, Reply)>,
}

impl Delivery {
    /// Adds a reply behind the others.
    pub(crate) fn add(&mut self, address: Address, reply: Reply) {
        let order = u32::try_from(self.addressed.len()).unwrap_or(u32::MAX);
        self.addressed.push((address, order, reply));
    }
}

impl Places {
    fn free_number(&mut self) -> u32 {
        if let Some(number) = self.free.pop() {
            return number;
        }
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(Place {
            connection: None,
            generation_next: 0,
        });
        number
    }

    fn get(&self, number: u32) -> Option<&Connection> {
        self.places
            .get(usize::try_from(number).ok()?)?
            .connection
            .as_deref()
    }

    fn at(&mut self, number: u32) -> &mut Place {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        self.places
            .get_mut(index)
            .expect("a number was given for a place that exists")
    }
}

/// Where a reply goes: a connection and one of its exchanges, in the one number of a reply address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) connection: u32,
    pub(crate) exchange: ExchangeId,
}

impl Address {
    pub(crate) fn to_reply_to(self, (partition, incarnation): (u16, u64)) -> ReplyTo {
        let connection = u64::from(self.connection) << ExchangeId::BITS;
        ReplyTo {
            partition,
            incarnation,
            exchange: connection | self.exchange.to_bits(),
        }
    }

    pub(crate) fn of(reply_to: ReplyTo) -> Self {
        Self {
            connection: u32::try_from(reply_to.exchange >> ExchangeId::BITS).unwrap_or(u32::MAX),
            exchange: ExchangeId::from_bits(reply_to.exchange),
        }
    }
}

const _: () = assert!(crate::settings::CONNECTIONS_MAX <= 1 << (u64::BITS - ExchangeId::BITS));
