//! Hours of the week that have bounds of their own.
//!
//! Time zones are those of the program, so that every machine knows the same. A window whose zone
//! or time cannot be read holds never: the manifest's checks refuse it before.

use std::sync::LazyLock;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use slipway_domain::Scaling;
use slipway_domain::scaling::{Day, Window};

use crate::observation::Bounds;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The bounds that the policy asks for at `now`: its own, or those of the windows that hold. Of
/// several the highest `min` and the highest `max` count.
pub fn bounds_at(policy: &Scaling, now: Timestamp) -> Bounds {
    let own = Bounds {
        min: policy.min,
        max: policy.max,
    };
    bounds_over(policy, own, now)
}

/// The same, with `own` for the policy's own bounds: those of the target, whatever they were made
/// of. What a window leaves out is as these have it.
pub(crate) fn bounds_over(policy: &Scaling, own: Bounds, now: Timestamp) -> Bounds {
    let holds = |window: &&Window| spans(window, now).any(|(from, to)| from <= now && now < to);
    let held = policy.schedule.iter().filter(holds);
    let each = held.map(|window| Bounds {
        min: window.min.unwrap_or(own.min),
        max: window.max.unwrap_or(own.max),
    });
    let bounds = each
        .reduce(|one, other| Bounds {
            min: one.min.max(other.min),
            max: one.max.max(other.max),
        })
        .unwrap_or(own);
    Bounds {
        max: bounds.max.max(bounds.min),
        ..bounds
    }
}

/// When a window next begins or ends, after `now`; never without windows.
pub fn next_boundary(policy: &Scaling, now: Timestamp) -> Option<Timestamp> {
    let spans = policy.schedule.iter().flat_map(|it| spans(it, now));
    spans
        .flat_map(|(from, to)| [from, to])
        .filter(|at| *at > now)
        .min()
}

/// When a window holds, from yesterday to this day in a week.
fn spans(window: &Window, now: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let zone = ZONES.get(&window.timezone).ok();
    let times = time(&window.from).zip(time(&window.to));
    let days = zone.zip(times).into_iter().flat_map(move |(zone, times)| {
        let today = now.to_zoned(zone.clone()).date();
        let days = (-1..=8).filter_map(move |day| today.checked_add(day.days()).ok());
        days.filter_map(move |day| Some((weekday(day), span(day, times, &zone)?)))
    });
    days.filter(|(day, _)| window.days.is_empty() || window.days.contains(day))
        .map(|(_, span)| span)
}

/// From a day's beginning of the window to its end. An hour that a change of clocks leaves out
/// is the one after it, as `jiff` and RFC 5545 have it.
fn span(day: Date, (from, to): (Time, Time), zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let last = if to > from { day } else { day.tomorrow().ok()? };
    let at = |date: Date, time| {
        let zoned = zone.to_zoned(date.to_datetime(time)).ok()?;
        Some(zoned.timestamp())
    };
    Some((at(day, from)?, at(last, to)?))
}

fn time(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()
}

fn weekday(date: Date) -> Day {
    match date.weekday() {
        Weekday::Monday => Day::Mon,
        Weekday::Tuesday => Day::Tue,
        Weekday::Wednesday => Day::Wed,
        Weekday::Thursday => Day::Thu,
        Weekday::Friday => Day::Fri,
        Weekday::Saturday => Day::Sat,
        Weekday::Sunday => Day::Sun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn policy(windows: serde_json::Value) -> Scaling {
        Scaling {
            schedule: serde_json::from_value(windows).unwrap(),
            ..Scaling::default()
        }
    }

    fn bounds(policy: &Scaling, now: &str) -> (u32, u32) {
        let bounds = bounds_at(policy, at(now));
        (bounds.min, bounds.max)
    }

    #[test]
    fn a_window_holds_from_its_beginning_until_before_its_end() {
        let office = policy(serde_json::json!([
            {"days": ["mon"], "from": "08:00", "to": "18:00", "min": 6, "timezone": "Europe/Berlin"},
        ]));
        // 2026-11-23 is a Monday; Berlin is an hour ahead.
        assert_eq!(bounds(&office, "2026-11-23T06:59:59Z"), (2, 10));
        assert_eq!(bounds(&office, "2026-11-23T07:00:00Z"), (6, 10));
        assert_eq!(bounds(&office, "2026-11-23T16:59:59Z"), (6, 10));
        assert_eq!(bounds(&office, "2026-11-23T17:00:00Z"), (2, 10));
        assert_eq!(bounds(&office, "2026-11-24T12:00:00Z"), (2, 10));
        let next = |now| next_boundary(&office, at(now)).unwrap().to_string();
        assert_eq!(next("2026-11-23T06:00:00Z"), "2026-11-23T07:00:00Z");
        assert_eq!(next("2026-11-23T07:00:00Z"), "2026-11-23T17:00:00Z");
        assert_eq!(next("2026-11-23T17:00:00Z"), "2026-11-30T07:00:00Z");
    }

    #[test]
    fn a_night_ends_on_the_next_day_and_the_highest_of_several_counts() {
        let nights = policy(serde_json::json!([
            {"days": ["sat"], "from": "22:00", "to": "06:00", "min": 0, "max": 3},
            {"from": "05:00", "to": "07:00", "max": 20},
        ]));
        assert_eq!(bounds(&nights, "2026-11-22T04:00:00Z"), (0, 3));
        assert_eq!(bounds(&nights, "2026-11-22T05:30:00Z"), (2, 20));
        assert_eq!(bounds(&nights, "2026-11-23T04:00:00Z"), (2, 10));
    }

    #[test]
    fn clocks_that_change_move_the_window_with_them() {
        let morning = policy(serde_json::json!([
            {"from": "08:00", "to": "09:00", "min": 6, "timezone": "Europe/Berlin"},
        ]));
        assert_eq!(bounds(&morning, "2026-10-24T06:30:00Z"), (6, 10));
        assert_eq!(bounds(&morning, "2026-10-25T07:30:00Z"), (6, 10));
        assert_eq!(bounds(&morning, "2026-10-25T06:30:00Z"), (2, 10));
    }

    #[test]
    fn without_windows_nothing_begins_or_ends() {
        assert_eq!(
            next_boundary(&Scaling::default(), at("2026-11-23T06:00:00Z")),
            None
        );
    }
}
