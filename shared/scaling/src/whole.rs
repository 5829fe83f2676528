//! Whole tasks from fractions of tasks.

/// The most tasks that are ever asked for; ECS runs 5,000 in a service.
const MOST: f64 = 1_000_000.0;

/// The fewest whole tasks that hold this many. What is hardly more than a whole number is that
/// number: fractions come from divisions.
pub(crate) fn tasks(fraction: f64) -> u32 {
    let up = (fraction - 1e-9).ceil();
    if up >= 1.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and a million"
        )]
        let whole = up.min(MOST) as u32;
        whole
    } else {
        0
    }
}

/// Seconds from one moment to a later one; negative when it is an earlier one.
pub(crate) fn seconds(from: jiff::Timestamp, to: jiff::Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// A moment some seconds later, as far as calendars go.
pub(crate) fn later(from: jiff::Timestamp, seconds: i64) -> jiff::Timestamp {
    from.saturating_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap_or(from)
}
