//! What the webhook function does with events, on a registry in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deliveries;
mod images;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use slipway_control::Stamp;
use slipway_control::change::{self, Request};
use slipway_control::fake::{FakeChecks, FakeRegistry, FakeWaker, Tape};
use slipway_control::ports::{
    ChangeWriter, HistoryReader, HookSecret, HookSecrets, HookWriter, PipelineStarter, PortResult,
    Provider, RepositoryReader, ServiceReader,
};
use slipway_control::push::{PushedImage, Pushes, own_repository};
use slipway_domain::{
    Cause, Deployment, EnvironmentName, Manifest, Platform, ServiceName, Trigger,
};
use slipway_webhook::Handler;
use slipway_webhook::hooks::HookMemory;
use ulid::Ulid;

/// The secret that the events under `events/webhook` are signed with.
const SECRET: &str = "whsec_c2xpcHdheS10ZXN0LXdlYmhvb2stc2VjcmV0LTMyYiE=";
/// The commit of GitHub's events.
const COMMIT: &str = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";
/// The digest of ECR's event.
const DIGEST: &str = "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12340000";

/// The newest image of each repository.
#[derive(Debug, Clone, Default)]
struct Newest(Arc<Mutex<BTreeMap<String, PushedImage>>>);

impl RepositoryReader for Newest {
    async fn newest(&self, repository: &str, _: &str) -> PortResult<Option<PushedImage>> {
        Ok(self.0.lock().unwrap().get(repository).cloned())
    }
}

/// The pipelines of services, by name, and what they were started by.
#[derive(Debug, Clone, Default)]
struct Pipelines(Arc<Mutex<BTreeMap<ServiceName, Vec<Trigger>>>>);

impl PipelineStarter for Pipelines {
    async fn start(
        &self,
        service: &ServiceName,
        _: &EnvironmentName,
        trigger: &Trigger,
    ) -> PortResult<Option<String>> {
        let mut pipelines = self.0.lock().unwrap();
        let Some(runs) = pipelines.get_mut(service) else {
            return Ok(None);
        };
        let before = runs.iter().position(|it| it.delivery == trigger.delivery);
        let run = before.unwrap_or_else(|| {
            runs.push(trigger.clone());
            runs.len() - 1
        });
        Ok(Some(format!("run-{run}")))
    }
}

/// The function on a platform in memory.
struct World {
    handler: Handler<FakeRegistry, FakeChecks, Newest, FakeWaker, Pipelines>,
    registry: FakeRegistry,
    checks: FakeChecks,
    newest: Newest,
    waker: FakeWaker,
    pipelines: Pipelines,
    /// The stamps so far.
    stamps: Cell<u32>,
    now: Cell<Timestamp>,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_255_200).unwrap()
}

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../events/webhook/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(name)
}

fn own(tag: &str) -> String {
    let repository = own_repository(&Platform::sample(), &name("orders"));
    format!("{repository}:{tag}")
}

impl World {
    /// An empty one.
    fn new() -> Self {
        let (checks, tape) = (FakeChecks::default(), Tape::default());
        let registry = FakeRegistry::taped(5, tape);
        let (newest, waker) = (Newest::default(), FakeWaker::default());
        let pipelines = Pipelines::default();
        Self {
            handler: Handler {
                pushes: Pushes {
                    registry: registry.clone(),
                    platform: Platform::sample(),
                },
                hooks: HookMemory::new(checks.clone()),
                repositories: newest.clone(),
                waker: waker.clone(),
                pipelines: pipelines.clone(),
            },
            registry,
            checks,
            newest,
            waker,
            pipelines,
            stamps: Cell::new(0),
            now: Cell::new(now()),
        }
    }

    /// One with the service `orders` and a webhook of every sender.
    async fn with(manifest: Value) -> Self {
        let world = Self::new();
        world.register(manifest).await;
        for provider in Provider::ALL {
            world.hook(provider, Ulid(1)).await;
        }
        world
    }

    async fn register(&self, manifest: Value) {
        let request = Request {
            actor: "test".to_owned(),
            stamp: Stamp {
                now: now() - SignedDuration::from_hours(1),
                id: Ulid(1),
            },
            action: "register",
            cause: Cause::Api,
        };
        let manifest = Manifest::read(&manifest).unwrap();
        let change = change::register(manifest, &Platform::sample(), &request);
        self.registry.commit(&change).await.unwrap();
        self.registry.take_calls();
    }

    async fn hook(&self, provider: Provider, uid: Ulid) {
        let secret = HookSecret {
            value: SECRET.to_owned(),
            made_at: now(),
            until: None,
        };
        let secrets = HookSecrets {
            uid,
            secrets: vec![secret],
        };
        let orders = name("orders");
        self.checks
            .put_hook(&orders, provider, &secrets)
            .await
            .unwrap();
    }

    fn stamp(&self) -> Stamp {
        let n = self.stamps.get() + 1;
        self.stamps.set(n);
        let millis = u64::try_from(self.now.get().as_millisecond()).unwrap();
        Stamp {
            now: self.now.get(),
            id: Ulid::from_parts(millis, n.into()),
        }
    }

    /// Handles an event; the status and the body of the answer.
    async fn send(&self, event: Value) -> (u64, Value) {
        let answer = self.handler.handle(event, || self.stamp()).await.unwrap();
        let body = answer["body"].as_str().unwrap_or("null");
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        (status, serde_json::from_str(body).unwrap())
    }

    async fn deployments(&self) -> Vec<Deployment> {
        let (orders, prod) = (name("orders"), prod());
        let page = self.registry.deployments(&orders, &prod, None, 1000);
        page.await.unwrap().items
    }

    async fn generation(&self) -> u64 {
        let state = self.registry.service(&name("orders")).await.unwrap();
        state.unwrap().service.generation
    }
}
