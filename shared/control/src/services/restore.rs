//! Databases that are made from a snapshot: looked at before anything is made.

use slipway_domain::{Manifest, Platform, Problem};

use super::Services;
use super::databases::refused;
use crate::databases::restore::{self, Restored};
use crate::error::ServiceError;
use crate::ports::{PortResult, SnapshotReader};
use crate::preflight::{Check, Outcome, Subject};
use crate::record::ServiceState;

impl<R, L, G, C> Services<R, L, G, C>
where
    C: SnapshotReader,
{
    /// Whether what a manifest is to be made from is there, and its own. Asks nobody where nothing
    /// is.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`].
    pub(super) async fn restorable(
        &self,
        manifest: &Manifest,
        before: Option<&ServiceState>,
    ) -> Result<(), ServiceError> {
        let found = look(manifest, before, &self.platform, &self.checks).await?;
        refused(problems(&found))
    }
}

/// What is to be made from a snapshot, and why it cannot be, if it cannot: one call for each.
pub(crate) async fn look(
    manifest: &Manifest,
    before: Option<&ServiceState>,
    platform: &Platform,
    ports: &impl SnapshotReader,
) -> PortResult<Vec<(Restored, Option<String>)>> {
    let mut looked_at = Vec::new();
    for wanted in restore::restored(manifest, before, platform) {
        let detail = match ports.snapshot(&wanted.snapshot).await {
            Ok(found) => restore::refused(&wanted, found.as_ref(), platform),
            Err(error) if error.is_transient() => return Err(error),
            // Whose it is could not be seen, and it may be anybody's.
            Err(error) => Some(format!(
                "is `{}`, which the platform cannot look at: {}",
                wanted.snapshot, error.message
            )),
        };
        looked_at.push((wanted, detail));
    }
    Ok(looked_at)
}

/// What stands in the way; environments share what they inherit.
pub(crate) fn problems(looked_at: &[(Restored, Option<String>)]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for (wanted, detail) in looked_at {
        if let Some(detail) = detail {
            let problem = Problem::new(wanted.pointer.clone(), detail.clone());
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// The same as checks of a plan.
pub(crate) fn checks(looked_at: Vec<(Restored, Option<String>)>) -> Vec<Check> {
    let check = |(wanted, detail): (Restored, Option<String>)| {
        let (verdict, message) = match detail {
            Some(detail) => (Outcome::Failed, format!("`{}` {detail}.", wanted.pointer)),
            None => (
                Outcome::Passed,
                format!("The snapshot `{}` is there.", wanted.snapshot),
            ),
        };
        Check {
            check: Subject::Databases,
            environment: Some(wanted.effective.environment),
            verdict,
            message,
            pointer: Some(wanted.pointer),
        }
    };
    looked_at.into_iter().map(check).collect()
}
