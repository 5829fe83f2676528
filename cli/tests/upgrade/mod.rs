//! `slipway upgrade`.

use super::*;

fn run(mock: &Mock, arguments: &[&str]) -> Ran {
    run_on(&Program::new(), mock, arguments)
}

fn platform() -> Mock {
    let upgrade = json!({
        "state": "running", "fingerprint": "abc", "started_at": "2026-01-02T03:04:05Z", "at_once": 5, "max_failures": 3,
        "done": 1, "unchanged": 2, "skipped": 0, "failed": 0, "in_flight": [], "failures": [],
    });
    Mock::replies(vec![Reply::json(200, &upgrade)])
}

#[test]
fn an_upgrade_is_shown_stopped_and_resumed() {
    let mock = platform();
    let shown = run(&mock, &["upgrade"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.contains("updated    1\n"), "{}", shown.out);
    run(&mock, &["upgrade", "stop", "--reason", "an incident"]);
    run(&mock, &["upgrade", "stop"]);
    let resumed = run(&mock, &["upgrade", "resume", "--json"]);
    assert!(
        resumed.out.contains("\"state\": \"running\""),
        "{}",
        resumed.out
    );
    let asked = mock.asked();
    let calls: Vec<(&str, &str, &str)> = asked
        .iter()
        .map(|it| {
            (
                &*it.method,
                it.path.trim_start_matches("/platform/v1"),
                &*it.body,
            )
        })
        .collect();
    assert_eq!(
        calls,
        [
            ("GET", "/platform/upgrade", ""),
            (
                "POST",
                "/platform/upgrade/stop",
                r#"{"reason":"an incident"}"#
            ),
            ("POST", "/platform/upgrade/stop", "{}"),
            ("POST", "/platform/upgrade/resume", ""),
        ]
    );
    assert!(
        asked[1..]
            .iter()
            .all(|it| it.headers.contains_key("idempotency-key"))
    );
}

#[test]
fn a_reason_without_a_stop_is_not_understood() {
    let ran = run(&platform(), &["upgrade", "resume", "--reason", "x"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn what_the_platform_refuses_is_told() {
    let over = json!({"title": "It conflicts with what is there", "status": 409, "detail": "the upgrade has ended"});
    let mock = Mock::replies(vec![Reply::problem(409, &over)]);
    let ran = run(&mock, &["upgrade", "stop"]);
    assert_eq!(
        (ran.code, &*ran.err),
        (Some(1), "error: the upgrade has ended\n")
    );
}
