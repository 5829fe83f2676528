//! What the use cases need from the outside, one port per purpose. Each lines up with a
//! statement of the IAM policy of the function that uses it.

mod checks;
mod hooks;
mod notify;
mod pipelines;
mod runs;
mod scaling;
mod steer;
mod wake;

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, Evidence, Place, RoutePath, Scope, ServiceName,
    TeamName,
};
use slipway_scaling::Paused;

use crate::change::Change;
use crate::databases::{DatabaseUse, Users};
use crate::error::{CommitError, PortError};
use crate::places::AllTaken;
use crate::reconcile::observed::{
    ChangeSet, CloudFormationStatus, ObservedStack, OperationFailure, ResourceDrift, Rollout,
    StuckResource,
};
use crate::record::{AuditEntry, PathOwner, Seen, ServiceRecord, ServiceState, StackRecord};
use crate::upgrade::UpgradeRecord;
use crate::view::ServiceSummary;

pub use checks::{
    ArchiveLookup, ArchiveReader, FoundArchive, FoundImage, FoundSnapshot, ImageKeeper,
    ImageLookup, ImageReader, Quota, QuotaKind, QuotaReader, RepositoryReader, Room, Rotation,
    RotationReader, ScanRule, Scanning, ScanningKeeper, SecretReader, SnapshotReader,
};
pub use hooks::{HookReader, HookSecret, HookSecrets, HookWriter, Provider};
pub use notify::{
    Announcement, Announcer, FormerKey, NotifySecret, NotifySecrets, Outbox, PostError, Poster,
    Posting,
};
pub use pipelines::{NoPipelines, PipelineStarter};
pub use runs::{RunCanceller, RunEnder, RunReader, RunStarter, Start};
pub use scaling::{
    BoundsWriter, MetricReader, Ordered, Override, Placed, ScalerRecord, ScalerRegistry,
    ScalerWrite, Series, TaskWriter,
};
pub use steer::{DeploymentSteerer, TrafficReader, TrafficRule};
pub use wake::{Owner, QueueReader, WakeRules};

/// The result of a port's call.
pub type PortResult<T> = Result<T, PortError>;

/// A page of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    pub next: Option<String>,
}

/// Reads services. One call of the registry each.
pub trait ServiceReader: Send + Sync {
    /// The service with its stacks.
    fn service(
        &self,
        name: &ServiceName,
    ) -> impl Future<Output = PortResult<Option<ServiceState>>> + Send;

    /// Services by team and name, with a word on each of their stacks.
    fn services(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Page<ServiceSummary>>> + Send;

    /// Who holds a path.
    fn path_owner(
        &self,
        path: &RoutePath,
    ) -> impl Future<Output = PortResult<Option<PathOwner>>> + Send;

    /// What is taken of what services share, by its names. One call for each.
    fn taken(&self, names: &[String]) -> impl Future<Output = PortResult<AllTaken>> + Send;

    /// Who uses a database.
    fn users(&self, database: &ServiceName) -> impl Future<Output = PortResult<Users>> + Send;
}

/// Lists databases. One call of the registry each.
pub trait DatabaseLister: Send + Sync {
    /// The names of databases by team and name.
    fn databases(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Page<ServiceName>>> + Send;
}

/// Reads what happened to a service. One call of the registry each; newest first.
pub trait HistoryReader: Send + Sync {
    /// Deployments of an environment.
    fn deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Page<Deployment>>> + Send;

    /// One deployment.
    fn deployment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> impl Future<Output = PortResult<Option<Deployment>>> + Send;

