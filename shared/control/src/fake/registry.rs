//! The registry in memory, with the conditions of the real one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use slipway_domain::status::StackStatus;
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, RoutePath, Scope, ServiceName, TeamName,
};

use super::transient;
use crate::change::Change;
use crate::error::CommitError;
use crate::ports::{
    ChangeWriter, HistoryReader, Page, PortResult, ServiceReader, Slots, StackRegistry, StackWrite,
};
use crate::record::{
    AuditEntry, PathOwner, Progress, Seen, ServiceRecord, ServiceState, StackRecord,
};
use crate::view::{EnvironmentSummary, ServiceSummary};

/// The registry in memory. Every call is counted by its name. Clones are
/// the same registry.
#[derive(Debug, Clone)]
pub struct FakeRegistry {
    max_operations: usize,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    services: BTreeMap<ServiceName, ServiceState>,
    attention: BTreeMap<(ServiceName, Scope), Timestamp>,
    deployments: BTreeMap<(ServiceName, EnvironmentName, DeploymentId), Deployment>,
    generations: BTreeMap<(ServiceName, u64), ServiceRecord>,
    audit: Vec<(ServiceName, AuditEntry)>,
    claims: BTreeMap<RoutePath, PathOwner>,
    seen: BTreeMap<(ServiceName, String), Seen>,
    holders: BTreeSet<String>,
    most_holders: usize,
    calls: BTreeMap<&'static str, usize>,
    lost_saves: usize,
}

impl FakeRegistry {
    /// An empty registry with this many slots for stack operations.
    pub fn new(max_operations: usize) -> Self {
        Self {
            max_operations,
            inner: Arc::default(),
        }
    }

    fn call(&self, name: &'static str) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        *inner.calls.entry(name).or_default() += 1;
        inner
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls so far by name, and forgets them.
    pub fn take_calls(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut self.lock().calls)
    }

    /// The next `times` writes of the reconciler are lost: the process died before them.
    pub fn lose_saves(&self, times: usize) {
        self.lock().lost_saves = times;
    }

    /// The paths that are held, and by whom.
    pub fn claims(&self) -> BTreeMap<RoutePath, PathOwner> {
        self.lock().claims.clone()
    }

    /// The stacks that hold a slot, and the most that did at once.
    pub fn slots(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.holders.len(), inner.most_holders)
    }

    /// The newest deployment of an environment.
    pub fn last_deployment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> Option<Deployment> {
        let inner = self.lock();
        let mine = inner
            .deployments
            .iter()
            .filter(|((s, e, _), _)| s == service && e == environment);
        mine.map(|(_, deployment)| deployment.clone()).next_back()
    }

    /// All stacks whose attention is set, whenever it is.
    pub fn all_attention(&self) -> Vec<(ServiceName, Scope)> {
        self.lock().attention.keys().cloned().collect()
    }
}

impl ServiceReader for FakeRegistry {
    async fn service(&self, name: &ServiceName) -> PortResult<Option<ServiceState>> {
        let inner = self.call("service");
        Ok(inner.services.get(name).map(|state| {
            let mut state = state.clone();
            for (scope, stack) in &mut state.stacks {
                stack.attention = inner.attention.get(&(name.clone(), scope.clone())).copied();
            }
            state
        }))
    }

