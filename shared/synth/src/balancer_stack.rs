//! The stack of a load balancer that services share: an internal one, its listener, and the
//! integration by which the platform's HTTP API leads to it.
//!
//! The control plane registers it when the first service needs it, as others register databases. What
//! services need of it is exported: `CloudFormation` itself refuses to delete what somebody imports.
//! Its security group is the platform's, and the same for all of them.

use serde_json::{Value, json};
use slipway_domain::stack::Scope;
use slipway_domain::{Effective, Platform, ServiceName, StackName};

use crate::environment_stack::{Resources, manifest};
use crate::intrinsic::{attribute, reference};
use crate::load_balancer::{self, LISTENER, LOAD_BALANCER};
use crate::routes::INTEGRATION;
use crate::template::Template;
use crate::{firewall, routes, shared_balancer, stamp, tags};

/// The port on which it listens.
const PORT: u32 = 80;

/// The stack of a shared load balancer. It is in the platform's default environment, whichever
/// environments of services are on it.
pub(crate) fn stack(effective: &Effective, platform: &Platform) -> Template {
    let mut resources = Resources::default();
    let group = json!(platform.shared_security_group);
    let mut balancer = load_balancer::internal(platform, &group);
    balancer["Properties"]["Tags"] = tags::lifeline(platform);
    resources.add(LOAD_BALANCER, balancer);
    resources.add(LISTENER, load_balancer::listener(PORT));
    resources.add(INTEGRATION, integration(platform));
    firewall::add(&mut resources, platform);
    let description = format!(
        "Slipway: the load balancer {} that services share on {}",
        effective.service, platform.name
    );
    let stack = stack_of(platform, effective.service.clone());
    let mut template = Template::new(&description, resources.0, outputs(&stack));
    stamp::put(&mut template, LOAD_BALANCER, &manifest(effective));
    template
}

/// What its stack exports, by the end of the export's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    /// The ARN of the listener that services have their rules on.
    Listener,
    /// The name by which metrics know it.
    LoadBalancerName,
    /// The id of the integration that leads to it.
    Integration,
}

impl Export {
    const ALL: [Self; 3] = [Self::Listener, Self::LoadBalancerName, Self::Integration];

    fn id(self) -> &'static str {
        match self {
            Self::Listener => "Listener",
            Self::LoadBalancerName => "LoadBalancerName",
            Self::Integration => "Integration",
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Listener => reference(LISTENER),
            Self::LoadBalancerName => attribute(LOAD_BALANCER, "LoadBalancerFullName"),
            Self::Integration => reference(INTEGRATION),
        }
    }

    /// What the stack `stack` exports under this name.
    pub(crate) fn import(self, stack: &StackName) -> Value {
        json!({"Fn::ImportValue": self.name(stack)})
    }

    fn name(self, stack: &StackName) -> String {
        format!("{stack}-{}", self.id())
    }
}

/// The stack of the shared load balancer `name`.
pub(crate) fn stack_of(platform: &Platform, name: ServiceName) -> StackName {
    StackName {
        platform: platform.name.clone(),
        service: name,
        scope: Scope::Environment(platform.environment.clone()),
    }
}

/// What a caller writes into a header that is overwritten here is lost. A rule that wants to know
/// the route asks for the second one.
fn integration(platform: &Platform) -> Value {
    let mut integration = routes::through_link(platform, &reference(LISTENER));
    integration["RequestParameters"] = json!({
        "overwrite:header.x-real-ip": "$context.identity.sourceIp",
        format!("overwrite:header.{}", shared_balancer::ROUTE_HEADER): "$context.routeKey",
    });
    json!({"Type": "AWS::ApiGatewayV2::Integration", "Properties": integration})
}

fn outputs(stack: &StackName) -> Value {
    let mut outputs = json!({});
    for export in Export::ALL {
        outputs[export.id()] = json!({
            "Value": export.value(),
            "Export": {"Name": export.name(stack)},
        });
    }
    let address = attribute(LOAD_BALANCER, "DNSName");
    outputs["LoadBalancer"] = json!({"Value": address});
    outputs
}
