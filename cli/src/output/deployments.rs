//! Deployments as a table, and as words.

use jiff::Timestamp;
use slipway_domain::{Cause, Deployment, Image, Outcome, Trigger};

use super::sheet::clean;
use super::table::{Cell, plain, table};
use super::time::{between, moment, short};
use super::tone::{Paint, Tone};

/// How many digits of a commit are shown.
const COMMIT: usize = 7;
/// How many digits of an image's digest are shown.
const DIGEST: usize = 12;

/// A row for each deployment. What was pushed has a column only where something was.
pub(crate) fn listing(deployments: &[Deployment], paint: Paint) -> String {
    let pushes = deployments.iter().any(|it| it.trigger.is_some());
    let mut heading = vec![
        "ID",
        "ENVIRONMENT",
        "GEN",
        "CAUSE",
        "BEGAN",
        "TOOK",
        "RESULT",
        "IMAGE",
        "PUSHED",
        "REASON",
    ];
    let mut rows: Vec<Vec<Cell>> = deployments.iter().map(row).collect();
    if !pushes {
        heading.remove(PUSHED);
        for row in &mut rows {
            row.remove(PUSHED);
        }
    }
    table(&heading, &rows, paint)
}

/// The column of what was pushed.
const PUSHED: usize = 8;

fn row(deployment: &Deployment) -> Vec<Cell> {
    let (result, reason) = match &deployment.outcome {
        None => ((Tone::Busy, under_way(deployment)), ""),
        Some(Outcome::Succeeded { .. }) => ((Tone::Good, "succeeded".to_owned()), ""),
        Some(Outcome::Failed { reason, .. }) => ((Tone::Bad, "failed".to_owned()), reason.as_str()),
        Some(Outcome::Superseded { .. }) => (plain("superseded"), ""),
    };
    let pushed = deployment.trigger.as_ref().map(pushed);
    vec![
        plain(deployment.id.to_string()),
        plain(deployment.environment.as_str()),
        plain(deployment.generation.to_string()),
        plain(cause(deployment.cause)),
        plain(moment(deployment.created_at)),
        plain(ended_at(deployment).map_or_else(String::new, |end| {
            short(between(deployment.created_at, end))
        })),
        result,
        plain(short_image(&deployment.image)),
        plain(pushed.unwrap_or_default()),
        plain(clean(reason)),
    ]
}

/// The word for what made a deployment.
fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Api => "api",
        Cause::Deploy => "deploy",
        Cause::Redeploy => "redeploy",
        Cause::Rollback => "rollback",
        Cause::Webhook => "webhook",
        Cause::Push => "push",
        Cause::Heal => "heal",
        Cause::Upgrade => "upgrade",
    }
}

fn under_way(deployment: &Deployment) -> String {
    match deployment.waits_until.filter(|_| awaits_image(deployment)) {
        Some(until) => format!("waits until {}", moment(until)),
        None => match deployment.steps.last() {
            Some(step) => step.name.clone(),
            None => "under way".to_owned(),
        },
    }
}

/// A deployment in a sentence without an end: what is deployed, by which push, at which
/// generation.
pub(crate) fn headline(deployment: &Deployment) -> String {
    let what = format!(
        "deployment {} of {}, generation {}",
        deployment.id,
        short_image(&deployment.image),
        deployment.generation
    );
    match &deployment.trigger {
        Some(trigger) => format!("{what}, pushed: {}", pushed(trigger)),
        None => what,
    }
}

/// That a deployment waits for its image, and until when.
pub(crate) fn awaited_image(deployment: &Deployment) -> Option<String> {
    let until = deployment
        .waits_until
        .filter(|_| awaits_image(deployment))?;
    Some(format!(
        "Waits until {} for {} to be pushed.",
        moment(until),
        deployment.image
    ))
}

/// When a deployment ended, if it has.
pub(crate) fn ended_at(deployment: &Deployment) -> Option<Timestamp> {
    deployment.outcome.as_ref().map(|outcome| match outcome {
        Outcome::Succeeded { at } | Outcome::Failed { at, .. } | Outcome::Superseded { at } => *at,
    })
}

/// Whether a deployment waits for its image. One that was found bears its digest.
fn awaits_image(deployment: &Deployment) -> bool {
    deployment.outcome.is_none()
        && deployment.waits_until.is_some()
        && deployment.image.digest().is_none()
}

/// An image as people tell it from others: of its digest, the beginning.
pub(crate) fn short_image(image: &Image) -> String {
    match image.as_str().split_once("@sha256:") {
        Some((name, hex)) if hex.len() > DIGEST => format!("{name}@{}", &hex[..DIGEST]),
        Some(_) | None => image.to_string(),
    }
}

/// What was pushed, as `branch@commit title`, with as much of it as is known.
fn pushed(trigger: &Trigger) -> String {
    let reference = trigger.reference.as_deref().unwrap_or_default();
    let commit = trigger.commit.as_deref().unwrap_or_default();
    let commit: String = commit.chars().take(COMMIT).collect();
    let mut said = match (reference, commit.as_str()) {
        ("", "") => trigger.provider.clone(),
        (one, "") | ("", one) => one.to_owned(),
        (reference, commit) => format!("{reference}@{commit}"),
    };
    if let Some(title) = &trigger.title {
        said.push(' ');
        said.push_str(title);
    }
    // Whoever may push may write anything here.
    clean(&said)
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
