//! Updates that hang or are cancelled, rollbacks that fail, and calls that come twice.

use super::*;

const SERVICE: &str = "AWS::ECS::Service";

async fn update(client: &Upstream, stack: &str, resources: &Value, token: &str) -> Answer {
    let body = with_output(resources);
    let parameters = [
        ("StackName", stack),
        ("TemplateBody", body.as_str()),
        ("ClientRequestToken", token),
    ];
    call(client, "UpdateStack", &parameters).await
}

async fn output(client: &Upstream, stack: &str) -> String {
    let answer = call(client, "DescribeStacks", &[("StackName", stack)]).await;
    xml::find(&answer.text(), "OutputValue").unwrap_or_default()
}

#[tokio::test]
async fn a_cancelled_update_leaves_everything_as_it_was() {
    let cloud = start().await;
    let client = client(&cloud);
    let refused = call(&client, "CancelUpdateStack", &[("StackName", "p--a")]).await;
    assert_eq!(message(&refused), "Stack [p--a] does not exist");
    let resources = created(&client, "p--a").await;
    let before = service(&client).await;
    let refused = call(&client, "CancelUpdateStack", &[("StackName", "p--a")]).await;
    assert_eq!(
        message(&refused),
        "CancelUpdateStack cannot be called from current stack status"
    );

    let changed = with_image(resources, "nginx:other");
    let answer = update(&client, "p--a", &changed, "one").await;
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_ne!(
        service(&client).await["taskDefinition"],
        before["taskDefinition"]
    );
    let answer = call(&client, "CancelUpdateStack", &[("StackName", "p--a")]).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_eq!(
        statuses(&client, "p--a").await,
        [
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE"
        ]
    );
    let after = service(&client).await;
    assert_eq!(after["taskDefinition"], before["taskDefinition"]);
    let primary = &after["deployments"][0];
    assert_eq!(primary["rolloutState"], "COMPLETED");
    assert_eq!(output(&client, "p--a").await, "nginx:alpine");
    let ask = json!({ "ServiceNamespace": "ecs" });
    let target = "AnyScaleFrontendService.DescribeScalableTargets";
    let answer = client.json("application-autoscaling", target, &ask).await;
    let targets = answer.expect("targets")["ScalableTargets"].clone();
    assert_eq!(targets.as_array().map(Vec::len), Some(1));

    // The same update goes through when nobody cancels it.
    update(&client, "p--a", &changed, "two").await;
    assert_eq!(
        statuses(&client, "p--a").await.last().map(String::as_str),
        Some("UPDATE_COMPLETE")
    );
    assert_eq!(output(&client, "p--a").await, "nginx:other");
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn an_update_that_hangs_stays_in_progress_until_it_is_cancelled() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = created(&client, "p--a").await;
    cloud.faults().hang("UpdateStack", SERVICE, 1);
    let changed = with_image(resources, "nginx:other");
    update(&client, "p--a", &changed, "one").await;
    tokio::time::sleep(DELAY * 2).await;
    assert_eq!(status(&client, "p--a").await, "UPDATE_IN_PROGRESS");
    assert_eq!(cloud.faults().pending(), 0);
    let seen = events(&client, "p--a").await;
    assert_eq!(
        (seen[0].0.as_str(), seen[0].1.as_str()),
        ("Service", "UPDATE_IN_PROGRESS")
    );
    let text = call(&client, "ListStackResources", &[("StackName", "p--a")]).await;
    assert!(
        text.text().contains("UPDATE_IN_PROGRESS"),
        "{}",
        text.text()
    );
    let refused = call(&client, "DeleteStack", &[("StackName", "p--a")]).await;
    assert!(message(&refused).ends_with("cannot be deleted while in status UPDATE_IN_PROGRESS"));

    call(&client, "CancelUpdateStack", &[("StackName", "p--a")]).await;
    assert_eq!(
        statuses(&client, "p--a").await.last().map(String::as_str),
        Some("UPDATE_ROLLBACK_COMPLETE")
    );
    let seen = events(&client, "p--a").await;
    let has = |id: &str, status: &str, reason: &str| {
        seen.iter().any(|event| {
            (event.0.as_str(), event.1.as_str(), event.2.as_str()) == (id, status, reason)
        })
    };
    assert!(
        has("Service", "UPDATE_FAILED", "Resource update cancelled"),
        "{seen:?}"
    );
    assert!(
        has("p--a", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
        "{seen:?}"
    );
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_rollback_that_fails_is_continued() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = created(&client, "p--a").await;
    let before = service(&client).await;
    let which = [("StackName", "p--a")];
    let refused = call(&client, "ContinueUpdateRollback", &which).await;
    assert_eq!(
        message(&refused),
        "ContinueUpdateRollback cannot be called from current stack status"
    );
    cloud.faults().hang("UpdateStack", SERVICE, 1);
    cloud.faults().fail_rollbacks(SERVICE, 2);
    update(
        &client,
        "p--a",
        &with_image(resources.clone(), "other"),
        "one",
    )
    .await;
    call(&client, "CancelUpdateStack", &which).await;
    let failed = ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"];
    assert_eq!(statuses(&client, "p--a").await, failed);
    let refused = update(&client, "p--a", &with_image(resources, "third"), "two").await;
    assert!(
        message(&refused).ends_with("is in UPDATE_ROLLBACK_FAILED state and can not be updated.")
    );

    call(&client, "ContinueUpdateRollback", &which).await;
    assert_eq!(statuses(&client, "p--a").await, failed);
    let seen = events(&client, "p--a").await;
    assert!(
        seen.iter().any(|(id, status, reason)| id == "Service"
            && status == "UPDATE_FAILED"
            && reason.contains("NotStabilized")),
        "{seen:?}"
    );
    call(&client, "ContinueUpdateRollback", &which).await;
    assert_eq!(
        statuses(&client, "p--a").await,
        ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    );
    assert_eq!(
        service(&client).await["taskDefinition"],
        before["taskDefinition"]
    );
    assert_eq!(cloud.faults().pending(), 0);
    delete(&client, "p--a").await;
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_token_is_used_once_for_a_stack() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = created(&client, "p--a").await;
    let id = stack_id(&client, "p--a").await;
    let used = |answer: &Answer| {
        assert!(
            answer
                .text()
                .contains("<Code>TokenAlreadyExistsException</Code>"),
            "{}",
            answer.text()
        );
    };
    let changed = with_image(resources.clone(), "other");
    assert!(
        update(&client, "p--a", &changed, "one")
            .await
            .status
            .is_success()
    );
    used(&update(&client, "p--a", &changed, "one").await);
    used(
        &call(
            &client,
            "CancelUpdateStack",
            &[("StackName", &id), ("ClientRequestToken", "one")],
        )
        .await,
    );
    statuses(&client, "p--a").await;
    used(&update(&client, &id, &with_image(resources, "third"), "one").await);
    let deletion = [("StackName", id.as_str()), ("ClientRequestToken", "two")];
    assert!(
        call(&client, "DeleteStack", &deletion)
            .await
            .status
            .is_success()
    );
    used(&call(&client, "DeleteStack", &deletion).await);
    statuses(&client, &id).await;
    // Deleted is deleted, whoever asks.
    assert!(
        call(&client, "DeleteStack", &deletion)
            .await
            .status
            .is_success()
    );

    // The name is free, and the old stack stays known by its id.
    created(&client, "p--a").await;
    assert_ne!(stack_id(&client, "p--a").await, id);
    assert_eq!(status(&client, &id).await, "DELETE_COMPLETE");
    let seen = events(&client, &id).await;
    assert_eq!(seen[0].1, "DELETE_COMPLETE");
    cloud.stop().await.expect("it stops");
}
