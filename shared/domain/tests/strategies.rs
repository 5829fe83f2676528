//! What a manifest may say of strategies, and what ECS or CloudFormation cannot do.

use serde_json::{Value, json};
use slipway_domain::{Manifest, Problems};

fn problems(document: &Value) -> Problems {
    Manifest::read(document).expect_err("the manifest should be refused")
}

/// The pointers and sentences that are answered for `document`.
fn answers(document: &Value) -> Vec<(String, String)> {
    problems(document)
        .problems
        .into_iter()
        .map(|p| (p.pointer, p.detail))
        .collect()
}

fn refuses(document: &Value, pointer: &str, words: &str) {
    let answers = answers(document);
    assert!(
        answers
            .iter()
            .any(|(p, d)| p == pointer && d.contains(words)),
        "expected {pointer}: …{words}… in {answers:#?}"
    );
}

/// A manifest of a name and one more field.
fn with_field(field: &str, value: Value) -> Value {
    let mut document = json!({"service": "orders"});
    document[field] = value;
    document
}

#[test]
fn a_strategys_fields_are_refused_under_another_strategy() {
    let deploy = |deploy: Value| with_field("deploy", deploy);
    let unused = |document: &Value, field: &str, words: &str| {
        refuses(document, &format!("/deploy/{field}"), words);
        assert_eq!(answers(document).len(), 1);
    };
    unused(
        &deploy(json!({"bake": 30})),
        "bake",
        "is for a strategy that moves traffic: `blue-green`, `canary` or `linear`, and the strategy is `rolling`",
    );
    unused(&deploy(json!({"pause": 30})), "pause", "moves traffic");
    unused(
        &deploy(json!({"strategy": "linear", "canary": {"percent": 20}})),
        "canary",
        "is for the strategy `canary`",
    );
    unused(
        &deploy(json!({"strategy": "blue-green", "linear": {"bake": 1}})),
        "linear",
        "is for the strategy `linear`",
    );
    unused(
        &deploy(json!({"strategy": "canary", "minimum_healthy": 50})),
        "minimum_healthy",
        "is for the strategy `rolling`",
    );
    unused(
        &deploy(json!({"strategy": "canary", "maximum": 150})),
        "maximum",
        "is for the strategy `rolling`",
    );
}

#[test]
fn a_deployment_that_outlasts_a_stacks_update_is_refused_with_its_sum() {
    let linear = json!({"strategy": "linear", "linear": {"percent": 3, "bake": 5}});
    refuses(
        &with_field("deploy", linear),
        "/deploy",
        "makes a deployment take 171 minutes, and one update of a stack has 150: 1 to start (`health.grace`), 165 between steps (33 times 5), 5 to bake",
    );
    let paused = json!({"strategy": "blue-green", "pause": 145});
    refuses(
        &with_field("deploy", paused),
        "/deploy",
        "145 to be promoted (`pause`), 5 to bake",
    );
    let slow = json!({
        "service": "orders", "deploy": {"strategy": "canary", "canary": {"bake": 20}, "bake": 10},
        "health": {"grace": 7200}
    });
    assert!(Manifest::read(&slow).is_ok());
}

#[test]
fn what_ecs_has_no_numbers_for_is_refused_with_its_range() {
    let deploy = |deploy: Value| with_field("deploy", deploy);
    for (document, pointer, words) in [
        (
            json!({"strategy": "big-bang"}),
            "/deploy/strategy",
            "must be \"rolling\", \"blue-green\", \"canary\" or \"linear\"",
        ),
        (
            json!({"strategy": "canary", "canary": {"percent": 0}}),
            "/deploy/canary/percent",
            "a whole number from 1 to 99",
        ),
        (
            json!({"strategy": "linear", "linear": {"percent": 2}}),
            "/deploy/linear/percent",
            "a whole number from 3 to 99",
        ),
        (
            json!({"strategy": "linear", "linear": {"bake": 1441}}),
            "/deploy/linear/bake",
            "a whole number from 0 to 1440",
        ),
        (
            json!({"strategy": "canary", "pause": 0}),
            "/deploy/pause",
            "a whole number from 1 to 1440",
        ),
        (
            json!({"circuit_breaker": {"failures": 0}}),
            "/deploy/circuit_breaker/failures",
            "a whole number from 1 to 200",
        ),
        (
            json!({"alarms": ["disk"]}),
            "/deploy/alarms/0",
            "must be \"cpu\", \"memory\"",
        ),
        (
            json!({"alarms": ["cpu", "cpu"]}),
            "/deploy/alarms",
            "names an alarm twice",
        ),
        (
            json!({"minimum_healthy": 100, "maximum": 100}),
            "/deploy/minimum_healthy",
            "with 2 of the tasks that `scaling` allows, ECS could neither stop nor start one",
        ),
    ] {
        refuses(&deploy(document), pointer, words);
    }
}

#[test]
fn an_environment_may_choose_another_strategy_than_what_it_inherits_is_for() {
    let mut document = json!({
        "service": "orders", "deploy": {"strategy": "canary", "canary": {"percent": 20}},
        "environments": {"staging": {"deploy": {"strategy": "rolling"}}}
    });
    assert!(Manifest::read(&document).is_ok());
    document["environments"]["staging"]["deploy"]["canary"] = json!({"percent": 30});
    let words = "is for the strategy `canary`, and the strategy is `rolling`";
    refuses(&document, "/environments/staging/deploy/canary", words);
}
