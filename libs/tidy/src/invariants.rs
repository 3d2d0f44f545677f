//! The table of invariants against the code that quotes them.

use crate::tree::{RepoFile, Repository};

const FAMILIES: &[&str] = &["LOG", "CARD", "LEDGER", "STORE", "OWN", "LINK"];
const STATES: &[&str] = &["kept", "cluster", "later"];
const NOT_FILLED: &str = "-";

/// One row of the table of invariants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// Such as `CARD-1`.
    pub id: String,
    /// `kept`, `cluster` or `later`.
    pub state: String,
    /// The file that keeps it, or `-`.
    pub file: String,
    /// The test that shows it, or `-`.
    pub test: String,
}

/// Reads the rows of the table.
pub fn invariants_of(table: &str) -> Vec<Invariant> {
    let rows = table.lines().filter(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let [id, _, state, file, test] = cells[..] else {
            return None;
        };
        let [id, state, file, test] = [id, state, file, test].map(str::to_owned);
        (quoted_ids(&id) == [id.as_str()]).then_some(Invariant {
            id,
            state,
            file,
            test,
        })
    })
    .collect()
}

/// Lists the invariants that a text quotes, in its order.
pub fn quoted_ids(text: &str) -> Vec<&str> {
    let is_part = |found: char| found.is_ascii_alphanumeric() || found == '-' || found == '_';
    text.split(|found: char| !is_part(found))
        .filter(|word| is_id(word))
        .collect()
}

fn is_id(word: &str) -> bool {
    let Some((family, number)) = word.split_once('-') else {
        return false;
    };
    FAMILIES.contains(&family)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Checks the table itself, and that everything quoted anywhere is in it.
pub fn invariant_findings(table: &RepoFile, repository: &Repository) -> Vec<String> {
    let invariants = invariants_of(&table.text);
    let mut findings = Vec::new();
    for (index, invariant) in invariants.iter().enumerate() {
        if invariants[..index]
            .iter()
            .any(|earlier| earlier.id == invariant.id)
        {
            findings.push(format!(
                "{}: {} stands there twice",
                table.path, invariant.id
            ));
        }
        findings.extend(
            row_findings(invariant, repository)
                .into_iter()
                .map(|text| format!("{}: {text}", table.path)),
        );
    }
    let quoting = repository
        .files
        .iter()
        .filter(|file| file.has_extension("rs") || file.has_extension("md"));
    for file in quoting.filter(|file| !file.path.starts_with("libs/tidy/")) {
        for id in quoted_ids(&file.text) {
            if !invariants.iter().any(|invariant| invariant.id == id) {
                findings.push(format!(
                    "{}: quotes {id}, which {} does not have",
                    file.path, table.path
                ));
            }
        }
    }
    findings
}

fn row_findings(invariant: &Invariant, repository: &Repository) -> Vec<String> {
    let Invariant {
        id,
        state,
        file,
        test,
    } = invariant;
    let mut findings = Vec::new();
    if !STATES.contains(&state.as_str()) {
        findings.push(format!(
            "{id} has state `{state}`; write one of {}",
            STATES.join(", ")
        ));
    }
    if file != NOT_FILLED {
        match repository.file(file) {
            None => findings.push(format!("{id} is kept by {file}, which does not exist")),
            Some(keeper) if !quoted_ids(&keeper.text).contains(&id.as_str()) => {
                findings.push(format!(
                    "{id} is kept by {file}, which does not quote it; say where"
                ));
            }
            Some(_) => {}
        }
    }
    let declaration = format!("fn {test}(");
    if test != NOT_FILLED
        && !repository
            .with_extension("rs")
            .any(|file| file.text.contains(&declaration))
    {
        findings.push(format!(
            "{id} is shown by test `{test}`, which does not exist"
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{invariant_findings, invariants_of, quoted_ids};
    use crate::tree::{RepoFile, Repository};

    fn file(path: &str, text: &str) -> RepoFile {
        RepoFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn ids_are_found_as_whole_words() {
        assert_eq!(
            quoted_ids("// CARD-3: held; see (LOG-12), CATALOG-1 and CARD-x."),
            ["CARD-3", "LOG-12"]
        );
    }

    #[test]
    fn rows_are_read() {
        let rows = invariants_of(
            "| ID | What | State | File | Test |\n|---|---|---|---|---|\n| CARD-1 | x | kept | `a.rs` | - |\n",
        );
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].file.as_str(), rows[0].test.as_str()),
            ("a.rs", "-")
        );
    }

    #[test]
    fn table_and_code_agree() {
        let check = |row: &str, code: &str| {
            let table = file("docs/INVARIANTS.md", row);
            let files = vec![file("a.rs", code)];
            invariant_findings(
                &table,
                &Repository {
                    files,
                    paths: BTreeSet::new(),
                },
            )
            .len()
        };
        assert_eq!(
            check(
                "| CARD-1 | x | kept | `a.rs` | `shows` |",
                "// CARD-1\nfn shows() {}"
            ),
            0
        );
        assert_eq!(check("| CARD-1 | x | kept | - | - |", ""), 0);
        assert_eq!(check("| CARD-1 | x | kept | `b.rs` | `shows` |", ""), 2);
        assert_eq!(check("| CARD-1 | x | kept | `a.rs` | - |", "no quote"), 1);
        assert_eq!(check("| CARD-1 | x | done | - | - |", ""), 1);
        assert_eq!(check("", "// CARD-1"), 1);
    }
}
