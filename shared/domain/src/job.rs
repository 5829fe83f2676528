//! A job: the manifest's `job`. One task that is started, does its work and ends.
//!
//! Nothing keeps it running, nobody calls it and nothing scales it: what is for those is refused.
//! When it runs, EventBridge Scheduler says, or whoever starts a run by hand; how often a run is
//! tried and for how long, Step Functions holds to.

use jiff::tz::TimeZoneDatabase;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::alarms::Alert;
use crate::container::WaitFor;
use crate::manifest::{Ingress, Settings};
use crate::platform::Platform;
use crate::problem::Broken;
use crate::scaling::Scaling;
use crate::schema;
use crate::strategy::Deploy;

mod schedule;

/// When a job runs, and what becomes of a run that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Job {
    /// When it runs, in the words of EventBridge Scheduler: `rate(1 hour)`, `cron(0 3 * * ? *)` or
    /// `at(2026-12-24T18:00:00)`. Without, it runs only when somebody starts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "expression")]
    pub schedule: Option<String>,
    /// The time zone of `cron` and `at`, as the IANA names it, such as `Europe/Berlin`.
    #[schemars(length(max = 50))]
    pub timezone: String,
    /// How often a run is tried before it has failed.
    #[schemars(range(min = 1, max = 10))]
    pub attempts: u32,
    /// Seconds after which an attempt is ended, and has failed.
    #[schemars(range(min = 30, max = 604_800))]
    pub timeout: u32,
    /// Seconds between the first attempt and the second; between further ones it is twice as long
    /// each time.
    #[schemars(range(min = 1, max = 3600))]
    pub backoff: u32,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            schedule: None,
            timezone: "UTC".to_owned(),
            attempts: 1,
            timeout: 3600,
            backoff: 60,
        }
    }
}

fn expression(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        // Null takes the schedule away in one environment.
        "type": ["string", "null"],
        "pattern": schedule::FORM,
        "maxLength": 200,
        "x-rule": "`rate(1 hour)`, `cron(0 3 * * ? *)` or `at(2026-12-24T18:00:00)`",
    })
}

/// What is wrong with a job's settings.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let mut broken = of_services(settings);
    broken.extend(alerts(settings));
    broken.extend(sidecars(settings));
    let job = &settings.job;
    if let Some(expression) = &job.schedule
        && let Err(detail) = schedule::check(expression)
    {
        broken.push(Broken::new("/job/schedule", &["/kind"], detail));
    }
    if TimeZoneDatabase::bundled().get(&job.timezone).is_err() {
        let detail = format!(
            "is `{}`, which the IANA's time zone database does not have: a name such as `Europe/Berlin` or `UTC` would be right",
            job.timezone
        );
        broken.push(Broken::new("/job/timezone", &["/kind"], detail));
    }
    broken
}

/// What is of tasks that run on, and says nothing of one that ends.
fn of_services(settings: &Settings) -> Vec<Broken> {
    let default = Settings::default();
    let is_other = settings.ingress != default.ingress && settings.ingress != Ingress::None;
    let says = [
        ("/port", settings.port != default.port),
        ("/ingress", is_other),
        ("/scaling", settings.scaling != Scaling::default()),
        ("/deploy", settings.deploy != Deploy::default()),
        ("/dashboard", settings.dashboard),
        ("/health/container", settings.health.container.is_some()),
        ("/spot", settings.spot != default.spot),
        ("/exec", settings.exec),
        ("/tracing", settings.tracing),
    ];
    let says = says.into_iter().filter(|(_, is_said)| *is_said);
    says.map(|(pointer, _)| {
        let detail = match pointer {
            "/scaling" => "is of tasks that run on, and a run of a job is one task: leave it out",
            "/spot" => "shares tasks out, and a run of a job is one task, which runs on Spot with `capacity: fargate-spot`: leave it out",
            "/tracing" => "puts a container beside the job's own that is killed when the job ends, and Step Functions takes such an end for a failure: leave it out",
            _ => "is of tasks that run on, and the kind is `job`: leave it out",
        };
        Broken::unused(pointer, &["/kind"], detail.to_owned())
    })
    .collect()
}

/// ECS measures services, and a job is none.
fn alerts(settings: &Settings) -> Vec<Broken> {
    let on = settings.alarms.on.iter();
    // What a load balancer measures is refused where there is none, and so are a queue's.
    let of_service = on.filter(|alert| matches!(alert, Alert::Cpu | Alert::Memory));
    of_service
        .map(|alert| {
            let detail = format!(
                "names `{}`, which ECS measures of services, and the kind is `job`: `failed_runs` would be right",
                alert.name()
            );
            Broken::new("/alarms/on", &["/kind"], detail)
        })
        .collect()
}

