//! What callers are answered, on a registry in memory.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_domain::{Phase, Platform, Problems, ServiceName};
use ulid::Ulid;

use super::{Caller, Precondition, Services, Written, etag};
use crate::Stamp;
use crate::error::ServiceError;
use crate::fake::{FakeChecks, FakeRegistry};
use crate::ports::{Live, LiveReader, PortResult, RouteReader};
use crate::view::{PlanAction, ServiceView};

/// Nothing runs, and the HTTP API has one route that is nobody's.
#[derive(Debug, Clone)]
pub(crate) struct Nothing;

impl LiveReader for Nothing {
    async fn live(&self, _: &str, _: &str) -> PortResult<Option<Live>> {
        Ok(None)
    }
}

impl RouteReader for Nothing {
    async fn route_keys(&self) -> PortResult<Vec<String>> {
        Ok(vec!["ANY /by-hand".to_owned()])
    }
}

pub(crate) type Api = Services<FakeRegistry, Nothing, Nothing, FakeChecks>;

pub(crate) fn api(registry: FakeRegistry) -> Api {
    Services {
        registry,
        live: Nothing,
        gateway: Nothing,
        checks: FakeChecks::default(),
        platform: Platform::sample(),
    }
}

/// The `n`th call of a test, a second after the one before.
pub(crate) fn caller(n: u32) -> Caller {
    let now =
        Timestamp::from_second(1_795_000_000).unwrap() + SignedDuration::from_secs(i64::from(n));
    let id = Ulid(u128::from(n) << 80);
    Caller {
        actor: "arn:aws:iam::111122223333:user/ada".to_owned(),
        stamp: Stamp { now, id },
        key: None,
    }
}

fn keyed(n: u32, key: &str) -> Caller {
    Caller {
        key: Some(key.to_owned()),
        ..caller(n)
    }
}

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

fn tag(view: &ServiceView) -> Precondition {
    Precondition::Is(etag(view.generation, view.uid))
}

fn view(written: Written) -> ServiceView {
    match written {
        Written::Created(view) | Written::Updated(view) | Written::Unchanged(view) => *view,
    }
}

async fn register(api: &Api, n: u32, manifest: Value) -> Result<ServiceView, ServiceError> {
    api.register(&manifest, &caller(n)).await
}

#[tokio::test]
async fn a_name_alone_is_registered_with_one_call_of_the_registry_and_waits() {
    let api = api(FakeRegistry::new(5));
    let view = register(&api, 1, json!({"service": "orders"}))
        .await
        .unwrap();
    assert_eq!(api.registry.take_calls(), BTreeMap::from([("commit", 1)]));
    assert_eq!((view.generation, view.team.as_str()), (1, "default"));
    assert_eq!(
        view.environments.values().next().unwrap().stack.phase,
        Phase::Pending
    );
    assert_eq!(api.get(&name("orders")).await.unwrap(), view);
    assert_eq!(api.registry.take_calls(), BTreeMap::from([("service", 1)]));
}

