//! The templates that `template.yaml` nests, and what their stacks are taken for.

use std::collections::BTreeMap;

use serde_json::Value;
use slipway_domain::StackName;
use slipway_tests::local_platform::root;
use slipway_tests::platform_template::PlatformTemplate;

/// The platform of the defaults.
const PLATFORM: &str = "devops2-g4";

/// The names of nested stacks, as CloudFormation makes them: the outer one's, the logical id and
/// twelve or more letters and digits (user guide, "Split a template into reusable pieces using
/// nested stacks").
fn names() -> Vec<String> {
    let template = PlatformTemplate::read().unwrap();
    let stacks = template.section("Resources").as_object().unwrap().iter();
    let nested = stacks.filter(|(_, it)| it["Type"] == "AWS::CloudFormation::Stack");
    nested
        .map(|(id, _)| format!("{PLATFORM}-{id}-1A2B3C4D5E6F7"))
        .collect()
}

/// What stands behind `:stack/` in the texts of a value: of which stacks they speak.
fn spoken_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let rest = text.split(":stack/").skip(1);
            found.extend(rest.map(|rest| rest.split('/').next().unwrap_or_default().to_owned()));
        }
        Value::Array(items) => items.iter().for_each(|it| spoken_of(it, found)),
        Value::Object(fields) => fields.values().for_each(|it| spoken_of(it, found)),
        _ => {}
    }
}

#[test]
fn every_file_of_the_platforms_folder_is_nested_somewhere() {
    let template = PlatformTemplate::read().unwrap();
    let mut nested = template.files().split_off(1);
    nested.sort_unstable();
    let entries = std::fs::read_dir(root().join("platform")).unwrap();
    let mut there: Vec<String> = entries
        .map(|it| format!("platform/{}", it.unwrap().file_name().to_string_lossy()))
        .collect();
    there.sort_unstable();
    assert_eq!(nested, there);
    assert_eq!(names().len(), nested.len());
}

/// What speaks of the stacks of services, by the beginning of their names, must not mean a part of
/// the platform: neither a policy, nor a rule that wakes a function, nor the functions themselves.
#[test]
fn a_nested_stack_is_not_taken_for_a_services_stack() {
    let template = PlatformTemplate::read().unwrap();
    let made = template.made(&BTreeMap::new()).unwrap();
    let mut patterns = Vec::new();
    for resource in made.resources.values() {
        spoken_of(resource, &mut patterns);
    }
    assert!(patterns.len() >= 5, "{patterns:?}");
    for name in names() {
        assert!(name.parse::<StackName>().is_err(), "{name}");
        for pattern in &patterns {
            let beginning = pattern.split('*').next().unwrap_or_default();
            assert!(!name.starts_with(beginning), "{pattern} means {name}");
        }
    }
}
