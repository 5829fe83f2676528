//! The compiled program without a platform: exit codes, and what goes where.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::io::Write;
use std::process::Stdio;

use program::{Program, Ran};
use serde_json::{Value, json};
use slipway_domain::Platform;

fn run(program: &Program, arguments: &[&str]) -> Ran {
    Ran::from(program.command(arguments).output().unwrap())
}

#[test]
fn validating_tells_everything_at_once_and_exits_with_1() {
    let program = Program::new();
    program.file("good.yaml", "service: orders\n");
    program.file("bad.yaml", "service: Orders\nport: 0\n");
    program.file("worse.yaml", "service: [\n");
    let good = run(&program, &["validate", "good.yaml"]);
    assert_eq!(
        (good.code, good.out.as_str(), good.err.as_str()),
        (Some(0), "", "good.yaml: valid\n")
    );
    let bad = run(
        &program,
        &[
            "validate",
            "good.yaml",
            "bad.yaml",
            "worse.yaml",
            "none.yaml",
        ],
    );
    assert_eq!(bad.code, Some(1));
    let begins: Vec<&str> = bad
        .out
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        begins,
        [
            "bad.yaml:/port:",
            "bad.yaml:/service:",
            "worse.yaml:1:10:",
            "none.yaml:"
        ],
        "{}",
        bad.out
    );
}

#[test]
fn findings_are_there_as_json_too() {
    let program = Program::new();
    program.file("bad.json", "{\"service\": \"orders\", \"port\": 0}");
    program.file("worse.yaml", "a: 1\na: 2\n");
    let ran = run(&program, &["validate", "--json", "bad.json", "worse.yaml"]);
    assert_eq!(ran.code, Some(1));
    let findings: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(findings[0]["pointer"], "/port");
    assert_eq!(
        (&findings[1]["line"], &findings[1]["column"]),
        (&json!(2), &json!(1))
    );
}

#[test]
fn a_manifest_may_come_from_standard_input() {
    let program = Program::new();
    let mut child = program
        .command(&["validate", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"service: orders\nport: 70000\n")
        .unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.starts_with("<stdin>:/port: must be"), "{}", ran.out);
}

#[test]
fn a_platforms_own_rules_apply_when_its_values_are_given() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nimage: nginx:1\n");
    let mut values = serde_json::to_value(Platform::sample()).unwrap();
    values["allowed_registries"] = json!(["registry.example.com"]);
    program.file("platform.json", &values.to_string());
    assert_eq!(run(&program, &["validate", "orders.yaml"]).code, Some(0));
    for command in ["validate", "template"] {
        let ran = run(
            &program,
            &[command, "orders.yaml", "--platform", "platform.json"],
        );
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            format!("{}{}", ran.out, ran.err).contains("orders.yaml:/image:"),
            "{ran:?}"
        );
    }
    program.file("platform.json", "{\"name\": \"x\"}");
    let ran = run(
        &program,
        &["validate", "orders.yaml", "--platform", "platform.json"],
    );
    assert!(
        ran.err.contains("is not what `slipway platform` writes"),
        "{}",
        ran.err
    );
}

#[test]
fn templates_are_rendered_offline() {
    let program = Program::new();
    program.file(
        "orders.yaml",
        "service: orders\nimage: nginx:1\nenvironments: {staging: {cpu: 512, memory: 1024}}\n",
    );
    for (arguments, kind) in [
        (vec!["template", "orders.yaml"], "AWS::ECS::Service"),
        (
            vec!["template", "orders.yaml", "--environment", "staging"],
            "AWS::ECS::Service",
        ),
        (
            vec!["template", "orders.yaml", "--service-stack"],
            "AWS::ECR::Repository",
        ),
    ] {
        let ran = run(&program, &arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let template: Value = serde_json::from_str(&ran.out).unwrap();
        let kinds: Vec<&str> = template["Resources"]
            .as_object()
            .unwrap()
            .values()
            .map(|it| it["Type"].as_str().unwrap())
            .collect();
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let ran = run(
        &program,
        &["template", "orders.yaml", "--environment", "other"],
    );
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err
            .contains("orders has no environment `other`; it has prod, staging"),
        "{}",
        ran.err
    );
}

#[test]
fn a_manifest_without_an_image_has_no_template() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\n");
    let ran = run(&program, &["template", "orders.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains(
        "orders/prod has no image: it waits for its first one, and has no stack until then"
    ));
}

#[test]
fn the_schema_is_printed() {
    let ran = run(&Program::new(), &["schema"]);
    let schema: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(schema["properties"]["port"]["maximum"], 65535);
}

#[test]
fn what_is_not_understood_exits_with_2() {
    let program = Program::new();
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["get"],
        &["get", "Not_A_Name"],
        &["deploy", "orders", "--image", "not an image"],
        &["apply", "x.yaml", "--timeout", "5"],
        &[
            "get",
            "orders",
            "--endpoint",
            "nonsense",
            "--region",
            "us-east-1",
        ],
        &["get", "orders", "--endpoint", "https://api.example.com"],
    ] {
        let ran = run(&program, arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert_eq!(ran.out, "");
    }
}

