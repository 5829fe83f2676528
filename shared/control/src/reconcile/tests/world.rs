//! A platform in memory with a clock: callers, events, messages and sweeps, all of which a test
//! may lose, repeat or delay.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, Phase, Platform, Scope, ServiceName, StackName,
};

use crate::error::ServiceError;
use crate::fake::{Clock, FakeChecks, FakeCloud, FakeRegistry, Tape};
use crate::places::Taken;
use crate::ports::StackRegistry;
use crate::reconcile::{Next, ReconcileError, Reconciler};
use crate::services::tests::{Api, api, caller};
use crate::services::{Back, Caller, Precondition};

/// Runs a future whose ports are in memory.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// How a platform treats what tells it to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Everything comes once.
    Once,
    /// Everything comes three times.
    Thrice,
    /// Nothing comes: the sweep is all there is.
    Never,
    /// The one of this number is lost.
    Without(usize),
    /// Five, from this number on, come late, and in another order: the n-th of all their orders.
    Shuffled(usize, usize),
}

/// How many orders five things have.
pub(super) const ORDERS: usize = 120;

/// The place of one of five things in the n-th of their orders.
fn place(order: usize, thing: usize) -> usize {
    let mut left: Vec<usize> = (0..5).collect();
    let mut rest = order % ORDERS;
    let mut places = [24, 6, 2, 1, 1].into_iter().map(|below| {
        let place = left.remove(rest / below);
        rest %= below;
        place
    });
    places.nth(thing).unwrap_or_default()
}

/// How long a platform may take to come to rest.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);
const SWEEP: SignedDuration = SignedDuration::from_secs(60);

