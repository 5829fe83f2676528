//! What is known of an upgrade, and how it moves on: pure.

use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::{Platform, Scope, ServiceName};

use super::standing::{Standing, permitted, standing};
use crate::ports::Page;
use crate::record::{ServiceState, StackRecord};
use crate::view::ServiceSummary;

/// The most failures that are kept with their reasons.
const MAX_KEPT: usize = 50;
/// The most characters of a reason that are kept.
const MAX_REASON: usize = 500;
/// Who stopped an upgrade that nobody stopped.
const OURSELVES: &str = "slipway";

/// How an upgrade goes, as the platform's parameters say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How many stacks may be in flight at once.
    pub at_once: u32,
    /// How many failed stacks stop it.
    pub max_failures: u32,
}

/// An upgrade under the version that the registry has it at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeRecord {
    /// The version that was read; 0 where there was nothing. A write is conditional on it.
    pub version: u64,
    /// The upgrade.
    pub upgrade: Upgrade,
}

/// An upgrade of the platform's stacks to what one version renders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The fingerprint of what that version renders.
    pub fingerprint: String,
    /// Whether it goes on.
    pub state: UpgradeState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The last time that it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// The last time that it was resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumed>,
    /// How it goes.
    pub limits: Limits,
    /// Where the next page of services begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether the last page was read.
    pub listed: bool,
    /// Services whose turn has not come.
    pub waiting: VecDeque<Waiting>,
    /// Stacks that were let through, and have not ended.
    pub in_flight: Vec<InFlight>,
    /// Stacks that were updated.
    pub done: u64,
    /// Stacks that were as this version renders them.
    pub unchanged: u64,
    /// Stacks that were not at rest, or failed for reasons of their own.
    pub skipped: u64,
    /// Stacks that failed, since the upgrade began or was resumed.
    pub failed: u64,
    /// The first of them.
    pub failures: Vec<Failed>,
}

/// Whether an upgrade goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeState {
    /// Stacks are being updated, so many at once.
    Running,
    /// No further stack is let through until it is resumed.
    Stopped,
    /// Every stack had its turn.
    Done,
}

/// How an upgrade was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// By whom: a caller's ARN, or `slipway` itself.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// How an upgrade was resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumed {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// By whom: a caller's ARN.
    pub by: String,
}

/// A service whose turn has not come, or whose stacks have not all had theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub(super) service: ServiceName,
    /// The stacks that are left; all of them, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<BTreeSet<Scope>>,
}

/// A stack that was let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InFlight {
    /// The service.
    pub service: ServiceName,
    /// The environment, or `-` for the service's own stack.
    #[schemars(with = "String")]
    pub scope: Scope,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
}

/// How long a stack may be in flight. An update, what takes it back and what is tried again each
/// have a deadline of their own, which is shorter.
const LONGEST: SignedDuration = SignedDuration::from_hours(3);

/// A stack whose update failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// The service.
    pub service: ServiceName,
    /// The environment, or `-` for the service's own stack.
    #[schemars(with = "String")]
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// When that was found.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

impl Upgrade {
    /// An upgrade that begins.
    pub fn begin(fingerprint: &str, limits: Limits, now: Timestamp) -> Self {
        Self {
            fingerprint: fingerprint.to_owned(),
            state: UpgradeState::Running,
            started_at: now,
            ended_at: None,
            stopped: None,
            resumed: None,
            limits,
            cursor: None,
            listed: false,
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            done: 0,
            unchanged: 0,
            skipped: 0,
            failed: 0,
            failures: Vec::new(),
        }
    }

    /// Whether a sweep has nothing to do for it.
    pub fn rests(&self) -> bool {
        self.state != UpgradeState::Running && self.in_flight.is_empty()
    }

