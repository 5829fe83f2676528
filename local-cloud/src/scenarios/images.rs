//! Images: a registry for every tag of the internet's, and ECR with what it tells of a push.

use http::HeaderMap;

use super::*;
use crate::registry;

const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";

async fn ecr(client: &Upstream, operation: &str, ask: &Value) -> anyhow::Result<Value> {
    let target = format!("{ECR}.{operation}");
    client.json("ecr", &target, ask).await
}

async fn with_repository(cloud: &LocalCloud) -> Upstream {
    let client = client(cloud);
    let ask = json!({"repositoryName": "orders", "imageTagMutability": "IMMUTABLE"});
    ecr(&client, "CreateRepository", &ask).await.expect("made");
    client
}

/// The tags of the repository's images, by digest.
async fn tags(client: &Upstream) -> Vec<(String, Vec<String>)> {
    let ask = json!({"repositoryName": "orders"});
    let said = ecr(client, "DescribeImages", &ask).await.expect("images");
    let images = said["imageDetails"].as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    images
        .iter()
        .map(|image| {
            let tags = image["imageTags"].as_array().expect("tags");
            (text(&image["imageDigest"]), tags.iter().map(text).collect())
        })
        .collect()
}

#[tokio::test]
async fn an_image_that_is_pushed_says_its_platform_and_is_told_of() {
    let cloud = start().await;
    let client = with_repository(&cloud).await;
    let rule = json!({"source": ["aws.ecr"], "detail": {"repository-name": ["orders"]}});
    let queue = json!({"QueueName": "pushes"});
    let queue = client.json("sqs", "AmazonSQS.CreateQueue", &queue).await;
    let queue = queue.expect("a queue")["QueueUrl"].clone();
    let ask = json!({"Name": "pushes", "EventPattern": rule.to_string()});
    client
        .json("events", "AWSEvents.PutRule", &ask)
        .await
        .expect("a rule");
    let target = json!({"Id": "a", "Arn": "arn:aws:sqs:us-east-1:000000000000:pushes"});
    let ask = json!({"Rule": "pushes", "Targets": [target]});
    client
        .json("events", "AWSEvents.PutTargets", &ask)
        .await
        .expect("a target");

    let digest = cloud.push_image("orders", "v1", &["linux/arm64"]).await;
    let digest = digest.expect("pushed");
    let ask = json!({"QueueUrl": queue, "WaitTimeSeconds": 10});
    let said = client.json("sqs", "AmazonSQS.ReceiveMessage", &ask).await;
    let body = said.expect("a message")["Messages"][0]["Body"].clone();
    let event: Value = serde_json::from_str(body.as_str().expect("in time")).expect("json");
    assert_eq!(event["detail-type"], "ECR Image Action");
    assert_eq!(event["resources"], json!([]));
    let detail = json!({
        "result": "SUCCESS", "repository-name": "orders", "image-digest": digest,
        "action-type": "PUSH", "image-tag": "v1",
    });
    assert_eq!(event["detail"], detail);

    let ask = json!({"repositoryName": "orders", "imageIds": [{"imageTag": "v1"}]});
    let said = ecr(&client, "BatchGetImage", &ask).await.expect("an image");
    assert_eq!(said["images"][0]["imageId"]["imageDigest"], digest.as_str());
    let manifest = said["images"][0]["imageManifest"].as_str().expect("a text");
    let manifest: Value = serde_json::from_str(manifest).expect("json");
    let ask = json!({"repositoryName": "orders", "layerDigest": manifest["config"]["digest"]});
    let said = ecr(&client, "GetDownloadUrlForLayer", &ask).await;
    let address = said.expect("an address")["downloadUrl"].clone();
    let path = address
        .as_str()
        .and_then(|it| it.strip_prefix(&cloud.endpoint()));
    let blob = client.get(path.expect("ours")).await.expect("an answer");
    let configuration: Value = serde_json::from_slice(&blob.body).expect("json");
    assert_eq!(configuration["architecture"], "arm64");
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn an_image_gets_further_tags_and_goes_with_its_last() {
    let cloud = start().await;
    let client = with_repository(&cloud).await;
    let digest = cloud
        .push_image("orders", "v1", &["linux/amd64", "linux/arm64"])
        .await;
    let digest = digest.expect("pushed");
    let ask = json!({"repositoryName": "orders", "imageIds": [{"imageDigest": digest}]});
    let said = ecr(&client, "BatchGetImage", &ask).await.expect("an image");
    let manifest = said["images"][0]["imageManifest"].clone();
    let put = json!({"repositoryName": "orders", "imageManifest": manifest, "imageTag": "slipway-prod-1"});
    ecr(&client, "PutImage", &put).await.expect("tagged");
    let again = ecr(&client, "PutImage", &put)
        .await
        .expect_err("refused")
        .to_string();
    assert!(again.contains("ImageTagAlreadyExistsException"), "{again}");
    let both = vec!["v1".to_owned(), "slipway-prod-1".to_owned()];
    assert_eq!(tags(&client).await, [(digest.clone(), both)]);
    for (tag, left) in [
        ("v1", vec![(digest, vec!["slipway-prod-1".to_owned()])]),
        ("slipway-prod-1", vec![]),
    ] {
        let ask = json!({"repositoryName": "orders", "imageIds": [{"imageTag": tag}, {"imageTag": "gone"}]});
        let said = ecr(&client, "BatchDeleteImage", &ask).await.expect("done");
        assert_eq!(said["failures"][0]["failureCode"], "ImageNotFound");
        assert_eq!(said["imageIds"][0]["imageTag"], tag);
        assert_eq!(tags(&client).await, left);
    }
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn the_internets_registries_are_stood_in_for_and_no_call_of_aws_is_counted() {
    let cloud = start().await;
    let client = client(&cloud);
    let manifest = format!("{}/ghcr.io/v2/a/b/manifests/v1", registry::ROOT);
    assert_eq!(client.get(&manifest).await.expect("an answer").status, 401);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer anybody".parse().expect("a header"));
    let answer = client
        .forward(Method::GET, &manifest, &headers, Bytes::new())
        .await;
    let answer = answer.expect("an answer");
    assert!(answer.text().contains("arm64"), "{}", answer.text());
    assert_eq!(cloud.calls(), []);
    cloud.stop().await.expect("it stops");
}
