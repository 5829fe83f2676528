//! What holds for whatever comes in.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod night;

use jiff::{SignedDuration, Timestamp};
use night::{Night, evening, service};
use proptest::prelude::*;
use slipway_domain::Scaling;
use slipway_scaling::{
    Bounds, Decision, Load, Observation, Paused, Point, State, Targets, Tasks, Trigger, Verdict,
    decide,
};

/// Histories that are tried.
const HISTORIES: u32 = 100_000;

/// What one look finds, beside the tasks.
#[derive(Debug, Clone)]
struct Look {
    /// Seconds since the look before; a clock may go back a little.
    passed: i64,
    seen: Observation,
    /// How many of the desired tasks do not run yet, in tenths.
    starting: u32,
    /// Whether ECS tells a number of its own.
    other: Option<u32>,
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        12 => 0.0..100.0,
        2 => Just(100.0),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-5.0), Just(1e300), Just(0.0)],
    ]
}

/// Points around the time of a look, in any order; moments are set when the time is known.
fn load() -> impl Strategy<Value = Load> {
    let point = (
        -400_i64..40,
        prop_oneof![Just(20_u32), Just(60), Just(0)],
        value(),
    );
    prop::collection::vec(point, 0..5).prop_map(|points| {
        let points = points.into_iter().map(|(at, seconds, value)| Point {
            at: Timestamp::from_second(at * 20 / 20).unwrap(),
            seconds,
            value,
        });
        Load(points.collect())
    })
}

