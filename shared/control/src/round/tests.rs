//! What a round finds, does and costs.

use serde_json::json;
use slipway_domain::{EnvironmentName, Platform};

use super::*;
use crate::fake::{Clock, FakeChecks, FakeCloud, FakeRegistry, FakeWaker, Tape};
use crate::ports::{Page, StackRegistry};
use crate::reconcile::Reconciler;
use crate::reconcile::observed::{CloudFormationStatus as S, PropertyDrift, ResourceDrift};
use crate::services::tests::{api, caller};
use crate::view::EnvironmentSummary;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

/// A service `name` whose `prod` is in a phase, and answers at an address or not.
fn service(name: &str, phase: Phase, url: Option<&str>) -> ServiceSummary {
    let environment = EnvironmentSummary {
        phase,
        message: String::new(),
        advice: None,
        url: url.map(str::to_owned),
    };
    ServiceSummary {
        name: name.parse().unwrap(),
        team: "default".parse().unwrap(),
        generation: 1,
        follows: false,
        deleting: false,
        service_stack: None,
        environments: [(prod(), environment)].into(),
    }
}

/// Stacks by name and status, how many hours ago they were checked, and whether they drifted.
fn listed(stacks: &[(&str, S, Option<i64>, bool)]) -> BTreeMap<StackName, ListedStack> {
    let stack = |(name, status, checked, drifted): &(&str, S, Option<i64>, bool)| {
        let name = format!("devops2-g4--{name}");
        let stack = ListedStack {
            id: format!("id of {name}"),
            name: name.clone(),
            status: *status,
            checked_at: checked.map(|hours| now() - SignedDuration::from_hours(hours)),
            drifted: *drifted,
        };
        (name.parse().unwrap(), stack)
    };
    stacks.iter().map(stack).collect()
}

fn woken(findings: &Findings) -> Vec<String> {
    let name = |(service, scope): &(ServiceName, Scope)| format!("{service}/{scope}");
    findings.wake.iter().map(name).collect()
}

#[test]
fn what_is_as_believed_is_left_alone() {
    let stacks = listed(&[
        ("a", S::CreateComplete, Some(2), false),
        ("a--prod", S::UpdateRollbackComplete, Some(23), false),
    ]);
    let findings = compare(&stacks, &[service("a", Phase::Ready, None)], now());
    assert_eq!(findings, Findings::default());
}

#[test]
fn what_is_gone_or_not_whole_or_was_just_found_changed_is_looked_at() {
    let checked = Some(1);
    let stacks = listed(&[
        ("gone", S::CreateComplete, checked, false),
        ("failed", S::CreateComplete, checked, false),
        ("broken", S::CreateComplete, checked, false),
        ("broken--prod", S::UpdateRollbackFailed, checked, false),
        ("drifted", S::CreateComplete, checked, false),
        ("drifted--prod", S::UpdateComplete, checked, true),
        ("known", S::CreateComplete, checked, false),
        ("known--prod", S::UpdateComplete, Some(5), true),
        ("busy", S::CreateComplete, checked, false),
        ("busy--prod", S::UpdateInProgress, checked, false),
    ]);
    let services = [
        service("broken", Phase::Failed, Some("https://x")),
        service("busy", Phase::Updating, Some("https://x")),
        service("drifted", Phase::Ready, Some("https://x")),
        service("failed", Phase::Failed, None),
        service("gone", Phase::Ready, Some("https://x")),
        service("known", Phase::Ready, Some("https://x")),
        service("no-stack", Phase::Waiting, None),
    ];
    let findings = compare(&stacks, &services, now());
    assert_eq!(
        woken(&findings),
        ["broken/prod", "drifted/prod", "gone/prod", "no-stack/-"]
    );
    assert_eq!(findings.orphans, Vec::<String>::new());
}

