//! What the manifest's `scaling` and `alarms` may say, and what is answered otherwise.

use serde_json::{Value, json};
use slipway_domain::Manifest;
use slipway_domain::scaling::{Day, ScaledBy, Scaling, Statistic, WakeAnswer};

fn with(scaling: &Value) -> Value {
    json!({"service": "orders", "scaling": scaling})
}

fn scaling(scaling: &Value) -> Scaling {
    let manifest = Manifest::read(&with(scaling)).expect("a manifest");
    manifest.settings.scaling
}

/// The pointer and the sentence of the only thing that is wrong with a document.
fn answer(document: &Value) -> (String, String) {
    let refused = Manifest::read(document).expect_err("the manifest should be refused");
    let mut problems = refused.problems;
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = problems.remove(0);
    (problem.pointer, problem.detail)
}

fn refuses(wrong: &Value, pointer: &str, words: &str) {
    let (at, detail) = answer(&with(wrong));
    assert_eq!(at, pointer, "{detail}");
    assert!(detail.contains(words), "{words} in: {detail}");
}

#[test]
fn a_manifest_that_was_stored_before_these_fields_were_there_has_their_defaults() {
    let stored = json!({"min": 2, "max": 10, "cpu": {"low": 30, "high": 70}, "memory": {"low": 30, "high": 70}});
    let read = scaling(&stored);
    assert_eq!(read, Scaling::default());
    assert_eq!((read.by, read.resolution), (ScaledBy::Alarms, 60));
    assert!(!read.may_sleep());
}

#[test]
fn everything_that_can_be_said_is_stored_and_read_back() {
    let all = json!({
        "min": 0, "max": 30, "by": "alarms", "cpu": {"low": 20, "high": 60}, "memory": {"low": 25, "high": 80},
        "requests": 600, "queue": {"name": "orders-in.fifo", "delay": 30},
        "metrics": [
            {"namespace": "Shop", "name": "Sessions", "dimensions": {"Shop": "de"}, "statistic": "maximum", "low": 10, "high": 50.5, "total": true},
            {"namespace": "Shop", "name": "Latency", "low": 0.1, "high": 0.5},
        ],
        "schedule": [
            {"days": ["mon", "sun"], "from": "08:30", "to": "00:00", "timezone": "Europe/Berlin", "min": 4, "max": 50},
            {"from": "22:00", "to": "06:00", "max": 3},
        ],
        "resolution": 20, "to_zero": {"after": 5, "answer": "hold"},
    });
    let read = scaling(&all);
    assert!(read.may_sleep());
    assert_eq!(read.queue.as_ref().unwrap().delay, 30);
    assert_eq!(read.metrics[0].statistic, Statistic::Maximum);
    assert_eq!(read.metrics[1].statistic, Statistic::Average);
    assert_eq!(read.schedule[0].days, [Day::Mon, Day::Sun]);
    assert_eq!(read.schedule[1].timezone, "UTC");
    assert_eq!(read.to_zero.answer, WakeAnswer::Hold);
    let stored = serde_json::to_value(&read).unwrap();
    assert_eq!(scaling(&stored), read);
}

#[test]
fn bounds_and_bands_that_contradict_each_other_name_their_field() {
    refuses(
        &json!({"min": 11}),
        "/scaling/min",
        "is 11, more than `max`, 10",
    );
    refuses(
        &json!({"max": 0}),
        "/scaling/max",
        "from 1 to 5000, but is 0",
    );
    refuses(
        &json!({"memory": {"low": 70}}),
        "/scaling/memory/low",
        "is 70, not less than `high`, 70",
    );
    let metric = |low: f64, high: f64| json!({"metrics": [{"namespace": "a", "name": "b", "low": low, "high": high}]});
    refuses(
        &metric(2.5, 2.5),
        "/scaling/metrics/0/low",
        "is 2.5, not less than `high`, 2.5",
    );
    assert!(Manifest::read(&with(&metric(-1.0, 0.5))).is_ok());
    let twice = json!({"metrics": [
        {"namespace": "a", "name": "b", "low": 1, "high": 2},
        {"namespace": "a", "name": "b", "low": 3, "high": 4},
    ]});
    refuses(
        &twice,
        "/scaling/metrics/1",
        "the metric of `metrics[0]` again",
    );
}

