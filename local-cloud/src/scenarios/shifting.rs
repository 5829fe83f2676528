//! Rules that share traffic between two target groups, and deployments that move it.

use super::*;
use crate::TaskFailure;

/// An environment whose service has two target groups that take turns.
async fn two_groups(client: &Upstream, strategy: &str) -> Value {
    let mut resources = environment(&new_api(client).await);
    let group = |name: &str| {
        json!({
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": { "Name": name, "Port": 80, "Protocol": "HTTP", "TargetType": "ip" },
        })
    };
    resources["First"] = group("first");
    resources["Second"] = group("second");
    resources["Balancer"] = json!({
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": { "Name": "a" },
    });
    resources["Listener"] = json!({
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": { "Ref": "Balancer" }, "Port": 80, "Protocol": "HTTP",
            "DefaultActions": [
                { "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "404" } }
            ],
        },
    });
    resources["Rule"] = json!({
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": { "Ref": "Listener" }, "Priority": 1,
            "Conditions": [{ "Field": "path-pattern", "PathPatternConfig": { "Values": ["/*"] } }],
            "Actions": [{ "Type": "forward", "ForwardConfig": { "TargetGroups": [
                { "TargetGroupArn": { "Ref": "First" }, "Weight": 100 },
                { "TargetGroupArn": { "Ref": "Second" }, "Weight": 0 },
            ] } }],
        },
    });
    let service = &mut resources["Service"]["Properties"];
    service["DeploymentConfiguration"] = json!({
        "Strategy": strategy,
        "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
    });
    service["LoadBalancers"] = json!([{
        "ContainerName": "a", "ContainerPort": 80, "TargetGroupArn": { "Ref": "First" },
        "AdvancedConfiguration": {
            "AlternateTargetGroupArn": { "Ref": "Second" },
            "ProductionListenerRule": { "Ref": "Rule" },
            "RoleArn": "arn:aws:iam::000000000000:role/traffic",
        },
    }]);
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

fn with_image(mut resources: Value, image: &str) -> Value {
    resources["Task"]["Properties"]["ContainerDefinitions"][0]["Image"] = image.into();
    resources
}

/// The rule's ARN, and its groups with their weights.
async fn shares(client: &Upstream) -> (String, Vec<(String, String)>) {
    let service = "elasticloadbalancing";
    let listeners = client.query(service, "DescribeListeners", &[]).await;
    let listener = xml::find(&listeners.expect("listeners").text(), "ListenerArn").expect("an ARN");
    let which = [("ListenerArn", listener.as_str())];
    let rules = client.query(service, "DescribeRules", &which).await;
    let text = rules.expect("rules").text();
    let document = xml::parse(&text).expect("xml");
    let rule = xml::members(&document, "Rules")
        .into_iter()
        .find(|rule| xml::text(*rule, "Priority") == "1")
        .expect("the rule");
    let found = rule
        .descendants()
        .filter(|node| xml::child(*node, "Weight").is_some())
        .map(|node| {
            let group = xml::text(node, "TargetGroupArn");
            let name = if group.contains("/first/") {
                "first"
            } else {
                "second"
            };
            (name.to_owned(), xml::text(node, "Weight").to_owned())
        });
    (xml::text(rule, "RuleArn").to_owned(), found.collect())
}

fn pairs(shares: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |text: &str| text.to_owned();
    shares.iter().map(|(a, b)| (own(a), own(b))).collect()
}

#[tokio::test]
async fn a_deployment_moves_the_traffic_and_the_template_does_not_know() {
    let cloud = start().await;
    let client = client(&cloud);
    let mut resources = two_groups(&client, "BLUE_GREEN").await;
    submit(&client, "CreateStack", &resources).await;
    assert_eq!(last(&client).await, "CREATE_COMPLETE");
    let begin = pairs(&[("first", "100"), ("second", "0")]);
    assert_eq!(shares(&client).await.1, begin);

    resources = with_image(resources, "nginx:2");
    submit(&client, "UpdateStack", &resources).await;
    assert_eq!(last(&client).await, "UPDATE_COMPLETE");
    let moved = pairs(&[("first", "0"), ("second", "100")]);
    assert_eq!(shares(&client).await.1, moved);

    // What fails leaves the traffic where it is.
    cloud
        .faults()
        .tasks_fail("p--a", TaskFailure::exits(3, &["starting"]), 1);
    let failing = with_image(resources.clone(), "nginx:3");
    submit(&client, "UpdateStack", &failing).await;
    assert_eq!(last(&client).await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(shares(&client).await.1, moved);

    // So does what changes something else.
    resources["Service"]["Properties"]["DesiredCount"] = 3.into();
    submit(&client, "UpdateStack", &resources).await;
    assert_eq!(last(&client).await, "UPDATE_COMPLETE");
    assert_eq!(shares(&client).await.1, moved);

    // What changes the rule writes what the template says.
    resources["Rule"]["Properties"]["Conditions"][0]["PathPatternConfig"]["Values"] =
        json!(["/a/*"]);
    submit(&client, "UpdateStack", &resources).await;
    assert_eq!(last(&client).await, "UPDATE_COMPLETE");
    assert_eq!(shares(&client).await.1, begin);
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_rule_keeps_the_weights_that_somebody_writes() {
    let cloud = start().await;
    let client = client(&cloud);
    let resources = two_groups(&client, "ROLLING").await;
    submit(&client, "CreateStack", &resources).await;
    assert_eq!(last(&client).await, "CREATE_COMPLETE");
    let (rule, _) = shares(&client).await;
    let groups = client
        .query("elasticloadbalancing", "DescribeTargetGroups", &[])
        .await
        .expect("groups")
        .text();
    let document = xml::parse(&groups).expect("xml");
    let arn = |name: &str| {
        let members = xml::members(&document, "TargetGroups");
        let arns = members
            .iter()
            .map(|it| xml::text(*it, "TargetGroupArn").to_owned());
        arns.into_iter()
            .find(|it| it.contains(name))
            .expect("a group")
    };
    let (first, second) = (arn("/first/"), arn("/second/"));
    let config = "Actions.member.1.ForwardConfig.TargetGroups.member";
    let keys = [1, 2].map(|n| {
        (
            format!("{config}.{n}.TargetGroupArn"),
            format!("{config}.{n}.Weight"),
        )
    });
    let parameters = [
        ("RuleArn", rule.as_str()),
        ("Actions.member.1.Type", "forward"),
        (keys[0].0.as_str(), first.as_str()),
        (keys[0].1.as_str(), "95"),
        (keys[1].0.as_str(), second.as_str()),
        (keys[1].1.as_str(), "5"),
    ];
    let answer = client
        .query("elasticloadbalancing", "ModifyRule", &parameters)
        .await;
    assert!(answer.expect("an answer").status.is_success());
    let wanted = pairs(&[("first", "95"), ("second", "5")]);
    assert_eq!(shares(&client).await.1, wanted);
    cloud.stop().await.expect("it stops");
}
