//! Services whose new tasks fail: what ECS, the load balancer and the logs say of it, and what
//! becomes of the stack.

use super::*;
use crate::TaskFailure;

const CLUSTER: &str = "a-cluster-prod";

/// An environment with a circuit breaker, a target group and logs.
async fn observed(client: &Upstream) -> Value {
    let mut resources = environment(&new_api(client).await);
    resources["Logs"] = json!({
        "Type": "AWS::Logs::LogGroup", "Properties": { "LogGroupName": "/a/prod" },
    });
    resources["Targets"] = json!({
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": { "Name": "a-prod", "Port": 80, "Protocol": "HTTP", "TargetType": "ip" },
    });
    resources["Task"]["Properties"]["ContainerDefinitions"][0]["LogConfiguration"] = json!({
        "LogDriver": "awslogs",
        "Options": {
            "awslogs-group": { "Ref": "Logs" },
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "task",
        },
    });
    let service = &mut resources["Service"]["Properties"];
    service["DeploymentConfiguration"] =
        json!({ "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true } });
    service["LoadBalancers"] = json!([
        { "ContainerName": "a", "ContainerPort": 80, "TargetGroupArn": { "Ref": "Targets" } }
    ]);
    resources
}

async fn submit(client: &Upstream, call_name: &str, resources: &Value) {
    let body = with_output(resources);
    let parameters = [("StackName", "p--a"), ("TemplateBody", body.as_str())];
    let answer = call(client, call_name, &parameters).await;
    assert!(answer.status.is_success(), "{}", answer.text());
}

async fn last(client: &Upstream) -> String {
    statuses(client, "p--a").await.pop().expect("a status")
}

async fn stopped_tasks(client: &Upstream) -> Vec<Value> {
    let ask = json!({ "cluster": CLUSTER, "desiredStatus": "STOPPED" });
    let listed = ecs(client, "ListTasks", &ask).await;
    let ask = json!({ "cluster": CLUSTER, "tasks": listed["taskArns"] });
    let described = ecs(client, "DescribeTasks", &ask).await;
    described["tasks"].as_array().cloned().unwrap_or_default()
}

async fn log_lines(client: &Upstream) -> Vec<String> {
    let ask = json!({ "logGroupName": "/a/prod" });
    let operation = "Logs_20140328.FilterLogEvents";
    let answer = client.json("logs", operation, &ask).await.expect("events");
    let events = answer["events"].as_array().cloned().unwrap_or_default();
    let message = |event: &Value| event["message"].as_str().map(str::to_owned);
    events.iter().filter_map(message).collect()
}

async fn target_health(client: &Upstream) -> String {
    let service = "elasticloadbalancing";
    let groups = client.query(service, "DescribeTargetGroups", &[]).await;
    let group = xml::find(&groups.expect("groups").text(), "TargetGroupArn").expect("an ARN");
    let which = [("TargetGroupArn", group.as_str())];
    let answer = client.query(service, "DescribeTargetHealth", &which).await;
    answer.expect("health").text()
}

#[tokio::test]
async fn a_program_that_crashes_triggers_the_circuit_breaker_and_rolls_the_stack_back() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = observed(&client).await;
    submit(&client, "CreateStack", &resources).await;
    assert_eq!(last(&client).await, "CREATE_COMPLETE");
    let before = service(&client).await;
    let crash = TaskFailure::exits(3, &["starting", "no database"]);
    cloud.faults().tasks_fail("p--a", crash, 1);
    submit(
        &client,
        "UpdateStack",
        &with_image(resources.clone(), "other"),
    )
    .await;
    assert_eq!(last(&client).await, "UPDATE_ROLLBACK_COMPLETE");
    let seen = events(&client, "p--a").await;
    assert!(
        seen.iter().any(|(id, status, reason)| id == "Service"
            && status == "UPDATE_FAILED"
            && reason.contains("'ECS Deployment Circuit Breaker was triggered'")),
        "{seen:?}"
    );
    let after = service(&client).await;
    assert_eq!(after["taskDefinition"], before["taskDefinition"]);
    let deployments = after["deployments"].as_array().expect("deployments");
    assert_eq!(deployments.len(), 1);
    assert_eq!(deployments[0]["rolloutState"], "COMPLETED");
    assert_eq!(deployments[0]["runningCount"], 2);
    let failed = stopped_tasks(&client).await;
    assert_eq!(failed.len(), 3);
    let task = &failed[0];
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["containers"][0]["exitCode"], 3);
    assert_ne!(task["taskDefinitionArn"], before["taskDefinition"]);
    let deployment = task["startedBy"].as_str().expect("who started it");
    assert!(deployment.starts_with("ecs-svc/"), "{deployment}");
    assert_ne!(deployment, deployments[0]["id"]);
    assert!(log_lines(&client).await.contains(&"no database".to_owned()));
    assert_eq!(cloud.faults().pending(), 0);

    submit(&client, "UpdateStack", &with_image(resources, "third")).await;
    assert_eq!(last(&client).await, "UPDATE_COMPLETE");
    let primary = service(&client).await["deployments"][0].clone();
    assert_eq!(primary["rolloutState"], "COMPLETED");
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn an_update_waits_for_tasks_that_never_get_healthy_until_it_is_cancelled() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = observed(&client).await;
    submit(&client, "CreateStack", &resources).await;
    assert_eq!(last(&client).await, "CREATE_COMPLETE");
    let before = service(&client).await;
    let unhealthy = TaskFailure::unhealthy(500, &["GET /health 500"]).without_end();
    cloud.faults().tasks_fail("p--a", unhealthy, 1);
    submit(&client, "UpdateStack", &with_image(resources, "other")).await;
    tokio::time::sleep(DELAY * 2).await;
    assert_eq!(status(&client, "p--a").await, "UPDATE_IN_PROGRESS");
    let during = service(&client).await;
    let primary = &during["deployments"][0];
    assert_eq!(primary["status"], "PRIMARY");
    assert_eq!(primary["rolloutState"], "IN_PROGRESS");
    assert_eq!(primary["failedTasks"], 3);
    assert_ne!(primary["taskDefinition"], before["taskDefinition"]);
    assert_eq!(during["deployments"][1]["runningCount"], 2);
    let health = target_health(&client).await;
    assert_eq!(xml::find(&health, "State").as_deref(), Some("unhealthy"));
    assert_eq!(
        xml::find(&health, "Reason").as_deref(),
        Some("Target.ResponseCodeMismatch")
    );
    assert!(health.contains("Health checks failed with these codes: [500]"));

    call(&client, "CancelUpdateStack", &[("StackName", "p--a")]).await;
    assert_eq!(last(&client).await, "UPDATE_ROLLBACK_COMPLETE");
    let after = service(&client).await;
    assert_eq!(after["taskDefinition"], before["taskDefinition"]);
    assert_eq!(after["deployments"][0]["rolloutState"], "COMPLETED");
    assert!(!target_health(&client).await.contains("unhealthy"));
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_creation_fails_with_its_tasks() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = observed(&client).await;
    cloud
        .faults()
        .tasks_fail("p--a", TaskFailure::cannot_pull("x:1"), 1);
    submit(&client, "CreateStack", &resources).await;
    assert_eq!(last(&client).await, "ROLLBACK_COMPLETE");
    let left = cloud.resources().await.expect("resources");
    assert_eq!(left.names("service"), Vec::<&str>::new());
    delete(&client, "p--a").await;

    let endless = TaskFailure::cannot_pull("x:1").without_end();
    cloud.faults().tasks_fail("p--a", endless, 1);
    submit(&client, "CreateStack", &resources).await;
    tokio::time::sleep(DELAY * 2).await;
    assert_eq!(status(&client, "p--a").await, "CREATE_IN_PROGRESS");
    let tasks = stopped_tasks(&client).await;
    let reason = tasks[0]["containers"][0]["reason"].as_str();
    assert!(reason.is_some_and(|reason| reason.starts_with("CannotPullContainerError")));
    assert_eq!(tasks[0]["containers"][0]["exitCode"], Value::Null);
    delete(&client, "p--a").await;
    cloud.stop().await.expect("it stops");
}