    /// Stops it; what is in flight ends by itself.
    pub fn stop(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.state = UpgradeState::Stopped;
        self.stopped = Some(Stopped {
            at: now,
            by: by.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Lets it go on. What failed is tried once more, and the count of failures begins anew.
    pub fn resume(&mut self, by: &str, now: Timestamp) {
        self.state = UpgradeState::Running;
        self.ended_at = None;
        self.resumed = Some(Resumed {
            at: now,
            by: by.to_owned(),
        });
        self.failed = 0;
        for failed in std::mem::take(&mut self.failures) {
            if failed.scope == Scope::Service {
                // Its environments were given up with it.
                self.waiting.retain(|it| it.service != failed.service);
                self.waiting.push_front(Waiting {
                    service: failed.service,
                    left: None,
                });
            } else {
                self.put_back(failed.service, failed.scope);
            }
        }
    }

    /// The services of which a stack is in flight.
    pub(super) fn services_in_flight(&self) -> BTreeSet<ServiceName> {
        self.in_flight.iter().map(|it| it.service.clone()).collect()
    }

    /// Whether a further stack may be let through.
    pub(super) fn has_room(&self) -> bool {
        self.state == UpgradeState::Running && !self.fails_too_often() && self.room() > 0
    }

    fn room(&self) -> usize {
        let at_once = usize::try_from(self.limits.at_once.max(1)).unwrap_or(usize::MAX);
        at_once.saturating_sub(self.in_flight.len())
    }

    fn fails_too_often(&self) -> bool {
        self.failed >= u64::from(self.limits.max_failures.max(1))
    }

    /// Takes in a page of services.
    pub(super) fn list(&mut self, page: Page<ServiceSummary>) {
        self.waiting
            .extend(page.items.into_iter().map(|it| Waiting {
                service: it.name,
                left: None,
            }));
        self.listed = page.next.is_none();
        self.cursor = page.next;
    }

    /// The next service whose turn may come: environments wait for their service's own stack.
    pub(super) fn take_next(&mut self) -> Option<Waiting> {
        let held = |waiting: &Waiting| {
            let own = |it: &InFlight| it.service == waiting.service && it.scope == Scope::Service;
            self.in_flight.iter().any(own)
        };
        let next = self.waiting.iter().position(|waiting| !held(waiting))?;
        self.waiting.remove(next)
    }

    /// What became of the stacks of a service that are in flight. Gives the records of those
    /// that have no permit yet, with it: they are to be written.
    pub(super) fn judge(
        &mut self,
        service: &ServiceName,
        state: Option<&ServiceState>,
        platform: &Platform,
        now: Timestamp,
    ) -> Vec<StackRecord> {
        let (flying, others): (Vec<InFlight>, Vec<InFlight>) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|it| it.service == *service);
        self.in_flight = others;
        let mut permits = Vec::new();
        for flight in flying {
            let stands = state.map_or(Standing::Gone, |state| {
                standing(state, &flight.scope, platform, self)
            });
            match stands {
                Standing::Gone => {}
                Standing::Current => self.done += 1,
                // Whatever keeps it, others are not to wait for it for ever.
                Standing::Busy if now.duration_since(flight.since) > LONGEST => {
                    let reason = "It is still under way after three hours: look at its status.";
                    self.fail(flight, reason, now);
                }
                Standing::Busy => self.in_flight.push(flight),
                Standing::Failed { reason, ours: true } => self.fail(flight, &reason, now),
                Standing::Failed { ours: false, .. } => self.skipped += 1,
                // The permit was lost on its way, or an older version looked.
                Standing::Outdated if self.state == UpgradeState::Running => {
                    permits.extend(self.permit(state, &flight.scope, now));
                    self.in_flight.push(flight);
                }
                Standing::Outdated => self.put_back(flight.service, flight.scope),
            }
        }
        permits
    }

    /// Lets through what there is room for of a service whose turn has come. Gives the records
    /// that are to be written.
    pub(super) fn visit(
        &mut self,
        waiting: Waiting,
        state: Option<&ServiceState>,
        platform: &Platform,
        now: Timestamp,
    ) -> Vec<StackRecord> {
        let Some(found) = state else {
            return Vec::new();
        };
        let mut left = waiting
            .left
            .unwrap_or_else(|| found.stacks.keys().cloned().collect());
        left.retain(|scope| match standing(found, scope, platform, self) {
            Standing::Outdated => true,
            Standing::Gone => false,
            Standing::Current => {
                self.unchanged += 1;
                false
            }
            Standing::Busy | Standing::Failed { .. } => {
                self.skipped += 1;
                false
            }
        });
        // The service's own stack sorts first, and goes alone.
        let room = if left.contains(&Scope::Service) {
            self.room().min(1)
        } else {
            self.room()
        };
        let mut permits = Vec::new();
        for scope in left.iter().take(room).cloned().collect::<Vec<_>>() {
            left.remove(&scope);
            permits.extend(self.permit(state, &scope, now));
            self.in_flight.push(InFlight {
                service: waiting.service.clone(),
                scope,
                since: now,
            });
        }
        if !left.is_empty() {
            self.waiting.push_front(Waiting {
                service: waiting.service,
                left: Some(left),
            });
        }
        permits
    }

    fn permit(
        &self,
        state: Option<&ServiceState>,
        scope: &Scope,
        now: Timestamp,
    ) -> Option<StackRecord> {
        let record = state?.stacks.get(scope)?;
        Some(permitted(record, &self.fingerprint, now))
    }

    /// Has a stack wait for its turn once more.
    fn put_back(&mut self, service: ServiceName, scope: Scope) {
        match self.waiting.iter_mut().find(|it| it.service == service) {
            Some(waiting) => {
                if let Some(left) = &mut waiting.left {
                    left.insert(scope);
                }
            }
            None => self.waiting.push_front(Waiting {
                service,
                left: Some(BTreeSet::from([scope])),
            }),
        }
    }

    fn fail(&mut self, flight: InFlight, reason: &str, now: Timestamp) {
        self.failed += 1;
        if flight.scope == Scope::Service {
            self.give_up_environments(&flight.service);
        }
        if self.failures.len() < MAX_KEPT {
            self.failures.push(Failed {
                service: flight.service,
                scope: flight.scope,
                reason: reason.chars().take(MAX_REASON).collect(),
                at: now,
            });
        }
    }

    /// What builds on a service's own stack is not touched where that failed.
    fn give_up_environments(&mut self, service: &ServiceName) {
        let skipped = &mut self.skipped;
        self.waiting.retain(|waiting| {
            let mine = waiting.service == *service && waiting.left.is_some();
            if mine {
                let left = waiting.left.as_ref().map_or(0, BTreeSet::len);
                *skipped += u64::try_from(left).unwrap_or_default();
            }
            !mine
        });
    }

    /// Ends it where every stack had its turn, and stops it where too many failed.
    pub(super) fn conclude(&mut self, now: Timestamp) {
        if self.state != UpgradeState::Running {
            return;
        }
        if self.fails_too_often() {
            let reason = match self.failed {
                1 => "A stack failed.".to_owned(),
                failed => format!("{failed} stacks failed."),
            };
            self.stop(OURSELVES, &reason, now);
        } else if self.listed && self.waiting.is_empty() && self.in_flight.is_empty() {
            self.state = UpgradeState::Done;
            self.ended_at = Some(now);
        }
    }
}
