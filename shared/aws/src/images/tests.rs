//! Lookups and keeping, against a server that answers as registries and ECR do.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use serde_json::{Value, json};
use slipway_synth::sha256;

use super::server::{Answer, Asked, Server};
use super::*;
use slipway_control::ports::FoundImage;

/// Images whose every registry, and ECR, is the server.
fn images(server: &Server) -> Images {
    let credentials = Credentials::new("key", "secret", None, None, "test");
    let config = crate::sdk_config("slipway-test", "us-east-1", Some(&server.root))
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    let mut platform = Platform::sample();
    let mirror = format!("{}/mirror", server.root);
    platform.registry_mirrors = MirrorMap::from([("docker.io".into(), mirror)]);
    Images::new(&config, &platform)
}

async fn look_up(server: &Server, image: &str) -> PortResult<ImageLookup> {
    images(server).image(&image.parse().unwrap()).await
}

fn index() -> Vec<u8> {
    let of = |architecture| json!({"platform": {"os": "linux", "architecture": architecture}});
    json!({"manifests": [of("amd64"), of("arm64")]})
        .to_string()
        .into_bytes()
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", sha256(content))
}

fn found(digest: &str, platforms: &[&str]) -> ImageLookup {
    ImageLookup::Found(FoundImage {
        digest: digest.to_owned(),
        platforms: platforms.iter().map(|&it| it.to_owned()).collect(),
    })
}

/// A registry's manifest, as it is answered.
fn content(body: Vec<u8>) -> Answer {
    let digest = digest(&body);
    Answer(200, Vec::new(), body).with("docker-content-digest", digest)
}

#[tokio::test]
async fn an_index_is_found_with_an_anonymous_token() {
    let server = Server::start(|asked, root| match asked.line.as_str() {
        line if line.starts_with("GET /token?") => Answer::json(&json!({"token": "t0ken"})),
        _ if asked.header("authorization") == Some("Bearer t0ken") => content(index()),
        _ => Answer::status(401).with(
            "www-authenticate",
            format!(
                r#"Bearer realm="{root}/token",service="hub",scope="repository:library/nginx:pull""#
            ),
        ),
    })
    .await;
    let images = images(&server);
    let image = "nginx:alpine".parse().unwrap();
    let wanted = found(&digest(&index()), &["linux/amd64", "linux/arm64"]);
    assert_eq!(images.image(&image).await.unwrap(), wanted);
    let manifest = "/mirror/v2/library/nginx/manifests";
    let once = [
        format!("HEAD {manifest}/alpine"),
        "GET /token?service=hub&scope=repository:library/nginx:pull".to_owned(),
        format!("HEAD {manifest}/alpine"),
        format!("GET {manifest}/{}", digest(&index())),
    ];
    assert_eq!(server.lines(), once);
    let accept = server.asked()[0].header("accept").unwrap().to_owned();
    assert!(manifest::KINDS.iter().all(|kind| accept.contains(kind)));
    // Its manifest is not read again: at Docker Hub that would count.
    assert_eq!(images.image(&image).await.unwrap(), wanted);
    assert_eq!(server.lines()[4..], once[..3]);
}

#[tokio::test]
async fn a_single_image_says_its_platform_in_a_blob_that_lies_elsewhere() {
    let configuration = br#"{"os": "linux", "architecture": "arm64"}"#;
    let manifest = json!({"config": {"digest": digest(configuration)}}).to_string();
    let wanted = found(&digest(manifest.as_bytes()), &["linux/arm64"]);
    let server = Server::start(
        move |asked, root| match asked.line.split_once(' ').unwrap().1 {
            "/elsewhere" => Answer(200, Vec::new(), configuration.to_vec()),
            path if path.contains("/blobs/") => {
                Answer::status(307).with("location", format!("{root}/elsewhere"))
            }
            _ => content(manifest.clone().into_bytes()),
        },
    )
    .await;
    assert_eq!(look_up(&server, "team/app:v1").await.unwrap(), wanted);
}

