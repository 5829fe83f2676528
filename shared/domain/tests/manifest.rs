//! What a manifest may say, and what is answered when it says something else.

use serde_json::{Value, json};
use slipway_domain::{Manifest, Platform, Problems};

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
fn a_name_alone_is_a_manifest_and_its_defaults_are_stored() {
    let manifest = Manifest::read(&json!({"service": "orders"})).unwrap();
    assert_eq!(
        serde_json::to_value(&manifest).unwrap(),
        json!({
            "service": "orders", "team": "default", "deletion_protection": false, "repair": true, "kind": "web",
            "port": 80, "strip_path": true, "cpu": 256, "memory": 512, "architecture": "x86_64",
            "health": {"path": "/", "interval": 5, "timeout": 2, "healthy": 2, "unhealthy": 3, "grace": 60},
            "ingress": "dedicated", "listener_port": 80, "authorization": "none",
            "cluster": "dedicated", "capacity": "fargate", "spot": {"base": 1},
            "queue": {"delay": 60, "visibility": 30, "retention": 345_600, "attempts": 5},
            "function": {"timeout": 30, "memory": 512, "vpc": false},
            "job": {"timezone": "UTC", "attempts": 1, "timeout": 3600, "backoff": 60},
            "scaling": {
                "min": 2, "max": 10, "by": "alarms", "cpu": {"low": 30, "high": 70}, "memory": {"low": 30, "high": 70},
                "resolution": 60, "to_zero": {"after": 15, "answer": "retry"}
            },
            "alarms": {"on": [], "cpu": 80, "memory": 80, "errors": 10, "response_time": 1000, "unhealthy": 0, "capacity": 90, "connections": 90, "replica_lag": 1000}, "dashboard": false,
            "logs": {"retention": 30}, "images": {"scan": true, "keep": 10},
            "triggers": {"push": "tag", "branches": ["main", "master"], "tag": "{sha}", "wait": 30},
            "deploy": {
                "strategy": "rolling", "bake": 5, "canary": {"percent": 5, "bake": 10}, "linear": {"percent": 10, "bake": 6},
                "minimum_healthy": 100, "maximum": 200, "circuit_breaker": {"percent": 50}, "alarms": []
            }
        })
    );
}

#[test]
fn a_stored_manifest_is_read_back_as_it_was() {
    let manifest = Manifest::read(&json!({
        "service": "orders", "image": "nginx", "environment": {"A": "1"}, "command": ["a"],
        "secrets": {"S": "ssm:/devops2-g4/orders/s"}, "path": "/o",
        "environments": {"staging": {"cpu": 512, "memory": 1024}}
    }))
    .unwrap();
    let stored = serde_json::to_value(&manifest).unwrap();
    assert_eq!(Manifest::read(&stored).unwrap(), manifest);
}

#[test]
fn each_bad_value_is_answered_with_its_pointer_and_what_would_be_right() {
    let with = with_field;
    refuses(&json!({}), "/service", "is missing: lower-case letters");
    refuses(&json!([]), "", "must be an object, but is a list");
    refuses(&json!("x"), "", "must be an object");
    for name in ["", "a--b", "A", "-", &"a".repeat(300)] {
        refuses(
            &json!({"service": name}),
            "/service",
            "must be lower-case letters",
        );
    }
    refuses(
        &json!({"service": 1}),
        "/service",
        "must be lower-case letters",
    );
    refuses(&with("prot", json!(80)), "/prot", "did you mean `port`?");
    refuses(
        &with("zzzzzzzz", json!(80)),
        "/zzzzzzzz",
        "there are service, team",
    );
    refuses(
        &with("port", json!(0)),
        "/port",
        "must be a whole number from 1 to 65535, but is 0",
    );
    refuses(
        &with("port", json!(70000)),
        "/port",
        "from 1 to 65535, but is 70000",
    );
    refuses(
        &with("port", json!("80")),
        "/port",
        "from 1 to 65535, but is the text \"80\"",
    );
    refuses(
        &with("port", json!(80.5)),
        "/port",
        "from 1 to 65535, but is 80.5",
    );
    refuses(
        &with("cpu", json!(300)),
        "/cpu",
        "must be 256, 512, 1024, 2048, 4096, 8192 or 16384",
    );
    refuses(&with("kind", json!("lambda")), "/kind", "must be \"web\"");
    refuses(
        &with("architecture", json!("x64")),
        "/architecture",
        "\"x86_64\" or \"arm64\"",
    );
}

