//! A function's dashboard: how often it is called, how often that fails or is refused, how long it
//! takes, and how many calls run at a time.

use serde_json::{Value, json};

use super::graph;
use crate::alarms::of_function;
use crate::environment_stack::Site;

pub(super) fn widgets(site: &Site<'_>) -> Vec<Value> {
    let of = |name: &str, statistic| of_function(name, statistic, 60);
    let calls = vec![("calls", of("Invocations", "Sum"))];
    let failures = vec![
        ("failed", of("Errors", "Sum")),
        ("refused, too many at a time", of("Throttles", "Sum")),
    ];
    let times = vec![
        ("average", of("Duration", "Average")),
        ("99 of 100", of("Duration", "p99")),
        ("longest", of("Duration", "Maximum")),
    ];
    let mut times = graph(site, "Milliseconds to answer", times);
    let longest = site.effective.settings.function.timeout * 1000;
    times["properties"]["annotations"] = json!({"horizontal": [
        {"label": "a call is ended", "value": longest},
    ]});
    let running = vec![("running", of("ConcurrentExecutions", "Maximum"))];
    vec![
        graph(site, "Calls a minute", calls),
        graph(site, "Failed calls a minute", failures),
        times,
        graph(site, "Calls at a time", running),
    ]
}
