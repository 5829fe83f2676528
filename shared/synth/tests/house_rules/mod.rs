//! House rules: what must hold in every rendered template, and what no linter sees.
//!
//! [`broken`] renders every stack of a manifest and says what is wrong with them. It is
//! given the golden manifests here, and random ones by the workspace's tests.

mod access;
mod authorization;
mod capacity;
mod dashboard;
mod database;
mod discovery;
mod function;
mod job;
mod queue;
mod scaling;
mod shared;
mod shift;
mod strategy;
mod traffic;
mod wording;

use serde_json::Value;
use slipway_domain::manifest::Kind;
use slipway_domain::{Effective, Manifest, Platform};
use slipway_synth::{RunState, Template, Weights, environment_stack, service_stack};

/// Every house rule that the stacks of `manifest` break, as sentences.
pub(crate) fn broken(manifest: &Manifest, platform: &Platform) -> Vec<String> {
    let mut rules = Rules::default();
    if manifest.settings.kind.has_repository() {
        repository(&mut rules, manifest, platform);
    }
    let default = &platform.environment;
    for name in manifest.environments(default) {
        if let Some(effective) = manifest.effective(&name, default) {
            environment(&mut rules, &effective, platform);
        }
    }
    rules.broken
}

fn repository(rules: &mut Rules, manifest: &Manifest, platform: &Platform) {
    let service = service_stack(manifest, platform);
    every_template(rules, &service, platform, &[]);
    let repository = &service.as_value()["Resources"]["Repository"]["Properties"];
    rules.hold(
        repository["ImageScanningConfiguration"]["ScanOnPush"] == manifest.settings.images.scan,
        "images are scanned although they should not be, or not although they should",
    );
    rules.hold(
        repository["RepositoryName"]
            == format!(
                "{}-{}-{}",
                platform.name, manifest.service, platform.environment
            ),
        "the repository has another name",
    );
    rules.hold(
        repository["ImageTagMutability"] == "IMMUTABLE",
        "tags may move",
    );
    images_that_run_stay(rules, repository, manifest);
    rules.hold(
        service == service_stack(manifest, platform),
        "the service stack is not the same twice",
    );
}

fn environment(rules: &mut Rules, effective: &Effective, platform: &Platform) {
    let render = |run: &RunState| environment_stack(effective, platform, run);
    let (Some(template), Some(again), Some(created), Some(shifted)) = (
        render(&RunState::default()),
        render(&RunState::default()),
        render(&RunState {
            desired_count: Some(3),
            ..RunState::default()
        }),
        render(&RunState {
            weights: Some(Weights::SECOND),
            ..RunState::default()
        }),
    ) else {
        rules.hold(
            effective.settings.image.is_none(),
            "an environment with an image has no stack",
        );
        return;
    };
    rules.hold(
        template.to_json() == again.to_json(),
        "the same input gives other bytes",
    );
    for template in [&template, &created, &shifted] {
        let imports = database::imports(effective, platform);
        every_template(rules, template, platform, &imports);
        authorization::hold(rules, template, effective, platform);
        if effective.settings.kind == Kind::Database {
            database::hold(rules, template, effective, platform);
            continue;
        }
        if !effective.settings.kind.has_tasks() {
            function::hold(rules, template, effective, platform);
            shift::hold(rules, template, effective, platform);
            dashboard::hold(rules, template, effective, platform);
            continue;
        }
        if !effective.settings.kind.has_service() {
            job::hold(rules, template, effective, platform);
            continue;
        }
        traffic::hold(rules, template, effective, platform);
        scaling::hold(rules, template, effective, platform);
        strategy::hold(rules, template, effective);
        dashboard::hold(rules, template, effective, platform);
        access::hold(rules, template, effective, platform);
        discovery::hold(rules, template, effective, platform);
        queue::hold(rules, template, effective);
        capacity::hold(rules, template, effective, platform);
    }
    if !effective.settings.kind.has_service() {
        return;
    }
    let count = |template: &Template| {
        template.as_value()["Resources"]["Service"]["Properties"]["DesiredCount"].clone()
    };
    rules.hold(
        count(&template).is_null(),
        "a desired count is rendered although none is known",
    );
    rules.hold(count(&created) == 3, "the desired count is not rendered");
    for other in [&created, &shifted] {
        rules.hold(
            template.resource("LogGroup") == other.resource("LogGroup")
                && template.digest() == other.digest(),
            "the stamp depends on what runs",
        );
    }
    strategy::hold_of_runs(rules, effective, [&template, &created, &shifted]);
}

