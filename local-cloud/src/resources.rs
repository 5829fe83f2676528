//! What exists in the local cloud: for tests that nothing is left but what was named as kept.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::companion::Companion;
use crate::upstream::Upstream;
use crate::xml;

/// The names of everything that service stacks are made of, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// `stack`, `log group`, `repository`, `cluster`, `service`, `task definition`,
    /// `load balancer`, `target group`, `role`, `security group`, `alarm`, `route`,
    /// `integration`, `scalable target`, `vpc link`.
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
                (kind.clone(), names.difference(known).cloned().collect::<BTreeSet<_>>())
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
        self.by_kind.get(kind).into_iter().flatten().map(String::as_str).collect()
    }

    fn add(&mut self, kind: &str, names: impl IntoIterator<Item = String>) {
        self.by_kind.entry(kind.to_owned()).or_default().extend(names);
    }
}

impl Companion {
    /// Everything in a region.
    pub(crate) async fn resources(&self, region: &str) -> Result<Resources> {
        let upstream = self.upstream.in_region(region);
        let mut found = Resources::default();
        for (kind, service, action, name) in [
            ("stack", "cloudformation", "DescribeStacks", "StackName"),
            ("role", "iam", "ListRoles", "RoleName"),
            ("load balancer", "elasticloadbalancing", "DescribeLoadBalancers", "LoadBalancerName"),
            ("target group", "elasticloadbalancing", "DescribeTargetGroups", "TargetGroupName"),
            ("alarm", "monitoring", "DescribeAlarms", "AlarmName"),
            ("security group", "ec2", "DescribeSecurityGroups", "groupName"),
        ] {
            let answer = upstream.query(service, action, &[]).await?.success()?;
            found.add(kind, texts(&answer.text(), name)?);
        }
        // Those that are being deleted are there until they are gone.
        let in_flight = self.operations.in_region(region);
        found.add("stack", in_flight.into_iter().map(|operation| operation.name));
        let ecs = "AmazonEC2ContainerServiceV20141113";
        for (kind, service, target, list, name) in [
            ("log group", "logs", "Logs_20140328.DescribeLogGroups", "logGroups", "logGroupName"),
            (
                "repository",
                "ecr",
                "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
                "repositories",
                "repositoryName",
            ),
            ("cluster", "ecs", &format!("{ecs}.ListClusters"), "clusterArns", ""),
            (
                "task definition",
                "ecs",
                &format!("{ecs}.ListTaskDefinitions"),
                "taskDefinitionArns",
                "",
            ),
        ] {
            let answer = upstream.json(service, target, &json!({})).await?;
            found.add(kind, names(&answer[list], name));
        }
        for cluster in found.names("cluster").into_iter().map(str::to_owned).collect::<Vec<_>>() {
            let ask = json!({ "cluster": cluster });
            let answer = upstream.json("ecs", &format!("{ecs}.ListServices"), &ask).await?;
            found.add("service", names(&answer["serviceArns"], ""));
        }
        let apis = rest(&upstream, "/v2/apis").await?;
        for api in names(&apis["items"], "apiId") {
            for (kind, list, name) in
                [("route", "routes", "routeKey"), ("integration", "integrations", "integrationId")]
            {
                let answer = rest(&upstream, &format!("/v2/apis/{api}/{list}")).await?;
                found.add(kind, names(&answer["items"], name));
            }
        }
        for (kind, names) in self.stood_in.names(region) {
            found.add(kind, names);
        }
        found.by_kind.retain(|_, names| !names.is_empty());
        Ok(found)
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

async fn rest(upstream: &Upstream, path: &str) -> Result<Value> {
    let answer = upstream.rest("apigateway", Method::GET, path, &[], Bytes::new()).await?;
    Ok(serde_json::from_slice(&answer.success()?.body)?)
}
