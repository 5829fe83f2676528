//! The judgement, from what was found: pure.

use slipway_domain::manifest::Architecture;
use slipway_domain::{Artifact, Effective, Image, SecretReference};

use super::{Check, Findings, Needs, Outcome, Subject};
use crate::error::PortError;
use crate::ports::{ImageLookup, Quota, QuotaKind};

/// What a look at the image or the archive came to.
pub(super) struct Seen {
    /// What was to be deployed; pinned, where it was found.
    pub(super) artifact: Artifact,
    /// The checks: what each is about, what it came to, and the field.
    pub(super) checks: Vec<(Subject, Outcome, String, &'static str)>,
    /// Whether it is an image that may yet be pushed.
    pub(super) may_come: bool,
    /// What was said instead of an answer.
    pub(super) silent: Option<String>,
}

pub(super) fn findings(
    effective: &Effective,
    seen: Seen,
    missing_secrets: Result<Vec<SecretReference>, PortError>,
    needs: &Needs,
    quotas: &[Quota],
) -> Findings {
    let at = |check, verdict, message: String, pointer: Option<&str>| Check {
        check,
        environment: Some(effective.environment.clone()),
        verdict,
        message,
        pointer: pointer.map(str::to_owned),
    };
    let of_artifact = seen.checks.into_iter();
    let mut checks: Vec<Check> = of_artifact
        .map(|(check, verdict, message, pointer)| at(check, verdict, message, Some(pointer)))
        .collect();
    checks.extend(secrets(effective, missing_secrets, &at));
    checks.extend(quota_checks(needs, quotas, &at));
    let failed = checks
        .iter()
        .filter(|check| check.verdict == Outcome::Failed);
    Findings {
        only_image_missing: seen.may_come && failed.count() == 1,
        artifact: seen.artifact,
        silent_registry: seen.silent,
        checks,
    }
}

/// What a look at an image came to.
pub(super) fn image(
    effective: &Effective,
    image: &Image,
    lookup: Result<ImageLookup, PortError>,
) -> Seen {
    let mut seen = Seen {
        artifact: Artifact::Image(image.clone()),
        checks: Vec::new(),
        may_come: matches!(lookup, Ok(ImageLookup::Missing)),
        silent: None,
    };
    let (verdict, message) = match lookup {
        Ok(ImageLookup::Found(there)) => {
            let (verdict, message) = architecture(effective, image, &there.platforms);
            let pointer = "/architecture";
            seen.checks
                .push((Subject::Architecture, verdict, message, pointer));
            match image.at(&there.digest) {
                Ok(pinned) => {
                    seen.artifact = Artifact::Image(pinned);
                    (Outcome::Passed, format!("`{image}` is there."))
                }
                Err(_) => (
                    Outcome::Unknown,
                    format!("The registry gives `{image}` no digest of a known form."),
                ),
            }
        }
        Ok(ImageLookup::Missing) => (
            Outcome::Failed,
            format!("There is no image `{image}`: push it, or name another."),
        ),
        Ok(ImageLookup::Denied(why)) => (
            Outcome::Failed,
            format!("The image `{image}` cannot be read: {why}"),
        ),
        Err(error) => {
            seen.silent = Some(error.message);
            let message = format!("The registry of `{image}` does not answer.");
            (Outcome::Unknown, message)
        }
    };
    let is_there = (Subject::Image, verdict, message, "/image");
    seen.checks.insert(0, is_there);
    seen
}

fn architecture(effective: &Effective, image: &Image, platforms: &[String]) -> (Outcome, String) {
    let (wanted, name) = match effective.settings.architecture {
        Architecture::X86_64 => ("linux/amd64", "x86_64"),
        Architecture::Arm64 => ("linux/arm64", "arm64"),
    };
    if platforms.is_empty() {
        let message = format!("The registry does not say what `{image}` runs on.");
        return (Outcome::Unknown, message);
    }
    // `linux/arm64/v8` is arm64.
    let fits = platforms.iter().any(|platform| {
        platform
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    if fits {
        return (Outcome::Passed, format!("`{image}` runs on {name}."));
    }
    let message = format!(
        "`{image}` is built for {}, not for {wanted}: build it for that, or change `architecture`.",
        platforms.join(", ")
    );
    (Outcome::Failed, message)
}

fn secrets(
    effective: &Effective,
    missing: Result<Vec<SecretReference>, PortError>,
    at: &impl Fn(Subject, Outcome, String, Option<&str>) -> Check,
) -> Vec<Check> {
    let secrets: Vec<_> = effective.settings.all_secrets().collect();
    if secrets.is_empty() {
        return Vec::new();
    }
    let Ok(missing) = missing else {
        let message = "The platform may not look whether the secrets are there.".to_owned();
        let pointer = Some("/secrets");
        return vec![at(Subject::Secrets, Outcome::Unknown, message, pointer)];
    };
    let failed = secrets
        .iter()
        .filter(|(_, reference)| missing.contains(reference));
    let mut checks: Vec<Check> = failed
        .map(|(pointer, reference)| {
            let variable = pointer.rsplit('/').next().unwrap_or_default();
            let message =
                format!("The secret `{reference}` of `{variable}` does not exist: make it first.");
            at(Subject::Secrets, Outcome::Failed, message, Some(pointer))
        })
        .collect();
    if checks.is_empty() {
        let message = match secrets.len() {
            1 => "The secret is there.".to_owned(),
            count => format!("All {count} secrets are there."),
        };
        checks.push(at(
            Subject::Secrets,
            Outcome::Passed,
            message,
            Some("/secrets"),
        ));
    }
    checks
}

fn quota_checks(
    needs: &Needs,
    quotas: &[Quota],
    at: &impl Fn(Subject, Outcome, String, Option<&str>) -> Check,
) -> Vec<Check> {
    needs
        .iter()
        .map(|(kind, needed)| {
            let name = name_of(*kind);
            let Some(quota) = quotas.iter().find(|quota| quota.kind == *kind) else {
                let message = format!("How many {name} the account may have is not known.");
                return at(Subject::Quota, Outcome::Unknown, message, None);
            };
            let (used, limit) = (quota.used, quota.limit);
            let left = limit.saturating_sub(used);
            if left >= *needed {
                let message = format!("{name}: {needed} more of {left} left ({used} of {limit} used).");
                at(Subject::Quota, Outcome::Passed, message, None)
            } else {
                let message = format!(
                    "The quota of {name} is exhausted: {used} of {limit} are used and {needed} more needed. Ask AWS for more (Service Quotas), or remove what is not needed."
                );
                at(Subject::Quota, Outcome::Failed, message, None)
            }
        })
        .collect()
}

/// What a quota limits, for people.
fn name_of(kind: QuotaKind) -> &'static str {
    match kind {
        QuotaKind::Stacks => "CloudFormation stacks",
        QuotaKind::LoadBalancers => "load balancers",
        QuotaKind::TargetGroups => "target groups",
        QuotaKind::Routes => "routes of the HTTP API",
        QuotaKind::Integrations => "integrations of the HTTP API",
        QuotaKind::Roles => "IAM roles",
        QuotaKind::FargateVcpus => "vCPUs on Fargate",
    }
}