    async fn services(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<ServiceSummary>> {
        let inner = self.call("services");
        let mut all: Vec<ServiceSummary> = inner
            .services
            .values()
            .filter(|state| team.is_none_or(|team| *team == state.service.manifest.team))
            .map(summary)
            .collect();
        all.sort_by_key(place);
        let mut rest = all
            .into_iter()
            .filter(|summary| after.is_none_or(|after| place(summary).as_str() > after));
        let items: Vec<ServiceSummary> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(items.last().map(place));
        Ok(Page { items, next })
    }

    async fn path_owner(&self, path: &RoutePath) -> PortResult<Option<PathOwner>> {
        Ok(self.call("path_owner").claims.get(path).cloned())
    }
}

fn place(summary: &ServiceSummary) -> String {
    format!("{}/{}", summary.team, summary.name)
}

fn summary(state: &ServiceState) -> ServiceSummary {
    let environments = state.stacks.iter().filter_map(|(scope, stack)| {
        let status = &stack.status;
        let summary = EnvironmentSummary {
            phase: status.phase,
            message: status.message.clone(),
            url: status.url.clone(),
        };
        Some((scope.environment()?.clone(), summary))
    });
    ServiceSummary {
        name: state.service.name().clone(),
        team: state.service.manifest.team.clone(),
        generation: state.service.generation,
        deleting: state.service.deleting,
        environments: environments.collect(),
    }
}

/// Newest first, from behind `after`.
fn page<T>(
    newest_first: impl Iterator<Item = (String, T)>,
    after: Option<&str>,
    limit: usize,
) -> Page<T> {
    let mut rest =
        newest_first.skip_while(|(key, _)| after.is_some_and(|after| key.as_str() >= after));
    let found: Vec<(String, T)> = rest.by_ref().take(limit).collect();
    let next = rest.next().and(found.last().map(|(key, _)| key.clone()));
    Page {
        items: found.into_iter().map(|(_, item)| item).collect(),
        next,
    }
}

impl HistoryReader for FakeRegistry {
    async fn deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<Deployment>> {
        let inner = self.call("deployments");
        let mine = inner
            .deployments
            .iter()
            .rev()
            .filter(|((s, e, _), _)| s == service && e == environment);
        Ok(page(
            mine.map(|((_, _, id), deployment)| (id.to_string(), deployment.clone())),
            after,
            limit,
        ))
    }

    async fn deployment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> PortResult<Option<Deployment>> {
        let key = (service.clone(), environment.clone(), id);
        Ok(self.call("deployment").deployments.get(&key).cloned())
    }

