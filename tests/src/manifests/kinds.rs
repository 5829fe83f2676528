//! Manifests of the kinds beside `web`: what is for callers is taken away from a random one, and
//! what is the kind's own is said.

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{route_path, service_name, text};

/// Takes away what is for those that callers reach.
pub(super) fn without_ingress(mut document: Value) -> Value {
    strip(&mut document);
    document["ingress"] = "none".into();
    let environments = document["environments"].as_object_mut();
    for (_, overrides) in environments.into_iter().flatten() {
        strip(overrides);
    }
    if document["environments"].is_null() {
        document.as_object_mut().map(|it| it.remove("environments"));
    }
    document
}

fn strip(fields: &mut Value) {
    let Some(fields) = fields.as_object_mut() else {
        return;
    };
    let of_callers = [
        "ingress",
        "path",
        "strip_path",
        "authorization",
        "listener_port",
        "health",
        "deploy",
        "alarms",
        "scaling",
    ];
    fields.retain(|name, _| !of_callers.contains(&name.as_str()));
}

/// A worker, in all environments: the queue and what is told of it is said at the top.
pub(super) fn worker(document: Value, queue: &Value) -> Value {
    let mut document = without_ingress(document);
    let Some(fields) = document.as_object_mut() else {
        return document;
    };
    fields.retain(|name, _| !["ingress", "kind", "port"].contains(&name.as_str()));
    fields.insert("kind".to_owned(), "worker".into());
    fields.extend(queue.as_object().cloned().unwrap_or_default());
    let environments = fields
        .get_mut("environments")
        .and_then(Value::as_object_mut);
    for (_, overrides) in environments.into_iter().flatten() {
        if let Some(overrides) = overrides.as_object_mut() {
            overrides.retain(|name, _| !["kind", "port"].contains(&name.as_str()));
        }
    }
    document
}

/// A function, in all environments, with an image or without.
pub(super) fn function() -> impl Strategy<Value = Value> {
    let shape = (1_u32..=900, 128_u32..=10_240, any::<bool>()).prop_map(
        |(timeout, memory, vpc)| json!({"timeout": timeout, "memory": memory, "vpc": vpc}),
    );
    let says = (
        shape,
        btree_map("[A-RT-Z][A-Z0-9]{1,10}", text(), 0..4),
        prop::option::of(route_path()),
        any::<bool>(),
        any::<bool>(),
        select(vec!["none", "iam", "jwt"]),
        select(vec!["x86_64", "arm64"]),
        watched(),
    );
    let says = says.prop_map(
        |(shape, variables, path, strip_path, has_image, authorization, on, watched)| {
            let mut fields = watched;
            let own = json!({
                "kind": "function", "function": shape, "environment": variables,
                "strip_path": strip_path, "authorization": authorization,
                "architecture": on,
            });
            if let (Some(fields), Value::Object(own)) = (fields.as_object_mut(), own) {
                fields.extend(own);
            }
            if let Some(path) = path {
                fields["path"] = path.into();
            }
            if has_image {
                fields["image"] = OWN_IMAGE.into();
            }
            fields
        },
    );
    let archived = prop_oneof![3 => Just(false), 1 => Just(true)];
    let says = (says, archived).prop_map(|(mut fields, archived)| {
        if archived {
            fields["function"]["runtime"] = "python3.13".into();
            fields["function"]["handler"] = "app.handler".into();
            if let Some(fields) = fields.as_object_mut()
                && fields.remove("image").is_some()
            {
                fields["function"]["code"] = OWN_ARCHIVE.into();
            }
        }
        fields
    });
    (service_name(), says, shape_of_another()).prop_map(|(service, mut document, other)| {
        let parameter = format!("ssm:/devops2-g4/{service}/key");
        document["secrets"] = json!({"SECRET": parameter});
        document["environments"] = json!({"qa": {"function": other}});
        document["service"] = service.into();
        document
    })
}

/// A function with what it runs.
pub(super) fn with_artifact(mut document: Value) -> Value {
    if document["function"]["runtime"].is_string() {
        document["function"]["code"] = OWN_ARCHIVE.into();
    } else {
        document["image"] = OWN_IMAGE.into();
    }
    document
}

/// How a function's traffic moves, and what is told of it.
fn watched() -> impl Strategy<Value = Value> {
    let all = vec!["errors", "throttles", "timeout", "response_time"];
    let on = prop::sample::subsequence(all, 0..=4);
    let ends = prop::sample::subsequence(vec!["errors", "response_time"], 0..=2);
    let deploy = prop_oneof![
        Just(json!({})),
        (1_u32..=99, 1_u32..=150, ends.clone()).prop_map(|(percent, bake, alarms)| {
            let canary = json!({"percent": percent, "bake": bake});
            json!({"strategy": "canary", "canary": canary, "alarms": alarms})
        }),
        (3_u32..=99, 1_u32..=4, ends).prop_map(|(percent, bake, alarms)| {
            let linear = json!({"percent": percent, "bake": bake});
            json!({"strategy": "linear", "linear": linear, "alarms": alarms})
        }),
    ];
    (deploy, on, 0_u32..=1000, 1_u32..=60_000, any::<bool>()).prop_map(
        |(deploy, on, errors, response_time, dashboard)| {
            json!({
                "deploy": deploy, "dashboard": dashboard,
                "alarms": {"on": on, "errors": errors, "response_time": response_time},
            })
        },
    )
}