#[test]
fn values_of_a_wrong_form_are_answered_with_what_would_be_right() {
    let metric = |field: &str, value: Value| {
        let mut metric = json!({"namespace": "a", "name": "b", "low": 1, "high": 2});
        metric[field] = value;
        json!({"metrics": [metric]})
    };
    refuses(
        &json!({"resolution": 30}),
        "/scaling/resolution",
        "must be 20 or 60",
    );
    refuses(
        &json!({"by": "step"}),
        "/scaling/by",
        "\"alarms\" or \"target-tracking\"",
    );
    refuses(
        &json!({"requests": 0}),
        "/scaling/requests",
        "from 1 to 10000000",
    );
    refuses(
        &json!({"queue": {"name": "a b"}}),
        "/scaling/queue/name",
        "the name of an SQS queue",
    );
    refuses(
        &json!({"queue": {}}),
        "/scaling/queue/name",
        "is missing: the name of an SQS queue",
    );
    refuses(
        &metric("low", json!("1")),
        "/scaling/metrics/0/low",
        "must be a number",
    );
    refuses(
        &metric("name", json!("")),
        "/scaling/metrics/0/name",
        "at most 255",
    );
    refuses(
        &metric("dimensions", json!({":a": "b"})),
        "/scaling/metrics/0/dimensions/:a",
        "no colon first",
    );
    refuses(
        &metric("dimensions", json!({"a": ""})),
        "/scaling/metrics/0/dimensions/a",
        "a text of at most 1024",
    );
    refuses(
        &metric("statistic", json!("p90")),
        "/scaling/metrics/0/statistic",
        "\"average\"",
    );
    refuses(
        &json!({"to_zero": {"after": 4}, "min": 0}),
        "/scaling/to_zero/after",
        "from 5 to 1440",
    );
}

#[test]
fn hours_are_on_a_clock_that_somewhere_shows() {
    let window = |more: Value| {
        let mut window = json!({"from": "08:00", "to": "20:00", "min": 4});
        for (field, value) in more.as_object().unwrap() {
            window[field] = value.clone();
        }
        json!({"schedule": [window]})
    };
    let at = |field: &str| format!("/scaling/schedule/0/{field}");
    refuses(
        &window(json!({"from": "24:00"})),
        &at("from"),
        "from `00:00` to `23:59`",
    );
    refuses(
        &window(json!({"timezone": "Europe/Atlantis"})),
        &at("timezone"),
        "such as `Europe/Berlin`",
    );
    refuses(
        &window(json!({"days": ["mon", "mon"]})),
        &at("days"),
        "names `mon` twice",
    );
    refuses(
        &window(json!({"days": ["monday"]})),
        &at("days/0"),
        "\"mon\"",
    );
    refuses(
        &window(json!({"max": 3})),
        &at("min"),
        "is 4, more than `max`, 3",
    );
    refuses(
        &window(json!({"min": 11})),
        &at("min"),
        "`max` of `scaling`, 10: say a `max` here too",
    );
    refuses(&window(json!({"max": 0})), &at("max"), "from 1 to 5000");
    let most = json!({"schedule": [{"from": "08:00", "to": "20:00", "max": 1}]});
    refuses(
        &most,
        &at("max"),
        "`min` of `scaling`, 2: say a `min` here too",
    );
    let neither = json!({"schedule": [{"from": "08:00", "to": "20:00"}]});
    refuses(
        &neither,
        "/scaling/schedule/0",
        "says neither `min` nor `max`",
    );
    for zone in ["UTC", "America/Argentina/Buenos_Aires", "Asia/Kolkata"] {
        assert!(Manifest::read(&with(&window(json!({"timezone": zone})))).is_ok());
    }
}