fn look() -> impl Strategy<Value = Look> {
    let numbers = (
        -60_i64..200,
        0_u32..10,
        prop::option::weighted(0.1, 0_u32..60),
    );
    let bounds = (0_u32..5, 0_u32..40);
    let targets = prop::option::of((0_u32..20, 0_u32..6));
    let flags = (
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let loads = (load(), load(), load(), load(), load());
    (numbers, bounds, targets, flags, loads).prop_map(|(numbers, bounds, targets, flags, loads)| {
        let (passed, starting, other) = numbers;
        let (cpu, memory, requests, waiting, worked_off) = loads;
        let seen = Observation {
            trigger: Trigger::Tick,
            bounds: Bounds {
                min: bounds.0,
                max: bounds.0 + bounds.1,
            },
            paused: Paused {
                out: flags.1,
                inwards: flags.2,
            },
            deploying: flags.0,
            targets: targets.map(|(healthy, unhealthy)| Targets { healthy, unhealthy }),
            cpu,
            memory,
            requests,
            waiting,
            worked_off,
            ..Observation::default()
        };
        Look {
            passed,
            seen,
            starting,
            other,
        }
    })
}

fn moved(load: &Load, now: Timestamp) -> Load {
    let points = load.0.iter().map(|point| Point {
        at: now + SignedDuration::from_secs(point.at.as_second()),
        ..*point
    });
    Load(points.collect())
}

fn policy() -> impl Strategy<Value = Scaling> {
    let requests = prop::option::of(1_u32..1000);
    let queue = prop::option::of(1_u32..300);
    (requests, queue, any::<bool>()).prop_map(|(requests, queue, fine)| Scaling {
        requests,
        queue: queue.map(|delay| slipway_domain::scaling::Queue {
            name: "jobs".to_owned(),
            delay,
        }),
        resolution: if fine { 20 } else { 60 },
        ..Scaling::default()
    })
}

/// When tasks were added and taken away, as the world saw it.
#[derive(Default)]
struct Changes {
    out: Option<Timestamp>,
    inwards: Option<Timestamp>,
}

fn within(since: Option<Timestamp>, now: Timestamp, seconds: f64) -> bool {
    since.is_some_and(|since| now.duration_since(since).as_secs_f64() < seconds)
}

fn holds(policy: &Scaling, seen: &Observation, decision: &Decision, changes: &Changes) {
    let Bounds { min, max } = seen.bounds;
    let (from, to, now) = (decision.from, decision.to, decision.at);
    assert!(
        (min..=max).contains(&to),
        "{to} is not within {min} to {max}"
    );
    assert_eq!(from, seen.tasks.desired);
    let expected = match to.cmp(&from) {
        std::cmp::Ordering::Less if to == 0 => Verdict::Sleep,
        std::cmp::Ordering::Less => Verdict::In,
        std::cmp::Ordering::Equal => Verdict::Hold,
        std::cmp::Ordering::Greater => Verdict::Out,
    };
    // Bounds of no task at all are no sleep of its own.
    assert_eq!(decision.verdict, expected);
    if !(min..=max).contains(&from) {
        return;
    }
    match decision.verdict {
        Verdict::Hold => {}
        Verdict::Out => {
            assert!(!seen.paused.out);
            assert!(from == 0 || !within(changes.out, now, 15.0), "out twice");
        }
        Verdict::In | Verdict::Sleep => {
            assert!(!seen.deploying && !seen.paused.inwards);
            assert!(
                seen.cpu.0.iter().any(|point| point.value.is_finite()),
                "CPU is missing"
            );
            assert!(
                seen.memory.0.iter().any(|point| point.value.is_finite()),
                "memory is missing"
            );
            assert!(
                policy.queue.is_none() || !seen.waiting.0.is_empty(),
                "the queue is missing"
            );
            let ill = seen.targets.is_some_and(|targets| targets.healthy == 0);
            assert!(!ill, "no target is healthy");
            let soon = within(changes.inwards.max(changes.out), now, 60.0);
            assert!(decision.verdict == Verdict::Sleep || !soon, "in too soon");
        }
    }
    assert!(!decision.summary.is_empty());
}

fn play(policy: &Scaling, looks: &[Look]) {
    let (mut state, mut now, mut desired) = (State::default(), evening(), 3);
    let mut changes = Changes::default();
    for look in looks {
        now += SignedDuration::from_secs(look.passed);
        let mut seen = look.seen.clone();
        for load in [
            &mut seen.cpu,
            &mut seen.memory,
            &mut seen.requests,
            &mut seen.waiting,
            &mut seen.worked_off,
        ] {
            *load = moved(load, now);
        }
        desired = look.other.unwrap_or(desired);
        seen.tasks = Tasks {
            desired,
            running: desired - desired * look.starting / 20,
        };
        let decision = decide(policy, &seen, &state, now);
        holds(policy, &seen, &decision, &changes);
        assert_eq!(
            decision,
            decide(policy, &seen, &state, now),
            "the same gives the same"
        );
        twice(policy, &seen, &decision);
        match decision.verdict {
            Verdict::Out => changes.out = changes.out.max(Some(now)),
            Verdict::In | Verdict::Sleep => changes.inwards = changes.inwards.max(Some(now)),
            Verdict::Hold => {}
        }
        desired = decision.to;
        state = decision.state;
    }
}

/// The same once more, after it was done: nothing.
fn twice(policy: &Scaling, seen: &Observation, decision: &Decision) {
    if decision.verdict == Verdict::Hold {
        return;
    }
    let mut after = seen.clone();
    after.tasks.desired = decision.to;
    after.tasks.running = after.tasks.running.min(decision.to);
    let again = decide(policy, &after, &decision.state, decision.at);
    let ill = seen.targets.is_some_and(|targets| targets.unhealthy > 0);
    let woke =
        ill || decision.from == 0 || !(seen.bounds.min..=seen.bounds.max).contains(&decision.from);
    assert!(
        again.verdict == Verdict::Hold || woke,
        "{} then {}",
        decision.summary,
        again.summary
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: HISTORIES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bounds_cooldowns_and_guards_hold_in_every_history(policy in policy(), looks in prop::collection::vec(look(), 1..6)) {
        play(&policy, &looks);
    }
}

/// A service that was looked at for a while.
fn lived() -> impl Strategy<Value = Night> {
    (1_u32..40, prop::collection::vec(1.0..97.0_f64, 1..20)).prop_map(|(tasks, loads)| {
        let mut night = service(tasks, loads[0]);
        for cpu in loads {
            night.pass(20, cpu);
        }
        night
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_load_never_means_fewer_tasks(mut night in lived(), cpu in 1.0..100.0_f64, more in 0.0..60.0_f64) {
        let mut busier = night.clone();
        night.second += 20;
        night.point(cpu);
        busier.second += 20;
        busier.point((cpu + more).min(100.0));
        prop_assert!(busier.looked().to >= night.looked().to, "{} {}", busier.looked().summary, night.looked().summary);
    }

    #[test]
    fn a_decision_is_the_same_after_a_journey_through_json(night in lived()) {
        let decision = night.looked();
        let json = serde_json::to_string(&decision).unwrap();
        let read: Decision = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read.summary, &decision.summary);
        let again = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(json, again);
        let seen = serde_json::to_string(&night.seen).unwrap();
        prop_assert_eq!(serde_json::from_str::<Observation>(&seen).unwrap(), night.seen);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn steady_work_comes_to_rest(tasks in 1_u32..40, work in 0.2..30.0_f64) {
        let mut night = service(tasks, (100.0 * work / f64::from(tasks)).min(100.0));
        night.work(4 * 3600, work);
        let rest = night.seen.tasks.desired;
        night.work(1800, work);
        prop_assert!(night.seen.tasks.desired.abs_diff(rest) <= 1);
        let used = 100.0 * work / f64::from(rest);
        prop_assert!(used <= 90.0, "{used} % with {rest}");
        prop_assert!(f64::from(rest) <= work * 1.3 + 2.0, "{rest} for {work}");
    }
}
