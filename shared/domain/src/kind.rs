//! What goes with each kind of service, and what says nothing there.

use crate::alarms::Alert;
use crate::database;
use crate::function::{self, Function};
use crate::job::{self, Job};
use crate::manifest::{Ingress, Kind, Settings};
use crate::problem::Broken;
use crate::queue;
use crate::scaling::ScaledBy;

impl Kind {
    /// The name as manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Worker => "worker",
            Self::Job => "job",
            Self::Database => "database",
            Self::Function => "function",
        }
    }

    /// Whether a queue is made for it.
    pub fn has_own_queue(self) -> bool {
        match self {
            Self::Web | Self::Job | Self::Database | Self::Function => false,
            Self::Worker => true,
        }
    }

    /// Whether somebody may connect to its tasks.
    pub fn listens(self) -> bool {
        match self {
            Self::Web => true,
            Self::Worker | Self::Job | Self::Database | Self::Function => false,
        }
    }

    /// Whether it runs as tasks of ECS.
    pub fn has_tasks(self) -> bool {
        match self {
            Self::Web | Self::Worker | Self::Job => true,
            Self::Database | Self::Function => false,
        }
    }

    /// Whether it runs an image, and so has a repository for its images, and waits for the first.
    pub fn has_repository(self) -> bool {
        match self {
            Self::Web | Self::Worker | Self::Job | Self::Function => true,
            Self::Database => false,
        }
    }

    /// Whether a service of ECS keeps its tasks running, has the last word on a deployment, and
    /// is scaled.
    pub fn has_service(self) -> bool {
        match self {
            Self::Web | Self::Worker => true,
            Self::Job | Self::Database | Self::Function => false,
        }
    }
}

impl Settings {
    /// Whether there is a queue that tells how much there is to do: one that was made for it, or
    /// one that it names.
    pub fn has_queue(&self) -> bool {
        self.kind.has_own_queue() || self.scaling.queue.is_some()
    }
}

/// What is said that the kind has no use for.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = database::broken_elsewhere(settings);
    if settings.kind.has_own_queue() {
        broken.extend(own_queue(settings));
    } else {
        broken.extend(no_own_queue(settings));
    }
    match settings.kind {
        Kind::Web | Kind::Database => {}
        Kind::Worker => broken.extend(nobody_listens(settings)),
        Kind::Job => broken.extend(job::broken(settings)),
        Kind::Function => broken.extend(function::broken(settings)),
    }
    if settings.kind != Kind::Function && settings.function != Function::default() {
        let kind = settings.kind.name();
        let detail = format!(
            "is how a function runs, and the kind is `{kind}`: leave it out, or set `kind` to `function`"
        );
        broken.push(Broken::unused("/function", &["/kind"], detail));
    }
    if settings.kind != Kind::Function {
        broken.extend(no_function(settings));
    }
    if settings.kind != Kind::Job {
        broken.extend(no_job(settings));
    }
    broken
}

/// With a queue of its own.
fn own_queue(settings: &Settings) -> Vec<Broken> {
    let mut broken: Vec<Broken> = queue::broken(settings).into_iter().collect();
    let kind = settings.kind.name();
    if settings.scaling.queue.is_some() {
        let detail = format!(
            "names a queue, and a service of the kind `{kind}` is scaled by the one that is made for it: leave it out and set `queue.delay`, or let a service of the kind `web` with `ingress: none` work off the queue that you name"
        );
        broken.push(Broken::new("/scaling/queue", &["/kind"], detail));
    }
    let default = queue::WorkQueue::default();
    if settings.scaling.by == ScaledBy::TargetTracking && settings.queue.delay != default.delay {
        let detail = "is for the platform's scaler, and `by` is `target-tracking`: leave it out";
        let others = ["/scaling/by", "/kind"];
        broken.push(Broken::unused("/queue/delay", &others, detail.to_owned()));
    }
    broken
}

