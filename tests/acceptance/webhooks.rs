//! Deliveries of webhooks and pushes of images, over HTTP and through the bus.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use slipway_domain::{Deployment, Outcome, Phase, ServiceName};
use slipway_tests::local_platform::{LocalPlatform, SOON, shared};
use slipway_tests::pushes::{Answer, github_push};
use slipway_tests::registry::lasting;
use slipway_tests::waiting::wait_for;

use crate::asking::{name, post, prod, register};
use crate::calls::{count, told, total};

/// When the first commit was made.
const FIRST: i64 = 1_795_255_200;

fn commit(n: usize) -> String {
    format!("{n:040x}").replacen('0', "c", 1)
}

/// A service without an image, whose repository is there, and the secret of its webhook.
fn waiting(platform: &LocalPlatform, service: &ServiceName) -> Result<String> {
    register(&platform.client(), &json!({"service": service.as_str()}))?;
    platform.settled(service)?;
    secret(platform, service)
}

fn secret(platform: &LocalPlatform, service: &ServiceName) -> Result<String> {
    let path = format!("/services/{service}/webhooks");
    let answer = platform
        .client()
        .send(&post(&path, &json!({"provider": "github"}))?)?;
    ensure!(
        answer.status == 201,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let made: Value = serde_json::from_slice(&answer.body)?;
    let secret = made["secret"].as_str().context("a secret")?;
    Ok(secret.to_owned())
}

fn deployments(platform: &LocalPlatform, service: &ServiceName) -> Result<Vec<Deployment>> {
    let client = platform.client();
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let page = client.deployments(service, &prod(), cursor.as_deref(), Some(100))?;
        all.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// Delivers all at the same moment, each from a thread of its own.
fn at_once<T: Sync>(
    all: &[T],
    deliver: impl Fn(&T) -> Result<Answer> + Sync,
) -> Result<Vec<Answer>> {
    let start = Barrier::new(all.len());
    thread::scope(|scope| {
        let senders: Vec<_> = all
            .iter()
            .map(|one| {
                scope.spawn(|| {
                    start.wait();
                    deliver(one)
                })
            })
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().ok().context("a sender panicked")?)
            .collect()
    })
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn c2_a_push_of_code_waits_for_its_image_and_the_push_of_that_deploys_it() -> Result<()> {
    let platform = shared()?;
    let service = name("hooked");
    let secret = waiting(&platform, &service)?;
    let commit = commit(1);
    let push = github_push(&commit, FIRST);
    let answer = platform.github(&service, "delivery-1", &push, &secret)?;
    ensure!(answer.status == 202, "{answer:?}");
    let deployment = &answer.body["deployment"];
    assert_eq!(deployment["trigger"]["provider"], "github");
    assert_eq!(deployment["trigger"]["delivery"], "delivery-1");
    assert_eq!(deployment["trigger"]["commit"], commit);
    assert!(deployment["waits_until"].is_string(), "{deployment}");
    wait_for("the deployment waits for its image", SOON, || {
        let view = platform.client().service(&service)?.value;
        let message = view.environments[&prod()].stack.message.clone();
        Ok(if message.contains("to be pushed") {
            Ok(())
        } else {
            Err(message)
        })
    })?;

    let digest = platform.push_image(&service, &commit)?;
    let ready = platform.ready(&service)?;
    assert_eq!(ready.environments[&prod()].stack.phase, Phase::Ready);
    let all = deployments(&platform, &service)?;
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(matches!(all[0].outcome, Some(Outcome::Succeeded { .. })));
    assert_eq!(
        all[0].artifact.image().and_then(|it| it.digest()),
        Some(&*digest)
    );
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn f3_a_push_to_a_service_that_waits_for_its_first_image_deploys_it() -> Result<()> {
    let platform = shared()?;
    let service = name("first-image");
    register(&platform.client(), &json!({"service": service.as_str()}))?;
    platform.settled(&service)?;
    let digest = platform.push_image(&service, "v1")?;
    wait_for("the image is deployed", SOON, || {
        let found = deployments(&platform, &service)?;
        Ok(match found.first() {
            Some(one) if matches!(one.outcome, Some(Outcome::Succeeded { .. })) => Ok(()),
            other => Err(format!("{other:?}")),
        })
    })?;
    let all = deployments(&platform, &service)?;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(
        all[0].artifact.image().and_then(|it| it.digest()),
        Some(&*digest)
    );
    let trigger = all[0].trigger.as_ref().context("what was pushed")?;
    assert_eq!(
        (&*trigger.provider, trigger.reference.as_deref()),
        ("ecr", Some("v1"))
    );
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn the_same_delivery_a_hundred_times_at_once_is_one_deployment() -> Result<()> {
    let platform = LocalPlatform::start("one-delivery")?;
    let service = name("once");
    let secret = waiting(&platform, &service)?;
    let push = github_push(&commit(1), FIRST);
    let answers = at_once(&[(); 100], |()| {
        platform.github(&service, "the-same", &push, &secret)
    })?;
    let told: BTreeSet<String> = answers
        .iter()
        .map(|answer| answer.body["deployment"]["id"].to_string())
        .collect();
    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        statuses.is_subset(&BTreeSet::from([200, 202])),
        "{statuses:?}"
    );
    assert_eq!(deployments(&platform, &service)?.len(), 1);
    let seen: Vec<_> = platform
        .registry()?
        .into_keys()
        .filter(|(pk, _)| pk.starts_with("SEEN#") && pk.contains("#github/prod/"))
        .collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn of_a_hundred_pushes_the_newest_wins_and_what_began_before_it_is_on_record_as_superseded()
-> Result<()> {
    const PUSHES: usize = 100;
    const IN_ORDER: usize = 20;
    let platform = LocalPlatform::start("hundred-pushes")?;
    let service = name("busy");
    let secret = waiting(&platform, &service)?;
    // The commits were made just before, by the clock that judges them.
    let registered = platform.client().service(&service)?.value.created_at;
    let first = registered.as_second() - 600;
    let deliver = |n: &usize| {
        let seconds = i64::try_from(*n)?;
        let push = github_push(&commit(*n), first + seconds);
        // Senders send again what was answered with 503.
        loop {
            let answer = platform.github(&service, &format!("push-{n}"), &push, &secret)?;
            if answer.status != 503 {
                return Ok(answer);
            }
        }
    };
    let all: Vec<usize> = (0..PUSHES).collect();
    let (in_order, at_the_same_moment) = all.split_at(IN_ORDER);
    let mut answers = Vec::new();
    for n in in_order {
        let answer = deliver(n)?;
        ensure!(answer.status == 202, "{answer:?}");
        answers.push(answer);
    }
    answers.extend(at_once(at_the_same_moment, deliver)?);
    let mut begun = BTreeSet::new();
    for (n, answer) in answers.iter().enumerate() {
        match answer.status {
            202 => {
                begun.insert(commit(n));
            }
            // A newer one was through before: said at once, or, where the first answer was lost, by
            // what is on record.
            200 => ensure!(
                answer.body.to_string().contains("newer commit"),
                "{n}: {answer:?}"
            ),
            other => bail!("{n}: {other}, {answer:?}"),
        }
    }
    println!("{} of {PUSHES} pushes began a deployment", begun.len());

    let newest = commit(PUSHES - 1);
    platform.push_image(&service, &newest)?;
    platform.ready(&service)?;
    let on_record = deployments(&platform, &service)?;
    let commits: BTreeSet<_> = on_record
        .iter()
        .filter_map(|one| one.trigger.as_ref()?.commit.clone())
        .collect();
    // None is lost: what was overtaken on its way is written down, too.
    assert_eq!(on_record.len(), PUSHES);
    let pushed: BTreeSet<_> = (0..PUSHES).map(commit).collect();
    assert_eq!(commits, pushed);
    for one in &on_record {
        let commit = one.trigger.as_ref().and_then(|it| it.commit.as_deref());
        let expected = if commit == Some(&*newest) {
            matches!(one.outcome, Some(Outcome::Succeeded { .. }))
        } else {
            matches!(one.outcome, Some(Outcome::Superseded { .. }))
        };
        assert!(expected, "{one:?}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn what_is_not_verified_is_answered_alike_and_leaves_no_trace() -> Result<()> {
    let platform = LocalPlatform::start("not-verified")?;
    let service = name("guarded");
    let secret = waiting(&platform, &service)?;
    platform.quiet()?;
    let before = lasting(platform.registry()?);
    let push = github_push(&commit(1), FIRST);
    let body = push.to_string();
    let right = slipway_tests::pushes::github_signature(&body, &secret);
    let other = slipway_tests::pushes::github_signature(&body, "another");
    let path = "/webhook/guarded";
    let mut answers = Vec::new();
    for (path, signature) in [
        (path, None),
        (path, Some("")),
        (path, Some(&*other)),
        (path, Some(&right[..70])),
        (path, Some(&*right.to_uppercase())),
        (path, Some(&*right.replace("sha256", "sha1"))),
        (path, Some(&*format!("{right},{right}"))),
        ("/webhook/nobody", Some(&*right)),
        ("/webhook/Not-A-Name", Some(&*right)),
        ("/webhook/guarded/Not-A-Name", Some(&*right)),
    ] {
        let mut headers = vec![("x-github-event", "push"), ("x-github-delivery", "d")];
        headers.extend(signature.map(|it| ("x-hub-signature-256", it)));
        let answer = platform.deliver(path, &headers, &body)?;
        ensure!(answer.status == 401, "{path} {signature:?}: {answer:?}");
        answers.push(answer);
    }
    let pretty = serde_json::to_string_pretty(&push)?;
    let headers = [
        ("x-github-event", "push"),
        ("x-github-delivery", "d"),
        ("x-hub-signature-256", &*right),
    ];
    answers.push(platform.deliver(path, &headers, &pretty)?);
    answers.push(platform.deliver(path, &[], &body)?);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(lasting(platform.registry()?), before);
    assert!(
        platform
            .registry()?
            .keys()
            .all(|(pk, _)| !pk.starts_with("SEEN#github"))
    );
    for line in platform.logged()? {
        assert!(!line.contains(&secret) && !line.contains(&right), "{line}");
    }
    // And what is signed is taken.
    let answer = platform.deliver(path, &headers, &body)?;
    assert_eq!(answer.status, 202, "{answer:?}");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_delivery_makes_three_calls() -> Result<()> {
    let platform = LocalPlatform::start("webhook-calls")?;
    let service = name("counted");
    let secret = waiting(&platform, &service)?;
    let deliver = |n: usize, expected: [&str; 3]| -> Result<()> {
        let push = github_push(&commit(n), FIRST + i64::try_from(n)?);
        let calls = count(&platform, "slipway-webhook", || {
            let answer = platform.github(&service, &format!("d-{n}"), &push, &secret)?;
            ensure!(answer.status == 202, "{answer:?}");
            Ok(())
        })?;
        println!("{}", told("a delivery", &calls));
        let made: Vec<&str> = calls.keys().map(String::as_str).collect();
        assert_eq!((total(&calls), &*made), (3, &expected[..]));
        Ok(())
    };
    let (query, commit) = ("dynamodb:Query", "dynamodb:TransactWriteItems");
    deliver(1, [query, commit, "ssm:GetParameter"])?;
    // The secrets are remembered, and there is a deployment that may be of a newer commit.
    deliver(2, ["dynamodb:GetItem", query, commit])?;
    // What has no signature costs nothing.
    let calls = count(&platform, "slipway-webhook", || {
        let answer = platform.deliver("/webhook/counted", &[("x-github-event", "push")], "{}")?;
        ensure!(answer.status == 401, "{answer:?}");
        Ok(())
    })?;
    assert_eq!(total(&calls), 0, "{}", told("a refusal", &calls));
    Ok(())
}
