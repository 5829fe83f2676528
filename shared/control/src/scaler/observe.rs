//! What is asked of `CloudWatch`, and what is made of the answer.
//!
//! Everything is asked in one call. The health of targets, too: `HealthyHostCount` and
//! `UnHealthyHostCount` are of the same minute as the requests beside them, and spare a call of
//! Elastic Load Balancing.

use jiff::{SignedDuration, Timestamp};
use slipway_domain::scaling::Statistic;
use slipway_scaling::{Bounds, Load, Observation, Point, Targets, Tasks, Trigger};

use super::site::{Balancer, Site};
use crate::ports::{Live, Series};

/// How far back is looked.
const BACK: SignedDuration = SignedDuration::from_mins(60);
/// How old the last word on targets may be. Metrics of a load balancer come each minute, up to
/// some minutes late.
const TARGETS_KNOWN_FOR: SignedDuration = SignedDuration::from_mins(5);
const MINUTE: u32 = 60;

/// From when to when metrics are asked for: whole periods, of which the last has just ended.
pub(super) fn span(site: &Site, now: Timestamp) -> (Timestamp, Timestamp) {
    let to = floor(now, site.policy.resolution);
    (floor(to - BACK, MINUTE), to)
}

/// What is asked for, in the order in which [`observation`] takes it.
pub(super) fn series(site: &Site) -> Vec<Series> {
    let ecs = |name, seconds| {
        let dimensions = [
            ("ClusterName", &site.cluster),
            ("ServiceName", &site.service),
        ];
        plain("AWS/ECS", name, &dimensions, Statistic::Average, seconds)
    };
    let resolution = site.policy.resolution;
    let mut all = vec![
        ecs("CPUUtilization", resolution),
        ecs("MemoryUtilization", resolution),
    ];
    all.extend(site.balancer.iter().flat_map(of_balancer));
    if let Some(queue) = &site.policy.queue {
        let sqs = |name, statistic| {
            plain(
                "AWS/SQS",
                name,
                &[("QueueName", &queue.name)],
                statistic,
                MINUTE,
            )
        };
        all.extend([
            sqs("ApproximateNumberOfMessagesVisible", Statistic::Average),
            sqs("ApproximateNumberOfMessagesNotVisible", Statistic::Maximum),
            sqs("NumberOfMessagesDeleted", Statistic::Sum),
            sqs("ApproximateAgeOfOldestMessage", Statistic::Maximum),
        ]);
    }
    all.extend(site.policy.metrics.iter().map(|metric| Series {
        namespace: metric.namespace.clone(),
        name: metric.name.clone(),
        dimensions: metric.dimensions.clone().into_iter().collect(),
        statistic: metric.statistic,
        seconds: MINUTE,
    }));
    all
}

/// Requests, then healthy and unhealthy targets of each group.
fn of_balancer(balancer: &Balancer) -> Vec<Series> {
    let alb = |name, dimensions: &[(&str, &String)], statistic| {
        plain("AWS/ApplicationELB", name, dimensions, statistic, MINUTE)
    };
    let whole = ("LoadBalancer", &balancer.name);
    let requests = |dimensions: &[_]| alb("RequestCount", dimensions, Statistic::Sum);
    let mut all = if balancer.is_shared {
        let groups = balancer.groups.iter();
        groups
            .map(|group| requests(&[("TargetGroup", group), whole]))
            .collect()
    } else {
        // All of it, with what the waker answered.
        vec![requests(&[whole])]
    };
    for group in &balancer.groups {
        let dimensions = [("TargetGroup", group), whole];
        // The lowest of the minute's healthy and the highest of its unhealthy ones: a zone that
        // cannot reach a target counts.
        all.push(alb("HealthyHostCount", &dimensions, Statistic::Minimum));
        all.push(alb("UnHealthyHostCount", &dimensions, Statistic::Maximum));
    }
    all
}

/// The sum of two groups' loads, of which not each has a value in every period.
fn together(one: Load, other: Load) -> Load {
    let mut points = one.0;
    for point in other.0 {
        match points.iter_mut().find(|it| it.at == point.at) {
            Some(same) => same.value += point.value,
            None => points.push(point),
        }
    }
    points.sort_by_key(|it| it.at);
    Load(points)
}

