//! One stack in memory, with what runs in it, and what becomes of it as time passes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use slipway_synth::sha256;

use super::traffic::{Says, Traffic};
use crate::reconcile::observed::{
    CloudFormationStatus, ResourceDrift, Rollout, RolloutState, StuckResource,
};

/// How long a step of an operation takes.
pub(super) const STEP: SignedDuration = SignedDuration::from_secs(20);
/// How long ECS takes to replace tasks.
const ROLLOUT: SignedDuration = SignedDuration::from_secs(10);
/// How long it takes to work out a change set.
pub(super) const WORKING_OUT: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Clone)]
pub(super) struct Stack {
    pub(super) name: String,
    pub(super) status: CloudFormationStatus,
    /// The template that was applied last.
    pub(super) template: Arc<Applied>,
    pub(super) change_sets: BTreeMap<String, Prepared>,
    /// What becomes of it, and when.
    pub(super) steps: VecDeque<(Timestamp, Step)>,
    pub(super) tokens: BTreeSet<String>,
    /// The last operation's.
    pub(super) token: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) stuck: Vec<StuckResource>,
    pub(super) service: Option<Service>,
    /// When it was checked for drift, and whether there was any.
    pub(super) checked: Option<(Timestamp, bool)>,
    pub(super) drift: Vec<ResourceDrift>,
    pub(super) traffic: Traffic,
}

/// A template, and what is read from it.
#[derive(Debug, Default)]
pub(super) struct Applied {
    text: String,
    /// The outputs of a stack made from it; `None` is what CloudFormation fills in.
    outputs: BTreeMap<String, Option<String>>,
    /// What ECS calls its task definition, if it has one.
    pub(super) task_definition: Option<String>,
    /// What it says of traffic.
    pub(super) says: Says,
}

impl Applied {
    pub(super) fn new(text: &str) -> Arc<Self> {
        let template: Value = serde_json::from_str(text).unwrap_or_default();
        let outputs = template["Outputs"].as_object().cloned().unwrap_or_default();
        let resource = &template["Resources"]["TaskDefinition"];
        let task_definition = (!resource.is_null()).then(|| {
            let hash = sha256(resource["Properties"].to_string().as_bytes());
            format!("task-definition/{}", &hash[..12])
        });
        Arc::new(Self {
            text: text.to_owned(),
            outputs: outputs
                .into_iter()
                .map(|(key, output)| (key, output["Value"].as_str().map(str::to_owned)))
                .collect(),
            task_definition,
            says: Says::of(&template),
        })
    }

    /// Whether an update to `wanted` would find nothing to change. The number of tasks counts
    /// for nothing: a template without one leaves it alone.
    pub(super) fn is_same(&self, wanted: &Self) -> bool {
        let digest = |it: &Self| it.outputs.get(slipway_synth::DIGEST_OUTPUT).cloned();
        digest(self) == digest(wanted)
            && self.task_definition == wanted.task_definition
            && self.says == wanted.says
    }

    /// The number of tasks that it says, if it says one.
    pub(super) fn desired_count(&self) -> Option<u64> {
        self.value()["Resources"]["Service"]["Properties"]["DesiredCount"].as_u64()
    }

    /// The template itself.
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Whether its text holds this mark.
    pub(super) fn holds(&self, mark: &str) -> bool {
        self.text.contains(mark)
    }
}

/// A change set.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) template: Arc<Applied>,
    pub(super) repairs: bool,
    pub(super) ready_at: Timestamp,
    pub(super) refused: Option<String>,
    pub(super) executed: bool,
}

/// What a stack becomes.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) status: CloudFormationStatus,
    pub(super) effect: Effect,
}

/// What happens with that.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    Nothing,
    /// Everything is made from a template.
    Creates(Arc<Applied>),
    /// A template is applied to what is there.
    Applies(Arc<Applied>),
    /// The same, and ECS goes back to what it ran.
    AppliesInVain(Arc<Applied>),
    /// The same is tried, and taken back.
    TakesBack(Arc<Applied>),
    /// What was changed by hand is as a template says.
    Repairs(Arc<Applied>),
    /// Everything is gone.
    Vanishes,
}

/// The ECS service of a stack.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) task_definition: String,
    /// When its tasks are replaced; nothing when that has been told.
    pub(super) completes_at: Option<Timestamp>,
}

