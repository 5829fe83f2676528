//! Places on the load balancers that services share, for a change that needs some.

use slipway_domain::{Manifest, Platform};

use super::Services;
use crate::change::Change;
use crate::error::ServiceError;
use crate::places::{self, NoRoom, PlaceClaims};
use crate::ports::{PortResult, QuotaReader, ServiceReader};
use crate::record::ServiceState;

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader,
    C: QuotaReader,
{
    /// The change with all that it must claim from others: places, and databases.
    ///
    /// # Errors
    /// [`ServiceError::NoRoom`], [`ServiceError::InUse`], and [`ServiceError::Invalid`] for a database
    /// that the service may not use.
    pub(super) async fn prepared(
        &self,
        change: Change,
        before: Option<&ServiceState>,
    ) -> Result<Change, ServiceError> {
        let change = self.let_in(change, before).await?;
        self.placed(change, before).await
    }

    /// The change with the places that it needs and its service does not have. Asks nobody when
    /// there are none.
    ///
    /// # Errors
    /// [`ServiceError::NoRoom`].
    async fn placed(
        &self,
        mut change: Change,
        before: Option<&ServiceState>,
    ) -> Result<Change, ServiceError> {
        let manifest = &change.service.manifest;
        let found = find(
            manifest,
            before,
            &self.platform,
            &self.registry,
            &self.checks,
        );
        match found.await? {
            Ok(claims) => places::add(&mut change, claims),
            Err(NoRoom {
                environment,
                detail,
            }) => {
                return Err(ServiceError::NoRoom {
                    pointer: manifest.pointer(&environment, "ingress"),
                    detail,
                });
            }
        }
        Ok(change)
    }
}

/// The places that a manifest needs and its service does not have.
pub(crate) async fn find(
    manifest: &Manifest,
    before: Option<&ServiceState>,
    platform: &Platform,
    registry: &impl ServiceReader,
    quotas: &impl QuotaReader,
) -> PortResult<Result<PlaceClaims, NoRoom>> {
    let wanted = places::wanted(manifest, before, platform);
    if wanted.is_empty() {
        return Ok(Ok(PlaceClaims::default()));
    }
    let taken = registry.taken(&places::names(&wanted, platform)).await?;
    let limits = quotas.balancer_limits().await;
    Ok(places::choose(&wanted, taken, limits, platform))
}
