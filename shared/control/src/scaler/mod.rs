//! How many tasks an environment is to have: a look at one environment.
//!
//! # Flow
//! Read the service, its stack and what is remembered (one query) → look at the tasks, their
//! bounds and the metrics (three calls) → decide ([`slipway_scaling::decide`], pure) → write down
//! what is remembered, under the version that was read → tell ECS the number, if it is another.
//! A look that finds nothing to do and nothing to remember ends after the fourth call.
//!
//! # Guarantees
//! An event carries no input but which environment it is about: lost, late, repeated and reordered
//! events cost time and nothing else. Of two looks at once one writes, and only that one tells ECS
//! (`plan` says what becomes of a number that was written and not told). The number is told as
//! itself, never as a difference, so that telling it twice is telling it once.
//!
//! # What it keeps off
//! Environments whose stack is absent, on its way out or was never ready, and those that AWS's own
//! target tracking scales. They leave the index over attention.

mod observe;
mod plan;
mod site;
mod sleep;
#[cfg(test)]
mod tests;
mod wake;

pub use wake::{Wakers, Woken};

use std::time::Duration;

use jiff::Timestamp;
use slipway_domain::{EnvironmentName, Platform, ServiceName};
use slipway_scaling::{Decision, Trigger};

use self::plan::{Opening, Plan};
pub(crate) use self::site::policy;

use self::site::Site;
use crate::error::PortError;
use crate::ports::{
    BoundsWriter, LiveReader, MetricReader, Placed, QueueReader, ScalerRecord, ScalerRegistry,
    ScalerWrite, TaskWriter, WakeRules,
};

/// When to look again where somebody else wrote at the same moment.
const OVERTAKEN: Duration = Duration::from_secs(2);

/// Scales environments, over a registry, ECS and metrics.
#[derive(Debug)]
pub struct Scaler<R, T, M> {
    /// The registry.
    pub registry: R,
    /// Tasks and their bounds.
    pub tasks: T,
    /// Metrics.
    pub metrics: M,
    /// The platform.
    pub platform: Platform,
}

/// An environment that something names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The service.
    pub service: ServiceName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The dimensions of the metrics that an alarm looks at, one by one. Such an alarm concerns
    /// the environment only if one of them is the environment's; empty where no alarm names it.
    pub measures: Vec<Vec<(String, String)>>,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    /// It is not the scaler's to decide.
    HandsOff(HandsOff),
    /// Somebody else wrote at the same moment; this look told nobody anything.
    Overtaken,
    /// A number that was decided before was told to ECS once more.
    Repeated(u32),
    /// A number that was decided before is not heard of yet, and may still be told by a look that
    /// takes long.
    Waits,
    /// It was decided.
    Decided {
        /// What, and why.
        decision: Box<Decision>,
        /// Whether the decision was kept: it is news.
        kept: bool,
    },
}

/// Why an environment is not the scaler's to decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandsOff {
    /// There is no such environment, or it is being deleted.
    Gone,
    /// It never ran as it should: nothing is known of what it needs.
    NeverReady,
    /// AWS's own target tracking scales it.
    TargetTracking,
    /// What the stack is to have, the service or its bounds, is not there.
    Incomplete,
    /// The alarm is about something else.
    NotItsAlarm,
}

/// What a look came to, and when another is to come without the tick.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Outcome {
    /// What came of it.
    pub looked: Looked,
    /// After what time to look again; absent where the tick, or an alarm, will do.
    pub again: Option<Duration>,
}

impl From<Looked> for Outcome {
    fn from(looked: Looked) -> Self {
        let overtaken = looked == Looked::Overtaken;
        Self {
            looked,
            again: overtaken.then_some(OVERTAKEN),
        }
    }
}

