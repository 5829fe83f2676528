//! Times and durations as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// A duration as `3.2s`, `1m05s` or `2h03m`.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{}.{}s", seconds, duration.subsec_millis() / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A moment to the second, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The time from `earlier` to `later`; none if that is the wrong way round.
pub(crate) fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_the_precision_that_matters() {
        let texts = [0, 3_250, 59_999, 65_000, 3_599_000, 7_380_000]
            .map(|ms| short(Duration::from_millis(ms)));
        assert_eq!(texts, ["0.0s", "3.2s", "59.9s", "1m05s", "59m59s", "2h03m"]);
    }

    #[test]
    fn a_moment_is_utc_to_the_second() {
        let at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        assert_eq!(moment(at), "2026-01-02 03:04:05Z");
        assert_eq!(between(at, Timestamp::UNIX_EPOCH), Duration::ZERO);
    }
}
