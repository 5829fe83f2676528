//! What is in a template that somebody pays for.

use std::collections::BTreeMap;

use serde_json::Value;
use slipway_domain::Image;

use super::capacity::Capacity;
use super::database::Cluster;
use super::jobs;
use super::size::sized;
use crate::intrinsic::attribute;
use crate::template::Template;

/// Resources that cost nothing for being there, each with the reason.
pub(super) const FREE: [(&str, &str); 21] = [
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "it bounds the number of tasks, which are billed",
    ),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "its alarms are counted with it",
    ),
    ("AWS::CodeDeploy::Application", "not billed for Lambda"),
    ("AWS::CodeDeploy::DeploymentConfig", "not billed"),
    ("AWS::CodeDeploy::DeploymentGroup", "not billed"),
    ("AWS::EC2::SecurityGroup", "not billed"),
    ("AWS::EC2::SecurityGroupIngress", "not billed"),
    (
        "AWS::ECS::ClusterCapacityProviderAssociations",
        "what runs on the capacity is billed",
    ),
    (
        "AWS::EFS::AccessPoint",
        "what lies on the file system is billed, which is no stack's",
    ),
    (
        "AWS::ECS::TaskDefinition",
        "billed as the tasks of the service that runs it",
    ),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        "part of its load balancer",
    ),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "part of its load balancer's capacity units",
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "part of its load balancer",
    ),
    ("AWS::IAM::Role", "not billed"),
    (
        "AWS::Scheduler::Schedule",
        "14 million of its calls a month are free",
    ),
    ("AWS::RDS::DBClusterParameterGroup", "not billed"),
    ("AWS::RDS::DBSubnetGroup", "not billed"),
    ("AWS::Lambda::Alias", "a name of a version"),
    ("AWS::Lambda::Permission", "not billed"),
    (
        "AWS::Lambda::Version",
        "calls are billed, whatever version they are of",
    ),
    (
        "AWS::ServiceDiscovery::Service",
        "tasks that ECS enters are free; queries are billed, 0.40 dollars a million",
    ),
];

/// Metrics that Container Insights reports of a cluster, of a service and of a task family on
/// Fargate. They are the AWS documentation's ("Amazon ECS Container Insights metrics") for the
/// dimensions `ClusterName`, `ServiceName` and `TaskDefinitionFamily`: 11, 13 and 8, and two of
/// the ephemeral storage on each, which Fargate has since platform version 1.4.0. The same page
/// says that they are billed as custom metrics.
const CLUSTER_METRICS: u64 = 13;
const SERVICE_METRICS: u64 = 15;
const FAMILY_METRICS: u64 = 10;

/// What Container Insights writes to; the name is AWS's.
const INSIGHTS_GROUPS: &str = "/aws/ecs/containerinsights/";

/// Days for which logs count that are kept for ever: what they cost after a year.
const FOR_EVER: u64 = 365;

/// What a stack has that is paid for.
#[derive(Debug, Default)]
pub(super) struct Census<'a> {
    pub(super) services: Vec<Tasks>,
    pub(super) log_groups: Vec<LogGroup>,
    pub(super) load_balancers: u64,
    /// Metrics that alarms watch: AWS bills these, not alarms.
    pub(super) alarms: u64,
    /// The same of alarms that look more often than once a minute.
    pub(super) fast_alarms: u64,
    pub(super) metrics: u64,
    /// Metrics of ECS that have more points than those that are free.
    pub(super) fast_metrics: u64,
    pub(super) keys: u64,
    pub(super) dashboards: u64,
    /// Whether requests come in through the HTTP API.
    pub(super) is_served: bool,
    /// Whether Cloud Map is asked where each of them goes.
    pub(super) looks_up: bool,
    /// Functions of Lambda.
    pub(super) functions: Vec<Function>,
    /// The task of each job.
    pub(super) jobs: Vec<Tasks>,
    /// Clusters of databases.
    pub(super) databases: Vec<Cluster>,
    /// Queues that tasks work off.
    pub(super) queues: u64,
    /// Whether a web ACL looks at them.
    pub(super) is_filtered: bool,
    pub(super) repositories: Vec<&'a str>,
    /// What the tasks and functions run.
    pub(super) images: Vec<Image>,
    /// CloudFormation types that have no price here, and how many of each.
    pub(super) unknown: BTreeMap<&'a str, u64>,
}

/// A function of Lambda.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// MiB.
    pub(super) memory: u64,
    pub(super) arm64: bool,
}

