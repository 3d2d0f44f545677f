//! Cards that are worked on at once: as many as keep a store on the network busy, and no more bytes
//! of them than fit in memory.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::exit::Failure;

/// Cards that are worked on at once.
const CARDS_MAX: u32 = 64;
/// What they may take together, in units of 1,024 bytes. A larger card is worked on alone.
const ROOM_KIB: u32 = 64 * 1024;

/// The tasks that work on cards.
#[derive(Debug)]
pub(super) struct Flight<T> {
    room: Arc<Semaphore>,
    tasks: JoinSet<T>,
}

impl<T: Send + 'static> Flight<T> {
    pub(super) fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(
                usize::try_from(ROOM_KIB).unwrap_or(usize::MAX),
            )),
            tasks: JoinSet::new(),
        }
    }

    /// Starts work on a card of `size` bytes as soon as there is room for it.
    pub(super) async fn start(
        &mut self,
        size: usize,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<(), Failure> {
        let size = u32::try_from(size / 1024 + 1).unwrap_or(u32::MAX);
        let size = size.clamp(ROOM_KIB / CARDS_MAX, ROOM_KIB);
        let room = Arc::clone(&self.room).acquire_many_owned(size).await;
        let room = room.map_err(Failure::start_error)?;
        self.tasks.spawn(async move {
            let done = work.await;
            drop(room);
            done
        });
        Ok(())
    }

    /// What is done by now, one after the other.
    pub(super) fn done(&mut self) -> Result<Option<T>, Failure> {
        let done = self.tasks.try_join_next();
        done.transpose().map_err(Failure::start_error)
    }

    /// Waits for what is still worked on, one after the other.
    pub(super) async fn wait(&mut self) -> Result<Option<T>, Failure> {
        let done = self.tasks.join_next().await;
        done.transpose().map_err(Failure::start_error)
    }
}
