//! Rotations on fakes: at once, twice, late, and with every fault at every call.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_domain::{Cause, Deployment, EnvironmentName, Scope, ServiceName};

use super::output;
use super::rotation::{Report, Rotations};
use crate::fake::{FakeChecks, FakeRegistry, Fault, Tape};
use crate::ports::{PortResult, ServiceReader, StackRegistry, StackWrite};
use crate::services::tests::{Api, api, caller};

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!cluster-1";

/// A platform with one database.
struct World {
    api: Api,
    secrets: FakeChecks,
    tape: Tape,
}

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

/// The time of the `n`th call.
fn at(n: u32) -> Timestamp {
    caller(n).stamp.now
}

impl World {
    /// The database's stack was made, and these services use it.
    async fn with(services: &[Value]) -> Self {
        let tape = Tape::default();
        let world = Self {
            api: api(FakeRegistry::taped(5, tape.clone())),
            secrets: FakeChecks::taped(tape.clone()),
            tape,
        };
        let access = ["orders", "shop"];
        let database =
            json!({"service": "orders-db", "kind": "database", "database": {"access": access}});
        world.api.register(&database, &caller(1)).await.unwrap();
        world.made().await;
        for (service, n) in services.iter().zip(2..) {
            world.api.register(service, &caller(n)).await.unwrap();
        }
        world
    }

    async fn made(&self) {
        let registry = &self.api.registry;
        let state = registry.service(&name("orders-db")).await.unwrap().unwrap();
        let mut record = state.stacks[&Scope::Environment(prod())].clone();
        let secret = (output::SECRET.to_owned(), SECRET.to_owned());
        record.status.outputs.extend([secret]);
        let write = StackWrite {
            service: name("orders-db"),
            record,
            release: Vec::new(),
            places: Vec::new(),
            databases: Vec::new(),
            deployments: Vec::new(),
            audit: None,
        };
        assert!(registry.save(&write).await.unwrap());
    }

    async fn look(&self, n: u32) -> PortResult<Report> {
        let rotations = Rotations {
            registry: &self.api.registry,
            secrets: &self.secrets,
            platform: &self.api.platform,
        };
        rotations.go(at(n)).await
    }

    fn rotate(&self, version: &str, n: u32) {
        self.secrets.rotate(SECRET, version, at(n));
    }

    /// The deployments that rotations caused, of all services.
    fn caused(&self) -> Vec<Deployment> {
        let all = self.api.registry.all_deployments().into_iter();
        all.filter(|it| it.cause == Cause::Rotation).collect()
    }
}

fn user(service: &str) -> Value {
    json!({"service": service, "image": "nginx:1", "databases": {"DATABASE": "orders-db"}})
}

#[tokio::test]
async fn who_was_deployed_before_a_rotation_is_deployed_once_more_as_it_is() {
    let world = World::with(&[user("orders"), user("shop")]).await;
    assert_eq!(world.look(10).await.unwrap().deployed, 0, "never rotated");
    world.rotate("v2", 20);
    let report = world.look(30).await.unwrap();
    assert_eq!((report.databases, report.deployed), (1, 2));
    for deployment in world.caused() {
        assert_eq!(deployment.artifact.as_str(), "nginx:1");
        assert_eq!(deployment.actor, "slipway");
        assert_eq!(deployment.created_at, at(30));
    }
    let audit = world.api.registry.audit(&name("orders"));
    assert_eq!(audit.last().unwrap().action, "rotation");
}

#[tokio::test]
async fn told_twice_late_or_again_a_rotation_has_one_deployment_and_the_next_one_another() {
    let world = World::with(&[user("orders")]).await;
    world.rotate("v2", 20);
    for n in [30, 31, 4000] {
        world.look(n).await.unwrap();
    }
    assert_eq!(world.caused().len(), 1);
    world.rotate("v3", 5000);
    assert_eq!(world.look(5001).await.unwrap().deployed, 1);
    assert_eq!(world.caused().len(), 2);
}

#[tokio::test]
async fn of_two_looks_at_once_one_begins_the_deployment() {
    let world = World::with(&[user("orders")]).await;
    world.rotate("v2", 20);
    // The second one reads the service as it was before the first one's commit.
    let (one, other) = (world.look(30), world.look(31));
    let (one, other) = tokio::join!(one, other);
    assert_eq!(one.unwrap().deployed + other.unwrap().deployed, 1);
    assert_eq!(world.caused().len(), 1);
}

#[tokio::test]
async fn who_was_deployed_since_is_left_alone() {
    let world = World::with(&[user("orders")]).await;
    world.rotate("v2", 20);
    let image = "nginx:2".parse().unwrap();
    let (orders, prod) = (name("orders"), prod());
    world
        .api
        .deploy(&orders, &prod, &image, &caller(25))
        .await
        .unwrap();
    assert_eq!(world.look(30).await.unwrap().deployed, 0);
}

#[tokio::test]
async fn a_function_reads_its_secret_itself_and_who_uses_none_is_not_touched() {
    let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/devops2-g4-orders:1";
    let function = json!({
        "service": "orders", "kind": "function", "image": image, "function": {"vpc": true},
        "databases": {"DATABASE": "orders-db"},
    });
    let other = json!({"service": "other", "image": "nginx:1"});
    let world = World::with(&[function, other]).await;
    world.rotate("v2", 20);
    assert_eq!(world.look(30).await.unwrap().deployed, 0);
}

#[tokio::test]
async fn a_database_that_nobody_uses_asks_for_no_secret() {
    let world = World::with(&[]).await;
    world.api.registry.take_calls();
    world.look(30).await.unwrap();
    let calls = world.api.registry.take_calls();
    assert_eq!(
        calls.keys().copied().collect::<Vec<_>>(),
        ["databases", "users"]
    );
}

#[tokio::test]
async fn whatever_call_fails_the_next_look_makes_up_for_it() {
    let calls = [
        "databases",
        "users",
        "service",
        "rotation",
        "deployment",
        "commit",
    ];
    let mut faults = calls.map(|call| (call, Fault::Throttled)).to_vec();
    faults.push(("commit", Fault::AnswerLost));
    for (call, fault) in faults {
        let world = World::with(&[user("orders"), user("shop")]).await;
        world.rotate("v2", 20);
        world.tape.next(call, fault, 1);
        assert!(world.look(30).await.is_err(), "{call} {fault:?}");
        world.look(31).await.unwrap();
        assert_eq!(world.caused().len(), 2, "{call} {fault:?}");
    }
}

#[tokio::test]
async fn a_day_is_no_obstacle() {
    let world = World::with(&[user("orders")]).await;
    world.rotate("v2", 20);
    let late = at(20) + SignedDuration::from_hours(24);
    let rotations = Rotations {
        registry: &world.api.registry,
        secrets: &world.secrets,
        platform: &world.api.platform,
    };
    assert_eq!(rotations.go(late).await.unwrap().deployed, 1);
}
