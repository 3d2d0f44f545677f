//! The port of the registry over the cluster's tables.

use card::{CardId, ProgrammeId};
use pan::PanHash;
use registry::{ListingCursor, MediaBook, MediaError, MediaFuture, Medium, RegisteredMedium};

use crate::at_hand::Known;
use crate::media::CqlMedia;

impl MediaBook for CqlMedia {
    fn is_remote(&self) -> bool {
        true
    }

    fn fetch<'a>(&'a self, hashes: &'a [PanHash]) -> MediaFuture<'a, ()> {
        Box::pin(self.fetch_all(hashes))
    }

    /// What no fetch of this moment has brought is not known, which is not the same as missing.
    fn find_medium(&self, hash: &PanHash) -> Result<Option<Medium>, MediaError> {
        match self.at_hand(hash) {
            Known::Medium(medium) => Ok(Some(medium)),
            Known::Missing => Ok(None),
            Known::Unknown => {
                let text = "the medium could not be fetched; it may be asked for again";
                Err(MediaError::Database(text.to_owned()))
            }
        }
    }

    fn add_media<'a>(&'a self, entries: &'a [RegisteredMedium]) -> MediaFuture<'a, ()> {
        Box::pin(Self::add_media(self, entries))
    }

    fn media_of(&self, card: CardId) -> MediaFuture<'_, Vec<RegisteredMedium>> {
        Box::pin(Self::media_of(self, card))
    }

    fn media_of_programme(
        &self,
        programme: ProgrammeId,
        after: Option<ListingCursor>,
        max: usize,
    ) -> MediaFuture<'_, Vec<RegisteredMedium>> {
        Box::pin(Self::media_of_programme(self, programme, after, max))
    }
}