/// Step Functions takes any container's code other than 0 for a failure of the task, also of one
/// that is not essential and was killed because the job had ended (seen by others:
/// wellcomecollection/catalogue-pipeline, pull request 3377).
fn sidecars(settings: &Settings) -> Vec<Broken> {
    let beside = settings.sidecars.iter();
    let beside = beside.filter(|(_, it)| it.wait_for != Some(WaitFor::Done));
    beside
        .map(|(name, _)| {
            let detail = "runs beside a job, is killed when the job ends, and Step Functions takes such an end for a failure: one that ends before, with `wait_for: done` and `essential: false`, would be right".to_owned();
            Broken::new(format!("/sidecars/{name}"), &["/kind"], detail)
        })
        .collect()
}

/// What the platform lacks for a job.
pub(crate) fn missing(platform: &Platform) -> Option<&'static str> {
    platform.job_boundary.is_empty().then_some(
        "is `job`, and this platform is of a version that has none: update the platform first",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Manifest, Platform};

    fn refused(mut manifest: Value) -> Vec<String> {
        manifest["service"] = "a".into();
        manifest["kind"] = "job".into();
        let problems = Manifest::read(&manifest).unwrap_err().problems;
        problems.into_iter().map(|it| it.pointer).collect()
    }

    #[test]
    fn a_job_needs_no_more_than_its_kind_and_nothing_leads_to_it() {
        let manifest = json!({"service": "a", "kind": "job", "ingress": "none"});
        let manifest = Manifest::read(&manifest).unwrap();
        let prod = "prod".parse().unwrap();
        assert_eq!(manifest.effective(&prod, &prod).unwrap().path, None);
        assert_eq!(manifest.settings.job.schedule, None);
    }

    #[test]
    fn what_is_of_tasks_that_run_on_is_refused_of_a_job() {
        let manifest = json!({
            "port": 8080, "path": "/a", "scaling": {"max": 4}, "deploy": {"minimum_healthy": 50},
            "queue": {"attempts": 3}, "dashboard": true, "exec": true, "tracing": true,
            "capacity": "fargate-spot", "spot": {"base": 0}, "function": {"vpc": true},
            "alarms": {"on": ["cpu", "failed_runs"]},
        });
        let expected = [
            "/alarms/on",
            "/dashboard",
            "/deploy",
            "/exec",
            "/function",
            "/path",
            "/port",
            "/queue",
            "/scaling",
            "/spot",
            "/tracing",
        ];
        assert_eq!(refused(manifest), expected);
    }

    #[test]
    fn what_is_a_jobs_is_refused_of_others() {
        let manifest = json!({
            "service": "a", "job": {"attempts": 2}, "alarms": {"on": ["failed_runs"]},
        });
        let problems = Manifest::read(&manifest).unwrap_err().problems;
        let pointers: Vec<_> = problems.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(pointers, ["/alarms/on", "/job"]);
    }

    #[test]
    fn a_container_beside_a_job_ends_before_it() {
        let image = format!("example/a:1@sha256:{}", "0".repeat(64));
        let beside = json!({"sidecars": {"proxy": {"image": image}}});
        assert_eq!(refused(beside), ["/sidecars/proxy"]);
        let before = json!({
            "service": "a", "kind": "job",
            "sidecars": {"fetch": {"image": image, "wait_for": "done", "essential": false}},
        });
        Manifest::read(&before).unwrap();
    }

    #[test]
    fn a_schedule_is_one_that_aws_takes() {
        let job = json!({"job": {"schedule": "cron(0 3 * * * *)", "timezone": "Mars/Base"}});
        assert_eq!(refused(job), ["/job/schedule", "/job/timezone"]);
        assert_eq!(
            refused(json!({"job": {"schedule": "daily"}})),
            ["/job/schedule"]
        );
    }

    #[test]
    fn a_platform_without_jobs_says_so() {
        let mut platform = Platform::sample();
        let manifest = json!({"service": "a", "kind": "job"});
        assert!(Manifest::read_on(&manifest, &platform).is_ok());
        platform.job_boundary.clear();
        let problems = Manifest::read_on(&manifest, &platform)
            .unwrap_err()
            .problems;
        assert_eq!(problems[0].pointer, "/kind");
    }
}
