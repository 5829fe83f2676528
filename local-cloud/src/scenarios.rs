//! The local cloud from outside: what a client of AWS sees of it. Each scenario starts its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::upstream::{Answer, Upstream};
use crate::{Deploy, LocalCloud, Options, xml};

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

#[tokio::test]
async fn a_stack_is_created_updated_and_deleted_in_steps_that_can_be_seen() {
    let cloud = start().await;
    let client = client(&cloud);
    let api = new_api(&client).await;
    let before = cloud.resources().await.expect("resources");
    let body = template(&environment(&api));
    let answer = call(
        &client,
        "CreateStack",
        &[("StackName", "p--a--prod"), ("TemplateBody", &body)],
    )
    .await;
    assert!(answer.status.is_success(), "{}", answer.text());
    let again = call(
        &client,
        "UpdateStack",
        &[("StackName", "p--a--prod"), ("TemplateBody", &body)],
    )
    .await;
    assert!(
        message(&again).ends_with("is in CREATE_IN_PROGRESS state and can not be updated."),
        "{}",
        again.text()
    );
    assert_eq!(
        statuses(&client, "p--a--prod").await,
        ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    );

    let ask = json!({ "ServiceNamespace": "ecs" });
    let target = "AnyScaleFrontendService.DescribeScalableTargets";
    let answer = client
        .json("application-autoscaling", target, &ask)
        .await
        .expect("targets");
    let target = &answer["ScalableTargets"][0];
    assert_eq!(
        (&target["MinCapacity"], &target["MaxCapacity"]),
        (&json!(2), &json!(10))
    );
    let resource = target["ResourceId"].as_str().expect("an id");
    assert!(
        resource.starts_with("service/a-cluster-prod/"),
        "{resource}"
    );

    let unchanged = call(
        &client,
        "UpdateStack",
        &[("StackName", "p--a--prod"), ("TemplateBody", &body)],
    )
    .await;
    assert_eq!(message(&unchanged), "No updates are to be performed.");
    let mut changed = environment(&api);
    changed["Target"]["Properties"]["MaxCapacity"] = json!(4);
    let body = template(&changed);
    call(
        &client,
        "UpdateStack",
        &[("StackName", "p--a--prod"), ("TemplateBody", &body)],
    )
    .await;
    assert_eq!(
        statuses(&client, "p--a--prod").await,
        [
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_COMPLETE"
        ]
    );

    let events = call(
        &client,
        "DescribeStackEvents",
        &[("StackName", "p--a--prod")],
    )
    .await
    .text();
    assert!(events.contains("AWS::ApplicationAutoScaling::ScalableTarget"));
    assert!(!events.contains("AWS::CDK::Metadata"));
    delete(&client, "p--a--prod").await;
    let left = cloud.resources().await.expect("resources").since(&before);
    assert_eq!(
        left.names("scalable target"),
        Vec::<&str>::new(),
        "{left:?}"
    );
    assert_eq!(left.names("route"), Vec::<&str>::new(), "{left:?}");
    assert_eq!(
        left.count(),
        left.names("task definition").len(),
        "{left:?}"
    );
    assert_eq!(cloud.max_operations(), 1);
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_name_that_exists_fails_the_stack_unless_a_change_set_imports_it() {
    let cloud = start().await;
    let client = client(&cloud);
    let body = template(&json!({ "Repository": repository("p-a-prod") }));
    let parameters = [("StackName", "p--a"), ("TemplateBody", body.as_str())];
    call(&client, "CreateStack", &parameters).await;
    assert_eq!(
        statuses(&client, "p--a").await,
        ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    );
    delete(&client, "p--a").await;
    let kept = cloud.resources().await.expect("resources");
    assert_eq!(kept.names("repository"), ["p-a-prod"]);

    call(&client, "CreateStack", &parameters).await;
    assert_eq!(
        statuses(&client, "p--a").await,
        [
            "CREATE_IN_PROGRESS",
            "ROLLBACK_IN_PROGRESS",
            "ROLLBACK_COMPLETE"
        ]
    );
    let events = call(&client, "DescribeStackEvents", &[("StackName", "p--a")])
        .await
        .text();
    assert!(events.contains("AlreadyExists"), "{events}");
    let again = call(&client, "CreateStack", &parameters).await;
    assert!(again.text().contains("AlreadyExistsException"));
    delete(&client, "p--a").await;

    let set = [
        parameters.as_slice(),
        &[
            ("ChangeSetName", "one"),
            ("ChangeSetType", "CREATE"),
            ("ImportExistingResources", "true"),
        ],
    ]
    .concat();
    let answer = call(&client, "CreateChangeSet", &set).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_eq!(status(&client, "p--a").await, "REVIEW_IN_PROGRESS");
    // By the stack's id, which the emulator alone would not find.
    let id = xml::find(&answer.text(), "StackId").expect("the stack's id");
    let which = [("StackName", id.as_str()), ("ChangeSetName", "one")];
    let early = call(&client, "ExecuteChangeSet", &which).await;
    assert!(
        early.text().contains("InvalidChangeSetStatus"),
        "{}",
        early.text()
    );
    let mut stages: Vec<String> = Vec::new();
    let ready = loop {
        let text = call(&client, "DescribeChangeSet", &which).await.text();
        let stage = xml::find(&text, "Status").expect("a status");
        if stages.last() != Some(&stage) {
            stages.push(stage.clone());
        }
        if stage == "CREATE_COMPLETE" {
            break text;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(
        stages,
        ["CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    );
    assert_eq!(xml::find(&ready, "Action").as_deref(), Some("Import"));
    call(&client, "ExecuteChangeSet", &which).await;
    assert_eq!(
        statuses(&client, "p--a").await,
        ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    );
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn an_injected_conflict_rolls_back_and_the_next_try_succeeds() {
    let cloud = start().await;
    let client = client(&cloud);
    let api = new_api(&client).await;
    let body = template(&environment(&api));
    cloud.faults().conflict_on_routes(1);
    let parameters = [("StackName", "p--a--prod"), ("TemplateBody", body.as_str())];
    call(&client, "CreateStack", &parameters).await;
    assert_eq!(
        statuses(&client, "p--a--prod")
            .await
            .last()
            .map(String::as_str),
        Some("ROLLBACK_COMPLETE")
    );
    let events = call(
        &client,
        "DescribeStackEvents",
        &[("StackName", "p--a--prod")],
    )
    .await
    .text();
    assert!(events.contains("ConflictException"), "{events}");
    delete(&client, "p--a--prod").await;
    call(&client, "CreateStack", &parameters).await;
    assert_eq!(
        statuses(&client, "p--a--prod").await,
        ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    );

    let other = json!({ "Route": environment(&api)["Route"], "Integration": environment(&api)["Integration"] });
    let body = template(&other);
    call(
        &client,
        "CreateStack",
        &[("StackName", "p--b--prod"), ("TemplateBody", &body)],
    )
    .await;
    assert_eq!(
        statuses(&client, "p--b--prod")
            .await
            .last()
            .map(String::as_str),
        Some("ROLLBACK_COMPLETE")
    );
    let events = call(
        &client,
        "DescribeStackEvents",
        &[("StackName", "p--b--prod")],
    )
    .await
    .text();
    assert!(
        events.contains("Route with key ANY /a already exists"),
        "{events}"
    );
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn what_aws_refuses_at_once_is_refused() {
    let cloud = start().await;
    let client = client(&cloud);
    let role = template(&json!({ "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": { "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [] } },
    } }));
    let plain = [("StackName", "p--a"), ("TemplateBody", role.as_str())];
    let answer = call(&client, "CreateStack", &plain).await;
    assert_eq!(message(&answer), "Requires capabilities : [CAPABILITY_IAM]");
    let unknown = "arn:aws:iam::000000000000:role/nobody";
    let with_role = [
        plain.as_slice(),
        &[
            ("Capabilities.member.1", "CAPABILITY_IAM"),
            ("RoleARN", unknown),
        ],
    ];
    let answer = call(&client, "CreateStack", &with_role.concat()).await;
    assert!(
        message(&answer).contains("is invalid or cannot be assumed"),
        "{}",
        answer.text()
    );
    let large = template(&json!({ "T": {
        "Type": "AWS::SNS::Topic", "Properties": { "DisplayName": "x".repeat(60_000) },
    } }));
    let answer = call(
        &client,
        "CreateStack",
        &[("StackName", "p--a"), ("TemplateBody", &large)],
    )
    .await;
    assert!(message(&answer).contains("less than or equal to 51200"));
    cloud
        .faults()
        .throttle("cloudformation", "DescribeStacks", 1);
    let answer = call(&client, "DescribeStacks", &[]).await;
    assert!(answer.text().contains("<Code>Throttling</Code>"));
    assert!(
        call(&client, "DescribeStacks", &[])
            .await
            .status
            .is_success()
    );
    let described = cloud
        .calls()
        .iter()
        .filter(|call| call.operation == "DescribeStacks")
        .count();
    assert_eq!(described, 2);
    cloud.stop().await.expect("it stops");
}

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
