//! How the API behaves towards its callers.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use slipway_cli::client::{Call, new_key};
use slipway_control::preflight::Outcome;
use slipway_domain::Phase;
use slipway_tests::local_platform::shared;

use crate::asking::{manifest, name, post, problem, prod, register, with};

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_change_needs_the_etag_that_was_read_and_refuses_an_older_one() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let first = register(&client, &json!({"service": "tagged"}))?;
    let read = client.send(&Call::get("/services/tagged"))?;
    assert_eq!(read.header("etag"), Some(&*first.etag));

    let put = |tag: Option<&str>, port: u16| -> Result<_> {
        let call = Call::new(Method::PUT, "/services/tagged").json(&json!({"port": port}))?;
        Ok(client.send(&match tag {
            Some(tag) => with(call, "if-match", tag)?,
            None => call,
        })?)
    };
    problem(&put(None, 81)?, 428)?;
    let changed = put(Some(&first.etag), 81)?;
    assert_eq!(changed.status, 200);
    let second = changed.header("etag").context("an ETag")?.to_owned();
    assert_ne!(second, first.etag);
    let refusal = problem(&put(Some(&first.etag), 82)?, 412)?;
    assert!(
        refusal.detail.contains("generation 2"),
        "{}",
        refusal.detail
    );
    assert_eq!(put(Some("*"), 83)?.status, 200);
    problem(&put(Some("no quotes"), 84)?, 400)?;
    for method in [Method::PATCH, Method::DELETE] {
        let call = Call::new(method, "/services/tagged").json(&json!({}))?;
        problem(&client.send(&call)?, 428)?;
        let stale = with(call, "if-match", &second)?;
        problem(&client.send(&stale)?, 412)?;
    }
    // A put of what is there already changes nothing.
    let same = put(Some("*"), 83)?;
    let view: Value = serde_json::from_slice(&same.body)?;
    assert_eq!(view["generation"], 3);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn the_same_request_under_the_same_key_is_done_once_and_another_is_refused() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let key = new_key();
    let ask = |manifest: &Value| with(post("/services", manifest)?, "idempotency-key", &key);
    let first = client.send(&ask(&manifest("once"))?)?;
    assert_eq!(first.status, 201);
    let again = client.send(&ask(&manifest("once"))?)?;
    assert_eq!(
        again.status,
        201,
        "{}",
        String::from_utf8_lossy(&again.body)
    );
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("etag"), first.header("etag"));
    let mut other = manifest("once");
    other["port"] = 81.into();
    let refusal = problem(&client.send(&ask(&other)?)?, 422)?;
    assert!(
        refusal.r#type.ends_with("idempotency-key-reused"),
        "{}",
        refusal.r#type
    );
    problem(&client.send(&post("/services", &manifest("once"))?)?, 409)?;
    let bad = with(
        post("/services", &manifest("once"))?,
        "idempotency-key",
        "a b",
    )?;
    problem(&client.send(&bad)?, 400)?;

    // Somebody else's key is another key, and shows nothing of the first one's answer.
    let stranger = platform
        .client_as("AKIAOTHER")
        .send(&ask(&manifest("once"))?)?;
    assert!(stranger.status >= 400, "{}", stranger.status);

    platform.ready(&name("once"))?;
    let key = new_key();
    let image = "nginx:1.27".parse()?;
    let one = client.deploy(&name("once"), &prod(), &image, &key)?;
    let two = client.deploy(&name("once"), &prod(), &image, &key)?;
    assert_eq!(one, two);
    platform.ready(&name("once"))?;
    assert_eq!(
        client
            .deployments(&name("once"), &prod(), None, None)?
            .items
            .len(),
        2
    );
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn long_lists_come_in_pages_that_leave_nothing_out() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let team = "pages".parse()?;
    let mut expected = Vec::new();
    for n in 0..7 {
        let service = format!("page-{n}");
        register(&client, &json!({"service": service, "team": "pages"}))?;
        expected.push(service);
    }
    for limit in [1, 2, 3, 7, 100] {
        let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = client.services(Some(&team), cursor.as_deref(), Some(limit))?;
            assert!(page.items.len() <= limit as usize);
            found.extend(page.items.into_iter().map(|it| it.name.to_string()));
            pages += 1;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "by {limit}");
        assert!(pages <= 7 / limit + 1, "{pages} pages by {limit}");
    }
    for query in ["limit=0", "limit=101", "limit=x", "cursor=%20", "unknown=1"] {
        problem(&client.send(&Call::get(format!("/services?{query}")))?, 400)
            .with_context(|| query.to_owned())?;
    }
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_field_patched_with_null_gets_its_default_and_the_image_stays() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("patched");
    let document = json!({
        "service": "patched", "image": "nginx:alpine", "port": 8080, "cpu": 512, "memory": 1024,
        "environment": {"A": "1", "B": "2"},
    });
    let tag = register(&client, &document)?.etag;
    let change = json!({"port": null, "environment": {"A": null}, "image": null});
    let view = client.patch(&service, &change, &tag)?.value;
    assert_eq!(view.manifest.settings.port, 80);
    assert_eq!(view.manifest.settings.cpu, 512);
    assert_eq!(
        view.manifest
            .settings
            .environment
            .keys()
            .collect::<Vec<_>>(),
        ["B"]
    );
    assert_eq!(view.manifest.settings.image, Some("nginx:alpine".parse()?));
    let rename = client.patch(&service, &json!({"service": "other"}), "*");
    assert_eq!(rename.err().and_then(|error| error.status()), Some(422));
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn what_is_not_there_is_a_problem_and_what_is_not_allowed_says_what_is() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    for path in [
        "/nothing",
        "/services/nobody",
        "/services/nobody/template",
        "/services/nobody/environments/prod",
    ] {
        problem(&client.send(&Call::get(path))?, 404).with_context(|| path.to_owned())?;
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/services", ["GET", "POST"].as_slice()),
        (
            Method::POST,
            "/services/a",
            &["GET", "PUT", "PATCH", "DELETE"],
        ),
        (Method::GET, "/plan", &["POST"]),
        (Method::POST, "/services/a/events", &["GET"]),
    ] {
        let answer = client.send(&Call::new(method, path).json(&json!({}))?)?;
        problem(&answer, 405).with_context(|| path.to_owned())?;
        let allow = answer.header("allow").context("Allow")?;
        for method in allowed {
            assert!(allow.contains(method), "{path}: {allow}");
        }
    }
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn only_health_answers_without_a_signature() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let health = client.send_unsigned(&Call::get("/health"))?;
    assert_eq!(health.status, 200);
    assert_eq!(
        serde_json::from_slice::<Value>(&health.body)?["status"],
        "ok"
    );
    for call in [
        Call::get("/services"),
        Call::get("/openapi.json"),
        Call::get("/services/any"),
        Call::get("/nothing"),
        post("/services", &manifest("unsigned"))?,
        post("/plan", &manifest("unsigned"))?,
        Call::new(Method::DELETE, "/services/any"),
    ] {
        let answer = client.send_unsigned(&call)?;
        assert!([401, 403].contains(&answer.status), "{}", answer.status);
    }
    assert!(client.find_service(&name("unsigned"))?.is_none());
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_protected_service_is_not_deleted_until_the_protection_is_taken_off() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("guarded");
    let document = json!({"service": "guarded", "deletion_protection": true});
    register(&client, &document)?;
    let call = with(
        Call::new(Method::DELETE, "/services/guarded"),
        "if-match",
        "*",
    )?;
    let refusal = problem(&client.send(&call)?, 409)?;
    assert!(
        refusal.detail.contains("deletion_protection"),
        "{}",
        refusal.detail
    );
    client.patch(&service, &json!({"deletion_protection": false}), "*")?;
    client.delete(&service, "*")?;
    platform.gone(&service)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_name_that_is_being_deleted_is_not_given_away_before_it_is_free() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let service = name("leaving");
    register(&client, &manifest("leaving"))?;
    platform.ready(&service)?;
    let deletion = client.delete(&service, "*")?;
    assert_eq!(
        client.delete(&service, "*")?.kept,
        deletion.kept,
        "once more is harmless"
    );
    problem(
        &client.send(&post("/services", &manifest("leaving"))?)?,
        409,
    )?;
    let put = Call::new(Method::PUT, "/services/leaving").json(&manifest("leaving"))?;
    problem(&client.send(&with(put, "if-match", "*")?)?, 409)?;
    let image = "nginx:1.27".parse()?;
    let deploy = client.deploy(&service, &prod(), &image, &new_key());
    assert_eq!(deploy.err().and_then(|error| error.status()), Some(409));
    assert!(client.service(&service)?.value.deleting);
    platform.gone(&service)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn every_change_is_in_the_audit_log_with_who_made_it_and_is_a_generation() -> Result<()> {
    let platform = shared()?;
    let (ann, ben) = (platform.client_as("AKIAANN"), platform.client_as("AKIABEN"));
    let service = name("audited");
    let tag = register(&ann, &json!({"service": "audited"}))?.etag;
    let tag = ben
        .put(&service, &json!({"port": 81}), Some(&tag))?
        .service
        .etag;
    ann.patch(&service, &json!({"port": 82}), &tag)?;
    ben.deploy(&service, &prod(), &"nginx:alpine".parse()?, &new_key())?;
    let entries = ann.events(&service, None)?.items;
    let told: Vec<(String, String, u64)> = entries
        .iter()
        .map(|it| {
            let user = it.actor.rsplit('/').next().unwrap_or_default();
            (it.action.clone(), user.to_owned(), it.generation)
        })
        .collect();
    let expected = [
        ("deploy", "AKIABEN", 4),
        ("patch", "AKIAANN", 3),
        ("replace", "AKIABEN", 2),
        ("register", "AKIAANN", 1),
    ]
    .map(|(action, user, generation)| (action.to_owned(), user.to_owned(), generation));
    assert_eq!(told, expected);
    for pair in entries.windows(2) {
        assert_eq!(
            pair[0].before.as_ref(),
            Some(&pair[1].after),
            "a chain of hashes"
        );
    }
    let generations = ann.generations(&service, None)?.items;
    let ports: Vec<(u64, u16)> = generations
        .iter()
        .map(|it| (it.generation, it.manifest.settings.port))
        .collect();
    assert_eq!(ports, [(4, 82), (3, 82), (2, 81), (1, 80)]);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_plan_names_what_would_change_and_changes_nothing() -> Result<()> {
    let platform = shared()?;
    let client = platform.client();
    let plan = client.plan(&manifest("planned"))?;
    let stack = &plan.stacks["devops2-g4--planned--prod"];
    assert_eq!(stack.summary, "is created");
    assert!(stack.changes.len() > 15);
    assert!(plan.obstacles.is_empty(), "{:?}", plan.obstacles);
    assert!(client.find_service(&name("planned"))?.is_none());

    register(&client, &manifest("planned"))?;
    let ready = platform.ready(&name("planned"))?;
    let mut change = manifest("planned");
    change["memory"] = 1024.into();
    let plan = client.plan(&change)?;
    let stack = &plan.stacks["devops2-g4--planned--prod"];
    let changed: Vec<&str> = stack.changes.iter().map(|it| &*it.logical_id).collect();
    // The service changes with what it refers to.
    assert_eq!(changed, ["TaskDefinition", "Service"]);
    let failed = plan.checks.iter().find(|it| it.verdict == Outcome::Failed);
    assert!(failed.is_none(), "{failed:?}");
    change["service"] = "planned-too".into();
    change["path"] = "/planned".into();
    let obstacles = client.plan(&change)?.obstacles;
    assert_eq!(obstacles[0].pointer, "/path");
    assert_eq!(ready.environments[&prod()].stack.phase, Phase::Ready);
    assert_eq!(client.service(&name("planned"))?.value.generation, 1);

    // The plain template is what was applied.
    let template = client.template(&name("planned"), Some(&prod()))?;
    assert_eq!(
        template["Outputs"]["Template"]["Value"],
        ready.environments[&prod()].stack.outputs["Template"].as_str()
    );
    Ok(())
}
