//! Every card against its journal.

use std::collections::BTreeMap;

use crate::check::Against;
use card::{Card, CardId, Kind, ProgrammeId, Row, Version};
use card_processor::ControlTotals;
use card_store::CardStore;
use ledger::{Account, Books, Side};
use money::Amount;

/// Rows read in one go.
const ROWS_PER_PAGE: usize = 256;

/// Findings that are kept; the rest is counted.
const FINDINGS_MAX: usize = 1_000;

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) card: Option<CardId>,
    pub(crate) version: Option<Version>,
    pub(crate) what: String,
}

/// The findings, bounded.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) kept: Vec<Finding>,
    pub(crate) count: u64,
}

impl Findings {
    pub(crate) fn add(&mut self, card: Option<CardId>, version: Option<Version>, what: String) {
        self.count += 1;
        if self.kept.len() < FINDINGS_MAX {
            self.kept.push(Finding {
                card,
                version,
                what,
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// A programme, told three ways.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ProgrammeSums {
    pub(crate) card_count: u64,
    /// Float by card states, in fen.
    pub(crate) by_states: i128,
    /// All entries of the journal.
    pub(crate) by_rows: Books,
    /// All entries, added up in log order while they were decided.
    pub(crate) by_totals: Books,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) programmes: BTreeMap<ProgrammeId, ProgrammeSums>,
    pub(crate) row_count: u64,
    pub(crate) entry_count: u64,
    pub(crate) case_count: u64,
    pub(crate) findings: Findings,
}

impl Audit {
    /// Checks one card, and shows its rows to the comparison with the record.
    pub(crate) async fn card<S: CardStore>(
        &mut self,
        store: &S,
        id: CardId,
        against: Option<&mut Against>,
    ) {
        let read = match read(store, id).await {
            Ok(read) => read,
            Err(what) => return self.findings.add(Some(id), None, what),
        };
        let (card, rows) = read;
        let mut walk = Walk {
            id,
            account: card.account(),
            findings: &mut self.findings,
        };
        walk.chain(&card, &rows);
        walk.balances(&card, &rows);
        walk.undone(&rows);
        walk.refunds(&rows);
        self.sum(&card, &rows);
        if let Some(against) = against {
            against.rows(id, &rows);
        }
    }

    fn sum(&mut self, card: &Card, rows: &[(Row, [u8; 32])]) {
        let sums = self.programmes.entry(card.programme()).or_default();
        sums.card_count += 1;
        sums.by_states += i128::from(card.posted().minor());
        self.row_count += rows.len() as u64;
        for (row, _) in rows {
            self.case_count += u64::from(row.case.is_some());
            let Some(entry) = &row.ledger else { continue };
            self.entry_count += 1;
            if let Err(error) = sums.by_rows.post(entry) {
                self.findings
                    .add(Some(card.id()), Some(row.version), error.to_string());
            }
        }
    }

    /// LEDGER-2: the totals folded while deciding are the sums of what lies there.
    pub(crate) fn compare_totals(&mut self, totals: &ControlTotals) {
        for (programme, books) in totals.programmes() {
            self.programmes.entry(programme).or_default().by_totals = books.clone();
        }
        for (programme, sums) in &self.programmes {
            let mut wrong = |what: String| {
                self.findings
                    .add(None, None, format!("programme {programme}: {what}"));
            };
            if sums.by_rows.balances().ne(sums.by_totals.balances()) {
                wrong("journal rows and control totals differ".to_owned());
            }
            if sums.by_rows.float() != sums.by_states {
                let (rows, states) = (sums.by_rows.float(), sums.by_states);
                wrong(format!(
                    "float is {states} fen by cards and {rows} fen by rows"
                ));
            }
            if sums.by_rows.trial_balance() != 0 {
                wrong("debits and credits differ".to_owned());
            }
            // LEDGER-3: what is owed to holders and merchants is covered by what is held for them.
            if sums.by_rows.coverage_surplus() < 0 {
                wrong(format!(
                    "{} fen are not covered",
                    -sums.by_rows.coverage_surplus()
                ));
            }
        }
    }
}

/// A card's state and its rows, oldest first, each with the hash of its bytes.
async fn read<S: CardStore>(store: &S, id: CardId) -> Result<(Card, Vec<(Row, [u8; 32])>), String> {
    let stored = store.load(id).await.map_err(|error| error.to_string())?;
    let stored = stored.ok_or("card is listed but has no state")?;
    let card = Card::decode(&stored.body).map_err(|error| format!("state: {error}"))?;
    if card.id() != id || card.version() != stored.version {
        return Err("state belongs to another card or version".to_owned());
    }
    let mut rows = Vec::new();
    let mut newest = Some(card.version());
    while let Some(from) = newest {
        let page = store.rows_back(id, Some(from), ROWS_PER_PAGE).await;
        let page = page.map_err(|error| error.to_string())?;
        for row in &page {
            let decoded =
                Row::decode(&row.bytes).map_err(|error| format!("row {}: {error}", row.version))?;
            rows.push((decoded, Row::hash_of(&row.bytes)));
        }
        let oldest = page.last().map(|row| row.version.0);
        newest = oldest
            .and_then(|oldest| oldest.checked_sub(1))
            .filter(|v| *v > 0)
            .map(Version);
        if oldest.is_none() {
            return Err(format!("journal ends before version {from}"));
        }
    }
    rows.reverse();
    Ok((card, rows))
}

struct Walk<'a> {
    id: CardId,
    account: Account,
    findings: &'a mut Findings,
}

impl Walk<'_> {
    fn wrong(&mut self, version: Version, what: impl Into<String>) {
        self.findings.add(Some(self.id), Some(version), what.into());
    }

    /// STORE-6: versions without a gap, each row carrying the hash of the one before, positions in
    /// log order, and the state carrying the last hash.
    fn chain(&mut self, card: &Card, rows: &[(Row, [u8; 32])]) {
        let mut previous = [0u8; 32];
        let mut offset = None;
        for (expected, (row, hash)) in (1..).zip(rows) {
            if row.version != Version(expected) {
                self.wrong(row.version, format!("row {expected} is missing"));
            }
            if row.previous != previous {
                self.wrong(row.version, "hash chain is broken before this row");
            }
            if offset.is_some_and(|offset| row.position.offset <= offset) {
                self.wrong(row.version, "row is out of log order");
            }
            if row.programme != card.programme() {
                self.wrong(row.version, "row is of another programme");
            }
            offset = Some(row.position.offset);
            previous = *hash;
        }
        if card.hash() != previous {
            self.wrong(
                card.version(),
                "state does not carry the hash of the last row",
            );
        }
    }

    /// CARD-1 at every row, and balances that follow from the entries.
    fn balances(&mut self, card: &Card, rows: &[(Row, [u8; 32])]) {
        let mut posted = 0i128;
        for (row, _) in rows {
            posted += self.moved(row);
            if i128::from(row.posted_after.minor()) != posted {
                let told = row.posted_after;
                self.wrong(
                    row.version,
                    format!("row tells balance {told}, entries make {posted} fen"),
                );
            }
            if row.held_after > row.posted_after {
                self.wrong(row.version, "holds are over the balance");
            }
            if !row.outcome.is_approved() && row.ledger.is_some() {
                self.wrong(row.version, "a decline moved money");
            }
        }
        if i128::from(card.posted().minor()) != posted {
            let told = card.posted();
            self.wrong(
                card.version(),
                format!("state has {told}, entries make {posted} fen"),
            );
        }
    }

    fn moved(&self, row: &Row) -> i128 {
        let postings = row.ledger.iter().flat_map(|entry| entry.postings());
        postings
            .filter(|posting| posting.account == self.account)
            .map(|posting| match posting.side {
                Side::Credit => i128::from(posting.amount.minor()),
                Side::Debit => -i128::from(posting.amount.minor()),
            })
            .sum()
    }

    /// What undoes a step mirrors it to the fen.
    fn undone(&mut self, rows: &[(Row, [u8; 32])]) {
        let undoes =
            |kind: Kind| matches!(kind, Kind::Void | Kind::CompletionVoid | Kind::Reversal);
        for (row, _) in rows.iter().filter(|(row, _)| undoes(row.kind)) {
            let Some(entry) = &row.ledger else { continue };
            let original = at(rows, row.link).and_then(|original| original.ledger.as_ref());
            if original.map(ledger::Entry::mirror).as_ref() != Some(entry) {
                self.wrong(row.version, format!("does not mirror version {}", row.link));
            }
        }
    }

    /// CARD-4: refunds of a sale never come to more than the sale.
    fn refunds(&mut self, rows: &[(Row, [u8; 32])]) {
        let mut refunded = BTreeMap::<Version, u64>::new();
        for (row, _) in rows.iter().filter(|(row, _)| row.kind == Kind::Refund) {
            if !row.outcome.is_approved() {
                continue;
            }
            let sum = refunded.entry(row.link).or_default();
            *sum += row.amount.minor();
            let sale = at(rows, row.link).map_or(Amount::ZERO, |sale| sale.amount);
            if *sum > sale.minor() {
                self.wrong(
                    row.version,
                    format!("refunds are over version {}", row.link),
                );
            }
        }
    }
}

fn at(rows: &[(Row, [u8; 32])], version: Version) -> Option<&Row> {
    let index = usize::try_from(version.0.checked_sub(1)?).ok()?;
    rows.get(index).map(|(row, _)| row)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use card::{
        Acceptance, CardKind, Command, Context, CreditSource, Day, Facts, Fingerprint, LegKey,
        MerchantId, Offered, OriginalRef, PartitionId, Place, Position, Programme, Recalled,
        ReplyTo, Request, Rules, TerminalId, Timestamp,
    };
    use card_store::memory::MemoryStore;
    use card_store::{CardWrite, JournalRow, StoredCard};

    use super::*;

    const ID: CardId = CardId::from_bytes([7; 16]);

    fn rules() -> Rules {
        let programme = Programme {
            kind: CardKind::Registered,
            acceptance: Acceptance::Everywhere,
            balance_cap: fen(500_000),
            reloadable: Offered::Yes,
            preauth: Offered::Yes,
            hold_lifetime_ms: 1_000_000,
            completion_ratio_percent: 100,
            reversal_window_ms: 1_000,
            refund_window_ms: 1_000_000,
            refund_repeat_ms: 1_000,
            key_retention_ms: 1_000_000,
        };
        Rules {
            utc_offset_minutes: 0,
            programmes: BTreeMap::from([(ProgrammeId(1), programme)]),
        }
    }

    fn fen(minor: u64) -> Amount {
        Amount::from_minor(minor).unwrap()
    }

    /// A card that was sold, paid, and got its payment reversed: one write for each decision.
    fn life() -> Vec<CardWrite> {
        let purchase = LegKey([2; 12]);
        let original = OriginalRef {
            key: Some(purchase),
            ..OriginalRef::default()
        };
        let source = CreditSource::Transfer;
        let programme = ProgrammeId(1);
        let requests = [
            Request::Issue {
                programme,
                expiry: 0,
                amount: fen(10_000),
                source,
            },
            Request::Purchase { amount: fen(3_000) },
            Request::Reversal {
                amount: fen(3_000),
                original,
            },
        ];
        let (rules, recalled, mut card) = (rules(), Recalled::default(), None);
        let mut writes = Vec::new();
        for (number, request) in (1..).zip(requests) {
            let command = Command {
                card: ID,
                medium: 0,
                key: LegKey([number; 12]),
                fingerprint: Fingerprint(number.into()),
                place: Place {
                    merchant: MerchantId(*b"898999954110001"),
                    terminal: TerminalId(*b"70000001"),
                },
                request,
                facts: Facts::default(),
                reply_to: ReplyTo::NOBODY,
            };
            let position = Position {
                partition: PartitionId(0),
                offset: number.into(),
            };
            let context = Context {
                appended_at: Timestamp(1_000_000),
                position,
                day: Day(1),
                frozen_through: Day(0),
                rules: &rules,
                recalled: &recalled,
            };
            let decision = card::decide(card.as_ref(), &command, &context);
            let written = decision.written.expect("each of them writes");
            card::apply(&mut card, &command, &written);
            let mut body = Vec::new();
            card.as_ref().unwrap().encode(&mut body);
            let version = written.version;
            writes.push(CardWrite {
                card: ID,
                state: StoredCard {
                    version,
                    position,
                    body: Bytes::from(body),
                },
                rows: vec![JournalRow {
                    version,
                    bytes: Bytes::from(written.row_bytes.clone()),
                }],
                keys: Vec::new(),
            });
        }
        writes
    }

    /// Rewrites a row of the life.
    fn alter(writes: &mut [CardWrite], version: usize, change: impl FnOnce(&mut Row)) {
        let row = &mut writes[version - 1].rows[0];
        let mut decoded = Row::decode(&row.bytes).unwrap();
        change(&mut decoded);
        row.bytes = Bytes::from(decoded.encode());
    }

    fn check(tamper: impl FnOnce(&mut Vec<CardWrite>), expected: &str) {
        let mut writes = life();
        tamper(&mut writes);
        let store = MemoryStore::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let audit = runtime.block_on(async {
            for write in writes {
                store.write(write).await.unwrap();
            }
            let mut audit = Audit::default();
            audit.card(&store, ID, None).await;
            audit
        });
        let found: Vec<&str> = audit
            .findings
            .kept
            .iter()
            .map(|f| f.what.as_str())
            .collect();
        match expected {
            "" => assert_eq!(found, [""; 0]),
            _ => assert!(
                found.iter().any(|what| what.contains(expected)),
                "{expected}: {found:?}"
            ),
        }
    }

    #[test]
    fn what_was_tampered_with_is_found() {
        check(|_| {}, "");
        let chain = "hash chain is broken";
        check(
            |writes| alter(writes, 2, |row| row.amount = fen(2_999)),
            chain,
        );
        check(
            |writes| alter(writes, 2, |row| row.decided_at = Timestamp(1)),
            chain,
        );
        check(
            |writes| alter(writes, 3, |row| row.held_after = fen(1)),
            "does not carry the hash",
        );
        check(
            |writes| alter(writes, 2, |row| row.ledger = None),
            "entries make 10000 fen",
        );
        check(
            |writes| alter(writes, 2, |row| row.ledger = None),
            "does not mirror version 2",
        );
        check(
            |writes| alter(writes, 3, |row| row.posted_after = fen(1)),
            "row tells balance 0.01",
        );
        check(
            |writes| alter(writes, 2, |row| row.held_after = fen(9_999)),
            "holds are over",
        );
        check(
            |writes| alter(writes, 3, |row| row.position.offset = 1),
            "out of log order",
        );
        check(
            |writes| writes[2].state.body = writes[1].state.body.clone(),
            "another card or version",
        );
    }
}
