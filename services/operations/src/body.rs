//! What requests say. Whatever is wrong with a body is told by its place, never by its content,
//! which may be a card number.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroize;

use crate::day::parse_date;
use crate::refusal::Refusal;
use card::{CardId, Day, LossForm, ReplaceReason};
use pan::{Expiry, Pan};

/// Characters that may be a card number: wiped when they are dropped, never printed.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub(crate) fn pan(&self) -> Result<Pan, Refusal> {
        Pan::parse(self.0.as_bytes()).map_err(|error| Refusal::body(error.to_string()))
    }
}

/// `POST /v1/cards/loss`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LossBody {
    number: Option<Secret>,
    card: Option<String>,
    pub(crate) form: FormWord,
}

/// `POST /v1/cards/unfreeze` and `POST /v1/cards/show`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardBody {
    number: Option<Secret>,
    card: Option<String>,
}

/// `POST /v1/cards/replace`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaceBody {
    number: Option<Secret>,
    card: Option<String>,
    pub(crate) new_number: Secret,
    expiry: Option<String>,
    pub(crate) reason: ReasonWord,
}

/// `POST /v1/day/cut`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CutBody {
    day: Option<String>,
}

/// `POST /v1/day/freeze`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreezeBody {
    through: Option<String>,
}

/// How long a loss report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormWord {
    Temporary,
    Formal,
}

impl From<FormWord> for LossForm {
    fn from(word: FormWord) -> Self {
        match word {
            FormWord::Temporary => Self::Temporary,
            FormWord::Formal => Self::Formal,
        }
    }
}

/// Why a medium is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReasonWord {
    Lost,
    Damaged,
}

impl From<ReasonWord> for ReplaceReason {
    fn from(word: ReasonWord) -> Self {
        match word {
            ReasonWord::Lost => Self::Lost,
            ReasonWord::Damaged => Self::Damaged,
        }
    }
}

/// The card that a request is about.
#[derive(Debug)]
pub(crate) enum Which {
    /// By the number of one of its media.
    Number(Pan),
    /// By its id.
    Card(CardId),
}

impl LossBody {
    pub(crate) fn which(&self) -> Result<Which, Refusal> {
        which(self.number.as_ref(), self.card.as_deref())
    }
}

impl CardBody {
    pub(crate) fn which(&self) -> Result<Which, Refusal> {
        which(self.number.as_ref(), self.card.as_deref())
    }
}

impl ReplaceBody {
    pub(crate) fn which(&self) -> Result<Which, Refusal> {
        which(self.number.as_ref(), self.card.as_deref())
    }

    pub(crate) fn expiry(&self) -> Result<Option<Expiry>, Refusal> {
        let expiry = self.expiry.as_ref();
        let expiry = expiry
            .map(|digits| Expiry::parse(digits.as_bytes()))
            .transpose();
        expiry.map_err(|_| Refusal::body("`expiry` is no month: write YYMM, such as \"2912\""))
    }
}

impl CutBody {
    pub(crate) fn day(&self) -> Result<Option<Day>, Refusal> {
        day(self.day.as_deref())
    }
}

impl FreezeBody {
    pub(crate) fn through(&self) -> Result<Option<Day>, Refusal> {
        day(self.through.as_deref())
    }
}

fn day(text: Option<&str>) -> Result<Option<Day>, Refusal> {
    text.map(parse_date).transpose().map_err(Refusal::body)
}

fn which(number: Option<&Secret>, card: Option<&str>) -> Result<Which, Refusal> {
    match (number, card) {
        (Some(number), None) => number.pan().map(Which::Number),
        (None, Some(id)) => id.parse().map(Which::Card).map_err(|_| {
            Refusal::body("`card` is no card id: write its 32 hexadecimal digits, or `number`")
        }),
        (Some(_), Some(_)) | (None, None) => Err(Refusal::body(
            "name the card once: by `number`, or by `card`, its id of 32 hexadecimal digits",
        )),
    }
}

/// Reads a body; an empty one is an empty object.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8], fields: &str) -> Result<T, Refusal> {
    let bytes = if bytes.trim_ascii().is_empty() {
        b"{}"
    } else {
        bytes
    };
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Refusal::body(format!(
            "the body is wrong at line {line} column {column}: write a JSON object with {fields}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &str = "`number` or `card`, and `form`";
    const NUMBER: &str = "6299990000000017";

    #[test]
    fn a_body_names_its_card_once() {
        let read = |text: &str| read::<LossBody>(text.as_bytes(), FIELDS);
        let by_number = read(&format!(r#"{{"number":"{NUMBER}","form":"formal"}}"#)).unwrap();
        assert!(matches!(by_number.which(), Ok(Which::Number(_))));
        assert_eq!(by_number.form, FormWord::Formal);
        let id = "0".repeat(32);
        let by_id = read(&format!(r#"{{"card":"{id}","form":"temporary"}}"#)).unwrap();
        assert!(matches!(by_id.which(), Ok(Which::Card(_))));
        for twice in [
            format!(r#"{{"number":"{NUMBER}","card":"{id}","form":"formal"}}"#),
            r#"{"form":"formal"}"#.to_owned(),
            r#"{"card":"17","form":"formal"}"#.to_owned(),
        ] {
            assert_eq!(read(&twice).unwrap().which().unwrap_err().status, 400);
        }
    }

    #[test]
    fn nothing_of_a_wrong_body_is_told() {
        for text in [
            format!(r#"{{"number":{NUMBER},"form":"formal"}}"#),
            format!(r#"{{"number":"{NUMBER}","form":"{NUMBER}"}}"#),
            format!(r#"{{"{NUMBER}":1}}"#),
            NUMBER.to_owned(),
            String::new(),
        ] {
            let refusal = read::<LossBody>(text.as_bytes(), FIELDS).unwrap_err();
            assert_eq!(refusal.status, 400);
            assert!(!refusal.message.contains(NUMBER), "{}", refusal.message);
            assert!(
                refusal
                    .message
                    .ends_with("with `number` or `card`, and `form`")
            );
        }
        let wrong = read::<CardBody>(br#"{"number":"6299990000000016"}"#, FIELDS).unwrap();
        let message = wrong.which().unwrap_err().message;
        assert!(!message.contains("629999"), "{message}");
        assert!(!format!("{wrong:?}").contains("629999"));
    }

    #[test]
    fn days_and_months_are_read() {
        assert_eq!(read::<CutBody>(b"", "").unwrap().day(), Ok(None));
        let body = read::<CutBody>(br#"{"day":"1970-01-11"}"#, "").unwrap();
        assert_eq!(body.day(), Ok(Some(Day(10))));
        let body = read::<FreezeBody>(br#"{"through":"yesterday"}"#, "").unwrap();
        assert_eq!(body.through().unwrap_err().status, 400);
        let text = format!(
            r#"{{"number":"{NUMBER}","new_number":"{NUMBER}","expiry":"13","reason":"lost"}}"#
        );
        let body = read::<ReplaceBody>(text.as_bytes(), "").unwrap();
        assert_eq!(body.expiry().unwrap_err().status, 400);
    }
}
