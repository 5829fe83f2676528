//! The registry's ports in memory: each call passes the tape, then does its work.

use jiff::Timestamp;
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, RoutePath, Scope, ServiceName, TeamName,
};

use super::FakeRegistry;
use crate::change::Change;
use crate::databases::Users;
use crate::error::{CommitError, PortError, PortErrorKind};
use crate::places::AllTaken;
use crate::ports::{
    ChangeWriter, DatabaseLister, HistoryReader, Page, PortResult, ServiceReader, Slots,
    StackRegistry, StackWrite,
};
use crate::record::{AuditEntry, PathOwner, Seen, ServiceRecord, ServiceState, StackRecord};
use crate::view::ServiceSummary;

impl ServiceReader for FakeRegistry {
    async fn service(&self, name: &ServiceName) -> PortResult<Option<ServiceState>> {
        let pass = self.tape.enter("service", false).await?;
        let inner = self.count("service");
        if inner.poisoned.contains(name) {
            return Err(unreadable("service"));
        }
        let answer = inner.service(name, pass.is_stale());
        drop(inner);
        pass.leave(answer)
    }

    async fn services(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<ServiceSummary>> {
        let pass = self.tape.enter("services", false).await?;
        let inner = self.count("services");
        let answer = inner.services(team, after, limit);
        drop(inner);
        pass.leave(answer)
    }

    async fn path_owner(&self, path: &RoutePath) -> PortResult<Option<PathOwner>> {
        let pass = self.tape.enter("path_owner", false).await?;
        let inner = self.count("path_owner");
        let answer = inner.path_owner(path);
        drop(inner);
        pass.leave(answer)
    }

    async fn taken(&self, balancers: &[String]) -> PortResult<AllTaken> {
        let pass = self.tape.enter("taken", false).await?;
        let inner = self.count("taken");
        let names = balancers.iter();
        let answer = names
            .map(|name| (name.clone(), inner.taken_of(name)))
            .collect();
        drop(inner);
        pass.leave(answer)
    }

    async fn users(&self, database: &ServiceName) -> PortResult<Users> {
        let pass = self.tape.enter("users", false).await?;
        let inner = self.count("users");
        let answer = inner.users_of(database);
        drop(inner);
        pass.leave(answer)
    }
}

impl DatabaseLister for FakeRegistry {
    async fn databases(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<ServiceName>> {
        let pass = self.tape.enter("databases", false).await?;
        let inner = self.count("databases");
        let answer = inner.databases(team, after, limit);
        drop(inner);
        pass.leave(answer)
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
        let pass = self.tape.enter("deployments", false).await?;
        let inner = self.count("deployments");
        let answer = inner.deployments(service, environment, after, limit);
        drop(inner);
        pass.leave(answer)
    }

    async fn deployment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> PortResult<Option<Deployment>> {
        let pass = self.tape.enter("deployment", false).await?;
        let inner = self.count("deployment");
        let answer = inner.deployment(service, environment, id);
        drop(inner);
        pass.leave(answer)
    }

    async fn generations(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<ServiceRecord>> {
        let pass = self.tape.enter("generations", false).await?;
        let inner = self.count("generations");
        let answer = inner.generations(service, after, limit);
        drop(inner);
        pass.leave(answer)
    }

    async fn events(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<AuditEntry>> {
        let pass = self.tape.enter("events", false).await?;
        let inner = self.count("events");
        let answer = inner.events(service, after, limit);
        drop(inner);
        pass.leave(answer)
    }
}

impl ChangeWriter for FakeRegistry {
    async fn commit(&self, change: &Change) -> Result<(), CommitError> {
        let pass = self.tape.enter("commit", true).await?;
        let mut inner = self.count("commit");
        inner.keep(&self.tape);
        inner.commit(change)?;
        drop(inner);
        Ok(pass.leave(())?)
    }

    async fn answered(&self, service: &ServiceName, key: &str) -> PortResult<Option<Seen>> {
        let pass = self.tape.enter("answered", false).await?;
        let inner = self.count("answered");
        let answer = inner.answered(service, key);
        drop(inner);
        pass.leave(answer)
    }
}

impl StackRegistry for FakeRegistry {
    async fn save(&self, write: &StackWrite) -> PortResult<bool> {
        let pass = self.tape.enter("save", true).await?;
        let mut inner = self.count("save");
        inner.keep(&self.tape);
        let answer = inner.save(write);
        drop(inner);
        pass.leave(answer)
    }

    async fn forget_environment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        record: &StackRecord,
        now: Timestamp,
    ) -> PortResult<bool> {
        let pass = self.tape.enter("forget_environment", true).await?;
        let mut inner = self.count("forget_environment");
        inner.keep(&self.tape);
        let answer = inner.forget_environment(service, environment, record, now);
        drop(inner);
        pass.leave(answer)
    }

    async fn forget_service(
        &self,
        service: &ServiceRecord,
        record: &StackRecord,
    ) -> PortResult<bool> {
        let pass = self.tape.enter("forget_service", true).await?;
        let mut inner = self.count("forget_service");
        inner.keep(&self.tape);
        let answer = inner.forget_service(service, record);
        drop(inner);
        pass.leave(answer)
    }

    async fn open_deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<DeploymentId>,
        up_to: DeploymentId,
    ) -> PortResult<Vec<Deployment>> {
        let pass = self.tape.enter("open_deployments", false).await?;
        let inner = self.count("open_deployments");
        let answer = inner.open_deployments(service, environment, after, up_to);
        drop(inner);
        pass.leave(answer)
    }

    async fn attention(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<(ServiceName, Scope)>> {
        let pass = self.tape.enter("attention", false).await?;
        let inner = self.count("attention");
        let answer = inner.attention(now, limit);
        drop(inner);
        pass.leave(answer)
    }
}

impl Slots for FakeRegistry {
    async fn acquire(&self, stack: &str) -> PortResult<bool> {
        let pass = self.tape.enter("acquire", true).await?;
        let mut inner = self.count("acquire");
        inner.keep(&self.tape);
        let answer = inner.acquire(stack, self.max_operations);
        drop(inner);
        pass.leave(answer)
    }

    async fn holders(&self) -> PortResult<Vec<String>> {
        let pass = self.tape.enter("holders", false).await?;
        let inner = self.count("holders");
        let answer = inner.holders();
        drop(inner);
        pass.leave(answer)
    }

    async fn release(&self, stack: &str) -> PortResult<()> {
        let pass = self.tape.enter("release", true).await?;
        let mut inner = self.count("release");
        inner.keep(&self.tape);
        inner.release(stack);
        drop(inner);
        pass.leave(())
    }
}

/// What the adapter says of an item that is none of ours.
pub(super) fn unreadable(operation: &'static str) -> PortError {
    PortError {
        operation,
        message: "the item cannot be read".to_owned(),
        kind: PortErrorKind::Refused,
        source: None,
    }
}
