//! What goes with a way in, and what does not.

use crate::alarms::Alert;
use crate::manifest::{Authorization, Health, Ingress, Kind, Settings};
use crate::problem::Broken;

impl Ingress {
    /// Whether requests reach the service through the platform's HTTP API, under a path.
    pub fn is_way_in(self) -> bool {
        match self {
            Self::Dedicated => true,
            Self::None => false,
        }
    }

    /// Whether a load balancer is in front of the tasks. It checks their health, counts requests,
    /// moves traffic between two versions, and calls whoever wakes a service that sleeps.
    pub fn has_load_balancer(self) -> bool {
        match self {
            Self::Dedicated => true,
            Self::None => false,
        }
    }

    /// The name as manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::None => "none",
        }
    }
}

impl Settings {
    /// The way in to its tasks: what `ingress` says, for those that anybody calls.
    pub fn way_in(&self) -> Ingress {
        match self.kind {
            Kind::Web => self.ingress,
            Kind::Worker | Kind::Function => Ingress::None,
        }
    }

    /// Whether the HTTP API leads to it, under a path.
    pub fn is_reached(&self) -> bool {
        match self.kind {
            Kind::Web | Kind::Worker => self.way_in().is_way_in(),
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
    if !settings.is_reached() {
        broken.extend(needs_a_way_in(settings));
    }
    broken
}

/// With what there is no way in, or no load balancer.
fn with(settings: &Settings) -> String {
    match settings.kind {
        Kind::Web => format!("with the ingress `{}`", settings.ingress.name()),
        Kind::Worker | Kind::Function => format!("with the kind `{}`", settings.kind.name()),
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
    let strategy = settings.deploy.strategy;
    refuse(
        strategy.shifts(),
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
            Alert::Errors | Alert::ResponseTime | Alert::Unhealthy => true,
            Alert::Cpu | Alert::Memory | Alert::DeadLetters => false,
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

/// What is of the path under which a service is reached.
fn needs_a_way_in(settings: &Settings) -> Vec<Broken> {
    let default = Settings::default();
    [
        ("/path", settings.path.is_some()),
        ("/strip_path", settings.strip_path != default.strip_path),
        (
            "/authorization",
            settings.authorization != Authorization::None,
        ),
    ]
    .into_iter()
    .filter(|(_, is_said)| *is_said)
    .map(|(pointer, _)| {
        let detail = format!(
            "is for a service that callers reach, and {} nobody does: leave it out",
            with(settings)
        );
        Broken::unused(pointer, &["/ingress", "/kind"], detail)
    })
    .collect()
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
}