#[test]
fn texts_maps_and_lists_are_checked_as_numbers_are() {
    let with = with_field;
    refuses(
        &with("image", json!("UPPER CASE")),
        "/image",
        "nginx:alpine",
    );
    refuses(&with("path", json!("orders/")), "/path", "starts with `/`");
    refuses(
        &with("strip_path", json!("yes")),
        "/strip_path",
        "must be true or false",
    );
    refuses(
        &with("environment", json!({"A-B": "x"})),
        "/environment/A-B",
        "letters, digits and underscores",
    );
    refuses(
        &with("environment", json!({"A": 1})),
        "/environment/A",
        "must be a text, but is 1",
    );
    refuses(
        &with("secrets", json!({"A": "plain"})),
        "/secrets/A",
        "`ssm:/path",
    );
    refuses(
        &with("logs", json!({"retention": 2})),
        "/logs/retention",
        "must be 1, 3, 5",
    );
    refuses(
        &with("scaling", json!({"mni": 2})),
        "/scaling/mni",
        "did you mean `min`?",
    );
    refuses(&with("command", json!("run")), "/command", "must be a list");
    refuses(
        &with("environments", json!({"Prod": {}})),
        "/environments/Prod",
        "lower-case letters and digits",
    );
    refuses(
        &with("environments", json!({"qa": {"port": 0}})),
        "/environments/qa/port",
        "from 1 to 65535",
    );
    refuses(
        &with("environments", json!({"qa": {"team": "x"}})),
        "/environments/qa/team",
        "is not a field here",
    );
}

#[test]
fn fields_that_do_not_go_together_are_refused() {
    let rules = |document| {
        let problems = problems(&document);
        assert!(!problems.schema, "a rule, not the schema: {problems}");
        document
    };
    refuses(
        &rules(json!({"service": "a", "cpu": 256, "memory": 4096})),
        "/memory",
        "with 256 CPU units: with these it allows 512, 1024 or 2048",
    );
    refuses(
        &rules(json!({"service": "a", "scaling": {"min": 20}})),
        "/scaling/min",
        "more than `max`, 10",
    );
    refuses(
        &rules(json!({"service": "a", "scaling": {"cpu": {"low": 90}}})),
        "/scaling/cpu/low",
        "not less than `high`, 70",
    );
    refuses(
        &rules(json!({"service": "a", "health": {"timeout": 5}})),
        "/health/timeout",
        "not less than `interval`",
    );
    refuses(
        &rules(json!({"service": "a", "environment": {"X": "1"}, "secrets": {"X": "ssm:/a"}})),
        "/secrets/X",
        "is in `environment` too",
    );
    refuses(
        &rules(json!({"service": "platform"})),
        "/service",
        "reserved",
    );
    refuses(
        &rules(json!({"service": "a", "path": "/webhook/x"})),
        "/path",
        "path of the platform itself",
    );
    refuses(
        &rules(json!({"service": "a", "environments": {"platform": {}}})),
        "/environments/platform",
        "choose another",
    );
    refuses(
        &rules(json!({"service": "a", "environments": {"qa": {"cpu": 4096}}})),
        "/environments/qa/memory",
        "with 4096 CPU units",
    );
    let large: serde_json::Map<String, Value> = (0..20)
        .map(|i| (format!("V{i}"), "x".repeat(4000).into()))
        .collect();
    refuses(
        &rules(json!({"service": "a", "environment": large})),
        "/environment",
        "ECS has room for",
    );
}

