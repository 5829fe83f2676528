//! The function's log: JSON lines on standard output, which Lambda hands to CloudWatch Logs.

use tracing_subscriber::EnvFilter;

use crate::settings::variable;

/// Starts the log, at the level that `SLIPWAY_LOG` names, `info` by default. Payloads are
/// never logged: they may hold what a team would not want to see there.
pub fn start() {
    let level = variable("SLIPWAY_LOG").unwrap_or_else(|_| "info".to_owned());
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new(level))
        .with_current_span(false)
        .with_target(false)
        // CloudWatch Logs has the time already.
        .without_time()
        .init();
}

/// An error and all its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
