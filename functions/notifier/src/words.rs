//! How a notice reads: for people, and for programs. Pure, and bounded whatever it tells of.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;
use slipway_control::ports::Announcement;
use slipway_domain::{
    Artifact, Cause, DeploymentId, EnvironmentName, Evidence, Image, NoticeKind, PlatformName,
    ServiceName, TeamName, Trigger,
};

use crate::news::Notice;

/// The longest subject of a mail that SNS takes is shorter than 100 characters (API reference,
/// `Publish`).
const SUBJECT: usize = 99;
/// The most characters of a reason.
const REASON: usize = 2000;

/// What programs are told, in the form that Standard Webhooks recommends.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    platform: &'a PlatformName,
    service: &'a ServiceName,
    environment: &'a EnvironmentName,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<&'a TeamName>,
    deployment: DeploymentId,
    generation: u64,
    cause: Cause,
    actor: &'a str,
    #[serde(flatten)]
    artifact: &'a Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<&'a Trigger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
}

/// The notice for programs.
pub(crate) fn document(
    notice: &Notice,
    platform: &PlatformName,
    team: Option<&TeamName>,
) -> String {
    let deployment = &notice.deployment;
    let has_failed = notice.kind == NoticeKind::Failed;
    let document = Document {
        kind: format!("deployment.{}", notice.kind.word()),
        timestamp: notice.at,
        data: Data {
            platform,
            service: &deployment.service,
            environment: &deployment.environment,
            team,
            deployment: deployment.id,
            generation: deployment.generation,
            cause: deployment.cause,
            actor: person(&deployment.actor),
            artifact: &deployment.artifact,
            trigger: deployment.trigger.as_ref(),
            waits_until: deployment
                .waits_until
                .filter(|_| notice.kind == NoticeKind::Started),
            reason: notice.reason.as_deref().map(cut),
            evidence: Some(deployment.evidence.clone().bounded())
                .filter(|evidence| has_failed && !evidence.is_empty()),
        },
    };
    // What is in it are texts, numbers and times: it can always be written.
    serde_json::to_string(&document).unwrap_or_default()
}

/// The notice for the platform's topic.
pub(crate) fn announcement(
    notice: &Notice,
    platform: &PlatformName,
    team: Option<&TeamName>,
) -> Announcement {
    let deployment = &notice.deployment;
    let mut attributes = vec![
        ("id", notice.id()),
        ("kind", notice.kind.word().to_owned()),
        ("service", deployment.service.to_string()),
        ("environment", deployment.environment.to_string()),
        ("cause", word(deployment.cause)),
    ];
    attributes.extend(team.map(|team| ("team", team.to_string())));
    Announcement {
        subject: subject(notice),
        text: text(notice, team),
        json: document(notice, platform, team),
        attributes,
    }
}

/// Names are ASCII and bounded, so the cut is for names that may get longer one day.
fn subject(notice: &Notice) -> String {
    let deployment = &notice.deployment;
    let happened = match notice.kind {
        NoticeKind::Started if deployment.waits_until.is_some() => "waits for its image",
        NoticeKind::Started => "deployment started",
        NoticeKind::Succeeded => "deployed",
        NoticeKind::Failed => "DEPLOYMENT FAILED",
    };
    let (service, environment) = (&deployment.service, &deployment.environment);
    let mut subject = format!("{service} ({environment}): {happened}");
    subject.retain(|it| it.is_ascii() && !it.is_ascii_control());
    subject.truncate(SUBJECT);
    subject
}

/// The most important first, a fact a line.
fn text(notice: &Notice, team: Option<&TeamName>) -> String {
    let deployment = &notice.deployment;
    let (service, environment) = (&deployment.service, &deployment.environment);
    let happened = match (notice.kind, deployment.waits_until) {
        (NoticeKind::Started, Some(until)) => {
            format!("{service} in {environment} waits for its image to be pushed, until {until}.")
        }
        (NoticeKind::Started, None) => {
            format!("A deployment of {service} to {environment} has started.")
        }
        (NoticeKind::Succeeded, _) => format!("{service} in {environment} runs what was deployed."),
        (NoticeKind::Failed, _) => format!("The deployment of {service} to {environment} failed."),
    };
    let mut text = format!("{happened}\n");
    let mut fact = |label: &str, value: &str| {
        // Writing to a `String` does not fail.
        let _ = write!(text, "\n{label:<12}{value}");
    };
    if let Some(reason) = &notice.reason {
        fact("Reason", &cut(reason));
    }
    match &deployment.artifact {
        Artifact::Image(image) => fact("Image", &picture(image)),
        Artifact::Code(archive) => fact("Archive", archive.as_str()),
    }
    fact(
        "Asked by",
        &format!("{} ({})", person(&deployment.actor), word(deployment.cause)),
    );
    if let Some(trigger) = &deployment.trigger {
        if let Some(commit) = commit(trigger) {
            fact("Commit", &commit);
        }
        if let Some(reference) = &trigger.reference {
            fact("Pushed to", &format!("{reference} ({})", trigger.provider));
        }
    }
    if let Some(team) = team {
        fact("Team", team.as_str());
    }
    fact(
        "Deployment",
        &format!("{}, generation {}", deployment.id, deployment.generation),
    );
    fact("At", &format!("{:.0}", notice.at));
    text.push('\n');
    if notice.kind == NoticeKind::Failed {
        let evidence = deployment.evidence.clone().bounded();
        for (heading, lines) in [
            ("Resources that failed", &evidence.resources),
            ("Tasks that stopped", &evidence.tasks),
            ("Targets that are unhealthy", &evidence.targets),
            ("Last lines of the log", &evidence.log),
        ] {
            if !lines.is_empty() {
                let _ = write!(text, "\n{heading}:\n  {}\n", lines.join("\n  "));
            }
        }
    }
    let _ = write!(text, "\nMore: slipway get {service}\n");
    text
}

/// `0a1b2c3 "Fix the total", by alice`.
fn commit(trigger: &Trigger) -> Option<String> {
    let commit = trigger.commit.as_deref()?;
    let mut words: String = commit.chars().take(7).collect();
    if let Some(title) = &trigger.title {
        let _ = write!(words, " \"{title}\"");
    }
    if let Some(sender) = &trigger.sender {
        let _ = write!(words, ", by {sender}");
    }
    Some(words)
}

/// The image with the beginning of its digest, which is enough to compare.
fn picture(image: &Image) -> String {
    let Some(digest) = image.digest() else {
        return image.to_string();
    };
    let name = image.as_str().split('@').next().unwrap_or_default();
    let digest: String = digest.chars().take("sha256:".len() + 12).collect();
    format!("{name} ({digest})")
}

/// Who it was, without account and path: the last part of an ARN.
fn person(actor: &str) -> &str {
    actor.rsplit(['/', ':']).next().unwrap_or(actor)
}

/// The word that documents have for it.
fn word(cause: Cause) -> String {
    let word = serde_json::to_value(cause).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(REASON) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
