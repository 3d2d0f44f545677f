//! Listing media by card and by programme.

use crate::media::{CqlMedia, database, hash_of};
use card::{CardId, ProgrammeId};
use card_store_scylla::{Fault, all_rows};
use pan::PanHash;
use registry::{ListingCursor, MediaError, RegisteredMedium};

/// Parts of a programme's list, so that none grows too large; fixed for life.
const BUCKETS: u32 = 128;

/// The part of its programme's list that a card is in.
pub(crate) fn bucket(card: CardId) -> i32 {
    let part = crc32fast::hash(card.as_bytes()) % BUCKETS;
    i32::try_from(part).expect("less than BUCKETS")
}

impl CqlMedia {
    /// The media of one card, by number.
    ///
    /// # Errors
    /// When the database does not answer or is damaged.
    pub async fn media_of(&self, card: CardId) -> Result<Vec<RegisteredMedium>, MediaError> {
        let statement = &self.statements().of_card;
        let rows = self
            .session()
            .read(statement, (&card.as_bytes()[..],))
            .await
            .map_err(database)?;
        let entries = all_rows::<Columns>(&rows)
            .and_then(entries_of)
            .map_err(database)?;
        self.listed(&entries).await
    }

    /// The media of one programme behind `after`, at most `max`: bucket by bucket, in each in the
    /// order of cards and numbers. Fewer than `max` are the last ones.
    ///
    /// # Errors
    /// When the database does not answer or is damaged.
    pub async fn media_of_programme(
        &self,
        programme: ProgrammeId,
        after: Option<ListingCursor>,
        max: usize,
    ) -> Result<Vec<RegisteredMedium>, MediaError> {
        let mut listed = Vec::new();
        let first = after.map_or(0, |after| bucket(after.card));
        let last = i32::try_from(BUCKETS).expect("a small number");
        let mut after = after;
        for bucket in first..last {
            while listed.len() < max {
                let page = (programme, bucket, after.take());
                let entries = self
                    .page(page, max - listed.len())
                    .await
                    .map_err(database)?;
                let Some(end) = entries.last() else {
                    break;
                };
                after = Some(end.cursor);
                listed.extend(self.listed(&entries).await?);
            }
            after = None;
        }
        Ok(listed)
    }

    async fn page(
        &self,
        (programme, bucket, after): (ProgrammeId, i32, Option<ListingCursor>),
        max: usize,
    ) -> Result<Vec<Entry>, Fault> {
        // No id at all is less than every card's.
        let (card, number) = after.map_or((Vec::new(), 0), |after| {
            (after.card.as_bytes().to_vec(), i32::from(after.number))
        });
        let limit = i32::try_from(max).unwrap_or(i32::MAX);
        let values = (i32::from(programme.0), bucket, card, number, limit);
        let rows = self
            .session()
            .read(&self.statements().of_programme, values)
            .await?;
        all_rows::<Columns>(&rows).and_then(entries_of)
    }

    /// The media that entries of a list name. An entry without its medium is from an add that did
    /// not come to its end.
    async fn listed(&self, entries: &[Entry]) -> Result<Vec<RegisteredMedium>, MediaError> {
        let hashes: Vec<PanHash> = entries.iter().map(|entry| entry.hash).collect();
        let found = self.find_all(&hashes).await?;
        let media = entries.iter().zip(found).filter_map(|(entry, medium)| {
            let medium = medium?;
            let is_its = medium.card == entry.cursor.card && medium.number == entry.cursor.number;
            is_its.then_some(RegisteredMedium {
                hash: entry.hash,
                medium,
            })
        });
        Ok(media.collect())
    }
}

/// One entry of a list.
struct Entry {
    cursor: ListingCursor,
    hash: PanHash,
}

type Columns = (Vec<u8>, i32, Option<Vec<u8>>);

fn entries_of(rows: Vec<Columns>) -> Result<Vec<Entry>, Fault> {
    let by_hand = || Fault::Refused("a list of media was written by hand".to_owned());
    let entries = rows.into_iter().map(|(card, number, hash)| {
        let card = <[u8; 16]>::try_from(&*card).map_err(|_| by_hand())?;
        let number = u8::try_from(number).map_err(|_| by_hand())?;
        let cursor = ListingCursor {
            card: CardId::from_bytes(card),
            number,
        };
        Ok(Entry {
            cursor,
            hash: hash_of(&hash.unwrap_or_default())?,
        })
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_pinned() {
        let buckets = [0, 1, 2, 3].map(|number| bucket(CardId::new(1, [number; 14])));
        assert_eq!(buckets, [61, 38, 74, 81]); // As any other CRC-32 says.
    }

    #[test]
    fn buckets_are_even() {
        let mut counts = [0_u32; BUCKETS as usize];
        for number in 0..128_000_u32 {
            let mut own = [0; 14];
            own[..4].copy_from_slice(&number.to_be_bytes());
            counts[usize::try_from(bucket(CardId::new(1, own))).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1_200).contains(count)),
            "{counts:?}"
        );
    }
}
