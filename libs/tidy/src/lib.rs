//! The rules of this repository that no compiler checks, as plain tests.
//!
//! Each rule is a pure function from a file's text to findings, with its own unit tests; the tests in
//! the `tests` folder run all rules over the whole repository. A finding says where and what to do.
//!
//! Does not judge taste and formats nothing: rustfmt and clippy do the rest.
#![warn(missing_docs)]

mod adr;
mod invariants;
mod layers;
mod links;
mod metrics;
mod numbers;
mod rust_file;
mod tree;
mod words;

pub use adr::decision_record_findings;
pub use invariants::{Invariant, invariant_findings, invariants_of, quoted_ids};
pub use layers::{Dependency, DependencyKind, layer_findings, purity_findings};
pub use links::link_findings;
pub use metrics::metric_findings;
pub use numbers::card_number_findings;
pub use rust_file::{import_findings, shape_findings};
pub use tree::{RepoFile, Repository};
pub use words::{name_findings, word_findings};