    /// Earlier and present generations.
    fn generations(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Page<ServiceRecord>>> + Send;

    /// The audit log.
    fn events(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Page<AuditEntry>>> + Send;
}

/// Writes a change of a service, whole or not at all, in one call.
pub trait ChangeWriter: Send + Sync {
    /// Commits the change.
    fn commit(&self, change: &Change) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// What was answered under an idempotency key of the service; it may have expired.
    fn answered(
        &self,
        service: &ServiceName,
        key: &str,
    ) -> impl Future<Output = PortResult<Option<Seen>>> + Send;
}

/// What runs of an environment just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Tasks that ECS is to run.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that start.
    pub pending: u32,
    /// The fewest and the most tasks, as the scalable target has them.
    pub bounds: Option<(u32, u32)>,
    /// What of scaling is paused: the scalable target's `SuspendedState`.
    pub paused: Paused,
    /// Whether tasks of two deployments run, or the newest one's are not all there yet.
    pub deploying: bool,
}

/// Looks at what runs.
pub trait LiveReader: Send + Sync {
    /// What runs of the ECS service, or nothing when it is not there.
    fn live(
        &self,
        cluster: &str,
        service: &str,
    ) -> impl Future<Output = PortResult<Option<Live>>> + Send;
}

/// Looks at the platform's HTTP API.
pub trait RouteReader: Send + Sync {
    /// The keys of all routes, such as `ANY /orders`.
    fn route_keys(&self) -> impl Future<Output = PortResult<Vec<String>>> + Send;
}

/// What the reconciler writes of a stack, whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct StackWrite {
    /// The service.
    pub service: ServiceName,
    /// The record, with the version that was read.
    pub record: StackRecord,
    /// Claims to release.
    pub release: Vec<RoutePath>,
    /// Places on the platform's load balancers to release.
    pub places: Vec<Place>,
    /// Claims on databases to release.
    pub databases: Vec<DatabaseUse>,
    /// Deployments that advanced or began.
    pub deployments: Vec<Deployment>,
    /// What the audit log is to say.
    pub audit: Option<AuditEntry>,
}

/// Writes what the reconciler found.
pub trait StackRegistry: Send + Sync {
    /// Writes the stack's state. False, and nothing written, when its version has moved.
    fn save(&self, write: &StackWrite) -> impl Future<Output = PortResult<bool>> + Send;

    /// Removes a stack that is gone, with its claims, and wakes the service's own stack.
    /// False, and nothing removed, when its version has moved.
    fn forget_environment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        record: &StackRecord,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<bool>> + Send;

    /// Removes a service whose stacks are all gone; its audit log and deployments stay.
    /// False, and nothing removed, when it has moved.
    fn forget_service(
        &self,
        service: &ServiceRecord,
        record: &StackRecord,
    ) -> impl Future<Output = PortResult<bool>> + Send;

    /// Deployments of an environment after `after` and up to `up_to` that have not ended.
    fn open_deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<DeploymentId>,
        up_to: DeploymentId,
    ) -> impl Future<Output = PortResult<Vec<Deployment>>> + Send;

    /// Stacks that want a look at `now`, oldest first, and at most `limit` of them.
    fn attention(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = PortResult<Vec<(ServiceName, Scope)>>> + Send;
}

/// The platform's slots for stack operations.
pub trait Slots: Send + Sync {
    /// Takes a slot for the stack; true also when the stack has one already, and false when
    /// all are taken.
    fn acquire(&self, stack: &str) -> impl Future<Output = PortResult<bool>> + Send;

    /// The stacks that hold a slot.
    fn holders(&self) -> impl Future<Output = PortResult<Vec<String>>> + Send;

    /// Gives the stack's slot back; nothing happens when it has none.
    fn release(&self, stack: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// Looks at stacks and what runs in them.
pub trait StackReader: Send + Sync {
    /// A stack by id or name; nothing when there is none of this name. By id, a deleted
    /// stack is still found.
    fn stack(
        &self,
        id_or_name: &str,
    ) -> impl Future<Output = PortResult<Option<ObservedStack>>> + Send;

    /// A change set of a stack.
    fn change_set(
        &self,
        stack: &str,
        name: &str,
    ) -> impl Future<Output = PortResult<Option<ChangeSet>>> + Send;

    /// What ECS says of the service's deployments.
    fn rollout(
        &self,
        cluster: &str,
        service: &str,
    ) -> impl Future<Output = PortResult<Option<Rollout>>> + Send;
}

/// Finds out what is wrong with a stack.
pub trait StackDoctor: Send + Sync {
    /// How the stack's last operation failed, if its events tell that it ended.
    fn failure(
        &self,
        stack: &str,
    ) -> impl Future<Output = PortResult<Option<OperationFailure>>> + Send;

    /// The token of the operation that is at work on the stack, if one is and its events tell.
    fn at_work(&self, stack: &str) -> impl Future<Output = PortResult<Option<String>>> + Send;

    /// The resources that the last deletion could not delete.
    fn stuck(&self, stack: &str) -> impl Future<Output = PortResult<Vec<StuckResource>>> + Send;

    /// The resources that the last check for drift found changed or deleted.
    fn drift(&self, stack: &str) -> impl Future<Output = PortResult<Vec<ResourceDrift>>> + Send;

    /// What ECS, the load balancer and the log say of tasks that fail, and CloudFormation of its
    /// resources. What is gone already is left out; it is no error.
    fn evidence(&self, stack: &str) -> impl Future<Output = PortResult<Evidence>> + Send;
}

/// A stack in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedStack {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: CloudFormationStatus,
    /// When it was last checked for drift.
    pub checked_at: Option<Timestamp>,
    /// Whether that check found drift.
    pub drifted: bool,
}

/// Lists stacks, and has them checked for drift.
pub trait StackLister: Send + Sync {
    /// The stacks of the account and region that are not deleted, in pages.
    fn stacks(
        &self,
        after: Option<&str>,
    ) -> impl Future<Output = PortResult<Page<ListedStack>>> + Send;

