//! Passwords of databases that were rotated, and the services that have the old one.
//!
//! RDS rotates the secret of a cluster, and ECS reads secrets when a task starts, so tasks that run
//! hold a password that no longer opens anything. Whoever was deployed before the rotation is
//! deployed once more, as it is.
//!
//! # Guarantees
//! What is looked at is the secret and the newest deployment, so it does not matter what told of
//! the rotation, how often or how late. A deployment is remembered under the secret's version, in the
//! transaction that begins it: of two looks at once one begins it.
//!
//! # What it refuses to do
//! It reads no password. It deploys no function and no job, which read the secret when they run, and
//! nothing whose newest deployment came after the rotation, whatever became of that.

use jiff::{SignedDuration, Timestamp};
use slipway_domain::manifest::Kind;
use slipway_domain::{Cause, Deployment, Effective, Platform, Scope, ServiceName};
use ulid::Ulid;

use super::{DatabaseUse, User, output, used};
use crate::Stamp;
use crate::change::{self, Change, Request};
use crate::error::{CommitError, PortError, PortErrorKind};
use crate::ports::{
    ChangeWriter, DatabaseLister, HistoryReader, PortResult, Rotation, RotationReader,
    ServiceReader,
};
use crate::record::{Seen, ServiceState};
use crate::view::DeploymentStarted;

/// Who the audit log says it was.
const OURSELVES: &str = "slipway";
/// How often a commit that met another is tried.
const TRIES: u32 = 3;
/// The databases of a page of the listing.
const PAGE: usize = 100;
/// How long a deployment for a rotation is remembered: longer than RDS takes until the next.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Has services deployed whose databases' passwords were rotated.
#[derive(Debug)]
pub struct Rotations<'a, R, K> {
    /// Services.
    pub registry: &'a R,
    /// Secrets, but for what is in them.
    pub secrets: &'a K,
    /// The platform.
    pub platform: &'a Platform,
}

/// What a look at all databases found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many databases there are.
    pub databases: usize,
    /// How many deployments were begun.
    pub deployed: usize,
}

