//! Platforms: a deployed one from start to end, and two clouds side by side.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::*;
use crate::Deploy;

#[tokio::test]
async fn a_platform_is_deployed_answers_over_http_hears_events_and_is_deleted() {
    let cloud = start().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let deploy = Deploy {
        template: PathBuf::from(folder).join("platform.yaml"),
        name: "fixture".to_owned(),
        functions: BTreeMap::from([("Echo".to_owned(), PathBuf::from(folder).join("echo"))]),
        ..Deploy::default()
    };
    let platform = cloud
        .deploy_platform(&deploy)
        .await
        .expect("the platform is deployed");
    let link = platform.outputs["VpcLink"].clone();
    let client = client(&cloud);
    let path = format!("/v2/vpclinks/{link}");
    let answer = client
        .rest("apigateway", Method::GET, &path, &[], Bytes::new())
        .await;
    let described: Value = serde_json::from_slice(&answer.expect("an answer").body).expect("json");
    assert_eq!(described["name"], "fixture-link");
    assert!(
        described["subnetIds"][0]
            .as_str()
            .is_some_and(|id| id.starts_with("subnet-"))
    );

    let base = platform.base_url.clone().expect("an address");
    let address = base
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let api = Upstream::new(address, "us-east-1");
    assert_eq!(api.get("/echo").await.expect("an answer").status, 403);
    let mut headers = HeaderMap::new();
    let signed = "AWS4-HMAC-SHA256 Credential=TEAM-A/20260101/us-east-1/execute-api/aws4_request, \
                  SignedHeaders=host, Signature=0";
    headers.insert("authorization", signed.parse().expect("a header"));
    for _ in 0..2 {
        let answer = api
            .forward(Method::GET, "/echo", &headers, Bytes::new())
            .await;
        let answer = answer.expect("an answer");
        let said: Value = serde_json::from_slice(&answer.body).expect("json");
        assert_eq!(
            said["iam"]["userArn"], "arn:aws:iam::000000000000:user/TEAM-A",
            "{said}"
        );
        assert_eq!(said["iam"]["accountId"], "000000000000");
        assert_eq!(said["endpoint"], cloud.endpoint());
        assert_eq!(said["vpc_link"], link.as_str());
    }

    let body = template(&json!({ "Topic": { "Type": "AWS::SNS::Topic" } }));
    call(
        &client,
        "CreateStack",
        &[("StackName", "fixture--a"), ("TemplateBody", &body)],
    )
    .await;
    statuses(&client, "fixture--a").await;
    let mut heard: Vec<String> = Vec::new();
    while heard.len() < 2 {
        let ask = json!({ "QueueUrl": platform.outputs["Queue"], "WaitTimeSeconds": 5 });
        let answer = client
            .json("sqs", "AmazonSQS.ReceiveMessage", &ask)
            .await
            .expect("messages");
        let body = answer["Messages"][0]["Body"]
            .as_str()
            .expect("a message in time")
            .to_owned();
        let event: Value = serde_json::from_str(&body).expect("an event");
        heard.push(
            event["detail"]["status-details"]["status"]
                .as_str()
                .unwrap_or("?")
                .to_owned(),
        );
        let ask = json!({
            "QueueUrl": platform.outputs["Queue"],
            "ReceiptHandle": answer["Messages"][0]["ReceiptHandle"],
        });
        client
            .json("sqs", "AmazonSQS.DeleteMessage", &ask)
            .await
            .expect("deleted");
    }
    assert_eq!(heard, ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]);
    delete(&client, "fixture--a").await;

    let left = cloud
        .delete_platform(&platform)
        .await
        .expect("it is deleted");
    assert_eq!(left.names("stack"), Vec::<&str>::new());
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn two_clouds_run_side_by_side_and_leave_no_process_behind() {
    let (one, two) = tokio::join!(start(), start());
    assert_ne!(one.endpoint(), two.endpoint());
    let body = template(&json!({ "Repository": repository("only-in-one") }));
    let parameters = [("StackName", "p--a"), ("TemplateBody", body.as_str())];
    call(&client(&one), "CreateStack", &parameters).await;
    assert_eq!(status(&client(&two), "p--a").await, "gone");
    let emulators = [one.emulator.address, two.emulator.address];
    one.stop().await.expect("it stops");
    // Dropped, as when a test panics.
    drop(two);
    for address in emulators {
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            assert!(
                std::time::Instant::now() < deadline,
                "{address} still answers"
            );
            tokio::task::yield_now().await;
        }
    }
}
