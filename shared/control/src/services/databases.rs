//! Databases in changes: what a service may use, and what may not be taken from those who do.

use std::collections::BTreeSet;

use slipway_domain::manifest::Kind;
use slipway_domain::{Manifest, Platform, Problem, Problems, ServiceName};

use super::Services;
use crate::change::Change;
use crate::databases::{self, Claim, InUse, Wanted};
use crate::error::ServiceError;
use crate::ports::{PortResult, ServiceReader};
use crate::preflight::{Check, Outcome, Subject};
use crate::record::ServiceState;

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader,
{
    /// The change with the claims on databases that it needs and its service does not have; or why
    /// it is not made. Asks nobody when it needs none, and takes nothing from users of its own.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for what is not allowed, [`ServiceError::InUse`] for what others
    /// use.
    pub(super) async fn let_in(
        &self,
        mut change: Change,
        before: Option<&ServiceState>,
    ) -> Result<Change, ServiceError> {
        let manifest = &change.service.manifest;
        let (platform, registry) = (&self.platform, &self.registry);
        if let Some(before) = before {
            refused(databases::fixed(before, manifest, platform))?;
            let after = (!change.service.deleting).then_some(manifest);
            if let Some(environment) = databases::still_protected(before, after, platform) {
                let database = before.service.name().clone();
                return Err(ServiceError::StillProtected {
                    database,
                    environment,
                });
            }
            let former = &before.service.manifest;
            let takes = match after {
                Some(after) => databases::narrows(former, after, platform),
                None => former.settings.kind == Kind::Database,
            };
            if takes {
                let users = registry.users(&former.service).await?;
                if let Some(InUse { pointer, users }) =
                    databases::left_without(&users, after, platform)
                {
                    let database = former.service.clone();
                    return Err(ServiceError::InUse {
                        database,
                        pointer,
                        users,
                    });
                }
                change.databases.counted = Some(users.claims);
            }
        }
        if !change.service.deleting {
            match find(manifest, before, platform, registry).await? {
                Ok(uses) => databases::add(&mut change, uses),
                Err(problems) => refused(problems)?,
            }
        }
        Ok(change)
    }
}

pub(super) fn refused(problems: Vec<Problem>) -> Result<(), ServiceError> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(ServiceError::Invalid(Problems {
        problems,
        schema: false,
    }))
}

/// The claims that a manifest needs and its service does not have, or why it may not have them: all
/// reasons at once. One call for each database that is new to it.
pub(crate) async fn find(
    manifest: &Manifest,
    before: Option<&ServiceState>,
    platform: &Platform,
    registry: &impl ServiceReader,
) -> PortResult<Result<Vec<Claim>, Vec<Problem>>> {
    let wanted = databases::wanted(manifest, before, platform);
    if wanted.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let known = read(registry, wanted.iter().map(|it| &it.used.database)).await?;
    let mut claims = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for it in wanted {
        let state = known
            .iter()
            .find(|state| *state.service.name() == it.used.database);
        match (databases::denied(&it, state, platform), state) {
            (None, Some(state)) => claims.push(Wanted::claim(it, state)),
            // Environments share what they inherit.
            (Some(detail), _) if !problems.iter().any(|known| known.pointer == it.pointer) => {
                problems.push(Problem::new(it.pointer, detail));
            }
            (Some(_), _) | (None, None) => {}
        }
    }
    Ok(if problems.is_empty() {
        Ok(claims)
    } else {
        Err(problems)
    })
}

/// What stands in the way of a manifest: what it may not use, change, or take from others.
pub(crate) async fn obstacles(
    manifest: &Manifest,
    before: Option<&ServiceState>,
    platform: &Platform,
    registry: &impl ServiceReader,
) -> PortResult<Vec<Problem>> {
    let mut problems = Vec::new();
    if let Some(before) = before {
        problems.extend(databases::fixed(before, manifest, platform));
        let protected = databases::still_protected(before, Some(manifest), platform);
        problems.extend(protected.map(|it| {
            let detail = format!("leave out `{it}`, which is protected against deletion: set `deletion_protection` to false first, and wait until it is ready");
            Problem::new("/environments", detail)
        }));
        if databases::narrows(&before.service.manifest, manifest, platform) {
            let users = registry.users(&manifest.service).await?;
            let left = databases::left_without(&users, Some(manifest), platform);
            problems.extend(left.map(|it| {
                let detail = format!("takes the database from {}, who use it", it.names());
                Problem::new(it.pointer, detail)
            }));
        }
    }
    let found = find(manifest, before, platform, registry).await?;
    problems.extend(found.err().unwrap_or_default());
    Ok(problems)
}

/// Whether each database that a manifest uses is there.
pub(crate) async fn checks(
    manifest: &Manifest,
    platform: &Platform,
    registry: &impl ServiceReader,
    obstacles: &[Problem],
) -> PortResult<Vec<Check>> {
    let all = databases::wanted(manifest, None, platform);
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let known = read(registry, all.iter().map(|it| &it.used.database)).await?;
    let check = |it: Wanted| {
        let used = &it.used;
        let state = known
            .iter()
            .find(|state| *state.service.name() == used.database);
        let (verdict, message) = match obstacles
            .iter()
            .find(|problem| problem.pointer == it.pointer)
        {
            Some(problem) => (
                Outcome::Failed,
                format!("`{}` {}.", problem.pointer, problem.detail),
            ),
            None if used.is_there(state) => {
                (Outcome::Passed, format!("The database `{used}` is there."))
            }
            None => (
                Outcome::Unknown,
                format!("The database `{used}` is not ready yet: the deployment waits for it."),
            ),
        };
        Check {
            check: Subject::Databases,
            environment: Some(it.owner.environment),
            verdict,
            message,
            pointer: Some(it.pointer),
        }
    };
    Ok(all.into_iter().map(check).collect())
}

/// Those of the services that are there.
pub(crate) async fn read<'a>(
    registry: &impl ServiceReader,
    names: impl IntoIterator<Item = &'a ServiceName>,
) -> PortResult<Vec<ServiceState>> {
    let names: BTreeSet<&ServiceName> = names.into_iter().collect();
    let mut found = Vec::new();
    for name in names {
        found.extend(registry.service(name).await?);
    }
    Ok(found)
}
