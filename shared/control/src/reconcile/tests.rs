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

#[tokio::test]
async fn a_service_with_an_image_becomes_ready_and_then_rests() {
    let world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
    let deployment = world.deployment("orders");
    assert!(matches!(
        deployment.outcome,
        Some(Outcome::Succeeded { .. })
    ));
    let steps: Vec<&str> = deployment
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(steps, ["accepted", "creating the stack", "ready"]);
    assert_eq!(world.registry.slots().0, 0);

    world.cloud.take_calls();
    for scope in [Scope::Service, Scope::Environment(prod())] {
        let next = world
            .reconciler
            .reconcile(&name("orders"), &scope, later(500))
            .await
            .unwrap();
        assert_eq!(next, Next::Done);
    }
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert!(
        !world.registry.take_calls().contains_key("save")
            || world.registry.all_attention().is_empty()
    );
}

#[tokio::test]
async fn a_service_without_an_image_has_its_repository_and_waits_for_the_first() {
    let mut world = World::settled(json!({"service": "orders"})).await;
    assert_eq!(world.phase("orders").await.0, Phase::Waiting);
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        ["devops2-g4--orders"]
    );
    world.patch("orders", json!({"image": "nginx:1"})).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
    assert_eq!(world.cloud.stacks().len(), 2);
}

#[tokio::test]
async fn a_change_is_an_update_and_no_change_is_none() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.cloud.take_calls();
    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.settle().await;
    assert_eq!(world.mutations("update"), 1);
    world
        .patch("orders", json!({"deletion_protection": true}))
        .await;
    world.settle().await;
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());
    assert_eq!(world.deployment("orders").generation, 2);
}

#[tokio::test]
async fn a_failed_creation_is_cleaned_up_and_told_and_not_repeated() {
    let mut world = World::settled(json!({"service": "orders"})).await;
    world.cloud.script([
        Script::Succeeds,
        Script::Fails("Service: the image is missing".to_owned()),
    ]);
    world.patch("orders", json!({"image": "nginx:1"})).await;
    world.settle().await;
    let (phase, message) = world.phase("orders").await;
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("the image is missing"), "{message}");
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        ["devops2-g4--orders"]
    );
    match world.deployment("orders").outcome {
        Some(Outcome::Failed { reason, .. }) => assert!(reason.contains("the image is missing")),
        other => panic!("{other:?}"),
    }
    world.cloud.take_calls();
    world.settle().await;
    assert_eq!(world.cloud.take_calls(), Vec::<String>::new());

    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
}

#[tokio::test]
async fn a_collision_on_the_shared_http_api_is_survived() {
    let mut world = World::settled(json!({"service": "orders"})).await;
    let conflict = || Script::Fails("Route: ConflictException: try again".to_owned());
    world.cloud.script([Script::Succeeds, conflict()]);
    world.patch("orders", json!({"image": "nginx:1"})).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
    world.cloud.script([conflict()]);
    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
    assert!(matches!(
        world.deployment("orders").outcome,
        Some(Outcome::Succeeded { .. })
    ));
}

#[tokio::test]
async fn a_failed_update_leaves_what_ran_and_says_why() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.cloud.script([Script::Fails(
        "Service: tasks did not become healthy".to_owned(),
    )]);
    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.settle().await;
    let (phase, message) = world.phase("orders").await;
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("what ran before runs on"), "{message}");
    assert_eq!(
        world.cloud.stacks()["devops2-g4--orders--prod"],
        StackStatus::UpdateRollbackComplete
    );
}

#[tokio::test]
async fn a_refusal_is_told_and_holds_no_slot() {
    let mut world = World::new();
    world.cloud.script([
        Script::Refused("Template error".to_owned()),
        Script::Refused("Template error".to_owned()),
    ]);
    world
        .register(json!({"service": "orders", "image": "nginx:1"}))
        .await;
    world.settle().await;
    let (phase, message) = world.phase("orders").await;
    assert_eq!(
        (phase, message.as_str()),
        (Phase::Failed, "CloudFormation refuses: Template error")
    );
    assert_eq!(world.registry.slots().0, 0);
}

#[tokio::test]
async fn what_is_lost_between_doing_and_writing_is_found_again() {
    for lost in 1..=6 {
        let mut world = World::new();
        world.registry.lose_saves(lost);
        world
            .cloud
            .script([Script::AnswerLost, Script::Throttled, Script::AnswerLost]);
        world
            .register(json!({"service": "orders", "image": "nginx:1"}))
            .await;
        world.settle().await;
        assert_eq!(
            world.phase("orders").await.0,
            Phase::Ready,
            "{lost} writes lost"
        );
        assert_eq!(world.cloud.stacks().len(), 2, "{lost} writes lost");
        assert_eq!(world.registry.slots().0, 0, "{lost} writes lost");
    }
}

#[tokio::test]
async fn never_more_stack_operations_than_slots_and_all_come_to_their_turn() {
    let mut world = World::with_slots(3);
    for n in 0..20 {
        world
            .register(json!({"service": format!("s{n}"), "image": "nginx:1"}))
            .await;
    }
    world.settle().await;
    assert_eq!(world.cloud.stacks().len(), 40);
    assert_eq!(world.registry.slots(), (0, 3));
}

