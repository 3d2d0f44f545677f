//! The crate graph and the manifests.

use cargo_metadata::{DependencyKind as Kind, Metadata, MetadataCommand};

use tidy::{Dependency, DependencyKind, Repository, layer_findings};

fn workspace() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let mut command = MetadataCommand::new();
    command.manifest_path(manifest).no_deps();
    command.exec().expect("cargo describes the workspace")
}

#[test]
fn crates_depend_downwards() {
    let mut findings = Vec::new();
    for package in workspace().workspace_packages() {
        for dependency in &package.dependencies {
            let kind = match dependency.kind {
                Kind::Development => DependencyKind::Test,
                Kind::Normal | Kind::Build | Kind::Unknown => DependencyKind::Code,
            };
            let (from, on) = (package.name.to_string(), dependency.name.clone());
            findings.extend(layer_findings(&Dependency { from, on, kind }));
        }
    }
    assert!(
        findings.is_empty(),
        "{} to mend:\n{}\n",
        findings.len(),
        findings.join("\n")
    );
}

#[test]
fn crates_inherit_the_lints_and_document_what_they_offer() {
    let repository = Repository::read();
    let mut findings = Vec::new();
    for manifest in repository
        .files
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml") && !file.path.contains("/fuzz/"))
    {
        // Fuzz targets are a workspace of their own: cargo-fuzz builds them with other flags.
        if !manifest.text.contains("[lints]\nworkspace = true") {
            findings.push(format!(
                "{}: add `[lints]` with `workspace = true`",
                manifest.path
            ));
        }
        let library = manifest.path.replace("Cargo.toml", "src/lib.rs");
        let Some(library) = repository.file(&library) else {
            continue;
        };
        if !library.text.contains("missing_docs") {
            findings.push(format!("{}: add `#![warn(missing_docs)]`", library.path));
        }
    }
    assert!(
        findings.is_empty(),
        "{} to mend:\n{}\n",
        findings.len(),
        findings.join("\n")
    );
}
