//! How much of each quota a change of a stack needs.

use std::collections::BTreeMap;

use serde_json::Value;
use slipway_synth::Template;

use crate::ports::QuotaKind;

/// How much more of each quota is needed; what is not is left out.
pub type Needs = BTreeMap<QuotaKind, u32>;

/// What `after` needs that `before` does not have.
pub fn needs(before: Option<&Template>, after: &Template) -> Needs {
    let had = before.map(counted).unwrap_or_default();
    counted(after)
        .into_iter()
        .filter_map(|(kind, count)| {
            let more = count.saturating_sub(had.get(&kind).copied().unwrap_or_default());
            (more > 0).then_some((kind, more))
        })
        .collect()
}

fn counted(template: &Template) -> Needs {
    let mut counts = Needs::from([(QuotaKind::Stacks, 1)]);
    for (_, resource) in template.resources() {
        if let Some(kind) = kind_of(resource["Type"].as_str().unwrap_or_default()) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    counts.insert(QuotaKind::FargateVcpus, vcpus(template));
    counts
}

fn kind_of(resource_type: &str) -> Option<QuotaKind> {
    Some(match resource_type {
        "AWS::ElasticLoadBalancingV2::LoadBalancer" => QuotaKind::LoadBalancers,
        "AWS::ElasticLoadBalancingV2::TargetGroup" => QuotaKind::TargetGroups,
        "AWS::ApiGatewayV2::Route" => QuotaKind::Routes,
        "AWS::ApiGatewayV2::Integration" => QuotaKind::Integrations,
        "AWS::IAM::Role" => QuotaKind::Roles,
        _ => return None,
    })
}

/// The vCPUs of the fewest tasks on demand, rounded up: Spot has a quota of its own, and instances
/// none of Fargate's.
fn vcpus(template: &Template) -> u32 {
    let find = |resource_type: &str, property: &str| -> Option<u32> {
        let (_, resource) = template
            .resources()
            .find(|(_, resource)| resource["Type"] == resource_type)?;
        match &resource["Properties"][property] {
            Value::String(text) => text.parse().ok(),
            other => u32::try_from(other.as_u64()?).ok(),
        }
    };
    let cpu = find("AWS::ECS::TaskDefinition", "Cpu").unwrap_or_default();
    let tasks = find("AWS::ApplicationAutoScaling::ScalableTarget", "MinCapacity");
    // A service that may sleep begins with one.
    (cpu * template.on_demand(tasks.unwrap_or(1).max(1))).div_ceil(1024)
}
