//! Upgrades on a registry and a cloud in memory. Another version is played by other values of
//! the platform: its environments are rendered differently, its services' own stacks are not.

mod asking;
mod faults;
mod waves;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use slipway_domain::{Phase, Platform, Scope, ServiceName};

use super::{Limits, Upgrade, UpgradeState, Upgrades};
use crate::fake::{Clock, FakeChecks, FakeCloud, FakeRegistry, FakeUpgrades, Tape};
use crate::ports::StackRegistry;
use crate::reconcile::Reconciler;
use crate::record::StackRecord;
use crate::services::tests::{api, caller};

/// A platform in memory.
pub(super) struct World {
    pub(super) registry: FakeRegistry,
    pub(super) store: FakeUpgrades,
    pub(super) cloud: FakeCloud,
    pub(super) clock: Clock,
    pub(super) tape: Tape,
    pub(super) reconciler: Reconciler<FakeRegistry, FakeCloud, FakeChecks>,
    pub(super) limits: Limits,
    /// The most stacks that were seen being updated at once.
    pub(super) most: usize,
}

impl World {
    /// A platform whose services `s0`, `s1`, … all run.
    pub(super) async fn with_services(count: u32) -> Self {
        let clock = Clock::new(caller(0).stamp.now);
        let tape = Tape::default();
        let registry = FakeRegistry::taped(100, tape.clone());
        let cloud = FakeCloud::at(clock.clone(), tape.clone());
        let mut world = Self {
            registry: registry.clone(),
            store: FakeUpgrades::taped(tape.clone()),
            cloud: cloud.clone(),
            reconciler: Reconciler {
                registry,
                stacks: cloud,
                checks: FakeChecks::taped(tape.clone()),
                platform: Platform::sample(),
                deadline: SignedDuration::from_mins(45),
                fingerprint: "first".to_owned(),
            },
            limits: Limits {
                at_once: 2,
                max_failures: 2,
            },
            clock,
            tape,
            most: 0,
        };
        for n in 0..count {
            world.register(&format!("s{n:03}"), n).await;
        }
        world.rest().await;
        world
    }

    pub(super) async fn register(&mut self, name: &str, n: u32) {
        let api = api(self.registry.clone());
        let manifest = json!({"service": name, "image": "nginx:1"});
        api.register(&manifest, &caller(n + 1)).await.unwrap();
    }

    /// Another version takes over, which renders environments differently.
    pub(super) fn release(&mut self, version: &str) {
        version.clone_into(&mut self.reconciler.fingerprint);
        self.reconciler.platform.vpc = format!("vpc-{version}");
    }

    pub(super) fn upgrades(&self) -> Upgrades<'_, FakeRegistry, FakeUpgrades> {
        Upgrades {
            registry: &self.registry,
            store: &self.store,
            platform: &self.reconciler.platform,
            fingerprint: &self.reconciler.fingerprint,
            limits: self.limits,
        }
    }

    /// A sweep, as the function makes it: stacks whose time has come, then the upgrade. A part
    /// that fails is made up for by the next sweep.
    pub(super) async fn sweep(&mut self) {
        let due = self.registry.attention(self.clock.now(), 10_000).await;
        self.look(due.unwrap_or_default()).await;
        let _ = self.reconciler.free_slots().await;
        self.tape.restart();
        let through = self.upgrades().advance(self.clock.now()).await;
        self.tape.restart();
        self.look(through.unwrap_or_default()).await;
        self.most = self.most.max(self.busy());
    }

    async fn look(&mut self, stacks: Vec<(ServiceName, Scope)>) {
        for (service, scope) in stacks {
            let now = self.clock.now();
            let _ = self.reconciler.reconcile(&service, &scope, now).await;
            self.tape.restart();
            self.most = self.most.max(self.busy());
        }
    }

    /// Sweeps each minute, `times` times.
    pub(super) async fn sweeps(&mut self, times: u32) {
        for _ in 0..times {
            self.sweep().await;
            self.clock.advance(SignedDuration::from_secs(60));
        }
    }

    /// Sweeps until nothing is under way.
    pub(super) async fn rest(&mut self) {
        for _ in 0..500 {
            self.sweeps(1).await;
            let ended = self
                .store
                .now()
                .is_some_and(|it| it.rests() && it.fingerprint == self.reconciler.fingerprint);
            if ended && self.registry.all_attention().is_empty() {
                return;
            }
        }
        panic!("no rest: {:?}", self.store.now());
    }

    pub(super) fn upgrade(&self) -> Upgrade {
        self.store.now().unwrap()
    }

    pub(super) fn state(&self) -> UpgradeState {
        self.upgrade().state
    }

    pub(super) fn record(&self, service: &str) -> StackRecord {
        let all = self.registry.everything();
        all[&service.parse::<ServiceName>().unwrap()].stacks[&prod()].clone()
    }

    /// How many environments are as the present version renders them.
    pub(super) fn current(&self) -> usize {
        let now = self.clock.now();
        let upgrade = Upgrade::begin("x", self.limits, now);
        let all = self.registry.everything();
        let platform = &self.reconciler.platform;
        all.values()
            .filter(|state| {
                let stands = super::standing::standing(state, &prod(), platform, &upgrade);
                stands == super::standing::Standing::Current
            })
            .count()
    }

    /// Stacks that are being updated.
    fn busy(&self) -> usize {
        let all = self.registry.everything();
        all.values()
            .flat_map(|state| state.stacks.values())
            .filter(|stack| !matches!(stack.status.phase, Phase::Ready | Phase::Failed))
            .count()
    }
}

pub(super) fn prod() -> Scope {
    Scope::Environment("prod".parse().unwrap())
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}
