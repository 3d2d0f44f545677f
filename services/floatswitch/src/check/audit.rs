//! Every card against its journal, and each programme told three ways.

use std::collections::BTreeMap;

use crate::check::Against;
use crate::check::findings::Findings;
use crate::check::walk::Walk;
use card::{Card, CardId, ProgrammeId, Row, Version};
use card_processor::ControlTotals;
use card_store::{CardStore, JournalRow, StoredCard};
use command_log::partition_of;
use ledger::{Books, BooksError};

/// Rows read in one go.
const ROWS_PER_PAGE: usize = 256;

/// A programme, told three ways.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ProgrammeSums {
    pub(crate) card_count: u64,
    /// Rows with money.
    pub(crate) entry_count: u64,
    /// Float by card states, in fen.
    pub(crate) by_states: i128,
    /// All entries of the journal.
    pub(crate) by_rows: Books,
    /// All entries, added up in log order while they were decided.
    pub(crate) by_totals: Books,
}

impl ProgrammeSums {
    fn take(&mut self, row: &Row) -> Result<(), BooksError> {
        let Some(entry) = &row.ledger else {
            return Ok(());
        };
        self.entry_count += 1;
        self.by_rows.post(entry)
    }
}

/// What was found so far.
#[derive(Debug)]
pub(crate) struct Audit {
    partition_count: u16,
    pub(crate) programmes: BTreeMap<ProgrammeId, ProgrammeSums>,
    pub(crate) card_count: u64,
    pub(crate) row_count: u64,
    pub(crate) case_count: u64,
    pub(crate) findings: Findings,
}

impl Audit {
    /// `partition_count` is the log's (LOG-2).
    pub(crate) fn new(partition_count: u16) -> Self {
        Self {
            partition_count,
            programmes: BTreeMap::new(),
            card_count: 0,
            row_count: 0,
            case_count: 0,
            findings: Findings::default(),
        }
    }

    /// Checks one card, and shows its rows to the comparison with the record.
    pub(crate) async fn card<S: CardStore>(
        &mut self,
        store: &S,
        id: CardId,
        against: Option<&mut Against>,
    ) {
        self.card_count += 1;
        if let Err(what) = self.follow(store, id, against).await {
            self.findings.add(Some(id), None, what);
        }
    }

    /// Rows with money.
    pub(crate) fn entry_count(&self) -> u64 {
        self.programmes.values().map(|sums| sums.entry_count).sum()
    }

    /// Checks one card that is held in memory, with its rows oldest first.
    pub(crate) fn held_card(&mut self, id: CardId, state: &StoredCard, rows: &[JournalRow]) {
        self.card_count += 1;
        if let Err(what) = self.follow_held(id, state, rows) {
            self.findings.add(Some(id), None, what);
        }
    }

    /// Walks the journal to its first row.
    async fn follow<S: CardStore>(
        &mut self,
        store: &S,
        id: CardId,
        against: Option<&mut Against>,
    ) -> Result<(), String> {
        let stored = store.load(id).await.map_err(|error| error.to_string())?;
        let card = decoded(id, &stored.ok_or("card is listed but has no state")?)?;
        let mut following = self.begin(&card, against);
        let mut newest = None;
        loop {
            let page = store.rows_back(id, newest, ROWS_PER_PAGE).await;
            let page = page.map_err(|error| error.to_string())?;
            page.iter().try_for_each(|row| following.row(row))?;
            newest = match next_back(page.last(), newest)? {
                None => break,
                next => next,
            };
        }
        following.walk.finish();
        Ok(())
    }

    fn follow_held(
        &mut self,
        id: CardId,
        state: &StoredCard,
        rows: &[JournalRow],
    ) -> Result<(), String> {
        let card = decoded(id, state)?;
        let mut following = self.begin(&card, None);
        rows.iter()
            .rev()
            .try_for_each(|stored| following.row(stored))?;
        if let Some(before) = next_back(rows.first(), None)? {
            return Err(ends_before(before));
        }
        following.walk.finish();
        Ok(())
    }

