//! How AWS takes the changes that templates make: what is changed in place, with interruption,
//! or replaced, and what follows from that.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cases::cases;
use serde_json::{Value, json};
use slipway_domain::{Manifest, Platform};
use slipway_synth::{Action, Change, Effect, RunState, Template, diff, environment_stack};

fn stack(document: &Value, platform: &Platform) -> Template {
    let manifest = Manifest::read(document).unwrap();
    let effective = manifest
        .effective(&platform.environment, &platform.environment)
        .unwrap();
    environment_stack(&effective, platform, &RunState::default()).unwrap()
}

fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let platform = Platform::sample();
    diff(Some(&stack(before, &platform)), &stack(after, &platform))
}

fn effects(changes: &[Change]) -> Vec<(&str, Effect)> {
    changes
        .iter()
        .map(|it| (it.logical_id.as_str(), it.effect.unwrap()))
        .collect()
}

fn find<'a>(changes: &'a [Change], logical_id: &str) -> &'a Change {
    changes
        .iter()
        .find(|it| it.logical_id == logical_id)
        .unwrap()
}

#[test]
fn a_new_image_is_new_tasks_without_interruption() {
    let changes = changes(
        &json!({"service": "orders", "image": "nginx:1"}),
        &json!({"service": "orders", "image": "nginx:2"}),
    );
    assert_eq!(
        effects(&changes),
        [
            ("TaskDefinition", Effect::Replacement),
            ("Service", Effect::InPlace)
        ]
    );
    assert_eq!(changes[0].properties, ["/ContainerDefinitions/0/Image"]);
    assert_eq!(
        changes[0].note.as_deref(),
        Some("New tasks take the place of the old ones, without interruption.")
    );
    assert_eq!(changes[1].properties, ["/TaskDefinition"]);
    assert_eq!(changes[1].note, None);
}

#[test]
fn new_tasks_that_come_after_the_old_ones_are_said_to() {
    let manifest = |image: &str| json!({"service": "orders", "image": image, "deploy": {"minimum_healthy": 50}});
    let changes = changes(&manifest("nginx:1"), &manifest("nginx:2"));
    assert_eq!(
        changes[0].note.as_deref(),
        Some("New tasks take the place of the old ones; meanwhile, as few as 50 % of them run.")
    );
}

#[test]
fn another_port_replaces_the_target_group_and_changes_rules() {
    let changes = changes(
        &json!({"service": "orders", "image": "nginx"}),
        &json!({"service": "orders", "image": "nginx", "port": 8080}),
    );
    assert_eq!(
        effects(&changes),
        [
            ("LoadBalancerSecurityGroup", Effect::Interruption),
            ("TaskIngress", Effect::Replacement),
            ("TargetGroup", Effect::Replacement),
            ("ListenerRule", Effect::InPlace),
            ("TaskDefinition", Effect::Replacement),
            ("Service", Effect::InPlace),
        ]
    );
    let words = |logical_id| find(&changes, logical_id).note.clone().unwrap();
    assert!(words("TargetGroup").contains("empty at first"));
    assert!(words("LoadBalancerSecurityGroup").contains("for a moment"));
    assert_eq!(
        find(&changes, "ListenerRule").properties,
        ["/Actions/0/TargetGroupArn"]
    );
    assert_eq!(
        find(&changes, "Service").properties,
        [
            "/LoadBalancers/0/ContainerPort",
            "/LoadBalancers/0/TargetGroupArn",
            "/TaskDefinition"
        ]
    );
}

#[test]
fn of_many_properties_a_few_are_named_those_that_decide_first() {
    let variables: BTreeMap<String, u32> = (0..12).map(|n| (format!("V{n:02}"), n)).collect();
    let others: BTreeMap<String, u32> = (0..12).map(|n| (format!("V{n:02}"), n + 1)).collect();
    let manifest =
        |variables| json!({"service": "orders", "image": "nginx", "environment": variables});
    let text = |variables: BTreeMap<String, u32>| -> BTreeMap<String, String> {
        let text = |(name, n): (String, u32)| (name, n.to_string());
        variables.into_iter().map(text).collect()
    };
    let changes = changes(
        &manifest(json!(text(variables))),
        &manifest(json!(text(others))),
    );
    assert_eq!((changes[0].properties.len(), changes[0].further), (5, 7));
}

#[test]
fn what_is_added_or_removed_has_no_effect_on_what_was() {
    let template = stack(
        &json!({"service": "orders", "image": "nginx"}),
        &Platform::sample(),
    );
    for changes in [
        diff(None, &template),
        diff(Some(&template), &Template::empty()),
    ] {
        assert!(
            changes
                .iter()
                .all(|it| it.effect.is_none() && it.note.is_none())
        );
    }
}

#[test]
fn an_answer_of_an_older_version_is_still_read() {
    let document = json!({"logical_id": "It", "resource_type": "AWS::IAM::Role", "action": "add"});
    let change: Change = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(serde_json::to_value(change).unwrap(), document);
}

