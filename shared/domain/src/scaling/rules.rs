//! What a `scaling` may not say: bounds that contradict each other, hours that nobody has, and
//! wishes that whoever is to scale cannot fulfil.

use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;

use super::{Day, ScaledBy, Scaling, Window};
use crate::manifest::Settings;
use crate::problem::Broken;

/// The time zones that are known: those of the program, so that every machine knows the same.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Everything that is wrong with the settings' `scaling`.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let scaling = &settings.scaling;
    let mut broken = bands(scaling);
    broken.extend(bounds(scaling));
    broken.extend(metrics(scaling));
    for (place, window) in scaling.schedule.iter().enumerate() {
        broken.extend(hours(
            scaling,
            window,
            &format!("/scaling/schedule/{place}"),
        ));
    }
    match scaling.by {
        ScaledBy::Alarms => broken.extend(sleep(settings)),
        ScaledBy::TargetTracking => broken.extend(beyond_target_tracking(settings)),
    }
    broken
}

fn bounds(scaling: &Scaling) -> Option<Broken> {
    let Scaling { min, max, .. } = scaling;
    (min > max).then(|| {
        let detail = format!("is {min}, more than `max`, {max}");
        Broken::new("/scaling/min", &["/scaling/max"], detail)
    })
}

fn bands(scaling: &Scaling) -> Vec<Broken> {
    [("cpu", &scaling.cpu), ("memory", &scaling.memory)]
        .into_iter()
        .filter(|(_, band)| band.low >= band.high)
        .map(|(name, band)| {
            Broken::new(
                format!("/scaling/{name}/low"),
                &[&format!("/scaling/{name}/high")],
                format!("is {}, not less than `high`, {}", band.low, band.high),
            )
        })
        .collect()
}

fn metrics(scaling: &Scaling) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (place, metric) in scaling.metrics.iter().enumerate() {
        let at = format!("/scaling/metrics/{place}");
        let (low, high) = (metric.low, metric.high);
        // A number that is none is not less than another either.
        if !(low.is_finite() && high.is_finite() && low < high) {
            let detail = format!("is {low}, not less than `high`, {high}");
            broken.push(Broken::new(
                format!("{at}/low"),
                &[&format!("{at}/high")],
                detail,
            ));
        }
        let is_same = |other: &&super::Metric| {
            (
                &other.namespace,
                &other.name,
                &other.dimensions,
                other.statistic,
            ) == (
                &metric.namespace,
                &metric.name,
                &metric.dimensions,
                metric.statistic,
            )
        };
        if let Some(first) = scaling.metrics[..place].iter().position(|it| is_same(&it)) {
            let detail = format!("is the metric of `metrics[{first}]` again: one band is enough");
            broken.push(Broken::new(at, &[], detail));
        }
    }
    broken
}

fn hours(scaling: &Scaling, window: &Window, at: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut refuse = |pointer: String, others: &[&str], detail: String| {
        broken.push(Broken::new(pointer, others, detail));
    };
    let zone = &window.timezone;
    if ZONES.get(zone).is_err() {
        let detail = format!(
            "is `{zone}`, which the IANA's time zone database does not have: a name such as `Europe/Berlin` or `UTC` would be right"
        );
        refuse(format!("{at}/timezone"), &[], detail);
    }
    if let Some(day) = twice(&window.days) {
        let detail = format!("names `{day}` twice");
        refuse(format!("{at}/days"), &[], detail);
    }
    let (min, max) = (window.min, window.max);
    if min.is_none() && max.is_none() {
        let detail = "says neither `min` nor `max`, and so nothing: say at least one".to_owned();
        refuse(at.to_owned(), &[], detail);
    }
    match (min, max) {
        (Some(min), Some(max)) if min > max => {
            let detail = format!("is {min}, more than `max`, {max}");
            refuse(format!("{at}/min"), &[&format!("{at}/max")], detail);
        }
        (Some(min), None) if min > scaling.max => {
            let detail = format!(
                "is {min}, more than `max` of `scaling`, {}: say a `max` here too",
                scaling.max
            );
            refuse(format!("{at}/min"), &["/scaling/max"], detail);
        }
        (None, Some(max)) if max < scaling.min => {
            let detail = format!(
                "is {max}, less than `min` of `scaling`, {}: say a `min` here too",
                scaling.min
            );
            refuse(format!("{at}/max"), &["/scaling/min"], detail);
        }
        _ => {}
    }
    broken
}

