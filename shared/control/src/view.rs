//! What the API answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::status::StackStatus;
use slipway_domain::{
    Archive, Artifact, Deployment, DeploymentId, EnvironmentName, Image, Manifest, Phase, Platform,
    RoutePath, Scope, ServiceName, TeamName,
};
use slipway_synth::cost::CostView;
use slipway_synth::{Change, Kept};
use ulid::Ulid;

use crate::ports::Live;
use crate::preflight::Check;
use crate::record::{ServiceRecord, ServiceState};

/// A service as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceView {
    /// The service's name.
    pub name: ServiceName,
    /// The team that owns it.
    pub team: TeamName,
    /// Grows by one with every change; the ETag is made from it.
    pub generation: u64,
    /// The incarnation, a ULID: a service registered again has another.
    #[schemars(with = "String")]
    pub uid: Ulid,
    /// When the service was registered.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When this generation was made.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// Who made this generation.
    pub updated_by: String,
    /// Whether the service is being deleted.
    pub deleting: bool,
    /// What the team wants, defaults filled in.
    pub manifest: Manifest,
    /// The stack of what outlives deployments, such as the image repository.
    pub service_stack: StackStatus,
    /// The environments.
    pub environments: BTreeMap<EnvironmentName, EnvironmentView>,
}

/// An environment of a service as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentView {
    /// The path prefix; absent where nothing leads to the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<RoutePath>,
    /// Whether the environment is on its way out: the manifest has it no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// The image that is to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The archive that is to run, of a function's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Archive>,
    /// The newest deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentId>,
    /// The stack.
    pub stack: StackStatus,
    /// What runs just now; only where one environment is asked for, and only when there is
    /// something to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveView>,
}

/// What runs of an environment just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveView {
    /// Tasks that ECS is to run.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that start.
    pub pending: u32,
    /// The fewest tasks that scaling allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// The most tasks that scaling allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

impl From<Live> for LiveView {
    fn from(live: Live) -> Self {
        Self {
            desired: live.desired,
            running: live.running,
            pending: live.pending,
            min: live.bounds.map(|(min, _)| min),
            max: live.bounds.map(|(_, max)| max),
        }
    }
}

/// A service in a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceSummary {
    /// The service's name.
    pub name: ServiceName,
    /// The team that owns it.
    pub team: TeamName,
    /// Its generation.
    pub generation: u64,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether an environment of it deploys what is pushed under a tag that it follows.
    #[serde(default)]
    pub follows: bool,
    /// Its own stack, such as its image repository; only while that needs a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_stack: Option<ServiceStackSummary>,
    /// A word on each of its environments.
    pub environments: BTreeMap<EnvironmentName, EnvironmentSummary>,
}

impl ServiceSummary {
    /// The summary of a service.
    pub fn new(state: &ServiceState) -> Self {
        let record = &state.service;
        let mut service_stack = None;
        let mut environments = BTreeMap::new();
        for (scope, stack) in &state.stacks {
            match scope.environment() {
                Some(name) => {
                    environments.insert(name.clone(), (&stack.status).into());
                }
                None => service_stack = EnvironmentSummary::from(&stack.status).into(),
            }
        }
        Self {
            name: record.name().clone(),
            team: record.manifest.team.clone(),
            generation: record.generation,
            deleting: record.deleting,
            follows: record.manifest.follows(),
            service_stack,
            environments,
        }
    }

    /// Whether one of its stacks does not go on without a person.
    pub fn needs_person(&self) -> bool {
        self.service_stack.is_some() || self.environments.values().any(|it| it.advice.is_some())
    }
}

/// A service's own stack in a listing, where it needs a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceStackSummary {
    /// Where it is on its way.
    pub phase: Phase,
    /// What went wrong.
    pub message: String,
    /// What a person should do.
    pub advice: String,
}

