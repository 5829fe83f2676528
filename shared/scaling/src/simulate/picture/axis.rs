//! Where the lines of a picture are, and what is written there.

use jiff::tz::TimeZone;

use super::super::trace::{Trace, whole};

/// Marks of time.
#[derive(Debug)]
pub(super) struct Ticks {
    pub(super) at: Vec<Tick>,
    /// What the labels are.
    pub(super) unit: String,
}

/// A mark of time.
#[derive(Debug)]
pub(super) struct Tick {
    /// Where, as a part of the whole.
    pub(super) part: f64,
    pub(super) label: String,
}

/// Distances of marks, in seconds.
const DISTANCES: [u64; 14] = [
    60, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600,
    2_592_000,
];

/// At most a dozen marks, at round times of UTC.
pub(super) fn times(trace: &Trace) -> Ticks {
    let seconds = trace.seconds();
    let fits = |distance: &&u64| seconds / **distance <= 12;
    let distance = *DISTANCES.iter().find(fits).unwrap_or(&DISTANCES[13]);
    let start = u64::try_from(trace.start().as_second()).unwrap_or(0);
    let first = start.div_ceil(distance) * distance - start;
    let mut at = Vec::new();
    let mut second = first;
    while second <= seconds {
        let time = trace.at(second).to_zoned(TimeZone::UTC);
        let midnight = time.hour() == 0 && time.minute() == 0;
        let format = if midnight { "%-d %b" } else { "%H:%M" };
        at.push(Tick {
            part: whole(second) / whole(seconds.max(1)),
            label: time.strftime(format).to_string(),
        });
        second += distance;
    }
    let year = trace.start().to_zoned(TimeZone::UTC).year();
    Ticks {
        at,
        unit: format!("{year}, UTC"),
    }
}

/// Round numbers from 0 up to a height, as many as find room in so many pixels.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of lines"
)]
pub(super) fn round_steps(most: f64, pixels: f64) -> Vec<u32> {
    let room = (pixels / 28.0).max(1.0);
    let mut distance = 1_u32;
    for factor in [2, 5, 10].into_iter().cycle() {
        if most / f64::from(distance) <= room {
            break;
        }
        let decade = 10_u32.pow(distance.ilog10());
        distance = decade * factor;
    }
    (0..=(most / f64::from(distance)) as u32)
        .map(|step| step * distance)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        assert_eq!(round_steps(4.2, 260.0), [0, 1, 2, 3, 4]);
        assert_eq!(round_steps(47.0, 84.0), [0, 20, 40]);
        assert_eq!(round_steps(63.0, 260.0), [0, 10, 20, 30, 40, 50, 60]);
        assert_eq!(round_steps(900.0, 84.0), [0, 500]);
    }

    #[test]
    fn times_are_round_in_utc() {
        let trace = Trace::read(
            "x",
            "timestamp,requests\n1998-06-20T10:07:00Z,1\n1998-06-20T16:07:00Z,1\n",
        )
        .unwrap();
        let ticks = times(&trace);
        let labels: Vec<&str> = ticks.at.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels[..3], ["11:00", "12:00", "13:00"]);
        assert_eq!(ticks.unit, "1998, UTC");
    }
}
