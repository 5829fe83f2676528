//! What people read and copy: the examples, and `docs/MANIFEST.md`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use slipway_domain::{Manifest, Platform, schema, size};
use slipway_synth::{RunState, environment_stack};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(text: &str, what: &str) -> Manifest {
    let document: Value = serde_saphyr::from_str(text).unwrap();
    let manifest = Manifest::read(&document).unwrap_or_else(|e| panic!("{what}: {e}"));
    manifest
        .check_on(&Platform::sample())
        .unwrap_or_else(|e| panic!("{what}: {e}"));
    manifest
}

/// Every example, by its path.
fn examples(folder: &Path) -> Vec<(PathBuf, Manifest)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(examples(&path));
        } else if path.extension().is_some_and(|it| it == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            // Whether its own platform allows it: `tests/seeds.rs`.
            let document: Value = serde_saphyr::from_str(&text).unwrap();
            let manifest = Manifest::read(&document)
                .unwrap_or_else(|problems| panic!("{}: {problems}", path.display()));
            found.push((path, manifest));
        }
    }
    found
}

#[test]
fn every_example_is_valid_and_bears_its_files_name() {
    for (path, manifest) in examples(&root().join("examples")) {
        assert_eq!(path.file_stem().unwrap(), manifest.service.as_str());
    }
}

#[test]
fn the_six_services_listen_where_the_drawing_says_and_one_waits() {
    let platform = Platform::sample();
    let prod = &platform.environment;
    let mut services: Vec<(String, u16, bool)> = examples(&root().join("examples/six-services"))
        .into_iter()
        .map(|(_, manifest)| {
            let effective = manifest.effective(prod, prod).unwrap();
            let stack = environment_stack(&effective, &platform, &RunState::default());
            (
                manifest.service.to_string(),
                manifest.settings.port,
                stack.is_some(),
            )
        })
        .collect();
    services.sort();
    let expected = [
        ("api1", 80, true),
        ("auth", 3000, true),
        ("finance", 8080, true),
        ("messenger", 3002, true),
        ("profile", 3001, true),
        ("share", 3004, false),
    ];
    assert_eq!(
        services,
        expected.map(|(name, port, runs)| (name.to_owned(), port, runs))
    );
}

fn documentation() -> String {
    std::fs::read_to_string(root().join("docs/MANIFEST.md")).unwrap()
}

/// The table of fields has five columns, the others have two.
fn is_a_field(line: &str) -> bool {
    line.matches(" |").count() == 5
}

/// The cells of the table's row for a field.
fn row<'a>(text: &'a str, field: &str) -> Vec<&'a str> {
    let start = format!("| `{field}` |");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with(&start) && is_a_field(line))
        .collect();
    assert_eq!(rows.len(), 1, "rows of {field}");
    rows[0]
        .trim_matches('|')
        .split(" | ")
        .map(|cell| cell.trim_matches([' ', '|']))
        .collect()
}

#[test]
fn the_documentation_has_every_field_with_its_range_default_and_meaning() {
    let text = documentation();
    let mut fields = Vec::new();
    walk(schema::manifest(), "", &mut |field, node| {
        fields.push(field.to_owned());
        let cells = row(&text, field);
        assert_eq!(cells.len(), 5, "{field}: {cells:?}");
        let description = node["description"].as_str().unwrap().replace('\n', " ");
        assert_eq!(cells[3], description, "{field}");
        match &node["default"] {
            Value::Null => assert!(!cells[2].is_empty() && !cells[2].contains('"'), "{field}"),
            Value::Object(_) => assert_eq!(cells[2], "as below", "{field}"),
            default => assert_eq!(cells[2], format!("`{default}`"), "{field}"),
        }
        for number in numbers(node) {
            let words: Vec<&str> = cells[1]
                .split(|c: char| !c.is_alphanumeric() && !"_-:".contains(c))
                .collect();
            assert!(
                words.contains(&number.as_str()),
                "{field}: {number} in {:?}",
                cells[1]
            );
        }
    });
    let documented = text
        .lines()
        .filter(|line| line.starts_with("| `") && is_a_field(line));
    assert_eq!(
        documented.count(),
        fields.len(),
        "rows of fields that are not there"
    );
}

fn walk(node: &Value, base: &str, visit: &mut impl FnMut(&str, &Value)) {
    for (name, inner) in node["properties"].as_object().into_iter().flatten() {
        let field = if base.is_empty() {
            name.clone()
        } else {
            format!("{base}.{name}")
        };
        visit(&field, inner);
        walk(inner, &field, visit);
        walk(&inner["items"], &format!("{field}[]"), visit);
    }
}

/// Whatever bounds a value: numbers and choices.
fn numbers(node: &Value) -> Vec<String> {
    let mut found: Vec<String> = [
        "minimum",
        "maximum",
        "maxLength",
        "maxItems",
        "maxProperties",
    ]
    .iter()
    .filter_map(|keyword| node[*keyword].as_u64())
    // The team's name is "as above".
    .filter(|number| *number != 40 || node.get("default").is_none())
    .map(|number| number.to_string())
    .collect();
    found.extend(
        node["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string),
    );
    let choices = node["oneOf"].as_array().into_iter().flatten();
    found.extend(
        choices
            .filter_map(|choice| choice["const"].as_str())
            .map(str::to_owned),
    );
    found
}

#[test]
fn the_documentation_says_what_fargate_allows() {
    let text = documentation();
    for cpu in size::CPUS {
        let row = format!("| {cpu} | {} |", size::describe_memory_for(cpu).unwrap());
        assert!(text.contains(&row), "{row}");
    }
}

#[test]
fn the_documentations_manifests_are_valid() {
    let text = documentation();
    let blocks: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .map(|it| it.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 4);
    for block in blocks {
        read(block, block);
    }
}
