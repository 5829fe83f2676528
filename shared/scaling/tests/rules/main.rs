//! The rules of the scaler, each as a sentence.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod learning;
#[path = "../night/mod.rs"]
mod night;
mod quiet;

use night::{Night, after, evening, flat, says, service};
use slipway_domain::Scaling;
use slipway_domain::scaling::{Band, Metric, Queue, Statistic, ToZero};
use slipway_scaling::{Bounds, Load, Paused, Point, State, Targets, Tasks, Verdict};

fn verdict(night: &Night) -> (Verdict, u32) {
    let decision = night.looked();
    (decision.verdict, decision.to)
}

#[test]
fn with_nothing_learned_the_plan_is_the_high_mark() {
    // 10 tasks at 70 % are where 70 % is aimed at; at 83 % it takes 12.
    assert_eq!(verdict(&service(10, 70.0)), (Verdict::Hold, 10));
    let busy = Night {
        seen: {
            let mut seen = service(10, 83.0).seen;
            seen.cpu.0.drain(..27);
            seen
        },
        ..service(10, 83.0)
    };
    let decision = busy.looked();
    assert_eq!(
        (decision.verdict, decision.to),
        (Verdict::Out, 12),
        "{}",
        decision.summary
    );
    assert!(
        decision.summary.starts_with("Out from 10 to 12: CPU 83 %"),
        "{}",
        decision.summary
    );
}

#[test]
fn calm_traffic_needs_less_headroom_and_never_less_than_the_ceiling_leaves() {
    let mut night = service(10, 70.0);
    night.work(3 * 3600, 6.8);
    // The work is that of 6.8 tasks, and with the least headroom of 7.1: at 90 % it takes 8.
    assert_eq!(night.seen.tasks.desired, 8);
}

#[test]
fn a_rush_is_answered_at_its_first_point_in_proportion() {
    let mut night = service(4, 40.0);
    night.pass(600, 40.0);
    let tasks = night.seen.tasks.desired;
    night.second += 20;
    night.point(90.0);
    let decision = night.look();
    assert_eq!(decision.verdict, Verdict::Out, "{}", decision.summary);
    assert!(decision.to > tasks, "{}", decision.summary);
}

#[test]
fn saturated_cpu_is_unknown_demand_and_doubles_what_serves() {
    let decision = service(5, 100.0).looked();
    assert_eq!((decision.verdict, decision.to), (Verdict::Out, 10));
    assert!(says(&decision, "cpu").contains("do all they can"));
}

#[test]
fn tasks_that_start_are_not_asked_for_twice() {
    let mut night = service(5, 100.0);
    night.seen.tasks = Tasks {
        desired: 10,
        running: 5,
    };
    assert_eq!(verdict(&night), (Verdict::Hold, 10));
}

#[test]
fn requests_tell_how_much_a_saturated_service_would_need() {
    let mut night = service(4, 50.0).with_requests(1000.0);
    night.look();
    // 2 tasks' work per 1,000 requests: 12,000 are 24 tasks' work, at 90 % 27 tasks.
    night.second = 120;
    night.seen.cpu.0.extend(flat(100.0, 20, 0, 105).0);
    night.seen.requests.0.push(Point {
        at: after(0),
        seconds: 60,
        value: 12_000.0,
    });
    let decision = night.looked();
    assert_eq!(
        (decision.verdict, decision.to),
        (Verdict::Out, 27),
        "{}",
        decision.summary
    );
}

#[test]
fn missing_cpu_never_takes_a_task_away() {
    let mut night = service(10, 5.0);
    night.seen.cpu = Load::default();
    let decision = night.looked();
    assert_eq!((decision.verdict, decision.to), (Verdict::Hold, 10));
    assert!(says(&decision, "missing").contains("not taken for calm"));
    night.seen.cpu = flat(5.0, 20, -1200, -600);
    assert_eq!(
        verdict(&night),
        (Verdict::Hold, 10),
        "ten minutes old is missing"
    );
}

#[test]
fn missing_memory_requests_queue_or_metric_take_nothing_away_either() {
    let quiet = service(10, 5.0);
    assert_eq!(quiet.looked().verdict, Verdict::In);
    let mut memory = quiet.clone();
    memory.seen.memory = Load::default();
    let mut requests = quiet.clone();
    requests.policy.requests = Some(100);
    let mut queue = quiet.clone();
    queue.policy.queue = Some(Queue {
        name: "jobs".to_owned(),
        delay: 60,
    });
    let mut metric = quiet.clone();
    metric.policy.metrics = vec![sessions()];
    for night in [memory, requests, queue, metric] {
        assert_eq!(verdict(&night), (Verdict::Hold, 10));
    }
}