#[tokio::test]
async fn without_head_and_header_the_digest_is_the_contents() {
    let server = Server::start(|asked, _| match asked.line.split_once(' ').unwrap().0 {
        "HEAD" => Answer::status(405),
        _ => Answer(200, Vec::new(), index()),
    })
    .await;
    let wanted = found(&digest(&index()), &["linux/amd64", "linux/arm64"]);
    assert_eq!(look_up(&server, "nginx").await.unwrap(), wanted);
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let wrong = digest(b"another");
    let server = Server::start({
        let wrong = wrong.clone();
        move |_, _| Answer(200, Vec::new(), index()).with("docker-content-digest", wrong.clone())
    })
    .await;
    let error = look_up(&server, "nginx").await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
}

#[tokio::test]
async fn answers_that_are_no_success_have_their_meanings() {
    let of = |status: u16| async move {
        let server = Server::start(move |_, _| Answer::status(status)).await;
        look_up(&server, "nginx").await
    };
    assert_eq!(of(404).await.unwrap(), ImageLookup::Missing);
    for status in [401, 403] {
        let denied = "docker.io asks for a login: the image is private, or not there.";
        assert_eq!(
            of(status).await.unwrap(),
            ImageLookup::Denied(denied.to_owned())
        );
    }
    let denied = ImageLookup::Denied("docker.io answers 451.".to_owned());
    assert_eq!(of(451).await.unwrap(), denied);
    for status in [429, 500, 503] {
        assert!(of(status).await.unwrap_err().is_transient(), "{status}");
    }
}

