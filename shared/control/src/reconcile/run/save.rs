//! Writing down what a look found and is about to do.

use jiff::SignedDuration;
use slipway_domain::{
    Cause, Deployment, DeploymentId, Effective, Evidence, Outcome, Phase, Place, RoutePath, Step,
};
use ulid::Ulid;

use super::super::Next;
use super::super::desired::Desired;
use super::super::observed::Observed;
use super::super::plan::{Action, Plan, named};
use super::super::words::{advance, ask_once, describe};
use super::{Look, OVERTAKEN, PortResult, ReconcileError, Reconciler};
use crate::change::manifest_hash;
use crate::databases::{self, DatabaseUse};
use crate::places::is_wanted;
use crate::ports::{
    HistoryReader, ImageKeeper, RunEnder, ServiceReader, Slots, StackDoctor, StackReader,
    StackRegistry, StackRescuer, StackWrite, StackWriter, TrafficReader,
};
use crate::preflight::Checks;
use crate::record::{AuditEntry, StackRecord, Verdict};

/// Seconds after which the sweep looks at a stack that is not settled.
const ATTENTION_SECONDS: i64 = 60;
/// The most deployments that one look ends: a transaction of DynamoDB has room for 100 items.
const MAX_DEPLOYMENTS: usize = 80;
/// Who the audit log says it was, where it was nobody.
const OURSELVES: &str = "slipway";