    fn begin<'a>(&'a mut self, card: &'a Card, against: Option<&'a mut Against>) -> Following<'a> {
        let sums = self.programmes.entry(card.programme()).or_default();
        sums.card_count += 1;
        sums.by_states += i128::from(card.posted().minor());
        let partition = partition_of(card.id(), self.partition_count);
        let mut against = against;
        if let Some(against) = against.as_deref_mut() {
            against.begin_card(card.id());
        }
        Following {
            walk: Walk::new(card, partition, &mut self.findings),
            sums,
            row_count: &mut self.row_count,
            case_count: &mut self.case_count,
            against,
        }
    }

    /// LEDGER-2: the totals folded while deciding are the sums of what lies there.
    pub(crate) fn compare_totals(&mut self, totals: &ControlTotals) {
        for (programme, books) in totals.programmes() {
            self.programmes.entry(programme).or_default().by_totals = books.clone();
        }
        for (programme, sums) in &self.programmes {
            for what in differences(sums) {
                let what = format!("programme {programme}: {what}");
                self.findings.add(None, None, what);
            }
        }
    }
}

/// A card whose rows come, the youngest first.
struct Following<'a> {
    walk: Walk<'a>,
    sums: &'a mut ProgrammeSums,
    row_count: &'a mut u64,
    case_count: &'a mut u64,
    against: Option<&'a mut Against>,
}

impl Following<'_> {
    fn row(&mut self, stored: &JournalRow) -> Result<(), String> {
        let row = Row::decode(&stored.bytes)
            .map_err(|error| format!("row {}: {error}", stored.version))?;
        self.walk.row(&row, Row::hash_of(&stored.bytes));
        if row.version != stored.version {
            let filed = stored.version;
            self.walk
                .wrong(row.version, format!("row is filed as version {filed}"));
        }
        *self.row_count += 1;
        *self.case_count += u64::from(row.case.is_some());
        if let Err(error) = self.sums.take(&row) {
            self.walk.wrong(row.version, error.to_string());
        }
        if let Some(against) = self.against.as_deref_mut() {
            against.row(&row);
        }
        Ok(())
    }
}

/// The row before the oldest one that was read, or none when that was the first.
fn next_back(
    oldest: Option<&JournalRow>,
    newest: Option<Version>,
) -> Result<Option<Version>, String> {
    let oldest = oldest.map(|row| row.version.0).unwrap_or_default();
    match (oldest, newest) {
        (0, None) => Err("card has no journal".to_owned()),
        (0, Some(before)) => Err(ends_before(before)),
        (1, _) => Ok(None),
        (oldest, _) => Ok(Some(Version(oldest - 1))),
    }
}

fn ends_before(version: Version) -> String {
    format!("journal ends before version {version}")
}

fn decoded(id: CardId, stored: &StoredCard) -> Result<Card, String> {
    let card = Card::decode(&stored.body).map_err(|error| format!("state: {error}"))?;
    if card.id() != id || card.version() != stored.version {
        return Err("state belongs to another card or version".to_owned());
    }
    Ok(card)
}

/// How the ways of telling a programme's money disagree.
fn differences(sums: &ProgrammeSums) -> Vec<String> {
    let mut found = Vec::new();
    let (rows, totals) = (&sums.by_rows, &sums.by_totals);
    if rows.balances().ne(totals.balances()) {
        found.push("journal rows and control totals differ".to_owned());
    }
    if rows.float() != sums.by_states {
        let (by_rows, by_states) = (rows.float(), sums.by_states);
        found.push(format!(
            "float is {by_states} fen by cards and {by_rows} fen by rows"
        ));
    }
    if rows.trial_balance() != 0 {
        found.push("debits and credits differ".to_owned());
    }
    // LEDGER-3: what is owed to holders and merchants is covered by what is held for them.
    if rows.coverage_surplus() < 0 {
        found.push(format!("{} fen are not covered", -rows.coverage_surplus()));
    }
    found
}
