//! Stacks: what is seen of an operation, what is refused, what fails and how.

use std::time::Duration;

use serde_json::json;

use super::*;

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
    let which = [("StackName", "p--a--prod"), ("LogicalResourceId", "Target")];
    let described = call(&client, "DescribeStackResource", &which).await.text();
    let id = xml::find(&described, "PhysicalResourceId").expect("an id");
    assert!(id.ends_with("|ecs:service:DesiredCount|ecs"), "{id}");
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
