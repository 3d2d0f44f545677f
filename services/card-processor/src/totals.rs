//! What was booked, per programme: the control totals of LEDGER-2, and their bytes.

use std::collections::BTreeMap;

use card::ProgrammeId;
use ledger::{Account, Books, Entry};

/// What was booked, per programme: the control totals of LEDGER-2, folded in log order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ControlTotals {
    books: BTreeMap<ProgrammeId, Books>,
}

impl ControlTotals {
    /// Adds an entry of a programme.
    ///
    /// # Panics
    /// When a total leaves 128 bits: no such money exists.
    pub fn post(&mut self, programme: ProgrammeId, entry: &Entry) {
        let books = self.books.entry(programme).or_default();
        books.post(entry).expect("totals fit 128 bits");
    }

    /// Adds other totals.
    ///
    /// # Panics
    /// As [`ControlTotals::post`].
    pub fn add(&mut self, other: &Self) {
        for (programme, books) in &other.books {
            let total = self.books.entry(*programme).or_default();
            total.add(books).expect("totals fit 128 bits");
        }
    }

    /// The books of each programme that has any.
    pub fn programmes(&self) -> impl Iterator<Item = (ProgrammeId, &Books)> {
        self.books
            .iter()
            .map(|(programme, books)| (*programme, books))
    }

    /// The books of a programme, if it has any.
    #[must_use]
    pub fn of(&self, programme: ProgrammeId) -> Option<&Books> {
        self.books.get(&programme)
    }

    /// All programmes together.
    #[must_use]
    pub fn all(&self) -> Books {
        let mut all = Books::default();
        for books in self.books.values() {
            all.add(books).expect("totals fit 128 bits");
        }
        all
    }

    /// Appends the totals as they are kept.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        for (programme, books) in &self.books {
            for (account, minor) in books.balances() {
                bytes.extend_from_slice(&programme.0.to_le_bytes());
                bytes.extend_from_slice(&account.number().to_le_bytes());
                bytes.extend_from_slice(&minor.to_le_bytes());
            }
        }
    }

    /// Reads totals to the end.
    pub(crate) fn take(mut fields: Fields<'_>) -> Result<Self, String> {
        let mut totals = Self::default();
        while !fields.0.is_empty() {
            fields.total(&mut totals)?;
        }
        Ok(totals)
    }
}

/// Bytes that are read from their start.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Begins behind the number of the format.
    pub(crate) fn of_format(bytes: &'a [u8], format: u8) -> Result<Self, String> {
        let mut fields = Self(bytes);
        if fields.array::<1>()? != [format] {
            return Err("it has an unknown format: this build is too old".to_owned());
        }
        Ok(fields)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, rest) = self.0.split_first_chunk().ok_or("it is cut short")?;
        self.0 = rest;
        Ok(*head)
    }

    fn total(&mut self, totals: &mut ControlTotals) -> Result<(), String> {
        let programme = ProgrammeId(u16::from_le_bytes(self.array()?));
        let account = Account::from_number(u16::from_le_bytes(self.array()?))
            .ok_or("it names an unknown account")?;
        let minor = i128::from_le_bytes(self.array()?);
        totals
            .books
            .entry(programme)
            .or_default()
            .set(account, minor);
        Ok(())
    }
}