/// The tasks of an ECS service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tasks {
    /// CPU units of a task: 1024 are a vCPU.
    pub(super) cpu: u64,
    /// MiB of a task.
    pub(super) memory: u64,
    pub(super) arm64: bool,
    /// GiB of its disk beyond those that are free.
    pub(super) disk: u64,
    /// The fewest that run.
    pub(super) min: u64,
    /// The most that run.
    pub(super) max: u64,
    /// What they run on.
    pub(super) on: Capacity,
}

/// A log group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogGroup {
    /// Whether Container Insights writes to it, and not the tasks.
    pub(super) insights: bool,
    /// Days for which it keeps what is written.
    pub(super) days: u64,
}

impl<'a> Census<'a> {
    pub(super) fn of(template: &'a Template) -> Self {
        let mut census = Self::default();
        for (id, resource) in template.resources() {
            let kind = resource["Type"].as_str().unwrap_or_default();
            if !census.counts(kind, id, &resource["Properties"], template) {
                *census.unknown.entry(kind).or_default() += 1;
            }
        }
        census
    }

    /// Counts a resource; false when it is not known what it costs.
    fn counts(&mut self, kind: &str, id: &str, properties: &'a Value, template: &Template) -> bool {
        match kind {
            // Requests are billed, which the routes stand for; and whoever is asked for an address.
            "AWS::ApiGatewayV2::Integration" => {
                let to = &properties["IntegrationUri"]["Fn::GetAtt"][0];
                let to = to.as_str().and_then(|id| template.resource(id));
                self.looks_up |=
                    to.is_some_and(|it| it["Type"] == "AWS::ServiceDiscovery::Service");
            }
            "AWS::ApiGatewayV2::Route" => self.is_served = true,
            "AWS::ApplicationAutoScaling::ScalingPolicy" => {
                let (watched, fast) = tracking(properties);
                self.alarms += watched;
                self.fast_alarms += fast;
            }
            "AWS::CloudWatch::Alarm" => {
                let (watched, fast) = alarm(properties);
                *(if fast {
                    &mut self.fast_alarms
                } else {
                    &mut self.alarms
                }) += watched;
            }
            "AWS::CloudWatch::Dashboard" => self.dashboards += 1,
            "AWS::ECR::Repository" => match properties["RepositoryName"].as_str() {
                Some(name) => self.repositories.push(name),
                None => return false,
            },
            "AWS::ECS::Cluster" => match insights(properties) {
                "enabled" => {
                    self.metrics += CLUSTER_METRICS + metrics_of_services(template);
                }
                "disabled" => {}
                // Enhanced observability is billed by observations, in another way.
                _ => return false,
            },
            "AWS::ECS::Service" => match tasks(id, properties, template) {
                Some(tasks) => {
                    self.services.push(tasks);
                    self.fast_metrics += fast_metrics(properties);
                }
                None => return false,
            },
            "AWS::ECS::TaskDefinition" => self.images.extend(images(properties)),
            "AWS::ElasticLoadBalancingV2::LoadBalancer" => {
                // A load balancer without a type is an application load balancer.
                if properties["Type"].as_str().unwrap_or("application") != "application" {
                    return false;
                }
                self.load_balancers += 1;
            }
            "AWS::KMS::Key" => self.keys += 1,
            "AWS::Lambda::Function" => match properties["MemorySize"].as_u64() {
                Some(memory) => {
                    self.functions.push(Function {
                        memory,
                        arm64: properties["Architectures"][0] == "arm64",
                    });
                    let image = properties["Code"]["ImageUri"].as_str();
                    self.images.extend(image.and_then(|it| it.parse().ok()));
                }
                None => return false,
            },
            "AWS::StepFunctions::StateMachine" => match jobs::task(properties, template) {
                Some(task) => self.jobs.push(task),
                None => return false,
            },
            "AWS::RDS::DBCluster" => match Cluster::of(properties, id, template) {
                Some(cluster) => self.databases.push(cluster),
                None => return false,
            },
            // Billed with its cluster, whose capacity it has.
            "AWS::RDS::DBInstance" => return properties["DBInstanceClass"] == "db.serverless",
            "AWS::WAFv2::WebACLAssociation" => self.is_filtered = true,
            "AWS::Logs::LogGroup" => {
                let insights = properties["LogGroupName"]
                    .as_str()
                    .is_some_and(|name| name.starts_with(INSIGHTS_GROUPS));
                // Of a service on a shared cluster it is empty.
                if !insights || has_cluster(template) {
                    self.log_groups.push(LogGroup {
                        insights,
                        days: properties["RetentionInDays"].as_u64().unwrap_or(FOR_EVER),
                    });
                }
            }
            // Requests are billed, and nobody asks a dead-letter queue.
            "AWS::SQS::Queue" => self.queues += u64::from(properties["RedrivePolicy"].is_object()),
            kind => return FREE.iter().any(|(free, _)| *free == kind),
        }
        true
    }
}

