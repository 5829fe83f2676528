//! What goes with each kind of service, and what says nothing there.

use crate::alarms::Alert;
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
        }
    }

    /// Whether a queue is made for it.
    pub fn has_own_queue(self) -> bool {
        match self {
            Self::Web => false,
            Self::Worker => true,
        }
    }

    /// Whether somebody may connect to its tasks.
    pub fn listens(self) -> bool {
        match self {
            Self::Web => true,
            Self::Worker => false,
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
    let mut broken = Vec::new();
    if settings.kind.has_own_queue() {
        broken.extend(own_queue(settings));
    } else {
        broken.extend(no_own_queue(settings));
    }
    if !settings.kind.listens() {
        broken.extend(nobody_listens(settings));
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
    fn an_environment_of_another_kind_inherits_what_is_for_the_others() {
        let manifest = json!({
            "service": "a", "port": 8080, "path": "/x", "health": {"path": "/healthz"},
            "environments": {"qa": {"kind": "worker"}},
        });
        Manifest::read(&manifest).unwrap();
    }
}
