//! What may surround a container, and what is answered when it cannot.

use serde_json::{Value, json};
use slipway_domain::{Manifest, Platform};

/// A manifest of a name and further fields.
fn document(fields: &Value) -> Value {
    let mut document = json!({"service": "orders"});
    for (name, value) in fields.as_object().expect("an object") {
        document[name] = value.clone();
    }
    document
}

fn refuses(fields: &Value, pointer: &str, words: &str) {
    let problems = Manifest::read_on(&document(fields), &Platform::sample())
        .expect_err("the manifest should be refused");
    assert!(
        problems
            .problems
            .iter()
            .any(|it| it.pointer == pointer && it.detail.contains(words)),
        "expected {pointer}: …{words}… in {problems}"
    );
}

fn image(name: &str) -> String {
    format!("{name}@sha256:{}", "0".repeat(64))
}

#[test]
fn nothing_of_it_is_stored_that_nobody_wrote() {
    let manifest = Manifest::read(&document(&json!({}))).unwrap();
    let stored = serde_json::to_value(&manifest).unwrap();
    for field in [
        "tracing",
        "stop_timeout",
        "read_only",
        "scratch",
        "storage",
        "exec",
        "user",
        "sidecars",
    ] {
        assert!(stored.get(field).is_none(), "{field}");
    }
    assert!(stored["health"].get("container").is_none());
}

#[test]
fn what_was_written_is_read_back() {
    let fields = json!({
        "tracing": true, "stop_timeout": 2, "read_only": true, "scratch": ["/tmp", "/var/a.b/c"],
        "storage": 200, "user": "app:1000", "memory": 1024,
        "health": {"container": {"command": ["true"]}},
        "sidecars": {"a-b": {"image": image("x"), "port": 81, "secrets": {"S": "ssm:/devops2-g4/orders/s"}}},
    });
    let manifest = Manifest::read_on(&document(&fields), &Platform::sample()).unwrap();
    let health = manifest.settings.health.container.clone().unwrap();
    assert_eq!(
        (
            health.interval,
            health.timeout,
            health.retries,
            health.start
        ),
        (30, 5, 3, 0)
    );
    assert!(manifest.settings.sidecars["a-b"].essential);
    let stored = serde_json::to_value(&manifest).unwrap();
    assert_eq!(Manifest::read(&stored).unwrap(), manifest);
}

#[test]
fn ranges_and_forms_are_said() {
    refuses(
        &json!({"stop_timeout": 1}),
        "/stop_timeout",
        "from 2 to 120",
    );
    refuses(&json!({"storage": 20}), "/storage", "from 21 to 200");
    refuses(&json!({"user": "Root"}), "/user", "`1000:1000`");
    refuses(
        &json!({"scratch": ["tmp"]}),
        "/scratch/0",
        "starts with `/`",
    );
    refuses(
        &json!({"scratch": ["/tmp/../etc"]}),
        "/scratch/0",
        "such as `/tmp`",
    );
    let no_command = json!({"health": {"container": {"command": []}}});
    refuses(&no_command, "/health/container/command", "at least 1 entry");
    let sidecars = json!({"sidecars": {"A": {"image": image("x")}}});
    refuses(&sidecars, "/sidecars/A", "such as `proxy`");
}

#[test]
fn what_does_not_go_together_is_said() {
    refuses(
        &json!({"exec": true, "read_only": true}),
        "/exec",
        "`read_only`",
    );
    refuses(
        &json!({"scratch": ["/proc/x"]}),
        "/scratch/0",
        "the kernel's",
    );
    refuses(&json!({"scratch": ["/a", "/a"]}), "/scratch/1", "again");
    refuses(
        &json!({"tracing": true, "port": 4317}),
        "/port",
        "the collector of traces",
    );
}

#[test]
fn volumes_lie_on_file_systems_and_at_paths_of_their_own() {
    let volume = |path: &str| json!({"file_system": "fs-0123456789abcdef0", "path": path});
    let fields = json!({"scratch": ["/tmp"], "volumes": {"a": volume("/a"), "b": volume("/b")}});
    let manifest = Manifest::read(&document(&fields)).unwrap();
    assert_eq!(manifest.settings.volumes["a"].owner, 1000);
    let twice = json!({"volumes": {"a": volume("/a"), "b": volume("/a")}});
    refuses(&twice, "/volumes/b/path", "again");
    let both = json!({"scratch": ["/a"], "volumes": {"a": volume("/a")}});
    refuses(&both, "/volumes/a/path", "again");
    refuses(
        &json!({"volumes": {"a-b": volume("/a")}}),
        "/volumes/a-b",
        "such as `uploads`",
    );
    let elsewhere = json!({"file_system": "arn:aws:elasticfilesystem:x", "path": "/a"});
    refuses(
        &json!({"volumes": {"a": elsewhere}}),
        "/volumes/a/file_system",
        "`fs-0123456789abcdef0`",
    );
}

#[test]
fn sidecars_have_names_ports_and_digests_of_their_own() {
    let beside = |sidecar: Value| json!({"tracing": true, "sidecars": {"proxy": sidecar}});
    let named = |name: &str| json!({"sidecars": {name: {"image": image("x")}}});
    refuses(&named("app"), "/sidecars/app", "choose another");
    refuses(&named("collector"), "/sidecars/collector", "choose another");
    refuses(
        &beside(json!({"image": "x:1"})),
        "/sidecars/proxy/image",
        "`x:1@sha256:…`",
    );
    for (port, whose) in [(80, "the service itself"), (2000, "the collector")] {
        let sidecar = json!({"image": image("x"), "port": port});
        refuses(&beside(sidecar), "/sidecars/proxy/port", whose);
    }
    let waits = json!({"image": image("x"), "wait_for": "healthy"});
    refuses(
        &beside(waits),
        "/sidecars/proxy/wait_for",
        "give it a `health`",
    );
    let waits = json!({"image": image("x"), "wait_for": "done"});
    refuses(
        &beside(waits),
        "/sidecars/proxy/wait_for",
        "`essential: false`",
    );
    let secret = json!({"image": image("x"), "secrets": {"S": "ssm:/elsewhere"}});
    refuses(
        &beside(secret),
        "/sidecars/proxy/secrets/S",
        "must lie under",
    );
}

#[test]
fn sidecars_leave_something_for_the_service() {
    let share = |cpu: u32, memory: u32| {
        let sidecar = json!({"image": image("x"), "cpu": cpu, "memory": memory});
        json!({"sidecars": {"a": sidecar.clone(), "b": sidecar}})
    };
    assert!(Manifest::read(&document(&share(127, 255))).is_ok());
    refuses(
        &share(128, 6),
        "/sidecars",
        "take 256 of the task's `cpu`, 256",
    );
    refuses(
        &share(1, 256),
        "/sidecars",
        "take 512 of the task's `memory`, 512",
    );
}

#[test]
fn images_of_sidecars_come_from_allowed_registries_too() {
    let mut platform = Platform::sample();
    platform.allowed_registries = vec!["ghcr.io".to_owned()];
    let fields = json!({
        "image": "ghcr.io/a/b:1",
        "environments": {"qa": {"sidecars": {"proxy": {"image": image("docker.io/x/y")}}}},
    });
    let problems = Manifest::read_on(&document(&fields), &platform).unwrap_err();
    let pointers: Vec<&str> = problems.problems.iter().map(|it| &*it.pointer).collect();
    assert_eq!(pointers, ["/environments/qa/sidecars/proxy/image"]);
}
