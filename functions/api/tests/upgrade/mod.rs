//! The upgrade of the platform's stacks, over HTTP.

use super::*;
use slipway_control::ports::UpgradeStore;
use slipway_control::upgrade::{Limits, Upgrade, UpgradeRecord, UpgradeState};

/// A platform whose upgrade has come so far.
async fn with_upgrade(state: UpgradeState) -> Router {
    let app = app();
    let limits = Limits {
        at_once: 5,
        max_failures: 3,
    };
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    let mut record = UpgradeRecord {
        version: 0,
        upgrade: Upgrade::begin("abc", limits, now),
    };
    record.upgrade.state = state;
    let store = &app.upgrades.store;
    store.store_upgrade(&record, None, now).await.unwrap();
    router(app)
}

async fn show(api: &Router) -> Answer {
    send(api, signed("GET", "/platform/upgrade", &[], Body::empty())).await
}

async fn stop(api: &Router, headers: &[(&'static str, &str)], body: &'static str) -> Answer {
    send(api, signed("POST", "/platform/upgrade/stop", headers, body)).await
}

async fn resume(api: &Router) -> Answer {
    let request = signed("POST", "/platform/upgrade/resume", &[], Body::empty());
    send(api, request).await
}

#[tokio::test]
async fn an_upgrade_is_seen_stopped_and_resumed() {
    let api = with_upgrade(UpgradeState::Running).await;
    assert_eq!(
        show(&api).await.body,
        json!({"state": "running", "fingerprint": "abc", "started_at": "2026-11-21T10:00:00Z", "at_once": 5,
            "max_failures": 3, "done": 0, "unchanged": 0, "skipped": 0, "failed": 0, "in_flight": [], "failures": []})
    );
    let stopped = stop(&api, &[], r#"{"reason": "an incident"}"#).await;
    assert_eq!(stopped.status, StatusCode::OK, "{}", stopped.body);
    assert_eq!(stopped.body["state"], "stopped");
    assert_eq!(stopped.body["stopped"]["reason"], "an incident");
    let ada = "arn:aws:iam::111122223333:user/ada";
    assert_eq!(stopped.body["stopped"]["by"], ada);
    assert_eq!(show(&api).await.body, stopped.body);
    let resumed = resume(&api).await;
    assert_eq!(resumed.body["state"], "running");
    assert_eq!(resumed.body["resumed"]["by"], ada);
    // The reason may be left out, and the whole body with it.
    assert_eq!(stop(&api, &[], "").await.body["state"], "stopped");
}

#[tokio::test]
async fn a_stop_under_a_key_is_done_once() {
    let api = with_upgrade(UpgradeState::Running).await;
    let key = [("idempotency-key", "k1")];
    let stopped = stop(&api, &key, "{}").await;
    resume(&api).await;
    assert_eq!(stop(&api, &key, "{}").await.body, stopped.body);
    assert_eq!(show(&api).await.body["state"], "running");
    let reused = stop(&api, &key, r#"{"reason": "another"}"#).await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_reason_that_is_none_is_refused() {
    let api = with_upgrade(UpgradeState::Running).await;
    for (body, pointer) in [
        (r#"{"why": "x"}"#, "/why"),
        (r#"{"reason": ""}"#, "/reason"),
        (r#"{"reason": 7}"#, "/reason"),
        ("[]", ""),
    ] {
        let refused = stop(&api, &[], body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_over_or_never_was_is_not_steered() {
    let over = with_upgrade(UpgradeState::Done).await;
    let never = api();
    for (api, status, kind) in [
        (over, StatusCode::CONFLICT, "upgrade-over"),
        (never, StatusCode::NOT_FOUND, "not-found"),
    ] {
        for refused in [stop(&api, &[], "").await, resume(&api).await] {
            assert_eq!(refused.status, status);
            let expected = format!("urn:slipway:problem:{kind}");
            assert_eq!(refused.body["type"], expected.as_str());
        }
    }
}