impl Stack {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: CloudFormationStatus::ReviewInProgress,
            template: Arc::default(),
            change_sets: BTreeMap::new(),
            steps: VecDeque::new(),
            tokens: BTreeSet::new(),
            token: None,
            reason: None,
            stuck: Vec::new(),
            service: None,
            checked: None,
            drift: Vec::new(),
            traffic: Traffic::default(),
        }
    }

    pub(super) fn lives(&self) -> bool {
        self.status != CloudFormationStatus::DeleteComplete
    }

    pub(super) fn vanish(&mut self) {
        self.status = CloudFormationStatus::DeleteComplete;
        self.steps.clear();
        self.service = None;
    }

    pub(super) fn force(&mut self, status: CloudFormationStatus) {
        self.status = status;
        self.steps.clear();
        if status.is_in_progress() {
            // It ends as such operations end.
            let end = end_of(status);
            let effect = match end {
                CloudFormationStatus::DeleteComplete => Effect::Vanishes,
                _ => Effect::Nothing,
            };
            self.plan(Timestamp::UNIX_EPOCH, [(end, effect)]);
        }
    }

    /// The steps that follow now.
    pub(super) fn plan(
        &mut self,
        now: Timestamp,
        steps: impl IntoIterator<Item = (CloudFormationStatus, Effect)>,
    ) {
        let mut at = now;
        self.steps = steps
            .into_iter()
            .map(|(status, effect)| {
                at += STEP;
                (at, Step { status, effect })
            })
            .collect();
    }

    pub(super) fn next_change(&self) -> Option<Timestamp> {
        let step = self.steps.front().map(|(at, _)| *at);
        let rollout = self.service.as_ref().and_then(|it| it.completes_at);
        step.into_iter().chain(rollout).min()
    }

    pub(super) fn tick(&mut self, now: Timestamp, events: &mut Vec<String>) {
        while let Some((at, step)) = self.steps.pop_front_if(|(at, _)| *at <= now) {
            self.status = step.status;
            self.take(step.effect, at);
            events.push(self.name.clone());
        }
        if let Some(service) = &mut self.service
            && service.completes_at.take_if(|at| *at <= now).is_some()
        {
            events.push(self.name.clone());
        }
    }

    fn take(&mut self, effect: Effect, at: Timestamp) {
        let former = self.service.as_ref().map(|it| it.task_definition.clone());
        match effect {
            Effect::Nothing => {}
            Effect::Creates(template) => {
                self.traffic.begin(&template);
                self.template = template;
                if let Some(task_definition) = self.template.task_definition.clone() {
                    self.deploy(task_definition, at);
                }
            }
            Effect::Applies(template) => {
                self.traffic.update(&self.template, &template);
                self.template = template;
                // What is gone stays so: CloudFormation does not look.
                let wanted = self.template.task_definition.clone();
                if let Some(wanted) = wanted.filter(|it| former.is_some_and(|former| former != *it))
                {
                    self.traffic.deploy(&self.template);
                    self.deploy(wanted, at);
                }
            }
            Effect::TakesBack(template) => {
                self.traffic.update(&self.template, &template);
                self.traffic.update(&template, &self.template);
            }
            Effect::AppliesInVain(template) => {
                self.traffic.update(&self.template, &template);
                self.template = template;
                if let Some(former) = former {
                    self.deploy(former, at);
                }
            }
            Effect::Repairs(template) => {
                self.drift.clear();
                self.traffic.revert(&template);
                self.template = template;
                if let Some(task_definition) = self.template.task_definition.clone() {
                    self.deploy(task_definition, at);
                }
            }
            Effect::Vanishes => self.vanish(),
        }
    }

    fn deploy(&mut self, task_definition: String, at: Timestamp) {
        self.service = Some(Service {
            task_definition,
            completes_at: Some(at + ROLLOUT),
        });
    }

    pub(super) fn outputs(&self) -> BTreeMap<String, String> {
        let fill = |key: &str| match &self.template.task_definition {
            Some(task_definition) if key == "TaskDefinition" => task_definition.clone(),
            Some(_) | None => format!("{}/{key}", self.name),
        };
        let outputs = self.template.outputs.iter();
        outputs
            .map(|(key, value)| (key.clone(), value.clone().unwrap_or_else(|| fill(key))))
            .collect()
    }

    pub(super) fn runs(&self) -> (String, Option<String>) {
        let digest = self.outputs().remove(slipway_synth::DIGEST_OUTPUT);
        let service = self.service.as_ref().map(|it| it.task_definition.clone());
        (digest.unwrap_or_default(), service)
    }

    pub(super) fn rollout(&self) -> Option<Rollout> {
        let service = self.service.as_ref()?;
        let state = if service.completes_at.is_some() {
            RolloutState::InProgress
        } else {
            RolloutState::Completed
        };
        Some(Rollout {
            task_definition: service.task_definition.clone(),
            state,
            reason: String::new(),
            tasks: (2, 2),
            failed_tasks: 0,
        })
    }
}

/// How an operation that is in progress ends, if nothing more is known of it.
fn end_of(status: CloudFormationStatus) -> CloudFormationStatus {
    use CloudFormationStatus as S;
    match status {
        S::CreateInProgress => S::CreateComplete,
        S::RollbackInProgress => S::RollbackComplete,
        S::DeleteInProgress => S::DeleteComplete,
        S::UpdateRollbackInProgress | S::UpdateRollbackCompleteCleanupInProgress => {
            S::UpdateRollbackComplete
        }
        S::ImportInProgress => S::ImportComplete,
        S::ImportRollbackInProgress => S::ImportRollbackComplete,
        S::UpdateInProgress
        | S::UpdateCompleteCleanupInProgress
        | S::CreateFailed
        | S::CreateComplete
        | S::RollbackFailed
        | S::RollbackComplete
        | S::DeleteFailed
        | S::DeleteComplete
        | S::UpdateComplete
        | S::UpdateFailed
        | S::UpdateRollbackFailed
        | S::UpdateRollbackComplete
        | S::ReviewInProgress
        | S::ImportComplete
        | S::ImportRollbackFailed
        | S::ImportRollbackComplete => S::UpdateComplete,
    }
}
