//! Parked exchanges of one connection: a bounded table with deadlines.

/// Most exchanges that one table can hold; a slot number must fit its bits of an [`ExchangeId`].
pub const EXCHANGES_IN_FLIGHT_MAX: usize = 10_000;

const SLOT_BITS: u32 = 14;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
/// Bits of an id as a number: a slot and a generation of 32 bits.
const ID_BITS: u32 = SLOT_BITS + 32;

const _: () = assert!(EXCHANGES_IN_FLIGHT_MAX <= SLOT_MASK as usize + 1);

/// Names one parked exchange for as long as anybody may still answer it.
///
/// Each `park` takes the next generation, so a late answer does not fit the exchange that has its
/// slot now. A generation comes again after 2^32 exchanges; nothing is late by that many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExchangeId {
    slot: u16,
    generation: u32,
}

impl ExchangeId {
    /// How many low bits [`Self::to_bits`] uses; a caller may put its own number above them.
    pub const BITS: u32 = ID_BITS;

    /// The id as a number below `2^BITS`.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << SLOT_BITS | u64::from(self.slot)
    }

    /// Reads the low [`Self::BITS`] bits. Any number gives an id, though one that may name nothing.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        // Both parts fit after the mask and the shift; what is above them is the caller's.
        let slot = u16::try_from(bits & SLOT_MASK).unwrap_or(u16::MAX);
        let generation = (bits >> SLOT_BITS) & u64::from(u32::MAX);
        Self {
            slot,
            generation: u32::try_from(generation).unwrap_or(u32::MAX),
        }
    }
}

/// All slots are taken: the request is refused, because queueing it would break its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all {in_flight_max} exchanges of the link are in flight, answer or expire one first")]
pub struct Full {
    /// The bound that was reached.
    pub in_flight_max: usize,
}

/// Exchanges that wait for an answer, each with what is needed to write it.
///
/// Memory grows with the most that were ever in flight at once, up to the bound.
#[derive(Debug)]
pub struct Exchanges<T> {
    slots: Vec<Option<Parked<T>>>,
    /// Slots that were used and are free again; the last one freed is taken first.
    free: Vec<u16>,
    generation_next: u32,
    in_flight_max: usize,
}

#[derive(Debug)]
struct Parked<T> {
    generation: u32,
    deadline_ms: u64,
    payload: T,
}

