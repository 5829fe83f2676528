//! What tasks run on, and what a platform must have for it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use slipway_domain::manifest::{Capacity, Cluster};
use slipway_domain::{Manifest, Platform, Spot};

fn manifest(fields: Value) -> Value {
    let mut document = json!({"service": "orders", "image": "nginx:1"});
    let Value::Object(fields) = fields else {
        return fields;
    };
    for (name, value) in fields {
        document[name] = value;
    }
    document
}

fn problems(fields: Value, platform: &Platform) -> Vec<(String, String)> {
    match Manifest::read_on(&manifest(fields), platform) {
        Ok(_) => Vec::new(),
        Err(found) => found
            .problems
            .into_iter()
            .map(|problem| (problem.pointer, problem.detail))
            .collect(),
    }
}

/// The one problem's pointer, and whether its words have all of `words`.
fn refuses(fields: Value, platform: &Platform, pointer: &str, words: &[&str]) {
    let found = problems(fields, platform);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, pointer, "{found:?}");
    for word in words {
        assert!(found[0].1.contains(word), "{found:?} has no {word}");
    }
}

/// A platform of the version before shared clusters.
fn of_before() -> Platform {
    let mut values = serde_json::to_value(Platform::sample()).unwrap();
    for name in ["shared_cluster", "shared_insights", "ec2"] {
        values.as_object_mut().unwrap().shift_remove(name).unwrap();
    }
    serde_json::from_value(values).unwrap()
}

#[test]
fn one_task_is_on_demand_unless_the_manifest_says_otherwise() {
    let read = Manifest::read(&manifest(json!({"capacity": "fargate-spot"}))).unwrap();
    assert_eq!(read.settings.capacity, Capacity::FargateSpot);
    assert_eq!(read.settings.spot, Spot { base: 1 });
    let none = json!({"capacity": "fargate-spot", "spot": {"base": 0}});
    let read = Manifest::read(&manifest(none)).unwrap();
    assert_eq!(read.settings.spot.base, 0);
    assert_eq!(read.settings.cluster, Cluster::Dedicated);
}

#[test]
fn a_base_without_spot_says_nothing_and_is_refused_where_it_is_written() {
    let platform = Platform::sample();
    refuses(
        json!({"spot": {"base": 2}}),
        &platform,
        "/spot/base",
        &["`capacity: fargate-spot`"],
    );
    // An environment on demand may inherit it.
    let inherited = json!({
        "capacity": "fargate-spot", "spot": {"base": 2},
        "environments": {"qa": {"capacity": "fargate"}},
    });
    assert_eq!(problems(inherited, &platform), []);
}

#[test]
fn instances_are_on_the_shared_cluster_alone() {
    refuses(
        json!({"capacity": "ec2"}),
        &Platform::sample(),
        "/capacity",
        &["`cluster: shared`"],
    );
    let both = json!({"capacity": "ec2", "cluster": "shared"});
    assert_eq!(problems(both, &Platform::sample()), []);
}

#[test]
fn a_disk_of_its_own_is_for_tasks_on_fargate() {
    refuses(
        json!({"capacity": "ec2", "cluster": "shared", "storage": 30}),
        &Platform::sample(),
        "/storage",
        &["leave it out"],
    );
    let spot = json!({"capacity": "fargate-spot", "storage": 30});
    assert_eq!(problems(spot, &Platform::sample()), []);
}

#[test]
fn what_the_platform_does_not_have_is_told_with_what_would_bring_it() {
    let shared = json!({"cluster": "shared"});
    refuses(
        shared.clone(),
        &of_before(),
        "/cluster",
        &["until the platform is updated"],
    );
    assert_eq!(problems(json!({}), &of_before()), []);
    let without_instances = Platform {
        ec2: None,
        ..Platform::sample()
    };
    assert_eq!(problems(shared, &without_instances), []);
    let ec2 = json!({"capacity": "ec2", "cluster": "shared"});
    refuses(ec2, &without_instances, "/capacity", &["`Ec2InstanceType`"]);
}

#[test]
fn tasks_on_instances_have_the_instances_architecture() {
    let document = json!({
        "capacity": "ec2", "cluster": "shared",
        "environments": {"qa": {"architecture": "arm64"}},
    });
    refuses(
        document,
        &Platform::sample(),
        "/environments/qa/architecture",
        &["`arm64`", "m5.large", "`x86_64`"],
    );
}

#[test]
fn a_total_needs_container_insights_on_the_shared_cluster() {
    let quiet = Platform {
        shared_insights: false,
        ..Platform::sample()
    };
    let metrics = |total: bool| {
        json!({"metrics": [{
            "namespace": "Shop", "name": "Sessions", "low": 1, "high": 2, "total": total,
        }]})
    };
    let shared = |total: bool| json!({"cluster": "shared", "scaling": metrics(total)});
    refuses(
        shared(true),
        &quiet,
        "/scaling",
        &["`SharedClusterInsights`"],
    );
    assert_eq!(problems(shared(false), &quiet), []);
    assert_eq!(problems(shared(true), &Platform::sample()), []);
    assert_eq!(problems(json!({"scaling": metrics(true)}), &quiet), []);
}
