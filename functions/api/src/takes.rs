//! What operations take beside their paths and bodies: headers and parameters.

/// What an operation takes beside its path and body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// A cursor and a limit.
    Page,
    /// The same, a team, and whether a person is needed.
    TeamPage,
    /// What an estimate is to assume.
    Assumed,
    /// The same, with a cursor and a limit.
    AssumedPage,
    /// An idempotency key.
    Key,
    /// A precondition that may be left out for what is new.
    Precondition,
}
