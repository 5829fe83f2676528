//! Databases that are made from a snapshot, on fakes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::databases_tests::{make, patch, problems, state};
use super::tests::{Api, api, caller};
use crate::fake::{FakeChecks, FakeRegistry, Fault, Tape};
use crate::ports::FoundSnapshot;
use crate::preflight::{Outcome, Subject};

fn restored(snapshot: &str) -> Value {
    let database = json!({"restore": {"snapshot": snapshot}});
    json!({"service": "orders-db", "kind": "database", "database": database})
}

fn with_snapshot(api: &Api) {
    let snapshot = FoundSnapshot {
        cluster: "devops2-g4-orders-db-prod".to_owned(),
        engine: "aurora-postgresql".to_owned(),
        version: "17.7".to_owned(),
        status: "available".to_owned(),
        encrypted: true,
        tags: BTreeMap::new(),
    };
    api.checks.take_snapshot("devops2-g4-kept", snapshot);
}

#[tokio::test]
async fn a_database_is_registered_from_a_snapshot_that_is_there() {
    let api = api(FakeRegistry::new(5));
    let refused = api
        .register(&restored("devops2-g4-kept"), &caller(1))
        .await
        .unwrap_err();
    let found = problems(&refused);
    assert_eq!(found[0].0, "/database/restore/snapshot");
    let plan = api.plan(&restored("devops2-g4-kept")).await.unwrap();
    assert_eq!(plan.obstacles[0].pointer, "/database/restore/snapshot");
    with_snapshot(&api);
    let plan = api.plan(&restored("devops2-g4-kept")).await.unwrap();
    assert!(plan.obstacles.is_empty());
    let mut checks = plan.checks.iter();
    let check = checks.find(|it| it.check == Subject::Databases).unwrap();
    assert_eq!(check.verdict, Outcome::Passed);
    api.register(&restored("devops2-g4-kept"), &caller(2))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_a_database_was_made_from_stays_as_it_was() {
    let api = api(FakeRegistry::new(5));
    with_snapshot(&api);
    api.register(&restored("devops2-g4-kept"), &caller(1))
        .await
        .unwrap();
    make(&api).await;
    for (n, other) in [(2, Value::Null), (3, json!({"snapshot": "other"}))] {
        let change = json!({"database": {"restore": other}});
        let refused = patch(&api, n, "orders-db", change).await.unwrap_err();
        let found = problems(&refused);
        assert_eq!(found[0].0, "/database/restore");
        assert!(found[0].1.contains("Leave it as it was"), "{}", found[0].1);
    }
    // The same by its ARN is the same, and once it was made nobody asks for the snapshot.
    let arn = "arn:aws:rds:us-east-1:111122223333:cluster-snapshot:devops2-g4-kept";
    let same = json!({"database": {"restore": {"snapshot": arn}, "readers": 2}});
    patch(&api, 4, "orders-db", same).await.unwrap();
    assert_eq!(state(&api, "orders-db").await.service.generation, 2);
}

#[tokio::test]
async fn a_database_that_was_made_empty_is_not_restored_over() {
    let api = api(FakeRegistry::new(5));
    with_snapshot(&api);
    let empty = json!({"service": "orders-db", "kind": "database"});
    api.register(&empty, &caller(1)).await.unwrap();
    make(&api).await;
    let change = json!({"database": {"restore": {"snapshot": "devops2-g4-kept"}}});
    let refused = patch(&api, 2, "orders-db", change).await.unwrap_err();
    assert!(problems(&refused)[0].1.contains("is there already"));
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_looked_at_for_now_is_no_verdict() {
    let tape = Tape::default();
    let mut api = api(FakeRegistry::new(5));
    api.checks = FakeChecks::taped(tape.clone());
    with_snapshot(&api);
    tape.next("snapshot", Fault::Throttled, 1);
    assert!(
        api.register(&restored("devops2-g4-kept"), &caller(1))
            .await
            .is_err()
    );
    api.register(&restored("devops2-g4-kept"), &caller(1))
        .await
        .unwrap();
}
