//! Runs of jobs as callers of the API see them: what ran and why it failed, and a run by hand.
//!
//! Step Functions remembers runs for 90 days, and nothing of them is in the registry. A run has
//! an id of its caller's idempotency key, so that the same request twice is one run without
//! anything being written down here: Step Functions takes an id once.

#[cfg(test)]
mod tests;
mod view;

use slipway_domain::manifest::Kind;
use slipway_domain::{EnvironmentName, Platform, Scope, ServiceName};
use slipway_synth::{MACHINE_OUTPUT, sha256};

use crate::error::ServiceError;
use crate::ports::{RunCanceller, RunReader, RunStarter, ServiceReader, Start};
use crate::record::ServiceState;
use crate::services::keys::principal;
use crate::services::{Caller, kept, no_environment};
use crate::view::PageView;

pub use view::{RunStatus, RunView};

/// The most runs of a page: each is asked for by itself.
pub const MOST_RUNS: usize = 25;

/// Shows and starts runs, over the registry and what runs jobs.
#[derive(Debug)]
pub struct RunControl<R, M> {
    /// The registry.
    pub registry: R,
    /// What runs jobs.
    pub runs: M,
    /// The platform.
    pub platform: Platform,
}

/// A job that is looked at.
struct Job {
    /// The ARN of its state machine, once its stack has one.
    machine: Option<String>,
    /// What the stack says of itself.
    message: String,
}

impl<R, M> RunControl<R, M>
where
    R: ServiceReader,
    M: RunReader + RunStarter + RunCanceller,
{
    /// Runs of the last 90 days, newest first, at most [`MOST_RUNS`] of them.
    ///
    /// # Errors
    /// [`ServiceError::NotAJob`] for another kind of service.
    pub async fn runs(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<RunView>, ServiceError> {
        let state = self.registry.service(name).await?;
        let state = state.ok_or_else(|| ServiceError::NoService(name.clone()))?;
        let job = self.job(&state, environment)?;
        let Some(machine) = job.machine else {
            return Ok(PageView {
                items: Vec::new(),
                next: None,
            });
        };
        let page = self.runs.runs(&machine, after, limit.min(MOST_RUNS));
        let page = page.await?;
        Ok(PageView {
            items: page.items,
            next: page.next,
        })
    }

    /// One run.
    ///
    /// # Errors
    /// [`ServiceError::NoPart`] when there is none of this id, or it is not remembered any more.
    pub async fn run(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: &str,
    ) -> Result<RunView, ServiceError> {
        let state = self.registry.service(name).await?;
        let state = state.ok_or_else(|| ServiceError::NoService(name.clone()))?;
        let found = match self.job(&state, environment)?.machine {
            Some(machine) => self.runs.run(&machine, id).await?,
            None => None,
        };
        let none = || ServiceError::NoPart(format!("`{name}/{environment}` has no run `{id}`"));
        found.ok_or_else(none)
    }

    /// Starts a run now. Under an idempotency key that was used before, it answers with the run
    /// that was started then.
    ///
    /// # Errors
    /// [`ServiceError::NotAJob`] for another kind of service, [`ServiceError::NothingToRun`]
    /// before the job has its stack, and [`ServiceError::KeyReused`] for somebody else's key.
    pub async fn start(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        caller: &Caller,
    ) -> Result<RunView, ServiceError> {
        let state = kept(&self.registry, name).await?;
        let job = self.job(&state, environment)?;
        let nothing = |why: String| ServiceError::NothingToRun {
            service: name.clone(),
            environment: environment.clone(),
            why,
        };
        let Some(machine) = job.machine else {
            return Err(nothing(job.message));
        };
        let id = run_id(&state, environment, caller);
        match self.runs.start(&machine, &id, &caller.actor).await? {
            Start::Began(started_at) => Ok(RunView {
                id,
                status: RunStatus::Running,
                started_at,
                ended_at: None,
                attempts: 0,
                by: Some(caller.actor.clone()),
                reason: None,
            }),
            Start::Existed => {
                let earlier = self.runs.run(&machine, &id).await?;
                let is_callers = |run: &RunView| {
                    let by = run.by.as_deref();
                    by.is_some_and(|by| principal(by) == principal(&caller.actor))
                };
                earlier.filter(is_callers).ok_or(ServiceError::KeyReused)
            }
            Start::NoJob => Err(nothing("its state machine is not there.".to_owned())),
        }
    }

    /// Ends a run that is under way: its task is stopped behind it, as in a deployment.
    ///
    /// # Errors
    /// [`ServiceError::NoPart`] when there is none of this id, and [`ServiceError::RunOver`] when
    /// it has ended by itself.
    pub async fn cancel(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: &str,
        caller: &Caller,
    ) -> Result<RunView, ServiceError> {
        let state = self.registry.service(name).await?;
        let state = state.ok_or_else(|| ServiceError::NoService(name.clone()))?;
        let none = || ServiceError::NoPart(format!("`{name}/{environment}` has no run `{id}`"));
        let machine = self.job(&state, environment)?.machine.ok_or_else(none)?;
        let before = self.runs.run(&machine, id).await?.ok_or_else(none)?;
        let cause = format!("cancelled by {}", caller.actor);
        match before.status {
            RunStatus::Running => self.runs.cancel(&machine, id, &cause).await?,
            // A call that is sent again finds what it came to.
            RunStatus::Aborted => return Ok(before),
            RunStatus::Succeeded | RunStatus::Failed => {
                return Err(ServiceError::RunOver(id.to_owned()));
            }
        }
        self.runs.run(&machine, id).await?.ok_or_else(none)
    }

    fn job(
        &self,
        state: &ServiceState,
        environment: &EnvironmentName,
    ) -> Result<Job, ServiceError> {
        let service = &state.service;
        let default = &self.platform.environment;
        let effective = service.manifest.effective(environment, default);
        let effective = effective.ok_or_else(|| no_environment(service.name(), environment))?;
        let kind = effective.settings.kind;
        if kind != Kind::Job {
            return Err(ServiceError::NotAJob {
                service: service.name().clone(),
                environment: environment.clone(),
                kind: kind.name(),
            });
        }
        let stack = state.stacks.get(&Scope::Environment(environment.clone()));
        let machine = stack.and_then(|it| it.status.outputs.get(MACHINE_OUTPUT));
        Ok(Job {
            machine: machine.cloned(),
            message: stack.map_or_else(String::new, |it| it.status.message.clone()),
        })
    }
}

/// The same for the same key of the same job, and another for every call without one. A service
/// that is registered anew has other ids.
fn run_id(state: &ServiceState, environment: &EnvironmentName, caller: &Caller) -> String {
    let Some(key) = &caller.key else {
        return caller.stamp.id.to_string();
    };
    let service = &state.service;
    let all = format!("{} {environment} {key}", service.uid);
    format!("key-{}", &sha256(all.as_bytes())[..32])
}
