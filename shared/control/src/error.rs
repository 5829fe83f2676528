//! What can go wrong, without a word of HTTP: `functions/api` turns it into problem+json.

use std::collections::BTreeSet;

use slipway_domain::{Problems, RoutePath, ServiceName};

use crate::databases::named;
use crate::record::PathOwner;

/// A port's call did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct PortError {
    /// Which call, such as `dynamodb:Query`.
    pub operation: &'static str,
    /// What the other side said.
    pub message: String,
    /// Whether the same call may succeed later.
    pub kind: PortErrorKind,
    /// The cause, for the log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Whether a failed call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The other side works on something else of the same thing: this call had no effect, and may
    /// be made again when that has ended.
    Busy,
    /// Throttled, timed out, connection lost, or the other side is busy: again later.
    Transient,
    /// The other side will not do this: again is no use until something changes.
    Refused,
}

impl PortError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            PortErrorKind::Busy | PortErrorKind::Transient => true,
            PortErrorKind::Refused => false,
        }
    }
}

/// Why a change was not committed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The service exists already, or is no longer at the generation that the change began
    /// from, or one of its stacks came or went meanwhile.
    #[error("the service changed meanwhile")]
    Moved,
    /// Another service holds the path.
    #[error("the path {path} belongs to {owner}")]
    PathTaken {
        /// The path.
        path: RoutePath,
        /// Who holds it: `service` or `service/environment`.
        owner: String,
    },
    /// The idempotency key was used before.
    #[error("the idempotency key was used before")]
    Seen(Box<crate::record::Seen>),
    /// Another transaction is writing the same items just now.
    #[error("another change of the same items is under way")]
    Contended,
    /// The registry did not answer, or refused.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Why a use case did not succeed, for the caller.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The document has problems.
    #[error("{0}")]
    Invalid(#[from] Problems),
    /// There is no such service.
    #[error("there is no service `{0}`")]
    NoService(ServiceName),
    /// The service has no such part.
    #[error("{0}")]
    NoPart(String),
    /// A service of this name exists.
    #[error("there is a service `{0}` already")]
    Exists(ServiceName),
    /// The service is being deleted.
    #[error("`{0}` is being deleted; wait until it is gone")]
    Deleting(ServiceName),
    /// The service is protected against deletion.
    #[error("`{0}` is protected against deletion; set `deletion_protection` to false first")]
    Protected(ServiceName),
    /// RDS still refuses to delete a database.
    #[error(
        "`{database}/{environment}` is still protected against deletion: set `deletion_protection` to false, and wait until it is ready"
    )]
    StillProtected {
        /// The database.
        database: ServiceName,
        /// The environment that would go.
        environment: slipway_domain::EnvironmentName,
    },
    /// A path belongs to another service.
    #[error("the path `{path}` belongs to `{owner}`")]
    PathTaken {
        /// Where the path is written, a JSON pointer into the manifest.
        pointer: String,
        /// The path.
        path: RoutePath,
        /// Who holds it.
        owner: String,
    },
    /// The load balancers that services share are full.
    #[error("the ingress {detail}")]
    NoRoom {
        /// Where the ingress is written, a JSON pointer into the manifest.
        pointer: String,
        /// The quota that is exhausted, and what would help.
        detail: String,
    },
    /// Others use the database that would be taken from them.
    #[error(
        "`{database}` is used by {}: they take it out of their `databases` first, or are deleted",
        named(users)
    )]
    InUse {
        /// The database.
        database: ServiceName,
        /// Where the change is written, a JSON pointer into the manifest; empty for a deletion.
        pointer: String,
        /// Who uses it.
        users: BTreeSet<PathOwner>,
    },
    /// A document of the service's is asked for as a database's, and it is none.
    #[error("there is no database `{0}`")]
    NoDatabase(ServiceName),
    /// The caller's precondition does not hold.
    #[error(
        "`{service}` is at generation {generation}, not at the one in If-Match; read it again and repeat the change"
    )]
    Stale {
        /// The service.
        service: ServiceName,
        /// Its generation.
        generation: u64,
    },
    /// The change needs a precondition.
    #[error("`{0}` exists: send its ETag in If-Match, so that nobody's change is lost")]
    NoPrecondition(ServiceName),
    /// The idempotency key was used with another request.
    #[error("this Idempotency-Key was used with another request; use a new one for each")]
    KeyReused,
    /// Too many changes of the same service at once.
    #[error("`{0}` is being changed by others at this moment; try again")]
    Contended(ServiceName),
    /// The deployment has ended, or a newer one took its place.
    #[error("the deployment `{0}` is not under way any more")]
    DeploymentOver(slipway_domain::DeploymentId),
    /// The deployment is the control plane's own.
    #[error(
        "the deployment `{0}` is the platform's own: it brings what was there; deploy something else, or stop the upgrade"
    )]
    DeploymentOfOurs(slipway_domain::DeploymentId),
    /// The deployment does not wait to be promoted.
    #[error(
        "the deployment `{0}` does not wait to be promoted: `deploy.pause` has one wait, before traffic moves"
    )]
    NothingWaits(slipway_domain::DeploymentId),
    /// Nothing that succeeded ran before.
    #[error(
        "nothing that succeeded ran in `{service}/{environment}` before: deploy an image that works, or delete it"
    )]
    NothingToGoBackTo {
        /// The service.
        service: ServiceName,
        /// The environment.
        environment: slipway_domain::EnvironmentName,
    },
    /// There are no tasks whose number could be changed.
    #[error("`{service}/{environment}` has no tasks that could be scaled: {why}")]
    NothingToScale {
        /// The service.
        service: ServiceName,
        /// The environment.
        environment: slipway_domain::EnvironmentName,
        /// Why, in a sentence.
        why: String,
    },
    /// It is no job, and has no runs.
    #[error("`{service}/{environment}` is of the kind `{kind}`, and only a job has runs")]
    NotAJob {
        /// The service.
        service: ServiceName,
        /// The environment.
        environment: slipway_domain::EnvironmentName,
        /// Its kind.
        kind: &'static str,
    },
    /// The run has ended by itself.
    #[error("the run `{0}` has ended, and can't be cancelled any more")]
    RunOver(String),
    /// The job is not there yet.
    #[error("`{service}/{environment}` has nothing yet that could be run: {why}")]
    NothingToRun {
        /// The service.
        service: ServiceName,
        /// The environment.
        environment: slipway_domain::EnvironmentName,
        /// Why, in a sentence.
        why: String,
    },
    /// AWS's target tracking keeps the bounds as the manifest has them.
    #[error(
        "`{service}/{environment}` is scaled by AWS's target tracking, between the manifest's bounds alone: change `scaling.min` and `scaling.max`, or scale by alarms"
    )]
    ScaledByAws {
        /// The service.
        service: ServiceName,
        /// The environment.
        environment: slipway_domain::EnvironmentName,
    },
    /// A number of tasks, or bounds of it, that may not be.
    #[error("`{pointer}` {detail}", pointer = pointer.trim_start_matches('/'))]
    OutOfBounds {
        /// Where it is written, a JSON pointer into the request.
        pointer: &'static str,
        /// What would be right.
        detail: String,
    },
    /// The platform's upgrade has ended.
    #[error(
        "the upgrade has ended: there is nothing to stop, and nothing failed that could be tried again"
    )]
    UpgradeOver,
    /// The platform's upgrade is written by others at this moment.
    #[error("the upgrade moves on at this moment; try again")]
    UpgradeBusy,
    /// The registry or AWS did not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}