#[test]
fn absent_requests_with_healthy_targets_are_zero_traffic() {
    let mut night = service(10, 5.0).with_requests(0.0);
    night.policy.requests = Some(100);
    let decision = night.looked();
    assert_eq!(decision.verdict, Verdict::In, "{}", decision.summary);
    night.seen.targets = Some(Targets {
        healthy: 0,
        unhealthy: 0,
    });
    assert_eq!(verdict(&night), (Verdict::Hold, 10));
}

#[test]
fn requests_are_a_signal_of_their_own() {
    let mut night = service(4, 10.0).with_requests(1000.0);
    night.policy.requests = Some(100);
    let decision = night.looked();
    assert_eq!(decision.verdict, Verdict::Out);
    assert!((10..=14).contains(&decision.to), "{}", decision.summary);
}

#[test]
fn nothing_goes_while_a_deployment_runs() {
    let mut night = service(10, 5.0);
    night.seen.deploying = true;
    let decision = night.looked();
    assert_eq!((decision.verdict, decision.to), (Verdict::Hold, 10));
    assert_eq!(
        decision.summary,
        "Stays at 10 although 4 would do: a deployment runs: none goes until it ends."
    );
}

#[test]
fn tasks_are_added_while_a_deployment_runs() {
    let mut night = service(10, 100.0);
    night.seen.deploying = true;
    assert_eq!(night.looked().verdict, Verdict::Out);
}

#[test]
fn a_broken_dependency_is_not_a_quiet_night() {
    let mut night = service(10, 2.0);
    night.seen.targets = Some(Targets {
        healthy: 8,
        unhealthy: 2,
    });
    assert_eq!(verdict(&night), (Verdict::Hold, 10));
    night.seen.targets = Some(Targets {
        healthy: 9,
        unhealthy: 1,
    });
    assert_eq!(night.looked().verdict, Verdict::In, "one in ten may be ill");
    night.seen.targets = Some(Targets {
        healthy: 0,
        unhealthy: 0,
    });
    assert_eq!(verdict(&night), (Verdict::Hold, 10));
}

#[test]
fn a_pause_is_honoured_in_its_direction() {
    let mut calm = service(10, 5.0);
    calm.seen.paused = Paused {
        out: false,
        inwards: true,
    };
    assert_eq!(verdict(&calm), (Verdict::Hold, 10));
    calm.seen.paused = Paused {
        out: true,
        inwards: false,
    };
    assert_eq!(calm.looked().verdict, Verdict::In);
    let mut busy = service(10, 100.0);
    busy.seen.paused = Paused {
        out: true,
        inwards: false,
    };
    assert_eq!(verdict(&busy), (Verdict::Hold, 10));
    busy.seen.paused = Paused {
        out: false,
        inwards: true,
    };
    assert_eq!(busy.looked().verdict, Verdict::Out);
}

#[test]
fn bounds_hold_also_when_paused_and_deploying() {
    for (desired, to, verdict) in [(1, 3, Verdict::Out), (9, 6, Verdict::In)] {
        let mut night = service(desired, 5.0);
        night.seen.bounds = Bounds { min: 3, max: 6 };
        night.seen.paused = Paused {
            out: true,
            inwards: true,
        };
        night.seen.deploying = true;
        let decision = night.looked();
        assert_eq!(decision.verdict, verdict);
        assert!((3..=6).contains(&decision.to), "{}", decision.to);
        assert!(decision.to == to || verdict == Verdict::In);
    }
}

#[test]
fn where_min_is_max_nothing_happens_and_nobody_looks() {
    for cpu in [0.0, 100.0] {
        let mut night = service(4, cpu);
        night.seen.bounds = Bounds { min: 4, max: 4 };
        let decision = night.looked();
        assert_eq!(
            (decision.verdict, decision.to, decision.attention),
            (Verdict::Hold, 4, false)
        );
    }
}

#[test]
fn half_of_the_tasks_go_at_once_at_most() {
    assert_eq!(verdict(&service(9, 1.0)), (Verdict::In, 5));
}

#[test]
fn a_minute_passes_between_two_steps_inwards() {
    let mut night = service(40, 1.0);
    let took: Vec<(i64, u32)> = night
        .pass(300, 1.0)
        .iter()
        .filter(|decision| decision.verdict == Verdict::In)
        .map(|decision| {
            (
                (decision.at.as_second() - evening().as_second()),
                decision.to,
            )
        })
        .collect();
    assert_eq!(took[..2], [(20, 20), (80, 10)]);
}

#[test]
fn nothing_goes_within_a_minute_after_tasks_came() {
    let mut night = service(10, 5.0);
    night.state.out_at = Some(after(-59));
    assert_eq!(verdict(&night), (Verdict::Hold, 10));
    night.state.out_at = Some(after(-60));
    assert_eq!(night.looked().verdict, Verdict::In);
}

