//! What was written, read back from the target and compared with the archive byte by byte.

use std::sync::Arc;

use super::archive::{Archive, Item, Told};
use super::copy::{CardCopy, CopyError, read_cuts};
use super::flight::Flight;
use super::target::Target;
use super::verify::{Tally, Verified, differences};
use crate::check::Progress;
use crate::exit::Failure;
use card::{PartitionId, ProgrammeId};
use card_store::{CardStore as _, CutTotals, PartitionCheckpoint};
use pan::PanHash;
use registry::{ListingCursor, RegisteredMedium};

/// Cards, and media, that are read in one go.
const PER_PAGE: usize = 4_096;

/// A card of the archive and what the target has of it.
type Compared = (CardCopy, Result<Option<CardCopy>, CopyError>);

/// The last pass of an import.
#[derive(Debug)]
pub(super) struct ReadBack<'a, T> {
    target: Arc<T>,
    archive: &'a Archive,
    tally: Tally,
    media: Vec<RegisteredMedium>,
}

impl<'a, T: Target> ReadBack<'a, T> {
    pub(super) fn new(target: Arc<T>, archive: &'a Archive) -> Self {
        Self {
            tally: Tally::new(target.shape().partition_count),
            target,
            archive,
            media: Vec::new(),
        }
    }

    /// Proves what was written, and then writes the checkpoints that let it be used.
    pub(super) async fn run(mut self, verified: &Verified) -> Result<Told, Failure> {
        self.everything().await?;
        self.nothing_else(&verified.tally).await?;
        self.refuse_if_wrong()?;
        let kept = self.target.keep_cuts(&verified.cuts).await;
        kept.map_err(Failure::start_error)?;
        self.cuts(&verified.cuts).await?;
        let kept = self.target.keep_checkpoints(&verified.checkpoints).await;
        kept.map_err(Failure::start_error)?;
        self.checkpoints(&verified.checkpoints).await?;
        self.tally.conclude();
        let here = self.tally.told();
        for what in differences(&self.archive.manifest.told(), &here) {
            self.wrong(what);
        }
        self.refuse_if_wrong()?;
        Ok(here)
    }

    async fn everything(&mut self) -> Result<(), Failure> {
        let mut flight: Flight<Compared> = Flight::new();
        let mut reader = self.archive.reader();
        let mut progress = Progress::new();
        while let Some(item) = reader.next()? {
            match item {
                Item::Rules(rules) => match self.target.bundles().find(&rules.hash()) {
                    Ok(found) if *found == rules => self.tally.rules(),
                    Ok(_) => self.wrong("a rules bundle is not the archive's"),
                    Err(error) => self.wrong(error.to_string()),
                },
                Item::Checkpoint(_) | Item::Cut(_) => {}
                Item::Medium(medium) => self.media.push(medium),
                Item::Card(copy) => {
                    let target = Arc::clone(&self.target);
                    let size = 2 * copy.size();
                    let compared = async move {
                        let found = CardCopy::read(target.store(), copy.card).await;
                        (copy, found)
                    };
                    flight.start(size, compared).await?;
                }
            }
            while let Some(compared) = flight.done()? {
                self.card(compared)?;
                progress.tell(&self.tally.audit);
            }
            if self.media.len() >= PER_PAGE {
                self.compare_media().await?;
            }
        }
        while let Some(compared) = flight.wait().await? {
            self.card(compared)?;
        }
        progress.end();
        self.compare_media().await
    }

