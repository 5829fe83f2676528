//! `slipway scaling`.

use super::*;

const BASE: &str = "/platform/v1/services/orders/environments/prod/scaling";

/// So many minutes ago.
#[expect(
    clippy::disallowed_methods,
    reason = "the program under test reads the machine's clock, too"
)]
fn ago(minutes: i64) -> String {
    let now = jiff::Timestamp::now();
    (now - jiff::SignedDuration::from_mins(minutes)).to_string()
}

fn decision(minutes: i64, verdict: &str, from: u32, to: u32, summary: &str) -> Value {
    json!({"at": ago(minutes), "verdict": verdict, "from": from, "to": to, "summary": summary, "reasons": [
        {"signal": "cpu", "wants": to, "says": "84 % of what the tasks have, above 70 %"},
        {"signal": "memory", "says": "41 %, between 30 % and 70 %"},
    ]})
}

fn scaling(summary: &str) -> Value {
    json!({
        "summary": summary, "policy": {},
        "live": {"desired": 6, "running": 6, "min": 2, "max": 10, "paused": {"out": false, "in": false}, "deploying": false},
        "last": decision(60, "out", 3, 6, "CPU is at 84 % of 3 tasks."),
    })
}

/// A platform on which `orders` is scaled.
fn platform() -> Mock {
    Mock::new(|asked| {
        let path = asked.path.strip_prefix(BASE).unwrap_or(&asked.path);
        match (asked.method.as_str(), path) {
            ("GET", "") => Reply::json(200, &scaling("It runs 6 of 6 tasks.")),
            ("GET", path) if path.starts_with("/decisions") => {
                let items = [
                    decision(60, "out", 3, 6, "CPU is at 84 % of 3 tasks."),
                    decision(
                        150,
                        "in",
                        4,
                        3,
                        "CPU is at 20 % of 4 tasks, and 3 are enough.",
                    ),
                ];
                Reply::json(200, &json!({ "items": items }))
            }
            ("GET", _) => {
                let service = service("ready", "Runs with 6 of 6 tasks.", 1);
                Reply::json(200, &service).with("etag", "\"1\"")
            }
            _ => Reply::json(200, &scaling("Changed.")),
        }
    })
}

fn run(mock: &Mock, arguments: &[&str]) -> Ran {
    run_on(&Program::new(), mock, arguments)
}

#[test]
fn what_is_shown_is_where_it_stands_a_picture_the_signals_and_the_decisions() {
    let ran = run(&platform(), &["scaling", "orders"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(
        ran.out
            .starts_with("orders/prod: It runs 6 of 6 tasks.\n\nmax   10 |....."),
        "{}",
        ran.out
    );
    assert!(ran.out.is_ascii(), "no terminal, no blocks: {}", ran.out);
    let row = |start: &str| {
        let line = ran.out.lines().find(|line| line.starts_with(start));
        line.map_or(0, |line| line.matches('#').count())
    };
    assert!(row("max   10") == 0 && row("min    2") == 60, "{}", ran.out);
    for words in [
        "\ncpu     6      84 % of what the tasks have, above 70 %\n",
        "\nmemory  -      41 %, between 30 % and 70 %\n",
        "  3 -> 6  CPU is at 84 % of 3 tasks.\n",
        "  4 -> 3  CPU is at 20 % of 4 tasks, and 3 are enough.\n",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
}

#[test]
fn json_is_the_apis_answer_with_the_decisions() {
    let ran = run(
        &platform(),
        &["scaling", "orders", "--env", "prod", "--json"],
    );
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["live"]["desired"], 6);
    assert_eq!(document["decisions"].as_array().unwrap().len(), 2);
}

#[test]
fn each_change_is_one_call_with_what_was_said() {
    let body = |arguments: &[&str]| {
        let mock = platform();
        let mut all = vec!["scaling"];
        all.extend(arguments);
        all.extend(["--env", "prod"]);
        let ran = run(&mock, &all);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(0), "orders/prod: Changed.\n"),
            "{ran:?}"
        );
        let asked = mock.asked().pop().unwrap();
        let path = asked.path.strip_prefix(BASE).unwrap().to_owned();
        assert!(asked.headers.contains_key("idempotency-key"));
        format!("{} {path} {}", asked.method, asked.body)
    };
    assert_eq!(
        body(&["pause", "orders"]),
        r#"POST /pause {"out":true,"in":true}"#
    );
    assert_eq!(
        body(&["pause", "orders", "--in"]),
        r#"POST /pause {"out":false,"in":true}"#
    );
    assert_eq!(
        body(&["resume", "orders", "--out"]),
        r#"POST /resume {"out":true,"in":false}"#
    );
    assert_eq!(
        body(&[
            "bounds", "orders", "--min", "4", "--max", "40", "--for", "2h"
        ]),
        r#"PUT /bounds {"min":4,"max":40,"minutes":120}"#
    );
    assert_eq!(body(&["bounds", "orders", "--clear"]), "DELETE /bounds ");
    assert_eq!(
        body(&["count", "orders", "7"]),
        r#"POST /count {"count":7}"#
    );
}

#[test]
fn what_is_missing_is_asked_for_before_the_platform_is() {
    for arguments in [
        &["scaling"][..],
        &["scaling", "bounds", "orders"],
        &["scaling", "bounds", "orders", "--min", "1", "--max", "2"],
        &[
            "scaling", "bounds", "orders", "--min", "1", "--max", "2", "--for", "2w",
        ],
        &["scaling", "bounds", "orders", "--max", "2", "--for", "2h"],
        &["scaling", "bounds", "orders", "--clear", "--for", "2h"],
        &["scaling", "count", "orders"],
        &["scaling", "orders", "--follow", "--json"],
    ] {
        let mock = platform();
        let ran = run(&mock, arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(mock.asked().is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_refusal_is_the_apis_sentence() {
    let problem = json!({"type": "urn:slipway:problem:out-of-bounds", "title": "The number may not be", "status": 422,
        "detail": "`count` must be within the bounds, 2 to 10 tasks, which can be set for a time, too"});
    let mock = Mock::replies(vec![Reply::problem(422, &problem)]);
    let ran = run(
        &mock,
        &["scaling", "count", "orders", "11", "--env", "prod"],
    );
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("must be within the bounds"), "{}", ran.err);
}
