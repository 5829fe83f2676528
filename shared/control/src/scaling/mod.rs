//! Scaling as callers of the API see and steer it: what is, what was decided, a pause, bounds for
//! a time, a number by hand.
//!
//! The number of tasks has one owner, the scaler (or AWS's target tracking); what is asked for
//! here is either within what it may do, or tells it to stop for a while. Each change is written
//! down under the version that was read, with who asked for it, before AWS is called. Where the
//! call fails behind that the caller is told and may repeat it: each of these changes done twice
//! is done once. Bounds are put right by the scaler's next look as well.

mod view;
mod words;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::scaling::ScaledBy;
use slipway_domain::{EnvironmentName, Platform, Scaling, Scope, ServiceName};

use crate::change::manifest_hash;
use crate::error::ServiceError;
use crate::ports::{
    BoundsWriter, Live, LiveReader, Override, ScalerRecord, ScalerRegistry, ScalerWrite, TaskWriter,
};
use crate::record::{AuditEntry, ServiceRecord, ServiceState};
use crate::services::{Caller, no_environment};
use crate::view::PageView;

pub use slipway_scaling::{Bounds, Paused};
pub use view::{
    DecisionView, OverrideView, PausedView, ReasonView, ScalingLive, ScalingView, VerdictView,
};

/// The most minutes for which bounds may be held: a week.
pub const MOST_MINUTES: u32 = 7 * 24 * 60;
/// The most tasks of a service, as the manifest has it.
pub const MOST_TASKS: u32 = 5000;
/// How often a write that another was quicker than is tried.
const TRIES: u32 = 3;

/// Shows and steers scaling, over the registry and what runs.
#[derive(Debug)]
pub struct ScalingControl<R, T> {
    /// The registry.
    pub registry: R,
    /// The tasks, and the bounds of their number.
    pub tasks: T,
    /// The platform.
    pub platform: Platform,
}

/// An environment that is looked at.
struct Look {
    service: ServiceRecord,
    environment: EnvironmentName,
    policy: Scaling,
    record: ScalerRecord,
    /// The cluster and the service in ECS, once the stack has them.
    place: Option<(String, String)>,
    /// What the stack says of itself.
    message: String,
}

/// A look at what runs.
struct Running {
    look: Look,
    cluster: String,
    service: String,
    live: Live,
}

