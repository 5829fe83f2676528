//! The stack of one environment: everything that runs, and the way to it.

use serde_json::{Map, Value, json};
use slipway_domain::manifest::{Authorization, Capacity, Ingress, Kind};
use slipway_domain::{Artifact, Effective, Place, Platform};

use crate::capacity::PLACEMENT_OUTPUT;
use crate::intrinsic::{attribute, reference};
use crate::shared_balancer::Shared;
use crate::sleep::WAKE_TARGET_GROUP;
use crate::template::Template;
use crate::weights::Weights;
use crate::{
    alarms, balancer_stack, capacity, cluster, dashboard, database, discovery, firewall, function,
    job, load_balancer, logs, names, network, queue, roles, routes, scaling, service,
    shared_balancer, sleep, stamp, task, traffic, volumes,
};

/// The output that names the type of the instances that the tasks run on, where they do: what they
/// cost is known by it.
pub(crate) const INSTANCE_TYPE_OUTPUT: &str = "InstanceType";

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
    /// Where the service is on one of the platform's load balancers, if it shares one; the first
    /// place of its path, where `None` is known.
    pub place: Option<Place>,
}

/// The stack of one environment, or `None` while the environment has nothing to run: it
/// waits, which is a state and no error. `None` too where it wants of the platform what that does not
/// have, a load balancer that others share, names or an issuer of tokens; such a manifest is refused before.
pub fn environment_stack(
    effective: &Effective,
    platform: &Platform,
    run: &RunState,
) -> Option<Template> {
    if let Some(database) = effective.settings.as_database() {
        return Some(database::stack(effective, &database, platform));
    }
    if effective.settings.kind == Kind::LoadBalancer {
        return Some(balancer_stack::stack(effective, platform));
    }
    let artifact = effective.settings.artifact()?;
    let shared = shared_balancer::find(effective, platform, run);
    if effective.settings.way_in().is_platforms() && shared.is_none() {
        return None;
    }
    // Without its authorizer a route would be open.
    let asks =
        effective.settings.is_reached() && effective.settings.authorization == Authorization::Jwt;
    if asks && platform.authorizer.is_empty() {
        return None;
    }
    let needs_names = effective.settings.finds_others() || effective.settings.is_registered();
    if needs_names && platform.discovery.is_none() {
        return None;
    }
    let site = Site {
        effective,
        platform,
        artifact: &artifact,
        run,
        shared,
    };
    let mut template = match effective.settings.kind {
        Kind::Job => run_now_and_then(&site),
        Kind::Function => function(&site),
        // Databases and load balancers have been rendered by now.
        Kind::Web | Kind::Worker | Kind::Database | Kind::LoadBalancer => tasks(&site),
    };
    stamp::put(&mut template, logs::GROUP, &manifest(effective));
    // Last, so that the stamp does not depend on them.
    if let Some(count) = run.desired_count {
        service::begin(&mut template, count);
    }
    let shifts = effective.settings.shifts_tasks();
    let weights = run.weights.or(shifts.then_some(Weights::FIRST));
    Some(match weights {
        Some(weights) => template.with_weights(weights),
        None => template,
    })
}

