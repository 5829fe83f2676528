//! The one place in this crate that reads the wall clock: events and calls bear its times.

use jiff::Timestamp;

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the local cloud runs in real time"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