pub(super) struct World {
    api: Api,
    pub(super) registry: FakeRegistry,
    pub(super) cloud: FakeCloud,
    pub(super) reconciler: Reconciler<FakeRegistry, FakeCloud, FakeChecks>,
    pub(super) checks: FakeChecks,
    pub(super) clock: Clock,
    pub(super) tape: Tape,
    pub(super) delivery: Delivery,
    /// What is to be looked at, and when.
    messages: Vec<(Timestamp, ServiceName, Scope)>,
    /// How many times something told.
    pub(super) told: usize,
    swept_at: Timestamp,
    calls: u32,
    /// How many looks there were.
    pub(super) looks: usize,
    /// The look of this number is made by two processes at once: the first comes this far, then
    /// the second to its end, then the first.
    pub(super) twins: Option<(usize, usize)>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_slots(5)
    }

    /// A platform with one service that has settled.
    pub(super) fn settled(manifest: &Value) -> Self {
        let mut world = Self::new();
        world.register(manifest);
        world.settle();
        world
    }

    pub(super) fn with_slots(slots: usize) -> Self {
        let clock = Clock::new(caller(0).stamp.now);
        let tape = Tape::default();
        let registry = FakeRegistry::taped(slots, tape.clone());
        let cloud = FakeCloud::at(clock.clone(), tape.clone());
        let checks = FakeChecks::taped(tape.clone());
        let reconciler = Reconciler {
            registry: registry.clone(),
            stacks: cloud.clone(),
            checks: checks.clone(),
            platform: Platform::sample(),
            deadline: SignedDuration::from_mins(10),
            fingerprint: "first".to_owned(),
        };
        Self {
            api: api(registry.clone()),
            registry,
            cloud,
            reconciler,
            checks,
            swept_at: clock.now(),
            clock,
            tape,
            delivery: Delivery::Once,
            messages: Vec::new(),
            told: 0,
            calls: 0,
            looks: 0,
            twins: None,
        }
    }

    /// The next caller, at this moment.
    fn caller(&mut self) -> Caller {
        self.calls += 1;
        let mut caller = caller(self.calls);
        let now = self.clock.now();
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        caller.stamp.now = now;
        caller.stamp.id = ulid::Ulid::from_parts(millis, u128::from(self.calls) << 8);
        caller
    }

    /// A call of the API; one that fails for reasons that pass is made again, under its key.
    fn call<T, E: std::fmt::Debug>(
        &mut self,
        service: &ServiceName,
        call: impl Fn(&Api, &Caller) -> Result<T, E>,
    ) -> T {
        let mut caller = self.caller();
        caller.key = Some(format!("key-{}", self.calls));
        let mut left = 10;
        let answer = loop {
            match call(&self.api, &caller) {
                Ok(answer) => break answer,
                Err(error) => {
                    left -= 1;
                    assert!(left > 0, "{error:?}");
                    self.tape.restart();
                }
            }
        };
        // The registry's stream.
        for scope in block_on(self.reconciler.scopes(service)).unwrap_or_default() {
            self.tell(service, &scope);
        }
        self.tape.restart();
        answer
    }

    pub(super) fn register(&mut self, manifest: &Value) {
        let service = name(manifest["service"].as_str().unwrap());
        self.call(&service, |api, caller| {
            block_on(api.register(manifest, caller)).map(drop)
        });
    }

    pub(super) fn patch(&mut self, service: &str, patch: &Value) {
        let service = name(service);
        self.call(&service, |api, caller| {
            let any = Some(&Precondition::Exists);
            block_on(api.patch(&service, patch, any, caller)).map(drop)
        });
    }

    pub(super) fn delete(&mut self, service: &str) {
        let service = name(service);
        self.call(&service, |api, caller| {
            let any = Some(&Precondition::Exists);
            let deleted = block_on(api.delete(&service, any, caller)).map(drop);
            match deleted {
                // The first call's answer was lost, and it is gone already.
                Err(_) if !api.registry.everything().contains_key(&service) => Ok(()),
                other => other,
            }
        });
    }

    /// Why a patch is refused, or a deletion.
    pub(super) fn refused(&self, service: &str, patch: Option<&Value>) -> ServiceError {
        let (service, any) = (name(service), Some(&Precondition::Exists));
        let refused = match patch {
            Some(patch) => block_on(self.api.patch(&service, patch, any, &caller(99))).err(),
            None => block_on(self.api.delete(&service, any, &caller(99))).err(),
        };
        refused.expect("it should be refused")
    }

    pub(super) fn redeploy(&mut self, service: &str) {
        let service = name(service);
        self.call(&service, |api, caller| {
            block_on(api.redeploy(&service, &prod(), caller)).map(drop)
        });
    }

    pub(super) fn roll_back(&mut self, service: &str, back: Back) {
        let service = name(service);
        self.call(&service, |api, caller| {
            block_on(api.roll_back(&service, &prod(), back, caller)).map(drop)
        });
    }

    /// Ends a deployment; gives the words of a refusal.
    pub(super) fn cancel(&mut self, service: &str, id: DeploymentId) -> Result<(), String> {
        let service = name(service);
        self.call(&service, |api, caller| {
            let cancelled = block_on(api.cancel(&service, &prod(), id, caller));
            Ok::<_, ServiceError>(cancelled.map(drop).map_err(|error| error.to_string()))
        })
    }

    /// Ends a deployment under an idempotency key; gives the deployment that this began.
    pub(super) fn cancel_once(
        &mut self,
        service: &str,
        id: DeploymentId,
        key: &str,
    ) -> DeploymentId {
        let service = name(service);
        self.call(&service, |api, caller| {
            let caller = Caller {
                key: Some(key.to_owned()),
                ..caller.clone()
            };
            let cancelled = block_on(api.cancel(&service, &prod(), id, &caller));
            cancelled.map(|started| started.deployment.id)
        })
    }

    /// Something tells that a stack wants a look.
    pub(super) fn tell(&mut self, service: &ServiceName, scope: &Scope) {
        let number = self.told;
        self.told += 1;
        let late: &[i64] = match self.delivery {
            Delivery::Thrice => &[0, 3, 6],
            Delivery::Never => &[],
            Delivery::Without(lost) if lost == number => &[],
            Delivery::Shuffled(first, order) if (first..first + 5).contains(&number) => {
                &[[1, 11, 21, 31, 41][place(order, number - first)]]
            }
            Delivery::Once | Delivery::Without(_) | Delivery::Shuffled(..) => &[0],
        };
        for seconds in late {
            let at = self.clock.now() + SignedDuration::from_secs(*seconds);
            self.messages.push((at, service.clone(), scope.clone()));
        }
    }

    /// A look now, as the function makes it; a process that dies in it is started again.
    pub(super) fn look(
        &mut self,
        service: &ServiceName,
        scope: &Scope,
    ) -> Result<Next, ReconcileError> {
        self.looks += 1;
        if let Some((_, calls)) = self.twins.take_if(|(look, _)| *look + 1 == self.looks) {
            return self.look_twice_at_once(service, scope, calls);
        }
        let looked = block_on(self.reconciler.reconcile(service, scope, self.clock.now()));
        self.tape.restart();
        self.heard(service, scope, looked)
    }

    /// Two processes look at the same stack; the second runs while the first is held up behind
    /// `calls` of its calls.
    fn look_twice_at_once(
        &mut self,
        service: &ServiceName,
        scope: &Scope,
        calls: usize,
    ) -> Result<Next, ReconcileError> {
        let now = self.clock.now();
        self.tape.yield_at_calls(true);
        let (first, second) = {
            let mut slow = pin!(self.reconciler.reconcile(service, scope, now));
            let mut context = Context::from_waker(Waker::noop());
            let mut first = None;
            for _ in 0..=calls {
                if let Poll::Ready(answer) = slow.as_mut().poll(&mut context) {
                    first = Some(answer);
                    break;
                }
            }
            let second = block_on(self.reconciler.reconcile(service, scope, now));
            (first.unwrap_or_else(|| block_on(slow)), second)
        };
        self.tape.yield_at_calls(false);
        let _ = self.heard(service, scope, first);
        self.heard(service, scope, second)
    }

    /// What the function does with a look's answer.
    pub(super) fn heard(
        &mut self,
        service: &ServiceName,
        scope: &Scope,
        looked: Result<Next, ReconcileError>,
    ) -> Result<Next, ReconcileError> {
        let after = match &looked {
            Ok(Next::Requeue(delay)) => Some((*delay, scope.clone())),
            Ok(Next::Then(scope)) => Some((std::time::Duration::ZERO, scope.clone())),
            Ok(Next::Done | Next::AwaitChange) => None,
            Err(_) => Some((std::time::Duration::from_secs(10), scope.clone())),
        };
        if let Some((delay, scope)) = after
            && self.delivery != Delivery::Never
        {
            let at = self.clock.now() + delay;
            self.messages.push((at, service.clone(), scope));
        }
        looked
    }

    /// The sweep of each minute.
    pub(super) fn sweep(&mut self) {
        self.swept_at = self.clock.now();
        let due = block_on(self.reconciler.registry.attention(self.swept_at, 10_000));
        self.tape.restart();
        for (service, scope) in due.unwrap_or_default() {
            // A look that fails is made again by the next sweep.
            let _ = self.look(&service, &scope);
        }
        let _ = block_on(self.reconciler.free_slots());
        self.tape.restart();
    }

    /// Lets everything happen that happens at this moment.
    pub(super) fn step(&mut self) {
        for stack in self.cloud.take_events() {
            let stack: StackName = stack.parse().unwrap();
            self.tell(&stack.service, &stack.scope);
        }
        let now = self.clock.now();
        let due: Vec<_> = self
            .messages
            .extract_if(.., |(at, _, _)| *at <= now)
            .collect();
        for (_, service, scope) in due {
            let _ = self.look(&service, &scope);
        }
        if now >= self.swept_at + SWEEP {
            self.sweep();
        }
    }

    /// When something happens next.
    fn next(&self) -> Timestamp {
        let sweep = self.swept_at + SWEEP;
        let message = self.messages.iter().map(|(at, _, _)| *at).min();
        let soonest = message
            .into_iter()
            .chain(self.cloud.next_change())
            .fold(sweep, Timestamp::min);
        // Time passes in every step.
        soonest.max(self.clock.now() + SignedDuration::from_secs(1))
    }

    /// Lets this much time pass, and what happens in it happen.
    pub(super) fn pass(&mut self, time: SignedDuration) {
        let until = self.clock.now() + time;
        while self.clock.now() < until {
            self.step();
            self.clock.set(self.next().min(until));
        }
    }

    /// Whether nothing is under way, and nobody will look again.
    pub(super) fn rests(&self) -> bool {
        self.messages.is_empty()
            && self.cloud.next_change().is_none()
            && self.registry.all_attention().is_empty()
            // A slot that a process took with it is given back by a later sweep.
            && self.registry.slots().0 == 0
    }

    /// Lets time pass until the platform comes to rest.
    pub(super) fn settle(&mut self) {
        self.settle_within(LONGEST)
            .unwrap_or_else(|unsettled| panic!("{unsettled}"));
    }

    pub(super) fn settle_within(&mut self, longest: SignedDuration) -> Result<(), String> {
        let until = self.clock.now() + longest;
        loop {
            self.step();
            if self.rests() {
                return Ok(());
            }
            if self.clock.now() > until {
                return Err(format!(
                    "not settled: {:?} {:?} {:?}",
                    self.registry.all_attention(),
                    self.cloud.stacks(),
                    self.messages
                ));
            }
            self.clock.set(self.next());
        }
    }

    pub(super) fn phase(&self, service: &str) -> (Phase, String) {
        let all = self.registry.everything();
        let status = &all[&name(service)].stacks[&Scope::Environment(prod())].status;
        (status.phase, status.message.clone())
    }

    pub(super) fn advice(&self, service: &str) -> Option<String> {
        let all = self.registry.everything();
        all[&name(service)].stacks[&Scope::Environment(prod())]
            .status
            .advice
            .clone()
    }

    /// A look at every stack, as after a full round.
    pub(super) fn look_at_everything(&mut self) {
        for (service, state) in self.registry.everything() {
            for scope in state.stacks.keys() {
                let _ = self.look(&service, scope);
            }
        }
    }

    /// The use cases, for calls that a test expects to be refused.
    pub(super) fn api(&self) -> &Api {
        &self.api
    }

    /// What is taken of a load balancer.
    pub(super) fn taken(&self, balancer: &str) -> Taken {
        let mut taken = Taken::default();
        let places = self.registry.places();
        for place in places.keys().filter(|it| it.on == balancer) {
            taken.add(place);
        }
        taken
    }

    pub(super) fn is_deleting(&self, service: &str) -> bool {
        let all = self.registry.everything();
        all.get(&name(service))
            .is_some_and(|it| it.service.deleting)
    }

    pub(super) fn exists(&self, service: &str) -> bool {
        self.registry.everything().contains_key(&name(service))
    }

    pub(super) fn deployment(&self, service: &str) -> Deployment {
        self.registry
            .last_deployment(&name(service), &prod())
            .unwrap()
    }

    /// Operations that took effect, by kind.
    pub(super) fn operations(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for operation in self.cloud.operations() {
            *counts.entry(operation.kind).or_default() += 1;
        }
        counts
    }
}

pub(super) fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

pub(super) fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}