fn file() -> Value {
    serde_json::from_str(include_str!("../src/diff/updates.json")).unwrap()
}

#[test]
fn the_file_has_every_type_that_is_rendered_and_no_other() {
    let file = file();
    let known: BTreeSet<&str> = file["types"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut rendered = BTreeSet::new();
    for case in cases() {
        for (_, template) in case.stacks() {
            for (id, resource) in template.resources() {
                let name = resource["Type"].as_str().unwrap();
                assert!(known.contains(name), "{}: {id}", case.folder.display());
                rendered.insert(name.to_owned());
            }
        }
    }
    let rendered: BTreeSet<&str> = rendered.iter().map(String::as_str).collect();
    assert_eq!(known, rendered);
}

#[test]
fn every_source_says_what_it_is_of_and_when_it_was_read() {
    let file = file();
    for source in file["sources"].as_array().unwrap() {
        for key in ["of", "source", "date"] {
            assert!(source[key].is_string(), "{source}");
        }
    }
    for (name, update) in file["types"].as_object().unwrap() {
        let documentation = update["documentation"].as_str().unwrap();
        assert!(documentation.starts_with("https://"), "{name}");
    }
}

/// What cannot change is not ours to say. Where cfn-lint is installed, its copy of AWS's schemas
/// judges the file.
#[test]
fn what_cannot_change_is_what_the_schemas_of_aws_say() {
    let Some(schemas) = schemas() else {
        println!("cfn-lint is not installed: nothing to judge by");
        return;
    };
    let read = |path: PathBuf| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let names = read(schemas.join("providers/us-east-1.json"));
    for (name, update) in file()["types"].as_object().unwrap() {
        let hash = names[name].as_str().unwrap();
        let schema = read(schemas.join(format!("resources/{hash}.json")));
        for (ours, theirs) in [
            ("replacement", "createOnlyProperties"),
            ("conditional", "conditionalCreateOnlyProperties"),
        ] {
            let said = pointers(&schema[theirs], "/properties");
            let inside = |it: &String| {
                said.iter()
                    .any(|outer| it.starts_with(&format!("{outer}/")))
            };
            let expected: BTreeSet<&String> = said.iter().filter(|it| !inside(it)).collect();
            let found = pointers(&update[ours], "");
            assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected, "{name}");
        }
        for property in pointers(&update["interruption"], "") {
            let property = property.trim_start_matches('/');
            assert!(
                schema["properties"][property].is_object(),
                "{name}: {property}"
            );
        }
    }
}

fn pointers(list: &Value, prefix: &str) -> BTreeSet<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .map(|it| {
            it.as_str()
                .unwrap()
                .strip_prefix(prefix)
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// The folder of cfn-lint's schemas, in the environment that the judges of templates run in.
fn schemas() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venvs/templates/lib");
    std::fs::read_dir(root)
        .ok()?
        .map(|entry| {
            let python = entry.unwrap().path();
            python.join("site-packages/cfnlint/data/schemas")
        })
        .find(|folder| folder.join("resources").is_dir())
}

/// What becomes of the service, and of what only one of the two has.
fn on_the_way(from: &Value, to: &Value) -> (Effect, Vec<(String, Action)>) {
    let document = |capacity: &Value| {
        let mut document = json!({"service": "orders", "image": "nginx"});
        let fields = capacity.as_object().unwrap().clone();
        document.as_object_mut().unwrap().extend(fields);
        document
    };
    let changes = changes(&document(from), &document(to));
    let service = find(&changes, "Service").effect.unwrap();
    let others = changes
        .into_iter()
        .filter(|it| it.action != Action::Change)
        .map(|it| (it.logical_id, it.action))
        .collect();
    (service, others)
}

#[test]
fn from_and_to_a_launch_type_and_another_cluster_the_service_is_replaced() {
    let own = |id: &str, action| vec![(id.to_owned(), action)];
    let (fargate, spot) = (json!({}), json!({"capacity": "fargate-spot"}));
    assert_eq!(
        on_the_way(&fargate, &spot),
        (Effect::Replacement, own("CapacityProviders", Action::Add))
    );
    assert_eq!(
        on_the_way(&spot, &fargate),
        (
            Effect::Replacement,
            own("CapacityProviders", Action::Remove)
        )
    );
    let shared = json!({"cluster": "shared"});
    let (service, others) = on_the_way(&fargate, &shared);
    assert_eq!(service, Effect::Replacement);
    // Its log group stays in the stack: none could be made again on the way back.
    assert_eq!(others, own("Cluster", Action::Remove));
}

#[test]
fn between_capacity_providers_the_service_stays() {
    let spot = |base: u32| json!({"cluster": "shared", "capacity": "fargate-spot", "spot": {"base": base}});
    let ec2 = json!({"cluster": "shared", "capacity": "ec2"});
    for (from, to) in [(&spot(1), &spot(0)), (&spot(1), &ec2), (&ec2, &spot(2))] {
        assert_eq!(on_the_way(from, to), (Effect::InPlace, vec![]));
    }
}
