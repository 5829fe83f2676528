//! Scaling as callers see and steer it, on a registry and tasks in memory.

use serde_json::{Value, json};

use super::*;
use crate::fake::{FakeRegistry, FakeTasks};
use crate::ports::{ServiceReader, StackRegistry, StackWrite};
use crate::services::tests::{api, caller};

type Control = ScalingControl<FakeRegistry, FakeTasks>;

fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

const BOTH: Paused = Paused {
    out: true,
    inwards: true,
};

fn live() -> Live {
    Live {
        desired: 4,
        running: 4,
        pending: 0,
        bounds: Some((2, 10)),
        paused: Paused::default(),
        deploying: false,
    }
}

/// A service that is registered, and whose stack is not made yet.
async fn registered(scaling: Value) -> Control {
    let registry = FakeRegistry::new(5);
    let manifest =
        json!({"service": "orders", "image": "ghcr.io/example/orders:1", "scaling": scaling});
    let api = api(registry.clone());
    api.register(&manifest, &caller(1)).await.unwrap();
    ScalingControl {
        registry,
        tasks: FakeTasks::default(),
        platform: Platform::sample(),
    }
}

/// The same, with tasks.
async fn running(scaling: Value) -> Control {
    let control = registered(scaling).await;
    let state = control.registry.service(&orders()).await.unwrap().unwrap();
    let mut record = state.stacks[&Scope::Environment(prod())].clone();
    for (output, value) in [("Cluster", "c"), ("ServiceName", "s")] {
        let outputs = &mut record.status.outputs;
        outputs.insert(output.to_owned(), value.to_owned());
    }
    let write = StackWrite {
        service: orders(),
        record,
        release: Vec::new(),
        places: Vec::new(),
        databases: Vec::new(),
        deployments: Vec::new(),
        audit: None,
    };
    assert!(control.registry.save(&write).await.unwrap());
    control.tasks.runs("c", "s", live());
    control
}

async fn shown(control: &Control) -> ScalingView {
    let now = caller(50).stamp.now;
    control.show(&orders(), &prod(), now).await.unwrap()
}

fn last_audit(control: &Control) -> (String, String, String) {
    let entry = control.registry.audit(&orders()).pop().unwrap();
    (entry.actor, entry.action, entry.note.unwrap_or_default())
}

const ADA: &str = "arn:aws:iam::111122223333:user/ada";

#[tokio::test]
async fn what_is_shown_is_the_policy_and_what_runs_in_one_read_and_one_look() {
    let control = running(json!({"cpu": {"high": 60}})).await;
    control.registry.take_calls();
    let view = shown(&control).await;
    assert_eq!(control.registry.take_calls().len(), 1);
    assert_eq!(view.policy.cpu.high, 60);
    let live = view.live.unwrap();
    assert_eq!((live.desired, live.running, live.min), (4, 4, Some(2)));
    assert_eq!(
        view.summary,
        "It runs 4 of 4 tasks, and may run 2 to 10 tasks."
    );
    assert_eq!(
        (view.held, view.last, view.asleep_since),
        (None, None, None)
    );
}

#[tokio::test]
async fn where_nothing_runs_it_says_why_and_nothing_can_be_changed() {
    let control = registered(json!({})).await;
    let view = shown(&control).await;
    assert_eq!(view.live, None);
    assert!(
        view.summary.starts_with("There is nothing to scale yet: "),
        "{}",
        view.summary
    );
    let refused = control.set(&orders(), &prod(), 3, &caller(2)).await;
    assert!(matches!(refused, Err(ServiceError::NothingToScale { .. })));
    let audit = control.registry.audit(&orders());
    assert_eq!(audit.len(), 1, "nothing was written");

    let control = running(json!({})).await;
    control.tasks.forget("c", "s");
    let refused = control.pause(&orders(), &prod(), BOTH, &caller(2)).await;
    let refused = refused.unwrap_err().to_string();
    assert_eq!(
        refused,
        "`orders/prod` has no tasks that could be scaled: the service is not in ECS."
    );
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let control = running(json!({})).await;
    let (other, staging) = ("other".parse().unwrap(), "staging".parse().unwrap());
    let now = caller(2).stamp.now;
    let service = control.show(&other, &prod(), now).await;
    assert!(matches!(service, Err(ServiceError::NoService(_))));
    let environment = control.show(&orders(), &staging, now).await;
    assert!(matches!(environment, Err(ServiceError::NoPart(_))));
}

