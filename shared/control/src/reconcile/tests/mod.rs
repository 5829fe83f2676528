//! Services brought to what they want, on a registry and a cloud in memory.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_domain::{Deployment, EnvironmentName, Outcome, Phase, Platform, Scope, ServiceName};

use super::desired::{Desired, desired};
use super::observed::{Observed, ObservedStack, StackStatus};
use super::plan::{Action, MAX_ATTEMPTS, backoff, is_transient, plan};
use super::{Next, Reconciler};
use crate::fake::{FakeCloud, FakeRegistry, Script};
use crate::ports::{ServiceReader, StackRegistry};
use crate::record::Progress;
use crate::services::Precondition;
use crate::services::tests::{Api, api, caller};

mod decisions;
mod failures;
mod journeys;

/// A platform in memory, and its clock.
struct World {
    api: Api,
    registry: FakeRegistry,
    cloud: FakeCloud,
    reconciler: Reconciler<FakeRegistry, FakeCloud>,
    calls: u32,
}

impl World {
    fn new() -> Self {
        Self::with_slots(5)
    }

    /// A platform with one service that has settled.
    async fn settled(manifest: Value) -> Self {
        let mut world = Self::new();
        world.register(manifest).await;
        world.settle().await;
        world
    }

    fn with_slots(slots: usize) -> Self {
        let registry = FakeRegistry::new(slots);
        let cloud = FakeCloud::default();
        let reconciler = Reconciler {
            registry: registry.clone(),
            stacks: cloud.clone(),
            platform: Platform::sample(),
        };
        Self {
            api: api(registry.clone()),
            registry,
            cloud,
            reconciler,
            calls: 0,
        }
    }

    fn next_call(&mut self) -> crate::services::Caller {
        self.calls += 1;
        caller(self.calls)
    }

    async fn register(&mut self, manifest: Value) {
        let caller = self.next_call();
        self.api.register(&manifest, &caller).await.unwrap();
    }

    async fn patch(&mut self, service: &str, patch: Value) {
        let caller = self.next_call();
        self.api
            .patch(&name(service), &patch, Some(&Precondition::Exists), &caller)
            .await
            .unwrap();
    }

    async fn delete(&mut self, service: &str) {
        let caller = self.next_call();
        self.api
            .delete(&name(service), Some(&Precondition::Exists), &caller)
            .await
            .unwrap();
    }

    /// One sweep over everything whose attention is set; answers how much that was.
    async fn sweep(&self, minute: u32) {
        let now = later(minute);
        let stacks = self.registry.attention(now, 1000).await.unwrap();
        for (service, scope) in &stacks {
            // A look that fails is made again by the next sweep.
            let _ = self.reconciler.reconcile(service, scope, now).await;
        }
    }

    /// Sweeps until nothing wants attention.
    async fn settle(&self) {
        for minute in 1..200 {
            self.sweep(minute).await;
            if self.registry.all_attention().is_empty() {
                return;
            }
        }
        panic!("not settled: {:?}", self.registry.all_attention());
    }

    async fn phase(&self, service: &str) -> (Phase, String) {
        let state = self
            .registry
            .service(&name(service))
            .await
            .unwrap()
            .unwrap();
        let status = &state.stacks[&Scope::Environment(prod())].status;
        (status.phase, status.message.clone())
    }

    fn deployment(&self, service: &str) -> Deployment {
        self.registry
            .last_deployment(&name(service), &prod())
            .unwrap()
    }

    fn mutations(&self, call: &str) -> usize {
        self.cloud
            .take_calls()
            .iter()
            .filter(|made| made.starts_with(call))
            .count()
    }
}

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

fn later(minutes: u32) -> Timestamp {
    caller(0).stamp.now + SignedDuration::from_mins(i64::from(minutes))
}