#[tokio::test]
async fn a_name_and_a_path_have_one_owner_and_a_loser_leaves_nothing() {
    let api = api(FakeRegistry::new(5));
    register(&api, 1, json!({"service": "orders"}))
        .await
        .unwrap();
    let again = register(&api, 2, json!({"service": "orders"}))
        .await
        .unwrap_err();
    assert!(matches!(again, ServiceError::Exists(_)), "{again}");
    let same_path = register(&api, 3, json!({"service": "other", "path": "/orders"}))
        .await
        .unwrap_err();
    match same_path {
        ServiceError::PathTaken { pointer, owner, .. } => {
            assert_eq!((pointer.as_str(), owner.as_str()), ("/path", "orders/prod"));
        }
        other => panic!("{other}"),
    }
    assert_eq!(api.registry.claims().len(), 1);
    assert!(matches!(
        api.get(&name("other")).await,
        Err(ServiceError::NoService(_))
    ));
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_and_another_request_under_it_is_refused() {
    let api = api(FakeRegistry::new(5));
    let manifest = json!({"service": "orders"});
    let first = api.register(&manifest, &keyed(1, "k")).await.unwrap();
    let replayed = api.register(&manifest, &keyed(2, "k")).await.unwrap();
    assert_eq!(first, replayed);
    let other = api
        .register(&json!({"service": "orders", "port": 81}), &keyed(3, "k"))
        .await
        .unwrap_err();
    assert!(matches!(other, ServiceError::KeyReused), "{other}");
}

#[tokio::test]
async fn a_key_is_the_same_roles_in_another_session() {
    let api = api(FakeRegistry::new(5));
    let session = |n, session| Caller {
        actor: format!("arn:aws:sts::111122223333:assumed-role/ci/{session}"),
        ..keyed(n, "k")
    };
    let manifest = json!({"service": "orders"});
    let first = api.register(&manifest, &session(1, "run-1")).await.unwrap();
    let again = api.register(&manifest, &session(2, "run-2")).await.unwrap();
    assert_eq!(first, again);
}

#[tokio::test]
async fn a_change_needs_the_etag_of_what_was_read() {
    let api = api(FakeRegistry::new(5));
    let one = register(&api, 1, json!({"service": "orders"}))
        .await
        .unwrap();
    let patch = json!({"memory": 1024});
    let orders = name("orders");
    let without = api
        .patch(&orders, &patch, None, &caller(2))
        .await
        .unwrap_err();
    assert!(
        matches!(without, ServiceError::NoPrecondition(_)),
        "{without}"
    );
    let two = view(
        api.patch(&orders, &patch, Some(&tag(&one)), &caller(3))
            .await
            .unwrap(),
    );
    assert_eq!((two.generation, two.manifest.settings.memory), (2, 1024));
    let stale = api
        .patch(
            &orders,
            &json!({"memory": 2048}),
            Some(&tag(&one)),
            &caller(4),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(stale, ServiceError::Stale { generation: 2, .. }),
        "{stale}"
    );
    let gone = api
        .delete(&name("none"), Some(&Precondition::Exists), &caller(5))
        .await
        .unwrap_err();
    assert!(matches!(gone, ServiceError::NoService(_)), "{gone}");
}

#[tokio::test]
async fn a_put_registers_changes_or_leaves_as_it_is() {
    let api = api(FakeRegistry::new(5));
    let orders = name("orders");
    let manifest = json!({"port": 8080});
    let created = api.put(&orders, &manifest, None, &caller(1)).await.unwrap();
    assert!(matches!(created, Written::Created(_)));
    let one = view(created);
    let same = api
        .put(&orders, &manifest, Some(&tag(&one)), &caller(2))
        .await
        .unwrap();
    assert_eq!(same, Written::Unchanged(Box::new(one.clone())));
    let changed = api
        .put(&orders, &json!({"port": 80}), Some(&tag(&one)), &caller(3))
        .await
        .unwrap();
    assert_eq!(view(changed).generation, 2);
    let renamed = api
        .put(
            &orders,
            &json!({"service": "other"}),
            Some(&Precondition::Exists),
            &caller(4),
        )
        .await
        .unwrap_err();
    assert!(
        renamed.to_string().starts_with("/service: is `other`"),
        "{renamed}"
    );
}

#[tokio::test]
async fn a_null_in_a_patch_gives_the_default_and_takes_no_image_away() {
    let api = api(FakeRegistry::new(5));
    register(
        &api,
        1,
        json!({"service": "orders", "memory": 1024, "image": "nginx:1"}),
    )
    .await
    .unwrap();
    let patch = json!({"memory": null, "image": null});
    let view = view(
        api.patch(
            &name("orders"),
            &patch,
            Some(&Precondition::Exists),
            &caller(2),
        )
        .await
        .unwrap(),
    );
    assert_eq!(view.manifest.settings.memory, 512);
    assert_eq!(view.manifest.settings.image.unwrap().as_str(), "nginx:1");
}

#[tokio::test]
async fn an_image_given_to_an_environment_makes_a_generation_and_a_deployment() {
    let api = api(FakeRegistry::new(5));
    register(&api, 1, json!({"service": "orders"}))
        .await
        .unwrap();
    let prod = "prod".parse().unwrap();
    let started = api
        .deploy(
            &name("orders"),
            &prod,
            &"nginx:1".parse().unwrap(),
            &keyed(2, "d"),
        )
        .await
        .unwrap();
    assert_eq!(started.generation, 2);
    assert_eq!(started.deployment.steps[0].name, "accepted");
    let again = api
        .deploy(
            &name("orders"),
            &prod,
            &"nginx:1".parse().unwrap(),
            &keyed(3, "d"),
        )
        .await
        .unwrap();
    assert_eq!(again, started);
    let page = api
        .deployments(&name("orders"), &prod, None, 10)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 1);
    let nowhere = api
        .deploy(
            &name("orders"),
            &"qa".parse().unwrap(),
            &"nginx".parse().unwrap(),
            &caller(4),
        )
        .await;
    assert!(matches!(nowhere, Err(ServiceError::NoPart(_))));
}

#[tokio::test]
async fn nothing_is_deployed_to_a_database() {
    let api = api(FakeRegistry::new(5));
    let database = json!({"service": "orders-db", "kind": "database"});
    register(&api, 1, database).await.unwrap();
    let (orders, prod) = (name("orders-db"), "prod".parse().unwrap());
    let image = "nginx:1".parse().unwrap();
    let answer = api.deploy(&orders, &prod, &image, &caller(2)).await;
    assert!(matches!(answer, Err(ServiceError::NoPart(_))));
    assert_eq!(api.get(&orders).await.unwrap().generation, 1);
}

