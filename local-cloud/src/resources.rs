//! What exists in the local cloud: for tests that nothing is left but what was named as kept.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::companion::Companion;
use crate::upstream::Upstream;
use crate::xml;

/// The names of everything that the platform and its service stacks are made of, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// `stack`, `log group`, `repository`, `cluster`, `service`, `task definition`,
    /// `load balancer`, `target group`, `role`, `security group`, `alarm`, `http api`, `route`,
    /// `integration`, `scalable target`, `vpc link`, `table`, `queue`, `bucket`, `function`.
    /// Clusters, services and task definitions by their ARNs, queues by their addresses. What
    /// the account has from the start (the `default` security group) is among them; kinds of
    /// which there is nothing are not.
    pub by_kind: BTreeMap<String, BTreeSet<String>>,
}

impl Resources {
    /// What is here and was not there before.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let nothing = BTreeSet::new();
        let by_kind = self
            .by_kind
            .iter()
            .map(|(kind, names)| {
                let known = before.by_kind.get(kind).unwrap_or(&nothing);
                (
                    kind.clone(),
                    names.difference(known).cloned().collect::<BTreeSet<_>>(),
                )
            })
            .filter(|(_, names)| !names.is_empty())
            .collect();
        Self { by_kind }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_kind.values().map(BTreeSet::len).sum()
    }

    /// The names of one kind.
    pub fn names(&self, kind: &str) -> Vec<&str> {
        self.by_kind
            .get(kind)
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect()
    }

    fn add(&mut self, kind: &str, names: impl IntoIterator<Item = String>) {
        self.by_kind
            .entry(kind.to_owned())
            .or_default()
            .extend(names);
    }
}

/// What is listed in the query protocol: kind, service, operation, and the element with the name.
const QUERIES: &[(&str, &str, &str, &str)] = &[
    ("stack", "cloudformation", "DescribeStacks", "StackName"),
    ("role", "iam", "ListRoles", "RoleName"),
    (
        "load balancer",
        "elasticloadbalancing",
        "DescribeLoadBalancers",
        "LoadBalancerName",
    ),
    (
        "target group",
        "elasticloadbalancing",
        "DescribeTargetGroups",
        "TargetGroupName",
    ),
    ("alarm", "monitoring", "DescribeAlarms", "AlarmName"),
    (
        "security group",
        "ec2",
        "DescribeSecurityGroups",
        "groupName",
    ),
];

const CLUSTERS: &str = "AmazonEC2ContainerServiceV20141113.ListClusters";
const SERVICES: &str = "AmazonEC2ContainerServiceV20141113.ListServices";
const TASKS: &str = "AmazonEC2ContainerServiceV20141113.ListTaskDefinitions";
const NAMES: &str = "Route53AutoNaming_v20170314.ListServices";
const REPOSITORIES: &str = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories";

/// What is listed in the JSON protocols: kind, service, target, list, and the field with the
/// name; the items themselves are names where there is none.
const LISTS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "log group",
        "logs",
        "Logs_20140328.DescribeLogGroups",
        "logGroups",
        "logGroupName",
    ),
    (
        "repository",
        "ecr",
        REPOSITORIES,
        "repositories",
        "repositoryName",
    ),
    (
        "table",
        "dynamodb",
        "DynamoDB_20120810.ListTables",
        "TableNames",
        "",
    ),
    ("queue", "sqs", "AmazonSQS.ListQueues", "QueueUrls", ""),
    ("name", "servicediscovery", NAMES, "Services", "Name"),
    ("cluster", "ecs", CLUSTERS, "clusterArns", ""),
    ("task definition", "ecs", TASKS, "taskDefinitionArns", ""),
];

