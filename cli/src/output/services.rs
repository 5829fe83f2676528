//! Services as tables.

use std::collections::BTreeMap;

use slipway_control::view::{LiveView, ServiceSummary, ServiceView};
use slipway_domain::{EnvironmentName, Phase};

use super::table::{Cell, plain, table};
use super::time::moment;
use super::tone::{Paint, Tone};

/// A row for each environment of each service.
pub(crate) fn listing(services: &[ServiceSummary], paint: Paint) -> String {
    let mut rows = Vec::new();
    for service in services {
        let head = |environment: &str| {
            vec![
                plain(service.name.as_str()),
                plain(service.team.as_str()),
                plain(service.generation.to_string()),
                plain(environment),
            ]
        };
        if service.environments.is_empty() {
            let phase = if service.deleting {
                Phase::Deleting
            } else {
                Phase::Pending
            };
            rows.push(row(head("-"), phase, ""));
        }
        for (name, environment) in &service.environments {
            let what = environment.url.as_ref().unwrap_or(&environment.message);
            rows.push(row(head(name.as_str()), environment.phase, what));
        }
    }
    table(
        &["SERVICE", "TEAM", "GEN", "ENVIRONMENT", "PHASE", "URL"],
        &rows,
        paint,
    )
}

fn row(mut cells: Vec<Cell>, phase: Phase, what: &str) -> Vec<Cell> {
    cells.push((Tone::of(phase), phase.to_string()));
    cells.push(plain(what));
    cells
}

/// One service: who and when, then a row for each of its stacks, then what they say.
pub(crate) fn service(
    service: &ServiceView,
    live: &BTreeMap<EnvironmentName, LiveView>,
    paint: Paint,
) -> String {
    let mut out = vec![format!(
        "{}{}\nteam        {}\ngeneration  {}, {} by {}\nregistered  {}\n\n",
        service.name,
        if service.deleting {
            " (being deleted)"
        } else {
            ""
        },
        service.team,
        service.generation,
        moment(service.updated_at),
        service.updated_by,
        moment(service.created_at),
    )];
    let mut rows = Vec::new();
    for (name, environment) in &service.environments {
        let tasks = live.get(name).map_or_else(String::new, |live| {
            format!("{}/{}", live.running, live.desired)
        });
        let bounds = live
            .get(name)
            .and_then(|live| live.min.zip(live.max))
            .map_or_else(String::new, |(min, max)| format!("{min}-{max}"));
        rows.push(vec![
            plain(name.as_str()),
            (
                Tone::of(environment.stack.phase),
                environment.stack.phase.to_string(),
            ),
            plain(tasks),
            plain(bounds),
            plain(
                environment
                    .image
                    .as_ref()
                    .map_or("-", |image| image.as_ref()),
            ),
            plain(environment.stack.url.as_deref().unwrap_or_default()),
        ]);
    }
    out.push(table(
        &["ENVIRONMENT", "PHASE", "TASKS", "OF", "IMAGE", "URL"],
        &rows,
        paint,
    ));
    out.push("\n".to_owned());
    for (name, environment) in &service.environments {
        out.push(format!("{name}: {}\n", environment.stack.message));
    }
    let stack = &service.service_stack;
    let repository = stack.outputs.get("RepositoryUri").map_or_else(
        || {
            format!(
                "{}: {}",
                paint.on(Tone::of(stack.phase), &stack.phase.to_string()),
                stack.message
            )
        },
        Clone::clone,
    );
    out.push(format!("repository: {repository}\n"));
    out.concat()
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn a_listing_has_a_row_for_each_environment() {
        let services: Vec<ServiceSummary> = serde_json::from_value(json!([
            {"name": "orders", "team": "shop", "generation": 12, "deleting": false, "environments": {
                "prod": {"phase": "ready", "message": "Runs.", "url": "https://a.example/orders"},
                "staging": {"phase": "rolling-out", "message": "ECS replaces tasks: 1 of 2 run."},
            }},
            {"name": "share", "team": "default", "generation": 1, "deleting": true, "environments": {}},
        ]))
        .unwrap();
        expect![[r#"
            SERVICE  TEAM     GEN  ENVIRONMENT  PHASE        URL
            orders   shop     12   prod         ready        https://a.example/orders
            orders   shop     12   staging      rolling-out  ECS replaces tasks: 1 of 2 run.
            share    default  1    -            deleting
        "#]]
        .assert_eq(&listing(&services, Paint(false)));
    }

    #[test]
    fn a_service_is_shown_with_what_runs() {
        let view: ServiceView = serde_json::from_value(json!({
            "name": "orders", "team": "shop", "generation": 3, "uid": "01JZZZZZZZZZZZZZZZZZZZZZZZ",
            "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-03T03:04:05Z", "updated_by": "arn:aws:iam::111122223333:user/ada",
            "deleting": false, "manifest": {"service": "orders"},
            "service_stack": {"phase": "ready", "message": "Everything is as the newest generation says.", "conditions": [],
                "observed_generation": 3, "since": "2026-01-02T03:04:05Z", "outputs": {"RepositoryUri": "1.dkr.ecr/orders"}},
            "environments": {"prod": {
                "path": "/orders", "image": "nginx:1",
                "stack": {"phase": "ready", "message": "Runs with 2 of 2 tasks.", "conditions": [],
                    "observed_generation": 3, "since": "2026-01-02T03:04:05Z", "url": "https://a.example/orders"},
            }},
        }))
        .unwrap();
        let live = LiveView {
            desired: 2,
            running: 2,
            pending: 0,
            min: Some(2),
            max: Some(10),
        };
        let live = BTreeMap::from([("prod".parse().unwrap(), live)]);
        expect![[r#"
            orders
            team        shop
            generation  3, 2026-01-03 03:04:05Z by arn:aws:iam::111122223333:user/ada
            registered  2026-01-02 03:04:05Z

            ENVIRONMENT  PHASE  TASKS  OF    IMAGE    URL
            prod         ready  2/2    2-10  nginx:1  https://a.example/orders

            prod: Runs with 2 of 2 tasks.
            repository: 1.dkr.ecr/orders
        "#]]
        .assert_eq(&service(&view, &live, Paint(false)));
    }
}
