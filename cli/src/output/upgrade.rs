//! An upgrade: where it is, how far it came, what is in flight and what failed.

use slipway_control::upgrade::{UpgradeState, UpgradeView};
use slipway_domain::{Scope, ServiceName};

use super::sheet::Sheet;
use super::table::{plain, table};
use super::time::moment;
use super::tone::Tone;

/// The upgrade for people.
pub(crate) fn shown(upgrade: &UpgradeView, sheet: Sheet) -> String {
    let began = moment(upgrade.started_at);
    let (tone, state, since) = match (upgrade.state, upgrade.ended_at, &upgrade.stopped) {
        (UpgradeState::Running, _, _) => (Tone::Busy, "running", format!("since {began}")),
        (UpgradeState::Stopped, _, Some(stopped)) => {
            let when = format!("{} by {}", moment(stopped.at), stopped.by);
            (Tone::Bad, "stopped", when)
        }
        (UpgradeState::Stopped, _, None) => (Tone::Bad, "stopped", String::new()),
        (UpgradeState::Done, ended, _) => {
            let ended = moment(ended.unwrap_or(upgrade.started_at));
            (Tone::Good, "done", ended)
        }
    };
    let mut out = vec![format!(
        "upgrade    {}, {since}\n",
        sheet.paint.on(tone, state)
    )];
    if let (UpgradeState::Stopped, Some(stopped)) = (upgrade.state, &upgrade.stopped) {
        out.push(sheet.paragraph(0, (Tone::Plain, "because   "), &stopped.reason));
    }
    out.push(format!(
        "at once    {} stacks; {} failures stop it\n",
        upgrade.at_once, upgrade.max_failures
    ));
    for (name, count) in [
        ("updated  ", upgrade.done),
        ("unchanged", upgrade.unchanged),
        ("skipped  ", upgrade.skipped),
        ("failed   ", upgrade.failed),
    ] {
        out.push(format!("{name}  {count}\n"));
    }
    if !upgrade.in_flight.is_empty() {
        let rows: Vec<_> = upgrade
            .in_flight
            .iter()
            .map(|it| {
                vec![
                    plain(stack(&it.service, &it.scope)),
                    plain(moment(it.since)),
                ]
            })
            .collect();
        out.push("\n".to_owned());
        out.push(table(&["IN FLIGHT", "SINCE"], &rows, sheet.paint));
    }
    if !upgrade.failures.is_empty() {
        out.push("\n".to_owned());
    }
    for failed in &upgrade.failures {
        let label = format!("{}:", stack(&failed.service, &failed.scope));
        out.push(sheet.paragraph(0, (Tone::Bad, &label), &failed.reason));
    }
    out.concat()
}

/// A service's own stack bears the service's name.
fn stack(service: &ServiceName, scope: &Scope) -> String {
    match scope {
        Scope::Service => service.to_string(),
        Scope::Environment(environment) => format!("{service}/{environment}"),
    }
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use expect_test::expect;
    use serde_json::{Value, json};

    use super::super::tone::Paint;
    use super::*;

    fn upgrade(rest: &Value) -> String {
        let mut document = json!({
            "state": "running", "fingerprint": "abc", "started_at": "2026-01-02T03:04:05Z", "at_once": 5, "max_failures": 3,
            "done": 12, "unchanged": 20, "skipped": 1, "failed": 0, "in_flight": [], "failures": [],
        });
        let fields = document.as_object_mut().unwrap();
        fields.extend(rest.as_object().unwrap().clone());
        let sheet = Sheet {
            paint: Paint(false),
            width: None,
        };
        shown(&serde_json::from_value(document).unwrap(), sheet)
    }

    #[test]
    fn a_running_upgrade_shows_what_is_in_flight() {
        let in_flight = json!([
            {"service": "orders", "scope": "-", "since": "2026-01-02T03:05:05Z"},
            {"service": "web-shop", "scope": "prod", "since": "2026-01-02T03:06:05Z"},
        ]);
        expect![[r#"
            upgrade    running, since 2026-01-02 03:04:05Z
            at once    5 stacks; 3 failures stop it
            updated    12
            unchanged  20
            skipped    1
            failed     0

            IN FLIGHT      SINCE
            orders         2026-01-02 03:05:05Z
            web-shop/prod  2026-01-02 03:06:05Z
        "#]]
        .assert_eq(&upgrade(&json!({"in_flight": in_flight})));
    }

    #[test]
    fn a_stopped_upgrade_says_by_whom_and_why_and_what_failed() {
        let failed = json!({"service": "orders", "scope": "prod", "at": "2026-01-02T03:06:05Z",
            "reason": "The update failed and was taken back; what ran before runs on: Service: no capacity"});
        let stopped =
            json!({"at": "2026-01-02T03:07:05Z", "by": "slipway", "reason": "A stack failed."});
        expect![[r#"
            upgrade    stopped, 2026-01-02 03:07:05Z by slipway
            because    A stack failed.
            at once    5 stacks; 3 failures stop it
            updated    12
            unchanged  20
            skipped    1
            failed     1

            orders/prod: The update failed and was taken back; what ran before runs on: Service: no capacity
        "#]]
        .assert_eq(&upgrade(&json!({"state": "stopped", "stopped": stopped, "failed": 1, "failures": [failed]})));
    }

    #[test]
    fn an_upgrade_that_is_done_says_when() {
        let shown = upgrade(&json!({"state": "done", "ended_at": "2026-01-02T04:04:05Z"}));
        assert!(
            shown.starts_with("upgrade    done, 2026-01-02 04:04:05Z\n"),
            "{shown}"
        );
    }
}
