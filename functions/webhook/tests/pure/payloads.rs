//! What the senders' payloads tell.

use slipway_control::ports::Provider;
use slipway_webhook::payload::{
    CodePush, ImagePush, Reference, Told, delivery_of, provider_of, told,
};

use crate::{EVENTS, request};

fn tells(name: &str) -> Told {
    let request = request(name);
    told(provider_of(&request).unwrap(), &request)
}

fn branch(name: &str) -> Reference {
    Reference::Branch(name.to_owned())
}

fn tag(name: &str) -> Reference {
    Reference::Tag(name.to_owned())
}

fn code(reference: Reference, commit: &str, at: &str, sender: &str) -> CodePush {
    CodePush {
        reference,
        commit: Some(commit.to_owned()),
        committed_at: Some(at.parse().unwrap()),
        title: Some("Ship orders in parcels".to_owned()),
        sender: Some(sender.to_owned()),
        forced: false,
    }
}

fn image(name: &str, sender: &str) -> Told {
    Told::ImagePushed(vec![ImagePush {
        image: name.parse().unwrap(),
        sender: Some(sender.to_owned()),
    }])
}

fn ignored(why: &str) -> Told {
    Told::Ignored(why.to_owned())
}

const GITHUB: &str = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";
const GITLAB: &str = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7";

#[test]
fn the_sender_of_each_event_is_known() {
    for (name, provider) in EVENTS {
        assert_eq!(provider_of(&request(name)), Some(provider), "{name}");
    }
}

#[test]
fn a_push_to_github_tells_its_branch_and_commit_as_json_and_as_a_form() {
    let push = code(branch("main"), GITHUB, "2026-11-21T09:59:50Z", "Codertocat");
    let expected = Told::CodePushed(vec![push]);
    assert_eq!(tells("github-push"), expected);
    assert_eq!(tells("github-push-form"), expected);
}

#[test]
fn an_annotated_tag_of_github_tells_the_commit_that_it_names() {
    let push = code(tag("v1.2.0"), GITHUB, "2026-11-21T09:59:50Z", "Codertocat");
    assert_eq!(tells("github-push-tag"), Told::CodePushed(vec![push]));
}

#[test]
fn a_branch_that_was_deleted_tells_nothing() {
    assert_eq!(tells("github-push-deleted"), ignored("`main` was deleted"));
}

#[test]
fn a_release_of_github_is_a_push_of_its_tag() {
    let push = CodePush {
        commit: None,
        title: Some("Parcels".to_owned()),
        ..code(tag("v1.2.0"), GITHUB, "2026-11-21T09:59:50Z", "Codertocat")
    };
    assert_eq!(tells("github-release"), Told::CodePushed(vec![push]));
}

#[test]
fn an_image_in_githubs_registry_is_told_of_with_its_tag_and_digest_in_lower_case() {
    let digest = "sha256:5ba041a0ac626a8240c8e2571d323320d2a4de35f8b5814af1b12df0348a7e96";
    let expected = image(
        &format!("ghcr.io/codertocat/orders:v1.2.0@{digest}"),
        "Codertocat",
    );
    assert_eq!(tells("github-registry_package"), expected);
    assert_eq!(tells("github-package"), expected);
}

#[test]
fn githubs_ping_is_one_and_its_other_events_start_nothing() {
    assert_eq!(tells("github-ping"), Told::Ping);
    let mut request = request("github-push");
    request
        .headers
        .insert("x-github-event".to_owned(), "issues".to_owned());
    assert_eq!(
        told(Provider::Github, &request),
        ignored("events of the kind `issues` start nothing")
    );
}

#[test]
fn a_push_to_gitlab_tells_its_branch_or_tag_and_commit() {
    let push = code(branch("main"), GITLAB, "2026-11-21T09:59:40Z", "jsmith");
    let expected = Told::CodePushed(vec![push]);
    assert_eq!(tells("gitlab-push"), expected);
    assert_eq!(tells("gitlab-push-signed"), expected);
    let push = code(tag("v1.2.0"), GITLAB, "2026-11-21T09:59:40Z", "jsmith");
    assert_eq!(tells("gitlab-tag_push"), Told::CodePushed(vec![push]));
}

#[test]
fn a_push_to_bitbucket_tells_every_branch_that_is_still_there() {
    let commit = "709d658dc5b6d6afcd46049c2f332ee3f515a67d";
    let push = CodePush {
        forced: true,
        ..code(branch("main"), commit, "2026-11-21T09:59:52Z", "emmap1")
    };
    let expected = Told::CodePushed(vec![push]);
    assert_eq!(tells("bitbucket-push"), expected);
    assert_eq!(tells("bitbucket-push-base64"), expected);
}

#[test]
fn a_push_to_azure_devops_tells_its_branch_and_commit() {
    let commit = "33b55f7cb7e7e245323987634f960cf4a6e6bc74";
    let push = code(
        branch("main"),
        commit,
        "2026-11-21T09:59:30Z",
        "Jamal Hartnett",
    );
    assert_eq!(tells("azure-devops-push"), Told::CodePushed(vec![push]));
}

#[test]
fn a_push_to_docker_hub_tells_its_image() {
    assert_eq!(
        tells("docker-hub-push"),
        image("shop/orders:v1.2.0", "trustedbuilder")
    );
}

#[test]
fn who_signs_by_standard_webhooks_tells_images_and_code() {
    assert_eq!(
        tells("standard-image"),
        image("registry.example.com/shop/orders:v1.2.0", "ci")
    );
    let push = code(branch("main"), GITHUB, "2026-11-21T09:59:50Z", "ada");
    assert_eq!(tells("standard-code"), Told::CodePushed(vec![push]));
}

#[test]
fn a_body_that_is_not_json_tells_nothing() {
    for (name, provider) in EVENTS {
        let mut request = request(name);
        request.body = b"{".to_vec();
        let told = told(provider, &request);
        assert_eq!(told, ignored("the body is not JSON"), "{name}");
    }
}

#[test]
fn each_delivery_has_its_senders_id() {
    for (name, id) in [
        ("github-push", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("gitlab-push", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"),
        ("gitlab-push-signed", "f5e5f430-f57b-4e6e-9fac-d9128cd72330"),
        ("bitbucket-push", "af3b1b6e-2f3a-4a53-9e53-9f1d0f6a2c10"),
        ("azure-devops-push", "03c164c2-8912-4d5e-8009-3707d5f83734"),
        ("standard-image", "msg_2mK7Wn4vQh3LwqVbTq0J9xYz"),
    ] {
        let request = request(name);
        let provider = provider_of(&request).unwrap();
        assert_eq!(delivery_of(provider, &request).id, id, "{name}");
    }
    let docker = delivery_of(Provider::DockerHub, &request("docker-hub-push")).id;
    assert!(docker.starts_with("1795255195-"), "{docker}");
    assert_eq!(docker.len(), 43);
}
