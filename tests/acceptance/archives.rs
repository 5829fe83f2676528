//! Functions from archives: what was uploaded answers, and goes back to what answered before.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use slipway_cli::client::{Client, new_key};
use slipway_control::view::DeploymentStarted;
use slipway_domain::{Artifact, ServiceName};
use slipway_tests::aws::Aws;
use slipway_tests::local_platform::{LocalPlatform, shared};

use crate::asking::{name, prod, register};

const BUCKET: &str = "devops2-g4--by-archive--code";

/// A zip file with a module that answers `says` to every request.
fn module(says: &str) -> Result<Vec<u8>> {
    let code = format!(
        "def handler(event, context):\n    return {{\"statusCode\": 200, \"body\": \"{says}\"}}\n"
    );
    slipway_local_cloud::zip_of("app.py", code.as_bytes())
}

fn upload(aws: &Aws, key: &str, says: &str) -> Result<()> {
    aws.put("s3", &format!("/{BUCKET}/{key}"), &module(says)?)
}

fn deploy(client: &Client, service: &ServiceName, key: &str) -> Result<DeploymentStarted> {
    let archive: Artifact = format!("s3://{BUCKET}/{key}").parse()?;
    Ok(client.deploy(service, &prod(), &archive, &new_key())?)
}

/// A request to an address of the HTTP API. Its name is this machine's, which not every resolver
/// knows.
fn call(url: &str) -> Result<String> {
    let rest = url.strip_prefix("http://").context("an address")?;
    let (host, path) = rest.split_once('/').context("a path")?;
    let (_, port) = host.split_once(':').context("a port")?;
    let request = ureq::get(format!("http://127.0.0.1:{port}/{path}")).header("host", host);
    Ok(request.call()?.body_mut().read_to_string()?)
}

/// What the service answers, and what of the archive stands in its newest deployment.
fn answer(platform: &LocalPlatform, service: &ServiceName) -> Result<(String, String)> {
    let ready = platform.ready(service)?;
    let environment = &ready.environments[&prod()];
    let url = environment.stack.url.as_deref().context("an address")?;
    let text = call(&format!("{url}/x"))?;
    let id = environment.deployment.context("a deployment")?;
    let deployment = platform.client().deployment(service, &prod(), id)?;
    Ok((text, deployment.artifact.to_string()))
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_function_from_an_archive_answers_and_goes_back_to_the_version_that_answered_before()
-> Result<()> {
    let platform = shared()?;
    let (client, aws) = (platform.client(), platform.aws());
    let service = name("by-archive");
    aws.put("s3", &format!("/{BUCKET}"), b"")?;
    let versions = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    aws.put("s3", &format!("/{BUCKET}?versioning"), versions.as_bytes())?;
    let how = json!({"runtime": "python3.13", "handler": "app.handler"});
    register(
        &client,
        &json!({"service": "by-archive", "kind": "function", "function": how}),
    )?;
    platform.settled(&service)?;

    upload(&aws, "app.zip", "one")?;
    deploy(&client, &service, "app.zip")?;
    let (text, first) = answer(&platform, &service)?;
    assert_eq!(text, "one");
    assert!(first.contains("app.zip?versionId="), "{first}");

    // The same key has other code, which nothing but a deployment brings.
    upload(&aws, "app.zip", "two")?;
    assert_eq!(answer(&platform, &service)?.0, "one");
    deploy(&client, &service, "app.zip")?;
    let (text, second) = answer(&platform, &service)?;
    assert_eq!(text, "two");
    assert_ne!(first, second);

    client.rollback(&service, &prod(), None, &new_key())?;
    assert_eq!(answer(&platform, &service)?, ("one".to_owned(), first));

    let started = deploy(&client, &service, "nowhere.zip")?;
    platform.settled(&service)?;
    let refused = client.deployment(&service, &prod(), started.deployment.id)?;
    let said = serde_json::to_string(&refused.outcome)?;
    ensure!(said.contains("nowhere.zip"), "{said}");
    client.delete(&service, &client.service(&service)?.etag)?;
    platform.gone(&service)
}