#[test]
fn the_same_alarm_twice_adds_tasks_once() {
    let mut night = service(5, 100.0);
    assert_eq!(night.look().to, 10);
    let again = Night {
        seen: service(5, 100.0).seen,
        ..night.clone()
    };
    assert_eq!(
        verdict(&again),
        (Verdict::Hold, 5),
        "before ECS tells of it"
    );
    night.seen.tasks.running = 5;
    assert_eq!(
        verdict(&night),
        (Verdict::Hold, 10),
        "after ECS tells of it"
    );
}

#[test]
fn a_clock_that_went_back_is_no_licence() {
    let mut night = service(5, 100.0);
    night.state.out_at = Some(after(60));
    assert_eq!(verdict(&night), (Verdict::Hold, 5));
    night.state.out_at = Some(after(86_400));
    assert_eq!(
        night.looked().verdict,
        Verdict::Out,
        "a day ahead is no memory"
    );
}

#[test]
fn points_in_disorder_say_the_same() {
    let mut night = service(10, 40.0);
    night.seen.cpu.0.extend(flat(80.0, 20, -100, -15).0);
    let ordered = night.looked();
    night.seen.cpu.0.reverse();
    night
        .seen
        .cpu
        .0
        .sort_by_key(|point| point.value.to_bits() % 7);
    let mut sorted = night.clone();
    sorted
        .seen
        .cpu
        .0
        .sort_by_key(|point| (point.at, point.value < 80.0));
    assert_eq!(sorted.looked().from, ordered.from);
    assert_eq!(night.looked().to, ordered.to);
}

#[test]
fn a_jvm_that_holds_half_of_its_memory_scales_in_on_cpu() {
    for tasks in [2, 10] {
        let mut night = service(tasks, 6.0);
        night.seen.memory = flat(50.0, 60, -600, 0);
        night.pass(3600, 6.0);
        assert_eq!(night.seen.tasks.desired, 1, "from {tasks}");
    }
}

#[test]
fn memory_that_moves_to_other_tasks_keeps_them() {
    // All of it moves: 10 tasks at 50 % are 8 at 62 %.
    let mut night = service(10, 6.0);
    for _ in 0..120 {
        let tasks = f64::from(night.seen.tasks.running);
        night.second += 20;
        night.point(60.0 / tasks);
        night.seen.memory.0.last_mut().unwrap().value = 500.0 / tasks;
        night.look();
    }
    assert_eq!(night.seen.tasks.desired, 8, "{}", night.looked().summary);
}

#[test]
fn memory_above_its_mark_adds_tasks() {
    let mut night = service(10, 30.0);
    night.state.shared_memory = Some(1.0);
    night.seen.memory = flat(91.0, 60, -600, 0);
    assert_eq!(verdict(&night), (Verdict::Out, 13));
}

#[test]
fn memory_that_each_task_holds_for_itself_is_not_chased() {
    let mut night = service(10, 60.0);
    night.state.shared_memory = Some(0.0);
    night.seen.memory = flat(91.0, 60, -600, 0);
    let decision = night.looked();
    assert_eq!(decision.verdict, Verdict::Hold);
    assert!(says(&decision, "memory").contains("more tasks do not help"));
}

fn sessions() -> Metric {
    Metric {
        namespace: "Shop".to_owned(),
        name: "Sessions".to_owned(),
        dimensions: std::collections::BTreeMap::new(),
        statistic: Statistic::Average,
        low: 30.0,
        high: 100.0,
        total: true,
    }
}

#[test]
fn a_total_is_shared_by_the_tasks_and_an_average_is_of_each() {
    let mut night = service(4, 10.0);
    night.policy.metrics = vec![sessions()];
    night.seen.metrics = vec![flat(950.0, 60, -600, 0)];
    assert_eq!(verdict(&night), (Verdict::Out, 10));
    night.policy.metrics[0].total = false;
    night.seen.metrics = vec![flat(150.0, 60, -600, 0)];
    assert_eq!(verdict(&night), (Verdict::Out, 6));
}

#[test]
fn a_metric_lets_go_only_what_leaves_it_a_tenth_under_its_mark() {
    let mut night = service(10, 5.0);
    night.policy.metrics = vec![sessions()];
    night.seen.metrics = vec![flat(700.0, 60, -600, 0)];
    assert_eq!(verdict(&night), (Verdict::In, 8));
}

#[test]
fn any_signal_adds_and_all_must_agree_to_take_away() {
    let mut night = service(4, 5.0);
    night.policy.metrics = vec![sessions()];
    night.seen.metrics = vec![flat(390.0, 60, -600, 0)];
    assert_eq!(verdict(&night), (Verdict::Hold, 4));
}
