//! Deployments: one attempt to bring one stack to one generation, from its cause to its outcome.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::image::Image;
use crate::name::{EnvironmentName, ServiceName};
use crate::text::InvalidText;

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
    /// A call of the API that gave an image, or asked for the same once more.
    Deploy,
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
    /// The image that is to run.
    pub image: Image,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// What happened so far, in order.
    pub steps: Vec<Step>,
    /// How it ended; absent while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl Deployment {
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
