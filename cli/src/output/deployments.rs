//! Deployments as a table.

use slipway_domain::{Cause, Deployment, Outcome};

use super::table::{Cell, plain, table};
use super::time::{between, moment, short};
use super::tone::{Paint, Tone};

/// A row for each deployment.
pub(crate) fn listing(deployments: &[Deployment], paint: Paint) -> String {
    let rows: Vec<Vec<Cell>> = deployments.iter().map(row).collect();
    table(
        &[
            "ID",
            "ENVIRONMENT",
            "GEN",
            "CAUSE",
            "BEGAN",
            "TOOK",
            "RESULT",
            "IMAGE",
            "REASON",
        ],
        &rows,
        paint,
    )
}

fn row(deployment: &Deployment) -> Vec<Cell> {
    let cause = match deployment.cause {
        Cause::Api => "api",
        Cause::Deploy => "deploy",
        Cause::Redeploy => "redeploy",
        Cause::Rollback => "rollback",
        Cause::Webhook => "webhook",
        Cause::Push => "push",
        Cause::Heal => "heal",
        Cause::Upgrade => "upgrade",
    };
    let (result, end, reason) = match &deployment.outcome {
        None => {
            let step = deployment
                .steps
                .last()
                .map_or("under way", |step| &step.name);
            ((Tone::Busy, step.to_owned()), None, "")
        }
        Some(Outcome::Succeeded { at }) => ((Tone::Good, "succeeded".to_owned()), Some(*at), ""),
        Some(Outcome::Failed { at, reason }) => {
            ((Tone::Bad, "failed".to_owned()), Some(*at), reason.as_str())
        }
        Some(Outcome::Superseded { at }) => (plain("superseded"), Some(*at), ""),
    };
    vec![
        plain(deployment.id.to_string()),
        plain(deployment.environment.as_str()),
        plain(deployment.generation.to_string()),
        plain(cause),
        plain(moment(deployment.created_at)),
        plain(end.map_or_else(String::new, |end| {
            short(between(deployment.created_at, end))
        })),
        result,
        plain(deployment.image.as_ref()),
        plain(reason),
    ]
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn a_deployment_shows_how_it_ended_or_where_it_is() {
        let deployment = |rest: serde_json::Value| -> Deployment {
            let mut document = json!({
                "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "service": "orders", "environment": "prod", "generation": 2,
                "cause": "deploy", "actor": "me", "image": "nginx:1", "created_at": "2026-01-02T03:04:05Z",
                "steps": [{"name": "accepted", "at": "2026-01-02T03:04:05Z"}, {"name": "creating the stack", "at": "2026-01-02T03:04:06Z"}],
            });
            document
                .as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            serde_json::from_value(document).unwrap()
        };
        let all = [
            deployment(json!({})),
            deployment(
                json!({"outcome": {"result": "failed", "at": "2026-01-02T03:05:10Z", "reason": "No such image."}}),
            ),
            deployment(
                json!({"cause": "api", "outcome": {"result": "succeeded", "at": "2026-01-02T03:04:07Z"}}),
            ),
        ];
        expect![[r#"
            ID                          ENVIRONMENT  GEN  CAUSE   BEGAN                 TOOK   RESULT              IMAGE    REASON
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    deploy  2026-01-02 03:04:05Z         creating the stack  nginx:1
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    deploy  2026-01-02 03:04:05Z  1m05s  failed              nginx:1  No such image.
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    api     2026-01-02 03:04:05Z  2.0s   succeeded           nginx:1
        "#]]
        .assert_eq(&listing(&all, Paint(false)));
    }
}
