//! The full round: what the registry believes settled is compared with what is there.
//!
//! Events tell of changes, and events get lost; what nobody tells of, such as a resource that was
//! changed by hand, a check for drift finds. A round costs the pages of two listings, and then a
//! call for each stack that needs attention and for each check that it begins: no call for each
//! service. It decides nothing about a stack; it has the reconciler look at it.
//!
//! Looks are asked for by messages: one call each, where writing a stack's attention would be a
//! read and a write. A message that is lost is sent again by the next round.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::{Phase, Platform, Scope, ServiceName, StackName};

use crate::ports::{ListedStack, PortResult, ServiceReader, StackLister, Waker};
use crate::reconcile::observed::CloudFormationStatus;
use crate::view::ServiceSummary;

/// The most checks for drift that one round begins. A platform with 480 stacks has each checked
/// once a day.
pub const CHECKS: usize = 20;
/// How long a check for drift holds.
const CHECK_HOLDS: SignedDuration = SignedDuration::from_hours(24);
/// How long a check's finding has stacks woken: some rounds, in case one is lost. What is left
/// drifted on purpose, or drifts because the control plane itself scales it, is not looked at
/// each hour for ever.
const FINDING_IS_NEWS: SignedDuration = SignedDuration::from_hours(3);
/// The services of a page of the listing.
const PAGE: usize = 100;
/// The longest delay of a message, in seconds, over which many are spread.
const SPREAD: usize = 15 * 60;

/// Compares the registry with CloudFormation.
#[derive(Debug)]
pub struct Round<'a, R, S, W> {
    /// Services.
    pub registry: &'a R,
    /// Stacks.
    pub stacks: &'a S,
    /// Has stacks looked at.
    pub waker: &'a W,
    /// The platform.
    pub platform: &'a Platform,
}

/// What a round found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many stacks of the platform there are.
    pub stacks: usize,
    /// How many services there are.
    pub services: usize,
    /// How many stacks are to be looked at.
    pub woken: usize,
    /// How many checks for drift were begun.
    pub checked: usize,
    /// The stacks that bear the platform's name, and that no service knows. They are left alone.
    pub orphans: Vec<String>,
}

/// What is to be done about the difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The stacks to look at.
    pub wake: Vec<(ServiceName, Scope)>,
    /// The ids of the stacks to check for drift.
    pub check: Vec<String>,
    /// The names of stacks that no service knows.
    pub orphans: Vec<String>,
}

/// What the registry's index says of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// It is there, and as wanted.
    Ready,
    /// It is there, or not; nobody works on it.
    Failed,
    /// It may be there; the sweep follows it, or nothing is to run.
    Unsettled,
}