#[tokio::test]
async fn a_protected_service_is_not_deleted_and_a_deleted_one_not_changed() {
    let api = api(FakeRegistry::new(5));
    let orders = name("orders");
    register(
        &api,
        1,
        json!({"service": "orders", "deletion_protection": true}),
    )
    .await
    .unwrap();
    let any = Some(&Precondition::Exists);
    let refused = api.delete(&orders, any, &caller(2)).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Protected(_)), "{refused}");
    api.patch(
        &orders,
        &json!({"deletion_protection": false}),
        any,
        &caller(3),
    )
    .await
    .unwrap();
    api.delete(&orders, any, &caller(4)).await.unwrap();
    let late = api
        .patch(&orders, &json!({"port": 81}), any, &caller(5))
        .await
        .unwrap_err();
    assert!(matches!(late, ServiceError::Deleting(_)), "{late}");
    api.delete(&orders, any, &caller(6))
        .await
        .expect("deleting twice is deleting once");
}

#[tokio::test]
async fn a_plan_says_what_stands_in_the_way_and_writes_nothing() {
    let api = api(FakeRegistry::new(5));
    register(&api, 1, json!({"service": "orders"}))
        .await
        .unwrap();
    api.registry.take_calls();
    let plan = api
        .plan(&json!({"service": "shop", "image": "nginx", "path": "/orders"}))
        .await
        .unwrap();
    assert_eq!(plan.action, PlanAction::Create);
    assert_eq!(plan.obstacles[0].pointer, "/path");
    let by_hand = api.plan(&json!({"service": "by-hand"})).await.unwrap();
    assert!(
        by_hand.obstacles[0]
            .detail
            .contains("belongs to no service")
    );
    let stack = &plan.stacks["devops2-g4--shop--prod"];
    assert_eq!(stack.summary, "is created");
    assert!(
        stack
            .changes
            .iter()
            .any(|change| change.resource_type == "AWS::ECS::Service")
    );
    assert_eq!(by_hand.stacks["devops2-g4--by-hand--prod"].changes, []);
    assert!(!api.registry.take_calls().contains_key("commit"));
    let invalid = api
        .plan(&json!({"service": "x", "port": 0}))
        .await
        .unwrap_err();
    assert!(matches!(
        invalid,
        ServiceError::Invalid(Problems { schema: true, .. })
    ));
}

#[tokio::test]
async fn a_plan_says_what_it_costs_and_by_how_much_that_differs() {
    let api = api(FakeRegistry::new(5));
    let new = json!({"service": "orders", "image": "nginx"});
    let cost = api.plan(&new).await.unwrap().cost;
    assert!(cost.monthly_usd.cents() > 0 && cost.at_most_usd > cost.monthly_usd);
    assert_eq!(cost.difference_usd, None);
    assert!(
        cost.lines
            .iter()
            .any(|line| line.stack == "devops2-g4--orders--prod")
    );
    register(&api, 1, json!({"service": "orders"}))
        .await
        .unwrap();
    // Registered, and nothing runs: all of it would be new.
    let first = api.plan(&new).await.unwrap().cost;
    let difference = first.difference_usd.unwrap().to_string();
    assert_eq!(difference, format!("+{}", cost.monthly_usd));
}

#[tokio::test]
async fn services_come_in_pages_by_team_and_name() {
    let api = api(FakeRegistry::new(5));
    for (n, (team, service)) in (1..).zip([("b", "x"), ("a", "z"), ("a", "y")]) {
        register(&api, n, json!({"service": service, "team": team}))
            .await
            .unwrap();
    }
    let first = api.list(None, None, 2).await.unwrap();
    let names: Vec<&str> = first
        .items
        .iter()
        .map(|summary| summary.name.as_str())
        .collect();
    assert_eq!(
        (names, first.next.as_deref()),
        (vec!["y", "z"], Some("a/z"))
    );
    let second = api.list(None, Some("a/z"), 2).await.unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
    assert_eq!(
        api.list(Some(&"a".parse().unwrap()), None, 10)
            .await
            .unwrap()
            .items
            .len(),
        2
    );
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_with_its_actor() {
    let api = api(FakeRegistry::new(5));
    register(&api, 1, json!({"service": "orders"}))
        .await
        .unwrap();
    api.patch(
        &name("orders"),
        &json!({"port": 81}),
        Some(&Precondition::Exists),
        &caller(2),
    )
    .await
    .unwrap();
    let events = api.events(&name("orders"), None, 10).await.unwrap().items;
    let actions: Vec<&str> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["patch", "register"]);
    assert!(events.iter().all(|event| event.actor.ends_with("user/ada")));
    assert_eq!(events[0].before.as_ref(), Some(&events[1].after));
}
