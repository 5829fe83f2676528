//! What goes with a way in, and what does not.

use crate::alarms::Alert;
use crate::balancer;
use crate::manifest::{Authorization, Health, Ingress, Kind, Settings};
use crate::platform::Platform;
use crate::problem::Broken;

impl Ingress {
    /// Whether callers reach the service under a path.
    pub fn has_path(self) -> bool {
        match self {
            Self::Dedicated | Self::Shared | Self::Public | Self::CloudMap => true,
            Self::None => false,
        }
    }

    /// Whether requests come through the platform's HTTP API, which lets callers in or not.
    pub fn is_on_api(self) -> bool {
        match self {
            Self::Dedicated | Self::Shared | Self::CloudMap => true,
            Self::Public | Self::None => false,
        }
    }

    /// Whether a load balancer is in front of the tasks. It checks their health, counts requests,
    /// moves traffic between two versions, and calls whoever wakes a service that sleeps.
    pub fn has_load_balancer(self) -> bool {
        match self {
            Self::Dedicated | Self::Shared | Self::Public => true,
            Self::CloudMap | Self::None => false,
        }
    }

    /// Whether that load balancer is the platform's, and others have their rules on it.
    pub fn is_platforms(self) -> bool {
        match self {
            Self::Shared | Self::Public => true,
            Self::Dedicated | Self::CloudMap | Self::None => false,
        }
    }

    /// The names of the platform's load balancers of this kind on which a service may be that is
    /// on none, in the order in which they fill. Shared ones need not be there yet.
    pub fn balancers(self, platform: &Platform) -> Vec<String> {
        match self {
            Self::Shared => balancer::shared(platform).collect(),
            Self::Public => {
                let all = platform.public_load_balancers.iter();
                all.map(|it| it.name.clone()).collect()
            }
            Self::Dedicated | Self::CloudMap | Self::None => Vec::new(),
        }
    }

    /// Whether a load balancer of this name is one of these. A shared one stays for those who are on
    /// it, also where the platform would make fewer by now.
    pub fn has(self, name: &str, platform: &Platform) -> bool {
        match self {
            Self::Shared => balancer::is_shared(name),
            Self::Public => platform
                .public_load_balancers
                .iter()
                .any(|it| it.name == name),
            Self::Dedicated | Self::CloudMap | Self::None => false,
        }
    }

    /// The parameter of the platform that allows load balancers of this kind.
    pub fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Shared => Some("SharedLoadBalancers"),
            Self::Public => Some("PublicLoadBalancer"),
            Self::Dedicated | Self::CloudMap | Self::None => None,
        }
    }

    /// The name as manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Shared => "shared",
            Self::Public => "public",
            Self::CloudMap => "cloud-map",
            Self::None => "none",
        }
    }
}

impl Settings {
    /// The way in to its tasks: what `ingress` says, for those that anybody calls.
    pub fn way_in(&self) -> Ingress {
        match self.kind {
            Kind::Web => self.ingress,
            Kind::Worker | Kind::Job | Kind::Database | Kind::Function | Kind::LoadBalancer => {
                Ingress::None
            }
        }
    }

    /// Whether callers reach it, under a path.
    pub fn is_reached(&self) -> bool {
        match self.kind {
            Kind::Web | Kind::Worker | Kind::Job => self.way_in().has_path(),
            Kind::Database | Kind::LoadBalancer => false,
            Kind::Function => self.ingress != Ingress::None,
        }
    }
}

/// What is said of a way in that there is not.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = Vec::new();
    if !settings.way_in().has_load_balancer() {
        broken.extend(needs_a_load_balancer(settings));
    }
    if settings.way_in().is_platforms() {
        broken.extend(needs_an_own_one(settings));
    }
    broken.extend(needs_a_way_in(settings));
    // Where there is no queue either, the rules of scaling say so.
    let wakes = settings.way_in() == Ingress::CloudMap && settings.has_queue();
    if wakes && settings.scaling.may_sleep() {
        let detail = "lets the service sleep, and with the ingress `cloud-map` no caller would wake it: 1 or more would be right, also in `schedule`, or the ingress `dedicated`".to_owned();
        let others = ["/ingress", "/scaling/schedule", "/scaling/queue"];
        broken.push(Broken::new("/scaling/min", &others, detail));
    }
    broken
}

/// What is wrong with the way in on this platform; nothing where it has such a one.
pub(crate) fn missing(ingress: Ingress, platform: &Platform) -> Option<String> {
    let parameter = ingress.parameter()?;
    ingress.balancers(platform).is_empty().then(|| {
        format!(
            "is `{}`, and this platform has no such load balancer: its parameter `{parameter}` allows one; `dedicated` would be right until then",
            ingress.name()
        )
    })
}

