//! Words that may not stand in committed files, and names that say nothing.

use std::path::Path;

use crate::tree::RepoFile;

const EMPTY_NAMES: &[&str] = &[
    "common", "core", "utils", "util", "types", "helpers", "helper", "misc",
];
/// Assembled, so that this file does not find itself.
const PRIVATE_WORDS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("../sha", "red"),
    concat!("dom", "ain.md"),
    concat!("desi", "gn.md"),
];
const PROMISES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Checks that the file stands alone and that every promise names its issue, as in `#12`.
pub fn word_findings(file: &RepoFile) -> Vec<String> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let at = format!("{}:{}", file.path, index + 1);
        for word in PRIVATE_WORDS.iter().filter(|word| line.contains(**word)) {
            findings.push(format!(
                "{at}: mentions `{word}`, which a reader does not have; write the rule itself"
            ));
        }
        for promise in PROMISES.iter().filter(|promise| has_word(line, promise)) {
            if !names_issue(line) {
                findings.push(format!(
                    "{at}: {promise} without an issue; write {promise}(#12) or do it"
                ));
            }
        }
    }
    findings
}

/// Checks that no folder, file or module has a name that says nothing.
pub fn name_findings(path: &str) -> Vec<String> {
    let is_empty_name = |part: &str| EMPTY_NAMES.contains(&part);
    let stems = Path::new(path)
        .iter()
        .filter_map(|part| Path::new(part).file_stem()?.to_str());
    let found = stems.filter(|stem| is_empty_name(stem));
    found
        .map(|stem| format!("{path}: `{stem}` says nothing; name it by what it does"))
        .collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |found: Option<char>| found.is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        !is_letter(line[..at].chars().next_back())
            && !is_letter(line[at + word.len()..].chars().next())
    })
}

fn names_issue(line: &str) -> bool {
    line.split('#')
        .skip(1)
        .any(|tail| tail.starts_with(|found: char| found.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{PRIVATE_WORDS, PROMISES, name_findings, word_findings};
    use crate::tree::RepoFile;

    fn count(text: String) -> usize {
        word_findings(&RepoFile {
            path: "a.rs".to_owned(),
            text,
        })
        .len()
    }

    #[test]
    fn files_stand_alone_and_promises_name_an_issue() {
        for word in PRIVATE_WORDS {
            assert_eq!(count(format!("see {word} for it")), 1);
        }
        for promise in PROMISES {
            assert_eq!(count(format!("// {promise}: later")), 1);
            assert_eq!(count(format!("// {promise}(#12): later")), 0);
            assert_eq!(count(format!("MAS{promise}X")), 0);
        }
    }

    #[test]
    fn names_say_something() {
        assert_eq!(name_findings("libs/utils/src/lib.rs").len(), 1);
        assert_eq!(name_findings("libs/card/src/types.rs").len(), 1);
        assert!(name_findings("libs/card/src/hold.rs").is_empty());
    }
}