    /// Has CloudFormation compare a stack with its template; the result shows in its
    /// description, some seconds or minutes later. Nothing happens while a check runs.
    fn check_drift(&self, stack_id: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// What a stack operation is given.
#[derive(Debug, Clone, PartialEq)]
pub struct StackInput {
    /// The stack's name, or its id where it exists.
    pub stack: String,
    /// The template's text.
    pub template: String,
    /// The stack's tags.
    pub tags: Vec<(String, String)>,
    /// The client request token, which makes a repeated call harmless.
    pub token: String,
}

/// How an operation was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// CloudFormation works on it.
    Now,
    /// CloudFormation knows its token: it was begun before, and may have ended.
    Before,
    /// CloudFormation found nothing to change.
    NothingToDo,
}

/// Changes stacks. Each call is one operation, harmless when repeated with its token.
pub trait StackWriter: Send + Sync {
    /// Prepares the creation of a stack, so that retained resources of its names are taken
    /// in again. The change set bears the token's name.
    fn prepare(&self, input: &StackInput) -> impl Future<Output = PortResult<Started>> + Send;

    /// Prepares the undoing of drift, to the template of `input`. The change set bears the
    /// token's name.
    fn prepare_repair(
        &self,
        input: &StackInput,
    ) -> impl Future<Output = PortResult<Started>> + Send;

    /// Executes the change set of this name.
    fn execute(
        &self,
        stack: &str,
        change_set: &str,
        token: &str,
    ) -> impl Future<Output = PortResult<Started>> + Send;

    /// Updates a stack.
    fn update(&self, input: &StackInput) -> impl Future<Output = PortResult<Started>> + Send;

    /// Deletes a stack by its id. Resources of `retain`, by their names in the template, are
    /// left behind; CloudFormation takes such names only of what it could not delete before.
    fn delete(
        &self,
        stack_id: &str,
        retain: &[String],
        token: &str,
    ) -> impl Future<Output = PortResult<Started>> + Send;
}

/// Ends operations that do not end well by themselves.
pub trait StackRescuer: Send + Sync {
    /// Cancels a running update; CloudFormation takes it back. Nothing happens when none runs.
    fn cancel(&self, stack_id: &str, token: &str) -> impl Future<Output = PortResult<()>> + Send;

    /// Goes on with a rollback that failed.
    fn continue_rollback(
        &self,
        stack_id: &str,
        token: &str,
    ) -> impl Future<Output = PortResult<Started>> + Send;
}

/// The one item of the platform's upgrades. One call of the registry each.
pub trait UpgradeStore: Send + Sync {
    /// The upgrade that runs, or the last one.
    fn upgrade(&self) -> impl Future<Output = PortResult<Option<UpgradeRecord>>> + Send;

    /// Writes the upgrade over the version that was read, with the answer to remember under an
    /// idempotency key that is not known at `now`.
    fn store_upgrade(
        &self,
        record: &UpgradeRecord,
        seen: Option<&Seen>,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// What was answered under an idempotency key.
    fn seen(&self, key: &str) -> impl Future<Output = PortResult<Option<Seen>>> + Send;
}

/// Wakes the reconciler later.
pub trait Waker: Send + Sync {
    /// Wakes it for a stack after `delay`, at most 15 minutes.
    fn wake(
        &self,
        service: &ServiceName,
        scope: &Scope,
        delay: Duration,
    ) -> impl Future<Output = PortResult<()>> + Send;
}
