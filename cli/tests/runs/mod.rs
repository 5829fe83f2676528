//! `slipway run` and `slipway runs`.

use super::*;

const BASE: &str = "/platform/v1/services/invoices/environments/prod/runs";

fn ran(id: &str, status: &str) -> Value {
    json!({
        "id": id, "status": status, "started_at": "2026-11-22T03:00:00Z",
        "ended_at": "2026-11-22T03:02:05Z", "attempts": 2,
        "by": "arn:aws:iam::111122223333:user/ada",
        "reason": (status == "failed").then_some("`app` ended with 3"),
    })
}

/// A platform on which a run that is started has ended so at the first look.
fn platform(status: &'static str) -> Mock {
    Mock::new(move |asked| {
        let path = asked.path.strip_prefix(BASE).unwrap_or(&asked.path);
        match (asked.method.as_str(), path) {
            ("POST", "") => {
                let begun = json!({
                    "id": "r1", "status": "running", "started_at": "2026-11-22T03:00:00Z",
                    "attempts": 0,
                });
                Reply::json(202, &begun)
            }
            ("POST", "/r1/cancel") => Reply::json(200, &ran("r1", "aborted")),
            ("GET", "/r1") => Reply::json(200, &ran("r1", status)),
            _ => Reply::json(
                200,
                &json!({"items": [ran("r2", "failed"), ran("r1", status)]}),
            ),
        }
    })
}

fn run(mock: &Mock, arguments: &[&str]) -> Ran {
    run_on(&Program::new(), mock, arguments)
}

#[test]
fn runs_are_listed_with_who_started_them_and_why_they_failed() {
    let mock = platform("succeeded");
    let ran = run(&mock, &["runs", "invoices", "--env", "prod"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].starts_with("ID  BEGAN"), "{}", ran.out);
    assert!(
        lines[1].ends_with("failed     2         user/ada  `app` ended with 3"),
        "{}",
        ran.out
    );
    assert!(lines[2].contains("succeeded"), "{}", ran.out);
}

#[test]
fn a_run_is_one_call_with_a_key_and_is_waited_for_where_that_is_said() {
    let mock = platform("succeeded");
    let ran = run(&mock, &["run", "invoices", "--env", "prod"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert!(ran.err.contains("run r1 has begun"), "{}", ran.err);
    let asked = mock.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].headers.contains_key("idempotency-key"));
    let ran = run(&mock, &["run", "invoices", "--env", "prod", "--wait"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("succeeded"), "{}", ran.out);
}

#[test]
fn a_run_is_ended_by_its_id() {
    let mock = platform("running");
    let arguments = ["runs", "invoices", "--env", "prod", "--cancel", "r1"];
    let ran = run(&mock, &arguments);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.contains("aborted"), "{}", ran.out);
    assert_eq!(mock.asked()[0].path, format!("{BASE}/r1/cancel"));
}

#[test]
fn a_run_that_fails_ends_with_1() {
    let mock = platform("failed");
    let arguments = ["run", "invoices", "--env", "prod", "--wait", "--json"];
    let ran = run(&mock, &arguments);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["reason"], "`app` ended with 3");
}
