//! What commands of the back office work on: the cards, media and totals of a switch, wherever they
//! are kept. Embedded, that is the folder of a stopped switch; in the cluster, its card store while
//! it runs.

use std::collections::BTreeMap;

use crate::engine::{Engine, Opening};
use crate::exit::Failure;
use card::{CardId, Command, Outcome};
use card_processor::ControlTotals;
use card_store::CardStore;
use pan::{PanHash, PanHasher};
use registry::{MediaBook, Medium};
use settings::Settings;

/// Media asked for in one go.
const MEDIA_PER_FETCH: usize = 4_096;

/// The books of a switch.
pub(crate) trait Books: Sync {
    /// Keeps the cards.
    type Store: CardStore;

    fn store(&self) -> &Self::Store;

    fn media(&self) -> &dyn MediaBook;

    fn hasher(&self) -> &PanHasher;

    fn partition_count(&self) -> u16;

    /// Waits until everything that was asked is decided, and tells what was booked, as counted while
    /// deciding. What is read afterwards, while nobody asks anything, belongs to it.
    fn settled(&self) -> impl Future<Output = Result<ControlTotals, Failure>> + Send;

    /// Has commands of our own decided, and tells how each ended, in no order.
    fn ask(
        &self,
        commands: Vec<Command>,
    ) -> impl Future<Output = Result<Vec<Outcome>, Failure>> + Send;

    /// Gives the books back.
    fn close(self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The medium with this hash, fetched.
    async fn find_medium(&self, hash: &PanHash) -> Result<Option<Medium>, Failure> {
        let hashes = std::slice::from_ref(hash);
        self.media()
            .fetch(hashes)
            .await
            .map_err(Failure::start_error)?;
        self.media().find_medium(hash).map_err(Failure::start_error)
    }

    /// The cards of many media, fetched page by page.
    async fn cards_of(&self, hashes: &[PanHash]) -> Result<BTreeMap<PanHash, CardId>, Failure> {
        let mut cards = BTreeMap::new();
        for page in hashes.chunks(MEDIA_PER_FETCH) {
            let fetched = self.media().fetch(page).await;
            fetched.map_err(Failure::start_error)?;
            for hash in page {
                let found = self.media().find_medium(hash);
                let found = found.map_err(Failure::start_error)?;
                cards.extend(found.map(|medium| (*hash, medium.card)));
            }
        }
        Ok(cards)
    }
}

/// What is done with the books of a switch, whatever keeps them.
pub(crate) trait Work {
    /// What comes of it.
    type Done;

    async fn on<B: Books>(self, books: &B) -> Result<Self::Done, Failure>;
}

/// Opens the books that the settings name, works on them, and gives them back.
pub(crate) async fn work_on<W: Work>(
    settings: &Settings,
    opening: Opening,
    work: W,
) -> Result<W::Done, Failure> {
    if let Some(cluster) = &settings.cluster {
        return crate::cluster::work_on_books(settings, cluster, work).await;
    }
    let engine = Engine::open(settings, opening).await?;
    if opening == Opening::CreateIfNew {
        engine.take_up(settings).await?;
    }
    let done = work.on(&engine).await;
    Books::close(engine).await?;
    done
}

impl Books for Engine {
    type Store = card_store_embedded::EmbeddedStore;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn media(&self) -> &dyn MediaBook {
        &*self.media
    }

    fn hasher(&self) -> &PanHasher {
        &self.hasher
    }

    fn partition_count(&self) -> u16 {
        self.partition_count()
    }

    async fn settled(&self) -> Result<ControlTotals, Failure> {
        let kept = self.processor.checkpoint().await; // With every cut that was passed.
        kept.map_err(Failure::start_error)?;
        Ok(self.processor.totals().0)
    }

    async fn ask(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, Failure> {
        Self::ask(self, commands).await
    }

    async fn close(self) -> Result<(), Failure> {
        Self::close(self).await
    }
}
