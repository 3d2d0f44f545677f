//! Log lines are started once per process.

use tracing::Level;

use telemetry::{LogFormat, start_logging};

#[test]
fn the_second_start_is_refused() {
    start_logging(LogFormat::Json, Level::INFO).unwrap();
    tracing::info!(partition = 7, "partition started");
    let error = start_logging(LogFormat::Text, Level::INFO).unwrap_err();
    assert_eq!(
        error.to_string(),
        "logging was started before in this process; start it once"
    );
}