#[tokio::test]
async fn a_pause_is_of_one_direction_or_both_and_each_is_taken_back_alone() {
    let control = running(json!({})).await;
    let inwards = Paused {
        inwards: true,
        ..Paused::default()
    };
    let view = control.pause(&orders(), &prod(), inwards, &caller(2)).await;
    let view = view.unwrap();
    let paused = view.live.unwrap().paused;
    assert_eq!((paused.out, paused.r#in), (false, true));
    assert!(
        view.summary
            .ends_with("It is paused: no task is taken away, until somebody resumes it."),
        "{}",
        view.summary
    );
    let view = control.pause(&orders(), &prod(), BOTH, &caller(3)).await;
    let paused = view.unwrap().live.unwrap().paused;
    assert_eq!((paused.out, paused.r#in), (true, true));
    assert_eq!(
        last_audit(&control),
        (
            ADA.to_owned(),
            "pause-scaling".to_owned(),
            "prod: out and in".to_owned()
        )
    );
    let view = control
        .resume(&orders(), &prod(), inwards, &caller(4))
        .await;
    let paused = view.unwrap().live.unwrap().paused;
    assert_eq!((paused.out, paused.r#in), (true, false));
    assert_eq!(control.tasks.now("c", "s").unwrap().bounds, Some((2, 10)));
    let record = control.registry.remembered(&orders(), &prod()).unwrap();
    assert_eq!(record.attention, Some(caller(4).stamp.now));
}

#[tokio::test]
async fn bounds_are_held_for_a_time_and_the_manifests_come_back() {
    let control = running(json!({})).await;
    let bounds = Bounds { min: 6, max: 30 };
    let view = control
        .hold(&orders(), &prod(), bounds, 90, &caller(2))
        .await;
    let view = view.unwrap();
    let until = caller(2).stamp.now + SignedDuration::from_mins(90);
    let held = view.held.unwrap();
    assert_eq!((held.min, held.max, held.until), (6, 30, until));
    assert_eq!((held.by.as_str(), view.live.unwrap().desired), (ADA, 6));
    assert!(view.summary.contains("are ada's and hold until"));
    let now = control.tasks.now("c", "s").unwrap();
    assert_eq!((now.bounds, now.desired), (Some((6, 30)), 6));
    let record = control.registry.remembered(&orders(), &prod()).unwrap();
    assert_eq!(record.attention, Some(caller(2).stamp.now));
    assert_eq!(last_audit(&control).1, "hold-bounds");

    let view = control.release(&orders(), &prod(), &caller(3)).await;
    let view = view.unwrap();
    assert_eq!((view.held, view.live.unwrap().max), (None, Some(10)));
    assert_eq!(control.tasks.now("c", "s").unwrap().bounds, Some((2, 10)));
    assert_eq!(
        last_audit(&control).2,
        "prod: back to 2 to 10 tasks",
        "what comes back is told"
    );
}

#[tokio::test]
async fn bounds_that_come_back_are_those_of_the_hour() {
    let always = json!({"schedule": [{"from": "00:00", "to": "00:00", "min": 5, "max": 40}]});
    let control = running(always).await;
    let view = control.release(&orders(), &prod(), &caller(3)).await;
    let live = view.unwrap().live.unwrap();
    assert_eq!((live.min, live.max), (Some(5), Some(40)));
}

#[tokio::test]
async fn bounds_that_hold_no_more_are_not_shown() {
    let control = running(json!({})).await;
    let bounds = Bounds { min: 6, max: 30 };
    let held = control
        .hold(&orders(), &prod(), bounds, 1, &caller(2))
        .await;
    held.unwrap();
    let later = caller(2).stamp.now + SignedDuration::from_mins(1);
    let view = control.show(&orders(), &prod(), later).await.unwrap();
    assert_eq!(view.held, None);
}

#[tokio::test]
async fn bounds_that_make_no_sense_are_refused_where_they_are_written() {
    let control = running(json!({})).await;
    for (min, max) in [(5, 4), (0, 4)] {
        let refused = control
            .hold(&orders(), &prod(), Bounds { min, max }, 5, &caller(2))
            .await;
        let Err(ServiceError::OutOfBounds { pointer, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(pointer, "/min");
    }
    assert_eq!(control.tasks.bounds_written(), []);
}

#[tokio::test]
async fn a_number_by_hand_is_a_decision_with_a_name_and_begins_the_wait_behind_it() {
    let control = running(json!({})).await;
    let view = control.set(&orders(), &prod(), 7, &caller(2)).await;
    let view = view.unwrap();
    assert_eq!(view.live.unwrap().desired, 7);
    assert!(view.summary.ends_with("The scaler goes on from there."));
    let last = view.last.unwrap();
    assert_eq!(last.verdict, VerdictView::Out);
    assert_eq!(
        last.summary,
        "ada set 7 tasks by hand. The scaler goes on from there."
    );
    let kept = control.registry.kept_decisions(&orders(), &prod());
    assert_eq!((kept.len(), kept[0].from, kept[0].to), (1, 4, 7));
    let record = control.registry.remembered(&orders(), &prod()).unwrap();
    assert_eq!(record.state.out_at, Some(caller(2).stamp.now));
    assert_eq!(record.state.in_at, None);
    let ordered = record.ordered.unwrap();
    assert_eq!(
        (ordered.from, ordered.to),
        (4, 7),
        "told again if it is lost"
    );
    assert_eq!(control.tasks.counts(), [7]);
    assert_eq!(last_audit(&control).2, "prod: from 4 to 7");
    let page = control.decisions(&orders(), &prod(), None, 10).await;
    assert_eq!(page.unwrap().items, [last]);
}

#[tokio::test]
async fn a_number_outside_of_the_bounds_is_refused_with_the_bounds() {
    let control = running(json!({})).await;
    for count in [0, 1, 11] {
        let refused = control.set(&orders(), &prod(), count, &caller(2)).await;
        assert_eq!(
            refused.unwrap_err().to_string(),
            "`count` must be within the bounds, 2 to 10 tasks, which can be set for a time, too"
        );
    }
    let sleepy = |live: &mut Live| live.bounds = Some((0, 10));
    control.tasks.change("c", "s", sleepy);
    let refused = control.set(&orders(), &prod(), 0, &caller(2)).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("takes the last tasks away"), "{refused}");
    assert_eq!(control.tasks.counts(), [0_u32; 0]);
}

#[tokio::test]
async fn what_aws_scales_can_be_paused_and_set_and_keeps_the_manifests_bounds() {
    let control = running(json!({"by": "target-tracking"})).await;
    let view = shown(&control).await;
    assert!(view.summary.contains("AWS's own target tracking"));
    let bounds = Bounds { min: 3, max: 4 };
    let held = control
        .hold(&orders(), &prod(), bounds, 5, &caller(2))
        .await;
    assert!(matches!(held, Err(ServiceError::ScaledByAws { .. })));
    let view = control.set(&orders(), &prod(), 5, &caller(3)).await;
    let summary = view.unwrap().summary;
    assert!(summary.ends_with("AWS's target tracking goes on from there."));
    let view = control.resume(&orders(), &prod(), BOTH, &caller(4)).await;
    view.unwrap();
    let record = control.registry.remembered(&orders(), &prod()).unwrap();
    assert_eq!(record.attention, None, "the scaler keeps its hands off");
}

#[tokio::test]
async fn a_service_that_goes_is_not_scaled_any_more() {
    let control = running(json!({})).await;
    let any = Some(crate::services::Precondition::Exists);
    let api = api(control.registry.clone());
    api.delete(&orders(), any.as_ref(), &caller(2))
        .await
        .unwrap();
    let refused = control.pause(&orders(), &prod(), BOTH, &caller(3)).await;
    assert!(matches!(refused, Err(ServiceError::Deleting(_))));
}