fn no_own_queue(settings: &Settings) -> Vec<Broken> {
    let mut broken = Vec::new();
    let kind = settings.kind.name();
    if settings.queue != queue::WorkQueue::default() {
        let detail = format!(
            "is the queue of a worker, and the kind is `{kind}`: leave it out, or set `kind` to `worker`"
        );
        broken.push(Broken::unused("/queue", &["/kind"], detail));
    }
    if settings.alarms.on.contains(&Alert::DeadLetters) {
        let detail = format!(
            "names `dead_letters`, of which only a worker has any, and the kind is `{kind}`"
        );
        broken.push(Broken::new("/alarms/on", &["/kind"], detail));
    }
    broken
}

/// What is told of functions alone.
fn no_function(settings: &Settings) -> Vec<Broken> {
    let kind = settings.kind.name();
    let on = settings.alarms.on.iter();
    let of_functions = on.filter(|alert| matches!(alert, Alert::Throttles | Alert::Timeout));
    of_functions
        .map(|alert| {
            let detail = format!(
                "names `{}`, which is told of functions alone, and the kind is `{kind}`",
                alert.name()
            );
            Broken::new("/alarms/on", &["/kind"], detail)
        })
        .collect()
}

/// What is a job's alone.
fn no_job(settings: &Settings) -> Vec<Broken> {
    let kind = settings.kind.name();
    let mut broken = Vec::new();
    if settings.job != Job::default() {
        let detail = format!(
            "is when a job runs, and the kind is `{kind}`: leave it out, or set `kind` to `job`"
        );
        broken.push(Broken::unused("/job", &["/kind"], detail));
    }
    if settings.alarms.on.contains(&Alert::FailedRuns) {
        let detail =
            format!("names `failed_runs`, of which only a job has any, and the kind is `{kind}`");
        broken.push(Broken::new("/alarms/on", &["/kind"], detail));
    }
    broken
}

