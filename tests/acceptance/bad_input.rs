//! What is refused, each with a pointer to the place, and with the registry as it was.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use slipway_cli::client::Call;
use slipway_tests::local_platform::LocalPlatform;
use slipway_tests::registry::lasting;

use crate::asking::{name, post, problem, register};

/// A manifest that is refused: what is wrong, its fields, the status, and the pointer.
fn manifests() -> Vec<(&'static str, Value, u16, &'static str)> {
    let with = |fields: Value| {
        let mut manifest = json!({"service": "bad", "image": "nginx:alpine"});
        for (name, value) in fields.as_object().into_iter().flatten() {
            manifest[name] = value.clone();
        }
        manifest
    };
    vec![
        ("an unknown field", with(json!({"prot": 80})), 400, "/prot"),
        (
            "a wrong type",
            with(json!({"port": "eighty"})),
            400,
            "/port",
        ),
        ("port 0", with(json!({"port": 0})), 400, "/port"),
        ("port 70000", with(json!({"port": 70000})), 400, "/port"),
        ("no name", json!({"image": "nginx"}), 400, "/service"),
        (
            "an empty name",
            with(json!({"service": ""})),
            400,
            "/service",
        ),
        (
            "a double hyphen",
            with(json!({"service": "a--b"})),
            400,
            "/service",
        ),
        (
            "a long name",
            with(json!({"service": "a".repeat(300)})),
            400,
            "/service",
        ),
        (
            "an environment with a bad name",
            with(json!({"environments": {"Prod-1": {}}})),
            400,
            "/environments/Prod-1",
        ),
        (
            "a reserved path",
            with(json!({"path": "/platform/v1"})),
            422,
            "/path",
        ),
        (
            "a reserved name",
            with(json!({"service": "webhook"})),
            422,
            "/service",
        ),
        (
            "memory that does not go with the CPU",
            with(json!({"cpu": 256, "memory": 8192})),
            422,
            "/memory",
        ),
        (
            "min above max",
            with(json!({"scaling": {"min": 5, "max": 2}})),
            422,
            "/scaling/min",
        ),
        (
            "an intrinsic function",
            with(json!({"environment": {"A": {"Ref": "TaskRole"}}})),
            400,
            "/environment/A",
        ),
        (
            "an intrinsic in a text",
            with(json!({"environment": {"A": "Fn::GetAtt"}})),
            422,
            "/environment/A",
        ),
        (
            "a dynamic reference",
            with(json!({"command": ["{{resolve:ssm:/any}}"]})),
            422,
            "/command/0",
        ),
        (
            "a secret of somebody else",
            with(json!({"secrets": {"KEY": "ssm:/other/key"}})),
            422,
            "/secrets/KEY",
        ),
        (
            "a path that is taken",
            with(json!({"path": "/taken"})),
            409,
            "/path",
        ),
        ("no object", json!([1, 2]), 400, ""),
    ]
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_manifest_that_is_refused_is_pointed_at_and_changes_nothing() -> Result<()> {
    let platform = LocalPlatform::start("bad-input")?;
    let client = platform.client();
    register(&client, &json!({"service": "good", "path": "/taken"}))?;
    let tag = {
        platform.settled(&name("good"))?;
        client.service(&name("good"))?.etag
    };
    let before = lasting(platform.registry()?);

    for (what, manifest, status, pointer) in manifests() {
        let answer = client.send(&post("/services", &manifest)?)?;
        let refusal = problem(&answer, status).with_context(|| what.to_owned())?;
        let pointers: Vec<&str> = refusal.errors.iter().map(|it| &*it.pointer).collect();
        assert_eq!(pointers, [pointer], "{what}: {refusal}");
        assert!(refusal.errors[0].detail.len() > 10, "{what}: {refusal}");
        // The same on the way of a change and of a plan; what a plan finds taken, it reports.
        let mut change = manifest.clone();
        if change["service"] == "bad" {
            change["service"] = "good".into();
        }
        let put = Call::new(Method::PUT, "/services/good").json(&change)?;
        let put = crate::asking::with(put, "if-match", &tag)?;
        if what != "a path that is taken" && what != "no name" {
            problem(&client.send(&put)?, status)
                .or_else(|_| problem(&client.send(&put)?, 400))
                .with_context(|| format!("put: {what}"))?;
            problem(&client.send(&post("/plan", &manifest)?)?, status)
                .with_context(|| format!("plan: {what}"))?;
        }
    }

    let whole = |body: Vec<u8>| Call::new(Method::POST, "/services").body("application/json", body);
    let large = json!({"service": "bad", "command": ["x".repeat(200_000)]}).to_string();
    for (what, body, status) in [
        ("no JSON", b"service: bad".to_vec(), 400),
        ("an empty body", Vec::new(), 400),
        ("half of a document", b"{\"service\": ".to_vec(), 400),
        ("no UTF-8", vec![0xff, 0xfe, 0x00], 400),
        ("too much", large.into_bytes(), 413),
    ] {
        let answer = client.send(&whole(body))?;
        let refusal = problem(&answer, status).with_context(|| what.to_owned())?;
        let pointers: Vec<&str> = refusal.errors.iter().map(|it| &*it.pointer).collect();
        assert_eq!(pointers, [""], "{what}: the whole document");
    }

    assert_eq!(
        lasting(platform.registry()?),
        before,
        "the registry is as it was"
    );
    assert_eq!(client.all_services(None)?.len(), 1);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn everything_that_is_wrong_is_said_at_once() -> Result<()> {
    let platform = slipway_tests::local_platform::shared()?;
    let manifest = json!({
        "service": "much--wrong",
        "prot": 80,
        "port": 0,
        "scaling": {"min": 5, "max": 2},
        "environment": {"A": "{{resolve:ssm:/any}}"},
    });
    let answer = platform.client().send(&post("/services", &manifest)?)?;
    let refusal = problem(&answer, 400)?;
    let pointers: Vec<&str> = refusal.errors.iter().map(|it| &*it.pointer).collect();
    assert_eq!(
        pointers,
        [
            "/environment/A",
            "/port",
            "/prot",
            "/scaling/min",
            "/service"
        ]
    );
    assert!(
        refusal.to_string().contains("did you mean `port`?"),
        "{refusal}"
    );
    Ok(())
}