    async fn generations(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<ServiceRecord>> {
        let inner = self.call("generations");
        let mine = inner
            .generations
            .iter()
            .rev()
            .filter(|((s, _), _)| s == service);
        Ok(page(
            mine.map(|((_, n), record)| (format!("{n:012}"), record.clone())),
            after,
            limit,
        ))
    }

    async fn events(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<AuditEntry>> {
        let inner = self.call("events");
        let mine = inner.audit.iter().rev().filter(|(s, _)| s == service);
        Ok(page(
            mine.map(|(_, entry)| (entry.id.to_string(), entry.clone())),
            after,
            limit,
        ))
    }
}

impl ChangeWriter for FakeRegistry {
    async fn commit(&self, change: &Change) -> Result<(), CommitError> {
        let mut inner = self.call("commit");
        let name = change.service.name().clone();
        inner.check(change, &name)?;
        let before = inner.services.get(&name).cloned();
        let mut state = before.unwrap_or_else(|| ServiceState {
            service: change.service.clone(),
            stacks: BTreeMap::new(),
        });
        state.service = change.service.clone();
        for (scope, stack) in &change.stacks {
            let record = state
                .stacks
                .entry(scope.clone())
                .or_insert_with(|| StackRecord {
                    scope: scope.clone(),
                    version: 0,
                    deployment: None,
                    paths: BTreeSet::new(),
                    attention: None,
                    status: StackStatus::new(change.at),
                    progress: Progress::default(),
                });
            record.version += 1;
            record.deployment = stack.deployment.or(record.deployment);
            record.paths.extend(stack.path.clone());
            inner
                .attention
                .insert((name.clone(), scope.clone()), change.at);
        }
        inner.services.insert(name.clone(), state);
        inner.generations.insert(
            (name.clone(), change.service.generation),
            change.service.clone(),
        );
        inner.audit.push((name.clone(), change.audit.clone()));
        inner.claims.extend(change.claims.iter().cloned());
        for deployment in &change.deployments {
            let key = (name.clone(), deployment.environment.clone(), deployment.id);
            inner.deployments.insert(key, deployment.clone());
        }
        if let Some(seen) = &change.seen {
            inner.seen.insert((name, seen.key.clone()), seen.clone());
        }
        Ok(())
    }
}

impl Inner {
    fn check(&self, change: &Change, name: &ServiceName) -> Result<(), CommitError> {
        if let Some(seen) = &change.seen
            && let Some(earlier) = self.seen.get(&(name.clone(), seen.key.clone()))
            && earlier.expires_at >= change.at
        {
            return Err(CommitError::Seen(Box::new(earlier.clone())));
        }
        let state = self.services.get(name);
        let stacks_fit = change.stacks.iter().all(|(scope, stack)| {
            stack.new != state.is_some_and(|state| state.stacks.contains_key(scope))
        });
        if state.map(|state| state.service.generation) != change.from || !stacks_fit {
            return Err(CommitError::Moved);
        }
        for (path, owner) in &change.claims {
            if let Some(holder) = self.claims.get(path).filter(|holder| *holder != owner) {
                return Err(CommitError::PathTaken {
                    path: path.clone(),
                    owner: holder.to_string(),
                });
            }
        }
        Ok(())
    }

    fn version(&self, service: &ServiceName, scope: &Scope) -> Option<u64> {
        self.services
            .get(service)?
            .stacks
            .get(scope)
            .map(|stack| stack.version)
    }
}

impl StackRegistry for FakeRegistry {
    async fn save(&self, write: &StackWrite) -> PortResult<bool> {
        let mut inner = self.call("save");
        if inner.lost_saves > 0 {
            inner.lost_saves -= 1;
            return Err(transient("save"));
        }
        let scope = &write.record.scope;
        if inner.version(&write.service, scope) != Some(write.record.version) {
            return Ok(false);
        }
        let mut record = write.record.clone();
        record.version += 1;
        let key = (write.service.clone(), scope.clone());
        match write.record.attention {
            Some(at) => inner.attention.insert(key, at),
            None => inner.attention.remove(&key),
        };
        for path in &write.release {
            inner.claims.remove(path);
        }
        for deployment in &write.deployments {
            let key = (
                write.service.clone(),
                deployment.environment.clone(),
                deployment.id,
            );
            inner.deployments.insert(key, deployment.clone());
        }
        if let Some(state) = inner.services.get_mut(&write.service) {
            state.stacks.insert(scope.clone(), record);
        }
        Ok(true)
    }

    async fn forget_environment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        record: &StackRecord,
        now: Timestamp,
    ) -> PortResult<bool> {
        let mut inner = self.call("forget_environment");
        let scope = Scope::Environment(environment.clone());
        if inner.version(service, &scope) != Some(record.version) {
            return Ok(false);
        }
        for path in &record.paths {
            inner.claims.remove(path);
        }
        inner.attention.remove(&(service.clone(), scope.clone()));
        inner
            .attention
            .insert((service.clone(), Scope::Service), now);
        if let Some(state) = inner.services.get_mut(service) {
            state.stacks.remove(&scope);
            if let Some(stack) = state.stacks.get_mut(&Scope::Service) {
                stack.version += 1;
            }
        }
        Ok(true)
    }

    async fn forget_service(
        &self,
        service: &ServiceRecord,
        record: &StackRecord,
    ) -> PortResult<bool> {
        let mut inner = self.call("forget_service");
        let name = service.name();
        let generation = inner
            .services
            .get(name)
            .map(|state| state.service.generation);
        if inner.version(name, &Scope::Service) != Some(record.version)
            || generation != Some(service.generation)
        {
            return Ok(false);
        }
        inner.services.remove(name);
        inner.attention.remove(&(name.clone(), Scope::Service));
        inner.generations.retain(|(service, _), _| service != name);
        Ok(true)
    }

    async fn open_deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<DeploymentId>,
        up_to: DeploymentId,
    ) -> PortResult<Vec<Deployment>> {
        let inner = self.call("open_deployments");
        let mine = inner.deployments.iter().filter(|((s, e, id), deployment)| {
            s == service
                && e == environment
                && *id <= up_to
                && after.is_none_or(|after| *id >= after)
                && deployment.outcome.is_none()
        });
        Ok(mine.map(|(_, deployment)| deployment.clone()).collect())
    }

    async fn attention(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<(ServiceName, Scope)>> {
        let inner = self.call("attention");
        Ok(inner
            .attention
            .iter()
            .filter(|(_, at)| **at <= now)
            .take(limit)
            .map(|(key, _)| key.clone())
            .collect())
    }
}

impl Slots for FakeRegistry {
    async fn acquire(&self, stack: &str) -> PortResult<bool> {
        let mut inner = self.call("acquire");
        if !inner.holders.contains(stack) && inner.holders.len() >= self.max_operations {
            return Ok(false);
        }
        inner.holders.insert(stack.to_owned());
        inner.most_holders = inner.most_holders.max(inner.holders.len());
        Ok(true)
    }

    async fn holders(&self) -> PortResult<Vec<String>> {
        Ok(self.call("holders").holders.iter().cloned().collect())
    }

    async fn release(&self, stack: &str) -> PortResult<()> {
        self.call("release").holders.remove(stack);
        Ok(())
    }
}