impl Companion {
    /// Everything in a region.
    pub(crate) async fn resources(&self, region: &str) -> Result<Resources> {
        let upstream = self.upstream.in_region(region);
        let mut found = Resources::default();
        for (kind, service, action, name) in QUERIES {
            found.add(kind, queried(&upstream, service, action, name).await?);
        }
        // Those that are being deleted are there until they are gone.
        let in_flight = self.operations.in_region(region);
        found.add(
            "stack",
            in_flight.into_iter().map(|operation| operation.name),
        );
        for (kind, service, target, list, name) in LISTS {
            let ask = json!({});
            found.add(
                kind,
                listed(&upstream, service, target, ask, (list, name)).await?,
            );
        }
        let clusters: Vec<String> = found
            .names("cluster")
            .into_iter()
            .map(str::to_owned)
            .collect();
        for cluster in clusters {
            let ask = json!({ "cluster": cluster });
            let services = listed(&upstream, "ecs", SERVICES, ask, ("serviceArns", "")).await?;
            found.add("service", services);
        }
        let functions = rest(&upstream, "lambda", "/2015-03-31/functions/").await?;
        found.add("function", names(&functions["Functions"], "FunctionName"));
        let buckets = upstream
            .rest("s3", Method::GET, "/", &[], Bytes::new())
            .await?
            .success()?;
        let own = |bucket: &String| bucket.starts_with("slipway-local-cloud-");
        found.add(
            "bucket",
            texts(&buckets.text(), "Name")?
                .into_iter()
                .filter(|it| !own(it)),
        );
        gateway(&upstream, &mut found).await?;
        for (kind, names) in self.stood_in.names(region) {
            found.add(kind, names);
        }
        found.by_kind.retain(|_, names| !names.is_empty());
        Ok(found)
    }
}

async fn gateway(upstream: &Upstream, found: &mut Resources) -> Result<()> {
    let apis = rest(upstream, "apigateway", "/v2/apis").await?;
    found.add("http api", names(&apis["items"], "name"));
    for api in names(&apis["items"], "apiId") {
        for (kind, list, name) in [
            ("route", "routes", "routeKey"),
            ("integration", "integrations", "integrationId"),
        ] {
            let answer = rest(upstream, "apigateway", &format!("/v2/apis/{api}/{list}")).await?;
            found.add(kind, names(&answer["items"], name));
        }
    }
    Ok(())
}

/// Every page of a list in the query protocol.
async fn queried(
    upstream: &Upstream,
    service: &str,
    action: &str,
    name: &str,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let parameters: Vec<(&str, &str)> = token
            .iter()
            .map(|token: &String| ("NextToken", token.as_str()))
            .collect();
        let text = upstream
            .query(service, action, &parameters)
            .await?
            .success()?
            .text();
        found.extend(texts(&text, name)?);
        token = xml::find(&text, "NextToken");
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Every page of a list in a JSON protocol.
async fn listed(
    upstream: &Upstream,
    service: &str,
    target: &str,
    mut ask: Value,
    (list, name): (&str, &str),
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    loop {
        let answer = upstream.json(service, target, &ask).await?;
        found.extend(names(&answer[list], name));
        match answer.get("nextToken").filter(|token| !token.is_null()) {
            Some(token) => ask["nextToken"] = token.clone(),
            None => return Ok(found),
        }
    }
}

/// The texts of all elements of a name.
fn texts(text: &str, name: &str) -> Result<Vec<String>> {
    let document = xml::parse(text)?;
    Ok(document
        .descendants()
        .filter(|node| node.tag_name().name() == name)
        .filter_map(|node| node.text().map(str::to_owned))
        .collect())
}

/// A field of every item of a list, or the items themselves.
fn names(list: &Value, field: &str) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|item| if field.is_empty() { item } else { &item[field] })
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

async fn rest(upstream: &Upstream, service: &str, path: &str) -> Result<Value> {
    let answer = upstream
        .rest(service, Method::GET, path, &[], Bytes::new())
        .await?;
    Ok(serde_json::from_slice(&answer.success()?.body)?)
}
