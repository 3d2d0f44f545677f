//! The shape of a Rust file: its opening, its length, the order of its imports.

use crate::tree::RepoFile;

const LINES_MAX: usize = 500;
const LONG_REASON: &str = "Long because";

/// Checks that the file opens with a module doc and is not too long.
pub fn shape_findings(file: &RepoFile) -> Vec<String> {
    let mut findings = Vec::new();
    if !file.text.starts_with("//!") {
        findings.push(format!(
            "{}:1: open the file with `//!` and its purpose",
            file.path
        ));
    }
    let line_count = file.text.lines().count();
    let has_reason = file
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .any(|line| line.contains(LONG_REASON));
    if line_count > LINES_MAX && !has_reason {
        findings.push(format!(
            "{}: {line_count} lines; split it below {LINES_MAX}, or say `{LONG_REASON} ...` in its module doc",
            file.path
        ));
    }
    findings
}

/// Checks that imports stand in three blocks, std then external then ours, with an empty line between
/// the blocks and none before an import of the block above.
pub fn import_findings(file: &RepoFile, our_crates: &[String]) -> Vec<String> {
    let imports = imports_of(&file.text, our_crates);
    let mut findings = Vec::new();
    for pair in imports.windows(2) {
        let [earlier, later] = pair else { continue };
        let at = format!("{}:{}", file.path, later.first_line);
        if later.origin < earlier.origin {
            findings.push(format!(
                "{at}: move this import up: std, then external, then ours"
            ));
        } else if later.origin > earlier.origin && !later.after_empty_line {
            findings.push(format!(
                "{at}: put an empty line between imports of std, external and ours"
            ));
        } else if later.origin == earlier.origin
            && later.origin != Origin::Ours
            && later.after_empty_line
        {
            findings.push(format!(
                "{at}: remove the empty line: both imports are of the same block"
            ));
        }
    }
    findings
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Std,
    External,
    Ours,
}

struct Import {
    origin: Origin,
    first_line: usize,
    after_empty_line: bool,
}

/// Lists the private imports at the start of a line; those inside functions and test modules are short.
fn imports_of(text: &str, our_crates: &[String]) -> Vec<Import> {
    let mut imports = Vec::new();
    let mut after_empty_line = false;
    let mut inside_import = false;
    for (index, line) in text.lines().enumerate() {
        if inside_import {
            inside_import = !line.ends_with(';');
            continue;
        }
        if let Some(path) = line.strip_prefix("use ") {
            let origin = origin_of(path, text, our_crates);
            imports.push(Import {
                origin,
                first_line: index + 1,
                after_empty_line,
            });
            inside_import = !line.ends_with(';');
            after_empty_line = false;
        } else {
            after_empty_line |= line.is_empty();
        }
    }
    imports
}

fn origin_of(path: &str, text: &str, our_crates: &[String]) -> Origin {
    let path = path.trim_start_matches("::");
    let first = path.split([':', ' ', ';', '{']).next().unwrap_or_default();
    if matches!(first, "std" | "core" | "alloc") {
        return Origin::Std;
    }
    let is_local = matches!(first, "crate" | "super" | "self") || declares_module(text, first);
    let is_ours = our_crates
        .iter()
        .any(|ours| ours.replace('-', "_") == first);
    if is_local || is_ours {
        Origin::Ours
    } else {
        Origin::External
    }
}

fn declares_module(text: &str, name: &str) -> bool {
    let declares = |line: &str| {
        let line = line
            .strip_prefix("pub ")
            .or(line.strip_prefix("pub(crate) "))
            .unwrap_or(line);
        let module = line.strip_prefix("mod ");
        module.is_some_and(|tail| tail.trim_end_matches([';', ' ', '{']) == name)
    };
    text.lines().any(declares)
}

#[cfg(test)]
mod tests {
    use super::{import_findings, shape_findings};
    use crate::tree::RepoFile;

    fn file(text: &str) -> RepoFile {
        RepoFile {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_file_opens_with_its_purpose_and_stays_short() {
        assert!(shape_findings(&file("//! Purpose.\n")).is_empty());
        assert_eq!(shape_findings(&file("use std::io;\n")).len(), 1);
        let long = "\n".repeat(600);
        assert_eq!(
            shape_findings(&file(&format!("//! Purpose.{long}"))).len(),
            1
        );
        assert!(
            shape_findings(&file(&format!("//! Long because it is one table.{long}"))).is_empty()
        );
    }

    #[test]
    fn imports_stand_in_three_blocks() {
        let ours = ["card-store".to_owned()];
        let table = [
            (
                "use std::io;\nuse std::fs;\n\nuse bytes::Bytes;\n\nuse card_store::Row;\nuse crate::a;\n",
                0,
            ),
            (
                "mod port;\n\nuse bytes::{\n    Bytes,\n};\n\nuse port::Port;\n",
                0,
            ),
            ("use std::io;\nuse bytes::Bytes;\n", 1),
            ("use bytes::Bytes;\n\nuse std::io;\n", 1),
            ("use crate::a;\n\nuse bytes::Bytes;\n", 1),
            ("use std::io;\n\nuse std::fs;\n", 1),
        ];
        for (text, count) in table {
            assert_eq!(import_findings(&file(text), &ours).len(), count, "{text}");
        }
    }
}
