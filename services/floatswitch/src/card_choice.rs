//! Which card a back-office command is about: by its id, by what a receipt shows of its number, or
//! by the whole number from standard input.

use std::io::Read as _;
use std::str::FromStr as _;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::books::Books;
use crate::card_steer::Input;
use crate::exit::Failure;
use card::{CardId, ProgrammeId};
use pan::Pan;
use registry::{ListingCursor, RegisteredMedium};
use settings::Settings;

/// Media read in one go when cards are looked up by parts of their numbers.
const MEDIA_PER_PAGE: usize = 4_096;
/// Cards that are named when several fit.
const NAMED_MAX: usize = 5;
/// More than the longest card number and a line end.
const INPUT_MAX: u64 = 32;

/// The card.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct CardChoice {
    /// The card: its id, 32 hexadecimal digits as `card list` prints them, or the first six and the
    /// last four digits of its number, as a receipt shows them: 629999-0017 or 629999******0017.
    #[arg(value_name = "CARD")]
    card: Option<String>,
    /// Reads the whole card number from standard input, where no process list and no shell history
    /// keeps it.
    #[arg(long)]
    pan_stdin: bool,
}

/// First six and last four digits.
type Parts = ([u8; 6], [u8; 4]);

impl CardChoice {
    /// Finds the card.
    pub(crate) async fn find<B: Books>(
        &self,
        books: &B,
        settings: &Settings,
    ) -> Result<CardId, Failure> {
        let Some(text) = &self.card else {
            return by_number(books).await;
        };
        if let Ok(id) = CardId::from_str(text) {
            return Ok(id);
        }
        let parts = parts(text).ok_or_else(|| {
            Failure::usage(format!(
                "`{text}` is no card: write the 32 hexadecimal digits of its id, or first six and \
                 last four digits of its number as 629999-0017"
            ))
        })?;
        by_parts(books, settings, parts).await
    }
}

impl CardChoice {
    /// Whether the card's number is read from standard input.
    pub(crate) fn reads_number(&self) -> bool {
        self.pan_stdin
    }

    /// The card as an endpoint takes it: by id, or by its number from the next line of the input.
    pub(crate) fn named(&self, input: &mut Input) -> Result<Value, Failure> {
        let Some(text) = &self.card else {
            return Ok(json!({ "number": input.line()? }));
        };
        let id = CardId::from_str(text).map_err(|_| {
            Failure::usage(format!(
                "`{text}` is no card id: while the switch runs, write the 32 hexadecimal digits of the \
                 id, or give the whole number with --pan-stdin"
            ))
        })?;
        Ok(json!({ "card": id.to_string() }))
    }
}

/// Reads `629999-0017`, `629999******0017` or `6299990017`.
fn parts(text: &str) -> Option<Parts> {
    let (bin, rest) = text.as_bytes().split_first_chunk::<6>()?;
    let (filler, last_four) = rest.split_last_chunk::<4>()?;
    let are_digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    let is_filler = filler.iter().all(|byte| matches!(byte, b'-' | b'*'));
    (are_digits(bin) && are_digits(last_four) && is_filler).then_some((*bin, *last_four))
}

async fn by_number<B: Books>(books: &B) -> Result<CardId, Failure> {
    let mut input = Zeroizing::new(Vec::with_capacity(64)); // Never grows, so no copy stays behind.
    std::io::stdin().take(INPUT_MAX).read_to_end(&mut input)?;
    let pan = Pan::parse(input.trim_ascii())
        .map_err(|error| Failure::usage(format!("standard input: {error}")))?;
    match books.find_medium(&books.hasher().hash(&pan)).await? {
        Some(medium) => Ok(medium.card),
        None => Err(Failure::refused(format!("no card {}", pan.masked()))),
    }
}

/// Parts of a number are no key: all media of the programmes are looked through.
async fn by_parts<B: Books>(
    books: &B,
    settings: &Settings,
    parts: Parts,
) -> Result<CardId, Failure> {
    let mut found = Vec::new();
    for programme in &settings.programmes {
        let programme = ProgrammeId(programme.number.get());
        for_each_medium(books, programme, |medium| {
            let is_it = (medium.medium.bin, medium.medium.last_four) == parts;
            if is_it && !found.contains(&medium.medium.card) {
                found.push(medium.medium.card);
            }
        })
        .await?;
    }
    let (bin, last_four) = parts;
    let shown = masked(&bin, &last_four);
    match found.as_slice() {
        [] => Err(Failure::refused(format!("no card {shown}"))),
        [card] => Ok(*card),
        several => {
            let count = several.len();
            let ids: Vec<_> = several
                .iter()
                .take(NAMED_MAX)
                .map(CardId::to_string)
                .collect();
            let ids = ids.join(", ");
            Err(Failure::usage(format!(
                "{count} cards are {shown}; name one by its id: {ids}"
            )))
        }
    }
}

async fn for_each_medium<B: Books>(
    books: &B,
    programme: ProgrammeId,
    mut take: impl FnMut(&RegisteredMedium),
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = books
            .media()
            .media_of_programme(programme, after, MEDIA_PER_PAGE)
            .await;
        let page = page.map_err(Failure::start_error)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(ListingCursor {
            card: last.medium.card,
            number: last.medium.number,
        });
        page.iter().for_each(&mut take);
    }
}

/// First six and last four, the most of a number that may be shown.
pub(crate) fn masked(bin: &[u8; 6], last_four: &[u8; 4]) -> String {
    let text = |digits: &[u8]| String::from_utf8_lossy(digits).into_owned();
    format!("{}******{}", text(bin), text(last_four))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_number_are_read_as_receipts_print_them() {
        let expected = Some((*b"629999", *b"0017"));
        for text in ["629999-0017", "629999******0017", "6299990017"] {
            assert_eq!(parts(text), expected, "{text}");
        }
        for text in [
            "",
            "629999",
            "629999-017",
            "62999-90017",
            "629999x0017",
            "629999-00170",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