#[test]
fn target_tracking_is_not_asked_for_what_only_our_scaler_does() {
    let tracked = |field: &str, value: Value| {
        let mut scaling = json!({"by": "target-tracking"});
        scaling[field] = value;
        scaling
    };
    let ours = "leave it out, or set `by` to `alarms`";
    refuses(
        &tracked("queue", json!({"name": "q"})),
        "/scaling/queue",
        ours,
    );
    refuses(
        &tracked(
            "metrics",
            json!([{"namespace": "a", "name": "b", "low": 1, "high": 2}]),
        ),
        "/scaling/metrics",
        ours,
    );
    refuses(
        &tracked(
            "schedule",
            json!([{"from": "08:00", "to": "20:00", "min": 4}]),
        ),
        "/scaling/schedule",
        ours,
    );
    refuses(
        &tracked("min", json!(0)),
        "/scaling/min",
        "1 or more would be right, or `by: alarms`",
    );
    let unused = "`by` is `target-tracking`: leave it out";
    refuses(
        &tracked("cpu", json!({"low": 20})),
        "/scaling/cpu/low",
        unused,
    );
    refuses(
        &tracked("to_zero", json!({"after": 5})),
        "/scaling/to_zero",
        unused,
    );
    assert_eq!(
        scaling(&tracked("requests", json!(600))).requests,
        Some(600)
    );
    let shifting = json!({
        "service": "a", "scaling": {"by": "target-tracking", "requests": 600}, "deploy": {"strategy": "canary"}
    });
    let (pointer, detail) = answer(&shifting);
    assert_eq!(pointer, "/scaling/requests");
    assert!(detail.contains("as with the strategy `canary`"), "{detail}");
}

#[test]
fn an_environment_that_only_inherits_what_says_nothing_there_is_not_refused_for_it() {
    let document = |staging: Value| {
        json!({
            "service": "a", "scaling": {"min": 0, "to_zero": {"answer": "hold"}, "cpu": {"low": 20}},
            "environments": {"staging": {"scaling": staging}}
        })
    };
    assert!(Manifest::read(&document(json!({"min": 1}))).is_ok());
    assert!(Manifest::read(&document(json!({"min": 1, "by": "target-tracking"}))).is_ok());
    let (pointer, detail) = answer(&document(json!({"min": 1, "to_zero": {"after": 30}})));
    assert_eq!(pointer, "/environments/staging/scaling/to_zero");
    assert!(detail.contains("set `min` to 0"), "{detail}");
}

#[test]
fn a_sleep_is_described_only_where_somebody_may_sleep() {
    refuses(
        &json!({"to_zero": {"after": 30}}),
        "/scaling/to_zero",
        "and `min` is 2",
    );
    let night = json!({
        "to_zero": {"after": 30}, "schedule": [{"from": "22:00", "to": "06:00", "min": 0}]
    });
    assert!(scaling(&night).may_sleep());
}

#[test]
fn a_service_that_sleeps_begins_with_one_task_and_deploys_from_one_on() {
    let zero = scaling(&json!({"min": 0, "max": 1}));
    assert_eq!(zero.first_count(), 1);
    assert_eq!(Scaling::default().first_count(), 2);
    let stuck = |scaling: Value| json!({"service": "a", "scaling": scaling, "deploy": {"minimum_healthy": 50, "maximum": 100}});
    // No task needs no replacing; one could neither stop nor be joined by another.
    let (pointer, detail) = answer(&stuck(json!({"min": 0, "max": 5})));
    assert_eq!(pointer, "/deploy/minimum_healthy");
    assert!(detail.contains("with 1 of the tasks"), "{detail}");
    assert!(Manifest::read(&stuck(json!({"min": 2}))).is_ok());
    let night = json!([{"from": "22:00", "to": "06:00", "min": 1}]);
    let (_, detail) = answer(&stuck(json!({"min": 2, "schedule": night})));
    assert!(detail.contains("with 1 of the tasks"), "{detail}");
}

#[test]
fn alarms_that_tell_people_are_off_until_they_are_named() {
    let read = |alarms: Value| {
        let document = json!({"service": "a", "alarms": alarms});
        Manifest::read(&document).map(|it| it.settings.alarms)
    };
    assert!(
        Manifest::read(&json!({"service": "a"}))
            .unwrap()
            .settings
            .alarms
            .on
            .is_empty()
    );
    let some = read(json!({"on": ["errors", "response_time"], "response_time": 250})).unwrap();
    assert_eq!(
        (some.on.len(), some.response_time, some.errors),
        (2, 250, 10)
    );
    let problems = read(json!({"on": ["disk"], "cpu": 0, "latency": 1}))
        .unwrap_err()
        .problems;
    let pointers: Vec<&str> = problems.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(pointers, ["/alarms/cpu", "/alarms/latency", "/alarms/on/0"]);
}
