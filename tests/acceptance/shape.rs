//! What a service is made of, as AWS has it and not as a template says it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use slipway_tests::aws::{Aws, text, texts};
use slipway_tests::local_platform::{LocalPlatform, PLATFORM, shared};

use crate::asking::{name, register};

/// A service that is ready, and its stack's resources.
struct Site {
    platform: std::sync::Arc<LocalPlatform>,
    aws: Aws,
    stack: String,
}

impl Site {
    fn new(service: &str) -> Result<Self> {
        let platform = shared()?;
        let document = json!({"service": service, "image": "nginx:alpine", "port": 3000});
        register(&platform.client(), &document)?;
        platform.ready(&name(service))?;
        Ok(Self {
            aws: platform.aws(),
            stack: format!("{PLATFORM}--{service}--prod"),
            platform,
        })
    }

    fn id(&self, logical_id: &str) -> Result<String> {
        self.platform.resource_of(&self.stack, logical_id)
    }

    fn of_platform(&self, logical_id: &str) -> Result<String> {
        self.platform.resource(logical_id)
    }

    /// What ECS says of the service.
    fn service(&self) -> Result<Value> {
        let ask = json!({"cluster": self.id("Cluster")?, "services": [self.id("Service")?]});
        let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
        Ok(self.aws.json("ecs", target, &ask)?["services"][0].clone())
    }

