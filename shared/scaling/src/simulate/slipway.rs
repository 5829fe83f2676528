//! Our own policy: [`crate::decide()`], called when the Lambda would be, with what it would see.
//!
//! It is called when an alarm changed its state, at each minute's tick while the last decision
//! asked for attention or when a window of its schedule has begun or ended, and when a decision
//! asked for another look. It sees what CloudWatch has
//! published by then and nothing else: CPU and memory at the policy's resolution, and the load
//! balancer's `RequestCount` and `HealthyHostCount`, which have one-minute points with the standard
//! delay. ECS tells at once how many tasks run; a task runs when it serves. A deployment never runs, no target is unhealthy, and memory does not move.

use std::collections::BTreeSet;

use slipway_domain::Scaling;

use super::alarm::{Alarm, AlarmState, Breach, Rule};
use super::run::Told;
use super::world::{NOTHING, World};
use super::{Policy, Setup};
use crate::{Bounds, Decision, Load, Observation, Paused, Point, State, Targets, Tasks, Trigger};

/// How our own policy is woken and what it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct SlipwaySetup {
    /// The policy. Its bounds are the simulation's.
    pub policy: Scaling,
    /// Points above `high` until the alarm goes off: one with points each 20 seconds, two with
    /// points each minute.
    pub high_points: u64,
    /// Minutes below `low` until the alarm goes off.
    pub low_minutes: u64,
    /// Memory utilisation, in percent; it does not move.
    pub memory: f64,
    /// Seconds of points that a decision is shown.
    pub history: u64,
}

impl SlipwaySetup {
    /// The defaults, with this policy.
    pub fn new(policy: Scaling) -> Self {
        Self {
            high_points: if policy.resolution < 60 { 1 } else { 2 },
            policy,
            low_minutes: 5,
            memory: 40.0,
            history: 3600,
        }
    }

    /// The default policy with metrics each 20 seconds.
    pub fn by_default() -> Self {
        Self::new(Scaling {
            resolution: 20,
            ..Scaling::default()
        })
    }
}

/// Our own policy.
#[derive(Debug)]
pub(super) struct Slipway<'a> {
    setup: &'a SlipwaySetup,
    high: Alarm,
    low: Alarm,
    /// Decisions that are due, and why.
    due: BTreeSet<(u64, Why)>,
    tick: u64,
    action: u64,
    state: State,
    attention: bool,
    /// The second when a window of the schedule begins or ends next.
    boundary: Option<u64>,
    cpu: Series,
    memory: Series,
    requests: Series,
    told: Vec<Told>,
}

/// The points of a metric that are there, and not too old: kept, because most stay from one look
/// to the next.
#[derive(Debug)]
struct Series {
    period: u64,
    delay: u64,
    /// The first second that was not looked at yet.
    next: u64,
    points: Load,
}

impl Series {
    fn new(period: u64, delay: u64) -> Self {
        Self {
            period,
            delay,
            next: 0,
            points: Load::default(),
        }
    }

    /// The points of the last `history` seconds, oldest first; `value` has a period's, if any.
    fn seen(
        &mut self,
        world: &World<'_>,
        history: u64,
        value: impl Fn(u64) -> Option<f64>,
    ) -> Load {
        let newest = world.newest(self.period, self.delay);
        while newest.is_some_and(|newest| self.next <= newest) {
            let from = self.next;
            self.next += self.period;
            if let Some(value) = value(from) {
                self.points.0.push(point(world, from, self.period, value));
            }
        }
        let oldest = world.trace.at(world.now().saturating_sub(history));
        let too_old = self.points.0.partition_point(|point| point.at < oldest);
        self.points.0.drain(..too_old);
        self.points.clone()
    }
}

/// Why a decision is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Alarm,
    Again,
    Tick,
}

