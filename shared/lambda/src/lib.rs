//! What every function of the platform begins with: its settings from the environment, its
//! log, the time, and the form in which it tells errors to callers.
//!
//! This is the one place that reads the clock, the environment and chance. It knows no use case.

pub mod chance;
pub mod clock;
pub mod metrics;
pub mod problem;
pub mod settings;
pub mod telemetry;
