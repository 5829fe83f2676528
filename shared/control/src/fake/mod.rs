//! The ports in memory, strict where AWS is strict, for tests.

mod checks;
mod cloud;
mod notify;
mod registry;
mod runs;
mod scaling;
mod tape;
mod upgrade;
mod wake;
mod waker;

pub use checks::FakeChecks;
pub use cloud::{Clock, FakeCloud, OperationSeen, Script};
pub use notify::FakeListeners;
pub use registry::FakeRegistry;
pub use runs::FakeRuns;
pub use scaling::FakeTasks;
pub use tape::{Call, Fault, Tape};
pub use upgrade::FakeUpgrades;
pub use waker::{FakeWaker, Wakeup};

use crate::error::{PortError, PortErrorKind};

/// A call that may succeed later.
pub fn transient(operation: &'static str) -> PortError {
    PortError {
        operation,
        message: "throttled by the test".to_owned(),
        kind: PortErrorKind::Transient,
        source: None,
    }
}