impl<R, T, M> Scaler<R, T, M>
where
    R: ScalerRegistry,
    T: LiveReader + TaskWriter + BoundsWriter + WakeRules,
    M: MetricReader + QueueReader,
{
    /// Looks at one environment once.
    ///
    /// # Errors
    /// A port did not answer. Nothing is lost: the next look begins anew, or goes on.
    pub async fn look(
        &self,
        named: &Named,
        trigger: Trigger,
        now: Timestamp,
    ) -> Result<Outcome, PortError> {
        let (service, environment) = (&named.service, &named.environment);
        let Some((state, found)) = self.registry.scaled(service, environment).await? else {
            return Ok(Looked::HandsOff(HandsOff::Gone).into());
        };
        let site = match site::site(&state, environment, &self.platform) {
            Ok(site) => site,
            Err(site::NoSite::OnItsWay) => return self.stay(named, found, now).await,
            Err(site::NoSite::HandsOff(why)) => return self.leave(named, found, why).await,
        };
        if site.is_tracked {
            return self.hand_over(named, &site, found, now).await;
        }
        if !site.is_measured_by(&named.measures) {
            return Ok(Looked::HandsOff(HandsOff::NotItsAlarm).into());
        }
        let live = self.tasks.live(&site.cluster, &site.service).await?;
        let Some(live) = live.filter(|live| live.bounds.is_some()) else {
            return self.leave(named, found, HandsOff::Incomplete).await;
        };
        let remembered = sleep::look_after(&self.tasks, &site, &found, &live).await?;
        let opening = plan::open(&site, &remembered, &live, now);
        let plan = if let Opening::Carry(plan) = opening {
            *plan
        } else {
            let series = observe::series(&site);
            let (from, to) = observe::span(&site, now);
            let loads = self.metrics.read(&series, from, to).await?;
            let mut seen = observe::observation(&site, &live, loads, trigger, now);
            if let Some(queue) = site.policy.queue.as_ref().filter(|_| live.desired == 0) {
                let waiting = self.metrics.waiting(&queue.name).await?;
                observe::ask_queue(&mut seen, waiting, now);
            }
            plan::decide(&site, opening, seen, now)
        };
        self.carry_out(named, &site, &found, plan).await
    }

    /// Writes a plan down, and does what it says.
    async fn carry_out(
        &self,
        named: &Named,
        site: &Site,
        found: &ScalerRecord,
        plan: Plan,
    ) -> Result<Outcome, PortError> {
        let kept = plan.decision.clone().filter(|_| plan.is_news);
        if (plan.record != *found || kept.is_some())
            && !self.save(named, plan.record.clone(), kept).await?
        {
            return Ok(Looked::Overtaken.into());
        }
        let (cluster, service) = (&site.cluster, &site.service);
        if let Some(bounds) = plan.place {
            self.tasks
                .set_bounds(cluster, service, Some(bounds), None)
                .await?;
        }
        let told = match plan.count {
            None => true,
            Some(0) => sleep::begin(&self.tasks, site).await?,
            Some(count) => self.tasks.set_count(cluster, service, count).await?,
        };
        let looked = match (plan.decision, plan.count) {
            _ if !told => Looked::HandsOff(HandsOff::Incomplete),
            (Some(decision), _) => Looked::Decided {
                decision: Box::new(decision),
                kept: plan.is_news,
            },
            (None, Some(count)) => Looked::Repeated(count),
            (None, None) => Looked::Waits,
        };
        Ok(Outcome {
            looked,
            again: plan.again,
        })
    }

    /// AWS scales from now on: what was put in place for a time is taken back, once the stack is as
    /// its newest manifest says.
    async fn hand_over(
        &self,
        named: &Named,
        site: &Site,
        found: ScalerRecord,
        now: Timestamp,
    ) -> Result<Outcome, PortError> {
        let why = HandsOff::TargetTracking;
        let own = site.own_bounds();
        let is_lent = |it: &Placed| it.bounds != own;
        let lends = found.held.is_some() || found.placed.as_ref().is_some_and(is_lent);
        if !lends && found.asleep_since.is_none() {
            return self.leave(named, found, why).await;
        }
        if site.changes || !site.is_newest {
            let outcome = self.stay(named, found, now).await?;
            return Ok(Outcome {
                looked: Looked::HandsOff(why),
                ..outcome
            });
        }
        if lends {
            let (cluster, service) = (&site.cluster, &site.service);
            self.tasks
                .set_bounds(cluster, service, Some(own), None)
                .await?;
        }
        if let Some(way) = site.way.as_ref().filter(|_| found.asleep_since.is_some()) {
            self.tasks.remove_wake_rule(&way.listener).await?;
        }
        let record = ScalerRecord {
            held: None,
            placed: None,
            ordered: None,
            asleep_since: None,
            attention: None,
            ..found
        };
        self.save(named, record, None).await?;
        Ok(Looked::HandsOff(why).into())
    }

    /// Keeps hands off, and leaves the index over attention.
    async fn leave(
        &self,
        named: &Named,
        found: ScalerRecord,
        why: HandsOff,
    ) -> Result<Outcome, PortError> {
        if found.attention.is_some() {
            let record = ScalerRecord {
                attention: None,
                ..found
            };
            // Whoever wrote meanwhile, or removed it with the stack, knows better.
            self.save(named, record, None).await?;
        }
        Ok(Looked::HandsOff(why).into())
    }

    /// Keeps hands off what is on its way to be ready, and looks with the next tick: alarms that
    /// spoke before it was will not speak again.
    async fn stay(
        &self,
        named: &Named,
        found: ScalerRecord,
        now: Timestamp,
    ) -> Result<Outcome, PortError> {
        if found.attention.is_none() {
            let record = ScalerRecord {
                attention: Some(now),
                ..found
            };
            self.save(named, record, None).await?;
        }
        Ok(Looked::HandsOff(HandsOff::NeverReady).into())
    }

    async fn save(
        &self,
        named: &Named,
        record: ScalerRecord,
        decision: Option<Decision>,
    ) -> Result<bool, PortError> {
        let write = ScalerWrite {
            service: named.service.clone(),
            environment: named.environment.clone(),
            record,
            decision,
            audit: None,
        };
        self.registry.save_scaler(&write).await
    }
}
