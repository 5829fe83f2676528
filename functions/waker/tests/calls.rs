//! Callers of a service that sleeps, from a load balancer's event to its answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use slipway_control::Stamp;
use slipway_control::change::{Request, register};
use slipway_control::fake::{FakeRegistry, FakeTasks, Fault, Tape};
use slipway_control::ports::{
    ChangeWriter, Live, Owner, ScalerRecord, ScalerRegistry, ScalerWrite, StackRegistry,
    StackWrite, WakeRules,
};
use slipway_control::record::Settled;
use slipway_control::scaler::Wakers;
use slipway_control::scaling::Paused;
use slipway_domain::{Cause, EnvironmentName, Manifest, Phase, Platform, Scope, ServiceName};
use slipway_waker::Handler;
use ulid::Ulid;

const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/o/1/2";
const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/o/3";

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../events/waker/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A platform with one service that sleeps, and a clock.
struct World {
    handler: Handler<FakeRegistry, FakeTasks>,
    registry: FakeRegistry,
    tasks: FakeTasks,
    tape: Tape,
    seconds: AtomicI64,
    /// When a task becomes healthy.
    healthy_at: AtomicI64,
}

impl World {
    async fn asleep(answer: &str) -> Self {
        let tape = Tape::default();
        let registry = FakeRegistry::taped(5, tape.clone());
        let tasks = FakeTasks::taped(tape.clone());
        let world = Self {
            handler: Handler::new(Wakers {
                registry: registry.clone(),
                tasks: tasks.clone(),
                platform: Platform::sample(),
            }),
            registry,
            tasks,
            tape,
            seconds: AtomicI64::new(1_795_000_000),
            healthy_at: AtomicI64::new(i64::MAX),
        };
        world.register(answer).await;
        world
    }