impl<'a> Slipway<'a> {
    pub(super) fn new(own: &'a SlipwaySetup, setup: &Setup) -> Self {
        let policy = &own.policy;
        let resolution = u64::from(policy.resolution);
        let high = Rule {
            period: resolution,
            resolution,
            points: own.high_points,
            breach: Breach::Above,
            threshold: f64::from(policy.cpu.high) / 100.0,
        };
        let low = Rule {
            period: 60,
            points: own.low_minutes,
            breach: Breach::Below,
            threshold: f64::from(policy.cpu.low) / 100.0,
            ..high
        };
        Self {
            setup: own,
            high: Alarm::new(high, &setup.delays),
            low: Alarm::new(low, &setup.delays),
            due: BTreeSet::new(),
            tick: 0,
            action: setup.delays.action,
            state: State::default(),
            attention: false,
            boundary: None,
            cpu: Series::new(resolution, setup.delays.publication(resolution)),
            memory: Series::new(resolution, setup.delays.publication(resolution)),
            requests: Series::new(60, setup.delays.standard),
            told: Vec::new(),
        }
    }

    fn wake(&mut self, world: &World<'_>) {
        let now = world.now();
        let high = self.high.evaluate(world);
        let low = self.low.evaluate(world);
        if high || low {
            self.due.insert((now + self.action, Why::Alarm));
        }
        if now >= self.tick {
            self.tick = now + 60;
            if self.attention || self.boundary.is_some_and(|at| at <= now) {
                self.due.insert((now + self.action, Why::Tick));
            }
        }
    }

    /// Why a decision is due now, if one is; of several reasons the first counts for all.
    fn due(&mut self, now: u64) -> Option<Why> {
        let mut why = None;
        while let Some(first) = self.due.first().copied() {
            if first.0 > now {
                break;
            }
            self.due.pop_first();
            why = why.or(Some(first.1));
        }
        why
    }

    fn observe(&mut self, world: &World<'_>, why: Why) -> Observation {
        let resolution = u64::from(self.setup.policy.resolution);
        let own = self.setup;
        let used = |from| world.cpu(from, resolution).map(|used| used * 100.0);
        let cpu = self.cpu.seen(world, own.history, used);
        let held = |from| used(from).map(|_| own.memory);
        let memory = self.memory.seen(world, own.history, held);
        // CloudWatch has no point for a period without a request.
        let counted = |from| {
            let count = world.trace.until(from + 60) - world.trace.until(from);
            Some(count).filter(|count| *count > NOTHING)
        };
        let requests = self.requests.seen(world, own.history, counted);
        Observation {
            trigger: match why {
                Why::Alarm => Trigger::Alarm,
                Why::Again => Trigger::Again,
                Why::Tick => Trigger::Tick,
            },
            tasks: Tasks {
                desired: world.desired(),
                running: world.serving(),
            },
            bounds: Bounds {
                min: world.setup().min,
                max: world.setup().max,
            },
            paused: Paused::default(),
            deploying: false,
            targets: targets(world),
            cpu,
            memory,
            requests,
            alarms: self.alarms(),
            ..Observation::default()
        }
    }

    fn alarms(&self) -> std::collections::BTreeMap<String, String> {
        let word = |state| match state {
            AlarmState::InsufficientData => "INSUFFICIENT_DATA",
            AlarmState::Ok => "OK",
            AlarmState::Alarm => "ALARM",
        };
        [("CpuHigh", &self.high), ("CpuLow", &self.low)]
            .map(|(name, alarm)| (name.to_owned(), word(alarm.state()).to_owned()))
            .into()
    }

    fn decided(&mut self, decision: Decision, now: u64) -> u32 {
        self.attention = decision.attention;
        let boundary = crate::next_boundary(&self.setup.policy, decision.at);
        self.boundary = boundary.map(|at| {
            let left = at.duration_since(decision.at).as_secs();
            now + u64::try_from(left).unwrap_or(0)
        });
        self.state = decision.state.clone();
        if let Some(seconds) = decision.look_again {
            self.due
                .insert((now + u64::from(seconds.max(1)), Why::Again));
        }
        let to = decision.to;
        if to != decision.from {
            self.told.push(Told {
                second: now,
                decision,
            });
        }
        to
    }
}

