//! How a command prints: for people, or for programs.

use card::Timestamp;
use card::calendar::Civil;

/// The form of a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputForm {
    /// For people.
    Text,
    /// JSON.
    Json,
}

/// Fen as yuan, with thousands apart.
pub(crate) fn yuan(fen: i128) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    let digits = (fen / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{:02}", fen % 100)
}

/// The moment in UTC: the books know no local time.
pub(crate) fn moment(at: Timestamp) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::at(at, 0);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_thousands() {
        assert_eq!(yuan(0), "0.00");
        assert_eq!(yuan(-12_345), "-123.45");
        assert_eq!(yuan(123_456_789), "1,234,567.89");
    }
}
