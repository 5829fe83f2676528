//! Places on what services share, for a change that needs some.

use slipway_domain::Platform;

use super::Services;
use super::refuse::invalid;
use crate::change::{Change, MOST_PATHS};
use crate::error::ServiceError;
use crate::places::balancers;
use crate::places::{self, AllTaken, HTTP_API, Limits, NoRoom, PlaceClaims, Wanted};
use crate::ports::{PortResult, QuotaReader, ServiceReader, SnapshotReader};
use crate::record::ServiceState;

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader,
    C: QuotaReader + SnapshotReader,
{
    /// The change with all that it must claim from others: places, and databases. Callers box it:
    /// a change is large, and several are on their way in it.
    ///
    /// # Errors
    /// [`ServiceError::NoRoom`], [`ServiceError::InUse`], and [`ServiceError::Invalid`] for a database
    /// that the service may not use.
    pub(super) async fn prepared(
        &self,
        change: Change,
        before: Option<&ServiceState>,
        attempt: u32,
    ) -> Result<Change, ServiceError> {
        if let Some(environment) = change.holds_too_many(before) {
            return Err(ServiceError::NoRoom {
                pointer: change.service.manifest.pointer(&environment, "path"),
                detail: format!(
                    "is one more path, and `{environment}` holds {MOST_PATHS} of changes that are not done yet: wait until one has ended, or delete the environment"
                ),
            });
        }
        let change = self.let_in(change, before).await?;
        if let Some(environment) = change.takes_all_that_runs(before, &self.platform.environment) {
            let pointer = change.service.manifest.pointer(&environment, "kind");
            let detail = format!(
                "or `function` names nothing to run in place of what `{environment}` runs: give `function.code` or `image` in the same change"
            );
            return Err(invalid(&pointer, &detail));
        }
        self.restorable(&change.service.manifest, before).await?;
        self.placed(change, before, attempt).await
    }

    /// The change with the places that it needs and its service does not have, for the `attempt`th
    /// time, from 0 on.
    ///
    /// The registry is asked what is taken of load balancers, and of one on which nobody is whether
    /// it is there: the change registers it, or has it stay. The HTTP API has so many numbers that
    /// one is free without looking, all but always: it is looked at once the claim met another.
    ///
    /// # Errors
    /// [`ServiceError::NoRoom`].
    async fn placed(
        &self,
        mut change: Change,
        before: Option<&ServiceState>,
        attempt: u32,
    ) -> Result<Change, ServiceError> {
        let manifest = &change.service.manifest;
        let wanted = places::wanted(manifest, before, &self.platform);
        let blindly = || {
            let on_api = places::names(&wanted, &self.platform) == [HTTP_API];
            let limits = Limits {
                keeps_a_tenth: true,
                ..Limits::default()
            };
            let choice = places::choose(&wanted, AllTaken::new(), limits, &self.platform);
            choice.ok().filter(|_| on_api && attempt == 0)
        };
        let found = match blindly() {
            Some(claims) => Ok(claims),
            None => find(&wanted, &self.platform, &self.registry, &self.checks).await?,
        };
        match found {
            Ok(claims) => {
                for name in claims.first_on() {
                    let known = self.registry.service(&name).await?;
                    let kept = balancers::kept(&name, known.as_ref(), &self.platform, &change);
                    let kept = kept.ok_or(ServiceError::Exists(name))?;
                    change.balancers.kept.push(kept);
                }
                places::add(&mut change, claims);
            }
            Err(no_room) => {
                return Err(ServiceError::NoRoom {
                    pointer: manifest.pointer(&no_room.environment, no_room.field),
                    detail: no_room.detail,
                });
            }
        }
        Ok(change)
    }
}

/// The places that are wanted, as there is room.
pub(crate) async fn find(
    wanted: &[Wanted],
    platform: &Platform,
    registry: &impl ServiceReader,
    quotas: &impl QuotaReader,
) -> PortResult<Result<PlaceClaims, NoRoom>> {
    if wanted.is_empty() {
        return Ok(Ok(PlaceClaims::default()));
    }
    let taken = registry.taken(&places::names(wanted, platform)).await?;
    // No account has less than AWS's defaults: what these leave room for is asked of nobody.
    let by_default = places::choose(wanted, taken.clone(), Limits::default(), platform);
    if by_default.is_ok() {
        return Ok(by_default);
    }
    let limits = quotas.limits().await;
    Ok(places::choose(wanted, taken, limits, platform))
}
