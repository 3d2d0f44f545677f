//! A past float computed again, twice: from the entries before the cut, and from what cards have now
//! less what moved since.

use std::collections::BTreeMap;

use crate::books::{Books, Work};
use crate::check::Progress;
use crate::days::KeptDays;
use crate::exit::Failure;
use card::{Card, CardId, PartitionId, ProgrammeId, Row, Version};
use card_store::{CardStore, JournalRow};
use command_log::partition_of;
use ledger::Books as LedgerBooks;
use operations::{CutBooks, FloatAt, FloatTold, first_cuts, float_at};

/// Cards listed in one go.
const CARDS_PER_PAGE: usize = 1_024;
/// Rows read in one go.
const ROWS_PER_PAGE: usize = 256;
/// Findings that are kept.
const FINDINGS_MAX: usize = 1_000;

/// What a verification came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) card_count: u64,
    pub(super) row_count: u64,
    /// Entries before the cut.
    pub(super) entry_count: u64,
    pub(super) findings: Vec<String>,
    programmes: BTreeMap<ProgrammeId, Sums>,
}

/// A programme, computed twice.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    /// Every entry before the cut.
    by_entries: LedgerBooks,
    /// What cards have, less what moved since the cut, in fen.
    by_states: i128,
}

impl Verified {
    pub(super) fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn wrong(&mut self, what: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(what);
        }
    }

    /// Takes one card in, with the offset of its partition's cut.
    pub(super) async fn card<S: CardStore>(
        &mut self,
        store: &S,
        id: CardId,
        cut_offset: u64,
    ) -> Result<(), String> {
        self.card_count += 1;
        let stored = store.load(id).await.map_err(|error| error.to_string())?;
        let stored = stored.ok_or("card is listed but has no state")?;
        let card = Card::decode(&stored.body).map_err(|error| error.to_string())?;
        let mut since = LedgerBooks::default();
        let mut newest = None;
        loop {
            let page = store.rows_back(id, newest, ROWS_PER_PAGE).await;
            let page = page.map_err(|error| error.to_string())?;
            for stored in &page {
                self.row(card.programme(), stored, (cut_offset, &mut since))?;
            }
            match page.last().map(|row| row.version.0) {
                None | Some(0 | 1) => break,
                Some(oldest) => newest = Some(Version(oldest - 1)),
            }
        }
        let sums = self.programmes.entry(card.programme()).or_default();
        sums.by_states += i128::from(card.posted().minor()) - since.float();
        Ok(())
    }

    fn row(
        &mut self,
        programme: ProgrammeId,
        stored: &JournalRow,
        (cut_offset, since): (u64, &mut LedgerBooks),
    ) -> Result<(), String> {
        self.row_count += 1;
        let row = Row::decode(&stored.bytes)
            .map_err(|error| format!("row {}: {error}", stored.version))?;
        let Some(entry) = &row.ledger else {
            return Ok(());
        };
        let books = if row.position.offset < cut_offset {
            self.entry_count += 1;
            &mut self.programmes.entry(programme).or_default().by_entries
        } else {
            since
        };
        books.post(entry).map_err(|error| error.to_string())
    }

    /// LEDGER-2: what was set aside is what is there.
    pub(super) fn compare(&mut self, kept: &BTreeMap<ProgrammeId, LedgerBooks>) {
        for programme in kept.keys() {
            self.programmes.entry(*programme).or_default();
        }
        let none = LedgerBooks::default();
        let mut wrong = Vec::new();
        for (programme, sums) in &self.programmes {
            let kept = kept.get(programme).unwrap_or(&none);
            let (float, by_entries) = (kept.float(), sums.by_entries.float());
            if kept.balances().ne(sums.by_entries.balances()) {
                wrong.push(format!(
                    "programme {programme}: the cut kept a float of {float} fen, the entries before it \
                     make {by_entries} fen, or other accounts differ"
                ));
            }
            if float != sums.by_states {
                wrong.push(format!(
                    "programme {programme}: the cut kept a float of {float} fen, card states less what \
                     moved since make {} fen",
                    sums.by_states
                ));
            }
        }
        wrong.into_iter().for_each(|what| self.wrong(what));
    }
}

/// Tells a float and verifies it.
pub(super) struct Verify {
    pub(super) at: FloatAt,
}

impl Work for Verify {
    type Done = (FloatTold, Verified);

    async fn on<B: Books>(self, books: &B) -> Result<(FloatTold, Verified), Failure> {
        books.settled().await?; // From here on every cut that was passed is kept.
        let desk = KeptDays {
            store: books.store(),
            partition_count: books.partition_count(),
        };
        let told = float_at(&desk, self.at).await.map_err(super::failure)?;
        let cuts = first_cuts(&desk, self.at).await.map_err(super::failure)?;
        let verified = verify(books, &cuts.into_iter().collect()).await?;
        Ok((told, verified))
    }
}

/// Goes through every card.
async fn verify<B: Books>(
    books: &B,
    cuts: &BTreeMap<PartitionId, CutBooks>,
) -> Result<Verified, Failure> {
    let mut verified = Verified::default();
    let mut progress = Progress::new();
    let mut after = None;
    loop {
        let page = books.store().cards_after(after, CARDS_PER_PAGE).await;
        let page = page.map_err(Failure::start_error)?;
        let Some(last) = page.last() else { break };
        after = Some(*last);
        for card in page {
            let partition = partition_of(card, books.partition_count());
            let offset = cuts.get(&partition).map_or(0, |cut| cut.offset);
            if let Err(what) = verified.card(books.store(), card, offset).await {
                verified.wrong(format!("card {card}: {what}"));
            }
        }
        progress.tell_counts(verified.card_count, verified.row_count);
    }
    progress.end();
    let mut kept: BTreeMap<ProgrammeId, LedgerBooks> = BTreeMap::new();
    for (programme, books) in cuts.values().flat_map(|cut| &cut.programmes) {
        let sum = kept.entry(*programme).or_default();
        sum.add(books).map_err(Failure::found_wrong)?;
    }
    verified.compare(&kept);
    Ok(verified)
}
