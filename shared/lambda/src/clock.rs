//! The clock, and ids.

use jiff::Timestamp;
use slipway_control::Stamp;
use ulid::Ulid;

/// Now.
#[expect(clippy::disallowed_methods, reason = "this is the bootstrap's clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Now, and a new id.
pub fn stamp() -> Stamp {
    let now = now();
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    Stamp {
        now,
        id: Ulid::from_parts(millis, Ulid::generate().random()),
    }
}