/// A job, in all environments, with an image or without.
pub(super) fn job() -> impl Strategy<Value = Value> {
    let schedule = prop::option::of(select(vec![
        "rate(1 minute)",
        "rate(6 hours)",
        "cron(0/15 8-18 ? * MON-FRI *)",
        "cron(0 3 L * ? *)",
        "at(2026-12-24T18:00:00)",
    ]));
    let tries = (1_u32..=10, 30_u32..=604_800, 1_u32..=3600);
    let zone = select(vec!["UTC", "Europe/Berlin", "America/New_York"]);
    let says = (
        (schedule, zone, tries),
        btree_map("[A-RT-Z][A-Z0-9]{1,10}", text(), 0..4),
        any::<bool>(),
        any::<bool>(),
        select(vec!["fargate", "fargate-spot"]),
        select(vec!["dedicated", "shared"]),
        select(vec!["x86_64", "arm64"]),
        30_u32..=600,
    );
    let says = says.prop_map(
        |((schedule, timezone, tries), variables, has_image, tells, capacity, cluster, on, qa)| {
            let (attempts, timeout, backoff) = tries;
            let mut fields = json!({
                "kind": "job", "environment": variables, "capacity": capacity,
                "cluster": cluster, "architecture": on,
                "job": {
                    "timezone": timezone, "attempts": attempts, "timeout": timeout,
                    "backoff": backoff,
                },
                "alarms": {"on": if tells { vec!["failed_runs"] } else { vec![] }},
                "environments": {"qa": {"job": {"timeout": qa}}},
            });
            if let Some(schedule) = schedule {
                fields["job"]["schedule"] = schedule.into();
            }
            if has_image {
                fields["image"] = OWN_IMAGE.into();
            }
            fields
        },
    );
    (service_name(), says).prop_map(|(service, mut document)| {
        document["service"] = service.into();
        document
    })
}

/// An image that Lambda can run on the sample platform.
const OWN_IMAGE: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/a/b:1";

/// An archive in a bucket that every service may name.
const OWN_ARCHIVE: &str = "s3://shared-code/a/b.zip?versionId=1";

fn shape_of_another() -> impl Strategy<Value = Value> {
    (1_u32..=900).prop_map(|timeout| json!({"timeout": timeout}))
}

pub(super) fn work_queue() -> impl Strategy<Value = Value> {
    let times =
        (60_u32..=1_209_600).prop_flat_map(|retention| (0..retention.min(43_201), Just(retention)));
    let on = prop::sample::subsequence(vec!["cpu", "memory", "dead_letters"], 0..=3);
    let bounds = (0_u32..=100).prop_flat_map(|min| (Just(min), min.max(1)..=5000));
    (times, 1_u32..=86_400, 1_u32..=1000, on, bounds).prop_map(
        |((visibility, retention), delay, attempts, on, (min, max))| {
            json!({
                "queue": {
                    "visibility": visibility, "retention": retention,
                    "delay": delay, "attempts": attempts,
                },
                "alarms": {"on": on},
                "scaling": {"min": min, "max": max},
            })
        },
    )
}

/// A database, in all environments.
pub(super) fn database() -> impl Strategy<Value = Value> {
    let shape = (
        select(vec!["aurora-mysql", "aurora-postgresql"]),
        (0_u32..=512).prop_flat_map(|min| (Just(min), min.max(2)..=512)),
        0_u32..=15,
        1_u32..=35,
        btree_map("[a-z][a-z0-9]{0,8}", Just(()), 0..4),
    );
    let shape = shape.prop_map(|(engine, (min, max), readers, backups, access)| {
        let access: Vec<String> = access.into_keys().collect();
        json!({
            "engine": engine, "min": f64::from(min) / 2.0, "max": f64::from(max) / 2.0,
            "readers": readers, "backups": backups, "access": access, "name": "shop",
        })
    });
    // A most that is all in use tells nothing, nor do readers that are not there.
    let on = prop::sample::subsequence(vec!["cpu", "connections"], 0..=2);
    (service_name(), shape, any::<bool>(), 0_u32..=15, on).prop_map(
        |(service, database, protected, readers, on)| {
            json!({
                "service": service, "kind": "database", "database": database,
                "deletion_protection": protected, "dashboard": protected,
                "alarms": {"on": on},
                "environments": {"qa": {"database": {"readers": readers}}},
            })
        },
    )
}

/// With databases that the service uses; the variables have beginnings that no other's has.
pub(super) fn with_databases(mut document: Value, names: Vec<String>) -> Value {
    let names = names.into_iter().enumerate();
    let databases: serde_json::Map<String, Value> = names
        .map(|(number, name)| (format!("XDATA{number}"), name.into()))
        .collect();
    document["databases"] = databases.into();
    document
}