#[test]
fn who_stops_reading_the_results_gets_no_panic() {
    let program = Program::new();
    let mut child = program.command(&["schema"]).spawn().unwrap();
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

/// A trace of two hours: a rise, and a fall.
fn trace(program: &Program) {
    let row = |minute: u32| {
        let requests = 600 + 40 * minute.min(120 - minute);
        format!(
            "2026-01-01T{:02}:{:02}:00Z,{requests}\n",
            minute / 60,
            minute % 60
        )
    };
    let rows: String = (0..120).map(row).collect();
    program.file("trace.csv", &format!("timestamp,requests\n{rows}"));
}

#[test]
fn a_simulation_tells_what_each_policy_would_have_done() {
    let program = Program::new();
    trace(&program);
    let ran = run(&program, &["simulate", "--trace", "trace.csv", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&report["trace"], &report["minutes"]),
        (&json!("trace"), &json!(120))
    );
    let policies = report["policies"].as_array().unwrap();
    let names: Vec<&str> = policies
        .iter()
        .filter_map(|policy| policy["name"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "slipway",
            "target-tracking-60s",
            "target-tracking-20s",
            "step",
            "seed",
            "hpa",
            "kpa",
            "oracle"
        ]
    );
    for policy in policies {
        for field in [
            "task_hours",
            "violation_minutes",
            "requests_over_capacity",
            "changes",
        ] {
            assert!(policy[field].is_number(), "{field} of {policy}");
        }
    }
    let again = run(&program, &["simulate", "--trace", "trace.csv", "--json"]);
    assert_eq!(again.out, ran.out, "the same input gives the same answer");
    let table = run(
        &program,
        &["simulate", "--trace", "trace.csv", "--svg", "trace.svg"],
    );
    assert!(table.out.contains("\ntarget-tracking-20s"), "{}", table.out);
    let picture = std::fs::read_to_string(program.home.path().join("trace.svg")).unwrap();
    assert!(picture.starts_with("<svg"));
}

#[test]
fn the_policy_of_a_simulation_may_be_of_a_manifest_or_alone() {
    let program = Program::new();
    trace(&program);
    program.file("scaling.yaml", "min: 3\nmax: 4\n");
    program.file(
        "orders.yaml",
        "service: orders\nscaling: {min: 3, max: 4}\n",
    );
    let with = |file: &str| {
        let arguments = [
            "simulate",
            "--trace",
            "trace.csv",
            "--json",
            "--policy",
            file,
        ];
        run(&program, &arguments)
    };
    let (alone, manifest) = (with("scaling.yaml"), with("orders.yaml"));
    assert_eq!((alone.code, &alone.out), (Some(0), &manifest.out));
    let report: Value = serde_json::from_str(&alone.out).unwrap();
    let hours = report["policies"][0]["task_hours"].as_f64().unwrap();
    assert!(
        (6.0..=8.0).contains(&hours),
        "3 or 4 tasks for 2 hours are not {hours} h"
    );
    program.file("wrong.yaml", "min: 3\nmux: 4\n");
    let wrong = with("wrong.yaml");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("wrong.yaml:/mux:"), "{}", wrong.err);
}

#[test]
fn a_trace_that_is_wrong_is_told_by_its_place() {
    let program = Program::new();
    program.file(
        "bad.csv",
        "timestamp,requests\n2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,many\n",
    );
    let bad = run(&program, &["simulate", "--trace", "bad.csv"]);
    assert_eq!(bad.code, Some(1));
    assert_eq!(
        bad.err,
        "error: bad.csv:3:22: must be a number, 0 or more, but is `many`\n"
    );
    let none = run(&program, &["simulate", "--trace", "none.csv"]);
    assert_eq!(none.code, Some(1));
    assert!(
        none.err.starts_with("error: none.csv: cannot be read"),
        "{}",
        none.err
    );
    trace(&program);
    let bounds = [
        "simulate",
        "--trace",
        "trace.csv",
        "--min",
        "5",
        "--max",
        "4",
    ];
    assert_eq!(run(&program, &bounds).code, Some(2));
}

#[test]
fn the_tables_of_the_documentation_are_what_the_program_prints() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap();
    let page = std::fs::read_to_string(root.join("docs/SCALING.md")).unwrap();
    let program = Program::new();
    let (week, months) = ("worldcup98-week", "elb-requests-5min");
    for (trace, more) in [
        (week, None),
        (months, None),
        (week, Some("--own-telemetry")),
    ] {
        let file = format!("shared/scaling/traces/{trace}.csv");
        let arguments = ["simulate", "--trace", &file].into_iter().chain(more);
        let mut command = program.command(&arguments.collect::<Vec<_>>());
        let ran = Ran::from(command.current_dir(root).output().unwrap());
        let table: String = ran.out.split("OVER ORACLE:").next().unwrap().to_owned();
        assert!(page.contains(&table), "docs/SCALING.md is to say:\n{table}");
    }
}