impl Policy for Slipway<'_> {
    fn next(&self) -> u64 {
        let due = self.due.first().map_or(u64::MAX, |(at, _)| *at);
        let alarms = self.high.next().min(self.low.next());
        due.min(alarms).min(self.tick)
    }

    fn look(&mut self, world: &World<'_>) -> Option<u32> {
        self.wake(world);
        let why = self.due(world.now())?;
        let seen = self.observe(world, why);
        let now = world.trace.at(world.now());
        let decision = crate::decide(&self.setup.policy, &seen, &self.state, now);
        Some(self.decided(decision, world.now()))
    }

    fn told(self: Box<Self>) -> Vec<Told> {
        self.told
    }
}

/// The targets, as the load balancer's metrics tell of them: `HealthyHostCount`, the least of a
/// minute, with the standard delay.
fn targets(world: &World<'_>) -> Option<Targets> {
    let from = world.newest(60, world.setup().delays.standard)?;
    Some(Targets {
        healthy: world.fewest(from, 60),
        unhealthy: 0,
    })
}

fn point(world: &World<'_>, from: u64, seconds: u64, value: f64) -> Point {
    Point {
        at: world.trace.at(from),
        seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
        value,
    }
}

#[cfg(test)]
mod tests {
    use super::super::trace::Trace;
    use super::*;

    fn seen_at(now: u64) -> Observation {
        let trace = Trace::step(50.0, 80.0, 600, 1200);
        let setup = Setup::with_capacity(10.0);
        let mut world = World::new(&trace, &setup, 10);
        world.advance(now);
        let own = SlipwaySetup::by_default();
        Slipway::new(&own, &setup).observe(&world, Why::Tick)
    }

    #[test]
    fn nothing_is_seen_before_it_is_published() {
        let seen = seen_at(635);
        let newest = seen.cpu.0.last().unwrap();
        assert_eq!((newest.at.as_second(), newest.seconds), (600, 20));
        assert!((newest.value - 80.0).abs() < NOTHING);
        assert_eq!(seen_at(634).cpu.0.last().unwrap().at.as_second(), 580);
        let newest = seen.requests.0.last().unwrap();
        assert_eq!((newest.at.as_second(), newest.seconds), (420, 60));
        assert!((newest.value - 3000.0).abs() < NOTHING);
    }

    #[test]
    fn healthy_targets_are_those_of_some_minutes_ago() {
        let trace = Trace::step(50.0, 80.0, 600, 1200);
        let setup = Setup::with_capacity(10.0);
        let mut world = World::new(&trace, &setup, 10);
        world.advance(600);
        world.set(12);
        world.advance(900);
        assert_eq!(
            (world.serving(), targets(&world).unwrap().healthy),
            (12, 12)
        );
        world.set(14);
        world.advance(960);
        assert_eq!(
            (world.serving(), targets(&world).unwrap().healthy),
            (14, 12)
        );
        world.advance(1169);
        assert_eq!(targets(&world).unwrap().healthy, 12);
        world.advance(1170);
        assert_eq!(targets(&world).unwrap().healthy, 14);
    }

    #[test]
    fn an_hour_of_points_is_shown_oldest_first() {
        let trace = Trace::step(50.0, 80.0, 600, 10_000);
        let setup = Setup::with_capacity(10.0);
        let mut world = World::new(&trace, &setup, 10);
        world.advance(7215);
        let own = SlipwaySetup::by_default();
        let seen = Slipway::new(&own, &setup).observe(&world, Why::Tick);
        assert_eq!(seen.cpu.0.first().unwrap().at.as_second(), 3620);
        assert_eq!(seen.cpu.0.len(), 179);
        assert!(seen.cpu.0.is_sorted_by_key(|point| point.at));
        assert_eq!(seen.memory.0.len(), 179);
    }
}