impl<R, S, W> Round<'_, R, S, W>
where
    R: ServiceReader,
    S: StackLister,
    W: Waker,
{
    /// Makes a round. What fails for one stack keeps no other from its turn.
    pub async fn go(&self, now: Timestamp) -> PortResult<Report> {
        // Stacks first: what comes between the two listings is known to the second.
        let stacks = self.list_stacks().await?;
        let services = self.list_services().await?;
        let findings = compare(&stacks, &services, now);
        let mut report = Report {
            stacks: stacks.len(),
            services: services.len(),
            orphans: findings.orphans,
            ..Report::default()
        };
        let mut failed = None;
        let delays = spread(findings.wake.len());
        for ((service, scope), delay) in findings.wake.iter().zip(delays) {
            match self.waker.wake(service, scope, delay).await {
                Ok(()) => report.woken += 1,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        for id in &findings.check {
            match self.stacks.check_drift(id).await {
                Ok(()) => report.checked += 1,
                Err(error) => {
                    tracing::warn!(%error, stack = id, "a check for drift could not begin");
                    failed = failed.or(Some(error).filter(crate::error::PortError::is_transient));
                }
            }
        }
        tell(&report);
        failed.map_or(Ok(report), Err)
    }

    async fn list_stacks(&self) -> PortResult<BTreeMap<StackName, ListedStack>> {
        let mut found = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.stacks.stacks(after.as_deref()).await?;
            let ours = page.items.into_iter().filter_map(|stack| {
                let name: StackName = stack.name.parse().ok()?;
                (name.platform == self.platform.name).then_some((name, stack))
            });
            found.extend(ours);
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    async fn list_services(&self) -> PortResult<Vec<ServiceSummary>> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.registry.services(None, after.as_deref(), PAGE).await?;
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

/// What is to be done about the difference between what is there and what the registry believes.
pub fn compare(
    stacks: &BTreeMap<StackName, ListedStack>,
    services: &[ServiceSummary],
    now: Timestamp,
) -> Findings {
    let beliefs = beliefs(services);
    let listed: BTreeMap<(&ServiceName, &Scope), &ListedStack> = stacks
        .iter()
        .map(|(name, stack)| ((&name.service, &name.scope), stack))
        .collect();
    let mut findings = Findings::default();
    let mut unchecked = Vec::new();
    for ((service, scope), (belief, must_exist)) in &beliefs {
        let found = listed.get(&(*service, scope));
        let wakes = match (belief, found) {
            (Belief::Unsettled, _) => false,
            (Belief::Ready | Belief::Failed, None) => *must_exist,
            (Belief::Ready | Belief::Failed, Some(stack)) => {
                !is_complete(stack.status) || is_news(stack, now)
            }
        };
        if wakes {
            findings.wake.push(((*service).clone(), scope.clone()));
        }
        if let Some(stack) = found.filter(|stack| {
            *belief == Belief::Ready && is_complete(stack.status) && wants_check(stack, now)
        }) {
            unchecked.push((stack.checked_at, stack.id.clone()));
        }
    }
    // Never checked comes first, then the longest ago.
    unchecked.sort();
    findings.check = unchecked
        .into_iter()
        .take(CHECKS)
        .map(|(_, id)| id)
        .collect();
    findings.orphans = stacks
        .iter()
        .filter(|(name, stack)| {
            !beliefs.contains_key(&(&name.service, name.scope.clone()))
                && stack.status != CloudFormationStatus::DeleteInProgress
        })
        .map(|(name, _)| name.to_string())
        .collect();
    findings
}

/// What is believed of each stack, and whether it must exist.
fn beliefs(services: &[ServiceSummary]) -> BTreeMap<(&ServiceName, Scope), (Belief, bool)> {
    let mut beliefs = BTreeMap::new();
    for service in services {
        // The listing does not say where a service's own stack is on its way. It is there but
        // for moments, and a look too many is harmless.
        let own = if service.deleting {
            (Belief::Unsettled, false)
        } else {
            (Belief::Ready, true)
        };
        beliefs.insert((&service.name, Scope::Service), own);
        for (name, environment) in &service.environments {
            let belief = match environment.phase {
                Phase::Ready => (Belief::Ready, true),
                // With an address it was made once; without, its creation failed.
                Phase::Failed => (Belief::Failed, environment.url.is_some()),
                Phase::Pending
                | Phase::Waiting
                | Phase::Creating
                | Phase::Updating
                | Phase::RollingOut
                | Phase::Deleting => (Belief::Unsettled, false),
            };
            beliefs.insert((&service.name, Scope::Environment(name.clone())), belief);
        }
    }
    beliefs
}

/// Whether the stack is there, whole, and nothing works on it.
fn is_complete(status: CloudFormationStatus) -> bool {
    status.rests() && status != CloudFormationStatus::UpdateFailed
}

fn is_news(stack: &ListedStack, now: Timestamp) -> bool {
    let found = stack.checked_at.filter(|_| stack.drifted);
    found.is_some_and(|at| now.duration_since(at) < FINDING_IS_NEWS)
}

fn wants_check(stack: &ListedStack, now: Timestamp) -> bool {
    stack
        .checked_at
        .is_none_or(|at| now.duration_since(at) >= CHECK_HOLDS)
}

/// A second from one message to the next, or less where they would not fit into the longest
/// delay.
fn spread(messages: usize) -> impl Iterator<Item = Duration> {
    let span = messages.max(SPREAD);
    (0..messages).map(move |n| Duration::from_secs((n * SPREAD / span) as u64))
}

/// Whatever nobody knows is a person's to decide: a stack may hold what somebody still needs.
fn tell(report: &Report) {
    tracing::info!(
        stacks = report.stacks,
        services = report.services,
        woken = report.woken,
        checked = report.checked,
        orphans = report.orphans.len(),
        "round"
    );
    if !report.orphans.is_empty() {
        tracing::warn!(stacks = ?report.orphans, "stacks of this platform that no service knows");
    }
}

#[cfg(test)]
mod tests;
