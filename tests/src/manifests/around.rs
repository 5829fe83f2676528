//! What surrounds a container, at random: permissions, volumes, sidecars and what it may do.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{Fields, text};

/// A few capabilities, each with few names of the service's own and shared ones.
pub(super) fn permissions(service: &str) -> impl Strategy<Value = Value> + use<> {
    let owned = vec![
        "dynamodb:read",
        "dynamodb:write",
        "events:put",
        "s3:read",
        "s3:write",
        "sns:publish",
        "sqs:receive",
        "sqs:send",
    ];
    let name = format!("(devops2-g4--{service}|shared)--[a-z0-9]{{1,8}}");
    let name = proptest::string::string_regex(&name).expect("a regular expression");
    let owned = prop::sample::subsequence(owned, 0..=8);
    let owned = (owned, vec(btree_set(name, 1..=3), 8));
    let models = prop::option::of(select(vec![
        json!(["amazon.titan-embed-text-v2:0"]),
        json!([
            "eu.amazon.nova-micro-v1:0",
            "anthropic.claude-3-haiku-20240307-v1:0"
        ]),
    ]));
    (owned, models).prop_map(|((capabilities, names), models)| {
        let owned = capabilities.into_iter().zip(names);
        let mut all: Vec<Value> = owned
            .map(|(capability, names)| json!({"allow": capability, "on": names}))
            .collect();
        all.extend(models.map(|models| json!({"allow": "bedrock:invoke", "on": models})));
        Value::Array(all)
    })
}

/// What a container may do; `exec` only where it may write. Ports stay clear of the collector's.
pub(super) fn container() -> Fields {
    let path = "(/[a-z][a-z0-9.-]{0,8}){1,3}".prop_filter("the kernel's", |path| {
        !["/proc", "/sys", "/dev"]
            .iter()
            .any(|it| path.starts_with(it))
    });
    let scratch = btree_set(path, 0..3);
    let user = select(vec!["1000", "nobody", "app:app", "0:0"]);
    (
        any::<bool>(),
        any::<bool>(),
        2_u32..=120,
        21_u32..=200,
        scratch,
        user,
    )
        .prop_map(|(read_only, exec, stop, storage, scratch, user)| {
            vec![
                ("read_only", read_only.into()),
                ("exec", (exec && !read_only).into()),
                ("stop_timeout", stop.into()),
                ("storage", storage.into()),
                ("scratch", json!(scratch)),
                ("user", user.into()),
            ]
        })
        .boxed()
}

/// At paths that no scratch directory has.
pub(super) fn volumes() -> impl Strategy<Value = Value> {
    let volume = ("fs-[0-9a-f]{17}", any::<bool>(), 0_u32..=65_535);
    vec(volume, 0..=3).prop_map(|volumes| {
        let volumes = volumes.into_iter().enumerate();
        let volumes = volumes.map(|(place, (system, read_only, owner))| {
            let path = format!("/Volume{place}");
            let volume = json!({
                "file_system": system, "path": path, "read_only": read_only, "owner": owner,
            });
            (format!("volume{place}"), volume)
        });
        Value::Object(volumes.collect())
    })
}

/// Small ones without a port, which is a rule with the service's own.
pub(super) fn sidecars(service: &str) -> impl Strategy<Value = Value> + use<> {
    let secret = format!("ssm:/devops2-g4/{service}/beside");
    let health = json!({"command": ["true"], "interval": 10});
    let sidecar = ("[a-z]{1,8}@sha256:[0-9a-f]{64}", vec(text(), 0..3), 0_u8..4).prop_map(
        move |(image, command, kind)| {
            let mut sidecar = json!({"image": image, "command": command, "cpu": 16, "memory": 64});
            match kind {
                0 => sidecar["wait_for"] = "started".into(),
                1 => {
                    sidecar["wait_for"] = "healthy".into();
                    sidecar["health"] = health.clone();
                }
                2 => {
                    sidecar["wait_for"] = "done".into();
                    sidecar["essential"] = false.into();
                }
                _ => sidecar["secrets"] = json!({"S": secret}),
            }
            sidecar
        },
    );
    let name = "[b-z][a-z]{0,6}(-[a-z0-9]{1,4})?".prop_filter("reserved", |it| it != "collector");
    btree_map(name, sidecar, 0..=3).prop_map(|sidecars| json!(sidecars))
}
