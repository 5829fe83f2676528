//! Where a stack stands towards what this version renders.

use jiff::Timestamp;
use slipway_domain::{Evidence, Phase, Platform, Scope};

use super::state::Upgrade;
use crate::reconcile::desired::{Desired, Target, desired};
use crate::reconcile::observed::DIGEST_OUTPUT;
use crate::reconcile::plan::LEASE;
use crate::record::{ServiceState, StackRecord};

/// Where a stack stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is not there, or is to go, or waits for its first image.
    Gone,
    /// It is as this version renders it.
    Current,
    /// Something is under way.
    Busy,
    /// It is at rest, and this version would render it differently.
    Outdated,
    /// It failed, and is not tried again by itself.
    Failed {
        /// Why.
        reason: String,
        /// Whether it was this upgrade that let it through.
        ours: bool,
    },
}

/// Where the stack `scope` of a service stands.
pub(super) fn standing(
    state: &ServiceState,
    scope: &Scope,
    platform: &Platform,
    upgrade: &Upgrade,
) -> Standing {
    let Some(record) = state.stacks.get(scope) else {
        return Standing::Gone;
    };
    let target = match desired(state, scope, platform) {
        Desired::Present(target) => target,
        // What was refused or waits is its team's, and is rendered anew when it begins.
        Desired::Absent { .. }
        | Desired::Held
        | Desired::NoStack { .. }
        | Desired::Waiting { .. }
        | Desired::Refused { .. }
        | Desired::Awaiting { .. } => return Standing::Gone,
    };
    let current = is_current(record, &target);
    let ours = record.progress.permit.as_ref() == Some(&upgrade.fingerprint);
    let awaits_look = record.attention.is_some();
    match record.status.phase {
        Phase::Ready if current => Standing::Current,
        // A change of the service is on its way to it.
        Phase::Ready if awaits_look && (ours || !is_settled(record, target.generation)) => {
            Standing::Busy
        }
        Phase::Ready => Standing::Outdated,
        Phase::Failed if awaits_look => Standing::Busy,
        Phase::Failed if !current && may_try_again(record, ours, target.generation, upgrade) => {
            Standing::Outdated
        }
        Phase::Failed => Standing::Failed {
            reason: record.status.message.clone(),
            ours,
        },
        Phase::Pending
        | Phase::Waiting
        | Phase::Creating
        | Phase::Updating
        | Phase::RollingOut
        | Phase::Deleting => Standing::Busy,
    }
}

fn is_current(record: &StackRecord, target: &Target) -> bool {
    let settled = record.progress.settled.as_ref();
    record.status.outputs.get(DIGEST_OUTPUT) == Some(&target.digest)
        || settled.is_some_and(|it| it.digest == target.digest)
}

fn is_settled(record: &StackRecord, generation: u64) -> bool {
    let settled = record.progress.settled.as_ref();
    settled.is_some_and(|it| it.generation == generation)
}

/// Whether a failure was that of an earlier upgrade, or of this one before it was resumed: its
/// team did nothing wrong, and runs what it ran before.
fn may_try_again(record: &StackRecord, ours: bool, generation: u64, upgrade: &Upgrade) -> bool {
    let resumed = upgrade.resumed.as_ref().map(|it| it.at);
    record.progress.permit.is_some()
        && record.progress.generation == generation
        && (!ours || resumed.is_some_and(|at| record.status.since < at))
}

/// The record with the permit to be updated by this version, and what an earlier attempt left
/// forgotten.
pub(super) fn permitted(record: &StackRecord, fingerprint: &str, now: Timestamp) -> StackRecord {
    let mut record = record.clone();
    record.attention = Some(now);
    let progress = &mut record.progress;
    progress.permit = Some(fingerprint.to_owned());
    progress.attempt = 0;
    progress.recoveries = 0;
    progress.failure = None;
    progress.evidence = Evidence::default();
    progress.evidence_looks = 0;
    // One that was begun a moment ago may still be about to show.
    progress.operation = progress
        .operation
        .take()
        .filter(|it| !it.seen && now < it.begun_at + LEASE);
    record
}