impl From<EnvironmentSummary> for Option<ServiceStackSummary> {
    fn from(stack: EnvironmentSummary) -> Self {
        Some(ServiceStackSummary {
            phase: stack.phase,
            message: stack.message,
            advice: stack.advice?,
        })
    }
}

/// An environment in a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentSummary {
    /// Where it is on its way.
    pub phase: Phase,
    /// What happens now, or what went wrong.
    pub message: String,
    /// What a person should do; absent while nobody need do anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Where it answers, once it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl From<&StackStatus> for EnvironmentSummary {
    fn from(status: &StackStatus) -> Self {
        Self {
            phase: status.phase,
            message: status.message.clone(),
            advice: status.advice.clone(),
            url: status.url.clone(),
        }
    }
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageView<T> {
    /// The entries.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An older or the present generation of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationView {
    /// Its number.
    pub generation: u64,
    /// When it was made.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// Who made it.
    pub updated_by: String,
    /// The manifest.
    pub manifest: Manifest,
}

impl From<ServiceRecord> for GenerationView {
    fn from(record: ServiceRecord) -> Self {
        Self {
            generation: record.generation,
            updated_at: record.updated_at,
            updated_by: record.updated_by,
            manifest: record.manifest,
        }
    }
}

/// What a deployment that was asked for became.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentStarted {
    /// The service's generation.
    pub generation: u64,
    /// The deployment.
    pub deployment: Deployment,
}

/// What a deletion removes and keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeletionView {
    /// The service.
    pub service: ServiceName,
    /// Resources that stay, with what they hold.
    pub kept: Vec<Kept>,
    /// Resources that go, as types and how many of each.
    pub removed: BTreeMap<String, u32>,
}

/// What a manifest would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanView {
    /// The service.
    pub service: ServiceName,
    /// Whether the service would be made, changed, or is as the manifest says.
    pub action: PlanAction,
    /// What stands in the way: registering would be refused for these reasons.
    pub obstacles: Vec<slipway_domain::Problem>,
    /// What was checked of that which would be deployed.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Each stack's changes, by stack name.
    pub stacks: BTreeMap<String, StackPlan>,
    /// What the service would cost in a month, and by how much that differs.
    pub cost: CostView,
}

/// What a manifest would do to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlanAction {
    /// Register it.
    Create,
    /// Change it.
    Update,
    /// Nothing.
    None,
}

/// What a manifest would do to one stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackPlan {
    /// What happens to the stack, in a sentence.
    pub summary: String,
    /// The resources that would be added, changed or removed.
    pub changes: Vec<Change>,
}

impl ServiceView {
    /// The view of a service.
    pub fn new(state: &ServiceState, platform: &Platform) -> Self {
        let record = &state.service;
        let environments = state
            .stacks
            .iter()
            .filter_map(|(scope, stack)| {
                let name = scope.environment()?;
                let effective = record.manifest.effective(name, &platform.environment);
                let path = effective.as_ref().and_then(|e| e.path.clone());
                let artifact = effective.as_ref().and_then(|e| e.settings.artifact());
                let view = EnvironmentView {
                    path,
                    leaving: effective.is_none(),
                    image: artifact.as_ref().and_then(Artifact::image).cloned(),
                    code: artifact.as_ref().and_then(Artifact::archive).cloned(),
                    deployment: stack.deployment,
                    stack: stack.status.clone(),
                    live: None,
                };
                Some((name.clone(), view))
            })
            .collect();
        Self {
            name: record.name().clone(),
            team: record.manifest.team.clone(),
            generation: record.generation,
            uid: record.uid,
            created_at: record.created_at,
            updated_at: record.updated_at,
            updated_by: record.updated_by.clone(),
            deleting: record.deleting,
            manifest: record.manifest.clone(),
            service_stack: state.stacks.get(&Scope::Service).map_or_else(
                || StackStatus::new(record.created_at),
                |stack| stack.status.clone(),
            ),
            environments,
        }
    }
}