impl<T> Exchanges<T> {
    /// An empty table for at most `in_flight_max` exchanges, itself at most
    /// [`EXCHANGES_IN_FLIGHT_MAX`].
    ///
    /// A table that takes the place of an earlier one under the same address goes on with that
    /// one's [`Self::generation_next`]; the first starts at 0.
    #[must_use]
    pub fn new(in_flight_max: usize, generation_next: u32) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            generation_next,
            in_flight_max: in_flight_max.min(EXCHANGES_IN_FLIGHT_MAX),
        }
    }

    /// Parks an exchange until `deadline_ms` of the caller's monotonic clock.
    ///
    /// # Errors
    /// [`Full`], and the payload comes back, when the bound is reached.
    pub fn park(&mut self, payload: T, deadline_ms: u64) -> Result<ExchangeId, (Full, T)> {
        let Some(slot) = self.free_slot() else {
            return Err((
                Full {
                    in_flight_max: self.in_flight_max,
                },
                payload,
            ));
        };
        let generation = self.generation_next;
        self.generation_next = generation.wrapping_add(1);
        let parked = Some(Parked {
            generation,
            deadline_ms,
            payload,
        });
        match self.slots.get_mut(usize::from(slot)) {
            Some(place) => *place = parked,
            None => self.slots.push(parked),
        }
        Ok(ExchangeId { slot, generation })
    }

    /// Takes an exchange out to answer it; `None` when it was answered or has expired.
    pub fn take(&mut self, id: ExchangeId) -> Option<T> {
        let place = self.slots.get_mut(usize::from(id.slot))?;
        let parked = place.take_if(|parked| parked.generation == id.generation)?;
        self.free.push(id.slot);
        Some(parked.payload)
    }

    /// Takes out every exchange whose deadline is at or before `now_ms`, in no set order.
    pub fn expire(&mut self, now_ms: u64) -> Vec<T> {
        let mut expired = Vec::new();
        if self.is_empty() {
            return expired;
        }
        for (slot, place) in (0..).zip(&mut self.slots) {
            if let Some(parked) = place.take_if(|parked| parked.deadline_ms <= now_ms) {
                self.free.push(slot);
                expired.push(parked.payload);
            }
        }
        expired
    }

    /// How many are in flight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    /// Whether none is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most that may be in flight.
    #[must_use]
    pub fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    /// The generation that the next exchange gets.
    #[must_use]
    pub fn generation_next(&self) -> u32 {
        self.generation_next
    }

    fn free_slot(&mut self) -> Option<u16> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        if self.slots.len() >= self.in_flight_max {
            return None;
        }
        u16::try_from(self.slots.len()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_late_answer_does_not_fit_the_exchange_that_has_its_slot_now() {
        let mut exchanges = Exchanges::new(1, 0);
        let first = exchanges.park("first", 10).unwrap();
        assert_eq!(exchanges.expire(10), ["first"]);
        let second = exchanges.park("second", 20).unwrap();
        assert_eq!(first.slot, second.slot);
        assert_eq!(exchanges.take(first), None);
        assert_eq!(exchanges.take(second), Some("second"));
        assert_eq!(exchanges.take(second), None);
    }

    #[test]
    fn a_full_table_gives_the_payload_back() {
        let mut exchanges = Exchanges::new(2, 0);
        let first = exchanges.park(1, 10).unwrap();
        exchanges.park(2, 10).unwrap();
        assert_eq!(exchanges.park(3, 10), Err((Full { in_flight_max: 2 }, 3)));
        exchanges.take(first).unwrap();
        assert!(exchanges.park(3, 10).is_ok());
    }

    #[test]
    fn a_successor_goes_on_with_the_generation() {
        let mut before = Exchanges::new(4, u32::MAX);
        let late = before.park((), 1).unwrap();
        let mut after = Exchanges::new(4, before.generation_next());
        let id = after.park((), 1).unwrap();
        assert_eq!((late.generation, id.generation), (u32::MAX, 0));
        assert_eq!(after.take(late), None);
    }

    #[test]
    fn bound_is_cut_to_what_an_id_can_name() {
        let mut exchanges = Exchanges::new(usize::MAX, 0);
        assert_eq!(exchanges.in_flight_max(), EXCHANGES_IN_FLIGHT_MAX);
        for _ in 0..EXCHANGES_IN_FLIGHT_MAX {
            exchanges.park((), 1).unwrap();
        }
        assert!(exchanges.park((), 1).is_err());
        assert_eq!(exchanges.expire(0).len(), 0);
        assert_eq!(exchanges.expire(1).len(), EXCHANGES_IN_FLIGHT_MAX);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Park { timeout_ms: u64 },
        Take { nth: usize },
        Expire { later_ms: u64 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0u64..50).prop_map(|timeout_ms| Step::Park { timeout_ms }),
            3 => any::<usize>().prop_map(|nth| Step::Take { nth }),
            1 => (0u64..30).prop_map(|later_ms| Step::Expire { later_ms }),
        ];
        prop::collection::vec(step, 0..200)
    }

    /// The same in the plainest form: a list of what is parked, and every id that was ever given.
    #[derive(Default)]
    struct Model {
        given: Vec<(ExchangeId, usize)>,
        parked: Vec<(ExchangeId, u64, usize)>,
        now_ms: u64,
    }

    impl Model {
        fn take(&mut self, id: ExchangeId) -> Option<usize> {
            let index = self
                .parked
                .iter()
                .position(|(parked, _, _)| *parked == id)?;
            Some(self.parked.remove(index).2)
        }

        fn expire(&mut self) -> Vec<usize> {
            let now_ms = self.now_ms;
            let expired = self
                .parked
                .iter()
                .filter(|(_, deadline_ms, _)| *deadline_ms <= now_ms);
            let expired = expired.map(|(_, _, payload)| *payload).collect();
            self.parked
                .retain(|(_, deadline_ms, _)| *deadline_ms > now_ms);
            expired
        }
    }

    proptest! {
        #[test]
        fn behaves_as_the_plain_list(steps in steps(), in_flight_max in 0usize..8, start: u32) {
            let mut exchanges = Exchanges::new(in_flight_max, start);
            let mut model = Model::default();
            for (payload, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Park { timeout_ms } => {
                        let deadline_ms = model.now_ms + timeout_ms;
                        let parked = exchanges.park(payload, deadline_ms);
                        prop_assert_eq!(parked.is_ok(), model.parked.len() < in_flight_max);
                        if let Ok(id) = parked {
                            model.given.push((id, payload));
                            model.parked.push((id, deadline_ms, payload));
                        }
                    }
                    Step::Take { nth } => {
                        let Some(index) = nth.checked_rem(model.given.len()) else { continue };
                        let (id, payload) = model.given[index];
                        let taken = exchanges.take(id);
                        prop_assert_eq!(taken, model.take(id));
                        prop_assert!(taken.is_none_or(|taken| taken == payload));
                    }
                    Step::Expire { later_ms } => {
                        model.now_ms += later_ms;
                        let mut expired = exchanges.expire(model.now_ms);
                        expired.sort_unstable();
                        prop_assert_eq!(expired, model.expire());
                    }
                }
                prop_assert_eq!(exchanges.len(), model.parked.len());
            }
        }

        #[test]
        fn ids_survive_as_numbers(slot in 0u16..10_000, generation: u32, above in 0u64..1 << 18) {
            let id = ExchangeId { slot, generation };
            prop_assert!(id.to_bits() < 1 << ExchangeId::BITS);
            prop_assert_eq!(ExchangeId::from_bits(above << ExchangeId::BITS | id.to_bits()), id);
        }

        #[test]
        fn any_number_is_safe_to_take(bits: u64) {
            let mut exchanges = Exchanges::new(4, 7);
            let id = exchanges.park((), 1).unwrap();
            let taken = exchanges.take(ExchangeId::from_bits(bits));
            prop_assert_eq!(taken.is_some(), bits & ((1 << ExchangeId::BITS) - 1) == id.to_bits());
        }
    }
}