/// A day that is there twice, as manifests have it.
fn twice(days: &[Day]) -> Option<&'static str> {
    let again = |(place, day): &(usize, &Day)| days[..*place].contains(day);
    let (_, day) = days.iter().enumerate().find(again)?;
    Some(match day {
        Day::Mon => "mon",
        Day::Tue => "tue",
        Day::Wed => "wed",
        Day::Thu => "thu",
        Day::Fri => "fri",
        Day::Sat => "sat",
        Day::Sun => "sun",
    })
}

/// What is said of a sleep that never comes.
fn sleep(settings: &Settings) -> Option<Broken> {
    let scaling = &settings.scaling;
    // Without a load balancer there is nobody who calls whoever wakes the service, and without a
    // queue nothing that tells that there is work.
    if scaling.may_sleep() && !settings.way_in().has_load_balancer() && !settings.has_queue() {
        let detail = "lets the service sleep, and neither a load balancer nor a `queue` would say when to wake it: 1 or more would be right".to_owned();
        let others = ["/ingress", "/kind", "/scaling/queue", "/scaling/schedule"];
        return Some(Broken::new("/scaling/min", &others, detail));
    }
    let is_said = scaling.to_zero != super::ToZero::default();
    (is_said && !scaling.may_sleep()).then(|| {
        let detail = format!(
            "is for a service that may sleep, and `min` is {}: set `min` to 0, or leave this out",
            scaling.min
        );
        let others = ["/scaling/min", "/scaling/schedule"];
        Broken::unused("/scaling/to_zero", &others, detail)
    })
}

/// What only the platform's scaler can do.
fn beyond_target_tracking(settings: &Settings) -> Vec<Broken> {
    let scaling = &settings.scaling;
    let default = Scaling::default();
    let ours = "the platform's scaler does; leave it out, or set `by` to `alarms`";
    let mut broken = Vec::new();
    let mut refuse = |is_said: bool, pointer: &str, what: &str| {
        if is_said {
            let detail = format!("{what}: {ours}");
            broken.push(Broken::new(pointer, &["/scaling/by"], detail));
        }
    };
    refuse(
        scaling.queue.is_some(),
        "/scaling/queue",
        "is a queue, and AWS's target tracking follows none",
    );
    refuse(
        !scaling.metrics.is_empty(),
        "/scaling/metrics",
        "has metrics of your own, which target tracking does not follow here",
    );
    refuse(
        !scaling.schedule.is_empty(),
        "/scaling/schedule",
        "has hours with bounds of their own, which target tracking does not know",
    );
    if scaling.min == 0 {
        broken.push(Broken::new(
            "/scaling/min",
            &["/scaling/by"],
            "is 0, from which AWS's target tracking does not come back by itself: 1 or more would be right, or `by: alarms`, with which the first request wakes the service".to_owned(),
        ));
    }
    if scaling.requests.is_some() && settings.deploy.strategy.shifts() {
        let strategy = settings.deploy.strategy.name();
        broken.push(Broken::new(
            "/scaling/requests",
            &["/scaling/by", "/deploy/strategy"],
            format!(
                "cannot be tracked where two target groups take turns, as with the strategy `{strategy}`: leave it out, set `by` to `alarms`, or deploy with `rolling`"
            ),
        ));
    }
    let bands = [
        ("/scaling/cpu/low", scaling.cpu.low != default.cpu.low),
        (
            "/scaling/memory/low",
            scaling.memory.low != default.memory.low,
        ),
        ("/scaling/to_zero", scaling.to_zero != default.to_zero),
    ];
    broken.extend(
        bands
            .into_iter()
            .filter(|(_, is_said)| *is_said)
            .map(|(pointer, _)| {
                let detail =
                    "is for the platform's scaler, and `by` is `target-tracking`: leave it out";
                Broken::unused(pointer, &["/scaling/by"], detail.to_owned())
            }),
    );
    broken
}