fn plain(
    namespace: &str,
    name: &str,
    dimensions: &[(&str, &String)],
    statistic: Statistic,
    seconds: u32,
) -> Series {
    let dimensions = dimensions.iter();
    Series {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        dimensions: dimensions
            .map(|(name, value)| ((*name).to_owned(), (*value).clone()))
            .collect(),
        statistic,
        seconds,
    }
}

/// What is seen, with the answers to [`series`].
pub(super) fn observation(
    site: &Site,
    live: &Live,
    loads: Vec<Load>,
    trigger: Trigger,
    now: Timestamp,
) -> Observation {
    let mut loads = loads.into_iter().map(|load| whole_periods(load, now));
    let mut next = || loads.next().unwrap_or_default();
    let mut seen = Observation {
        trigger,
        tasks: Tasks {
            desired: live.desired,
            running: live.running,
        },
        bounds: bounds(live),
        paused: live.paused,
        deploying: live.deploying || site.changes,
        cpu: next(),
        memory: next(),
        ..Observation::default()
    };
    if let Some(balancer) = &site.balancer {
        seen.requests = next();
        if balancer.is_shared && balancer.groups.len() > 1 {
            seen.requests = together(std::mem::take(&mut seen.requests), next());
        }
        let groups = balancer.groups.iter();
        let groups = groups.map(|_| (next(), next())).collect::<Vec<_>>();
        seen.targets = targets(&groups, now);
    }
    if site.policy.queue.is_some() {
        (seen.waiting, seen.in_flight) = (next(), next());
        (seen.worked_off, seen.oldest) = (next(), next());
    }
    seen.metrics = site.policy.metrics.iter().map(|_| next()).collect();
    seen
}

/// Takes the queue's own word for how many messages wait: the metrics of one that was idle for
/// hours are silent, and late when it is not any more.
pub(super) fn ask_queue(seen: &mut Observation, waiting: Option<u64>, now: Timestamp) {
    let Some(waiting) = waiting else {
        return;
    };
    let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
    seen.waiting.0.push(Point {
        at: now - SignedDuration::from_secs(i64::from(MINUTE)),
        seconds: MINUTE,
        value: waiting.into(),
    });
}

/// The bounds as the scalable target has them.
pub(super) fn bounds(live: &Live) -> Bounds {
    let (min, max) = live.bounds.unwrap_or_default();
    Bounds { min, max }
}

/// The last word on all groups together. A group of which nothing is known has no targets.
fn targets(groups: &[(Load, Load)], now: Timestamp) -> Option<Targets> {
    let last = |load: &Load| {
        let point = load.0.last()?;
        (now.duration_since(point.at) <= TARGETS_KNOWN_FOR).then_some(count(point.value))
    };
    let known =
        groups.iter().filter_map(
            |(healthy, unhealthy)| match (last(healthy), last(unhealthy)) {
                (None, None) => None,
                (healthy, unhealthy) => Some(Targets {
                    healthy: healthy.unwrap_or_default(),
                    unhealthy: unhealthy.unwrap_or_default(),
                }),
            },
        );
    known.reduce(|one, other| Targets {
        healthy: one.healthy + other.healthy,
        unhealthy: one.unhealthy + other.unhealthy,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "held between none and the most tasks of an ECS service"
)]
fn count(value: f64) -> u32 {
    value.round().clamp(0.0, 5000.0) as u32
}

/// Without the period that has not ended: its sum is not all, and no rate.
fn whole_periods(load: Load, now: Timestamp) -> Load {
    let ended = |at: Timestamp, seconds| at + SignedDuration::from_secs(i64::from(seconds)) <= now;
    let points = load.0.into_iter();
    Load(points.filter(|it| ended(it.at, it.seconds)).collect())
}

/// The beginning of the period of so many seconds that `at` lies in.
fn floor(at: Timestamp, seconds: u32) -> Timestamp {
    let second = at.as_second();
    let floored = second - second.rem_euclid(i64::from(seconds.max(1)));
    Timestamp::from_second(floored).unwrap_or(at)
}
