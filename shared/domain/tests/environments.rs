//! Environments of a manifest: what they inherit, and what differs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;
use slipway_domain::{Artifact, EnvironmentName, Image, Manifest, Platform};

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

#[test]
fn an_environment_inherits_and_overrides() {
    let manifest = Manifest::read(&json!({
        "service": "shop", "image": "nginx:1", "environment": {"A": "1", "B": "1"},
        "environments": {"staging": {"environment": {"B": "2"}, "scaling": {"min": 1}}, "qa": {"path": "/q"}}
    }))
    .unwrap();
    let staging = manifest
        .effective(&"staging".parse().unwrap(), &prod())
        .unwrap();
    assert_eq!(staging.path.unwrap().as_str(), "/staging/shop");
    assert_eq!(staging.settings.environment["A"], "1");
    assert_eq!(staging.settings.environment["B"], "2");
    assert_eq!(
        (staging.settings.scaling.min, staging.settings.scaling.max),
        (1, 10)
    );
    let qa = manifest.effective(&"qa".parse().unwrap(), &prod()).unwrap();
    assert_eq!(qa.path.unwrap().as_str(), "/q");
    assert_eq!(
        manifest
            .effective(&prod(), &prod())
            .unwrap()
            .path
            .unwrap()
            .as_str(),
        "/shop"
    );
    assert!(
        manifest
            .effective(&"other".parse().unwrap(), &prod())
            .is_none()
    );
}

#[test]
fn two_environments_at_one_path_are_refused() {
    let manifest = Manifest::read(&json!({
        "service": "shop", "environments": {"qa": {"path": "/x"}, "dev": {"path": "/x"}}
    }))
    .unwrap();
    let problems = manifest.check_on(&Platform::sample()).unwrap_err();
    assert_eq!(problems.problems[0].pointer, "/environments/qa/path");
}

#[test]
fn giving_one_environment_an_image_changes_no_other() {
    let shapes = [
        json!({"service": "a"}),
        json!({"service": "a", "image": "old"}),
        json!({"service": "a", "environments": {"qa": {}}}),
        json!({"service": "a", "image": "old", "environments": {"qa": {}, "dev": {"image": "dev"}}}),
        json!({"service": "a", "image": "old", "environments": {"qa": {"image": "qa"}, "prod": {"image": "p"}}}),
    ];
    let image: Image = "new:1".parse().unwrap();
    for shape in shapes {
        let before = Manifest::read(&shape).unwrap();
        for target in before.environments(&prod()) {
            let mut after = before.clone();
            after.set_artifact(&target, &prod(), Artifact::Image(image.clone()));
            let runs = |manifest: &Manifest, name: &EnvironmentName| {
                manifest.effective(name, &prod()).unwrap().settings.image
            };
            for name in before.environments(&prod()) {
                let expected = if name == target {
                    Some(image.clone())
                } else {
                    runs(&before, &name)
                };
                assert_eq!(runs(&after, &name), expected, "{shape} {target} {name}");
            }
            assert_eq!(
                Manifest::read(&serde_json::to_value(&after).unwrap()).unwrap(),
                after
            );
        }
    }
}

#[test]
fn an_image_that_is_left_out_is_kept_and_one_that_is_named_wins() {
    let previous = Manifest::read(&json!({"service": "a", "image": "v5"})).unwrap();
    let mut silent = Manifest::read(&json!({"service": "a", "memory": 1024})).unwrap();
    silent.keep_artifacts_of(&previous, &prod());
    assert_eq!(silent.settings.image.as_ref().unwrap().as_str(), "v5");
    let mut explicit = Manifest::read(&json!({"service": "a", "image": "v1"})).unwrap();
    explicit.keep_artifacts_of(&previous, &prod());
    assert_eq!(explicit.settings.image.as_ref().unwrap().as_str(), "v1");
}