/// What only a load balancer of the service's own can do.
fn needs_an_own_one(settings: &Settings) -> Vec<Broken> {
    let ingress = settings.ingress.name();
    let mut broken = Vec::new();
    if settings.scaling.may_sleep() {
        let detail = format!(
            "lets the service sleep, and with the ingress `{ingress}` nobody would wake it: 1 or more would be right, also in `schedule`, or the ingress `dedicated`"
        );
        let others = ["/ingress", "/scaling/schedule"];
        broken.push(Broken::new("/scaling/min", &others, detail));
    }
    if settings.listener_port != Settings::default().listener_port {
        let detail = format!(
            "is for a load balancer of the service's own, and with the ingress `{ingress}` it is the platform's: leave it out"
        );
        broken.push(Broken::unused("/listener_port", &["/ingress"], detail));
    }
    broken
}

/// With what there is no way in, or no load balancer.
fn with(settings: &Settings) -> String {
    match settings.kind {
        Kind::Web => format!("with the ingress `{}`", settings.ingress.name()),
        Kind::Worker | Kind::Job | Kind::Database | Kind::Function | Kind::LoadBalancer => {
            format!("with the kind `{}`", settings.kind.name())
        }
    }
}

/// What only a load balancer can do.
fn needs_a_load_balancer(settings: &Settings) -> Vec<Broken> {
    let without = format!("and {} there is none", with(settings));
    let mut broken = Vec::new();
    let mut refuse = |is_said: bool, pointer: &str, what: &str| {
        if is_said {
            let detail = format!("{what}, {without}");
            broken.push(Broken::new(pointer, &["/ingress", "/kind"], detail));
        }
    };
    // Lambda measures a function's calls, and moves them.
    let is_function = settings.kind == Kind::Function;
    refuse(
        settings.deploy.strategy.shifts() && !is_function,
        "/deploy/strategy",
        "moves traffic at a load balancer: `rolling` would be right",
    );
    refuse(
        settings.scaling.requests.is_some(),
        "/scaling/requests",
        "is counted by a load balancer: leave it out",
    );
    for alert in &settings.alarms.on {
        let of_balancer = match alert {
            Alert::Errors | Alert::ResponseTime | Alert::Unhealthy => !is_function,
            Alert::Throttles
            | Alert::Timeout
            | Alert::Cpu
            | Alert::Memory
            | Alert::DeadLetters
            | Alert::FailedRuns
            | Alert::Capacity
            | Alert::Connections
            | Alert::ReplicaLag => false,
        };
        let what = format!("names `{}`, which a load balancer measures", alert.name());
        refuse(of_balancer, "/alarms/on", &what);
    }
    // A check inside the container needs nobody in front of it.
    let of_container = Health {
        container: settings.health.container.clone(),
        ..Health::default()
    };
    if settings.health != of_container {
        let detail = format!("is what a load balancer checks, {without}: leave it out");
        broken.push(Broken::unused("/health", &["/ingress", "/kind"], detail));
    }
    if settings.listener_port != Settings::default().listener_port {
        let detail = format!("is a load balancer's, {without}: leave it out");
        broken.push(Broken::unused(
            "/listener_port",
            &["/ingress", "/kind"],
            detail,
        ));
    }
    broken
}

