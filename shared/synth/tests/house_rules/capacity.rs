//! What tasks run on, and whose cluster they are in.

use serde_json::{Value, json};
use slipway_domain::manifest::{Capacity, Cluster};
use slipway_domain::{Effective, Platform};
use slipway_synth::{PLACEMENT_OUTPUT, Template};

use super::{Rules, of_type};

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let value = template.as_value();
    let service = &value["Resources"]["Service"]["Properties"];
    clusters(rules, template, effective, platform);
    let by_default = effective.settings.capacity == Capacity::Fargate;
    rules.hold(
        service["LaunchType"].is_string() == by_default
            && service["CapacityProviderStrategy"].is_array() != by_default
            // It makes the way from one to the other a replacement.
            && service["SchedulingStrategy"].is_string() != by_default,
        "a launch type beside a strategy, or neither",
    );
    let usual = by_default && effective.settings.cluster == Cluster::Dedicated;
    rules.hold(
        value["Outputs"][PLACEMENT_OUTPUT].is_null() == usual
            && template.placement().is_none() == usual,
        "where tasks are placed is not told",
    );
    strategy(rules, service, effective, platform);
    let compatible = match effective.settings.capacity {
        Capacity::Fargate | Capacity::FargateSpot => "FARGATE",
        Capacity::Ec2 => "EC2",
    };
    let task = &value["Resources"]["TaskDefinition"]["Properties"];
    rules.hold(
        task["RequiresCompatibilities"] == json!([compatible]) && task["NetworkMode"] == "awsvpc",
        "the tasks are made for something else than they run on",
    );
}

fn clusters(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let own = effective.settings.cluster == Cluster::Dedicated;
    let name = if own {
        json!({"Ref": "Cluster"})
    } else {
        json!(platform.shared_cluster)
    };
    let value = template.as_value();
    let resources = &value["Resources"];
    rules.hold(
        resources["Cluster"].is_object() == own
            && resources["Service"]["Properties"]["Cluster"] == name
            && value["Outputs"]["Cluster"]["Value"] == name
            && resources["ScalableTarget"]["Properties"]["ResourceId"]["Fn::Join"][1][1] == name,
        "two clusters are spoken of",
    );
    let dimensions = dimensions(template);
    rules.hold(
        dimensions.iter().all(|it| **it == name),
        "an alarm looks at another cluster",
    );
    let spot = effective.settings.capacity == Capacity::FargateSpot;
    let associations = of_type(template, "AWS::ECS::ClusterCapacityProviderAssociations");
    rules.hold(
        associations.len() == usize::from(own && spot),
        "a cluster lacks its capacity providers, or one is changed that is not the service's",
    );
    let after = &resources["Service"]["DependsOn"];
    rules.hold(
        after
            .as_array()
            .is_some_and(|after| after.contains(&json!("CapacityProviders")))
            == (own && spot),
        "the service may be there before its capacity",
    );
}

/// Every value of the dimension `ClusterName`.
fn dimensions(template: &Template) -> Vec<&Value> {
    fn seek<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(fields) => {
                if value["Name"] == "ClusterName" {
                    found.push(&value["Value"]);
                }
                fields.values().for_each(|value| seek(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| seek(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    seek(template.as_value(), &mut found);
    found
}

fn strategy(rules: &mut Rules, service: &Value, effective: &Effective, platform: &Platform) {
    let items = service["CapacityProviderStrategy"].as_array();
    let items: Vec<(&str, u64, u64)> = items
        .into_iter()
        .flatten()
        .map(|item| {
            let number = |name: &str| item[name].as_u64().unwrap_or_default();
            let provider = item["CapacityProvider"].as_str().unwrap_or_default();
            (provider, number("Base"), number("Weight"))
        })
        .collect();
    let base = u64::from(effective.settings.spot.base);
    let expected = match effective.settings.capacity {
        Capacity::Fargate => vec![],
        Capacity::FargateSpot if base == 0 => vec![("FARGATE_SPOT", 0, 1)],
        Capacity::FargateSpot => vec![("FARGATE", base, 0), ("FARGATE_SPOT", 0, 1)],
        Capacity::Ec2 => {
            let provider = platform.ec2.as_ref().map(|ec2| ec2.provider.as_str());
            vec![(provider.unwrap_or_default(), 0, 1)]
        }
    };
    rules.hold(items == expected, "tasks are shared out in another way");
    let placement = service["PlacementStrategies"].as_array().map(Vec::len);
    rules.hold(
        placement
            == match effective.settings.capacity {
                Capacity::Fargate => None,
                Capacity::FargateSpot => Some(0),
                Capacity::Ec2 => Some(2),
            },
        "tasks on instances are not spread, or those on Fargate are",
    );
}
