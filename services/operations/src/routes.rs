//! Which request is for whom, and its answer.

use std::time::Instant;

use serde::Serialize;

use crate::body::{CardBody, CutBody, FreezeBody, LossBody, ReplaceBody, read};
use crate::cards::{Cards, DecidedTold};
use crate::commands::IdempotencyKey;
use crate::day::parse_date;
use crate::desk::DayDesk;
use crate::float::{FloatAt, float_at};
use crate::refusal::Refusal;
use crate::steps;
use card::calendar::{Civil, day_of_date};
use card::{Day, Timestamp};
use card_store::CardStore;
use command_log::CommandLog;

/// What may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Day,
    Cut,
    Freeze,
    Float,
    Loss,
    Unfreeze,
    Replace,
    Show,
}

impl Route {
    const ALL: [Self; 8] = [
        Self::Day,
        Self::Cut,
        Self::Freeze,
        Self::Float,
        Self::Loss,
        Self::Unfreeze,
        Self::Replace,
        Self::Show,
    ];

    /// Method and path; the path names the route in the metrics.
    pub(crate) const fn shape(self) -> (&'static str, &'static str) {
        match self {
            Self::Day => ("GET", "/v1/day"),
            Self::Cut => ("POST", "/v1/day/cut"),
            Self::Freeze => ("POST", "/v1/day/freeze"),
            Self::Float => ("GET", "/v1/float"),
            Self::Loss => ("POST", "/v1/cards/loss"),
            Self::Unfreeze => ("POST", "/v1/cards/unfreeze"),
            Self::Replace => ("POST", "/v1/cards/replace"),
            Self::Show => ("POST", "/v1/cards/show"),
        }
    }

    pub(crate) fn find(method: &str, path: &str) -> Result<Self, Refusal> {
        let mut all = Self::ALL.into_iter();
        let Some(route) = all.find(|route| route.shape().1 == path) else {
            let paths: Vec<&str> = Self::ALL.iter().map(|route| route.shape().1).collect();
            let message = format!("there is no such path: there are {}", paths.join(", "));
            return Err(Refusal::new(404, "no_path", message));
        };
        let (expected, path) = route.shape();
        if method == expected {
            return Ok(route);
        }
        let message = format!("{path} is asked with {expected}");
        Err(Refusal::new(405, "wrong_method", message))
    }
}

/// A request whose caller is known, read to its end.
pub(crate) struct Asked<'a> {
    pub(crate) route: Route,
    pub(crate) query: &'a str,
    pub(crate) idempotency_key: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
    pub(crate) received_at: Instant,
}

/// An answer: its status and its JSON.
pub(crate) type Answer = (u16, serde_json::Value);

/// Everything that answers.
pub(crate) struct Routes<L, S, D> {
    pub(crate) cards: Cards<L, S>,
    pub(crate) days: D,
    pub(crate) utc_offset_minutes: i16,
}

const CARD_FIELDS: &str = "`number`, or `card`";

impl<L: CommandLog, S: CardStore, D: DayDesk> Routes<L, S, D> {
    /// Answers a request.
    pub(crate) async fn answer(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        match asked.route {
            Route::Day => ok(&steps::status(&self.days).await?.told()),
            Route::Cut => {
                let body: CutBody = read(asked.body, "`day`, or nothing")?;
                let status = steps::cut(&self.days, body.day()?, self.today()).await?;
                ok(&status.told())
            }
            Route::Freeze => {
                let body: FreezeBody = read(asked.body, "`through`, or nothing")?;
                ok(&steps::freeze(&self.days, body.through()?).await?.told())
            }
            Route::Float => ok(&float_at(&self.days, float_wanted(asked.query)?).await?),
            Route::Show => {
                let body: CardBody = read(asked.body, CARD_FIELDS)?;
                ok(&self.cards.show(&body.which()?).await?)
            }
            Route::Loss | Route::Unfreeze | Route::Replace => self.steer(asked).await,
        }
    }

    /// What a card decides.
    async fn steer(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = IdempotencyKey::parse(asked.idempotency_key)?;
        let (cards, at) = (&self.cards, asked.received_at);
        let told = if asked.route == Route::Loss {
            let fields = "`number` or `card`, and `form`: \"temporary\" or \"formal\"";
            cards
                .loss(&read::<LossBody>(asked.body, fields)?, &key, at)
                .await?
        } else if asked.route == Route::Replace {
            let fields = "`number` or `card`, `new_number`, `reason`: \"lost\" or \"damaged\", and \
                          `expiry` if it changes";
            let body = read::<ReplaceBody>(asked.body, fields)?;
            cards.replace(&body, &key, at).await?
        } else {
            let body: CardBody = read(asked.body, CARD_FIELDS)?;
            cards.unfreeze(&body.which()?, &key, at).await?
        };
        tracing::info!(
            route = asked.route.shape().1,
            card = told.card,
            outcome = told.outcome,
            replayed = told.replayed,
            position = told.position,
            "decided for the back office"
        );
        decided(&told)
    }

    /// The date by the clock.
    fn today(&self) -> Day {
        let now: Timestamp = (self.cards.clock)();
        let today = Civil::at(now, self.utc_offset_minutes);
        day_of_date(today.year, today.month, today.day).unwrap_or(Day(0))
    }
}

fn ok(told: &impl Serialize) -> Result<Answer, Refusal> {
    answer(200, told)
}

/// A decline is an answer, and not what was wanted.
fn decided(told: &DecidedTold) -> Result<Answer, Refusal> {
    answer(if told.is_approved() { 200 } else { 409 }, told)
}

fn answer(status: u16, told: &impl Serialize) -> Result<Answer, Refusal> {
    let value = serde_json::to_value(told);
    let value = value.map_err(|error| Refusal::new(500, "not_json", error.to_string()))?;
    Ok((status, value))
}

fn float_wanted(query: &str) -> Result<FloatAt, Refusal> {
    let wrong = |message: String| Refusal::new(400, "bad_query", message);
    match query.split_once('=') {
        None if query.is_empty() => Ok(FloatAt::Latest),
        Some(("at", day)) => parse_date(day).map(FloatAt::EndOf).map_err(wrong),
        Some(("cut", number)) => number
            .parse()
            .map(FloatAt::Cut)
            .map_err(|_| wrong("`cut` is no number: write one such as cut=20782".to_owned())),
        Some(_) | None => Err(wrong(
            "write at=2026-11-24, or cut=20782, or nothing for the last cut-over".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_by_its_shape_and_no_other() {
        for route in Route::ALL {
            let (method, path) = route.shape();
            assert_eq!(Route::find(method, path), Ok(route));
            assert_eq!(Route::find("PUT", path).unwrap_err().status, 405);
            let longer = format!("{path}/");
            assert_eq!(Route::find(method, &longer).unwrap_err().status, 404);
        }
    }

    #[test]
    fn a_float_is_asked_for_by_day_or_number() {
        for (query, expected) in [
            ("", Some(FloatAt::Latest)),
            ("at=1970-01-11", Some(FloatAt::EndOf(Day(10)))),
            ("cut=7", Some(FloatAt::Cut(7))),
            ("at=yesterday", None),
            ("cut=-1", None),
            ("cut=7&at=1970-01-11", None),
            ("day=1970-01-11", None),
            ("at", None),
        ] {
            assert_eq!(float_wanted(query).ok(), expected, "{query}");
        }
    }
}