#[tokio::test]
async fn only_the_newest_of_several_deployments_is_carried_out() {
    let mut world = World::new();
    world
        .register(json!({"service": "orders", "image": "nginx:1"}))
        .await;
    for image in ["nginx:2", "nginx:3"] {
        world.patch("orders", json!({"image": image})).await;
    }
    world.settle().await;
    let page = world
        .api
        .deployments(&name("orders"), &prod(), None, 10)
        .await
        .unwrap();
    let outcomes: Vec<bool> = page
        .items
        .iter()
        .map(|d| matches!(d.outcome, Some(Outcome::Superseded { .. })))
        .collect();
    assert_eq!(outcomes, [false, true, true]);
    assert!(matches!(
        page.items[0].outcome,
        Some(Outcome::Succeeded { .. })
    ));
}

#[tokio::test]
async fn a_former_path_is_released_once_the_new_one_is_served() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.patch("orders", json!({"path": "/a"})).await;
    world.patch("orders", json!({"path": "/b"})).await;
    assert_eq!(world.registry.claims().len(), 3);
    world.settle().await;
    assert_eq!(
        world
            .registry
            .claims()
            .keys()
            .map(slipway_domain::RoutePath::as_str)
            .collect::<Vec<_>>(),
        ["/b"]
    );
}

