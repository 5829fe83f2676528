//! Hours of the week with bounds of their own.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use slipway_domain::Scaling;
use slipway_domain::scaling::{Day, Window};

use crate::observation::Bounds;

/// The bounds that hold now: the target's, or those of the windows that are open. What a window
/// leaves out is as the target has it. Where several are open, the highest of each counts.
pub(crate) fn bounds(policy: &Scaling, target: Bounds, now: Timestamp) -> Bounds {
    let open = || policy.schedule.iter().filter(|window| is_open(window, now));
    let min = open().map(|window| window.min.unwrap_or(target.min)).max();
    let max = open().map(|window| window.max.unwrap_or(target.max)).max();
    let min = min.unwrap_or(target.min);
    Bounds {
        min,
        max: max.unwrap_or(target.max).max(min),
    }
}

/// Whether a window is open. One whose hours or zone cannot be read never is: the manifest's
/// check refuses those.
fn is_open(window: &Window, now: Timestamp) -> bool {
    let (Some(from), Some(to), Ok(zone)) = (
        time(&window.from),
        time(&window.to),
        TimeZone::get(&window.timezone),
    ) else {
        return false;
    };
    let here = now.to_zoned(zone);
    // It is today's or, over midnight, yesterday's.
    [0, 1]
        .into_iter()
        .any(|ago| opened(window, &here, ago, from, to).unwrap_or(false))
}

/// Whether the window that begins so many days ago is open.
fn opened(window: &Window, here: &Zoned, ago: i64, from: Time, to: Time) -> Option<bool> {
    let begins = here.date().checked_sub(ago.days()).ok()?;
    let ends = if to > from {
        begins
    } else {
        begins.tomorrow().ok()?
    };
    let on_that_day = window.days.is_empty()
        || window
            .days
            .iter()
            .any(|day| weekday(*day) == begins.weekday());
    let zone = here.time_zone();
    let at = |date: jiff::civil::Date, time| date.to_datetime(time).to_zoned(zone.clone()).ok();
    Some(on_that_day && at(begins, from)? <= *here && *here < at(ends, to)?)
}

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}

fn time(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()
}