fn images_that_run_stay(rules: &mut Rules, repository: &Value, manifest: &Manifest) {
    let text = repository["LifecyclePolicy"]["LifecyclePolicyText"].as_str();
    let policy: Value = text.map_or(Value::Null, |text| {
        serde_json::from_str(text).unwrap_or_default()
    });
    let pattern = format!("{}*", slipway_synth::names::KEPT_TAG_PREFIX);
    let first = &policy["rules"][0]["selection"];
    rules.hold(
        first["tagPatternList"][0] == pattern && first["countNumber"].as_u64() > Some(1000),
        "images that run are not out of the lifecycle's reach",
    );
    rules.hold(
        policy["rules"][2]["selection"]["countNumber"] == manifest.settings.images.keep,
        "another number of images is kept",
    );
}

fn every_template(rules: &mut Rules, template: &Template, platform: &Platform, imports: &[String]) {
    let bytes = template.to_json();
    rules.hold(
        bytes.len() < 1_000_000,
        "the template is too large for a bucket, too",
    );
    rules.hold(
        serde_json::from_str::<Value>(&bytes).is_ok_and(|read| read == *template.as_value()),
        "the bytes are not the template",
    );
    let held = template.resources().any(|(_, resource)| {
        let value = &resource["Properties"]["Tags"][0]["Value"]["Fn::ImportValue"];
        *value == format!("{}-name", platform.name)
    });
    rules.hold(held, "nothing keeps the platform from being deleted");
    rules.hold(
        template.resources().count() <= 500,
        "there are more than 500 resources",
    );
    wording::hold(rules, template, platform, imports);
    what_is_kept_can_be_found(rules, template);
}

fn what_is_kept_can_be_found(rules: &mut Rules, template: &Template) {
    let kept = slipway_synth::kept_on_delete(template);
    for (id, resource) in template.resources() {
        let kind = resource["Type"].as_str().unwrap_or_default();
        let is_kept = matches!(kind, "AWS::Logs::LogGroup" | "AWS::ECR::Repository");
        rules.hold(
            resource["DeletionPolicy"]
                == if is_kept {
                    Value::from("RetainExceptOnCreate")
                } else {
                    database::policy(kind).map_or(Value::Null, Value::from)
                },
            &format!("{id} has the wrong deletion policy"),
        );
        rules.hold(
            !is_kept || resource["UpdateReplacePolicy"] == "Retain",
            &format!("{id} is lost where it is replaced"),
        );
        if is_kept {
            let name = &resource["Properties"][if kind.contains("Logs") {
                "LogGroupName"
            } else {
                "RepositoryName"
            }];
            rules.hold(
                kept.iter()
                    .any(|k| k.resource_type == kind && *name == k.name),
                &format!("{id} is kept and not named as kept"),
            );
        }
    }
    rules.hold(
        kept.len()
            == template
                .resources()
                .filter(|(_, r)| r["DeletionPolicy"].is_string() && r["DeletionPolicy"] != "Delete")
                .count(),
        "what is kept is counted wrongly",
    );
}

/// Collects what does not hold.
#[derive(Default)]
pub(crate) struct Rules {
    broken: Vec<String>,
}

impl Rules {
    pub(crate) fn hold(&mut self, holds: bool, broken: &str) {
        if !holds {
            self.broken.push(broken.to_owned());
        }
    }
}

/// The resources of a type.
pub(crate) fn of_type<'a>(template: &'a Template, kind: &str) -> Vec<&'a Value> {
    template
        .resources()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(_, resource)| resource)
        .collect()
}
