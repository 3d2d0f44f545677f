//! How a command prints: for people, or for programs.

/// The form of a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputForm {
    /// For people.
    Text,
    /// JSON.
    Json,
}