#[test]
fn stacks_that_no_service_knows_are_named() {
    let mut deleting = service("b", Phase::Deleting, None);
    deleting.deleting = true;
    let stacks = listed(&[
        ("a", S::CreateComplete, Some(1), false),
        ("a--prod", S::CreateComplete, Some(1), false),
        ("a--staging", S::CreateComplete, Some(1), false),
        ("b--prod", S::DeleteInProgress, None, false),
        ("c", S::CreateComplete, None, false),
        ("d", S::DeleteInProgress, None, false),
    ]);
    let services = [service("a", Phase::Ready, None), deleting];
    let findings = compare(&stacks, &services, now());
    assert_eq!(
        findings.orphans,
        ["devops2-g4--a--staging", "devops2-g4--c"]
    );
    assert_eq!(woken(&findings), Vec::<String>::new());
    assert_eq!(findings.check, Vec::<String>::new());
}

#[test]
fn the_longest_unchecked_are_checked_first_and_none_twice_a_day() {
    let names: Vec<String> = (0..30).map(|n| format!("s{n:02}")).collect();
    let services: Vec<ServiceSummary> = names
        .iter()
        .map(|name| service(name, Phase::Waiting, None))
        .collect();
    let stacks: Vec<(&str, S, Option<i64>, bool)> = (0..)
        .zip(&names)
        .map(|(n, name)| {
            let checked = (n != 7).then_some(40 - n);
            (name.as_str(), S::CreateComplete, checked, false)
        })
        .collect();
    let findings = compare(&listed(&stacks), &services, now());
    let checked: Vec<&str> = findings
        .check
        .iter()
        .map(|id| id.rsplit("--").next().unwrap())
        .collect();
    assert_eq!(checked.len(), 17);
    assert_eq!(checked[..3], ["s07", "s00", "s01"]);
    assert_eq!(checked[16], "s16");
}

#[test]
fn messages_are_spread_over_a_quarter_of_an_hour_at_most() {
    assert_eq!(
        spread(3).collect::<Vec<_>>(),
        [0, 1, 2].map(Duration::from_secs)
    );
    let many: Vec<Duration> = spread(4000).collect();
    assert_eq!(many.len(), 4000);
    assert!(many.iter().all(|delay| delay.as_secs() < 900));
    assert!(many[3999].as_secs() > 890);
}

/// A platform in memory whose services `s000`, `s001`, … all run.
struct World {
    clock: Clock,
    tape: Tape,
    reconciler: Reconciler<FakeRegistry, FakeCloud, FakeChecks>,
    waker: FakeWaker,
}

impl World {
    async fn with_services(count: u32) -> Self {
        let clock = Clock::new(caller(0).stamp.now);
        let tape = Tape::default();
        let registry = FakeRegistry::taped(1000, tape.clone());
        for n in 0..count {
            let manifest = json!({"service": format!("s{n:03}"), "image": "nginx:1"});
            let api = api(registry.clone());
            api.register(&manifest, &caller(n + 1)).await.unwrap();
        }
        let world = Self {
            reconciler: Reconciler {
                registry,
                stacks: FakeCloud::at(clock.clone(), tape.clone()),
                checks: FakeChecks::taped(tape.clone()),
                platform: Platform::sample(),
                deadline: SignedDuration::from_mins(45),
                fingerprint: String::new(),
            },
            clock,
            tape,
            waker: FakeWaker::default(),
        };
        for _ in 0..8 {
            world.clock.advance(SignedDuration::from_secs(60));
            let due = world.reconciler.registry.attention(world.clock.now(), 1000);
            for (service, scope) in due.await.unwrap() {
                world.look(&service, &scope).await;
            }
        }
        assert!(world.reconciler.registry.all_attention().is_empty());
        world
    }

    async fn look(&self, service: &ServiceName, scope: &Scope) {
        let now = self.clock.now();
        let looked = self.reconciler.reconcile(service, scope, now).await;
        let _ = looked.unwrap();
    }

    async fn round(&self) -> Report {
        let round = Round {
            registry: &self.reconciler.registry,
            stacks: &self.reconciler.stacks,
            waker: &self.waker,
            platform: &self.reconciler.platform,
        };
        round.go(self.clock.now()).await.unwrap()
    }
}