impl<R, S, C> Reconciler<R, S, C>
where
    R: ServiceReader + HistoryReader + StackRegistry + Slots,
    S: StackReader + TrafficReader + StackDoctor + StackWriter + StackRescuer + RunEnder,
    C: Checks + ImageKeeper,
{
    /// Writes the plan, and gives back a slot that it does not need; gives when to look again, or
    /// nothing when somebody else was quicker. The look goes on from what was written.
    pub(super) async fn save(
        &self,
        look: &mut Look<'_>,
        desired: &Desired,
        observed: &Observed,
        plan: &Plan,
    ) -> Result<Option<Next>, ReconcileError> {
        let before = look.record.clone();
        let mut record = before.clone();
        let mut next = plan.next.clone();
        // What was not looked at stays as it is known; what waits for its first image has nothing.
        if desired.is_looked_at() || matches!(desired, Desired::Waiting { .. }) {
            record.status.stack_id = observed.stack.as_ref().map(|stack| stack.id.clone());
        }
        record.progress = plan.progress.clone();
        // No plan changes what was checked, but a write before may have.
        record.progress.check.clone_from(&before.progress.check);
        if let Some(found) = observed.evidence.clone() {
            let known = std::mem::take(&mut record.progress.evidence);
            record.progress.evidence = known.or(found);
            // Not again with the second write of a look.
            if plan.progress.evidence_looks == before.progress.evidence_looks {
                record.progress.evidence_looks += 1;
            }
        }
        let seen = (look.state.service.generation, look.now);
        describe(&mut record, desired, observed, plan, seen);

        let former = Former::of(desired, observed, plan);
        let deployments = self
            .deployments(look, &mut record, &mut next, plan, former)
            .await?;
        let release = self.former_paths(look, desired, observed, plan);
        for path in &release {
            record.paths.remove(path);
        }
        let places = self.former_places(look, desired, observed, plan);
        for place in &places {
            record.places.remove(place);
        }
        let databases = self.former_databases(look, desired, observed, plan);
        for it in &databases {
            record.databases.remove(it);
        }
        record.attention = match next {
            Next::Done => None,
            Next::Requeue(_) | Next::AwaitChange | Next::Then(_) => {
                let due = look.now + SignedDuration::from_secs(ATTENTION_SECONDS);
                let set = before.attention.filter(|at| *at > look.now);
                Some(set.unwrap_or(due))
            }
        };
        ask_once(&mut next, &mut record, look.now);
        let audit = audit(look, observed, plan);
        // Before a call something is always written, if only the version: whoever was overtaken
        // since the reading must not call.
        if record != look.found || !deployments.is_empty() || plan.action != Action::Nothing {
            let write = StackWrite {
                service: look.name.service.clone(),
                record: record.clone(),
                release,
                places,
                databases,
                deployments,
                audit,
            };
            if !self.registry.save(&write).await? {
                return Ok(None);
            }
            record.version += 1;
            // A slot may be held that no record tells of: a look may have ended right behind taking
            // it. Whatever was not settled gives it back when it is, and only behind the write: a
            // look that was overtaken may not give back what the other one took.
            let may_hold = plan.phase != before.status.phase
                || before.progress.holds_slot
                || before.attention.is_some();
            if !plan.progress.holds_slot && may_hold {
                self.registry.release(&look.name.to_string()).await?;
            }
        }
        look.found = record.clone();
        look.record = record;
        Ok(Some(next))
    }

    /// What was under way when an environment went is superseded by its end. Gives the record as
    /// it is then, or nothing when somebody else was quicker.
    pub(super) async fn end_open_deployments(
        &self,
        look: &Look<'_>,
    ) -> PortResult<Option<StackRecord>> {
        let mut record = look.record.clone();
        let mut deployments = self.open_deployments(look).await?;
        if deployments.is_empty() {
            return Ok(Some(record));
        }
        for deployment in &mut deployments {
            deployment.end(Outcome::Superseded { at: look.now });
        }
        record.progress.deployment = record.deployment;
        record.attention = Some(look.now);
        let write = StackWrite {
            service: look.name.service.clone(),
            record: record.clone(),
            release: Vec::new(),
            places: Vec::new(),
            databases: Vec::new(),
            deployments,
            audit: None,
        };
        let saved = self.registry.save(&write).await?;
        record.version += 1;
        Ok(saved.then_some(record))
    }

    /// Paths that the stack holds and does not serve, now that it is as wanted or not there.
    fn former_paths(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        plan: &Plan,
    ) -> Vec<RoutePath> {
        let Some(wanted) = self.settled_as(look, desired, observed, plan) else {
            return Vec::new();
        };
        let held = look.record.paths.iter();
        held.filter(|path| wanted.as_ref().and_then(|it| it.path.as_ref()) != Some(*path))
            .cloned()
            .collect()
    }

    /// Places that the stack holds and has no rule or target group on, likewise.
    fn former_places(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        plan: &Plan,
    ) -> Vec<Place> {
        let Some(wanted) = self.settled_as(look, desired, observed, plan) else {
            return Vec::new();
        };
        let held = look.record.places.iter();
        held.filter(|place| !is_wanted(place, wanted.as_ref(), &self.platform))
            .cloned()
            .collect()
    }

    /// Databases that the stack holds a claim on and does not use, likewise.
    fn former_databases(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        plan: &Plan,
    ) -> Vec<DatabaseUse> {
        match self.settled_as(look, desired, observed, plan) {
            Some(wanted) => databases::former(&look.record, wanted.as_ref()),
            None => Vec::new(),
        }
    }

    /// What the environment is to be, if it is as wanted or not there.
    #[expect(
        clippy::option_option,
        reason = "an environment that the manifest does not have any more is settled, too"
    )]
    fn settled_as(
        &self,
        look: &Look<'_>,
        desired: &Desired,
        observed: &Observed,
        plan: &Plan,
    ) -> Option<Option<Effective>> {
        let is_settled = match plan.phase {
            Phase::Ready | Phase::Waiting => true,
            // What was refused is not looked at: the stack of the deployment before may run on, with
            // all that it holds.
            Phase::Failed => {
                let may_be_there = !desired.is_looked_at() && look.record.status.stack_id.is_some();
                observed.stack.is_none() && !may_be_there
            }
            Phase::Pending
            | Phase::Creating
            | Phase::Updating
            | Phase::RollingOut
            | Phase::Deleting => false,
        };
        let environment = look.name.scope.environment().filter(|_| is_settled);
        let environment = environment?;
        let manifest = &look.state.service.manifest;
        Some(manifest.effective(environment, &self.platform.environment))
    }

    /// The deployments that this look advances: the newest by the plan's step, and older ones
    /// that it supersedes; or one that the control plane begins by itself.
    async fn deployments(
        &self,
        look: &Look<'_>,
        record: &mut StackRecord,
        next: &mut Next,
        plan: &Plan,
        former: Former,
    ) -> PortResult<Vec<Deployment>> {
        let before = &look.record;
        if former == Former::AtWork {
            return Ok(Vec::new());
        }
        record.progress.deployment = record.deployment;
        if let Some(cause) = plan.begins
            && let Some(mut own) = self.own_deployment(look, cause)
        {
            record.deployment = Some(own.id);
            record.progress.deployment = Some(own.id);
            // It brings what was cleared before, whatever its tag means by now.
            if let Some(check) = &mut record.progress.check {
                check.deployment = own.id;
            }
            advance(&mut own, plan, &record.progress.evidence, look.now);
            return Ok(vec![own]);
        }
        let adopts = before.deployment != before.progress.deployment;
        let moves = plan.phase != before.status.phase
            || plan.end.is_some() && plan.progress != look.found.progress;
        if !adopts && !moves {
            return Ok(Vec::new());
        }
        let mut open = self.open_deployments(look).await?;
        for deployment in &mut open {
            if Some(deployment.id) == before.deployment {
                if let Some(Verdict::Cleared { image }) = record.verdict() {
                    deployment.image = image.clone();
                }
                advance(deployment, plan, &record.progress.evidence, look.now);
            } else if former == Former::Succeeded
                && Some(deployment.id) == before.progress.deployment
            {
                deployment.end(Outcome::Succeeded { at: look.now });
            } else {
                deployment.end(Outcome::Superseded { at: look.now });
            }
        }
        // The newest is the last: with it, all were handled.
        if let Some(last) = open.last().filter(|_| open.len() == MAX_DEPLOYMENTS) {
            record.progress.deployment = Some(last.id);
            *next = OVERTAKEN;
        }
        Ok(open)
    }

    async fn open_deployments(&self, look: &Look<'_>) -> PortResult<Vec<Deployment>> {
        let before = &look.record;
        let (Some(environment), Some(newest)) = (look.name.scope.environment(), before.deployment)
        else {
            return Ok(Vec::new());
        };
        let service = &look.name.service;
        let mut open: Vec<Deployment> = if before.progress.deployment == Some(newest) {
            let found = self
                .registry
                .deployment(service, environment, newest)
                .await?;
            found
                .into_iter()
                .filter(|deployment| deployment.outcome.is_none())
                .collect()
        } else {
            self.registry
                .open_deployments(service, environment, before.progress.deployment, newest)
                .await?
        };
        open.truncate(MAX_DEPLOYMENTS);
        Ok(open)
    }

    /// A deployment that nobody asked for.
    fn own_deployment(&self, look: &Look<'_>, cause: Cause) -> Option<Deployment> {
        let environment = look.name.scope.environment()?;
        let service = &look.state.service;
        let effective = service
            .manifest
            .effective(environment, &self.platform.environment)?;
        let millis = u64::try_from(look.now.as_millisecond()).unwrap_or_default();
        Some(Deployment {
            id: DeploymentId(Ulid::from_parts(millis, look.hash("deployment"))),
            service: look.name.service.clone(),
            environment: environment.clone(),
            generation: service.generation,
            cause,
            actor: OURSELVES.to_owned(),
            image: match look.record.verdict() {
                Some(Verdict::Cleared { image }) => image.clone(),
                Some(_) | None => effective.settings.image?,
            },
            created_at: look.now,
            steps: vec![Step {
                name: "accepted".to_owned(),
                at: look.now,
            }],
            trigger: None,
            waits_until: None,
            evidence: Evidence::default(),
            outcome: None,
        })
    }
}

