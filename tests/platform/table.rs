//! The table of parameters in `docs/PLATFORM.md`.

use serde_json::Value;
use slipway_tests::local_platform::root;
use slipway_tests::platform_template::PlatformTemplate;

/// The first four cells of a parameter's row; the fifth is free.
fn wanted(name: &str, declaration: &Value) -> String {
    let default = match text(&declaration["Default"]) {
        none if none.is_empty() => "none".to_owned(),
        default => format!("`{default}`"),
    };
    let description = text(&declaration["Description"]);
    let values = values(declaration);
    format!(
        "| `{name}` | {values} | {default} | {} |",
        line(&description)
    )
}

/// Which values it takes.
fn values(declaration: &Value) -> String {
    if let Some(allowed) = declaration["AllowedValues"].as_array() {
        let mut choices: Vec<String> = allowed.iter().map(|it| format!("`{}`", text(it))).collect();
        let last = choices.pop().unwrap_or_default();
        return format!("{} or {last}", choices.join(", "));
    }
    if let Some(least) = declaration["MinValue"].as_u64() {
        return match declaration["MaxValue"].as_u64() {
            Some(most) => format!("{least} to {most}"),
            None => format!("at least {least}"),
        };
    }
    match text(&declaration["ConstraintDescription"]) {
        said if !said.is_empty() => line(&said),
        _ if text(&declaration["Type"]).contains("List") => "a list, commas between".to_owned(),
        _ => "text".to_owned(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_documentation_has_every_parameter_with_its_values_default_and_meaning() {
    let document = std::fs::read_to_string(root().join("docs/PLATFORM.md")).unwrap();
    let table = document
        .split("\n## ")
        .find(|it| it.starts_with("Parameters"));
    let rows: Vec<&str> = table
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" |").count() == 5)
        .collect();
    let parameters = PlatformTemplate::read().unwrap().parameters();
    for ((name, declaration), row) in parameters.iter().zip(&rows) {
        let wanted = wanted(name, declaration);
        assert!(
            row.starts_with(&wanted),
            "docs/PLATFORM.md has\n{row}\nand template.yaml says\n{wanted}"
        );
    }
    assert_eq!(rows.len(), parameters.len(), "rows of parameters");
}

#[test]
fn every_parameter_is_in_a_group_once() {
    let template = PlatformTemplate::read().unwrap();
    let groups = &template.section("Metadata")["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let mut grouped: Vec<&str> = groups
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["Parameters"].as_array().unwrap())
        .map(|name| name.as_str().unwrap())
        .collect();
    grouped.sort_unstable();
    let parameters = template.parameters();
    let mut names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(grouped, names);
}
