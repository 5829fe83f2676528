//! What is judged, from what was found.

use serde_json::{Value, json};
use slipway_domain::{Effective, Manifest, Platform};

use super::*;
use crate::fake::{FakeChecks, Fault, Tape};
use crate::ports::{FoundImage, ImageLookup, QuotaKind};
use crate::reconcile::desired::render_as_cleared;

fn effective(document: &Value) -> Effective {
    let prod = "prod".parse().unwrap();
    let manifest = Manifest::read(document).unwrap();
    manifest.effective(&prod, &prod).unwrap()
}

async fn found(ports: &FakeChecks, document: &Value) -> Findings {
    let effective = effective(document);
    let artifact = effective.settings.artifact().unwrap();
    let template = render_as_cleared(&effective, None, &Platform::sample(), None).unwrap();
    let needs = needs(None, &template);
    preflight(ports, &effective, &artifact, None, &needs)
        .await
        .unwrap()
}

fn verdicts(findings: &Findings, of: Subject) -> Vec<Outcome> {
    let checks = findings.checks.iter().filter(|it| it.check == of);
    checks.map(|it| it.verdict).collect()
}

fn service() -> Value {
    json!({
        "service": "orders", "image": "nginx:1",
        "secrets": {"A": "ssm:/devops2-g4/orders/a", "B": "ssm:/devops2-g4/orders/b"},
    })
}

#[tokio::test]
async fn what_is_in_order_gives_the_image_with_its_digest() {
    let ports = FakeChecks::default();
    ports.quota(QuotaKind::LoadBalancers, 49, 50);
    let findings = found(&ports, &service()).await;
    assert_eq!(findings.refusal(), None);
    let digest = FakeChecks::digest_of("nginx:1");
    assert_eq!(findings.artifact.as_str(), format!("nginx:1@{digest}"));
    assert_eq!(verdicts(&findings, Subject::Image), [Outcome::Passed]);
    assert_eq!(
        verdicts(&findings, Subject::Architecture),
        [Outcome::Passed]
    );
    assert_eq!(verdicts(&findings, Subject::Secrets), [Outcome::Passed]);
    let quotas = verdicts(&findings, Subject::Quota);
    assert!(quotas.contains(&Outcome::Passed), "one more fits");
    assert!(quotas.contains(&Outcome::Unknown), "what cannot be read");
}

#[tokio::test]
async fn all_that_stands_in_the_way_is_said_at_once() {
    let ports = FakeChecks::default();
    let platforms = vec!["linux/arm64/v8".to_owned()];
    let digest = FakeChecks::digest_of("x");
    let lookup = ImageLookup::Found(FoundImage { digest, platforms });
    ports.answer("nginx:1", lookup);
    ports.miss_secret("ssm:/devops2-g4/orders/a");
    ports.quota(QuotaKind::LoadBalancers, 50, 50);
    ports.quota(QuotaKind::FargateVcpus, 6, 6);
    let findings = found(&ports, &service()).await;
    let refusal = findings.refusal().unwrap();
    for part in [
        "built for linux/arm64/v8, not for linux/amd64",
        "`ssm:/devops2-g4/orders/a` of `A` does not exist",
        "The quota of load balancers is exhausted: 50 of 50",
        "The quota of vCPUs on Fargate is exhausted",
    ] {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    assert!(!refusal.contains("/orders/b"), "that one is there");
    assert!(!findings.only_image_missing);
}

#[tokio::test]
async fn a_missing_image_alone_may_be_waited_for() {
    let ports = FakeChecks::default();
    ports.answer("nginx:1", ImageLookup::Missing);
    assert!(found(&ports, &service()).await.only_image_missing);
    ports.miss_secret("ssm:/devops2-g4/orders/b");
    assert!(!found(&ports, &service()).await.only_image_missing);
}

#[tokio::test]
async fn a_silent_registry_is_no_failure_and_one_that_wants_a_login_is() {
    let ports = FakeChecks::default();
    ports.silence("nginx:1", true);
    let findings = found(&ports, &service()).await;
    assert_eq!(findings.refusal(), None);
    assert!(findings.silent_registry.is_some());
    ports.silence("nginx:1", false);
    let login = "the registry asks for a login.".to_owned();
    ports.answer("nginx:1", ImageLookup::Denied(login));
    let refusal = found(&ports, &service()).await.refusal().unwrap();
    assert!(refusal.contains("asks for a login"), "{refusal}");
}

#[tokio::test]
async fn what_only_an_update_keeps_needs_no_quota() {
    let platform = Platform::sample();
    let render =
        |document: &Value| render_as_cleared(&effective(document), None, &platform, None).unwrap();
    let before = render(&json!({"service": "orders", "image": "nginx:1"}));
    let same = render(&json!({"service": "orders", "image": "nginx:2"}));
    assert_eq!(needs(Some(&before), &same), Needs::new());
    let more = render(&json!({
        "service": "orders", "image": "nginx:2", "cpu": 1024, "memory": 2048,
        "deploy": {"strategy": "blue-green"},
    }));
    let needed = needs(Some(&before), &more);
    assert_eq!(needed[&QuotaKind::TargetGroups], 1);
    assert_eq!(
        needed[&QuotaKind::FargateVcpus],
        1,
        "two vCPUs instead of one"
    );
    assert!(!needed.contains_key(&QuotaKind::LoadBalancers));
}

#[tokio::test]
async fn only_tasks_on_demand_need_vcpus_of_fargate() {
    let platform = Platform::sample();
    let vcpus = |capacity: Value| {
        let mut document = json!({
            "service": "orders", "image": "nginx:1", "cpu": 1024, "memory": 2048,
            "cluster": "shared", "scaling": {"min": 4},
        });
        let fields = capacity.as_object().unwrap().clone();
        document.as_object_mut().unwrap().extend(fields);
        let effective = effective(&document);
        let template = render_as_cleared(&effective, None, &platform, None).unwrap();
        let needed = needs(None, &template);
        needed.get(&QuotaKind::FargateVcpus).copied()
    };
    assert_eq!(vcpus(json!({})), Some(4));
    assert_eq!(vcpus(json!({"capacity": "fargate-spot"})), Some(1));
    let none = json!({"capacity": "fargate-spot", "spot": {"base": 0}});
    assert_eq!(vcpus(none), None);
    assert_eq!(vcpus(json!({"capacity": "ec2"})), None);
}

#[tokio::test]
async fn a_call_that_may_succeed_later_is_no_verdict() {
    let tape = Tape::default();
    let ports = FakeChecks::taped(tape.clone());
    tape.next("missing_secrets", Fault::Throttled, 1);
    let effective = effective(&service());
    let artifact = effective.settings.artifact().unwrap();
    let checked = preflight(&ports, &effective, &artifact, None, &Needs::new()).await;
    assert!(checked.unwrap_err().is_transient());
}
