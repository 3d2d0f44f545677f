//! What a terminal can ask for, and the mix in which it does.

use std::str::FromStr;

use super::random::Random;

/// A step of business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Hold and capture at once.
    Purchase,
    /// Asks for the available balance.
    Balance,
    /// Undoes a purchase of the same terminal.
    Void,
    /// Gives back part of a purchase of the same terminal.
    Refund,
    /// Places a hold.
    PreAuth,
    /// Releases a hold.
    PreAuthVoid,
    /// Captures a hold; the merchant asks.
    Completion,
    /// Captures a hold; the merchant tells.
    CompletionAdvice,
    /// Undoes a completion that the merchant asked for.
    CompletionVoid,
    /// Puts money on the card that was paid in cash.
    TopUp,
}

/// What a terminal does about a request when its answer does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnSilence {
    /// Nothing: no money moves.
    Forget,
    /// Sends a reversal until it is answered.
    Reverse,
    /// Sends the same again until it is answered.
    Repeat,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Purchase,
        Self::Balance,
        Self::Void,
        Self::Refund,
        Self::PreAuth,
        Self::PreAuthVoid,
        Self::Completion,
        Self::CompletionAdvice,
        Self::CompletionVoid,
        Self::TopUp,
    ];

    /// Its name in `--mix` and in the record.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Balance => "balance",
            Self::Void => "void",
            Self::Refund => "refund",
            Self::PreAuth => "preauth",
            Self::PreAuthVoid => "preauth-void",
            Self::Completion => "completion",
            Self::CompletionAdvice => "completion-advice",
            Self::CompletionVoid => "completion-void",
            Self::TopUp => "top-up",
        }
    }

    /// Requests are reversed, advices are repeated (LINK-1).
    pub(crate) fn on_silence(self) -> OnSilence {
        match self {
            Self::Balance => OnSilence::Forget,
            Self::Purchase
            | Self::Void
            | Self::PreAuth
            | Self::PreAuthVoid
            | Self::Completion
            | Self::CompletionVoid
            | Self::TopUp => OnSilence::Reverse,
            Self::Refund | Self::CompletionAdvice => OnSilence::Repeat,
        }
    }
}

/// A message of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A step of business.
    Step(Kind),
    /// Undoes a step with its own key.
    Reversal(Kind),
}

impl Ask {
    /// Its name in `--mix` and in the record.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Step(kind) => kind.name(),
            Self::Reversal(_) => "reversal",
        }
    }

    /// Whether it is sent again and again until it is decided.
    pub(crate) fn is_repeated(self) -> bool {
        match self {
            Self::Step(kind) => kind.on_silence() == OnSilence::Repeat,
            Self::Reversal(_) => true,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        if name == "reversal" {
            return Some(Self::Reversal(Kind::Purchase));
        }
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .map(Self::Step)
    }
}

/// How often each message is sent, by weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mix {
    weights: Vec<(Ask, u64)>,
    total: u64,
}

impl Mix {
    /// Largest weight; keeps the sum far from overflow.
    const WEIGHT_MAX: u64 = 1_000_000;

    pub(crate) fn draw(&self, random: &mut Random) -> Ask {
        let mut ticket = random.below(self.total);
        for (ask, weight) in &self.weights {
            if ticket < *weight {
                return *ask;
            }
            ticket -= weight;
        }
        Ask::Step(Kind::Purchase)
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights: Vec<(Ask, u64)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not `kind=weight`"))?;
            let ask = Ask::parse(name.trim()).ok_or_else(|| unknown_kind(name))?;
            let weight = weight
                .trim()
                .parse()
                .ok()
                .filter(|weight| *weight <= Self::WEIGHT_MAX)
                .ok_or_else(|| format!("the weight of {name} must be 0 to {}", Self::WEIGHT_MAX))?;
            if weights.iter().any(|(earlier, _)| *earlier == ask) {
                return Err(format!("{name} is there twice"));
            }
            weights.push((ask, weight));
        }
        let total = weights.iter().map(|(_, weight)| weight).sum();
        if total == 0 {
            return Err("at least one weight must be above 0".to_owned());
        }
        Ok(Self { weights, total })
    }
}

fn unknown_kind(name: &str) -> String {
    let names: Vec<_> = Kind::ALL.map(Kind::name).into();
    format!(
        "unknown kind `{name}`; write one of {}, reversal",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_weights() {
        let mix: Mix = "purchase=90,balance=10,void=0".parse().unwrap();
        let mut random = Random::new(1, 0);
        let drawn: Vec<_> = (0..10_000).map(|_| mix.draw(&mut random)).collect();
        let count = |ask| drawn.iter().filter(|one| **one == ask).count();
        assert!(count(Ask::Step(Kind::Purchase)).abs_diff(9_000) < 200);
        assert_eq!(count(Ask::Step(Kind::Void)), 0);
        assert_eq!(
            count(Ask::Step(Kind::Purchase)) + count(Ask::Step(Kind::Balance)),
            10_000
        );
    }

    #[test]
    fn bad_mixes_say_what_to_write() {
        for (text, part) in [
            ("", "kind=weight"),
            ("purchase", "kind=weight"),
            ("purchase=x", "must be 0 to"),
            ("purchase=0", "above 0"),
            ("purchase=1,purchase=2", "twice"),
            ("sale=1", "write one of purchase, balance"),
        ] {
            let error = text.parse::<Mix>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
