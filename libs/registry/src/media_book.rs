//! The port that the switch finds media by: a database of its own folder, or one for many machines.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use crate::media::{ListingCursor, Media, MediaError};
use crate::medium_codec::{Medium, RegisteredMedium};
use card::{CardId, ProgrammeId};
use pan::PanHash;

/// What a book promises to come back with.
pub type MediaFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, MediaError>> + Send + 'a>>;

/// Where media are found and added. What was added never changes.
pub trait MediaBook: Debug + Send + Sync + 'static {
    /// Whether [`MediaBook::fetch`] must come before [`MediaBook::find_medium`].
    fn is_remote(&self) -> bool;

    /// Brings media to hand, for the look-ups that follow at once. What is not there is asked for
    /// again by the next fetch, since it may be added at any time.
    fn fetch<'a>(&'a self, hashes: &'a [PanHash]) -> MediaFuture<'a, ()>;

    /// Finds a medium that is at hand, by the hash of its number.
    ///
    /// # Errors
    /// When it cannot be known whether there is one: the database cannot be read.
    fn find_medium(&self, hash: &PanHash) -> Result<Option<Medium>, MediaError>;

    /// Adds media; see [`Media::add_media`].
    fn add_media<'a>(&'a self, entries: &'a [RegisteredMedium]) -> MediaFuture<'a, ()>;

    /// The media of one card, by number.
    fn media_of(&self, card: CardId) -> MediaFuture<'_, Vec<RegisteredMedium>>;

    /// The media of one programme behind `after`, at most `max`, in an order of the book's own.
    fn media_of_programme(
        &self,
        programme: ProgrammeId,
        after: Option<ListingCursor>,
        max: usize,
    ) -> MediaFuture<'_, Vec<RegisteredMedium>>;
}

impl MediaBook for Media {
    fn is_remote(&self) -> bool {
        false
    }

    fn fetch<'a>(&'a self, _: &'a [PanHash]) -> MediaFuture<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn find_medium(&self, hash: &PanHash) -> Result<Option<Medium>, MediaError> {
        Self::find_medium(self, hash)
    }

    fn add_media<'a>(&'a self, entries: &'a [RegisteredMedium]) -> MediaFuture<'a, ()> {
        Box::pin(std::future::ready(Self::add_media(self, entries)))
    }

    fn media_of(&self, card: CardId) -> MediaFuture<'_, Vec<RegisteredMedium>> {
        Box::pin(std::future::ready(Self::media_of(self, card)))
    }

    fn media_of_programme(
        &self,
        programme: ProgrammeId,
        after: Option<ListingCursor>,
        max: usize,
    ) -> MediaFuture<'_, Vec<RegisteredMedium>> {
        let found = Self::media_of_programme(self, programme, after, max);
        Box::pin(std::future::ready(found))
    }
}
