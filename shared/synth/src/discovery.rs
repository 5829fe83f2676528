//! The names by which services of the platform call each other, in its namespace of AWS Cloud Map.
//!
//! The HTTP API finds tasks there as well, where no load balancer is between.
//!
//! ECS enters each task when it runs and takes it out before it ends. One registry is all that it
//! allows a service, so that this one has both kinds of records: `A`, which callers ask for, and
//! `SRV`, which bears the port. (Any combination of the two goes with tasks that have addresses of
//! their own: "Service discovery considerations", Amazon ECS developer guide; seen to work in
//! aws/aws-cdk#18894.) Records cannot be added later: `UpdateService` changes their TTL only.
//!
//! Who may call is said by a security group of the platform's, which everyone who takes part
//! carries beside the own: the port is open to those, and to nobody else.

use serde_json::{Value, json};
use slipway_domain::discovery::{Namespace, name};

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::attribute;
use crate::{network, task};

pub(crate) const NAME: &str = "Name";
const CALLERS: &str = "CallersIngress";

/// Seconds for which an answer may be kept. A task that has ended is called for as long.
const TTL: u32 = 10;

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let (true, Some(namespace)) = (
        site.effective.settings.is_registered(),
        &site.platform.discovery,
    ) else {
        return;
    };
    to.add(NAME, entry(site, namespace));
    if site.effective.settings.finds_others() {
        to.add(
            CALLERS,
            network::task_ingress(
                site,
                "Services that find it by its name",
                &namespace.security_group.as_str().into(),
            ),
        );
    }
}

/// The group that lets in the service's callers, for those who may be such themselves.
pub(crate) fn group<'a>(site: &Site<'a>) -> Option<&'a str> {
    let namespace = site.platform.discovery.as_ref()?;
    let takes_part = site.effective.settings.finds_others();
    takes_part.then_some(namespace.security_group.as_str())
}

/// Where ECS enters the tasks of the service, if it does.
pub(crate) fn registries(site: &Site<'_>) -> Option<Value> {
    let settings = &site.effective.settings;
    let is_there = settings.is_registered() && site.platform.discovery.is_some();
    is_there.then(|| {
        json!([{
            "RegistryArn": attribute(NAME, "Arn"),
            "ContainerName": task::CONTAINER,
            "ContainerPort": settings.port,
        }])
    })
}

/// The name as callers write it, if there is one.
pub(crate) fn full_name(site: &Site<'_>) -> Option<String> {
    let namespace = site.platform.discovery.as_ref()?;
    let is_there = site.effective.settings.is_registered();
    is_there.then(|| format!("{}.{}", own_name(site), namespace.domain))
}

fn own_name(site: &Site<'_>) -> String {
    let effective = site.effective;
    let default = &site.platform.environment;
    name(&effective.service, &effective.environment, default)
}

fn entry(site: &Site<'_>, namespace: &Namespace) -> Value {
    json!({
        "Type": "AWS::ServiceDiscovery::Service",
        "Properties": {
            "Name": own_name(site),
            "Description": format!("Tasks of {}", site.family()),
            "NamespaceId": namespace.namespace,
            "DnsConfig": {
                // Every address, up to eight of them, in another order each time.
                "RoutingPolicy": "MULTIVALUE",
                "DnsRecords": [{"Type": "A", "TTL": TTL}, {"Type": "SRV", "TTL": TTL}],
            },
            // ECS says which tasks are healthy.
            "HealthCheckCustomConfig": {"FailureThreshold": 1},
        },
    })
}