/// What is of the path under which a service is reached, and of the HTTP API before it.
fn needs_a_way_in(settings: &Settings) -> Vec<Broken> {
    let default = Settings::default();
    let is_on_api = match settings.kind {
        Kind::Web | Kind::Worker | Kind::Job => settings.way_in().is_on_api(),
        Kind::Database | Kind::Function | Kind::LoadBalancer => settings.is_reached(),
    };
    let unused = |pointer: &str, is_for: &str| {
        let detail = format!(
            "is for {is_for}, and {} it is none: leave it out",
            with(settings)
        );
        Broken::unused(pointer, &["/ingress", "/kind"], detail)
    };
    let mut broken = Vec::new();
    if !settings.is_reached() {
        let callers = "a service that callers reach";
        if settings.path.is_some() {
            broken.push(unused("/path", callers));
        }
        if settings.strip_path != default.strip_path {
            broken.push(unused("/strip_path", callers));
        }
    }
    if !is_on_api && settings.authorization != Authorization::None {
        let is_for = "a service behind the platform's HTTP API";
        broken.push(unused("/authorization", is_for));
    }
    broken
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Manifest;

    fn refused(mut manifest: Value) -> Vec<String> {
        manifest["service"] = "a".into();
        let problems = Manifest::read(&manifest).unwrap_err().problems;
        problems.into_iter().map(|it| it.pointer).collect()
    }

    #[test]
    fn nothing_leads_to_a_service_without_ingress() {
        let manifest = json!({"service": "a", "ingress": "none"});
        let manifest = Manifest::read(&manifest).unwrap();
        let prod = "prod".parse().unwrap();
        assert_eq!(manifest.effective(&prod, &prod).unwrap().path, None);
    }

    #[test]
    fn what_a_load_balancer_does_is_refused_where_there_is_none() {
        let manifest = json!({
            "ingress": "none",
            "deploy": {"strategy": "canary"},
            "scaling": {"min": 0, "requests": 100},
            "alarms": {"on": ["cpu", "errors"]},
            "health": {"path": "/healthz"},
            "listener_port": 8080,
        });
        let expected = [
            "/alarms/on",
            "/deploy/strategy",
            "/health",
            "/listener_port",
            "/scaling/min",
            "/scaling/requests",
        ];
        assert_eq!(refused(manifest), expected);
    }

    #[test]
    fn without_a_load_balancer_callers_reach_the_tasks_and_nothing_measures_them() {
        let manifest = json!({
            "service": "a", "ingress": "cloud-map", "path": "/x", "strip_path": false,
            "authorization": "iam", "health": {"container": {"command": ["true"]}},
            "environments": {"qa": {"ingress": "none"}},
        });
        let manifest = Manifest::read(&manifest).unwrap();
        let prod = "prod".parse().unwrap();
        let effective = manifest.effective(&prod, &prod).unwrap();
        assert_eq!(effective.path.unwrap().as_str(), "/x");
        assert!(effective.settings.is_registered());
        let manifest = json!({
            "ingress": "cloud-map", "deploy": {"strategy": "canary"}, "discovery": true,
            "scaling": {"min": 0, "requests": 100}, "alarms": {"on": ["errors"]},
            "health": {"path": "/healthz"}, "listener_port": 8080,
        });
        let expected = [
            "/alarms/on",
            "/deploy/strategy",
            "/health",
            "/listener_port",
            "/scaling/min",
            "/scaling/requests",
        ];
        assert_eq!(refused(manifest), expected);
        let queue = json!({"min": 0, "queue": {"name": "jobs"}});
        let manifest = json!({"ingress": "cloud-map", "scaling": queue});
        assert_eq!(refused(manifest), ["/scaling/min"]);
    }

    #[test]
    fn what_a_path_is_for_is_refused_where_nobody_calls() {
        let manifest = json!({
            "ingress": "none", "path": "/a", "strip_path": false, "authorization": "iam",
        });
        let expected = ["/authorization", "/path", "/strip_path"];
        assert_eq!(refused(manifest), expected);
    }

    #[test]
    fn an_environment_without_ingress_inherits_what_is_for_the_others() {
        let manifest = json!({
            "service": "a", "path": "/x", "health": {"path": "/healthz"},
            "environments": {"qa": {"ingress": "none"}},
        });
        Manifest::read(&manifest).unwrap();
    }

    #[test]
    fn a_queue_wakes_a_service_that_nobody_calls() {
        let queue = json!({"min": 0, "queue": {"name": "jobs"}});
        let manifest = json!({"service": "a", "ingress": "none", "scaling": queue});
        Manifest::read(&manifest).unwrap();
    }

    #[test]
    fn what_only_an_own_load_balancer_can_do_is_refused_on_a_shared_one() {
        for ingress in ["shared", "public"] {
            let manifest =
                json!({"ingress": ingress, "listener_port": 8080, "scaling": {"min": 0}});
            assert_eq!(refused(manifest), ["/listener_port", "/scaling/min"]);
        }
        let manifest = json!({"ingress": "public", "authorization": "iam"});
        assert_eq!(refused(manifest), ["/authorization"]);
    }

    #[test]
    fn a_platform_without_such_a_load_balancer_says_which_parameter_makes_one() {
        let mut platform = crate::Platform::sample();
        for (ingress, parameter) in [
            ("shared", "SharedLoadBalancers"),
            ("public", "PublicLoadBalancer"),
        ] {
            let manifest = json!({"service": "a", "environments": {"qa": {"ingress": ingress}}});
            assert!(Manifest::read_on(&manifest, &platform).is_ok());
            platform.shared_load_balancers = 0;
            platform.public_load_balancers.clear();
            let refused = Manifest::read_on(&manifest, &platform).unwrap_err();
            assert_eq!(refused.problems[0].pointer, "/environments/qa/ingress");
            assert!(refused.problems[0].detail.contains(parameter), "{refused}");
            platform = crate::Platform::sample();
        }
    }
}
