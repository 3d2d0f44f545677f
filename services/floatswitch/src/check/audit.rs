//! Every card against its journal, and each programme told three ways.

use std::collections::BTreeMap;

use crate::check::Against;
use crate::check::findings::Findings;
use crate::check::walk::Walk;
use card::{Card, CardId, ProgrammeId, Row, Version};
use card_processor::ControlTotals;
use card_store::CardStore;
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

    /// Walks the journal to its first row.
    async fn follow<S: CardStore>(
        &mut self,
        store: &S,
        id: CardId,
        mut against: Option<&mut Against>,
    ) -> Result<(), String> {
        let card = state(store, id).await?;
        let sums = self.programmes.entry(card.programme()).or_default();
        sums.card_count += 1;
        sums.by_states += i128::from(card.posted().minor());
        let partition = partition_of(id, self.partition_count);
        let mut walk = Walk::new(&card, partition, &mut self.findings);
        if let Some(against) = against.as_deref_mut() {
            against.begin_card(id);
        }
        let mut newest = None;
        loop {
            let page = store.rows_back(id, newest, ROWS_PER_PAGE).await;
            let page = page.map_err(|error| error.to_string())?;
            let oldest = page.last().map(|row| row.version.0).unwrap_or_default();
            for stored in &page {
                let row = Row::decode(&stored.bytes)
                    .map_err(|error| format!("row {}: {error}", stored.version))?;
                walk.row(&row, Row::hash_of(&stored.bytes));
                if row.version != stored.version {
                    let filed = stored.version;
                    walk.wrong(row.version, format!("row is filed as version {filed}"));
                }
                self.row_count += 1;
                self.case_count += u64::from(row.case.is_some());
                if let Err(error) = sums.take(&row) {
                    walk.wrong(row.version, error.to_string());
                }
                if let Some(against) = against.as_deref_mut() {
                    against.row(&row);
                }
            }
            newest = match (oldest, newest) {
                (0, None) => return Err("card has no journal".to_owned()),
                (0, Some(from)) => return Err(format!("journal ends before version {from}")),
                (1, _) => break,
                (oldest, _) => Some(Version(oldest - 1)),
            };
        }
        walk.finish();
        Ok(())
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

async fn state<S: CardStore>(store: &S, id: CardId) -> Result<Card, String> {
    let stored = store.load(id).await.map_err(|error| error.to_string())?;
    let stored = stored.ok_or("card is listed but has no state")?;
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
