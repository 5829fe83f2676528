//! Shared load balancers that fill, on a registry in memory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use slipway_domain::Place;

use super::tests::{Api, api, caller};
use super::{Caller, Precondition};
use crate::error::ServiceError;
use crate::fake::FakeRegistry;
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
        let taken = all.entry(place.balancer.clone()).or_default();
        if place.group == 1 {
            assert!(taken.0.insert(place.priority), "{place} is there twice");
        }
        taken.1 += 1;
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

#[tokio::test]
async fn load_balancers_fill_one_after_the_other_and_the_next_service_is_told_the_quota() {
    let api = api(FakeRegistry::new(5));
    let (count, refusal) = fill(&api, "rolling").await;
    // Of 100 rules, a tenth is for those that are there already; the platform has two.
    assert_eq!(count, 180);
    let taken = taken(&api.registry.places());
    assert_eq!(taken["shared-1"].0.len(), 90);
    assert_eq!(taken["shared-2"].0.len(), 90);
    match refusal {
        ServiceError::NoRoom { pointer, detail } => {
            assert_eq!(pointer, "/ingress");
            let quota = "rules-per-application-load-balancer";
            assert!(detail.contains(quota), "{detail}");
            assert!(detail.contains("SharedLoadBalancers"), "{detail}");
        }
        other => panic!("{other}"),
    }
    // A plan says the same, and a service that needs none is welcome.
    let plan = api.plan(&service(999, "rolling")).await;
    assert_eq!(plan.unwrap().obstacles[0].pointer, "/ingress");
    let other = json!({"service": "other", "ingress": "none"});
    api.register(&other, &caller(1000)).await.unwrap();
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

#[tokio::test]
async fn who_is_there_already_may_use_what_is_kept_free() {
    let api = api(FakeRegistry::new(5));
    let (count, _) = fill(&api, "rolling").await;
    let name = "s0".parse().unwrap();
    let exists = Some(Precondition::Exists);
    let patch = json!({"deploy": {"strategy": "canary"}});
    api.patch(&name, &patch, exists.as_ref(), &caller(count + 1))
        .await
        .unwrap();
    let places = api.registry.places();
    let mine = places.iter().filter(|(_, owner)| owner.service == name);
    let mine: Vec<&Place> = mine.map(|(place, _)| place).collect();
    assert_eq!(mine.len(), 2);
    assert_eq!(mine[0].priority, mine[1].priority);
    assert_eq!(mine[0].balancer, mine[1].balancer);
    // Another path has another place, on the same load balancer.
    let patch = json!({"path": "/x/y/z/elsewhere"});
    api.patch(&name, &patch, exists.as_ref(), &caller(count + 2))
        .await
        .unwrap();
    let places = api.registry.places();
    let mine = places.iter().filter(|(_, owner)| owner.service == name);
    let on: BTreeSet<&str> = mine.map(|(place, _)| &*place.balancer).collect();
    assert_eq!(on.len(), 1);
    assert_eq!(places.len(), 180 + 1 + 2);
}

#[tokio::test]
async fn the_last_place_is_told_again_to_whoever_got_it() {
    let api = api(FakeRegistry::new(5));
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
