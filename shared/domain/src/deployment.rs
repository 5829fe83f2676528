//! Deployments: one attempt to bring one stack to one generation, from its cause to its outcome.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::artifact::Artifact;
use crate::name::{EnvironmentName, ServiceName};
use crate::text::InvalidText;
use crate::triggers::Trigger;

/// A deployment's id: a ULID, so that ids sort by the time of their making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeploymentId(pub Ulid);

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DeploymentId {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ulid::from_string(text).map(Self).map_err(|_| {
            InvalidText::new(
                text,
                "a deployment id",
                "a ULID of 26 characters, as a deployment's `id` says",
            )
        })
    }
}

impl JsonSchema for DeploymentId {
    fn schema_name() -> Cow<'static, str> {
        "DeploymentId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"})
    }
}

/// What made a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A call of the API that changed the manifest.
    Api,
    /// A call of the API that gave an image, or an archive.
    Deploy,
    /// A call of the API that asked for the same once more, with new tasks.
    Redeploy,
    /// A call of the API that went back to an older generation.
    Rollback,
    /// The password of a database that it uses was changed.
    Rotation,
    /// A webhook that told of a push.
    Webhook,
    /// An image that was pushed to the service's own repository.
    Push,
    /// The control plane itself: what ran had been changed or deleted by somebody else.
    Heal,
    /// The control plane itself: a newer version of it renders the service differently.
    Upgrade,
}

/// What was found around a failure: bounded lists of sentences, the most telling first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Evidence {
    /// The resources that failed, with CloudFormation's reasons; at most [`Self::FEW`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Why tasks stopped, as ECS says; at most [`Self::FEW`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// Why the load balancer finds tasks unhealthy; at most [`Self::FEW`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The last lines of a failed task's log, oldest first; at most [`Self::LINES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

impl Evidence {
    /// The most entries of each list but the log.
    pub const FEW: usize = 5;
    /// The most lines of the log.
    pub const LINES: usize = 20;
    /// The most characters of an entry or a line; what is longer is cut, and ends in `…`.
    pub const WIDTH: usize = 300;

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// The same within the bounds.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        for (list, most) in [
            (&mut self.resources, Self::FEW),
            (&mut self.tasks, Self::FEW),
            (&mut self.targets, Self::FEW),
        ] {
            list.truncate(most);
            list.iter_mut().for_each(cut);
        }
        self.log.drain(..self.log.len().saturating_sub(Self::LINES));
        self.log.iter_mut().for_each(cut);
        self
    }

    /// Fills the lists that are empty with those of `other`: what was found first is nearest to
    /// the cause, and much of it is gone a moment later.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (mine, theirs) in [
            (&mut self.resources, other.resources),
            (&mut self.tasks, other.tasks),
            (&mut self.targets, other.targets),
            (&mut self.log, other.log),
        ] {
            if mine.is_empty() {
                *mine = theirs;
            }
        }
        self
    }
}

fn cut(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(Evidence::WIDTH) {
        text.truncate(at);
        text.push('…');
    }
}

/// One step of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What happened, in a few words.
    pub name: String,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// The environment runs what the deployment asked for.
    Succeeded {
        /// When that was found.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// It did not work.
    Failed {
        /// When that was found.
        #[schemars(with = "String")]
        at: Timestamp,
        /// Why, for people.
        reason: String,
    },
    /// A newer deployment, or the environment's deletion, came before it ended.
    Superseded {
        /// When that was found.
        #[schemars(with = "String")]
        at: Timestamp,
    },
}

/// One attempt to bring one stack to one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// The service.
    pub service: ServiceName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The generation that it brings.
    pub generation: u64,
    /// What made it.
    pub cause: Cause,
    /// Who made it: the caller's ARN.
    pub actor: String,
    /// What is to run.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// What was pushed, where that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Until when it waits for its image to be pushed, if it may wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub waits_until: Option<Timestamp>,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// What happened so far, in order.
    pub steps: Vec<Step>,
    /// What was found around its failure.
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
    /// How it ended; absent while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl Deployment {
    /// Whether it came to what was wanted.
    pub fn has_succeeded(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Succeeded { .. }))
    }

    /// Adds a step, unless it is the last one already.
    pub fn reach(&mut self, step: &str, at: Timestamp) {
        if self.outcome.is_none() && self.steps.last().is_none_or(|last| last.name != step) {
            self.steps.push(Step {
                name: step.to_owned(),
                at,
            });
        }
    }

    /// Ends the deployment, unless it has ended.
    pub fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_bounded_in_entries_and_in_their_length() {
        let many = |n: usize| -> Vec<String> {
            (0..n).map(|n| format!("{n} {}", "ä".repeat(400))).collect()
        };
        let bounded = Evidence {
            resources: many(9),
            tasks: many(9),
            targets: many(1),
            log: many(100),
        }
        .bounded();
        assert_eq!(bounded.resources.len(), Evidence::FEW);
        assert_eq!(bounded.log.len(), Evidence::LINES);
        assert!(bounded.log[0].starts_with("80 "), "the last lines are kept");
        assert!(
            bounded
                .log
                .iter()
                .chain(&bounded.tasks)
                .all(|line| line.chars().count() == Evidence::WIDTH + 1)
        );
    }

    #[test]
    fn what_was_found_first_stays_and_what_was_missing_is_added() {
        let first = Evidence {
            tasks: vec!["exit 1".to_owned()],
            ..Evidence::default()
        };
        let later = Evidence {
            tasks: vec!["stopped by deployment".to_owned()],
            log: vec!["boom".to_owned()],
            ..Evidence::default()
        };
        let both = first.or(later);
        assert_eq!(
            (both.tasks[0].as_str(), both.log[0].as_str()),
            ("exit 1", "boom")
        );
    }
}
