//! The stack of one environment: everything that runs, and the way to it.

use serde_json::{Map, Value, json};
use slipway_domain::manifest::{Cluster, Ingress, Kind};
use slipway_domain::{Effective, Image, Platform};

use crate::intrinsic::{attribute, reference};
use crate::sleep::WAKE_TARGET_GROUP;
use crate::template::Template;
use crate::weights::Weights;
use crate::{
    alarms, cluster, dashboard, firewall, load_balancer, logs, names, network, roles, routes,
    scaling, service, sleep, stamp, task, traffic, volumes,
};

/// What the control plane knows of what runs, beside the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunState {
    /// The number of tasks: rendered when a stack is first created, and where a service is
    /// replaced; otherwise `None` and left out, because the number is the scaler's.
    pub desired_count: Option<u32>,
    /// Who last asked for new tasks of the same: a label of the container, so that another one
    /// replaces the tasks.
    pub restart: Option<String>,
    /// The live weights of the two target groups; `None` where none are known, as at a stack's
    /// creation. See [`Template::with_weights`].
    pub weights: Option<Weights>,
}

/// The stack of one environment, or `None` while the environment has no image to run: it
/// waits, which is a state and no error.
pub fn environment_stack(
    effective: &Effective,
    platform: &Platform,
    run: &RunState,
) -> Option<Template> {
    let image = effective.settings.image.as_ref()?;
    let site = Site {
        effective,
        platform,
        image,
        run,
    };
    let mut template = match effective.settings.kind {
        Kind::Web => web(&site),
    };
    stamp::put(&mut template, logs::GROUP, &manifest(effective));
    // Last, so that the stamp does not depend on them.
    if let Some(count) = run.desired_count {
        service::begin(&mut template, count);
    }
    let shifts = effective.settings.deploy.strategy.shifts();
    let weights = run.weights.or(shifts.then_some(Weights::FIRST));
    Some(match weights {
        Some(weights) => template.with_weights(weights),
        None => template,
    })
}

fn web(site: &Site<'_>) -> Template {
    let mut resources = Resources::default();
    logs::add(&mut resources, site);
    match site.effective.settings.cluster {
        Cluster::Dedicated => cluster::add(&mut resources, site),
    }
    roles::add(&mut resources, site);
    network::add(&mut resources, site);
    match site.effective.settings.ingress {
        Ingress::Dedicated => {
            load_balancer::add(&mut resources, site);
            firewall::add(&mut resources, site);
        }
        Ingress::None => {}
    }
    if site.effective.settings.deploy.strategy.shifts() {
        traffic::add(&mut resources, site);
    }
    volumes::add(&mut resources, site);
    task::add(&mut resources, site);
    service::add(&mut resources, site);
    scaling::add(&mut resources, site);
    alarms::add(&mut resources, site);
    dashboard::add(&mut resources, site);
    if let Some(path) = &site.effective.path {
        routes::add(&mut resources, site, path);
    }
    Template::new(
        &format!(
            "Slipway: {} of the service {} on {}",
            site.effective.environment, site.effective.service, site.platform.name
        ),
        resources.0,
        outputs(site),
    )
}

fn outputs(site: &Site<'_>) -> Value {
    let mut outputs = json!({});
    if let Some(path) = &site.effective.path {
        let url = format!("{}{path}", site.platform.api_endpoint);
        outputs["Url"] = json!({"Description": "Where the service is reached", "Value": url});
    }
    let mut put = |name: &str, value: Value| outputs[name] = json!({"Value": value});
    put("Cluster", reference(cluster::CLUSTER));
    put("Service", reference(service::SERVICE));
    put("ServiceName", attribute(service::SERVICE, "Name"));
    put("TaskDefinition", reference(task::DEFINITION));
    if site.effective.settings.ingress.has_load_balancer() {
        put_balancer(&mut put);
    }
    put("LogGroup", reference(logs::GROUP));
    if site.effective.settings.deploy.strategy.shifts() {
        // With these the live weights are read.
        put("AlternateTargetGroup", reference(load_balancer::ALTERNATE));
        let name = attribute(load_balancer::ALTERNATE, "TargetGroupFullName");
        put("AlternateTargetGroupName", name);
        put("ListenerRule", reference(load_balancer::RULE));
    }
    if sleep::is_possible(site) {
        put(WAKE_TARGET_GROUP, reference(WAKE_TARGET_GROUP));
    }
    outputs
}

fn put_balancer(put: &mut impl FnMut(&str, Value)) {
    let balancer = |name| attribute(load_balancer::LOAD_BALANCER, name);
    put("LoadBalancer", balancer("DNSName"));
    put("TargetGroup", reference(load_balancer::TARGET_GROUP));
    put("Listener", reference(load_balancer::LISTENER));
    // By these names metrics know them.
    put("LoadBalancerName", balancer("LoadBalancerFullName"));
    let group = attribute(load_balancer::TARGET_GROUP, "TargetGroupFullName");
    put("TargetGroupName", group);
}

/// What the stamp is made of.
fn manifest(effective: &Effective) -> Value {
    let mut settings = json!(effective.settings);
    // What starts deployments changes nothing that runs.
    if let Some(settings) = settings.as_object_mut() {
        settings.shift_remove("triggers");
        // And whether there is a dashboard, the template shows.
        settings.shift_remove("dashboard");
    }
    // Nor does what only the scaler reads. Where a service may sleep, its template shows it.
    if let Some(scaling) = settings["scaling"].as_object_mut() {
        scaling.shift_remove("schedule");
        scaling.shift_remove("to_zero");
    }
    json!({
        "service": effective.service,
        "team": effective.team,
        "environment": effective.environment,
        "path": effective.path,
        "settings": settings,
    })
}

/// What an environment stack is rendered from.
pub(crate) struct Site<'a> {
    pub(crate) effective: &'a Effective,
    pub(crate) platform: &'a Platform,
    pub(crate) image: &'a Image,
    pub(crate) run: &'a RunState,
}

impl Site<'_> {
    /// `{platform}-{service}-{env}`.
    pub(crate) fn family(&self) -> String {
        names::family(
            self.platform,
            &self.effective.service,
            &self.effective.environment,
        )
    }

    pub(crate) fn cluster_name(&self) -> String {
        names::cluster(
            self.platform,
            &self.effective.service,
            &self.effective.environment,
        )
    }

    pub(crate) fn log_group_name(&self) -> String {
        names::log_group(
            self.platform,
            &self.effective.service,
            &self.effective.environment,
        )
    }

    /// The fixed name of an alarm, for who cannot refer to it.
    pub(crate) fn alarm_name(&self, logical_id: &str) -> String {
        names::alarm(
            self.platform,
            &self.effective.service,
            &self.effective.environment,
            logical_id,
        )
    }

    /// The ARN of something of the platform's account and region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Platform {
            partition,
            region,
            account,
            ..
        } = self.platform;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The endpoint of an AWS service in the platform's region, as keys know it; China's have a
    /// suffix of their own.
    pub(crate) fn endpoint(&self, service: &str) -> String {
        let domain = match self.platform.partition.as_str() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        format!("{service}.{}.{domain}", self.platform.region)
    }
}

/// The resources of a template, in the order in which they are added.
#[derive(Default)]
pub(crate) struct Resources(pub(crate) Map<String, Value>);

impl Resources {
    pub(crate) fn add(&mut self, logical_id: &str, resource: Value) {
        let previous = self.0.insert(logical_id.to_owned(), resource);
        debug_assert!(previous.is_none(), "{logical_id} is rendered twice");
    }
}