    async fn register(&self, answer: &str) {
        let (service, environment) = names();
        let scaling = json!({"min": 0, "max": 4, "to_zero": {"answer": answer}});
        let document = json!({"service": "orders", "image": "nginx:1", "scaling": scaling});
        let manifest = Manifest::read_on(&document, &Platform::sample()).unwrap();
        let request = Request {
            actor: "ada".to_owned(),
            stamp: Stamp {
                now: self.now(),
                id: Ulid(7 << 80),
            },
            action: "register",
            cause: Cause::Api,
        };
        let change = register(manifest, &Platform::sample(), &request);
        self.registry.commit(&change).await.unwrap();
        let scope = Scope::Environment(environment.clone());
        let mut record = self.registry.everything()[&service].stacks[&scope].clone();
        let waker = waker_group();
        record.status.phase = Phase::Ready;
        record.status.outputs = [
            ("Cluster", "c"),
            ("ServiceName", "s"),
            ("Listener", LISTENER),
            ("TargetGroup", GROUP),
            ("WakeTargetGroup", waker.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        record.progress.settled = Some(Settled {
            generation: 1,
            digest: "d".to_owned(),
            at: self.now(),
        });
        let write = StackWrite {
            service: service.clone(),
            record,
            release: Vec::new(),
            places: Vec::new(),
            databases: Vec::new(),
            deployments: Vec::new(),
            audit: None,
        };
        assert!(self.registry.save(&write).await.unwrap());
        let asleep = ScalerWrite {
            service: service.clone(),
            environment: environment.clone(),
            record: ScalerRecord {
                asleep_since: Some(self.now()),
                ..ScalerRecord::default()
            },
            decision: None,
            audit: None,
        };
        assert!(self.registry.save_scaler(&asleep).await.unwrap());
        let live = Live {
            desired: 0,
            running: 0,
            pending: 0,
            bounds: Some((0, 4)),
            paused: Paused::default(),
            deploying: false,
        };
        self.tasks.runs("c", "s", live);
        let owner = Owner {
            platform: Platform::sample().name,
            service,
            environment,
        };
        self.tasks.belongs(&waker, owner);
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds.load(Ordering::Relaxed)).unwrap()
    }

    /// An answer to a request; nobody waits for time to pass.
    async fn call(&self, event: &Value) -> Value {
        let pause = async |time: Duration| {
            let seconds = i64::try_from(time.as_secs()).unwrap();
            let now = self.seconds.fetch_add(seconds, Ordering::Relaxed) + seconds;
            if now >= self.healthy_at.load(Ordering::Relaxed) {
                self.tasks.answers(GROUP, true);
            }
        };
        self.handler.handle(event, || self.now(), pause).await
    }

    fn calls(&self, name: &str) -> usize {
        let calls = self.tape.calls();
        calls.iter().filter(|call| call.name == name).count()
    }
}

fn names() -> (ServiceName, EnvironmentName) {
    ("orders".parse().unwrap(), "prod".parse().unwrap())
}

fn waker_group() -> String {
    let event = event("get");
    let group = &event["requestContext"]["elb"]["targetGroupArn"];
    group.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_caller_is_told_to_come_again_and_the_service_starts() {
    let world = World::asleep("retry").await;
    let answer = world.call(&event("get")).await;
    assert_eq!(answer["statusCode"], 503);
    assert_eq!(answer["statusDescription"], "503 Service Unavailable");
    assert_eq!(answer["multiValueHeaders"]["retry-after"], json!(["15"]));
    let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(problem["status"], 503);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .starts_with("orders was asleep")
    );
    assert_eq!(world.tasks.counts(), [1]);
}

#[tokio::test]
async fn a_hundred_callers_are_one_order_and_one_look_at_tags() {
    let world = World::asleep("retry").await;
    for _ in 0..100 {
        world.call(&event("get")).await;
    }
    assert_eq!(world.tasks.counts(), [1]);
    assert_eq!(world.calls("owner"), 1);
    assert_eq!(world.calls("set_count"), 1);
    assert_eq!(world.calls("live"), 1);
}

#[tokio::test]
async fn a_person_gets_a_page_that_asks_again() {
    let world = World::asleep("retry").await;
    let answer = world.call(&event("browser")).await;
    let kind = &answer["multiValueHeaders"]["content-type"][0];
    assert_eq!(kind, "text/html; charset=utf-8");
    let page = answer["body"].as_str().unwrap();
    assert!(
        page.contains("http-equiv=\"refresh\" content=\"15\""),
        "{page}"
    );
}

#[tokio::test]
async fn who_is_kept_waiting_is_sent_to_the_same_address_when_a_task_answers() {
    for (name, location) in [
        ("get", "./a:b"),
        ("browser", "?"),
        ("post-with-query", "?page=2&tag=a%20b&tag=c"),
    ] {
        let world = World::asleep("hold").await;
        world.healthy_at.store(1_795_000_020, Ordering::Relaxed);
        let (platform, waker) = (Platform::sample().name, waker_group());
        let put = world.tasks.put_wake_rule(LISTENER, &waker, &platform);
        assert!(put.await.unwrap());
        let answer = world.call(&event(name)).await;
        assert_eq!(answer["statusCode"], 307, "{answer}");
        assert_eq!(answer["multiValueHeaders"]["location"], json!([location]));
        assert_eq!(world.tasks.wake_rule(LISTENER), None);
        assert_eq!(world.tasks.counts(), [1]);
    }
}

#[tokio::test]
async fn nobody_is_kept_waiting_for_longer_than_the_http_api_waits() {
    let world = World::asleep("hold").await;
    let before = world.now();
    let answer = world.call(&event("get")).await;
    assert_eq!(answer["statusCode"], 503);
    let waited = world.now().duration_since(before);
    assert!(waited >= SignedDuration::from_secs(20), "{waited}");
    assert!(waited <= SignedDuration::from_secs(25), "{waited}");
}

#[tokio::test]
async fn a_load_balancer_that_wants_single_values_gets_them() {
    let world = World::asleep("hold").await;
    world.tasks.answers(GROUP, true);
    let answer = world.call(&event("single-values")).await;
    assert_eq!(answer["headers"]["location"], "?q=1");
    assert!(answer["multiValueHeaders"].is_null());
}

#[tokio::test]
async fn what_is_nobodys_or_anothers_wakes_nobody() {
    let world = World::asleep("retry").await;
    assert_eq!(world.call(&json!({"path": "/"})).await["statusCode"], 404);
    let mut other = event("get");
    other["requestContext"]["elb"]["targetGroupArn"] = json!("arn:of:nobody");
    assert_eq!(world.call(&other).await["statusCode"], 404);
    let (service, environment) = names();
    let owner = Owner {
        platform: "another".parse().unwrap(),
        service,
        environment,
    };
    world.tasks.belongs("arn:of:nobody", owner);
    assert_eq!(world.call(&other).await["statusCode"], 404);
    assert!(world.tasks.counts().is_empty());
}

#[tokio::test]
async fn whatever_fails_the_caller_is_told_to_come_again() {
    for name in [
        "owner",
        "scaled",
        "is_answered",
        "live",
        "save_scaler",
        "set_count",
    ] {
        let world = World::asleep("retry").await;
        world.tape.next(name, Fault::Throttled, 1);
        let answer = world.call(&event("get")).await;
        assert_eq!(answer["statusCode"], 503, "{name}");
        assert!(answer["multiValueHeaders"]["retry-after"].is_array());
        world.call(&event("get")).await;
        if name != "set_count" {
            assert_eq!(world.tasks.counts(), [1], "{name}");
        }
    }
}