#[tokio::test]
async fn a_deleted_service_is_gone_with_its_stacks_and_claims_and_can_come_again() {
    let mut world = World::new();
    let manifest = json!({"service": "orders", "image": "nginx:1", "environments": {"qa": {}}});
    world.register(manifest.clone()).await;
    world.settle().await;
    assert_eq!(world.cloud.stacks().len(), 3);
    world.delete("orders").await;
    world.settle().await;
    assert!(
        world
            .registry
            .service(&name("orders"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(world.cloud.stacks().is_empty() && world.registry.claims().is_empty());
    assert_eq!(world.registry.slots().0, 0);
    world.register(manifest).await;
    world.settle().await;
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
}

#[tokio::test]
async fn an_environment_that_the_manifest_drops_is_deleted_and_may_come_back() {
    let mut world = World::settled(
        json!({"service": "orders", "image": "nginx:1", "environments": {"qa": {}}}),
    )
    .await;
    world
        .patch("orders", json!({"environments": {"qa": null}}))
        .await;
    world.sweep(1).await;
    world
        .patch("orders", json!({"environments": {"qa": {}}}))
        .await;
    world.settle().await;
    assert_eq!(world.cloud.stacks().len(), 3);
    world.patch("orders", json!({"environments": null})).await;
    world.settle().await;
    assert_eq!(
        world.cloud.stacks().keys().collect::<Vec<_>>(),
        ["devops2-g4--orders", "devops2-g4--orders--prod"]
    );
    assert_eq!(world.registry.claims().len(), 1);
}

#[tokio::test]
async fn a_deletion_that_fails_is_tried_again_then_handed_to_a_person_and_goes_on_when_asked() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    let stuck = || Script::Fails("AlbSecurityGroup: it is in use".to_owned());
    world.cloud.script(std::iter::repeat_with(stuck).take(2));
    world.delete("orders").await;
    world.settle().await;
    assert!(
        world
            .registry
            .service(&name("orders"))
            .await
            .unwrap()
            .is_none()
    );

    world
        .register(json!({"service": "orders", "image": "nginx:1"}))
        .await;
    world.settle().await;
    let tries = usize::try_from(MAX_ATTEMPTS).unwrap();
    world
        .cloud
        .script(std::iter::repeat_with(stuck).take(tries));
    world.delete("orders").await;
    for minute in 1..60 {
        world.sweep(minute).await;
    }
    let (phase, message) = world.phase("orders").await;
    assert_eq!(phase, Phase::Failed);
    assert!(message.contains("it is in use"), "{message}");
    assert_eq!(world.registry.slots().0, 0);
    world.delete("orders").await;
    world.settle().await;
    assert!(
        world
            .registry
            .service(&name("orders"))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn the_service_stack_is_known_while_it_waits_for_its_environments_to_go() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.delete("orders").await;
    world.sweep(1).await;
    let state = world
        .registry
        .service(&name("orders"))
        .await
        .unwrap()
        .unwrap();
    assert!(state.stacks[&Scope::Service].status.stack_id.is_some());
}

#[tokio::test]
async fn a_failure_that_passes_is_given_time_before_the_next_attempt() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world
        .cloud
        .script([Script::Fails("Route: ConflictException".to_owned())]);
    world.patch("orders", json!({"image": "nginx:2"})).await;
    let scope = Scope::Environment(prod());
    let mut nexts = Vec::new();
    for minute in 1..6 {
        nexts.push(
            world
                .reconciler
                .reconcile(&name("orders"), &scope, later(minute))
                .await
                .unwrap(),
        );
    }
    assert_eq!(world.phase("orders").await.0, Phase::Updating);
    assert!(nexts.contains(&Next::Requeue(backoff(1))), "{nexts:?}");
}

#[tokio::test]
async fn a_slot_is_kept_while_an_operation_runs_that_no_record_tells_of() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.patch("orders", json!({"image": "nginx:2"})).await;
    let scope = Scope::Environment(prod());
    world.registry.lose_saves(1);
    assert!(
        world
            .reconciler
            .reconcile(&name("orders"), &scope, later(1))
            .await
            .is_err()
    );
    assert_eq!(world.registry.slots().0, 1);
    let next = world
        .reconciler
        .reconcile(&name("orders"), &scope, later(2))
        .await
        .unwrap();
    assert_eq!((next, world.registry.slots().0), (Next::AwaitChange, 1));
    world.settle().await;
    assert_eq!(world.registry.slots().0, 0);
}

#[tokio::test]
async fn a_slot_that_was_taken_for_nothing_is_given_back() {
    let mut world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.patch("orders", json!({"image": "nginx:2"})).await;
    world.cloud.script([Script::Throttled]);
    let scope = Scope::Environment(prod());
    assert!(
        world
            .reconciler
            .reconcile(&name("orders"), &scope, later(1))
            .await
            .is_err()
    );
    assert_eq!(world.registry.slots().0, 1);
    world.patch("orders", json!({"image": "nginx:1"})).await;
    world.settle().await;
    assert_eq!(
        (world.phase("orders").await.0, world.registry.slots().0),
        (Phase::Ready, 0)
    );
}

#[tokio::test]
async fn a_stack_that_was_deleted_by_hand_is_made_again_at_the_next_look() {
    let world = World::settled(json!({"service": "orders", "image": "nginx:1"})).await;
    world.cloud.delete_by_hand("devops2-g4--orders--prod");
    let scope = Scope::Environment(prod());
    let next = world
        .reconciler
        .reconcile(&name("orders"), &scope, later(300))
        .await
        .unwrap();
    assert!(matches!(next, Next::Requeue(_)));
    for minute in 301..320 {
        world.sweep(minute).await;
    }
    assert_eq!(world.phase("orders").await.0, Phase::Ready);
}

/// What is wanted, in the three ways that differ to a stack.
async fn wants() -> [(&'static str, Desired); 3] {
    let mut world = World::new();
    world
        .register(json!({"service": "orders", "image": "nginx:1"}))
        .await;
    let state = world
        .registry
        .service(&name("orders"))
        .await
        .unwrap()
        .unwrap();
    let platform = Platform::sample();
    let changed = desired(&state, &Scope::Environment(prod()), &platform);
    [
        ("absent", Desired::Absent { generation: 1 }),
        ("held", Desired::Held),
        ("present", changed),
    ]
}

#[tokio::test]
async fn every_status_has_an_answer_and_what_is_unsettled_is_looked_at_again() {
    for (what, desired) in wants().await {
        for (status, text) in StackStatus::ALL {
            for attempt in [0, 1, MAX_ATTEMPTS] {
                let stack = ObservedStack {
                    id: "arn:x".to_owned(),
                    status,
                    outputs: std::collections::BTreeMap::new(),
                };
                let observed = Observed {
                    stack: Some(stack),
                    ..Observed::default()
                };
                let generation = desired.generation().unwrap_or(0);
                let progress = Progress {
                    attempt,
                    generation,
                    ..Progress::default()
                };
                let plan = plan(&desired, &progress, &observed);
                let case = format!("{what} {text} attempt {attempt}: {plan:?}");
                // CloudFormation refuses every operation while one runs, but the review's own.
                let runs =
                    text.ends_with("_IN_PROGRESS") && status != StackStatus::ReviewInProgress;
                assert!(!runs || plan.action == Action::Nothing, "{case}");
                // What settles does nothing more; what does not is looked at again.
                if plan.next == Next::Done {
                    assert!(
                        plan.phase.is_settled() || plan.action == Action::Forget,
                        "{case}"
                    );
                    assert!(!plan.action.begins_operation(), "{case}");
                } else {
                    assert!(!plan.phase.is_settled(), "{case}");
                }
                assert!(
                    plan.message.ends_with(['.', ':']) || plan.message.contains(' '),
                    "{case}"
                );
                if matches!(desired, Desired::Absent { .. }) {
                    assert!(
                        !matches!(
                            plan.action,
                            Action::Prepare | Action::Execute | Action::Update
                        ),
                        "{case}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_passes_by_itself_is_told_from_what_does_not() {
    assert!(is_transient(
        "Route: ConflictException: Unable to complete operation due to concurrent modification"
    ));
    assert!(is_transient(
        "Rate exceeded (Service: AmazonECS; Status Code: 400)"
    ));
    assert!(!is_transient(
        "Resource handler returned message: \"Invalid request provided\""
    ));
}

#[test]
fn the_time_between_attempts_grows_to_a_minute_at_most() {
    let times: Vec<u64> = (0..8).map(|attempt| backoff(attempt).as_secs()).collect();
    assert_eq!(times, [4, 4, 8, 16, 32, 60, 60, 60]);
    assert!(backoff(u32::MAX) <= Duration::from_mins(1));
}
