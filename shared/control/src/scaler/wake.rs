//! Somebody calls a service that sleeps.
//!
//! # Flow
//! Whose target group was called (its tags; remembered by whoever calls this) → the service and
//! what is remembered of it (one query) → does a task answer already? Then the rule goes that led
//! here. Otherwise the first task is ordered, written down before ECS is told, as the scaler does
//! with every number ([`super`]).
//!
//! # Guarantees
//! Of many callers at once one writes, and only that one tells ECS. What it wrote is told again by
//! the scaler's tick if it dies in between. Callers who come while a task starts cost one query
//! and one look at targets.

use jiff::Timestamp;
use slipway_domain::scaling::WakeAnswer;
use slipway_domain::{EnvironmentName, Platform, ServiceName};
use slipway_scaling::{Decision, Reason, Verdict, bounds_at};

use super::site::{Site, site};
use super::sleep;
use crate::error::PortError;
use crate::ports::{
    LiveReader, Ordered, ScalerRecord, ScalerRegistry, ScalerWrite, TaskWriter, WakeRules,
};

/// Wakes services, over a registry and ECS.
#[derive(Debug)]
pub struct Wakers<R, T> {
    /// The registry.
    pub registry: R,
    /// Tasks, and the rule that leads here.
    pub tasks: T,
    /// The platform.
    pub platform: Platform,
}

/// What a caller may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// A task answers, and calls go there again.
    Answers(WakeAnswer),
    /// A task starts.
    Starts(WakeAnswer),
    /// Nothing of the kind is to be woken: it is gone, or on its way out.
    Unknown,
}

impl<R, T> Wakers<R, T>
where
    R: ScalerRegistry,
    T: LiveReader + TaskWriter + WakeRules,
{
    /// Wakes an environment that somebody called, if nobody has yet.
    ///
    /// # Errors
    /// A port did not answer: the caller may come again.
    pub async fn call(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Woken, PortError> {
        let Some((state, found)) = self.registry.scaled(service, environment).await? else {
            return Ok(Woken::Unknown);
        };
        let Ok(site) = site(&state, environment, &self.platform) else {
            return Ok(Woken::Unknown);
        };
        let answer = site.policy.to_zero.answer;
        // What has just fallen asleep has healthy targets for a moment yet, which are on their way out.
        let falls_asleep = found.ordered.as_ref().is_some_and(|it| it.to == 0);
        if !falls_asleep && sleep::end(&self.tasks, &site).await? {
            // The next look of the scaler finds the rule gone, and forgets that it slept.
            return Ok(Woken::Answers(answer));
        }
        let is_ordered = found.ordered.as_ref().is_some_and(|it| it.to > 0);
        if found.asleep_since.is_some() && !is_ordered && !site.is_tracked {
            self.order(&site, service, environment, found, now).await?;
        }
        Ok(Woken::Starts(answer))
    }

    /// Orders the first tasks, unless somebody else does.
    async fn order(
        &self,
        site: &Site,
        service: &ServiceName,
        environment: &EnvironmentName,
        found: ScalerRecord,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let live = self.tasks.live(&site.cluster, &site.service).await?;
        let Some(live) = live.filter(|live| live.desired == 0 && !live.paused.out) else {
            return Ok(());
        };
        let (_, most) = live.bounds.unwrap_or((0, u32::MAX));
        let to = bounds_at(&site.policy, now).min.max(1).min(most.max(1));
        let decision = woken(to, &found, now);
        let record = ScalerRecord {
            ordered: Some(Ordered {
                from: 0,
                to,
                at: now,
                before: found.state.clone(),
                by_hand: false,
            }),
            last: Some(decision.clone()),
            attention: Some(now),
            ..found
        };
        let write = ScalerWrite {
            service: service.clone(),
            environment: environment.clone(),
            record,
            decision: Some(decision),
            audit: None,
        };
        if self.registry.save_scaler(&write).await? {
            self.tasks
                .set_count(&site.cluster, &site.service, to)
                .await?;
        }
        Ok(())
    }
}

/// The decision to wake, as it is kept.
fn woken(to: u32, found: &ScalerRecord, now: Timestamp) -> Decision {
    Decision {
        at: now,
        verdict: Verdict::Out,
        from: 0,
        to,
        summary: "Wakes: somebody called.".to_owned(),
        reasons: vec![Reason {
            signal: "call".to_owned(),
            wants: Some(to),
            says: "a request came while the service slept".to_owned(),
        }],
        attention: true,
        look_again: None,
        state: found.state.clone(),
    }
}