/// With nothing to connect to.
fn nobody_listens(settings: &Settings) -> Vec<Broken> {
    let kind = settings.kind.name();
    let default = Settings::default();
    let is_other = settings.ingress != default.ingress && settings.ingress != Ingress::None;
    [
        ("/port", settings.port != default.port),
        ("/ingress", is_other),
    ]
    .into_iter()
    .filter(|(_, is_said)| *is_said)
    .map(|(pointer, _)| {
        let detail = format!(
            "is for a service that somebody calls, and nobody calls one of the kind `{kind}`: leave it out"
        );
        Broken::unused(pointer, &["/kind"], detail)
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
    fn a_worker_needs_no_more_than_its_kind_and_nothing_leads_to_it() {
        let manifest = json!({"service": "a", "kind": "worker", "ingress": "none"});
        Manifest::read(&manifest).unwrap();
        let manifest = json!({"service": "a", "kind": "worker", "scaling": {"min": 0}});
        let manifest = Manifest::read(&manifest).unwrap();
        let prod = "prod".parse().unwrap();
        assert_eq!(manifest.effective(&prod, &prod).unwrap().path, None);
    }

    #[test]
    fn what_callers_are_for_is_refused_where_nobody_calls() {
        let manifest = json!({
            "kind": "worker", "port": 8080, "path": "/a", "health": {"path": "/healthz"},
            "scaling": {"requests": 5, "queue": {"name": "other"}},
            "alarms": {"on": ["dead_letters", "errors"]},
        });
        let expected = [
            "/alarms/on",
            "/health",
            "/path",
            "/port",
            "/scaling/queue",
            "/scaling/requests",
        ];
        assert_eq!(refused(manifest), expected);
    }

    #[test]
    fn a_workers_queue_is_a_workers() {
        let manifest = json!({"queue": {"visibility": 60}, "alarms": {"on": ["dead_letters"]}});
        assert_eq!(refused(manifest), ["/alarms/on", "/queue"]);
        let worker = json!({
            "service": "a", "kind": "worker", "queue": {"visibility": 60}, "port": 80,
            "alarms": {"on": ["dead_letters"]}, "environments": {"qa": {"kind": "worker"}},
        });
        Manifest::read(&worker).unwrap();
    }

    #[test]
    fn a_message_is_kept_for_longer_than_one_try() {
        let queue = json!({"visibility": 300, "retention": 300});
        let manifest = json!({"kind": "worker", "queue": queue});
        assert_eq!(refused(manifest), ["/queue/visibility"]);
    }

    #[test]
    fn a_function_needs_no_more_than_its_kind_and_is_called_by_a_path() {
        let manifest = json!({"service": "a", "kind": "function"});
        let manifest = Manifest::read(&manifest).unwrap();
        let prod = "prod".parse().unwrap();
        let path = manifest.effective(&prod, &prod).unwrap().path.unwrap();
        assert_eq!(path.as_str(), "/a");
        let manifest = json!({"service": "a", "kind": "function", "ingress": "none"});
        let manifest = Manifest::read(&manifest).unwrap();
        assert_eq!(manifest.effective(&prod, &prod).unwrap().path, None);
    }

    #[test]
    fn what_tasks_are_for_is_refused_of_a_function() {
        let manifest = json!({
            "kind": "function", "port": 8080, "cpu": 512, "memory": 1024, "scaling": {"max": 4},
            "queue": {"attempts": 3}, "deploy": {"minimum_healthy": 50}, "health": {"path": "/x"},
            "alarms": {"on": ["cpu"]},
        });
        let expected = [
            "/alarms/on",
            "/cpu",
            "/deploy/minimum_healthy",
            "/health",
            "/memory",
            "/port",
            "/queue",
            "/scaling",
        ];
        assert_eq!(refused(manifest), expected);
        assert_eq!(refused(json!({"function": {"memory": 256}})), ["/function"]);
    }

    #[test]
    fn what_is_told_of_functions_is_told_of_no_other_kind() {
        let on = json!({"on": ["errors", "throttles", "timeout", "response_time"], "errors": 0});
        let function = json!({"service": "a", "kind": "function", "alarms": on, "dashboard": true});
        Manifest::read(&function).unwrap();
        let marks = json!({"kind": "function", "alarms": {"unhealthy": 2, "cpu": 9, "memory": 9}});
        let expected = ["/alarms/cpu", "/alarms/memory", "/alarms/unhealthy"];
        assert_eq!(refused(marks), expected);
        let web = json!({"alarms": {"on": ["throttles", "timeout"]}});
        assert_eq!(refused(web), ["/alarms/on", "/alarms/on"]);
    }

    #[test]
    fn what_lambda_refuses_is_refused_here() {
        let manifest = json!({
            "kind": "function", "environment": {"AWS_REGION": "x", "_A": "x", "LEVEL": "debug"},
            "secrets": {"KEY": "secretsmanager:/a/b#c", "ALL": "secretsmanager:/a/b"},
        });
        let expected = ["/environment/AWS_REGION", "/environment/_A", "/secrets/KEY"];
        assert_eq!(refused(manifest), expected);
        let long = "x".repeat(4000);
        let manifest = json!({"kind": "function", "environment": {"LONG": long, "LEVEL": long}});
        assert_eq!(refused(manifest), ["/environment"]);
    }

    #[test]
    fn a_function_runs_images_of_its_own_account_and_region() {
        let platform = crate::Platform::sample();
        let refused = |image: &str| {
            let manifest = json!({"service": "a", "kind": "function", "image": image});
            Manifest::read_on(&manifest, &platform).is_err()
        };
        assert!(refused("nginx:1"));
        assert!(refused("111122223333.dkr.ecr.eu-west-1.amazonaws.com/a:1"));
        assert!(!refused("111122223333.dkr.ecr.us-east-1.amazonaws.com/a:1"));
    }

    #[test]
    fn an_environment_of_another_kind_inherits_what_is_for_the_others() {
        let manifest = json!({
            "service": "a", "port": 8080, "path": "/x", "health": {"path": "/healthz"},
            "environments": {"qa": {"kind": "worker"}},
        });
        Manifest::read(&manifest).unwrap();
    }
}
