//! A service's part of a load balancer that it shares with others: a rule, and target groups.
//!
//! The load balancer and its listener are the platform's, or those of a stack of their own
//! ([`balancer_stack`]), from which they are imported. The rule has the place that
//! was claimed for its path, so that no two services have the same priority, and of two that a
//! request lies under the longer one is asked first.
//!
//! The HTTP API reaches a shared load balancer through one integration for all, which cannot take
//! off the prefix of each: the rule does, by a transform.

use serde_json::{Value, json};
use slipway_domain::balancer::{self, priorities};
use slipway_domain::manifest::{Authorization, Ingress, Settings};
use slipway_domain::{Balancer, Effective, Place, Platform, RoutePath};

use crate::balancer_stack::{self, Export};
use crate::environment_stack::{Resources, RunState, Site};
use crate::{load_balancer, names};

/// The load balancer that is rendered where no place is known.
const FIRST: &str = "shared-1";

/// The header in which the load balancer's integration says by which route a request came. Whatever
/// a caller writes there is overwritten.
pub(crate) const ROUTE_HEADER: &str = "x-slipway-route";

/// Where a service is on a load balancer of the platform's.
#[derive(Clone)]
pub(crate) struct Shared<'a> {
    /// What no other load balancer has that its target groups could have been on.
    identity: &'a str,
    pub(crate) listener: Value,
    /// The name by which metrics know it.
    pub(crate) full_name: Value,
    pub(crate) security_group: &'a str,
    /// The integration of the HTTP API that leads to it; none where the HTTP API does not.
    pub(crate) integration: Option<Value>,
    /// Where callers reach it, if that is not the HTTP API.
    pub(crate) url: Option<&'a str>,
    /// The priority of the service's rule.
    priority: u32,
}

/// Where the service is, if it shares a load balancer and the platform has that one.
pub(crate) fn find<'a>(
    effective: &Effective,
    platform: &'a Platform,
    run: &'a RunState,
) -> Option<Shared<'a>> {
    let ingress = effective.settings.way_in();
    match (ingress, &run.place) {
        (Ingress::Public, place) => {
            let is_its = |it: &&Balancer| place.as_ref().is_none_or(|place| it.name == place.on);
            let balancer = platform.public_load_balancers.iter().find(is_its)?;
            Some(public(balancer, priority(effective, place.as_ref())?))
        }
        (Ingress::Shared, Some(place)) => {
            internal(&place.on, platform, priority(effective, Some(place))?)
        }
        (Ingress::Shared, None) if platform.shared_load_balancers > 0 => {
            internal(FIRST, platform, priority(effective, None)?)
        }
        (Ingress::Shared | Ingress::Dedicated | Ingress::CloudMap | Ingress::None, _) => None,
    }
}

/// The priority that was claimed, or the first of the path's depth.
fn priority(effective: &Effective, place: Option<&Place>) -> Option<u32> {
    match place {
        Some(place) => Some(place.number),
        None => Some(*priorities(effective.path.as_ref()?).start()),
    }
}

fn public(balancer: &Balancer, priority: u32) -> Shared<'_> {
    Shared {
        identity: balancer.full_name(),
        listener: balancer.listener.as_str().into(),
        full_name: balancer.full_name().into(),
        security_group: &balancer.security_group,
        integration: None,
        url: Some(&balancer.url),
        priority,
    }
}

/// One that has a stack of its own, which exports what leads to it. Nothing of it can change for
/// another while somebody imports it, and so its name says which one it is.
fn internal<'a>(name: &'a str, platform: &'a Platform, priority: u32) -> Option<Shared<'a>> {
    let stack = balancer_stack::stack_of(platform, balancer::registered(name)?);
    Some(Shared {
        identity: name,
        listener: Export::Listener.import(&stack),
        full_name: Export::LoadBalancerName.import(&stack),
        security_group: &platform.shared_security_group,
        integration: Some(Export::Integration.import(&stack)),
        url: None,
        priority,
    })
}

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let (Some(shared), Some(path)) = (&site.shared, &site.effective.path) else {
        return;
    };
    for group in load_balancer::target_groups(site) {
        let mut resource = load_balancer::target_group(site);
        let first = name(site, shared);
        let is_second = *group == load_balancer::ALTERNATE;
        let name = if is_second {
            names::second_target_group(&first)
        } else {
            first
        };
        resource["Properties"]["Name"] = name.into();
        to.add(group, resource);
    }
    let patterns = [path.to_string(), format!("{path}/*")];
    let mut rule = load_balancer::rule(site, shared.priority, &patterns);
    refine(&mut rule["Properties"], &site.effective.settings, path);
    to.add(load_balancer::RULE, rule);
}

/// A target group belongs to one load balancer for good. The name is made from that one, and from
/// all that cannot change, so that another group takes its place where one of these does.
fn name(site: &Site<'_>, shared: &Shared<'_>) -> String {
    let Site {
        effective,
        platform,
        ..
    } = site;
    let part = format!(
        "{} {} {}",
        shared.identity, platform.vpc, effective.settings.port
    );
    names::target_group(platform, &effective.service, &effective.environment, &part)
}

fn refine(rule: &mut Value, settings: &Settings, path: &RoutePath) {
    // Who may call a service is said of its routes, and which service is called is said here. Where
    // the two could understand a path differently, the rule wants the route as well.
    if settings.authorization != Authorization::None
        && let Some(conditions) = rule["Conditions"].as_array_mut()
    {
        conditions.push(json!({
            "Field": "http-header",
            "HttpHeaderConfig": {
                "HttpHeaderName": ROUTE_HEADER,
                "Values": [format!("ANY {path}"), format!("ANY {path}/{{proxy+}}")],
            },
        }));
    }
    if settings.strip_path {
        rule["Transforms"] = json!([{
            "Type": "url-rewrite",
            // Path and query string ("Transforms for listener rules" in the user guide of
            // Application Load Balancers).
            "UrlRewriteConfig": {"Rewrites": [{
                "Regex": format!("^{}/?(.*)$", path.as_str().replace('.', r"\.")),
                "Replace": "/$1",
            }]},
        }]);
    }
}
