//! How notices read.

use serde_json::{Value, json};
use slipway_domain::{Deployment, Outcome};

use super::*;
use crate::news::news;
use crate::news::tests::deployment;

fn platform() -> PlatformName {
    "devops2-g4".parse().unwrap()
}

fn team() -> TeamName {
    "shop".parse().unwrap()
}

fn failed() -> Notice {
    let digest = "0123456789abcdef".repeat(4);
    let deployment = Deployment {
        artifact: format!("ghcr.io/example/orders:v7@sha256:{digest}")
            .parse()
            .unwrap(),
        cause: Cause::Webhook,
        trigger: serde_json::from_value(json!({
            "provider": "github",
            "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "reference": "refs/heads/main",
            "commit": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
            "title": "Fix the total",
            "sender": "alice",
        }))
        .unwrap(),
        evidence: Evidence {
            tasks: vec!["Essential container in task exited, exit code 3".to_owned()],
            log: vec!["starting".to_owned(), "no database".to_owned()],
            ..Evidence::default()
        },
        outcome: Some(Outcome::Failed {
            at: "2026-11-21T16:05:00Z".parse().unwrap(),
            reason: "The tasks do not start.".to_owned(),
        }),
        ..deployment()
    };
    news(None, &deployment).unwrap()
}

#[test]
fn a_failure_reads_like_this() {
    let told = announcement(&failed(), &platform(), Some(&team()));
    assert_eq!(told.subject, "orders (prod): DEPLOYMENT FAILED");
    assert_eq!(
        told.text,
        "\
The deployment of orders to prod failed.

Reason      The tasks do not start.
Image       ghcr.io/example/orders:v7 (sha256:0123456789ab)
Asked by    alice (webhook)
Commit      0a1b2c3 \"Fix the total\", by alice
Pushed to   refs/heads/main (github)
Team        shop
Deployment  01KAPZ0000000000000000000A, generation 7
At          2026-11-21T16:05:00Z

Tasks that stopped:
  Essential container in task exited, exit code 3

Last lines of the log:
  starting
  no database

More: slipway get orders
"
    );
}

#[test]
fn programs_get_a_document_of_one_form_and_attributes_to_filter_by() {
    let told = announcement(&failed(), &platform(), Some(&team()));
    let document: Value = serde_json::from_str(&told.json).unwrap();
    assert_eq!(document["type"], "deployment.failed");
    assert_eq!(document["timestamp"], "2026-11-21T16:05:00Z");
    let data = &document["data"];
    for (field, value) in [
        ("platform", json!("devops2-g4")),
        ("service", json!("orders")),
        ("environment", json!("prod")),
        ("team", json!("shop")),
        ("deployment", json!("01KAPZ0000000000000000000A")),
        ("generation", json!(7)),
        ("cause", json!("webhook")),
        ("actor", json!("alice")),
        ("reason", json!("The tasks do not start.")),
    ] {
        assert_eq!(data[field], value, "{field}");
    }
    assert_eq!(data["trigger"]["title"], "Fix the total");
    assert_eq!(data["evidence"]["log"], json!(["starting", "no database"]));
    let has = |name, value: &str| told.attributes.contains(&(name, value.to_owned()));
    assert!(has("kind", "failed") && has("team", "shop") && has("service", "orders"));
    assert!(has("environment", "prod") && has("cause", "webhook"));
    assert!(has("id", "01KAPZ0000000000000000000A-failed"));
}

#[test]
fn the_beginning_says_whether_it_waits_for_an_image() {
    let started = |waits_until| {
        let deployment = Deployment {
            waits_until,
            ..deployment()
        };
        announcement(&news(None, &deployment).unwrap(), &platform(), None)
    };
    let told = started(None);
    assert_eq!(told.subject, "orders (prod): deployment started");
    assert!(
        told.text
            .starts_with("A deployment of orders to prod has started.")
    );
    assert!(!told.attributes.iter().any(|(name, _)| *name == "team"));
    let told = started(Some("2026-11-21T16:30:00Z".parse().unwrap()));
    assert_eq!(told.subject, "orders (prod): waits for its image");
    let first = told.text.lines().next().unwrap();
    assert!(first.ends_with("until 2026-11-21T16:30:00Z."), "{first}");
    assert!(
        told.json
            .contains(r#""waits_until":"2026-11-21T16:30:00Z""#)
    );
}

#[test]
fn whatever_is_told_fits_into_a_message() {
    // SNS and SQS take 256 KiB; a control character takes seven bytes where JSON lies in JSON.
    let worst = vec!["\u{1}".repeat(10_000); 100];
    let mut notice = failed();
    notice.reason = Some("\u{1F600}".repeat(100_000));
    notice.deployment.evidence = Evidence {
        resources: worst.clone(),
        tasks: worst.clone(),
        targets: worst.clone(),
        log: worst,
    };
    let told = announcement(&notice, &platform(), Some(&team()));
    let message = json!({"default": told.json, "email": told.text}).to_string();
    assert!(message.len() < 200_000, "{}", message.len());
    let longest = format!("a{}", "b".repeat(39)).parse().unwrap();
    notice.deployment.service = longest;
    let subject = subject(&notice);
    assert!(subject.len() <= SUBJECT && subject.is_ascii(), "{subject}");
}

#[test]
fn a_person_is_the_last_part_of_an_arn() {
    for (actor, who) in [
        ("arn:aws:iam::111122223333:user/team/alice", "alice"),
        (
            "arn:aws:sts::111122223333:assumed-role/Admin/bob@example.com",
            "bob@example.com",
        ),
        ("arn:aws:iam::111122223333:root", "root"),
        ("slipway", "slipway"),
    ] {
        assert_eq!(person(actor), who);
    }
}