/// How many metrics an alarm watches, and whether it looks more often than once a minute.
fn alarm(properties: &Value) -> (u64, bool) {
    let stats: Vec<&Value> = properties["Metrics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|query| &query["MetricStat"])
        .filter(|stat| stat.is_object())
        .collect();
    let fast = stats
        .iter()
        .map(|stat| &stat["Period"])
        .chain([&properties["Period"]])
        .filter_map(Value::as_u64)
        .any(|seconds| seconds < 60);
    (u64::try_from(stats.len()).unwrap_or(u64::MAX).max(1), fast)
}

/// The alarms that Application Auto Scaling keeps for a policy that tracks: one that its metric is
/// high and one that it is low, by how often they look ("How target tracking scaling works").
fn tracking(policy: &Value) -> (u64, u64) {
    let configuration = &policy["TargetTrackingScalingPolicyConfiguration"];
    let metric = &configuration["PredefinedMetricSpecification"]["PredefinedMetricType"];
    let is_fast = metric
        .as_str()
        .is_some_and(|metric| metric.ends_with("HighResolution"));
    if is_fast { (0, 2) } else { (2, 0) }
}

/// The metrics that a service has at a resolution that is not the free one of 60 seconds.
fn fast_metrics(service: &Value) -> u64 {
    let configurations = &service["Monitoring"]["MetricConfigurations"];
    let fast = configurations
        .as_array()
        .into_iter()
        .flatten()
        .filter(|it| it["ResolutionSeconds"].as_u64() < Some(60))
        .filter_map(|it| it["MetricNames"].as_array());
    fast.map(|names| u64::try_from(names.len()).unwrap_or(u64::MAX))
        .sum()
}

/// How Container Insights is set.
fn insights(cluster: &Value) -> &str {
    cluster["ClusterSettings"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|setting| setting["Name"] == "containerInsights")
        .and_then(|setting| setting["Value"].as_str())
        .unwrap_or("disabled")
}

/// Whether a stack has a cluster of its own.
fn has_cluster(template: &Template) -> bool {
    let mut resources = template.resources();
    resources.any(|(_, resource)| resource["Type"] == "AWS::ECS::Cluster")
}

/// Metrics of the services that run in a stack's own cluster; each has a task family.
fn metrics_of_services(template: &Template) -> u64 {
    template
        .resources()
        .filter(|(_, resource)| resource["Type"] == "AWS::ECS::Service")
        .map(|_| SERVICE_METRICS + FAMILY_METRICS)
        .sum()
}

/// The tasks of a service; `None` when the template does not say what they are, or what they run
/// on.
fn tasks(id: &str, service: &Value, template: &Template) -> Option<Tasks> {
    let on = Capacity::of(service, template)?;
    let (min, max) = bounds(id, template).unwrap_or_else(|| {
        // CloudFormation makes one task where nothing is said.
        let count = service["DesiredCount"].as_u64().unwrap_or(1);
        (count, count)
    });
    sized(&service["TaskDefinition"], template, (min, max), on)
}

/// The bounds that the scalable target of a service holds.
fn bounds(service: &str, template: &Template) -> Option<(u64, u64)> {
    let name = attribute(service, "Name").to_string();
    let target = template
        .resources()
        .filter(|(_, resource)| resource["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget")
        .map(|(_, resource)| &resource["Properties"])
        .find(|target| target["ResourceId"].to_string().contains(&name))?;
    Some((
        target["MinCapacity"].as_u64()?,
        target["MaxCapacity"].as_u64()?,
    ))
}

fn images(definition: &Value) -> impl Iterator<Item = Image> {
    definition["ContainerDefinitions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container["Image"].as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(resources: &Value) -> Template {
        Template::new("", resources.as_object().unwrap().clone(), json!({}))
    }

    #[test]
    fn what_is_free_has_a_reason_and_stands_once() {
        for (index, (kind, reason)) in FREE.iter().enumerate() {
            assert!(kind.starts_with("AWS::") && !reason.is_empty(), "{kind}");
            assert!(!FREE[..index].iter().any(|(other, _)| other == kind));
        }
    }

    #[test]
    fn what_has_no_price_here_is_counted_by_its_type() {
        let template = template(&json!({
            "A": {"Type": "AWS::Lambda::Function", "Properties": {}},
            "B": {"Type": "AWS::Lambda::Function"},
            "Link": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                     "Properties": {"Type": "network"}},
            "Spot": {"Type": "AWS::ECS::Service", "Properties": {"CapacityProviderStrategy": []}},
            "Seen": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterSettings": [
                {"Name": "containerInsights", "Value": "enhanced"}]}},
            "Key": {"Type": "AWS::KMS::Key", "Properties": {}},
        }));
        let census = Census::of(&template);
        let unknown: Vec<(&str, u64)> = census.unknown.into_iter().collect();
        assert_eq!(
            unknown,
            [
                ("AWS::ECS::Cluster", 1),
                ("AWS::ECS::Service", 1),
                ("AWS::ElasticLoadBalancingV2::LoadBalancer", 1),
                ("AWS::Lambda::Function", 2),
            ]
        );
        assert_eq!(census.keys, 1);
    }

    #[test]
    fn alarms_are_counted_by_the_metrics_they_watch_and_by_how_often_they_look() {
        let template = template(&json!({
            "Plain": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 60}},
            "Fast": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 10}},
            "Ratio": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [
                {"Id": "a", "MetricStat": {"Period": 60}},
                {"Id": "b", "MetricStat": {"Period": 300}},
                {"Id": "c", "Expression": "a / b"},
            ]}},
        }));
        let census = Census::of(&template);
        assert_eq!((census.alarms, census.fast_alarms), (3, 1));
    }

    #[test]
    fn what_application_auto_scaling_watches_is_two_alarms_a_policy() {
        let policy = |metric: &str| {
            json!({"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": {
                "TargetTrackingScalingPolicyConfiguration": {
                    "PredefinedMetricSpecification": {"PredefinedMetricType": metric}}}})
        };
        let template = template(&json!({
            "Cpu": policy("ECSServiceAverageCPUUtilizationHighResolution"),
            "Requests": policy("ALBRequestCountPerTarget"),
        }));
        let census = Census::of(&template);
        assert_eq!((census.alarms, census.fast_alarms), (2, 2));
    }

    #[test]
    fn metrics_count_that_have_more_points_than_the_free_ones() {
        let monitored = |seconds: u64| {
            json!({"Monitoring": {"MetricConfigurations": [
                {"MetricNames": ["CPUUtilization", "MemoryUtilization"], "ResolutionSeconds": seconds}]}})
        };
        assert_eq!(fast_metrics(&monitored(20)), 2);
        assert_eq!(fast_metrics(&monitored(60)), 0);
        assert_eq!(fast_metrics(&json!({})), 0);
    }

    #[test]
    fn tasks_without_a_scalable_target_are_as_many_as_the_service_says() {
        let stack = |service: Value| {
            template(&json!({
                "Task": {"Type": "AWS::ECS::TaskDefinition",
                         "Properties": {"Cpu": "256", "Memory": "512"}},
                "Service": {"Type": "AWS::ECS::Service", "Properties": service},
            }))
        };
        let fargate = json!({"LaunchType": "FARGATE", "TaskDefinition": {"Ref": "Task"}});
        let mut three = fargate.clone();
        three["DesiredCount"] = 3.into();
        for (service, count) in [(fargate, 1), (three, 3)] {
            let tasks = Tasks {
                cpu: 256,
                memory: 512,
                arm64: false,
                disk: 0,
                min: count,
                max: count,
                on: Capacity::OnDemand,
            };
            assert_eq!(Census::of(&stack(service)).services, [tasks]);
        }
        let elsewhere = stack(json!({"LaunchType": "FARGATE", "TaskDefinition": "arn"}));
        assert_eq!(Census::of(&elsewhere).unknown["AWS::ECS::Service"], 1);
    }

    #[test]
    fn log_groups_that_keep_for_ever_count_with_a_year() {
        let template = template(&json!({
            "Cluster": {"Type": "AWS::ECS::Cluster"},
            "Own": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/ecs/a"}},
            "Insights": {"Type": "AWS::Logs::LogGroup", "Properties": {
                "LogGroupName": "/aws/ecs/containerinsights/a/performance",
                "RetentionInDays": 7}},
        }));
        let groups = Census::of(&template).log_groups;
        let found: Vec<(bool, u64)> = groups.iter().map(|it| (it.insights, it.days)).collect();
        assert_eq!(found, [(false, 365), (true, 7)]);
        let shared = template.rewritten(|mut document| {
            let resources = document["Resources"].as_object_mut();
            resources.unwrap().shift_remove("Cluster");
            document
        });
        assert_eq!(Census::of(&shared).log_groups.len(), 1);
    }
}
