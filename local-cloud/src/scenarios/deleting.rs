//! Deletions: of stacks that are not complete, that fail, and that leave resources behind.

use super::*;

const SERVICE: &str = "AWS::ECS::Service";

#[tokio::test]
async fn a_creation_that_hangs_is_deleted() {
    let cloud = start().await;
    let client = client(&cloud);
    cloud.faults().hang("CreateStack", SERVICE, 1);
    let body = with_output(&environment(&new_api(&client).await));
    let parameters = [("StackName", "p--a"), ("TemplateBody", body.as_str())];
    let answer = call(&client, "CreateStack", &parameters).await;
    let id = xml::find(&answer.text(), "StackId").expect("the stack's id");
    tokio::time::sleep(DELAY * 2).await;
    assert_eq!(status(&client, "p--a").await, "CREATE_IN_PROGRESS");
    let listed = call(&client, "ListStackResources", &[("StackName", "p--a")]).await;
    let text = listed.text();
    let document = xml::parse(&text).expect("xml");
    let resources: Vec<(&str, &str)> = xml::members(&document, "StackResourceSummaries")
        .into_iter()
        .map(|it| {
            (
                xml::text(it, "LogicalResourceId"),
                xml::text(it, "ResourceStatus"),
            )
        })
        .collect();
    assert!(
        resources.contains(&("Cluster", "CREATE_COMPLETE")),
        "{resources:?}"
    );
    assert!(
        resources.contains(&("Service", "CREATE_IN_PROGRESS")),
        "{resources:?}"
    );
    assert!(
        !resources.iter().any(|(id, _)| *id == "Target"),
        "{resources:?}"
    );
    delete(&client, "p--a").await;
    assert_eq!(status(&client, &id).await, "DELETE_COMPLETE");
    let left = cloud.resources().await.expect("resources");
    assert_eq!(left.names("service"), Vec::<&str>::new());
    assert_eq!(left.names("scalable target"), Vec::<&str>::new());
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_deletion_that_fails_is_repeated_and_at_last_leaves_resources_behind() {
    let cloud = start().await;
    let client = client(&cloud);
    created(&client, "p--a").await;
    let id = stack_id(&client, "p--a").await;
    cloud.faults().fail_deletions(&[SERVICE], 2);
    let keep = [
        ("StackName", id.as_str()),
        ("RetainResources.member.1", "Service"),
    ];
    let early = call(&client, "DeleteStack", &keep).await;
    assert!(message(&early).contains("only when the stack is in the DELETE_FAILED state"));
    for _ in 0..2 {
        let answer = call(&client, "DeleteStack", &[("StackName", &id)]).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        assert_eq!(
            statuses(&client, &id).await,
            ["DELETE_IN_PROGRESS", "DELETE_FAILED"]
        );
    }
    assert_eq!(cloud.faults().pending(), 0);
    let described = call(&client, "DescribeStackResources", &[("StackName", &id)]).await;
    let text = described.text();
    let document = xml::parse(&text).expect("xml");
    let left: Vec<(&str, &str)> = xml::members(&document, "StackResources")
        .into_iter()
        .map(|it| {
            (
                xml::text(it, "LogicalResourceId"),
                xml::text(it, "ResourceStatus"),
            )
        })
        .collect();
    // What the service needs waits for it; the others are gone.
    assert_eq!(
        left,
        [
            ("Service", "DELETE_FAILED"),
            ("Cluster", "CREATE_COMPLETE"),
            ("Task", "CREATE_COMPLETE")
        ],
    );
    assert!(text.contains("NotStabilized"), "{text}");
    let listed = call(&client, "ListStackResources", &[("StackName", &id)]).await;
    assert!(listed.text().contains("NotStabilized"), "{}", listed.text());
    let failed = [("StackStatusFilter.member.1", "DELETE_FAILED")];
    let listed = call(&client, "ListStacks", &failed).await;
    assert_eq!(xml::find(&listed.text(), "StackId"), Some(id.clone()));
    assert_eq!(
        xml::find(&listed.text(), "StackDriftStatus").as_deref(),
        Some("NOT_CHECKED")
    );
    let complete = [("StackStatusFilter.member.1", "CREATE_COMPLETE")];
    let listed = call(&client, "ListStacks", &complete).await;
    assert_eq!(xml::find(&listed.text(), "StackId"), None);
    let gone = [
        ("StackName", id.as_str()),
        ("RetainResources.member.1", "Route"),
    ];
    let refused = call(&client, "DeleteStack", &gone).await;
    assert!(message(&refused).starts_with("The specified resources to retain"));

    let keep = [
        ("StackName", id.as_str()),
        ("RetainResources.member.1", "Service"),
        ("RetainResources.member.2", "Cluster"),
    ];
    let answer = call(&client, "DeleteStack", &keep).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_eq!(
        statuses(&client, &id).await,
        ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    );
    assert_eq!(status(&client, "p--a").await, "gone");
    let left = cloud.resources().await.expect("resources");
    assert_eq!(left.names("service").len(), 1);
    assert_eq!(left.names("stack"), Vec::<&str>::new());
    cloud.stop().await.expect("it stops");
}
