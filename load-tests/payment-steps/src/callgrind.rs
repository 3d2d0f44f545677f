//! Reads what callgrind wrote: how many instructions each called function took, callees included.
//!
//! The format is valgrind's "callgrind format": `fn=` opens a function, its lines of cost follow; after
//! `calls=` the next line has the cost of those calls. A name is written once, as `(12) name`, and
//! is `(12)` from then on. Where callers are told apart, a name is `function'caller'caller of that`.

use std::collections::BTreeMap;

/// Why a profile cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error("line {0} of the profile names a function that was never introduced")]
    UnknownName(usize),
    #[error("line {0} of the profile has no cost where one belongs")]
    NoCost(usize),
}

/// What a run took.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// By function: its own instructions.
    pub(crate) own: BTreeMap<String, u64>,
    /// By called function: its instructions and those of all that it called. Without recursion.
    pub(crate) called: BTreeMap<String, u64>,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// [`ProfileError`] names the line.
    pub(crate) fn parse(text: &str) -> Result<Self, ProfileError> {
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            reader.take(line, index + 1)?;
        }
        Ok(reader.profile)
    }

    /// All instructions that were collected.
    pub(crate) fn total(&self) -> u64 {
        self.own.values().sum()
    }

    /// Those of a called function.
    pub(crate) fn of_called(&self, path: &str) -> u64 {
        self.called.get(path).copied().unwrap_or_default()
    }

    /// The functions' own instructions where the name says yes.
    pub(crate) fn own_where(&self, says: impl Fn(&str) -> bool) -> u64 {
        let named = self.own.iter().filter(|(name, _)| says(name));
        named.map(|(_, cost)| cost).sum()
    }
}

#[derive(Default)]
struct Reader {
    names: BTreeMap<String, String>,
    function: String,
    called: String,
    is_call_cost: bool,
    profile: Profile,
}

impl Reader {
    fn take(&mut self, line: &str, number: usize) -> Result<(), ProfileError> {
        if let Some(name) = line.strip_prefix("fn=") {
            self.function = self.name(name, number)?;
        } else if let Some(name) = line.strip_prefix("cfn=") {
            self.called = self.name(name, number)?;
        } else if line.starts_with("calls=") {
            self.is_call_cost = true;
        } else if is_cost(line) {
            self.cost(line, number)?;
        }
        Ok(())
    }

    fn cost(&mut self, line: &str, number: usize) -> Result<(), ProfileError> {
        let cost = line.split_whitespace().nth(1);
        let cost: u64 = cost
            .and_then(|cost| cost.parse().ok())
            .ok_or(ProfileError::NoCost(number))?;
        let (costs, name) = match std::mem::take(&mut self.is_call_cost) {
            true => (&mut self.profile.called, &self.called),
            false => (&mut self.profile.own, &self.function),
        };
        *costs.entry(name.clone()).or_default() += cost;
        Ok(())
    }

    fn name(&mut self, text: &str, number: usize) -> Result<String, ProfileError> {
        let (id, name) = text.split_once(' ').unwrap_or((text, ""));
        if !name.is_empty() {
            self.names.insert(id.to_owned(), name.to_owned());
        }
        let known = self.names.get(id).cloned();
        known.ok_or(ProfileError::UnknownName(number))
    }
}

/// Lines of cost begin with a place: a number, or one relative to the last.
fn is_cost(line: &str) -> bool {
    line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
# callgrind format
events: Ir
fl=(1) main.rs
fn=(1) payment_steps::play::count
16 400
cfn=(2) payment_steps::steps::decide
calls=2 50
16 900
fi=(2) other.rs
+3 7
fn=(2)
51 500
cfn=(3) sha2::compress
calls=1 +16
* 400
fn=(3)
-5 400
totals: 1307
";

    #[test]
    fn costs_are_told_apart() {
        let profile = Profile::parse(PROFILE).unwrap();
        assert_eq!(profile.total(), 1_307);
        assert_eq!(profile.of_called("payment_steps::steps::decide"), 900);
        assert_eq!(profile.of_called("payment_steps::steps::decid"), 0);
        assert_eq!(profile.own_where(|name| name.contains("sha2")), 400);
    }

    #[test]
    fn a_broken_profile_is_refused() {
        assert_eq!(
            Profile::parse("fn=(9)\n"),
            Err(ProfileError::UnknownName(1))
        );
        assert_eq!(
            Profile::parse("fn=(9) a\n12\n"),
            Err(ProfileError::NoCost(2))
        );
    }
}
