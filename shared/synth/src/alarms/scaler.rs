//! What wakes the scaler: for each signal of the manifest an alarm that it is high and one that
//! it is low. They only say when to look; what to do is decided from the metrics themselves.

use serde_json::{Value, json};
use slipway_domain::scaling::{Metric as Own, Statistic};

use super::{
    Metric, Watched, When, alarm, dimension, of_service, of_targets, service_dimensions, sum,
};
use crate::environment_stack::{Resources, Site};
use crate::intrinsic::attribute;
use crate::queue;

/// Minutes in a row that are too high: one may be a spike.
pub(super) const HIGH_MINUTES: u32 = 2;
/// Minutes in a row that are too low: taking tasks away can wait.
const LOW_MINUTES: u32 = 5;
/// A signal that is missing says nothing of idleness, and its alarm says so too.
const UNKNOWN: &str = "missing";
/// Nothing measured is nothing running hot.
const FINE: &str = "notBreaching";

pub(super) fn add(to: &mut Resources, site: &Site<'_>) {
    let scaling = &site.effective.settings.scaling;
    let own = [
        ("Cpu", "CPUUtilization", &scaling.cpu),
        ("Memory", "MemoryUtilization", &scaling.memory),
    ];
    for (name, metric, band) in own {
        let (period, periods) = high_periods(scaling.resolution);
        let words = |side: &str, percent: u32| {
            format!("{metric} of {} is {side} {percent} percent", site.family())
        };
        let above = high(words("above", band.high), band.high.into(), periods);
        let watched = Watched::Metric(of_service(metric, "Average", period));
        let mut above = alarm(site, &watched, &above);
        super::rollback::share(site, name, &mut above);
        to.add(&format!("{name}High"), above);
        let below = low(words("below", band.low), band.low.into(), UNKNOWN);
        let watched = Watched::Metric(of_service(metric, "Average", 60));
        to.add(&format!("{name}Low"), alarm(site, &watched, &below));
    }
    if let Some(requests) = scaling.requests {
        add_requests(to, site, requests);
    }
    if queue::is_there(site) {
        let name = attribute(queue::QUEUE, queue::QUEUE_OUTPUT);
        add_queue(to, site, &name, site.effective.settings.queue.delay);
    } else if let Some(queue) = &scaling.queue {
        add_queue(to, site, &queue.name.as_str().into(), queue.delay);
    }
    for (place, metric) in scaling.metrics.iter().enumerate() {
        add_metric(to, site, place + 1, metric);
    }
}

/// Seconds of a period, and how many of them in a row. ECS has points of 20 seconds where it is
/// told to (`MonitoringConfiguration`); the first one that is high is worth a look then.
fn high_periods(resolution: u32) -> (u32, u32) {
    if resolution < 60 {
        (resolution, 1)
    } else {
        (60, HIGH_MINUTES)
    }
}

fn high(words: String, threshold: Value, periods: u32) -> When {
    When {
        words,
        comparison: "GreaterThanThreshold",
        threshold,
        periods,
        missing: FINE,
    }
}

fn low(words: String, threshold: Value, missing: &'static str) -> When {
    When {
        words,
        comparison: "LessThanThreshold",
        threshold,
        periods: LOW_MINUTES,
        missing,
    }
}

/// Percent of the requests that a task serves well, below which a look is worth it: of four tasks
/// or more, one could go.
const FEW_REQUESTS: u64 = 75;

/// Where two target groups take turns, a request goes to one of them: the sum is what a task of
/// either gets.
fn add_requests(to: &mut Resources, site: &Site<'_>, requests: u32) {
    let watched = sum(of_targets(site, "RequestCountPerTarget", "Sum", 60));
    let words = |side: &str, count: &Value| {
        format!(
            "A task of {} gets {side} {count} requests a minute",
            site.family()
        )
    };
    let most = json!(requests);
    let above = high(words("more than", &most), most, HIGH_MINUTES);
    to.add("RequestsHigh", alarm(site, &watched, &above));
    let few = json!((u64::from(requests) * FEW_REQUESTS).div_ceil(100));
    // Load balancers say nothing of a minute without requests: that is few, too.
    let below = low(words("fewer than", &few), few, "breaching");
    to.add("RequestsLow", alarm(site, &watched, &below));
}

/// The oldest message is looked at before it has waited for as long as it may: what is started
/// then takes its time.
fn add_queue(to: &mut Resources, site: &Site<'_>, name: &Value, delay: u32) {
    let watched = Watched::Metric(Metric {
        namespace: "AWS/SQS".to_owned(),
        name: "ApproximateAgeOfOldestMessage".to_owned(),
        dimensions: vec![dimension("QueueName", name)],
        statistic: "Maximum",
        period: 60,
    });
    let words = |rest: &str| format!("The oldest message for {} waits {rest}", site.family());
    let half = delay / 2;
    let above = high(words(&format!("over {half} seconds")), half.into(), 1);
    to.add("QueueHigh", alarm(site, &watched, &above));
    let fifth = (delay / 5).max(1);
    let rest = format!("less than {fifth} seconds");
    let below = low(words(&rest), fifth.into(), UNKNOWN);
    to.add("QueueLow", alarm(site, &watched, &below));
}

fn add_metric(to: &mut Resources, site: &Site<'_>, number: usize, own: &Own) {
    let metric = || Metric {
        namespace: own.namespace.clone(),
        name: own.name.clone(),
        dimensions: own
            .dimensions
            .iter()
            .map(|(name, value)| dimension(name, &value.as_str().into()))
            .collect(),
        statistic: statistic(own.statistic),
        period: 60,
    };
    let watched = || {
        if own.total {
            // What all have together, divided by how many they are.
            Watched::Made {
                of: vec![("all".to_owned(), metric()), ("tasks".to_owned(), tasks())],
                expression: "all / tasks".to_owned(),
            }
        } else {
            Watched::Metric(metric())
        }
    };
    let words = |side: &str, mark: f64| {
        format!(
            "{} {} for {} is {side} {mark}",
            own.namespace,
            own.name,
            site.family()
        )
    };
    let above = high(words("above", own.high), json!(own.high), HIGH_MINUTES);
    to.add(
        &format!("Metric{number}High"),
        alarm(site, &watched(), &above),
    );
    let below = low(words("below", own.low), json!(own.low), UNKNOWN);
    to.add(
        &format!("Metric{number}Low"),
        alarm(site, &watched(), &below),
    );
}

/// How many tasks run: Container Insights counts them.
fn tasks() -> Metric {
    Metric {
        namespace: "ECS/ContainerInsights".to_owned(),
        name: "RunningTaskCount".to_owned(),
        dimensions: service_dimensions(),
        statistic: "Average",
        period: 60,
    }
}

fn statistic(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::Average => "Average",
        Statistic::Maximum => "Maximum",
        Statistic::Minimum => "Minimum",
        Statistic::Sum => "Sum",
    }
}