impl<R, K> Rotations<'_, R, K>
where
    R: ServiceReader + DatabaseLister + HistoryReader + ChangeWriter,
    K: RotationReader,
{
    /// Looks at every database. One that fails keeps no other from its turn.
    ///
    /// # Errors
    /// The first failure, behind all databases.
    pub async fn go(&self, now: Timestamp) -> PortResult<Report> {
        let mut report = Report::default();
        let mut failed = None;
        let mut after: Option<String> = None;
        loop {
            let page = self.registry.databases(None, after.as_deref(), PAGE);
            let page = page.await?;
            report.databases += page.items.len();
            for database in &page.items {
                if let Err(error) = self.look(database, now, &mut report).await {
                    tracing::warn!(%error, %database, "a database's rotation could not be looked at");
                    failed = failed.or(Some(error));
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        tracing::info!(
            databases = report.databases,
            deployed = report.deployed,
            "rotations"
        );
        failed.map_or(Ok(report), Err)
    }

    async fn look(
        &self,
        database: &ServiceName,
        now: Timestamp,
        report: &mut Report,
    ) -> PortResult<()> {
        let users = self.registry.users(database).await?.users;
        if users.is_empty() {
            return Ok(());
        }
        let Some(state) = self.registry.service(database).await? else {
            return Ok(());
        };
        for (scope, stack) in &state.stacks {
            let (Some(environment), Some(secret)) = (
                scope.environment(),
                stack.status.outputs.get(output::SECRET),
            ) else {
                continue;
            };
            let mut users = users.iter().filter(|it| it.environment == *environment);
            let Some(first) = users.next() else { continue };
            let Some(rotation) = self.secrets.rotation(secret).await? else {
                continue;
            };
            let of = DatabaseUse {
                database: database.clone(),
                environment: environment.clone(),
            };
            for user in std::iter::once(first).chain(users) {
                report.deployed += usize::from(self.deploy(user, &of, &rotation, now).await?);
            }
        }
        Ok(())
    }

    /// Deploys a user once more, if what it has is older than the rotation; whether one began.
    async fn deploy(
        &self,
        user: &User,
        of: &DatabaseUse,
        rotation: &Rotation,
        now: Timestamp,
    ) -> PortResult<bool> {
        let mut met = None;
        for _ in 0..TRIES {
            let owner = &user.owner;
            let Some(state) = self.registry.service(&owner.service).await? else {
                return Ok(false);
            };
            if !self.has_the_old_one(&state, user, of, rotation).await? {
                return Ok(false);
            }
            let Some(change) = self.change(&state, user, of, rotation, now) else {
                return Ok(false);
            };
            match self.registry.commit(&change).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Seen(_)) => return Ok(false),
                Err(error @ (CommitError::Contended | CommitError::Moved)) => met = Some(error),
                Err(CommitError::Port(error)) => return Err(error),
                // It claims no path.
                Err(error @ CommitError::PathTaken { .. }) => return Err(busy(&error)),
            }
        }
        met.as_ref().map_or(Ok(false), |error| Err(busy(error)))
    }

    /// Whether the environment's tasks were started with a password from before the rotation.
    async fn has_the_old_one(
        &self,
        state: &ServiceState,
        user: &User,
        database: &DatabaseUse,
        rotation: &Rotation,
    ) -> PortResult<bool> {
        let (service, environment) = (&user.owner.service, &user.owner.environment);
        let manifest = &state.service.manifest;
        let effective = manifest.effective(environment, &self.platform.environment);
        let reads = effective.is_some_and(|it| keeps_secrets(&it) && used(&it).contains(database));
        let stack = state.stacks.get(&Scope::Environment(environment.clone()));
        let newest = stack.and_then(|stack| stack.deployment);
        let (false, true, Some(newest)) = (state.service.deleting, reads, newest) else {
            return Ok(false);
        };
        let newest = self
            .registry
            .deployment(service, environment, newest)
            .await?;
        Ok(newest.is_some_and(|it| it.created_at <= rotation.at))
    }

    /// The deployment of the same once more; nothing for what has no image yet.
    fn change(
        &self,
        state: &ServiceState,
        user: &User,
        of: &DatabaseUse,
        rotation: &Rotation,
        now: Timestamp,
    ) -> Option<Change> {
        let environment = &user.owner.environment;
        let once = format!("rotation/{environment}/{of}/{}", rotation.version);
        let request = Request {
            actor: OURSELVES.to_owned(),
            stamp: stamp(now, &format!("{} {once}", state.service.uid)),
            action: "rotation",
            cause: Cause::Rotation,
        };
        let manifest = state.service.manifest.clone();
        let mut change =
            change::replace(state, manifest, Some(environment), self.platform, &request);
        let begun: &Deployment = change
            .deployments
            .iter()
            .find(|it| it.environment == *environment)?;
        let started = DeploymentStarted {
            generation: change.service.generation,
            deployment: begun.clone(),
        };
        // No idempotency key of a caller has a slash in it.
        change.seen = Some(Seen {
            request: slipway_synth::sha256(once.as_bytes()),
            key: once,
            response: serde_json::to_value(started).unwrap_or_default(),
            expires_at: now + REMEMBERED,
        });
        Some(change)
    }
}

/// Whether what runs holds secrets for as long as it runs.
fn keeps_secrets(effective: &Effective) -> bool {
    match effective.settings.kind {
        Kind::Web | Kind::Worker => true,
        // Each run of a job is told anew.
        Kind::Job | Kind::Database | Kind::Function | Kind::LoadBalancer => false,
    }
}

/// Time, and an id that is this intent's alone at this time.
fn stamp(now: Timestamp, intent: &str) -> Stamp {
    let hash = slipway_synth::sha256(format!("{intent} {now}").as_bytes());
    let random = u128::from_str_radix(&hash[..20], 16).unwrap_or_default();
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Stamp {
        now,
        id: Ulid::from_parts(millis, random),
    }
}

/// Others write the same service: the next look makes up for it.
fn busy(error: &CommitError) -> PortError {
    PortError {
        operation: "commit",
        message: error.to_string(),
        kind: PortErrorKind::Busy,
        source: None,
    }
}
