//! Deployments as a table, and as words.

use jiff::Timestamp;
use slipway_domain::{Artifact, Cause, Deployment, Image, Outcome, Trigger};

use super::sheet::{Sheet, clean};
use super::table::{Cell, breadth, plain, table};
use super::time::{between, moment, short};
use super::tone::Tone;

/// How many digits of a commit are shown.
const COMMIT: usize = 7;
/// How many digits of an image's digest are shown.
const DIGEST: usize = 12;

/// How many characters of a commit's first line are shown.
const TITLE: usize = 50;

/// A row for each deployment. What was pushed has a column only where something was.
pub(crate) fn listing(deployments: &[Deployment], sheet: Sheet) -> String {
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
    // Reasons are the last column, and cut where a terminal ends: `get` tells the newest whole.
    let others: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| row[..row.len() - 1].to_vec())
        .collect();
    let used = breadth(&heading[..heading.len() - 1], &others);
    for (_, reason) in rows.iter_mut().filter_map(|row| row.last_mut()) {
        *reason = sheet.cut(reason, used);
    }
    table(&heading, &rows, sheet.paint)
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
        plain(short_artifact(&deployment.artifact)),
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
        Cause::Rotation => "rotation",
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
        short_artifact(&deployment.artifact),
        deployment.generation
    );
    match &deployment.trigger {
        Some(trigger) => format!("{what}, pushed: {}", pushed(trigger)),
        None => what,
    }
}

/// The same where a line may be cut: what tells it from others first, its id last.
pub(crate) fn brief(deployment: &Deployment) -> String {
    let image = short_artifact(&deployment.artifact);
    let mut said = format!("{image}, generation {}", deployment.generation);
    if let Some(trigger) = &deployment.trigger {
        said.push_str(", pushed: ");
        said.push_str(&pushed(trigger));
    }
    format!("{said}; deployment {}", deployment.id)
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
        && !deployment.artifact.is_pinned()
}

/// What is deployed, as people tell it from others: an archive without the bucket, which is the
/// same each time.
fn short_artifact(artifact: &Artifact) -> String {
    match artifact {
        Artifact::Image(image) => short_image(image),
        Artifact::Code(archive) => {
            let text = archive.as_str();
            let key = text.split_once(archive.bucket());
            let key = key.map_or(text, |(_, key)| key.trim_start_matches('/'));
            key.to_owned()
        }
    }
}

/// An image as people tell it from others: without the host of a private ECR registry, and of
/// its digest the beginning.
fn short_image(image: &Image) -> String {
    let text = match (image.ecr(), image.as_str().split_once('/')) {
        (Some(_), Some((_, rest))) => rest,
        _ => image.as_str(),
    };
    match text.split_once("@sha256:") {
        Some((name, hex)) if hex.len() > DIGEST => format!("{name}@{}", &hex[..DIGEST]),
        Some(_) | None => text.to_owned(),
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
        said.extend(title.chars().take(TITLE));
        if title.chars().nth(TITLE).is_some() {
            said.push('…');
        }
    }
    // Whoever may push may write anything here.
    clean(&said)
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use crate::output::tone::Paint;
    use expect_test::expect;
    use serde_json::json;

    const PIPE: Sheet = Sheet {
        paint: Paint(false),
        width: None,
    };

    fn deployment(rest: &serde_json::Value) -> Deployment {
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
    }

    fn pushed_one(rest: &serde_json::Value) -> Deployment {
        let mut document = json!({
            "cause": "webhook",
            "image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/p-orders-prod:1a2b3c4",
            "trigger": {"provider": "github", "delivery": "d", "reference": "main",
                "commit": "1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e", "title": "Fix \u{1b}[31mthe cart"},
            "waits_until": "2026-01-02T03:34:05Z",
        });
        document
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        deployment(&document)
    }

    #[test]
    fn what_was_pushed_is_shown_and_what_is_waited_for() {
        let digest = "ab".repeat(32);
        let all = [
            pushed_one(&json!({})),
            pushed_one(
                &json!({"image": format!("111122223333.dkr.ecr.us-east-1.amazonaws.com/p-orders-prod:1a2b3c4@sha256:{digest}")}),
            ),
            pushed_one(
                &json!({"cause": "push", "trigger": {"provider": "ecr", "delivery": "d", "reference": "v1"}, "waits_until": null,
                "image": "nginx:1", "outcome": {"result": "superseded", "at": "2026-01-02T03:04:07Z"}}),
            ),
        ];
        expect![[r#"
            ID                          ENVIRONMENT  GEN  CAUSE    BEGAN                 TOOK  RESULT                            IMAGE                               PUSHED                     REASON
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    webhook  2026-01-02 03:04:05Z        waits until 2026-01-02 03:34:05Z  p-orders-prod:1a2b3c4               main@1a2b3c4 Fix the cart
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    webhook  2026-01-02 03:04:05Z        creating the stack                p-orders-prod:1a2b3c4@abababababab  main@1a2b3c4 Fix the cart
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    push     2026-01-02 03:04:05Z  2.0s  superseded                        nginx:1                             v1
        "#]].assert_eq(&listing(&all, PIPE));
        assert_eq!(
            headline(&all[0]),
            "deployment 01JZZZZZZZZZZZZZZZZZZZZZZZ of p-orders-prod:1a2b3c4, generation 2, pushed: main@1a2b3c4 Fix the cart"
        );
        assert_eq!(
            brief(&all[0]),
            "p-orders-prod:1a2b3c4, generation 2, pushed: main@1a2b3c4 Fix the cart; deployment 01JZZZZZZZZZZZZZZZZZZZZZZZ"
        );
    }

    #[test]
    fn a_reason_is_cut_where_a_terminal_ends() {
        let failed = json!({"outcome": {"result": "failed", "at": "2026-01-02T03:05:10Z", "reason": "There is no such image, and much more is wrong."}});
        let sheet = Sheet {
            width: Some(130),
            ..PIPE
        };
        let shown = listing(&[deployment(&failed)], sheet);
        assert!(
            shown.ends_with("There is no such image, and m…\n"),
            "{shown}"
        );
    }

    #[test]
    fn a_deployment_shows_how_it_ended_or_where_it_is() {
        let all = [
            deployment(&json!({})),
            deployment(
                &json!({"outcome": {"result": "failed", "at": "2026-01-02T03:05:10Z", "reason": "No such image."}}),
            ),
            deployment(
                &json!({"cause": "api", "outcome": {"result": "succeeded", "at": "2026-01-02T03:04:07Z"}}),
            ),
        ];
        expect![[r#"
            ID                          ENVIRONMENT  GEN  CAUSE   BEGAN                 TOOK   RESULT              IMAGE    REASON
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    deploy  2026-01-02 03:04:05Z         creating the stack  nginx:1
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    deploy  2026-01-02 03:04:05Z  1m05s  failed              nginx:1  No such image.
            01JZZZZZZZZZZZZZZZZZZZZZZZ  prod         2    api     2026-01-02 03:04:05Z  2.0s   succeeded           nginx:1
        "#]]
        .assert_eq(&listing(&all, PIPE));
    }
}
