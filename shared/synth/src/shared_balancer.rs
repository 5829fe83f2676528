//! A service's part of a load balancer that it shares with others: a rule, and target groups.
//!
//! The load balancer, its listener and its security group are the platform's. The rule has the
//! place that was claimed for its path, so that no two services have the same priority, and of two
//! that a request lies under the longer one is asked first.
//!
//! The HTTP API reaches a shared load balancer through one integration for all, which cannot take
//! off the prefix of each: the rule does, by a transform.

use serde_json::{Value, json};
use slipway_domain::balancer::priorities;
use slipway_domain::manifest::{Authorization, Settings};
use slipway_domain::{Balancer, Effective, Platform, RoutePath};

use crate::environment_stack::{Resources, RunState, Site};
use crate::{load_balancer, names};

/// The header in which the platform's integration says by which route a request came. Whatever a
/// caller writes there is overwritten.
const ROUTE_HEADER: &str = "x-slipway-route";

/// Where a service is on one of the platform's load balancers.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) balancer: &'a Balancer,
    /// The priority of the service's rule.
    priority: u32,
}

/// Where the service is, if it shares a load balancer and the platform has that one.
pub(crate) fn find<'a>(
    effective: &Effective,
    platform: &'a Platform,
    run: &RunState,
) -> Option<Shared<'a>> {
    let balancers = effective.settings.way_in().balancers(platform);
    let Some(place) = &run.place else {
        return Some(Shared {
            balancer: balancers.first()?,
            priority: *priorities(effective.path.as_ref()?).start(),
        });
    };
    let is_its = |it: &&Balancer| it.name == place.on;
    Some(Shared {
        balancer: balancers.iter().find(is_its)?,
        priority: place.number,
    })
}

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let (Some(shared), Some(path)) = (site.shared, &site.effective.path) else {
        return;
    };
    for group in load_balancer::target_groups(site) {
        let mut resource = load_balancer::target_group(site);
        let first = name(site, shared.balancer);
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
fn name(site: &Site<'_>, balancer: &Balancer) -> String {
    let Site {
        effective,
        platform,
        ..
    } = site;
    let part = format!(
        "{} {} {}",
        balancer.full_name(),
        platform.vpc,
        effective.settings.port
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
