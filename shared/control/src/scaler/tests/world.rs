//! A service in memory: its load, what `CloudWatch` says of it, and what wakes the scaler.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_domain::{
    Cause, EnvironmentName, Manifest, Phase, Platform, Scope, ServiceName, StackName,
};
use slipway_scaling::{Bounds, Decision, Paused, Point, Trigger};
use ulid::Ulid;

use crate::Stamp;
use crate::change::{Request, register, replace};
use crate::error::PortError;
use crate::fake::{Clock, FakeRegistry, FakeTasks, Tape};
use crate::ports::{
    ChangeWriter, Live, ScalerRecord, ScalerRegistry, ScalerWrite, StackRegistry, StackWrite,
};
use crate::record::{Settled, StackRecord};
use crate::scaler::{Looked, Named, Outcome, Scaler, Wakers, Woken};

pub(super) const CLUSTER: &str = "devops2-g4-orders-cluster-prod";
pub(super) const SERVICE: &str = "orders-1";
const BALANCER: &str = "app/orders/1";
const GROUP: &str = "targetgroup/orders/2";
pub(super) const GROUP_ARN: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/orders/2";
pub(super) const LISTENER: &str = "arn:aws:elasticloadbalancing:r:1:listener/app/orders/1/3";
pub(super) const WAKER: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/slipway-wake-1/4";
/// The index over attention is looked at so often.
const TICK: SignedDuration = SignedDuration::from_mins(1);
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// Time until a new task serves.
const STARTS: SignedDuration = SignedDuration::from_secs(45);

/// Polls to the end: fakes never wait.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return answer;
        }
    }
}

pub(super) fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

pub(super) fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

pub(super) fn named() -> Named {
    Named {
        service: orders(),
        environment: prod(),
        measures: Vec::new(),
    }
}

type Fakes = Scaler<FakeRegistry, FakeTasks, FakeTasks>;

/// A platform with one service that is ready.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) tape: Tape,
    pub(super) registry: FakeRegistry,
    pub(super) tasks: FakeTasks,
    pub(super) scaler: Fakes,
    /// The load, in tasks that are busy with all they can do.
    pub(super) demand: f64,
    /// How often each event arrives, and how much later than the one before.
    pub(super) copies: u32,
    points: BTreeMap<&'static str, Vec<Point>>,
    messages: Vec<(Timestamp, Trigger)>,
    high: bool,
    low: bool,
    started: Vec<(Timestamp, u32)>,
    /// Each number that ECS had, and since when.
    pub(super) history: Vec<(Timestamp, u32)>,
    minute: Timestamp,
}

impl World {
    /// A service of two tasks that are 40 percent busy, for an hour.
    pub(super) fn new(scaling: &Value) -> Self {
        // A minute begins here.
        let clock = Clock::new(Timestamp::from_second(1_795_000_020).unwrap());
        let tape = Tape::default();
        let registry = FakeRegistry::taped(5, tape.clone());
        let tasks = FakeTasks::taped(tape.clone());
        let scaler = scaler(&registry, &tasks);
        let mut world = Self {
            minute: clock.now(),
            history: vec![(clock.now(), 2)],
            clock,
            tape,
            registry,
            tasks,
            scaler,
            demand: 0.8,
            copies: 1,
            points: BTreeMap::new(),
            messages: Vec::new(),
            high: false,
            low: false,
            started: Vec::new(),
        };
        world.register(scaling);
        world.runs(2, Phase::Ready);
        for ago in (1..=60).rev() {
            world.measure(world.clock.now() - TICK * ago);
        }
        world
    }

    fn register(&self, scaling: &Value) {
        let change = register(
            manifest(scaling),
            &Platform::sample(),
            &self.request("register"),
        );
        block_on(self.registry.commit(&change)).unwrap();
    }

    /// Somebody changes the manifest. Its stack stays as it is.
    pub(super) fn replace(&self, scaling: &Value) {
        let state = self.registry.everything()[&orders()].clone();
        let (platform, request) = (Platform::sample(), self.request("replace"));
        let change = replace(&state, manifest(scaling), None, &platform, &request);
        block_on(self.registry.commit(&change)).unwrap();
    }

    fn request(&self, action: &'static str) -> Request {
        Request {
            actor: "ada".to_owned(),
            stamp: Stamp {
                now: self.clock.now(),
                id: Ulid(7 << 80),
            },
            action,
            cause: Cause::Api,
        }
    }

    /// The stack's record.
    pub(super) fn stack(&self) -> StackRecord {
        let scope = Scope::Environment(prod());
        self.registry.everything()[&orders()].stacks[&scope].clone()
    }

