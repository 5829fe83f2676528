//! Load balancers that services share: when each comes, and when it goes.
//!
//! Each is registered as a database is, but by the control plane alone. Of all that follows from
//! being registered nothing is special: its stack is made, healed and deleted by the reconciler.
//!
//! # Guarantees
//! While somebody has a place on one, it is registered, and not on its way out. Whoever claims the
//! first place registers it in the same transaction, or takes it back if it was going; whoever
//! claims another one does so only while somebody has one. It is marked to go in a transaction
//! that holds only while nobody has a place. So of a claim and an end at the same moment one comes
//! first, and the other is decided anew.
//!
//! # What it refuses to do
//! It moves no service from one to another.

use jiff::Timestamp;
use slipway_domain::manifest::Kind;
use slipway_domain::{Cause, Effective, Phase, Platform, Scope, ServiceName, balancer};
use ulid::Ulid;

use super::{Taken, place_of};
use crate::Stamp;
use crate::change::{self, Change, Request};
use crate::record::{ServiceState, StackRecord};

/// The output of its stack that is there once services can be on it.
const LISTENER: &str = "Listener";
/// Who the audit log says it was, where it was nobody.
const OURSELVES: &str = "slipway";

/// What a change does to load balancers that services share.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Balancers {
    /// Those that are registered, or stay, because the change claims the first place on them.
    pub kept: Vec<Change>,
    /// That on which nobody may have a place, if the change is its end.
    pub left: Option<ServiceName>,
}

/// What makes a load balancer be there from now on; `change` needs it. Nothing where its name is
/// taken by something else, as by a service of an earlier version.
pub fn kept(
    name: &ServiceName,
    known: Option<&ServiceState>,
    platform: &Platform,
    change: &Change,
) -> Option<Change> {
    let manifest = balancer::manifest(name.clone());
    let intent = format!("{} {name}", change.audit.id);
    let request = Request {
        actor: change.audit.actor.clone(),
        ..request("register", change.at, &intent)
    };
    let Some(state) = known else {
        return Some(change::register(manifest, platform, &request));
    };
    again(state, platform, &request)
}

/// What has one that is there, or on its way out, stay or be tried again: another generation of
/// the same.
fn again(state: &ServiceState, platform: &Platform, request: &Request) -> Option<Change> {
    let mut stays = state.clone();
    stays.service.deleting = false;
    let manifest = stays.service.manifest.clone();
    (manifest.settings.kind == Kind::LoadBalancer)
        .then(|| change::replace(&stays, manifest, None, platform, request))
}

/// What ends a load balancer on which nobody has a place; nothing where somebody has one, and of
/// what is none.
pub fn ended(state: &ServiceState, taken: &Taken, now: Timestamp) -> Option<Change> {
    let service = &state.service;
    let is_left = taken.rules.is_empty() && taken.groups == 0;
    if service.manifest.settings.kind != Kind::LoadBalancer || service.deleting || !is_left {
        return None;
    }
    let intent = format!("{} {}", service.uid, service.generation);
    let mut change = change::delete(state, &request("delete", now, &intent));
    change.balancers.left = Some(service.name().clone());
    Some(change)
}

/// How far a load balancer is that an environment is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Services can be on it.
    Ready,
    /// It is on its way.
    Coming,
    /// It could not be made, for this reason, since this time.
    Failed(String, Timestamp),
}

/// The shared load balancer on which an environment has its place, if it has one.
pub fn of(effective: &Effective, stack: &StackRecord, platform: &Platform) -> Option<ServiceName> {
    balancer::registered(&place_of(effective, stack, platform)?.on)
}

/// How far the load balancer is.
pub fn standing(state: Option<&ServiceState>, platform: &Platform) -> Standing {
    let scope = Scope::Environment(platform.environment.clone());
    let Some(state) = state.filter(|it| !it.service.deleting) else {
        return Standing::Coming;
    };
    let Some(stack) = state.stacks.get(&scope) else {
        return Standing::Coming;
    };
    let status = &stack.status;
    // Not seen since it was registered, taken back, or tried again.
    if status.observed_generation != state.service.generation {
        return Standing::Coming;
    }
    // Of what could not be deleted whole, something is missing.
    let is_made = status.outputs.contains_key(LISTENER) && stack.progress.deletions == 0;
    match status.phase {
        // What an update of it failed at keeps nobody from it.
        Phase::Ready | Phase::Updating | Phase::RollingOut | Phase::Failed if is_made => {
            Standing::Ready
        }
        Phase::Failed => Standing::Failed(status.message.clone(), status.since),
        Phase::Ready
        | Phase::Updating
        | Phase::RollingOut
        | Phase::Pending
        | Phase::Waiting
        | Phase::Creating
        | Phase::Deleting => Standing::Coming,
    }
}

/// What has one tried again that could not be made, once: for somebody who came since.
pub fn tried_again(state: &ServiceState, platform: &Platform, now: Timestamp) -> Option<Change> {
    let intent = format!("{} {}", state.service.uid, state.service.generation);
    again(state, platform, &request("replace", now, &intent))
}

/// A request of the control plane's own, with an id that is this intent's alone at this time.
fn request(action: &'static str, now: Timestamp, intent: &str) -> Request {
    let hash = slipway_synth::sha256(format!("{intent} {now}").as_bytes());
    let random = u128::from_str_radix(&hash[..20], 16).unwrap_or_default();
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Request {
        actor: OURSELVES.to_owned(),
        stamp: Stamp {
            now,
            id: Ulid::from_parts(millis, random),
        },
        action,
        cause: Cause::Api,
    }
}
