//! Names by which services of the platform find each other: the manifest's `discovery`.
//!
//! Who says so is in the platform's DNS namespace, where a name leads to the addresses of its
//! tasks, and belongs to those that may call each other. A worker and a job, to which nobody connects,
//! and a function have no name there; they only find others.

use serde::{Deserialize, Serialize};

use crate::effective::Effective;
use crate::manifest::{Ingress, Kind, Settings};
use crate::name::{EnvironmentName, ServiceName};
use crate::platform::Platform;
use crate::problem::Broken;

/// The platform's namespace of AWS Cloud Map, with its DNS zone, which only the VPC knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    /// Its id, such as `ns-abcdefghijklmnop`.
    pub namespace: String,
    /// The domain below which services have their names, such as `petclinic.local`.
    pub domain: String,
    /// The id of the security group of those that take part: they may call each other.
    pub security_group: String,
}

impl Settings {
    /// Whether what runs belongs to those that may call each other by their names.
    pub fn finds_others(&self) -> bool {
        match self.kind {
            Kind::Web | Kind::Worker | Kind::Job => self.discovery,
            Kind::Database | Kind::LoadBalancer => false,
            Kind::Function => self.discovery && self.function.vpc,
        }
    }

    /// Whether its tasks are entered in the platform's namespace.
    pub fn is_registered(&self) -> bool {
        match self.kind {
            Kind::Web => self.discovery || self.ingress == Ingress::CloudMap,
            Kind::Worker | Kind::Job | Kind::Database | Kind::Function | Kind::LoadBalancer => {
                false
            }
        }
    }
}

/// The name of an environment within the namespace: the service's own in the platform's default
/// environment, `{service}.{env}` in others. A service's name has no dots, so that no two are the
/// same.
pub fn name(
    service: &ServiceName,
    environment: &EnvironmentName,
    default: &EnvironmentName,
) -> String {
    if environment == default {
        service.to_string()
    } else {
        format!("{service}.{environment}")
    }
}

/// What cannot go with a name.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = Vec::new();
    if settings.discovery && settings.kind == Kind::Function && !settings.function.vpc {
        let detail = "is of the platform's network, and this function is not in it: set `function.vpc`, or leave it out".to_owned();
        broken.push(Broken::unused(
            "/discovery",
            &["/kind", "/function/vpc"],
            detail,
        ));
    }
    let has_balancer = settings.way_in().has_load_balancer();
    if settings.finds_others() && has_balancer && settings.deploy.strategy.shifts() {
        let detail = "moves traffic at the load balancer, and who calls by the name that `discovery` gives comes past it, to the old and the new version alike: `rolling` would be right, or no `discovery`";
        let others = ["/discovery", "/kind"];
        broken.push(Broken::new("/deploy/strategy", &others, detail.to_owned()));
    }
    broken
}

/// What the platform lacks: the fields, and why.
pub(crate) fn missing(effective: &Effective, platform: &Platform) -> Vec<(&'static str, String)> {
    if platform.discovery.is_some() {
        return Vec::new();
    }
    let settings = &effective.settings;
    let by_name = "is of a DNS namespace, which this platform has none of: its parameter `DiscoveryDomain` makes one; false would be right until then";
    let way_in = "is `cloud-map`, and this platform has no DNS namespace: its parameter `DiscoveryDomain` makes one; `dedicated` would be right until then";
    let is_way_in = settings.way_in() == Ingress::CloudMap;
    [
        (settings.finds_others(), "discovery", by_name),
        (is_way_in, "ingress", way_in),
    ]
    .into_iter()
    .filter(|(is_missing, ..)| *is_missing)
    .map(|(_, field, detail)| (field, detail.to_owned()))
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Manifest, Platform};

    fn refused(mut manifest: Value) -> Vec<String> {
        manifest["service"] = "a".into();
        let problems = Manifest::read(&manifest).unwrap_err().problems;
        problems.into_iter().map(|it| it.pointer).collect()
    }

    #[test]
    fn a_name_is_the_services_own_and_in_other_environments_says_which() {
        let name = |service: &str, env: &str| {
            super::name(
                &service.parse().unwrap(),
                &env.parse().unwrap(),
                &"prod".parse().unwrap(),
            )
        };
        assert_eq!(name("orders", "prod"), "orders");
        assert_eq!(name("orders", "qa"), "orders.qa");
        assert_ne!(name("orders-qa", "prod"), name("orders", "qa"));
    }

    #[test]
    fn who_is_called_has_a_name_and_who_is_not_only_finds_others() {
        let registered = |document: Value| {
            let manifest = Manifest::read(&document).unwrap();
            manifest.settings.is_registered()
        };
        assert!(!registered(json!({"service": "a"})));
        assert!(registered(json!({"service": "a", "discovery": true})));
        let inside = json!({"service": "a", "discovery": true, "ingress": "none"});
        assert!(registered(inside));
        let worker = json!({"service": "a", "discovery": true, "kind": "worker"});
        assert!(!registered(worker));
        let function = json!({
            "service": "a", "discovery": true, "kind": "function", "function": {"vpc": true},
        });
        assert!(!registered(function));
    }

    #[test]
    fn names_are_refused_where_they_would_lead_astray() {
        let function = json!({"kind": "function", "discovery": true});
        assert_eq!(refused(function), ["/discovery"]);
        let shifting = json!({"discovery": true, "deploy": {"strategy": "canary"}});
        assert_eq!(refused(shifting), ["/deploy/strategy"]);
        // What is inherited, and says nothing there, is not refused.
        let inherited = json!({
            "service": "a", "discovery": true, "environments": {"qa": {"kind": "function"}},
        });
        Manifest::read(&inherited).unwrap();
    }

    #[test]
    fn a_platform_without_a_namespace_says_which_parameter_makes_one() {
        let manifest = json!({"service": "a", "environments": {"qa": {"discovery": true}}});
        let mut platform = Platform::sample();
        assert!(Manifest::read_on(&manifest, &platform).is_ok());
        platform.discovery = None;
        let way_in = json!({"service": "a", "ingress": "cloud-map"});
        let refused = Manifest::read_on(&way_in, &platform).unwrap_err();
        assert_eq!(refused.problems[0].pointer, "/ingress");
        let refused = Manifest::read_on(&manifest, &platform).unwrap_err();
        assert_eq!(refused.problems[0].pointer, "/environments/qa/discovery");
        assert!(
            refused.problems[0].detail.contains("DiscoveryDomain"),
            "{refused}"
        );
    }
}