#[tokio::test]
async fn a_round_costs_its_pages_and_what_needs_attention() {
    let world = World::with_services(120).await;
    world
        .reconciler
        .stacks
        .delete_by_hand("devops2-g4--s007--prod");
    let before = world.tape.len();
    let report = world.round().await;
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for call in world.tape.calls().split_off(before) {
        *calls.entry(call.name).or_default() += 1;
    }
    // 239 stacks and 120 services, in pages of 100.
    assert_eq!(
        calls,
        BTreeMap::from([("stacks", 3), ("services", 2), ("check_drift", CHECKS)])
    );
    assert_eq!(
        (report.stacks, report.services, report.woken, report.checked),
        (239, 120, 1, CHECKS)
    );
    assert_eq!(
        world.waker.take(),
        [(
            "s007".parse().unwrap(),
            Scope::Environment(prod()),
            Duration::ZERO
        )]
    );
}

#[tokio::test]
async fn a_stack_that_was_deleted_by_hand_comes_back() {
    let world = World::with_services(1).await;
    let name = "devops2-g4--s000--prod";
    world.reconciler.stacks.delete_by_hand(name);
    world.round().await;
    for (service, scope, _) in world.waker.take() {
        world.look(&service, &scope).await;
    }
    for _ in 0..8 {
        world.clock.advance(SignedDuration::from_secs(60));
        world
            .look(&"s000".parse().unwrap(), &Scope::Environment(prod()))
            .await;
    }
    assert_eq!(
        world.reconciler.stacks.stacks().get(name),
        Some(&S::CreateComplete)
    );
}

#[tokio::test]
async fn what_was_changed_by_hand_is_found_by_a_check_and_looked_at() {
    let world = World::with_services(1).await;
    world.clock.advance(SignedDuration::from_secs(60));
    let drift = ResourceDrift {
        logical_id: "LogGroup".to_owned(),
        resource_type: "AWS::Logs::LogGroup".to_owned(),
        deleted: false,
        properties: vec![PropertyDrift {
            path: "/RetentionInDays".to_owned(),
            expected: "30".to_owned(),
            actual: "1".to_owned(),
        }],
    };
    let name = "devops2-g4--s000--prod";
    world.reconciler.stacks.find_drift(name, drift);
    let report = world.round().await;
    // The other stack is checked; this one was just now.
    assert_eq!((report.woken, report.checked), (1, 1));
    for (service, scope, _) in world.waker.take() {
        assert_eq!(scope, Scope::Environment(prod()));
        world.look(&service, &scope).await;
    }
    let calls = world.reconciler.stacks.operations();
    assert_eq!(calls.last().map(|it| it.stack.as_str()), Some(name));
}

/// A cloud whose every check is refused, and a queue that takes nothing.
struct Stubborn(FakeCloud);

impl StackLister for Stubborn {
    async fn stacks(&self, after: Option<&str>) -> PortResult<Page<ListedStack>> {
        StackLister::stacks(&self.0, after).await
    }

    async fn check_drift(&self, _: &str) -> PortResult<()> {
        Err(crate::error::PortError {
            operation: "check_drift",
            message: "not in this status".to_owned(),
            kind: crate::error::PortErrorKind::Refused,
            source: None,
        })
    }
}

#[tokio::test]
async fn what_fails_for_one_keeps_no_other_from_its_turn() {
    let world = World::with_services(2).await;
    for service in ["s000", "s001"] {
        let name = format!("devops2-g4--{service}--prod");
        world.reconciler.stacks.delete_by_hand(&name);
    }
    let stubborn = Stubborn(world.reconciler.stacks.clone());
    let mut round = Round {
        registry: &world.reconciler.registry,
        stacks: &stubborn,
        waker: &world.waker,
        platform: &world.reconciler.platform,
    };
    let report = round.go(world.clock.now()).await.unwrap();
    assert_eq!((report.woken, report.checked), (2, 0));
    let broken = FakeWaker::default();
    broken.break_down();
    round.waker = &broken;
    assert!(round.go(world.clock.now()).await.is_err());
}
