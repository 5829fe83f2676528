//! Queues, and services that nobody calls.

use super::*;

fn worker(tasks: u32, waiting: f64, done: f64) -> Night {
    let mut night = service(tasks, 50.0);
    night.policy.queue = Some(Queue {
        name: "jobs".to_owned(),
        delay: 60,
    });
    night.policy.cpu = Band { low: 30, high: 90 };
    night.seen.waiting = flat(waiting, 60, -600, 0);
    night.seen.worked_off = flat(done, 60, -600, 0);
    night
}

#[test]
fn a_queue_gets_as_many_tasks_as_work_it_off_in_time() {
    // 10 a minute by each of 2 tasks; 60 wait, and none may wait for more than a minute.
    let decision = worker(2, 60.0, 20.0).looked();
    assert_eq!(
        (decision.verdict, decision.to),
        (Verdict::Out, 6),
        "{}",
        decision.summary
    );
    assert!(says(&decision, "queue").contains("a task does 10.0 a minute"));
}

#[test]
fn a_queue_that_is_worked_off_lets_tasks_go() {
    let mut night = worker(10, 0.0, 20.0);
    night.state.pace = Some(10.0);
    night.seen.cpu = flat(10.0, 20, -600, -15);
    let decision = night.looked();
    assert_eq!(
        (decision.verdict, decision.to),
        (Verdict::In, 5),
        "{}",
        decision.summary
    );
}

#[test]
fn one_poisonous_message_does_not_call_for_tasks() {
    let mut night = worker(4, 1.0, 0.0);
    night.seen.oldest = flat(50_000.0, 60, -600, 0);
    assert_ne!(night.looked().verdict, Verdict::Out);
}

#[test]
fn a_worker_that_is_busy_is_measured_by_its_queue() {
    let mut night = worker(4, 0.0, 40.0);
    night.seen.cpu = flat(100.0, 20, -600, -15);
    assert_eq!(night.looked().verdict, Verdict::Hold);
}

fn sleeper(tasks: u32) -> Night {
    let mut night = service(tasks, 1.0).with_requests(0.0);
    night.seen.bounds.min = 0;
    night.policy.min = 0;
    night.policy.to_zero = ToZero {
        after: 15,
        ..ToZero::default()
    };
    night
}

#[test]
fn a_service_sleeps_after_its_quiet_time_and_not_before() {
    let mut night = sleeper(1);
    let minutes: Vec<i64> = night
        .pass(1800, 1.0)
        .iter()
        .filter(|decision| decision.verdict == Verdict::Sleep)
        .map(|decision| (decision.at.as_second() - evening().as_second()) / 60)
        .collect();
    assert_eq!(minutes, [15]);
    assert_eq!(night.seen.tasks.desired, 0);
    assert!(!night.looked().attention, "who sleeps is not looked at");
}

#[test]
fn whoever_stays_awake_says_why() {
    let mut night = sleeper(1);
    let says = |night: &Night| night.clone().looked().summary;
    assert_eq!(
        says(&night),
        "Stays awake with 1: quiet for 0 minutes; it sleeps after 15."
    );
    night.state.busy_at = Some(after(-3600));
    night.seen.deploying = true;
    let held = night.clone().looked();
    assert!(
        held.summary.contains("a deployment runs"),
        "{}",
        held.summary
    );
    assert!(held.reasons.iter().any(|it| it.signal == "deployment"));
    night.seen.targets = None;
    assert!(says(&night).contains("tells whether somebody calls"));
    // Where some task always runs, nobody asks.
    night.seen.bounds.min = 1;
    assert!(!says(&night).contains("awake"));
}

#[test]
fn a_single_request_keeps_it_awake() {
    let mut night = sleeper(1);
    night.state.busy_at = Some(after(-3600));
    assert_eq!(night.looked().verdict, Verdict::Sleep);
    night.seen.requests = flat(1.0, 60, -600, -540);
    assert_eq!(verdict(&night), (Verdict::Hold, 1));
}

#[test]
fn it_does_not_sleep_while_somebody_could_call_unheard() {
    let mut night = sleeper(1);
    night.state.busy_at = Some(after(-3600));
    let deaf = |change: &dyn Fn(&mut Night)| {
        let mut deaf = night.clone();
        change(&mut deaf);
        deaf.looked().verdict
    };
    assert_eq!(deaf(&|night| night.seen.targets = None), Verdict::Hold);
    assert_eq!(
        deaf(&|night| night.seen.targets = Some(Targets::default())),
        Verdict::Hold
    );
    assert_eq!(deaf(&|night| night.seen.deploying = true), Verdict::Hold);
    assert_eq!(
        deaf(&|night| night.seen.paused.inwards = true),
        Verdict::Hold
    );
    assert_eq!(
        deaf(&|night| night.seen.cpu = Load::default()),
        Verdict::Hold
    );
    assert_eq!(deaf(&|night| night.seen.bounds.min = 1), Verdict::Hold);
}

#[test]
fn a_service_that_was_woken_stays_awake_for_its_quiet_time() {
    let mut night = sleeper(1);
    night.state = State {
        busy_at: Some(after(-3600)),
        asleep: true,
        ..State::default()
    };
    assert_eq!(verdict(&night), (Verdict::Hold, 1));
}

#[test]
fn a_sleeping_worker_wakes_when_messages_wait() {
    let mut night = worker(0, 0.0, 0.0);
    night.seen.bounds.min = 0;
    assert_eq!(verdict(&night), (Verdict::Hold, 0));
    assert!(
        night.looked().attention,
        "its queue is looked at each minute"
    );
    night.seen.waiting = flat(3.0, 60, -120, 0);
    assert_eq!(verdict(&night), (Verdict::Out, 1));
    night.seen.paused.out = true;
    assert_eq!(verdict(&night), (Verdict::Hold, 0));
}

#[test]
fn a_message_that_is_worked_on_keeps_a_worker_awake() {
    let mut night = worker(1, 0.0, 0.0);
    night.seen.bounds.min = 0;
    night.policy.min = 0;
    night.state.busy_at = Some(after(-3600));
    assert_eq!(night.looked().verdict, Verdict::Sleep);
    night.seen.in_flight = flat(1.0, 60, -120, 0);
    assert_eq!(verdict(&night), (Verdict::Hold, 1));
}