    /// The reconciler writes the stack's phase; `tasks` run.
    pub(super) fn runs(&self, tasks: u32, phase: Phase) {
        let mut record = self.stack();
        record.status.phase = phase;
        let outputs = [
            ("Cluster", CLUSTER),
            ("ServiceName", SERVICE),
            // A stack of a load balancer of its own says its address.
            ("LoadBalancer", "orders-1.example.com"),
            ("LoadBalancerName", BALANCER),
            ("TargetGroup", GROUP_ARN),
            ("Listener", LISTENER),
            ("WakeTargetGroup", WAKER),
        ];
        record.status.outputs = outputs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        record.progress.settled = (phase == Phase::Ready).then(|| Settled {
            generation: 1,
            digest: "d".to_owned(),
            at: self.clock.now(),
        });
        let write = StackWrite {
            service: orders(),
            record,
            release: Vec::new(),
            places: Vec::new(),
            databases: Vec::new(),
            deployments: Vec::new(),
            audit: None,
        };
        assert!(block_on(self.registry.save(&write)).unwrap());
        let policy = &self.registry.everything()[&orders()].service.manifest;
        let policy = &policy.settings.scaling;
        let live = Live {
            desired: tasks,
            running: tasks,
            pending: 0,
            bounds: Some((policy.min, policy.max)),
            paused: Paused::default(),
            deploying: false,
        };
        self.tasks.runs(CLUSTER, SERVICE, live);
        self.tasks.answers(GROUP_ARN, tasks > 0);
    }

    /// The environment is deleted.
    pub(super) fn delete(&self) {
        let record = self.stack();
        let (now, service, environment) = (self.clock.now(), orders(), prod());
        let gone = self
            .registry
            .forget_environment(&service, &environment, &record, now);
        assert!(block_on(gone).unwrap());
        self.tasks.forget(CLUSTER, SERVICE);
    }

    pub(super) fn live(&self) -> Live {
        self.tasks.now(CLUSTER, SERVICE).unwrap()
    }

