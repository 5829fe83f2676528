//! Shared load balancers that fill, on a registry in memory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use slipway_domain::{Place, ServiceName};

use super::tests::{Api, api, caller};
use super::{Caller, Precondition};
use crate::error::ServiceError;
use crate::fake::FakeRegistry;
use crate::places::{HTTP_API, Limits};
use crate::record::PathOwner;

fn service(n: u32, strategy: &str) -> Value {
    // Paths of three depths.
    let path = format!("{}/s{n}", "/x".repeat(n as usize % 3));
    json!({
        "service": format!("s{n}"), "path": path, "ingress": "shared",
        "deploy": {"strategy": strategy},
    })
}

/// The priorities of rules, and how many target groups there are, by load balancer.
fn taken(places: &BTreeMap<Place, PathOwner>) -> BTreeMap<String, (BTreeSet<u32>, usize)> {
    let mut all: BTreeMap<String, (BTreeSet<u32>, usize)> = BTreeMap::new();
    for place in places.keys() {
        let taken = all.entry(place.on.clone()).or_default();
        if place.is_first() {
            assert!(taken.0.insert(place.number), "{place} is there twice");
        }
        taken.1 += usize::from(place.has_group());
    }
    all
}

/// Registers services until one is refused; how many there are then, and the refusal.
async fn fill(api: &Api, strategy: &str) -> (u32, ServiceError) {
    let mut n = 0;
    loop {
        let document = service(n, strategy);
        if let Err(error) = api.register(&document, &caller(n)).await {
            return (n, error);
        }
        n += 1;
    }
}

/// The platform of the samples, whose account may have these many routes on one HTTP API.
fn with_routes(routes: u32) -> Api {
    let api = api(FakeRegistry::new(5));
    let mut limits = Limits::default();
    limits.api.rules = routes;
    api.checks.room(limits);
    api
}

/// The field and the sentence of a refusal.
fn no_room(error: &ServiceError) -> (&str, &str) {
    match error {
        ServiceError::NoRoom { pointer, detail } => (pointer, detail),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn load_balancers_fill_one_after_the_other_and_the_next_service_is_told_the_quota() {
    let api = with_routes(1000);
    let (count, refusal) = fill(&api, "rolling").await;
    // Of 100 rules, a tenth is for those that are there already; the platform has two.
    assert_eq!(count, 180);
    let taken = taken(&api.registry.places());
    assert_eq!(taken["shared-1"].0.len(), 90);
    assert_eq!(taken["shared-2"].0.len(), 90);
    let (pointer, detail) = no_room(&refusal);
    assert_eq!(pointer, "/ingress");
    let quota = "rules-per-application-load-balancer";
    assert!(detail.contains(quota), "{detail}");
    assert!(detail.contains("SharedLoadBalancers"), "{detail}");
    // A plan says the same, and a service that needs none is welcome.
    let plan = api.plan(&service(999, "rolling")).await;
    assert_eq!(plan.unwrap().obstacles[0].pointer, "/ingress");
    let other = json!({"service": "other", "ingress": "none"});
    api.register(&other, &caller(1000)).await.unwrap();
}

#[tokio::test]
async fn the_http_api_is_full_when_its_routes_are_and_says_which_quota_that_is() {
    let api = with_routes(300);
    let (count, refusal) = fill(&api, "rolling").await;
    // 300 routes, without the platform's own four: 148 paths, a tenth of them for those that are
    // there already.
    assert_eq!(count, 134);
    let taken = taken(&api.registry.places());
    assert_eq!(taken["http-api"], (taken["http-api"].0.clone(), 0));
    assert_eq!(taken["http-api"].0.len(), 134);
    let (pointer, detail) = no_room(&refusal);
    assert_eq!(pointer, "/path");
    assert!(
        detail.contains("`Routes per API` (L-65B5C802, 300)"),
        "{detail}"
    );
    // Another path is one of those that room is kept for; one that no route leads to needs none.
    let exists = Some(Precondition::Exists);
    let patch = json!({"path": "/elsewhere"});
    let name = "s0".parse().unwrap();
    api.patch(&name, &patch, exists.as_ref(), &caller(500))
        .await
        .unwrap();
    let public = json!({"service": "seen", "ingress": "public"});
    api.register(&public, &caller(501)).await.unwrap();
}

#[tokio::test]
async fn services_with_load_balancers_of_their_own_fill_the_integrations_of_the_http_api() {
    let api = with_routes(1000);
    let dedicated = |n: u32| json!({"service": format!("s{n}")});
    let mut n = 0;
    let refusal = loop {
        match api.register(&dedicated(n), &caller(n)).await {
            Ok(_) => n += 1,
            Err(error) => break error,
        }
    };
    // 300 integrations without five of the platform's own, two for each service, a tenth kept.
    assert_eq!(n, 133);
    assert_eq!(taken(&api.registry.places())["http-api"].1, 266);
    let (pointer, detail) = no_room(&refusal);
    assert_eq!(pointer, "/path");
    assert!(detail.contains("`Integrations per API` (300"), "{detail}");
    let shared = json!({"service": "another", "ingress": "shared"});
    api.register(&shared, &caller(500)).await.unwrap();
}

#[tokio::test]
async fn services_with_two_target_groups_fill_them_twice_as_fast() {
    let api = api(FakeRegistry::new(5));
    let (count, refusal) = fill(&api, "canary").await;
    assert_eq!(count, 90);
    let taken = taken(&api.registry.places());
    assert_eq!(taken["shared-1"].1, 90);
    let quota = "target-groups-per-application-load-balancer";
    assert!(refusal.to_string().contains(quota), "{refusal}");
}

/// A service's places on load balancers.
fn on_balancers(api: &Api, service: &ServiceName) -> Vec<Place> {
    let places = api.registry.places().into_iter();
    places
        .filter(|(place, owner)| owner.service == *service && place.on != HTTP_API)
        .map(|(place, _)| place)
        .collect()
}

#[tokio::test]
async fn who_is_there_already_may_use_what_is_kept_free() {
    let api = with_routes(1000);
    let (count, _) = fill(&api, "rolling").await;
    let name = "s0".parse().unwrap();
    let exists = Some(Precondition::Exists);
    let patch = json!({"deploy": {"strategy": "canary"}});
    api.patch(&name, &patch, exists.as_ref(), &caller(count + 1))
        .await
        .unwrap();
    let mine = on_balancers(&api, &name);
    assert_eq!(mine.len(), 2);
    assert_eq!(mine[0].number, mine[1].number);
    assert_eq!(mine[0].on, mine[1].on);
    // Another path has another place, on the same load balancer.
    let patch = json!({"path": "/x/y/z/elsewhere"});
    api.patch(&name, &patch, exists.as_ref(), &caller(count + 2))
        .await
        .unwrap();
    let mine = on_balancers(&api, &name);
    assert_eq!(mine.len(), 4);
    assert!(mine.iter().all(|place| place.on == mine[0].on));
}

#[tokio::test]
async fn the_last_place_is_told_again_to_whoever_got_it() {
    let api = with_routes(1000);
    let keyed = |n: u32| Caller {
        key: Some(format!("k{n}")),
        ..caller(n)
    };
    let mut last = None;
    for n in 0..180 {
        let document = service(n, "rolling");
        last = Some(api.register(&document, &keyed(n)).await.unwrap());
    }
    let again = api.register(&service(179, "rolling"), &keyed(179)).await;
    assert_eq!(Some(again.unwrap()), last);
    let late = api.register(&service(180, "rolling"), &keyed(180)).await;
    assert!(matches!(late, Err(ServiceError::NoRoom { .. })));
}
