//! What the registry in memory does, with the conditions of the real one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use slipway_domain::manifest::Kind;
use slipway_domain::status::StackStatus;
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, RoutePath, Scope, ServiceName, TeamName,
};

use super::Inner;
use crate::change::{Change, first_version};
use crate::databases::{Claims, DatabaseUse, User, Users};
use crate::error::CommitError;
use crate::places::{PlaceClaims, Taken};
use crate::ports::{Page, StackWrite};
use crate::record::{
    AuditEntry, PathOwner, Progress, Seen, ServiceRecord, ServiceState, StackRecord,
};
use crate::view::ServiceSummary;

impl Inner {
    pub(super) fn service(&self, name: &ServiceName, stale: bool) -> Option<ServiceState> {
        // Only what was kept can be late.
        let late = stale && !self.before.is_empty();
        let services = if late { &self.before } else { &self.services };
        services.get(name).map(|state| {
            let mut found = state.clone();
            for (scope, stack) in &mut found.stacks {
                stack.attention = self.attention.get(&(name.clone(), scope.clone())).copied();
            }
            found
        })
    }

    pub(super) fn services(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> Page<ServiceSummary> {
        let mut all: Vec<ServiceSummary> = self
            .services
            .values()
            .filter(|state| team.is_none_or(|team| *team == state.service.manifest.team))
            .map(ServiceSummary::new)
            .collect();
        all.sort_by_key(place);
        let mut rest = all
            .into_iter()
            .filter(|summary| after.is_none_or(|after| place(summary).as_str() > after));
        let items: Vec<ServiceSummary> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(items.last().map(place));
        Page { items, next }
    }

    pub(super) fn databases(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> Page<ServiceName> {
        let page = self.services(team, after, usize::MAX);
        let is = |name: &ServiceName| {
            let state = self.services.get(name);
            state.is_some_and(|it| it.service.manifest.settings.kind == Kind::Database)
        };
        let mut all = page.items.into_iter().filter(|it| is(&it.name));
        let items: Vec<ServiceSummary> = all.by_ref().take(limit).collect();
        let next = all.next().and(items.last().map(place));
        Page {
            items: items.into_iter().map(|it| it.name).collect(),
            next,
        }
    }

    pub(super) fn users_of(&self, database: &ServiceName) -> Users {
        self.users.get(database).cloned().unwrap_or_default()
    }

    pub(super) fn path_owner(&self, path: &RoutePath) -> Option<PathOwner> {
        self.claims.get(path).cloned()
    }

    pub(super) fn deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> Page<Deployment> {
        let mine = self
            .deployments
            .iter()
            .rev()
            .filter(|((s, e, _), _)| s == service && e == environment);
        page(
            mine.map(|((_, _, id), deployment)| (id.to_string(), deployment.clone())),
            after,
            limit,
        )
    }

    pub(super) fn deployment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> Option<Deployment> {
        let key = (service.clone(), environment.clone(), id);
        self.deployments.get(&key).cloned()
    }

    pub(super) fn generations(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> Page<ServiceRecord> {
        let mine = self
            .generations
            .iter()
            .rev()
            .filter(|((s, _), _)| s == service);
        page(
            mine.map(|((_, n), record)| (format!("{n:012}"), record.clone())),
            after,
            limit,
        )
    }

    pub(super) fn events(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> Page<AuditEntry> {
        let mine = self.audit.iter().rev().filter(|(s, _)| s == service);
        page(
            mine.map(|(_, entry)| (entry.id.to_string(), entry.clone())),
            after,
            limit,
        )
    }

    pub(super) fn answered(&self, service: &ServiceName, key: &str) -> Option<Seen> {
        self.seen.get(&(service.clone(), key.to_owned())).cloned()
    }

    pub(super) fn commit(&mut self, change: &Change) -> Result<(), CommitError> {
        let name = change.service.name().clone();
        self.check(change, &name)?;
        let state = self
            .services
            .entry(name.clone())
            .or_insert_with(|| ServiceState {
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
                    version: first_version(change.at) - 1,
                    deployment: None,
                    paths: BTreeSet::new(),
                    places: BTreeSet::new(),
                    databases: BTreeSet::new(),
                    attention: None,
                    status: StackStatus::new(change.at),
                    progress: Progress::default(),
                });
            record.version += 1;
            record.deployment = stack.deployment.or(record.deployment);
            record.paths.extend(stack.path.clone());
            record.places.extend(stack.places.iter().cloned());
            record.databases.extend(stack.databases.iter().cloned());
            self.attention
                .insert((name.clone(), scope.clone()), change.at);
            if let (true, Scope::Environment(environment)) = (stack.rescales, scope) {
                let key = (name.clone(), environment.clone());
                let scaler = self.scalers.entry(key).or_default();
                scaler.version += 1;
                scaler.attention = Some(change.at);
            }
        }
        self.generations.insert(
            (name.clone(), change.service.generation),
            change.service.clone(),
        );
        self.audit.push((name.clone(), change.audit.clone()));
        self.claims.extend(change.claims.iter().cloned());
        self.places.extend(change.places.places.iter().cloned());
        for claim in &change.databases.uses {
            let users = self.users.entry(claim.used.database.clone()).or_default();
            users.users.insert(claim.user());
            users.claims += 1;
        }
        for deployment in &change.deployments {
            let key = (name.clone(), deployment.environment.clone(), deployment.id);
            self.deployments.insert(key, deployment.clone());
        }
        if let Some(seen) = &change.seen {
            self.seen.insert((name, seen.key.clone()), seen.clone());
        }
        Ok(())
    }

    pub(super) fn save(&mut self, write: &StackWrite) -> bool {
        let scope = &write.record.scope;
        if self.version(&write.service, scope) != Some(write.record.version) {
            return false;
        }
        let mut record = write.record.clone();
        record.version += 1;
        let key = (write.service.clone(), scope.clone());
        match write.record.attention {
            Some(at) => self.attention.insert(key, at),
            None => self.attention.remove(&key),
        };
        for path in &write.release {
            self.claims.remove(path);
        }
        for place in &write.places {
            self.places.remove(place);
        }
        self.leave(&write.service, scope, &write.databases);
        for deployment in &write.deployments {
            let key = (
                write.service.clone(),
                deployment.environment.clone(),
                deployment.id,
            );
            self.deployments.insert(key, deployment.clone());
        }
        if let Some(entry) = &write.audit {
            self.audit.push((write.service.clone(), entry.clone()));
        }
        if let Some(state) = self.services.get_mut(&write.service) {
            state.stacks.insert(scope.clone(), record);
        }
        true
    }

    pub(super) fn forget_environment(
        &mut self,
        service: &ServiceName,
        environment: &EnvironmentName,
        record: &StackRecord,
        now: Timestamp,
    ) -> bool {
        let scope = Scope::Environment(environment.clone());
        if self.version(service, &scope) != Some(record.version) {
            return false;
        }
        for path in &record.paths {
            self.claims.remove(path);
        }
        for place in &record.places {
            self.places.remove(place);
        }
        self.leave(service, &scope, &record.databases);
        self.attention.remove(&(service.clone(), scope.clone()));
        self.scalers.remove(&(service.clone(), environment.clone()));
        self.attention
            .insert((service.clone(), Scope::Service), now);
        if let Some(state) = self.services.get_mut(service) {
            state.stacks.remove(&scope);
            if let Some(stack) = state.stacks.get_mut(&Scope::Service) {
                stack.version += 1;
            }
        }
        true
    }

    pub(super) fn forget_service(&mut self, service: &ServiceRecord, record: &StackRecord) -> bool {
        let name = service.name();
        let generation = self
            .services
            .get(name)
            .map(|state| state.service.generation);
        if self.version(name, &Scope::Service) != Some(record.version)
            || generation != Some(service.generation)
        {
            return false;
        }
        self.services.remove(name);
        self.users.remove(name);
        self.attention.remove(&(name.clone(), Scope::Service));
        self.generations.retain(|(service, _), _| service != name);
        true
    }

    pub(super) fn open_deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<DeploymentId>,
        up_to: DeploymentId,
    ) -> Vec<Deployment> {
        let mine = self.deployments.iter().filter(|((s, e, id), deployment)| {
            s == service
                && e == environment
                && *id <= up_to
                && after.is_none_or(|after| *id >= after)
                && deployment.outcome.is_none()
        });
        mine.map(|(_, deployment)| deployment.clone()).collect()
    }

    pub(super) fn attention(&self, now: Timestamp, limit: usize) -> Vec<(ServiceName, Scope)> {
        self.attention
            .iter()
            .filter(|(_, at)| **at <= now)
            .take(limit)
            .map(|(key, _)| key.clone())
            .collect()
    }

    pub(super) fn acquire(&mut self, stack: &str, max_operations: usize) -> bool {
        if !self.holders.contains(stack) && self.holders.len() >= max_operations {
            return false;
        }
        self.holders.insert(stack.to_owned());
        self.most_holders = self.most_holders.max(self.holders.len());
        true
    }

    pub(super) fn holders(&self) -> Vec<String> {
        self.holders.iter().cloned().collect()
    }

    pub(super) fn release(&mut self, stack: &str) {
        self.holders.remove(stack);
    }
    fn check(&self, change: &Change, name: &ServiceName) -> Result<(), CommitError> {
        if let Some(seen) = &change.seen
            && let Some(earlier) = self.seen.get(&(name.clone(), seen.key.clone()))
            && earlier.expires_at >= change.at
        {
            return Err(CommitError::Seen(Box::new(earlier.clone())));
        }
        let state = self.services.get(name);
        let stacks_fit = change.stacks.iter().all(|(scope, stack)| {
            let known = state.and_then(|state| state.stacks.get(scope));
            stack.new == known.is_none()
                && (stack.counted_at.is_none() || stack.counted_at == known.map(|it| it.version))
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
        self.check_places(&change.places)?;
        self.check_databases(&change.databases, name)
    }

    fn check_databases(&self, claims: &Claims, name: &ServiceName) -> Result<(), CommitError> {
        let counted = claims.counted;
        if counted.is_some_and(|counted| counted != self.users_of(name).claims) {
            return Err(CommitError::Contended);
        }
        let stays = claims.uses.iter().all(|claim| {
            let state = self.services.get(&claim.used.database);
            state.is_some_and(|state| {
                (state.service.uid, state.service.generation) == (claim.uid, claim.generation)
            })
        });
        if stays {
            Ok(())
        } else {
            Err(CommitError::Contended)
        }
    }

    fn leave<'a>(
        &mut self,
        service: &ServiceName,
        scope: &Scope,
        databases: impl IntoIterator<Item = &'a DatabaseUse>,
    ) {
        let Some(environment) = scope.environment() else {
            return;
        };
        for it in databases {
            if let Some(users) = self.users.get_mut(&it.database) {
                users.users.remove(&User {
                    environment: it.environment.clone(),
                    owner: PathOwner {
                        service: service.clone(),
                        environment: environment.clone(),
                    },
                });
            }
        }
    }

    fn check_places(&self, claims: &PlaceClaims) -> Result<(), CommitError> {
        for (name, claims_here) in claims.by_name() {
            let mut taken = self.taken_of(name);
            let mut first = claims_here.iter().filter(|(place, _)| place.is_first());
            let collides = first.any(|(place, _)| taken.rules.contains(&place.number));
            for (place, _) in claims_here {
                taken.add(place);
            }
            let room = claims.limits.of(name);
            if collides || taken.rules.len() > room.rules as usize || taken.groups > room.groups {
                return Err(CommitError::Contended);
            }
        }
        Ok(())
    }

    pub(super) fn taken_of(&self, name: &str) -> Taken {
        let mut taken = Taken::default();
        for place in self.places.keys().filter(|it| it.on == name) {
            taken.add(place);
        }
        taken
    }

    fn version(&self, service: &ServiceName, scope: &Scope) -> Option<u64> {
        self.services
            .get(service)?
            .stacks
            .get(scope)
            .map(|stack| stack.version)
    }
}

fn place(summary: &ServiceSummary) -> String {
    format!("{}/{}", summary.team, summary.name)
}

/// Newest first, from behind `after`.
pub(super) fn page<T>(
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