/// What became of the deployment before one that waits or was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Former {
    /// The newest one takes its place, as it takes that of every other.
    Superseded,
    /// It is at work yet.
    AtWork,
    /// What it brought is there.
    Succeeded,
}

impl Former {
    fn of(desired: &Desired, observed: &Observed, plan: &Plan) -> Self {
        let stays = matches!(desired, Desired::Refused { .. } | Desired::Awaiting { .. });
        let Some(stack) = observed.stack.as_ref().filter(|_| stays) else {
            return Self::Superseded;
        };
        let brought = plan
            .progress
            .operation
            .as_ref()
            .and_then(|it| it.digest.as_deref());
        if stack.status.is_in_progress() {
            Self::AtWork
        } else if brought.is_some() && stack.digest() == brought {
            Self::Succeeded
        } else {
            Self::Superseded
        }
    }
}

/// What is left behind for good belongs into the audit log, which outlives the service.
fn audit(look: &Look<'_>, observed: &Observed, plan: &Plan) -> Option<AuditEntry> {
    let Action::Delete { retain } = &plan.action else {
        return None;
    };
    if retain.is_empty() {
        return None;
    }
    let service = &look.state.service;
    let millis = u64::try_from(look.now.as_millisecond()).unwrap_or_default();
    Some(AuditEntry {
        id: Ulid::from_parts(millis, look.hash("leave-behind")),
        at: look.now,
        actor: OURSELVES.to_owned(),
        action: "leave-behind".to_owned(),
        generation: service.generation,
        before: None,
        after: manifest_hash(&service.manifest),
        note: Some(format!(
            "The stack {} is deleted without {}.",
            look.name,
            named(&observed.stuck)
        )),
    })
}
