//! The files of the repository: what is committed, and what would be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One text file with its path from the repository's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoFile {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its content.
    pub text: String,
}

// === impl RepoFile ===

impl RepoFile {
    /// Tells whether the path ends in `.` and this extension.
    pub fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|found| found == extension)
    }
}

/// Every text file of the repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Text files, in the order of their paths.
    pub files: Vec<RepoFile>,
    /// Every path there is: files of any kind, and the folders around them.
    pub paths: BTreeSet<String>,
}

// === impl Repository ===

impl Repository {
    /// Reads the files that git tracks or would track: ignored ones are left out.
    ///
    /// # Panics
    ///
    /// When git is missing or this is no git checkout, because then nothing could be checked.
    pub fn read() -> Self {
        let root = root();
        let mut files = Vec::new();
        let mut paths = BTreeSet::new();
        for path in listed_paths(&root) {
            // A tracked file may have been removed from the work tree.
            let Ok(bytes) = fs::read(root.join(&path)) else {
                continue;
            };
            paths.extend(
                Path::new(&path)
                    .ancestors()
                    .filter_map(Path::to_str)
                    .map(str::to_owned),
            );
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(RepoFile { path, text });
            }
        }
        Self { files, paths }
    }

    /// Returns the text files with this extension.
    pub fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a RepoFile> {
        self.files
            .iter()
            .filter(move |file| file.has_extension(extension))
    }

    /// Returns a file by its path.
    pub fn file(&self, path: &str) -> Option<&RepoFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// The root of the workspace, two folders above this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn listed_paths(root: &Path) -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-co", "--exclude-standard", "-z"])
        .current_dir(root);
    let listed = git.output().expect("git lists the files; install git");
    let stderr = String::from_utf8_lossy(&listed.stderr);
    assert!(
        listed.status.success(),
        "git ls-files failed, run the tests in a git checkout: {stderr}"
    );
    let names = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let mut paths: Vec<String> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths
}
