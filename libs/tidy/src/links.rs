//! Paths and links in documents lead somewhere.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::tree::RepoFile;

/// Checks that every path in backticks that looks like one of ours exists, and every relative link.
///
/// A word looks like a path of ours when it has a slash and its first part is a folder at the root.
pub fn link_findings(document: &RepoFile, paths: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (index, line) in document.text.lines().enumerate() {
        let at = format!("{}:{}", document.path, index + 1);
        let quoted = line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| looks_like_path(word, paths));
        for word in quoted.filter(|word| !paths.contains(word.trim_end_matches('/'))) {
            findings.push(format!("{at}: `{word}` does not exist"));
        }
        let targets = line
            .split("](")
            .skip(1)
            .filter_map(|tail| tail.split(')').next());
        for target in targets.filter(|target| is_relative(target)) {
            if !paths.contains(&resolved(&document.path, target)) {
                findings.push(format!("{at}: the link to {target} leads nowhere"));
            }
        }
    }
    findings
}

fn looks_like_path(word: &str, paths: &BTreeSet<String>) -> bool {
    let is_path_text = word
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    let first = word.split_once('/').map(|(first, _)| first);
    is_path_text && first.is_some_and(|first| !first.is_empty() && paths.contains(first))
}

fn is_relative(target: &str) -> bool {
    !target.is_empty() && !target.contains("://") && !target.starts_with(['#', '<', '/'])
}

fn resolved(document: &str, target: &str) -> String {
    let target = target.split('#').next().unwrap_or_default();
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => path.push(part),
        }
    }
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::link_findings;
    use crate::tree::RepoFile;

    #[test]
    fn paths_and_links_lead_somewhere() {
        let paths = ["docs", "docs/A.md", "libs", "libs/card"]
            .map(str::to_owned)
            .into();
        let count = |text: &str| {
            let document = RepoFile {
                path: "docs/A.md".to_owned(),
                text: text.to_owned(),
            };
            link_findings(&document, &paths).len()
        };
        assert_eq!(
            count("see `libs/card` and `libs/card/`, not `a/b` or `x -> y/z`"),
            0
        );
        assert_eq!(count("see `libs/none`"), 1);
        assert_eq!(
            count("[a](A.md#part) [b](../libs/card) [c](https://example.org/x)"),
            0
        );
        assert_eq!(count("[a](B.md)"), 1);
    }
}
