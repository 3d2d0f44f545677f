//! Decision records: unique numbers, a status, the four parts.

use std::path::Path;

use crate::tree::RepoFile;

const FOLDER: &str = "docs/adr/";
const STATUSES: &[&str] = &["proposed", "accepted", "superseded by", "rejected"];
const PARTS: &[&str] = &[
    "## Context",
    "## Decision",
    "## Consequences",
    "## Decision log",
];

/// Checks the decision records among the files.
pub fn decision_record_findings(files: &[RepoFile]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut numbers: Vec<&str> = Vec::new();
    for record in files.iter().filter(|file| file.path.starts_with(FOLDER)) {
        let name = Path::new(&record.path)
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let number = name
            .get(..4)
            .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        match number {
            None => findings.push(format!("{}: name it NNNN-title.md", record.path)),
            Some(number) if numbers.contains(&number) => {
                findings.push(format!(
                    "{}: the number {number} is taken; numbers are never used twice",
                    record.path
                ));
            }
            Some(number) => numbers.push(number),
        }
        findings.extend(content_findings(record));
    }
    findings
}

fn content_findings(record: &RepoFile) -> Vec<String> {
    let mut findings = Vec::new();
    let status = record
        .text
        .lines()
        .find_map(|line| line.strip_prefix("Status: "));
    if !status.is_some_and(|status| STATUSES.iter().any(|known| status.starts_with(known))) {
        let path = &record.path;
        findings.push(format!(
            "{path}: write a line `Status: ...` with one of {}",
            STATUSES.join(", ")
        ));
    }
    let missing = PARTS
        .iter()
        .filter(|part| !record.text.lines().any(|line| line == **part));
    findings.extend(missing.map(|part| format!("{}: the part `{part}` is missing", record.path)));
    findings
}

#[cfg(test)]
mod tests {
    use super::{PARTS, decision_record_findings};
    use crate::tree::RepoFile;

    fn record(path: &str, status: &str) -> RepoFile {
        let text = format!("# 0001 A\n\n{status}\n\n{}\n", PARTS.join("\n\n"));
        RepoFile {
            path: path.to_owned(),
            text,
        }
    }

    #[test]
    fn records_have_their_own_number_and_a_status() {
        let good = record("docs/adr/0001-a.md", "Status: accepted");
        assert!(decision_record_findings(std::slice::from_ref(&good)).is_empty());
        let same_number = record("docs/adr/0001-b.md", "Status: accepted");
        assert_eq!(decision_record_findings(&[good, same_number]).len(), 1);
        assert_eq!(
            decision_record_findings(&[record("docs/adr/0002-b.md", "")]).len(),
            1
        );
        assert_eq!(
            decision_record_findings(&[record("docs/adr/notes.md", "Status: accepted")]).len(),
            1
        );
    }
}
