//! `slipway decide`: lines in, lines out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::io::Write;
use std::process::Stdio;

use program::{Program, Ran};
use serde_json::{Value, json};

fn decide(lines: &[String]) -> Ran {
    run(&Program::new(), &["decide"], lines)
}

fn run(program: &Program, arguments: &[&str], lines: &[String]) -> Ran {
    let mut command = program.command(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines.join("\n").as_bytes()).unwrap();
    drop(input);
    Ran::from(child.wait_with_output().unwrap())
}

fn busy(now: &str) -> Value {
    let point = json!({"at": "2026-11-20T22:00:00Z", "seconds": 20, "value": 100.0});
    json!({
        "now": now,
        "tasks": {"desired": 2, "running": 2},
        "bounds": {"min": 1, "max": 10},
        "cpu": [point],
        "memory": [point],
    })
}

#[test]
fn the_state_goes_from_line_to_line() {
    let lines = [
        busy("2026-11-20T22:00:40Z").to_string(),
        String::new(),
        busy("2026-11-20T22:00:45Z").to_string(),
    ];
    let ran = decide(&lines);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let verdicts: Vec<String> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["verdict"].to_string())
        .collect();
    assert_eq!(
        verdicts,
        ["\"out\"", "\"hold\""],
        "the second is within the cooldown"
    );
}

#[test]
fn a_bad_line_is_named_with_its_field() {
    let mut bad = busy("2026-11-20T22:00:40Z");
    for (field, value, place) in [
        (
            "cpu",
            json!([{"at": "2026-11-20T22:00:00Z", "seconds": 20}]),
            "line 2: /cpu/0: ",
        ),
        ("now", json!("yesterday"), "line 2: /now: "),
        ("tasks", json!({"desired": -1}), "line 2: /tasks: "),
        (
            "policy",
            json!({"cpu": {"low": 90, "high": 70}}),
            "line 2: /policy/",
        ),
        ("colour", json!("red"), "line 2: /colour: "),
    ] {
        let before = bad.clone();
        bad[field] = value;
        let ran = decide(&[busy("2026-11-20T22:00:40Z").to_string(), bad.to_string()]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.err.contains(place), "{}", ran.err);
        assert_eq!(ran.out.lines().count(), 1);
        bad = before;
    }
}

#[test]
fn a_policy_of_ones_own_is_checked_as_a_manifest_is() {
    let program = Program::new();
    let ask = ["decide", "--policy", "scaling.yaml"];
    program.file("scaling.yaml", "cpu:\n  high: 101\n");
    let ran = run(&program, &ask, &[busy("2026-11-20T22:00:40Z").to_string()]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.err.contains("high"), "{}", ran.err);
    program.file("scaling.yaml", "cpu:\n  high: 60\n");
    let ran = run(&program, &ask, &[busy("2026-11-20T22:00:40Z").to_string()]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains(r#""verdict":"out""#), "{}", ran.out);
}
