//! The time, and waiting.
//!
//! The one place of the command line that reads a clock, so that waits, retries and
//! signatures are tested without waiting and at a known time.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

/// Tells the time, and lets time pass.
pub trait Clock: Debug + Send + Sync {
    /// Now.
    fn now(&self) -> SystemTime;

    /// Comes back after `duration`.
    fn pause(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where time enters the command line"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a command that waits for a platform polls it"
    )]
    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
