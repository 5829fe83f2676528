//! What others change by hand: how it is found, and how a change set brings it back.

use super::*;

const CLUSTER: &str = "a-cluster-prod";

/// The status that a detection ends with.
async fn detect(client: &Upstream, stack: &str) -> String {
    let begun = call(client, "DetectStackDrift", &[("StackName", stack)]).await;
    assert!(begun.status.is_success(), "{}", begun.text());
    let id = xml::find(&begun.text(), "StackDriftDetectionId").expect("an id");
    let which = [("StackDriftDetectionId", id.as_str())];
    let mut first = true;
    loop {
        let answer = call(client, "DescribeStackDriftDetectionStatus", &which).await;
        let stage = xml::find(&answer.text(), "DetectionStatus").expect("a status");
        if stage == "DETECTION_COMPLETE" {
            assert!(!first, "a detection takes its time");
            return xml::find(&answer.text(), "StackDriftStatus").expect("a drift status");
        }
        assert_eq!(stage, "DETECTION_IN_PROGRESS");
        first = false;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What differs: logical id, status, and paths with their expected and actual values.
async fn differences(client: &Upstream, stack: &str) -> Vec<String> {
    let filters = [
        ("StackName", stack),
        ("StackResourceDriftStatusFilters.member.1", "MODIFIED"),
        ("StackResourceDriftStatusFilters.member.2", "DELETED"),
    ];
    let text = call(client, "DescribeStackResourceDrifts", &filters)
        .await
        .text();
    let document = xml::parse(&text).expect("xml");
    let mut found: Vec<String> = xml::members(&document, "StackResourceDrifts")
        .into_iter()
        .map(|drift| {
            let paths: Vec<String> = drift
                .descendants()
                .filter(|node| xml::child(*node, "PropertyPath").is_some())
                .map(|node| {
                    let part = |name| xml::text(node, name);
                    let (path, kind) = (part("PropertyPath"), part("DifferenceType"));
                    let values = (part("ExpectedValue"), part("ActualValue"));
                    format!(" {path} {} {} {kind}", values.0, values.1)
                })
                .collect();
            format!(
                "{} {}{}",
                xml::text(drift, "LogicalResourceId"),
                xml::text(drift, "StackResourceDriftStatus"),
                paths.concat()
            )
        })
        .collect();
    found.sort();
    found
}

async fn change_set(client: &Upstream, name: &str, body: &str, mode: Option<&str>) -> String {
    let mut parameters = vec![
        ("StackName", "p--a"),
        ("ChangeSetName", name),
        ("ChangeSetType", "UPDATE"),
        ("TemplateBody", body),
    ];
    parameters.extend(mode.map(|mode| ("DeploymentMode", mode)));
    let answer = call(client, "CreateChangeSet", &parameters).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    let which = [("StackName", "p--a"), ("ChangeSetName", name)];
    loop {
        let text = call(client, "DescribeChangeSet", &which).await.text();
        let stage = xml::find(&text, "Status").expect("a status");
        if stage == "FAILED" {
            return xml::find(&text, "StatusReason").expect("a reason");
        }
        if stage == "CREATE_COMPLETE" {
            return stage;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn target(client: &Upstream, operation: &str, extra: Value) -> Value {
    let listed = ecs(client, "ListServices", &json!({ "cluster": CLUSTER })).await;
    let service = listed["serviceArns"][0].as_str().expect("a service");
    let name = service.rsplit('/').next().expect("a name");
    let mut ask = json!({
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": format!("service/{CLUSTER}/{name}"),
    });
    for (name, value) in extra.as_object().into_iter().flatten() {
        ask[name] = value.clone();
    }
    let target = format!("AnyScaleFrontendService.{operation}");
    let answer = client.json("application-autoscaling", &target, &ask).await;
    answer.expect("an answer of auto scaling")
}

async fn bounds(client: &Upstream) -> Value {
    let ask = json!({ "ServiceNamespace": "ecs" });
    let operation = "AnyScaleFrontendService.DescribeScalableTargets";
    let answer = client
        .json("application-autoscaling", operation, &ask)
        .await
        .expect("targets");
    let target = &answer["ScalableTargets"][0];
    json!([target["MinCapacity"], target["MaxCapacity"]])
}

/// A stack with everything that is compared; its template.
async fn compared(client: &Upstream) -> Value {
    let mut resources = environment(&new_api(client).await);
    resources["Logs"] = json!({
        "Type": "AWS::Logs::LogGroup",
        "Properties": { "LogGroupName": "/a/prod", "RetentionInDays": 30 },
    });
    resources["Balancer"] = json!({
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": { "Name": "a-prod", "Type": "network", "Subnets": ["subnet-1"] },
    });
    let body = template(&resources);
    let parameters = [("StackName", "p--a"), ("TemplateBody", body.as_str())];
    call(client, "CreateStack", &parameters).await;
    assert_eq!(
        statuses(client, "p--a").await.last().map(String::as_str),
        Some("CREATE_COMPLETE")
    );
    resources
}

#[tokio::test]
async fn what_was_changed_by_hand_is_found_and_brought_back_by_a_change_set_that_reverts_it() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = compared(&client).await;
    let body = template(&resources);
    assert_eq!(detect(&client, "p--a").await, "IN_SYNC");
    assert_eq!(differences(&client, "p--a").await, Vec::<String>::new());
    let unchanged = "The submitted information didn't contain changes. Submit different \
                     information to create a change set.";
    let revert = Some("REVERT_DRIFT");
    assert_eq!(change_set(&client, "none", &body, revert).await, unchanged);

    target(
        &client,
        "RegisterScalableTarget",
        json!({ "MaxCapacity": 3 }),
    )
    .await;
    let name = service(&client).await["serviceName"].clone();
    let scaled = json!({ "cluster": CLUSTER, "service": name, "desiredCount": 1 });
    ecs(&client, "UpdateService", &scaled).await;
    let ask = json!({ "logGroupName": "/a/prod", "retentionInDays": 7 });
    let put = "Logs_20140328.PutRetentionPolicy";
    client.json("logs", put, &ask).await.expect("it is set");
    let (load_balancing, describe) = ("elasticloadbalancing", "DescribeLoadBalancers");
    let answer = client.query(load_balancing, describe, &[]).await;
    let arn = xml::find(&answer.expect("answer").text(), "LoadBalancerArn").expect("an ARN");
    let which = [("LoadBalancerArn", arn.as_str())];
    client
        .query(load_balancing, "DeleteLoadBalancer", &which)
        .await
        .expect("an answer");
    assert_eq!(detect(&client, "p--a").await, "DRIFTED");
    assert_eq!(
        differences(&client, "p--a").await,
        [
            "Balancer DELETED",
            "Logs MODIFIED /RetentionInDays 30 7 NOT_EQUAL",
            "Service MODIFIED /DesiredCount 2 1 NOT_EQUAL",
            "Target MODIFIED /MaxCapacity 10 3 NOT_EQUAL"
        ]
    );
    let described = call(&client, "DescribeStacks", &[("StackName", "p--a")]).await;
    let status = xml::find(&described.text(), "StackDriftStatus");
    assert_eq!(status.as_deref(), Some("DRIFTED"));

    // Without the mode, the template is compared with what it said last.
    assert_eq!(change_set(&client, "plain", &body, None).await, unchanged);
    assert_eq!(
        change_set(&client, "revert", &body, revert).await,
        "CREATE_COMPLETE"
    );
    let which = [("StackName", "p--a"), ("ChangeSetName", "revert")];
    let answer = call(&client, "ExecuteChangeSet", &which).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_eq!(
        statuses(&client, "p--a").await,
        [
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_COMPLETE"
        ]
    );
    assert_eq!(bounds(&client).await, json!([2, 10]));
    assert_eq!(service(&client).await["desiredCount"], 2);
    assert_eq!(detect(&client, "p--a").await, "IN_SYNC");
    assert_eq!(differences(&client, "p--a").await, Vec::<String>::new());
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn what_was_deleted_by_hand_stays_away_until_a_change_set_reverts_it() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = compared(&client).await;
    let before = service(&client).await;
    let name = before["serviceName"].clone();
    target(&client, "DeregisterScalableTarget", json!({})).await;
    let deleted = json!({ "cluster": CLUSTER, "service": name, "force": true });
    ecs(&client, "DeleteService", &deleted).await;
    let api = resources["Route"]["Properties"]["ApiId"]
        .as_str()
        .expect("an API");
    let routes = format!("/v2/apis/{api}/routes");
    let listed = client.rest("apigateway", Method::GET, &routes, &[], Bytes::new());
    let listed: Value = serde_json::from_slice(&listed.await.expect("routes").body).expect("json");
    let route = listed["items"][0]["routeId"].as_str().expect("a route");
    let route = format!("{routes}/{route}");
    client
        .rest("apigateway", Method::DELETE, &route, &[], Bytes::new())
        .await
        .expect("an answer");
    assert_eq!(detect(&client, "p--a").await, "DRIFTED");
    let gone = ["Route DELETED", "Service DELETED", "Target DELETED"];
    assert_eq!(differences(&client, "p--a").await, gone);

    // An update that is about something else touches nothing of it.
    let mut other = resources.clone();
    other["Logs"]["Properties"]["RetentionInDays"] = json!(60);
    let body = template(&other);
    let parameters = [("StackName", "p--a"), ("TemplateBody", body.as_str())];
    call(&client, "UpdateStack", &parameters).await;
    assert_eq!(
        statuses(&client, "p--a").await.last().map(String::as_str),
        Some("UPDATE_COMPLETE")
    );
    assert_eq!(service(&client).await, Value::Null);
    assert_eq!(bounds(&client).await, json!([null, null]));

    let made = change_set(&client, "revert", &body, Some("REVERT_DRIFT")).await;
    assert_eq!(made, "CREATE_COMPLETE");
    let which = [("StackName", "p--a"), ("ChangeSetName", "revert")];
    call(&client, "ExecuteChangeSet", &which).await;
    assert_eq!(
        statuses(&client, "p--a").await.last().map(String::as_str),
        Some("UPDATE_COMPLETE")
    );
    let after = service(&client).await;
    assert_eq!(after["status"], "ACTIVE");
    assert_eq!(after["taskDefinition"], before["taskDefinition"]);
    assert_eq!(bounds(&client).await, json!([2, 10]));
    assert_eq!(detect(&client, "p--a").await, "IN_SYNC");
    let owned = call(&client, "ListStackResources", &[("StackName", "p--a")]).await;
    assert!(
        owned
            .text()
            .contains("<LogicalResourceId>Service</LogicalResourceId>")
    );
    delete(&client, "p--a").await;
    let left = cloud.resources().await.expect("resources");
    assert_eq!(left.names("scalable target"), Vec::<&str>::new());
    cloud.stop().await.expect("it stops");
}
