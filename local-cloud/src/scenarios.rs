//! The local cloud from outside: what a client of AWS sees of it. Each scenario starts its own.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::upstream::{Answer, Upstream};
use crate::{LocalCloud, Options, xml};

mod alarms;
mod asking;
mod cancelling;
mod deleting;
mod drifting;
mod failing_tasks;
mod images;
mod platforms;
mod shifting;
mod stacks;

const DELAY: Duration = Duration::from_millis(400);

async fn start() -> LocalCloud {
    let venvs = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venvs"));
    let options = Options {
        venvs,
        stack_delay: DELAY,
        ..Options::default()
    };
    LocalCloud::start(options)
        .await
        .expect("the local cloud starts")
}

fn client(cloud: &LocalCloud) -> Upstream {
    cloud.through()
}

async fn call(client: &Upstream, action: &str, parameters: &[(&str, &str)]) -> Answer {
    client
        .query("cloudformation", action, parameters)
        .await
        .expect("an answer")
}

async fn status(client: &Upstream, stack: &str) -> String {
    let answer = call(client, "DescribeStacks", &[("StackName", stack)]).await;
    xml::find(&answer.text(), "StackStatus").unwrap_or_else(|| "gone".to_owned())
}

/// Every status that a stack passes until it is at rest.
async fn statuses(client: &Upstream, stack: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let now = status(client, stack).await;
        if seen.last() != Some(&now) {
            seen.push(now.clone());
        }
        if !now.ends_with("_IN_PROGRESS") {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn repository(name: &str) -> Value {
    json!({
        "Type": "AWS::ECR::Repository",
        "DeletionPolicy": "RetainExceptOnCreate",
        "Properties": { "RepositoryName": name },
    })
}

fn template(resources: &Value) -> String {
    json!({ "Resources": resources }).to_string()
}

fn message(answer: &Answer) -> String {
    xml::find(&answer.text(), "Message").unwrap_or_default()
}

/// The resources of an environment's stack that matter to the emulator.
fn environment(api: &str) -> Value {
    json!({
        "Cluster": { "Type": "AWS::ECS::Cluster", "Properties": { "ClusterName": "a-cluster-prod" } },
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Family": "a-prod",
                "RequiresCompatibilities": ["FARGATE"],
                "NetworkMode": "awsvpc",
                "Cpu": "256",
                "Memory": "512",
                "ContainerDefinitions": [{ "Name": "a", "Image": "nginx:alpine" }],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "Cluster": { "Ref": "Cluster" },
                "TaskDefinition": { "Ref": "Task" },
                "DesiredCount": 2,
            },
        },
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceId": { "Fn::Sub": "service/${Cluster}/${Service.Name}" },
                "MinCapacity": 2,
                "MaxCapacity": 10,
            },
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": api,
                "IntegrationType": "HTTP_PROXY",
                "IntegrationMethod": "ANY",
                "IntegrationUri": "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/x",
                "ConnectionType": "VPC_LINK",
                "ConnectionId": "abc",
                "PayloadFormatVersion": "1.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": api,
                "RouteKey": "ANY /a",
                "Target": { "Fn::Sub": "integrations/${Integration}" },
            },
        },
    })
}

async fn new_api(client: &Upstream) -> String {
    let body = Bytes::from(json!({ "name": "api", "protocolType": "HTTP" }).to_string());
    let answer = client
        .rest("apigateway", Method::POST, "/v2/apis", &[], body)
        .await;
    let api: Value = serde_json::from_slice(&answer.expect("an answer").body).expect("json");
    api["apiId"].as_str().expect("an id").to_owned()
}

/// A stack with a service, created; the id of the API that its route is on.
async fn created(client: &Upstream, stack: &str) -> Value {
    let resources = environment(&new_api(client).await);
    let body = with_output(&resources);
    let parameters = [("StackName", stack), ("TemplateBody", body.as_str())];
    let answer = call(client, "CreateStack", &parameters).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_eq!(
        statuses(client, stack).await,
        ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    );
    resources
}

/// A template that says which image it runs.
fn with_output(resources: &Value) -> String {
    let image = &resources["Task"]["Properties"]["ContainerDefinitions"][0]["Image"];
    json!({ "Resources": resources, "Outputs": { "Image": { "Value": image } } }).to_string()
}

/// The same resources with another image.
fn with_image(mut resources: Value, image: &str) -> Value {
    resources["Task"]["Properties"]["ContainerDefinitions"][0]["Image"] = json!(image);
    resources
}

const ECS: &str = "AmazonEC2ContainerServiceV20141113";

async fn ecs(client: &Upstream, operation: &str, ask: &Value) -> Value {
    client
        .json("ecs", &format!("{ECS}.{operation}"), ask)
        .await
        .expect("an answer of ECS")
}

/// The only service of the cluster that `environment` makes.
async fn service(client: &Upstream) -> Value {
    let cluster = "a-cluster-prod";
    let listed = ecs(client, "ListServices", &json!({ "cluster": cluster })).await;
    let ask = json!({ "cluster": cluster, "services": listed["serviceArns"] });
    ecs(client, "DescribeServices", &ask).await["services"][0].clone()
}

/// The reasons of a stack's events, newest first: logical id, status and reason.
async fn events(client: &Upstream, stack: &str) -> Vec<(String, String, String)> {
    let answer = call(client, "DescribeStackEvents", &[("StackName", stack)]).await;
    let text = answer.text();
    let document = xml::parse(&text).expect("xml");
    xml::members(&document, "StackEvents")
        .into_iter()
        .map(|event| {
            let part = |name| xml::text(event, name).to_owned();
            (
                part("LogicalResourceId"),
                part("ResourceStatus"),
                part("ResourceStatusReason"),
            )
        })
        .collect()
}

async fn stack_id(client: &Upstream, stack: &str) -> String {
    let answer = call(client, "DescribeStacks", &[("StackName", stack)]).await;
    xml::find(&answer.text(), "StackId").expect("the stack's id")
}

async fn delete(client: &Upstream, stack: &str) {
    let id = call(client, "DescribeStacks", &[("StackName", stack)]).await;
    let id = xml::find(&id.text(), "StackId").expect("the stack's id");
    let answer = call(client, "DeleteStack", &[("StackName", stack)]).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_eq!(status(client, stack).await, "DELETE_IN_PROGRESS");
    assert_eq!(
        statuses(client, &id).await,
        ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    );
    assert_eq!(status(client, stack).await, "gone");
}