#[tokio::test]
async fn a_registry_that_refuses_its_anonymous_token_asks_for_a_login() {
    for token in [Answer::status(403), Answer::json(&json!({"token": "t"}))] {
        let server = Server::start(move |asked, root| {
            if asked.line.starts_with("GET /token") {
                token.clone()
            } else {
                let realm = format!(r#"Bearer realm="{root}/token""#);
                Answer::status(401).with("www-authenticate", realm)
            }
        })
        .await;
        let lookup = look_up(&server, "team/private:1").await.unwrap();
        assert!(matches!(lookup, ImageLookup::Denied(_)), "{lookup:?}");
    }
}

#[tokio::test]
async fn a_registry_that_has_had_enough_still_names_the_digest() {
    let server = Server::start(|asked, _| match asked.line.split_once(' ').unwrap().0 {
        "HEAD" => content(index()),
        _ => Answer::status(429),
    })
    .await;
    let wanted = found(&digest(&index()), &[]);
    assert_eq!(look_up(&server, "nginx").await.unwrap(), wanted);
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_asked_again_later() {
    let server = Server::start(|_, _| Answer::status(200)).await;
    let images = images(&server);
    drop(server);
    let error = images.image(&"nginx".parse().unwrap()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn addresses_inside_are_not_asked_neither_by_name_nor_by_redirect_nor_for_a_token() {
    let inside = Server::start(|_, _| content(index())).await;
    let port = inside.root.rsplit(':').next().unwrap().to_owned();
    for image in [
        format!("127.0.0.1:{port}/a:1"),
        format!("localhost:{port}/a:1"),
    ] {
        let lookup = look_up(&Server::start(|_, _| Answer::status(500)).await, &image).await;
        assert!(matches!(lookup.unwrap(), ImageLookup::Denied(_)), "{image}");
    }
    let target = inside.root.clone();
    let leads = Server::start(move |asked, _| {
        if asked.line.contains("/redirects/") {
            Answer::status(307).with("location", format!("{target}/v2/"))
        } else {
            let realm = format!(r#"Bearer realm="{target}/token""#);
            Answer::status(401).with("www-authenticate", realm)
        }
    })
    .await;
    for image in ["redirects/a:1", "team/a:1"] {
        let lookup = look_up(&leads, image).await.unwrap();
        assert!(
            matches!(lookup, ImageLookup::Denied(_)),
            "{image}: {lookup:?}"
        );
    }
    assert_eq!(inside.lines(), [""; 0]);
}

#[tokio::test]
async fn redirects_without_end_and_answers_without_end_are_refused() {
    let circle = Server::start(|asked, root| {
        let path = asked.line.split_once(' ').unwrap().1;
        Answer::status(302).with("location", format!("{root}{path}"))
    })
    .await;
    let error = look_up(&circle, "nginx").await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
    assert_eq!(circle.lines().len(), 4);
    let large = Server::start(|asked, _| match asked.line.split_once(' ').unwrap().0 {
        "HEAD" => Answer::status(405),
        _ => Answer(200, Vec::new(), vec![b' '; (4 << 20) + 1]),
    })
    .await;
    let error = look_up(&large, "nginx").await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
}

const OURS: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/devops2-g4-orders-prod";

/// ECR's answer to one operation.
fn ecr(
    answer: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static,
) -> impl Future<Output = Server> {
    Server::start(move |asked: &Asked, _: &str| {
        let target = asked.header("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = serde_json::from_str(&asked.body).unwrap_or_default();
        answer(operation, &body)
    })
}

fn ecr_image(manifest: &str) -> Value {
    let id = json!({"imageDigest": digest(manifest.as_bytes()), "imageTag": "v1"});
    json!({"imageId": id, "imageManifest": manifest, "imageManifestMediaType": "x/y"})
}

fn ecr_error(code: &str) -> Answer {
    let body = json!({"__type": code, "message": "no"}).to_string();
    Answer(400, Vec::new(), body.into_bytes())
}

/// The operations that ECR was asked for, with what they are about.
fn operations(server: &Server) -> Vec<String> {
    let mut operations = Vec::new();
    for asked in server.asked() {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let target = asked.header("x-amz-target").unwrap().to_owned();
        let ids = body["imageIds"].as_array().cloned().unwrap_or_default();
        let of: Vec<&str> = ids
            .iter()
            .chain([&body])
            .filter_map(|id| id["imageTag"].as_str().or(id["imageDigest"].as_str()))
            .collect();
        operations.push(format!(
            "{} {}",
            target.rsplit('.').next().unwrap(),
            of.join(" ")
        ));
    }
    operations
}

#[tokio::test]
async fn an_index_in_ecr_takes_one_call() {
    let manifest = String::from_utf8(index()).unwrap();
    let server = ecr(move |_, _| Answer::json(&json!({"images": [ecr_image(&manifest)]}))).await;
    let lookup = look_up(&server, &format!("{OURS}:v1")).await.unwrap();
    assert_eq!(
        lookup,
        found(&digest(&index()), &["linux/amd64", "linux/arm64"])
    );
    assert_eq!(operations(&server), ["BatchGetImage v1"]);
    let body: Value = serde_json::from_str(&server.asked()[0].body).unwrap();
    assert_eq!(body["registryId"], "111122223333");
    assert_eq!(body["repositoryName"], "devops2-g4-orders-prod");
}

#[tokio::test]
async fn a_single_image_in_ecr_says_its_platform_in_its_configuration() {
    let configuration = r#"{"os": "linux", "architecture": "amd64"}"#;
    let manifest = json!({"config": {"digest": digest(configuration.as_bytes())}}).to_string();
    for (is_there, platforms) in [(true, vec!["linux/amd64"]), (false, vec![])] {
        let answered = manifest.clone();
        let server = Server::start(move |asked, root| {
            match asked.header("x-amz-target").unwrap_or_default() {
                "" if is_there => Answer(200, Vec::new(), configuration.into()),
                "" => Answer::status(404),
                target if target.ends_with(".BatchGetImage") => {
                    Answer::json(&json!({"images": [ecr_image(&answered)]}))
                }
                _ => Answer::json(&json!({"downloadUrl": format!("{root}/blob?signed")})),
            }
        })
        .await;
        let lookup = look_up(&server, &format!("{OURS}:v1")).await.unwrap();
        assert_eq!(lookup, found(&digest(manifest.as_bytes()), &platforms));
    }
}

#[tokio::test]
async fn what_ecr_does_not_have_or_show_is_told_apart() {
    let failure =
        |code: &str| Answer::json(&json!({"images": [], "failures": [{"failureCode": code}]}));
    for (answer, missing) in [
        (ecr_error("RepositoryNotFoundException"), true),
        (failure("ImageNotFound"), true),
        (ecr_error("AccessDeniedException"), false),
        (failure("UpstreamAccessDenied"), false),
    ] {
        let server = ecr(move |_, _| answer.clone()).await;
        let lookup = look_up(&server, &format!("{OURS}:v1")).await.unwrap();
        assert_eq!(lookup == ImageLookup::Missing, missing, "{lookup:?}");
        assert_eq!(matches!(lookup, ImageLookup::Denied(_)), !missing);
    }
    for (code, transient) in [
        ("UpstreamTooManyRequests", true),
        ("InvalidImageTag", false),
    ] {
        let server = ecr(move |_, _| failure(code)).await;
        let error = look_up(&server, &format!("{OURS}:v1")).await.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{error}");
    }
}

#[tokio::test]
async fn an_image_is_kept_by_a_further_tag_and_keeping_it_again_changes_nothing() {
    let image: Image = format!("{OURS}@{}", digest(b"m")).parse().unwrap();
    for (answer, looks_at_the_tag) in [
        (Answer::json(&json!({})), false),
        (ecr_error("ImageAlreadyExistsException"), false),
        // What ECR says of the same tag on the same image, where tags do not move.
        (ecr_error("ImageTagAlreadyExistsException"), true),
    ] {
        let server = ecr(move |operation, _| match operation {
            "PutImage" => answer.clone(),
            _ => Answer::json(&json!({"images": [ecr_image("m")]})),
        })
        .await;
        images(&server)
            .keep(&image, "slipway-prod-1")
            .await
            .unwrap();
        let mut wanted = vec![
            format!("BatchGetImage {}", digest(b"m")),
            "PutImage slipway-prod-1".to_owned(),
        ];
        if looks_at_the_tag {
            wanted.push("BatchGetImage slipway-prod-1".to_owned());
        }
        assert_eq!(operations(&server), wanted);
        let put: Value = serde_json::from_str(&server.asked()[1].body).unwrap();
        assert_eq!(put["imageManifest"], "m");
        assert_eq!(put["imageManifestMediaType"], "x/y");
    }
}

#[tokio::test]
async fn a_tag_that_another_image_has_is_moved() {
    let image: Image = format!("{OURS}@{}", digest(b"m")).parse().unwrap();
    let taken = Mutex::new(true);
    let server = ecr(move |operation, body| match operation {
        "PutImage" if *taken.lock().unwrap() => ecr_error("ImageTagAlreadyExistsException"),
        "BatchDeleteImage" => {
            *taken.lock().unwrap() = false;
            Answer::json(&json!({}))
        }
        _ if body["imageIds"][0]["imageTag"] == "slipway-prod-1" => {
            Answer::json(&json!({"images": [ecr_image("other")]}))
        }
        _ => Answer::json(&json!({"images": [ecr_image("m")]})),
    })
    .await;
    images(&server)
        .keep(&image, "slipway-prod-1")
        .await
        .unwrap();
    let wanted = [
        &format!("BatchGetImage {}", digest(b"m")),
        "PutImage slipway-prod-1",
        "BatchGetImage slipway-prod-1",
        "BatchDeleteImage slipway-prod-1",
        "PutImage slipway-prod-1",
    ];
    assert_eq!(operations(&server), wanted);
}

#[tokio::test]
async fn only_an_ecr_image_that_is_there_and_has_a_digest_is_kept() {
    let server =
        ecr(|_, _| Answer::json(&json!({"failures": [{"failureCode": "ImageNotFound"}]}))).await;
    for image in [
        format!("{OURS}@{}", digest(b"gone")),
        format!("{OURS}:v1"),
        format!("nginx@{}", digest(b"m")),
    ] {
        let kept = images(&server)
            .keep(&image.parse().unwrap(), "slipway-prod-1")
            .await;
        assert!(!kept.unwrap_err().is_transient(), "{image}");
    }
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn tags_are_let_go_a_hundred_at_once_and_those_that_are_gone_do_not_matter() {
    let gone = json!({"failures": [{"failureCode": "ImageNotFound"}]});
    let server = ecr(move |_, _| Answer::json(&gone)).await;
    let tags: Vec<String> = (0..150).map(|n| format!("slipway-prod-{n}")).collect();
    for repository in ["devops2-g4-orders-prod", OURS] {
        images(&server).let_go(repository, &tags).await.unwrap();
    }
    let lengths: Vec<usize> = operations(&server)
        .iter()
        .map(|operation| operation.split(' ').count() - 1)
        .collect();
    assert_eq!(lengths, [100, 50, 100, 50]);
    images(&server).let_go(OURS, &[]).await.unwrap();
    assert_eq!(server.lines().len(), 4);
    for (answer, succeeds) in [
        (ecr_error("RepositoryNotFoundException"), true),
        (ecr_error("AccessDeniedException"), false),
    ] {
        let server = ecr(move |_, _| answer.clone()).await;
        let let_go = images(&server).let_go(OURS, &tags[..1]).await;
        assert_eq!(let_go.is_ok(), succeeds);
    }
}
