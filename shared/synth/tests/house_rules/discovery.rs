//! Names by which services call each other, and who is let in by them.

use serde_json::{Value, json};
use slipway_domain::{Effective, Platform};
use slipway_synth::Template;

use super::{Rules, of_type};

/// The rule that lets in those who find a service by its name.
const CALLERS: &str = "CallersIngress";

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let settings = &effective.settings;
    let resources = &template.as_value()["Resources"];
    let service = &resources["Service"]["Properties"];
    let Some(namespace) = &platform.discovery else {
        return;
    };
    let mut groups = vec![json!({"Fn::GetAtt": ["TaskSecurityGroup", "GroupId"]})];
    if settings.discovery {
        groups.push(namespace.security_group.as_str().into());
    }
    let imports = super::database::imports(effective, platform);
    let mut clients: Vec<_> = imports
        .iter()
        .filter(|it| it.ends_with("-Clients"))
        .collect();
    clients.sort();
    clients.dedup();
    groups.extend(clients.iter().map(|it| json!({"Fn::ImportValue": it})));
    rules.hold(
        service["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"] == json!(groups),
        "tasks carry other groups than their own, that of those who find each other, and their databases'",
    );
    let is_called = settings.discovery && settings.kind.listens();
    let callers = &resources[CALLERS]["Properties"];
    rules.hold(
        callers.is_object() == is_called
            && (!is_called
                || (callers["FromPort"] == settings.port
                    && callers["ToPort"] == settings.port
                    && callers["GroupId"] == groups[0]
                    && callers["SourceSecurityGroupId"] == namespace.security_group.as_str())),
        "others than those who find each other are let in by name",
    );
    let names = of_type(template, "AWS::ServiceDiscovery::Service");
    rules.hold(
        names.len() == usize::from(settings.is_registered()),
        "there is a name without `discovery`, or none with it",
    );
    let registries = &service["ServiceRegistries"];
    for name in &names {
        entry(rules, &name["Properties"], effective, platform);
        rules.hold(
            *registries
                == json!([{
                    "RegistryArn": {"Fn::GetAtt": ["Name", "Arn"]},
                    "ContainerName": "app",
                    "ContainerPort": settings.port,
                }]),
            "tasks are entered elsewhere than at their name",
        );
    }
    rules.hold(
        registries.is_null() || !names.is_empty(),
        "tasks are entered at no name",
    );
}

fn entry(rules: &mut Rules, name: &Value, effective: &Effective, platform: &Platform) {
    let (service, env) = (&effective.service, &effective.environment);
    let is_default = *env == platform.environment;
    let own = if is_default {
        service.to_string()
    } else {
        format!("{service}.{env}")
    };
    rules.hold(name["Name"] == own, "the name is another's");
    let namespace = platform.discovery.as_ref().map(|it| &*it.namespace);
    rules.hold(
        name["NamespaceId"].as_str() == namespace,
        "the name is in another namespace",
    );
    let records = name["DnsConfig"]["DnsRecords"].as_array();
    let kinds = records.into_iter().flatten().map(|it| &it["Type"]);
    rules.hold(
        kinds.eq(["A", "SRV"]),
        "the name leads to no address, or to no port",
    );
    rules.hold(
        name["HealthCheckCustomConfig"].is_object() && name["HealthCheckConfig"].is_null(),
        "somebody else than ECS says who is healthy",
    );
}

/// From the HTTP API's link to the tasks, with nothing between.
pub(super) fn way_in(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let port = effective.settings.port;
    let ingress = ingress_without_callers(template);
    rules.hold(
        ingress.len() == 1
            && ingress[0]["Properties"]["SourceSecurityGroupId"]
                == platform.vpc_link_security_group
            && ingress[0]["Properties"]["FromPort"] == port
            && ingress[0]["Properties"]["ToPort"] == port,
        "tasks hear more than the VPC link",
    );
    let integrations = of_type(template, "AWS::ApiGatewayV2::Integration");
    rules.hold(
        integrations
            .iter()
            .all(|it| it["Properties"]["ConnectionId"] == platform.vpc_link),
        "an integration goes through another link",
    );
    let balancing = template.resources().filter(|(_, resource)| {
        let kind = resource["Type"].as_str().unwrap_or_default();
        kind.contains("ElasticLoadBalancing") || kind.contains("WAF")
    });
    rules.hold(balancing.count() == 0, "there is a load balancer");
    let service = &template.as_value()["Resources"]["Service"]["Properties"];
    rules.hold(
        service.get("LoadBalancers").is_none(),
        "the service expects a load balancer",
    );
}

/// The rules of the tasks' group, but the one for those who find the service by its name.
pub(super) fn ingress_without_callers(template: &Template) -> Vec<&Value> {
    let rules = template.resources().filter(|(id, resource)| {
        *id != CALLERS && resource["Type"] == "AWS::EC2::SecurityGroupIngress"
    });
    rules.map(|(_, resource)| resource).collect()
}

/// What leads to a name and not to the tasks from outside.
pub(super) fn is_of_a_name(id: &str) -> bool {
    id == CALLERS
}