#[test]
fn what_cloudformation_would_act_upon_is_refused_in_any_string() {
    for text in [
        "{{resolve:ssm:/x}}",
        "a {{resolve:secretsmanager:x}}",
        "!Ref Vpc",
        "Fn::Sub",
        "${AWS::AccountId}",
    ] {
        refuses(
            &json!({"service": "a", "environment": {"X": text}}),
            "/environment/X",
            "values are plain data",
        );
        refuses(
            &json!({"service": "a", "command": ["sh", text]}),
            "/command/1",
            "values are plain data",
        );
        let mut keyed = json!({"service": "a", "environment": {}});
        keyed["environment"][text] = "x".into();
        assert!(Manifest::read(&keyed).is_err());
    }
    assert!(
        Manifest::read(&json!({"service": "a", "environment": {"HOME_DIR": "${HOME}/x"}})).is_ok()
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let answers = answers(&json!({
        "service": "Bad", "prot": 1, "memory": 4096, "scaling": {"min": 20, "max": "many"},
        "environment": {"X": "{{resolve:ssm:/x}}"}
    }));
    let pointers: Vec<&str> = answers.iter().map(|(p, _)| p.as_str()).collect();
    // `min` is not compared with a `max` that could not be read.
    assert_eq!(
        pointers,
        [
            "/environment/X",
            "/memory",
            "/prot",
            "/scaling/max",
            "/service"
        ]
    );
}

#[test]
fn numbers_with_a_zero_fraction_are_whole() {
    assert_eq!(
        Manifest::read(&json!({"service": "a", "port": 8080.0}))
            .unwrap()
            .settings
            .port,
        8080
    );
}

#[test]
fn secrets_must_lie_under_the_allowed_prefixes_and_never_among_the_platforms_own() {
    let mut platform = Platform::sample();
    let check = |platform: &Platform, secret: &str| {
        Manifest::read(&json!({"service": "orders", "secrets": {"S": secret}}))
            .unwrap()
            .check_on(platform)
    };
    assert!(check(&platform, "ssm:/devops2-g4/orders/db").is_ok());
    assert!(check(&platform, "secretsmanager:/devops2-g4/orders/db#url").is_ok());
    for outside in [
        "ssm:/devops2-g4/other/db",
        "secretsmanager:prod/master",
        "ssm:/devops2-g4/ordersx/a",
    ] {
        let problems = check(&platform, outside).unwrap_err();
        assert_eq!(problems.problems[0].pointer, "/secrets/S");
        assert!(
            problems.problems[0]
                .detail
                .contains("`/devops2-g4/orders/`"),
            "{problems}"
        );
    }
    platform.secret_prefixes = vec!["/".to_owned()];
    assert!(check(&platform, "ssm:/anything").is_ok());
    assert!(check(&platform, "secretsmanager:devops2-g4/_platform/webhook").is_err());
}

#[test]
fn what_a_platform_refuses_comes_with_all_the_rest() {
    let document = json!({
        "service": "orders", "memory": 4096, "prot": 1, "secrets": {"S": "ssm:/elsewhere"}
    });
    let problems = Manifest::read_on(&document, &Platform::sample()).unwrap_err();
    let pointers: Vec<&str> = problems
        .problems
        .iter()
        .map(|p| p.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/memory", "/prot", "/secrets/S"]);
    // Whose secrets these would be is not known without a name.
    let nameless = json!({"service": "Bad", "secrets": {"S": "ssm:/elsewhere"}});
    let problems = Manifest::read_on(&nameless, &Platform::sample()).unwrap_err();
    assert_eq!(problems.problems.len(), 1);
}

#[test]
fn images_come_from_allowed_registries_only() {
    let mut platform = Platform::sample();
    platform.allowed_registries = vec!["ghcr.io".to_owned()];
    let check = |image: &str| {
        Manifest::read(&json!({"service": "a", "image": image}))
            .unwrap()
            .check_on(&platform)
    };
    assert!(check("ghcr.io/a/b:1").is_ok());
    assert_eq!(check("nginx").unwrap_err().problems[0].pointer, "/image");
}

#[test]
fn who_is_told_is_stored_and_everything_wrong_with_it_is_answered_at_once() {
    let notify = json!({"webhooks": [
        {"url": "https://hooks.example.com/a"},
        {"url": "https://hooks.example.com/b", "on": ["failed"]},
    ]});
    let manifest = Manifest::read(&with_field("notify", notify)).unwrap();
    assert_eq!(
        serde_json::to_value(&manifest).unwrap()["notify"]["webhooks"],
        json!([
            {"url": "https://hooks.example.com/a", "on": ["started", "succeeded", "failed"]},
            {"url": "https://hooks.example.com/b", "on": ["failed"]},
        ])
    );
    let bad = with_field(
        "notify",
        json!({"webhooks": [
            {"url": "http://hooks.example.com/"},
            {"url": "https://169.254.169.254/"},
            {"url": "https://db.internal/"},
            {"url": "https://hooks.example.com/", "on": ["ended"]},
            {"on": []},
        ], "mails": []}),
    );
    let rule = "must be `https://` with a host's name (no number";
    refuses(&bad, "/notify/webhooks/0/url", rule);
    refuses(&bad, "/notify/webhooks/1/url", rule);
    refuses(
        &bad,
        "/notify/webhooks/3/on/0",
        "must be \"started\", \"succeeded\" or \"failed\"",
    );
    refuses(
        &bad,
        "/notify/webhooks/4/url",
        "is missing: `https://` with",
    );
    refuses(&bad, "/notify/mails", "is not a field here");
    let inside = with_field(
        "notify",
        json!({"webhooks": [{"url": "https://db.internal/"}]}),
    );
    refuses(
        &inside,
        "/notify/webhooks/0/url",
        "leads to `db.internal`, which is no host of the internet",
    );
    let many = vec![json!({"url": "https://hooks.example.com/"}); 6];
    let many = with_field("notify", json!({"webhooks": many}));
    refuses(&many, "/notify/webhooks", "must have at most 5 entries");
}

#[test]
fn an_environment_has_no_listeners_of_its_own() {
    let document = json!({"service": "orders", "environments": {"staging": {"notify": {}}}});
    refuses(
        &document,
        "/environments/staging/notify",
        "is not a field here",
    );
}