    pub(super) fn desired(&self) -> u32 {
        self.live().desired
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Live)) {
        self.tasks.change(CLUSTER, SERVICE, change);
    }

    pub(super) fn record(&self) -> ScalerRecord {
        self.registry
            .remembered(&orders(), &prod())
            .unwrap_or_default()
    }

    pub(super) fn kept(&self) -> Vec<Decision> {
        self.registry.kept_decisions(&orders(), &prod())
    }

    /// Somebody changes what is remembered, as the API does.
    pub(super) fn remember(&self, change: impl FnOnce(&mut ScalerRecord)) {
        let mut record = self.record();
        change(&mut record);
        let write = ScalerWrite {
            service: orders(),
            environment: prod(),
            record,
            decision: None,
            audit: None,
        };
        assert!(block_on(self.registry.save_scaler(&write)).unwrap());
    }

    /// A look now; a process that dies in it is started again.
    pub(super) fn look(&mut self, trigger: Trigger) -> Result<Outcome, PortError> {
        let looked = block_on(self.scaler.look(&named(), trigger, self.clock.now()));
        self.tape.restart();
        self.note();
        let again = match &looked {
            Ok(outcome) => outcome.again,
            // The function puts off what failed.
            Err(_) => Some(std::time::Duration::from_secs(10)),
        };
        if let Some(delay) = again {
            self.messages
                .push((self.clock.now() + delay, Trigger::Again));
        }
        looked
    }

    /// A look that succeeds.
    pub(super) fn looks(&mut self, trigger: Trigger) {
        let looked = self.look(trigger).map(drop);
        looked.unwrap();
    }

    /// A look whose decision is of interest.
    pub(super) fn decision(&mut self, trigger: Trigger) -> Decision {
        match self.look(trigger).unwrap().looked {
            Looked::Decided { decision, .. } => *decision,
            other => panic!("{other:?}"),
        }
    }

    /// Somebody calls while the service sleeps, or wakes up; a process that dies in it is gone.
    pub(super) fn call(&mut self) -> Result<Woken, PortError> {
        let wakers = Wakers {
            registry: self.registry.clone(),
            tasks: self.tasks.clone(),
            platform: Platform::sample(),
        };
        let woken = block_on(wakers.call(&orders(), &prod(), self.clock.now()));
        self.tape.restart();
        self.note();
        woken
    }

    /// What looks at the world, for a look that others come between.
    pub(super) fn scaler(&self) -> Fakes {
        scaler(&self.registry, &self.tasks)
    }

    fn note(&mut self) {
        let Some(live) = self.tasks.now(CLUSTER, SERVICE) else {
            return;
        };
        if self
            .history
            .last()
            .is_some_and(|(_, last)| *last != live.desired)
        {
            self.history.push((self.clock.now(), live.desired));
            self.started.push((self.clock.now() + STARTS, live.desired));
        }
    }

    fn measure(&mut self, minute: Timestamp) {
        let running = f64::from(self.live().running.max(1));
        let busy = (100.0 * self.demand / running).min(100.0);
        let values = [
            ("CPUUtilization", busy),
            ("MemoryUtilization", 20.0),
            ("RequestCount", (self.demand * 1000.0).round()),
            ("HealthyHostCount", running),
            ("UnHealthyHostCount", 0.0),
        ];
        for (name, value) in values {
            let points = self.points.entry(name).or_default();
            points.push(Point {
                at: minute,
                seconds: 60,
                value,
            });
            let dimensions: &[&str] = match name {
                "CPUUtilization" | "MemoryUtilization" => &[CLUSTER, SERVICE],
                "RequestCount" => &[BALANCER],
                _ => &[BALANCER, GROUP],
            };
            self.tasks.measure(name, dimensions, points.clone());
        }
    }

    /// The alarms look at the last points, and speak on change.
    fn alarms(&mut self) {
        let cpu = &self.points["CPUUtilization"];
        let last = |count| cpu.iter().rev().take(count);
        let high = last(2).all(|point| point.value > 70.0);
        let low = last(5).all(|point| point.value < 30.0);
        if (high, low) != (self.high, self.low) {
            for copy in 0..self.copies {
                let at = self.clock.now() + SignedDuration::from_secs(3 * i64::from(copy));
                self.messages.push((at, Trigger::Alarm));
            }
        }
        (self.high, self.low) = (high, low);
    }

    fn tick(&mut self) {
        let due = block_on(self.registry.scaler_attention(self.clock.now(), 100));
        self.tape.restart();
        if due.is_ok_and(|due| !due.is_empty()) {
            // A look that fails is made again by the next tick.
            let _ = self.look(Trigger::Tick);
        }
    }

    fn step(&mut self) {
        let now = self.clock.now();
        for (_, count) in self.started.extract_if(.., |(at, _)| *at <= now) {
            self.tasks
                .change(CLUSTER, SERVICE, |live| live.running = count);
            self.tasks.answers(GROUP_ARN, count > 0);
        }
        let minute = now >= self.minute + TICK;
        if minute {
            self.measure(self.minute);
            self.minute += TICK;
            self.alarms();
        }
        let due: Vec<_> = self.messages.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, trigger) in due {
            let _ = self.look(trigger);
        }
        if minute {
            self.tick();
        }
    }

    /// Lets so many minutes pass.
    pub(super) fn pass(&mut self, minutes: i64) {
        let until = self.clock.now() + TICK * i32::try_from(minutes).unwrap();
        while self.clock.now() < until {
            self.clock.advance(STEP);
            self.step();
        }
    }

    /// What must hold in every history: the bounds, one change at a time, and that each change was
    /// decided before.
    pub(super) fn check(&self) -> Result<(), String> {
        let (min, max) = self.live().bounds.unwrap();
        let kept = self.kept();
        for pair in self.history.windows(2) {
            let [(before_at, before), (at, count)] = pair else {
                continue;
            };
            if !(min..=max).contains(count) {
                return Err(format!("{count} tasks at {at}"));
            }
            let rest = if count > before { 15 } else { 60 };
            let first = self.history[0].0;
            if at.duration_since(*before_at).as_secs() < rest && *before_at != first {
                return Err(format!(
                    "{before} to {count} at {at}, right after {before_at}"
                ));
            }
            let decided = |it: &Decision| it.to == *count && it.at <= *at;
            if !kept.iter().any(decided) {
                return Err(format!("{count} at {at} was never decided: {kept:?}"));
            }
        }
        Ok(())
    }
}

fn manifest(scaling: &Value) -> Manifest {
    let document = json!({"service": "orders", "image": "nginx:1", "scaling": scaling});
    Manifest::read_on(&document, &Platform::sample()).unwrap()
}

fn scaler(registry: &FakeRegistry, tasks: &FakeTasks) -> Fakes {
    Scaler {
        registry: registry.clone(),
        tasks: tasks.clone(),
        metrics: tasks.clone(),
        platform: Platform::sample(),
    }
}

/// The bounds of a service, in words of the policy.
pub(super) fn bounds(min: u32, max: u32) -> Bounds {
    Bounds { min, max }
}

/// Stacks' names are read back elsewhere; here is the one of the tests.
#[test]
fn the_cluster_of_the_tests_is_the_platforms() {
    let platform = Platform::sample();
    let stack: StackName = format!("{}--orders--prod", platform.name).parse().unwrap();
    assert_eq!(stack.service, orders());
}
