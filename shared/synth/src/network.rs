//! Who may talk to whom: VPC link → load balancer → tasks, and nothing else inwards. Without a load
//! balancer, VPC link → tasks; and services that find each other by their names.
//!
//! The load balancer's group names the tasks' group in its own rules, and the tasks' rule
//! back is a resource of its own: with both inside, the groups would need each other first.
//! Rules inside the load balancer's group also take EC2's default, egress to anywhere, away.

use serde_json::{Value, json};
use slipway_domain::manifest::Ingress;

use crate::database::client;
use crate::environment_stack::{Resources, Site};
use crate::intrinsic::attribute;
use crate::{cluster, discovery, tags};

pub(crate) const LOAD_BALANCER_GROUP: &str = "LoadBalancerSecurityGroup";
pub(crate) const TASK_GROUP: &str = "TaskSecurityGroup";
const TASK_INGRESS: &str = "TaskIngress";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let mut tasks = json!({
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": format!("Tasks of {}", site.family()),
            "VpcId": site.platform.vpc,
            // Images, AWS's APIs and whatever else the service calls, through NAT or
            // endpoints: tasks have no public address.
            "SecurityGroupEgress": [{
                "Description": "Anywhere",
                "IpProtocol": "-1",
                "CidrIp": "0.0.0.0/0",
            }],
        },
    });
    if !cluster::is_own(site) {
        // The cluster bears it elsewhere.
        tasks["Properties"]["Tags"] = tags::lifeline(site.platform);
    }
    to.add(TASK_GROUP, tasks);
    if let Some(shared) = site.shared {
        add_task_ingress(to, site, &json!(shared.balancer.security_group));
    } else if site.effective.settings.way_in() == Ingress::CloudMap {
        let link = json!(site.platform.vpc_link_security_group);
        let rule = task_ingress(site, "The VPC link of the platform", &link);
        to.add(TASK_INGRESS, rule);
    } else if site.effective.settings.way_in().has_load_balancer() {
        add_load_balancer(to, site);
    }
}

fn add_load_balancer(to: &mut Resources, site: &Site<'_>) {
    let settings = &site.effective.settings;
    to.add(
        LOAD_BALANCER_GROUP,
        json!({
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": format!("Load balancer of {}", site.family()),
                "VpcId": site.platform.vpc,
                "SecurityGroupIngress": [{
                    "Description": "The VPC link of the platform",
                    "IpProtocol": "tcp",
                    "FromPort": settings.listener_port,
                    "ToPort": settings.listener_port,
                    "SourceSecurityGroupId": site.platform.vpc_link_security_group,
                }],
                "SecurityGroupEgress": [{
                    "Description": "Its tasks",
                    "IpProtocol": "tcp",
                    "FromPort": settings.port,
                    "ToPort": settings.port,
                    "DestinationSecurityGroupId": attribute(TASK_GROUP, "GroupId"),
                }],
            },
        }),
    );
    add_task_ingress(to, site, &attribute(LOAD_BALANCER_GROUP, "GroupId"));
}

fn add_task_ingress(to: &mut Resources, site: &Site<'_>, from: &Value) {
    let rule = task_ingress(site, "Their load balancer", from);
    to.add(TASK_INGRESS, rule);
}

/// Opens the tasks' port to a security group.
pub(crate) fn task_ingress(site: &Site<'_>, description: &str, from: &Value) -> Value {
    let port = site.effective.settings.port;
    json!({
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "Description": description,
            "GroupId": attribute(TASK_GROUP, "GroupId"),
            "IpProtocol": "tcp",
            "FromPort": port,
            "ToPort": port,
            "SourceSecurityGroupId": from,
        },
    })
}

/// The security groups that tasks, or a function, carry: their own, the one of those who find each
/// other by name, and those that databases let in. VPC allows five of them.
pub(crate) fn groups(site: &Site<'_>) -> Vec<Value> {
    let mut groups = vec![attribute(TASK_GROUP, "GroupId")];
    groups.extend(discovery::group(site).map(Value::from));
    groups.extend(client::groups(site));
    groups
}
