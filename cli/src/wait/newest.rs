//! Watching a service: its newest deployments until they have ended, and then those that come
//! after.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use slipway_control::view::ServiceView;
use slipway_domain::{Deployment, DeploymentId, EnvironmentName, ServiceName};

use super::progress::{Look, ScopeLook};
use super::settled::{Target, lost, scope};
use crate::client::{Client, ClientError};
use crate::output::deployments::{brief, ended_at};
use crate::output::time::between;

/// Looks at the newest deployments of a service that have not been told to their end.
#[derive(Debug)]
pub(crate) struct Watching {
    service: ServiceName,
    /// The one environment that matters; all, if none.
    environment: Option<EnvironmentName>,
    /// What has been told to its end, of each environment.
    told: BTreeMap<EnvironmentName, DeploymentId>,
    /// The deployments of the last look.
    last: BTreeMap<EnvironmentName, Deployment>,
    /// Those that took the place of one that had not ended.
    took_over: BTreeSet<DeploymentId>,
}

impl Watching {
    pub(crate) fn new(service: ServiceName, environment: Option<EnvironmentName>) -> Self {
        Self {
            service,
            environment,
            told: BTreeMap::new(),
            last: BTreeMap::new(),
            took_over: BTreeSet::new(),
        }
    }

    /// Whether there is a deployment that has not been told to its end.
    pub(crate) fn has_news(&self, client: &Client) -> Result<bool, ClientError> {
        let service = client.service(&self.service)?.value;
        Ok(service.deleting || !self.untold(&service).is_empty())
    }

    /// One look at the deployments that have not been told to their end.
    pub(crate) fn look(&mut self, client: &Client, now: Timestamp) -> Result<Look, ClientError> {
        let service = client.service(&self.service)?.value;
        let mut look = Look::default();
        if service.deleting {
            let lost = lost("The service is being deleted.");
            look.scopes.insert(self.service.to_string(), lost);
            look.end = true;
            return Ok(look);
        }
        for (environment, id) in self.untold(&service) {
            let known = self.last.get(&environment);
            if known.is_some_and(|it| it.id != id && it.outcome.is_none()) {
                self.took_over.insert(id);
            }
            let deployment = match known.filter(|it| it.id == id && it.outcome.is_some()) {
                Some(ended) => ended.clone(),
                None => client.deployment(&self.service, &environment, id)?,
            };
            if let Some(view) = service.environments.get(&environment) {
                let seen = scope(&Target::of(&deployment), &view.stack, Some(&deployment));
                let seen = self.about(&deployment, seen, now);
                look.scopes
                    .insert(format!("{}/{environment}", self.service), seen);
            }
            self.last.insert(environment, deployment);
        }
        look.end = look.scopes.values().all(|scope| scope.settled);
        Ok(look)
    }

    /// What was looked at last has been told to its end.
    pub(crate) fn tell(&mut self) {
        let ended = std::mem::take(&mut self.last).into_iter();
        self.told.extend(ended.map(|(name, it)| (name, it.id)));
    }

    fn untold(&self, service: &ServiceView) -> BTreeMap<EnvironmentName, DeploymentId> {
        let wanted = |name: &EnvironmentName| self.environment.as_ref().is_none_or(|it| it == name);
        let newest = service.environments.iter();
        newest
            .filter(|(name, _)| wanted(name))
            .filter_map(|(name, it)| Some((name.clone(), it.deployment?)))
            .filter(|(name, id)| self.told.get(name) != Some(id))
            .collect()
    }

    /// A look with what it is about as the first step, and with times from its own beginning.
    fn about(&self, deployment: &Deployment, mut seen: ScopeLook, now: Timestamp) -> ScopeLook {
        let mut what = brief(deployment);
        if self.took_over.contains(&deployment.id) {
            what = format!("superseded by {what}");
        }
        seen.steps.insert(0, (Duration::ZERO, what));
        let until = ended_at(deployment).unwrap_or(now);
        seen.age = Some(between(deployment.created_at, until));
        seen
    }
}