    fn security_group(&self, logical_id: &str) -> Result<String> {
        let id = self.id(logical_id)?;
        self.aws.query(
            "ec2",
            "DescribeSecurityGroups",
            &[("Version", "2016-11-15"), ("GroupId.1", &id)],
        )
    }
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a1_both_routes_of_a_service_lead_through_the_vpc_link_to_its_own_load_balancer() -> Result<()> {
    let site = Site::new("shape-routes")?;
    let api = site.of_platform("HttpApi")?;
    let routes = site
        .aws
        .get("apigateway", &format!("/v2/apis/{api}/routes"))?;
    let listener = site.id("Listener")?;
    for (key, path) in [
        ("ANY /shape-routes", "/"),
        ("ANY /shape-routes/{proxy+}", "/$request.path.proxy"),
    ] {
        let route = routes["items"]
            .as_array()
            .and_then(|items| items.iter().find(|item| item["routeKey"] == key))
            .with_context(|| key.to_owned())?;
        let target = route["target"].as_str().unwrap_or_default();
        let integration = site
            .aws
            .get("apigateway", &format!("/v2/apis/{api}/{target}"))?;
        assert_eq!(integration["integrationType"], "HTTP_PROXY");
        assert_eq!(integration["connectionType"], "VPC_LINK");
        assert_eq!(
            integration["connectionId"],
            site.platform.values()?.vpc_link.as_str()
        );
        assert_eq!(integration["integrationUri"], listener.as_str());
        assert_eq!(integration["requestParameters"]["overwrite:path"], path);
    }
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a1_the_load_balancer_is_internal_and_forwards_to_the_containers_port_by_a_rule() -> Result<()> {
    let site = Site::new("shape-balancer")?;
    let ask = |action, parameter, value: &str| {
        let version = ("Version", "2015-12-01");
        site.aws.query(
            "elasticloadbalancing",
            action,
            &[version, (parameter, value)],
        )
    };
    let balancer = site.id("LoadBalancer")?;
    let described = ask(
        "DescribeLoadBalancers",
        "LoadBalancerArns.member.1",
        &balancer,
    )?;
    assert_eq!(text(&described, "Scheme")?, "internal");
    let listener = site.id("Listener")?;
    let described = ask("DescribeListeners", "ListenerArns.member.1", &listener)?;
    assert_eq!(texts(&described, "Port")?, ["80"]);
    assert_eq!(text(&described, "LoadBalancerArn")?, balancer);
    assert_eq!(text(&described, "StatusCode")?, "404");
    let group = site.id("TargetGroup")?;
    let rules = ask("DescribeRules", "ListenerArn", &listener)?;
    assert!(texts(&rules, "TargetGroupArn")?.contains(&group), "{rules}");
    let described = ask("DescribeTargetGroups", "TargetGroupArns.member.1", &group)?;
    assert_eq!(text(&described, "Port")?, "3000");
    assert_eq!(text(&described, "TargetType")?, "ip");
    let service = site.service()?;
    assert_eq!(
        service["loadBalancers"][0]["targetGroupArn"],
        group.as_str()
    );
    assert_eq!(service["loadBalancers"][0]["containerPort"], 3000);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a3_the_load_balancer_admits_only_the_vpc_link_and_tasks_only_their_load_balancer() -> Result<()>
{
    let site = Site::new("shape-groups")?;
    // The groups that a group names: its own rules' other ends.
    let others = |xml: &str| -> Result<BTreeSet<String>> {
        let document = roxmltree::Document::parse(xml)?;
        Ok(document
            .descendants()
            .filter(|node| node.tag_name().name() == "ipPermissions")
            .flat_map(|node| node.descendants())
            .filter(|node| ["groupId", "cidrIp"].contains(&node.tag_name().name()))
            .filter_map(|node| node.text().map(str::to_owned))
            .collect())
    };
    let link = site.of_platform("VpcLinkSecurityGroup")?;
    let balancer = site.security_group("LoadBalancerSecurityGroup")?;
    assert_eq!(others(&balancer)?, BTreeSet::from([link]), "{balancer}");
    // The emulator does not know the ingress rule of the tasks' group, which is a resource of
    // its own; that it is the only one, the golden templates say.
    let tasks = site.security_group("TaskSecurityGroup")?;
    assert_eq!(others(&tasks)?, BTreeSet::new(), "{tasks}");
    let group = site.id("TaskSecurityGroup")?;
    let network = &site.service()?["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(network["securityGroups"], json!([group]));
    assert_eq!(network["assignPublicIp"], "DISABLED");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a4_a_service_runs_on_fargate_in_a_cluster_of_its_own_with_two_to_ten_tasks() -> Result<()> {
    let site = Site::new("shape-cluster")?;
    let cluster = site.id("Cluster")?;
    assert_eq!(cluster, "devops2-g4-shape-cluster-cluster-prod");
    let ask = json!({"clusters": [cluster], "include": ["SETTINGS"]});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeClusters";
    let described = site.aws.json("ecs", target, &ask)?;
    let settings = &described["clusters"][0]["settings"];
    assert_eq!(
        settings,
        &json!([{"name": "containerInsights", "value": "enabled"}])
    );
    let service = site.service()?;
    assert_eq!(service["launchType"], "FARGATE");
    assert_eq!(service["desiredCount"], 2);
    let live = site
        .platform
        .client()
        .environment(&name("shape-cluster"), &"prod".parse()?)?
        .live
        .context("what runs")?;
    assert_eq!((live.desired, live.min, live.max), (2, Some(2), Some(10)));
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a5_four_alarms_watch_cpu_and_memory_above_70_and_below_30_percent() -> Result<()> {
    let site = Site::new("shape-alarms")?;
    let mut found = Vec::new();
    for logical_id in ["CpuHigh", "CpuLow", "MemoryHigh", "MemoryLow"] {
        let ask = json!({"AlarmNames": [site.id(logical_id)?]});
        let target = "GraniteServiceVersion20100801.DescribeAlarms";
        let alarm = site.aws.json("monitoring", target, &ask)?["MetricAlarms"][0].clone();
        let cluster =
            json!({"Name": "ClusterName", "Value": "devops2-g4-shape-alarms-cluster-prod"});
        let dimensions = alarm["Dimensions"].as_array().context("dimensions")?;
        assert!(dimensions.contains(&cluster), "{alarm}");
        assert_eq!(dimensions.len(), 2);
        let text = |name: &str| alarm[name].as_str().unwrap_or_default().to_owned();
        let threshold = alarm["Threshold"].as_f64().unwrap_or_default();
        found.push((
            text("MetricName"),
            text("ComparisonOperator"),
            format!("{threshold}"),
        ));
    }
    let expected = [
        ("CPUUtilization", "GreaterThanThreshold", "70"),
        ("CPUUtilization", "LessThanThreshold", "30"),
        ("MemoryUtilization", "GreaterThanThreshold", "70"),
        ("MemoryUtilization", "LessThanThreshold", "30"),
    ];
    let found: Vec<_> = found
        .iter()
        .map(|(metric, operator, threshold)| (&**metric, &**operator, &**threshold))
        .collect();
    assert_eq!(found, expected);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a6_a_service_has_a_repository_that_is_scanned_on_push() -> Result<()> {
    let platform = shared()?;
    register(&platform.client(), &json!({"service": "shape-repository"}))?;
    platform.settled(&name("shape-repository"))?;
    let ask = json!({"repositoryNames": ["devops2-g4-shape-repository-prod"]});
    let target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories";
    let repository = &platform.aws().json("ecr", target, &ask)?["repositories"][0];
    assert_eq!(repository["imageScanningConfiguration"]["scanOnPush"], true);
    assert_eq!(repository["imageTagMutability"], "IMMUTABLE");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a7_a_service_has_two_roles_of_the_platform_and_a_log_group_that_forgets() -> Result<()> {
    let site = Site::new("shape-roles")?;
    // The emulator does not keep a role's boundary; that each has it, the house rules say.
    for logical_id in ["ExecutionRole", "TaskRole"] {
        let id = site.id(logical_id)?;
        let ask = [("Version", "2010-05-08"), ("RoleName", id.as_str())];
        let role = site.aws.query("iam", "GetRole", &ask)?;
        assert_eq!(text(&role, "Path")?, "/slipway/devops2-g4/", "{role}");
    }
    let ask = json!({"logGroupNamePrefix": "/aws/ecs/devops2-g4-shape-roles-prod"});
    let groups = site
        .aws
        .json("logs", "Logs_20140328.DescribeLogGroups", &ask)?;
    assert_eq!(groups["logGroups"][0]["retentionInDays"], 30);
    let ask = json!({"taskDefinition": site.id("TaskDefinition")?});
    let target = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let described = site.aws.json("ecs", target, &ask)?;
    let log = &described["taskDefinition"]["containerDefinitions"][0]["logConfiguration"];
    assert_eq!(
        log["options"]["awslogs-group"],
        "/aws/ecs/devops2-g4-shape-roles-prod"
    );
    Ok(())
}