    fn card(&mut self, (copy, found): Compared) -> Result<(), Failure> {
        let what = match found {
            Ok(Some(found)) => {
                self.tally.card(&found);
                differs(&copy, &found)
            }
            Ok(None) => Some("is not there".to_owned()),
            Err(CopyError::Store(error @ card_store::StoreError::Unavailable(_))) => {
                return Err(Failure::start_error(error));
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(what) = what {
            let findings = &mut self.tally.audit.findings;
            findings.add(Some(copy.card), Some(copy.state.version), what);
        }
        Ok(())
    }

    async fn compare_media(&mut self) -> Result<(), Failure> {
        let media = std::mem::take(&mut self.media);
        let hashes: Vec<PanHash> = media.iter().map(|medium| medium.hash).collect();
        let target = Arc::clone(&self.target);
        let fetched = target.media().fetch(&hashes).await;
        fetched.map_err(Failure::start_error)?;
        for expected in media {
            let found = target.media().find_medium(&expected.hash);
            if found.map_err(Failure::start_error)? == Some(expected.medium) {
                self.tally.medium(&expected);
            } else {
                let findings = &mut self.tally.audit.findings;
                findings.add(Some(expected.medium.card), None, "its medium is not there");
            }
        }
        Ok(())
    }

    /// What the archive has is there; so equal counts say that nothing else is.
    async fn nothing_else(&mut self, archived: &Tally) -> Result<(), Failure> {
        let target = Arc::clone(&self.target);
        let cards = count_cards(&*target).await?;
        let expected = self.archive.manifest.contents.cards;
        if cards != expected {
            self.wrong(format!("{cards} cards are listed, {expected} were written"));
        }
        for (programme, expected) in &archived.media {
            let listed = count_media(&*target, *programme).await?;
            if listed != *expected {
                self.wrong(format!(
                    "programme {programme}: {listed} media are listed, {expected} were written"
                ));
            }
        }
        Ok(())
    }

    /// Every past float is here, and no other one.
    async fn cuts(&mut self, expected: &[CutTotals]) -> Result<(), Failure> {
        let target = Arc::clone(&self.target);
        let mut found = Vec::new();
        for partition in (0..target.shape().partition_count).map(PartitionId) {
            found.extend(read_cuts(target.store(), partition).await?);
        }
        if found != expected {
            self.wrong("the partitions' cuts are not the archive's");
        }
        found.iter().for_each(|cut| self.tally.cut(cut));
        Ok(())
    }

    async fn checkpoints(&mut self, expected: &[PartitionCheckpoint]) -> Result<(), Failure> {
        let target = Arc::clone(&self.target);
        let found = target.store().checkpoints().await;
        let found = found.map_err(Failure::start_error)?;
        if found != expected {
            self.wrong("the partitions' checkpoints are not the archive's");
        }
        for checkpoint in &found {
            self.tally.checkpoint(checkpoint, target.bundles());
        }
        Ok(())
    }

    fn wrong(&mut self, what: impl Into<String>) {
        self.tally.audit.findings.add(None, None, what);
    }

    fn refuse_if_wrong(&self) -> Result<(), Failure> {
        match self.tally.findings().as_slice() {
            [] => Ok(()),
            wrong => Err(Failure::found_wrong(format!(
                "what was written is not what the archive holds; serve nobody from it:\n  {}",
                wrong.join("\n  ")
            ))),
        }
    }
}

fn differs(archived: &CardCopy, found: &CardCopy) -> Option<String> {
    let what = if found.state != archived.state {
        "state"
    } else if found.rows != archived.rows {
        "journal"
    } else if found.keys != archived.keys {
        "old keys"
    } else {
        return None;
    };
    Some(format!("its {what} is not the archive's"))
}

async fn count_cards<T: Target>(target: &T) -> Result<u64, Failure> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = target.store().cards_after(after, PER_PAGE).await;
        let page = page.map_err(Failure::start_error)?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        after = Some(*last);
        count += page.len() as u64;
    }
}

async fn count_media<T: Target>(target: &T, programme: ProgrammeId) -> Result<u64, Failure> {
    let (mut count, mut after) = (0, None);
    loop {
        let listed = target
            .media()
            .media_of_programme(programme, after, PER_PAGE);
        let page = listed.await.map_err(Failure::start_error)?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        after = Some(ListingCursor {
            card: last.medium.card,
            number: last.medium.number,
        });
        count += page.len() as u64;
    }
}
