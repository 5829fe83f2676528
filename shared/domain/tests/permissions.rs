//! What services may be allowed, and what is answered when a manifest asks for more.

use serde_json::{Value, json};
use slipway_domain::{Manifest, Platform};

fn document(permissions: &Value) -> Value {
    json!({"service": "orders", "permissions": permissions})
}

/// The pointers and sentences that are answered on the sample platform.
fn answers(document: &Value) -> Vec<(String, String)> {
    let problems = Manifest::read_on(document, &Platform::sample())
        .expect_err("the manifest should be refused");
    let problems = problems.problems.into_iter();
    problems.map(|it| (it.pointer, it.detail)).collect()
}

fn refuses(permissions: &Value, pointer: &str, words: &str) {
    let answers = answers(&document(permissions));
    assert!(
        answers
            .iter()
            .any(|(at, detail)| at == pointer && detail.contains(words)),
        "expected {pointer}: …{words}… in {answers:#?}"
    );
}

#[test]
fn what_lies_under_the_platforms_prefixes_may_be_named() {
    let permissions = json!([
        {"allow": "s3:read", "on": ["devops2-g4--orders--files", "shared-files"]},
        {"allow": "bedrock:invoke", "on": ["amazon.titan-embed-text-v2:0"]},
        {"allow": "cloudwatch:put", "on": ["Shop"]},
    ]);
    let manifest = Manifest::read_on(&document(&permissions), &Platform::sample()).unwrap();
    let stored = serde_json::to_value(&manifest).unwrap();
    assert_eq!(stored["permissions"], permissions);
    assert_eq!(Manifest::read(&stored).unwrap(), manifest);
}

#[test]
fn nothing_else_of_the_account_may_be_named() {
    for (capability, outside) in [
        ("s3:read", "devops2-g4-templatebucket-1a2b3c"),
        ("s3:write", "devops2-g4--ordersx--files"),
        ("dynamodb:read", "devops2-g4-RegistryTable-1A2B3C"),
        ("dynamodb:write", "payments"),
        ("sqs:receive", "devops2-g4-WakeQueue-1A2B3C"),
        ("sqs:send", "devops2-g4--orders-in"),
        ("sns:publish", "devops2-g4--payments--news"),
        ("events:put", "default"),
    ] {
        let permissions = json!([{"allow": capability, "on": [outside]}]);
        refuses(
            &permissions,
            "/permissions/0/on/0",
            "must begin with `devops2-g4--orders--` or `shared-`",
        );
    }
    let mut older = Platform::sample();
    older.resource_prefixes = Vec::new();
    let permissions = json!([{"allow": "s3:read", "on": ["shared-files"]}]);
    let problems = Manifest::read_on(&document(&permissions), &older).unwrap_err();
    assert!(problems.to_string().contains("update the platform first"));
}

#[test]
fn an_environments_own_permissions_are_checked_where_they_stand() {
    let document = json!({
        "service": "orders",
        "environments": {"qa": {"permissions": [{"allow": "s3:read", "on": ["payments"]}]}},
    });
    let answers = answers(&document);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].0, "/environments/qa/permissions/0/on/0");
}

#[test]
fn policies_arns_and_stars_are_no_permissions() {
    let on = |name: &str| json!([{"allow": "s3:read", "on": [name]}]);
    for name in [
        "*",
        "shared-*",
        "shared-?",
        "shared-${aws:userid}",
        "arn:aws:s3:::shared-a b",
    ] {
        refuses(&on(name), "/permissions/0/on/0", "no ARN, no `*`");
    }
    refuses(
        &on("arn:aws:s3:::shared-a"),
        "/permissions/0/on/0",
        "a bucket's name",
    );
    let capability = json!([{"allow": "iam:*", "on": ["shared-a"]}]);
    refuses(
        &capability,
        "/permissions/0/allow",
        "\"bedrock:invoke\", \"cloudwatch:put\"",
    );
    let policy = json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]);
    assert!(answers(&document(&policy)).len() > 2);
    refuses(
        &json!([{"allow": "s3:read", "on": []}]),
        "/permissions/0/on",
        "at least 1 entry",
    );
}

#[test]
fn a_capability_stands_once_and_names_each_thing_once() {
    let twice = json!([
        {"allow": "s3:read", "on": ["shared-a"]}, {"allow": "s3:read", "on": ["shared-b"]},
    ]);
    refuses(
        &twice,
        "/permissions/1/allow",
        "`permissions[0]` allows already",
    );
    let same = json!([{"allow": "s3:read", "on": ["shared-a", "shared-a"]}]);
    refuses(&same, "/permissions/0/on/1", "names `shared-a` twice");
}

#[test]
fn more_than_a_role_has_room_for_is_refused() {
    let names: Vec<String> = (0..20)
        .map(|it| format!("shared-{it}{}", "x".repeat(100)))
        .collect();
    let all = json!([
        {"allow": "dynamodb:read", "on": names}, {"allow": "dynamodb:write", "on": names},
    ]);
    refuses(&all, "/permissions", "name fewer things");
}
