//! When to look, and what is learned.

use super::*;

#[test]
fn at_its_fewest_tasks_and_at_rest_nobody_looks() {
    let mut night = service(2, 20.0);
    night.seen.bounds.min = 2;
    let decision = night.looked();
    assert_eq!((decision.attention, decision.look_again), (false, None));
    let above = Night {
        seen: {
            let mut seen = night.seen.clone();
            seen.cpu = flat(75.0, 20, -600, -15);
            seen
        },
        ..night.clone()
    };
    assert!(
        above.looked().attention,
        "its alarm has spoken and speaks no more"
    );
    night.seen.tasks.running = 1;
    assert!(night.looked().attention, "a task starts");
}

#[test]
fn looks_follow_the_points_where_they_come_faster_than_the_tick() {
    let night = service(10, 60.0);
    let decision = night.looked();
    // The newest point ended at -20: the next one can be read 15 s after the next period.
    assert_eq!((decision.attention, decision.look_again), (true, Some(15)));
    let mut coarse = night;
    coarse.policy.resolution = 60;
    let decision = coarse.looked();
    assert_eq!((decision.attention, decision.look_again), (true, None));
}

#[test]
fn a_user_who_asks_for_less_utilisation_gets_more_tasks() {
    let mut night = service(10, 50.0);
    night.seen.cpu.0.drain(..27);
    let tasks = |high| {
        let mut night = night.clone();
        night.policy.cpu = Band { low: 20, high };
        let decision = night.looked();
        decision.reasons[0].wants.unwrap()
    };
    // The work of 5 tasks, at the mark.
    assert_eq!([tasks(40), tasks(50), tasks(70)], [13, 10, 8]);
}

#[test]
fn misses_that_repeat_make_more_headroom() {
    let spiky = |spikes: usize| {
        let mut night = service(10, 50.0);
        for _ in 0..spikes {
            night.pass(400, 50.0);
            night.seen.tasks = Tasks {
                desired: 10,
                running: 10,
            };
            night.pass(20, 100.0);
            night.seen.tasks = Tasks {
                desired: 10,
                running: 10,
            };
        }
        night
            .state
            .tracks
            .get("cpu")
            .and_then(|track| track.width)
            .unwrap_or(0.0)
    };
    assert!(spiky(4) > spiky(0) + 3.0, "{} {}", spiky(4), spiky(0));
}

#[test]
fn the_start_of_tasks_is_learned() {
    let mut night = service(5, 100.0);
    let decision = night.looked();
    night.state = decision.state;
    night.seen.tasks = Tasks {
        desired: decision.to,
        running: 5,
    };
    for second in [40, 80, 120] {
        night.second = second;
        night.state = night.looked().state;
    }
    night.second = 160;
    night.seen.tasks.running = 10;
    let learned = night.looked().state.startup.unwrap();
    assert!((learned - (60.0 + 0.3 * 100.0)).abs() < 1e-6, "{learned}");
}

#[test]
fn an_old_or_newer_state_is_understood_as_far_as_it_goes() {
    let state: State = serde_json::from_str(r#"{"out_at":null,"of_the_future":{"a":1}}"#).unwrap();
    assert_eq!(state, State::default());
    let broken: State =
        serde_json::from_str(r#"{"tracks":{"cpu":{"at":"2026-11-20T21:00:00Z","level":1e300,"errors":-1}},"startup":1e300,"cost":-5,"shared_memory":7}"#).unwrap();
    let night = Night {
        state: broken,
        ..service(10, 70.0)
    };
    let decision = night.looked();
    assert!((9..=11).contains(&decision.to), "{}", decision.summary);
}

#[test]
fn the_state_stays_small() {
    let mut night = service(10, 50.0).with_requests(500.0);
    night.policy.requests = Some(60);
    night.pass(7200, 55.0);
    let json = serde_json::to_string(&night.state).unwrap();
    assert!(json.len() < 8000, "{} bytes", json.len());
}

#[test]
fn the_policy_is_the_default_one() {
    assert_eq!(
        (Scaling::default().cpu.low, Scaling::default().cpu.high),
        (30, 70)
    );
}