impl<R, T> ScalingControl<R, T>
where
    R: ScalerRegistry,
    T: LiveReader + TaskWriter + BoundsWriter,
{
    /// How an environment is scaled, and where that stands.
    pub async fn show(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<ScalingView, ServiceError> {
        let look = self.look(name, environment).await?;
        // What runs is a look beside the answer, not the answer: it may be absent.
        let (live, nothing) = match &look.place {
            Some((cluster, service)) => match self.tasks.live(cluster, service).await {
                Ok(Some(live)) => (Some(live), None),
                Ok(None) => (None, Some(GONE)),
                Err(_) => (None, None),
            },
            None => (None, Some(&*look.message)),
        };
        let summary = words::summary(&look.policy, live.as_ref(), &look.record, nothing, now);
        Ok(view(&look, live.as_ref(), summary, now))
    }

    /// The decisions of the last 30 days, newest first.
    pub async fn decisions(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<DecisionView>, ServiceError> {
        let page = self.registry.decisions(name, environment, after, limit);
        let page = page.await?;
        Ok(PageView {
            items: page.items.into_iter().map(Into::into).collect(),
            next: page.next,
        })
    }

    /// Lets no task be added, taken away, or either, until it is resumed. `chosen` are the
    /// directions that are meant; the other stays as it is.
    pub async fn pause(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        chosen: Paused,
        caller: &Caller,
    ) -> Result<ScalingView, ServiceError> {
        self.suspend(name, environment, (chosen, true), caller)
            .await
    }

    /// Takes a pause back.
    pub async fn resume(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        chosen: Paused,
        caller: &Caller,
    ) -> Result<ScalingView, ServiceError> {
        self.suspend(name, environment, (chosen, false), caller)
            .await
    }

    async fn suspend(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        (chosen, pause): (Paused, bool),
        caller: &Caller,
    ) -> Result<ScalingView, ServiceError> {
        let audit = Audit {
            action: if pause {
                "pause-scaling"
            } else {
                "resume-scaling"
            },
            note: words::directions(chosen).to_owned(),
        };
        for _ in 0..TRIES {
            let mut run = self.running(name, environment).await?;
            if !pause {
                run.look.wake(caller.stamp.now);
            }
            if !self.save(&mut run.look, &audit, false, caller).await? {
                continue;
            }
            let next = |was: bool, chosen: bool| if chosen { pause } else { was };
            let paused = Paused {
                out: next(run.live.paused.out, chosen.out),
                inwards: next(run.live.paused.inwards, chosen.inwards),
            };
            self.tasks
                .set_bounds(&run.cluster, &run.service, None, Some(paused))
                .await?;
            run.live.paused = paused;
            return Ok(run.view(caller.stamp.now));
        }
        Err(ServiceError::Contended(name.clone()))
    }

    /// Has other bounds than the manifest's hold for some minutes.
    ///
    /// # Errors
    /// [`ServiceError::OutOfBounds`] where they do not go together, or would let a service sleep
    /// that is not made for it; [`ServiceError::ScaledByAws`].
    pub async fn hold(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        bounds: Bounds,
        minutes: u32,
        caller: &Caller,
    ) -> Result<ScalingView, ServiceError> {
        let until = caller.stamp.now + SignedDuration::from_mins(i64::from(minutes));
        let audit = Audit {
            action: "hold-bounds",
            note: format!("{} until {}", words::between(bounds), words::minute(until)),
        };
        for _ in 0..TRIES {
            let mut run = self.running(name, environment).await?;
            run.by_us()?;
            run.may_hold(bounds)?;
            run.look.record.held = Some(Override {
                bounds,
                until,
                by: caller.actor.clone(),
            });
            run.look.wake(caller.stamp.now);
            if self.save(&mut run.look, &audit, false, caller).await? {
                return self.bound(run, bounds, caller).await;
            }
        }
        Err(ServiceError::Contended(name.clone()))
    }

    /// Has the manifest's bounds come back now.
    pub async fn release(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        caller: &Caller,
    ) -> Result<ScalingView, ServiceError> {
        for _ in 0..TRIES {
            let mut run = self.running(name, environment).await?;
            run.by_us()?;
            let bounds = slipway_scaling::bounds_at(&run.look.policy, caller.stamp.now);
            let audit = Audit {
                action: "release-bounds",
                note: format!("back to {}", words::between(bounds)),
            };
            run.look.record.held = None;
            run.look.wake(caller.stamp.now);
            if self.save(&mut run.look, &audit, false, caller).await? {
                return self.bound(run, bounds, caller).await;
            }
        }
        Err(ServiceError::Contended(name.clone()))
    }

    async fn bound(
        &self,
        mut run: Running,
        bounds: Bounds,
        caller: &Caller,
    ) -> Result<ScalingView, ServiceError> {
        self.tasks
            .set_bounds(&run.cluster, &run.service, Some(bounds), None)
            .await?;
        run.live.bounds = Some((bounds.min, bounds.max));
        // As the write of a scalable target does.
        run.live.desired = run.live.desired.max(bounds.min).min(bounds.max);
        Ok(run.view(caller.stamp.now))
    }

    /// Has ECS run so many tasks from now on. Whoever scales goes on from there.
    ///
    /// # Errors
    /// [`ServiceError::OutOfBounds`].
    pub async fn set(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        count: u32,
        caller: &Caller,
    ) -> Result<ScalingView, ServiceError> {
        let now = caller.stamp.now;
        for _ in 0..TRIES {
            let mut run = self.running(name, environment).await?;
            run.may_run(count)?;
            let goes_on = words::goes_on(&run.look.policy, run.live.paused);
            let record = &mut run.look.record;
            let decision =
                words::by_hand(&caller.actor, &run.live, count, &record.state, goes_on, now);
            let audit = Audit {
                action: "set-count",
                note: format!("from {} to {count}", run.live.desired),
            };
            // A number that the scaler ordered before is told by nobody any more who is not at it
            // already, and this one by its next looks, if ECS does not hear of it now or hears of the
            // other later.
            record.ordered = words::ordered(&decision, &record.state, &run.look.policy);
            record.state = decision.state.clone();
            record.last = Some(decision);
            run.look.wake(now);
            if !self.save(&mut run.look, &audit, true, caller).await? {
                continue;
            }
            if !self
                .tasks
                .set_count(&run.cluster, &run.service, count)
                .await?
            {
                return Err(run.look.nothing(GONE));
            }
            run.live.desired = count;
            let mut view = run.view(now);
            view.summary = format!("{} {goes_on}", view.summary);
            return Ok(view);
        }
        Err(ServiceError::Contended(name.clone()))
    }

    async fn look(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
    ) -> Result<Look, ServiceError> {
        let found = self.registry.scaled(name, environment).await?;
        let (state, record) = found.ok_or_else(|| ServiceError::NoService(name.clone()))?;
        look(state, record, environment, &self.platform)
            .ok_or_else(|| no_environment(name, environment))
    }

    /// The environment with what runs of it, for a change.
    async fn running(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
    ) -> Result<Running, ServiceError> {
        let look = self.look(name, environment).await?;
        if look.service.deleting {
            return Err(ServiceError::Deleting(name.clone()));
        }
        let Some((cluster, service)) = look.place.clone() else {
            return Err(look.nothing(&look.message));
        };
        match self.tasks.live(&cluster, &service).await? {
            Some(live) => Ok(Running {
                look,
                cluster,
                service,
                live,
            }),
            None => Err(look.nothing(GONE)),
        }
    }

    /// Writes a change down; false where another was quicker.
    async fn save(
        &self,
        look: &mut Look,
        audit: &Audit,
        decided: bool,
        caller: &Caller,
    ) -> Result<bool, ServiceError> {
        let service = &look.service;
        let write = ScalerWrite {
            service: service.name().clone(),
            environment: look.environment.clone(),
            record: look.record.clone(),
            decision: look.record.last.clone().filter(|_| decided),
            audit: Some(AuditEntry {
                id: caller.stamp.id,
                at: caller.stamp.now,
                actor: caller.actor.clone(),
                action: audit.action.to_owned(),
                generation: service.generation,
                before: None,
                after: manifest_hash(&service.manifest),
                note: Some(format!("{}: {}", look.environment, audit.note)),
            }),
        };
        Ok(self.registry.save_scaler(&write).await?)
    }
}

/// What is said where the stack is there and its tasks are not.
const GONE: &str = "the service is not in ECS.";

/// What the audit log says of a change.
struct Audit {
    action: &'static str,
    note: String,
}

fn look(
    mut state: ServiceState,
    record: ScalerRecord,
    environment: &EnvironmentName,
    platform: &Platform,
) -> Option<Look> {
    let stack = state
        .stacks
        .remove(&Scope::Environment(environment.clone()))?;
    let manifest = &state.service.manifest;
    // One that is on its way out is in no manifest any more.
    let effective = manifest.effective(environment, &platform.environment)?;
    let output = |key| stack.status.outputs.get(key).cloned();
    Some(Look {
        policy: crate::scaler::policy(&effective.settings, &stack.status),
        environment: environment.clone(),
        record,
        place: output("Cluster").zip(output("ServiceName")),
        message: stack.status.message,
        service: state.service,
    })
}

impl Look {
    /// Has the scaler look at the next minute's tick, where the number is its own.
    fn wake(&mut self, now: Timestamp) {
        if self.policy.by == ScaledBy::Alarms {
            self.record.attention = Some(now);
        }
    }

    fn nothing(&self, why: &str) -> ServiceError {
        ServiceError::NothingToScale {
            service: self.service.name().clone(),
            environment: self.environment.clone(),
            why: why.to_owned(),
        }
    }
}

impl Running {
    /// That the bounds are the scaler's to keep.
    fn by_us(&self) -> Result<(), ServiceError> {
        match self.look.policy.by {
            ScaledBy::Alarms => Ok(()),
            ScaledBy::TargetTracking => Err(ServiceError::ScaledByAws {
                service: self.look.service.name().clone(),
                environment: self.look.environment.clone(),
            }),
        }
    }

    fn may_hold(&self, bounds: Bounds) -> Result<(), ServiceError> {
        if bounds.min > bounds.max {
            return Err(out_of_bounds(
                "/min",
                format!("must not be above `max`, which is {}", bounds.max),
            ));
        }
        if bounds.min == 0 && self.look.policy.min > 0 {
            return Err(out_of_bounds(
                "/min",
                "must be at least 1: nothing would wake this service, whose manifest does not have `scaling.min: 0`",
            ));
        }
        Ok(())
    }

    fn may_run(&self, count: u32) -> Result<(), ServiceError> {
        let policy = &self.look.policy;
        let (min, max) = self.live.bounds.unwrap_or((policy.min, policy.max));
        // The last tasks go only where their callers are led to who wakes them.
        let least = min.max(1);
        if (least..=max).contains(&count) {
            return Ok(());
        }
        let bounds = words::between(Bounds { min: least, max });
        let detail = if count == 0 && min == 0 {
            "must be at least 1: the scaler takes the last tasks away when nobody calls".to_owned()
        } else {
            format!("must be within the bounds, {bounds}, which can be set for a time, too")
        };
        Err(out_of_bounds("/count", detail))
    }

    fn view(&self, now: Timestamp) -> ScalingView {
        let (look, live) = (&self.look, Some(&self.live));
        let summary = words::summary(&look.policy, live, &look.record, None, now);
        view(look, live, summary, now)
    }
}

fn out_of_bounds(pointer: &'static str, detail: impl Into<String>) -> ServiceError {
    ServiceError::OutOfBounds {
        pointer,
        detail: detail.into(),
    }
}

fn view(look: &Look, live: Option<&Live>, summary: String, now: Timestamp) -> ScalingView {
    let held = look.record.held.as_ref();
    ScalingView {
        summary,
        policy: look.policy.clone(),
        live: live.map(Into::into),
        held: held.filter(|held| now < held.until).map(Into::into),
        asleep_since: look.record.asleep_since,
        last: look.record.last.clone().map(Into::into),
    }
}
