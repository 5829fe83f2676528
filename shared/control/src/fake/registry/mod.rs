//! The registry in memory, with the conditions of the real one.

mod ports;
mod scaler;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, Place, RoutePath, Scope, ServiceName,
};
use slipway_scaling::Decision;

use super::tape::Tape;
use crate::databases::Users;
use crate::ports::ScalerRecord;
use crate::record::{AuditEntry, PathOwner, Seen, ServiceRecord, ServiceState};

/// The registry in memory. Every call is counted by its name. Clones are
/// the same registry.
#[derive(Debug, Clone)]
pub struct FakeRegistry {
    max_operations: usize,
    inner: Arc<Mutex<Inner>>,
    tape: Tape,
}

#[derive(Debug, Default)]
struct Inner {
    services: BTreeMap<ServiceName, ServiceState>,
    /// The same before the last change, for reads that are late.
    before: BTreeMap<ServiceName, ServiceState>,
    attention: BTreeMap<(ServiceName, Scope), Timestamp>,
    deployments: BTreeMap<(ServiceName, EnvironmentName, DeploymentId), Deployment>,
    generations: BTreeMap<(ServiceName, u64), ServiceRecord>,
    audit: Vec<(ServiceName, AuditEntry)>,
    claims: BTreeMap<RoutePath, PathOwner>,
    places: BTreeMap<Place, PathOwner>,
    users: BTreeMap<ServiceName, Users>,
    seen: BTreeMap<(ServiceName, String), Seen>,
    /// Services whose items cannot be read.
    poisoned: BTreeSet<ServiceName>,
    scalers: BTreeMap<(ServiceName, EnvironmentName), ScalerRecord>,
    decisions: BTreeMap<(ServiceName, EnvironmentName, Timestamp), Decision>,
    holders: BTreeSet<String>,
    most_holders: usize,
    calls: BTreeMap<&'static str, usize>,
}

impl Inner {
    /// Keeps what is before a change, for reads that are late.
    fn keep(&mut self, tape: &Tape) {
        if tape.has_late_reads() {
            self.before = self.services.clone();
        }
    }
}

impl FakeRegistry {
    /// An empty registry with this many slots for stack operations.
    pub fn new(max_operations: usize) -> Self {
        Self::taped(max_operations, Tape::default())
    }

    /// The same, whose calls pass a tape.
    pub fn taped(max_operations: usize, tape: Tape) -> Self {
        Self {
            max_operations,
            inner: Arc::default(),
            tape,
        }
    }

    /// The tape that calls pass.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    fn count(&self, name: &'static str) -> MutexGuard<'_, Inner> {
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

    /// The paths that are held, and by whom.
    pub fn claims(&self) -> BTreeMap<RoutePath, PathOwner> {
        self.lock().claims.clone()
    }

    /// The places on what services share that are held, and by whom.
    pub fn places(&self) -> BTreeMap<Place, PathOwner> {
        self.lock().places.clone()
    }

    /// Who uses a database, past the ports: no call is counted.
    pub fn users_of(&self, database: &ServiceName) -> Users {
        self.lock().users_of(database)
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

    /// From now on the items of this service cannot be read.
    pub fn poison(&self, service: &ServiceName) {
        self.lock().poisoned.insert(service.clone());
    }

    /// The audit log of a service, oldest first.
    pub fn audit(&self, service: &ServiceName) -> Vec<AuditEntry> {
        let inner = self.lock();
        let mine = inner.audit.iter().filter(|(of, _)| of == service);
        mine.map(|(_, entry)| entry.clone()).collect()
    }

    /// Every deployment of every service.
    pub fn all_deployments(&self) -> Vec<Deployment> {
        self.lock().deployments.values().cloned().collect()
    }

    /// All services, past the ports: no call is counted.
    pub fn everything(&self) -> BTreeMap<ServiceName, ServiceState> {
        self.lock().services.clone()
    }

    /// All stacks whose attention is set, whenever it is.
    pub fn all_attention(&self) -> Vec<(ServiceName, Scope)> {
        self.lock().attention.keys().cloned().collect()
    }
}