/// A service of ECS.
fn tasks(site: &Site<'_>) -> Template {
    let mut resources = Resources::default();
    logs::add(&mut resources, site);
    cluster::add(&mut resources, site);
    if queue::is_there(site) {
        queue::add(&mut resources, site);
    }
    roles::add(&mut resources, site);
    network::add(&mut resources, site);
    discovery::add(&mut resources, site);
    match site.effective.settings.way_in() {
        Ingress::Dedicated => {
            load_balancer::add(&mut resources, site);
            firewall::add(&mut resources, site.platform);
        }
        Ingress::Shared | Ingress::Public => shared_balancer::add(&mut resources, site),
        Ingress::CloudMap | Ingress::None => {}
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
    if let Some(path) = &site.effective.path
        && site.effective.settings.way_in().is_on_api()
    {
        routes::add(&mut resources, site, path);
    }
    Template::new(&description(site), resources.0, outputs(site))
}

/// A task of ECS that is started, and ends.
fn run_now_and_then(site: &Site<'_>) -> Template {
    let mut resources = Resources::default();
    logs::add(&mut resources, site);
    cluster::add(&mut resources, site);
    roles::add(&mut resources, site);
    network::add(&mut resources, site);
    volumes::add(&mut resources, site);
    task::add(&mut resources, site);
    job::add(&mut resources, site);
    alarms::add_alerts(&mut resources, site);
    Template::new(&description(site), resources.0, job::outputs(site))
}

/// A function of Lambda.
fn function(site: &Site<'_>) -> Template {
    let mut resources = Resources::default();
    function::add(&mut resources, site);
    alarms::add_alerts(&mut resources, site);
    dashboard::add(&mut resources, site);
    if let Some(path) = &site.effective.path {
        function::add_callers(&mut resources, site, path);
        routes::add(&mut resources, site, path);
    }
    let mut outputs = url(site);
    function::put_outputs(&mut |name, value| outputs[name] = json!({"Value": value}));
    Template::new(&description(site), resources.0, outputs)
}

fn description(site: &Site<'_>) -> String {
    format!(
        "Slipway: {} of the service {} on {}",
        site.effective.environment, site.effective.service, site.platform.name
    )
}

/// The output that says where the service is reached, if it is.
fn url(site: &Site<'_>) -> Value {
    let mut outputs = json!({});
    if let Some(path) = &site.effective.path {
        let public = site.shared.as_ref().and_then(|it| it.url);
        let endpoint = public.unwrap_or(&site.platform.api_endpoint);
        let url = format!("{endpoint}{path}");
        outputs["Url"] = json!({"Description": "Where the service is reached", "Value": url});
    }
    outputs
}

fn outputs(site: &Site<'_>) -> Value {
    let mut outputs = url(site);
    let mut put = |name: &str, value: Value| outputs[name] = json!({"Value": value});
    put("Cluster", cluster::reference(site));
    put("Service", reference(service::SERVICE));
    put("ServiceName", attribute(service::SERVICE, "Name"));
    put("TaskDefinition", reference(task::DEFINITION));
    if site.effective.settings.way_in().has_load_balancer() {
        put_balancer(site, &mut put);
    }
    if queue::is_there(site) {
        queue::put_outputs(&mut put);
    }
    put("LogGroup", reference(logs::GROUP));
    if let Some(name) = discovery::full_name(site) {
        put("DiscoveryName", name.into());
    }
    if site.effective.settings.deploy.strategy.shifts() {
        // With these the live weights are read.
        put("AlternateTargetGroup", reference(load_balancer::ALTERNATE));
        let name = attribute(load_balancer::ALTERNATE, "TargetGroupFullName");
        put("AlternateTargetGroupName", name);
        put("ListenerRule", reference(load_balancer::RULE));
    }
    let settings = &site.effective.settings;
    if let (Capacity::Ec2, Some(ec2)) = (settings.capacity, &site.platform.ec2) {
        put(INSTANCE_TYPE_OUTPUT, ec2.instance_type.as_str().into());
    }
    if let Some(placement) = capacity::placement(site) {
        put(PLACEMENT_OUTPUT, placement.into());
    }
    if sleep::is_possible(site) {
        put(WAKE_TARGET_GROUP, reference(WAKE_TARGET_GROUP));
    }
    outputs
}

fn put_balancer(site: &Site<'_>, put: &mut impl FnMut(&str, Value)) {
    if site.shared.is_none() {
        let address = attribute(load_balancer::LOAD_BALANCER, "DNSName");
        put("LoadBalancer", address);
    }
    put("TargetGroup", reference(load_balancer::TARGET_GROUP));
    put("Listener", load_balancer::listener_of(site));
    // By these names metrics know them.
    put("LoadBalancerName", load_balancer::full_name(site));
    let group = attribute(load_balancer::TARGET_GROUP, "TargetGroupFullName");
    put("TargetGroupName", group);
}

/// What the stamp is made of.
pub(crate) fn manifest(effective: &Effective) -> Value {
    let mut settings = json!(effective.settings);
    // What starts deployments changes nothing that runs.
    if let Some(settings) = settings.as_object_mut() {
        settings.shift_remove("triggers");
        // A queue that is not made is none: nothing of it is in the template.
        if !effective.settings.kind.has_own_queue() {
            settings.shift_remove("queue");
        }
        // Of a database that is none nothing is, either.
        if effective.settings.kind != Kind::Database {
            settings.shift_remove("database");
        }
        if effective.settings.kind != Kind::Function {
            settings.shift_remove("function");
        }
        if effective.settings.kind != Kind::Job {
            settings.shift_remove("job");
        }
        // Where tasks run on Spot, the template shows how many do not.
        settings.shift_remove("spot");
        // And whether there is a dashboard, the template shows.
        settings.shift_remove("dashboard");
    }
    // The template shows of how much a database's alarms tell.
    if let Some(alarms) = settings["alarms"].as_object_mut() {
        for mark in ["capacity", "connections", "replica_lag"] {
            alarms.shift_remove(mark);
        }
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
    pub(crate) artifact: &'a Artifact,
    pub(crate) run: &'a RunState,
    /// Where it is on one of the platform's load balancers, if it shares one.
    pub(crate) shared: Option<Shared<'a>>,
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
