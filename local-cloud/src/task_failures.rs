//! Tasks of ECS services that fail on demand: how, and which services' tasks.
//!
//! The emulator makes them fail (`python/tasks.py`); it has to know before a deployment begins.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::bus;
use crate::companion::Companion;
use crate::upstream::Upstream;
use crate::xml;

/// How the tasks of a service's new deployment fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// Why a task stopped, as ECS says it: `Essential container in task exited`.
    pub stopped_reason: String,
    /// `EssentialContainerExited`, `TaskFailedToStart` or `ServiceSchedulerInitiated`.
    pub stop_code: String,
    /// What the containers exited with; none when they never ran.
    pub exit_code: Option<i32>,
    /// What ECS says of the containers: `CannotPullContainerError: …`; may be empty.
    pub container_reason: String,
    /// Why the target is unhealthy: `Target.FailedHealthChecks`; empty when no target is.
    pub target_reason: String,
    /// The same for people: `Health checks failed with these codes: [500]`.
    pub target_description: String,
    /// What each task wrote into its log before it stopped.
    pub log_lines: Vec<String>,
    /// How many tasks have failed.
    pub failed_tasks: u32,
    /// Whether the circuit breaker has been triggered, if the service has one: the stack's
    /// operation fails. Otherwise the rollout goes on, and CloudFormation waits for it until the
    /// update is cancelled or the stack deleted.
    pub triggers_breaker: bool,
}

impl TaskFailure {
    /// The program ends with this code, after it has written these lines.
    pub fn exits(code: i32, log_lines: &[&str]) -> Self {
        Self {
            stopped_reason: "Essential container in task exited".to_owned(),
            stop_code: "EssentialContainerExited".to_owned(),
            exit_code: Some(code),
            container_reason: String::new(),
            target_reason: String::new(),
            target_description: String::new(),
            log_lines: log_lines.iter().map(|line| (*line).to_owned()).collect(),
            failed_tasks: 3,
            triggers_breaker: true,
        }
    }

    /// The image is not there.
    pub fn cannot_pull(image: &str) -> Self {
        let reason = format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to \
             resolve ref {image}: not found"
        );
        Self {
            stopped_reason: reason.clone(),
            stop_code: "TaskFailedToStart".to_owned(),
            exit_code: None,
            container_reason: reason,
            ..Self::exits(0, &[])
        }
    }

    /// The program runs, and answers the health check with this status.
    pub fn unhealthy(status: u16, log_lines: &[&str]) -> Self {
        let description = format!("Health checks failed with these codes: [{status}]");
        Self {
            stopped_reason: format!("Task failed ELB health checks: {description}"),
            stop_code: "ServiceSchedulerInitiated".to_owned(),
            exit_code: Some(137),
            target_reason: "Target.ResponseCodeMismatch".to_owned(),
            target_description: description,
            ..Self::exits(137, log_lines)
        }
    }

    /// The same before the circuit breaker has had enough: the rollout goes on.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.triggers_breaker = false;
        self
    }

    fn to_json(&self) -> Value {
        json!({
            "stopped_reason": self.stopped_reason,
            "stop_code": self.stop_code,
            "exit_code": self.exit_code,
            "container_reason": self.container_reason,
            "target_reason": self.target_reason,
            "target_description": self.target_description,
            "log_lines": self.log_lines,
            "failed_tasks": self.failed_tasks,
            "triggers_breaker": self.triggers_breaker,
        })
    }
}

/// Which services' tasks fail, and how often.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaskRules {
    rules: Vec<TaskRule>,
    /// How many there ever were: each has a number of its own.
    made: usize,
    /// Whether the emulator has heard of them once.
    told: bool,
}

#[derive(Debug, Clone)]
struct TaskRule {
    number: usize,
    service: String,
    failure: TaskFailure,
    times: usize,
    used: usize,
}

impl TaskRules {
    pub(crate) fn add(&mut self, service: &str, failure: TaskFailure, times: usize) {
        self.rules.push(TaskRule {
            number: self.made,
            service: service.to_owned(),
            failure,
            times,
            used: 0,
        });
        self.made += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn pending(&self) -> usize {
        let pending = |rule: &&TaskRule| rule.used < rule.times;
        self.rules.iter().filter(pending).count()
    }

    /// What the emulator has to know; nothing when it never had to know anything.
    fn tell(&mut self) -> Option<String> {
        if self.rules.is_empty() && !self.told {
            return None;
        }
        self.told = true;
        let rules: Vec<Value> = self
            .rules
            .iter()
            .map(|rule| {
                json!({
                    "id": rule.number.to_string(),
                    "service": rule.service,
                    "times": rule.times,
                    "failure": rule.failure.to_json(),
                })
            })
            .collect();
        Some(Value::Array(rules).to_string())
    }

    fn count(&mut self, uses: &Value) {
        for rule in &mut self.rules {
            let times = uses[rule.number.to_string()].as_u64().unwrap_or(0);
            rule.used = usize::try_from(times).unwrap_or(usize::MAX);
        }
    }
}

impl Companion {
    /// Tells the emulator whose tasks are to fail, and hears whose have failed. True when any
    /// were ever to fail.
    pub(crate) async fn exchange_task_failures(
        self: &Arc<Self>,
        upstream: &Upstream,
    ) -> Result<bool> {
        let Some(rules) = self.faults.tasks(TaskRules::tell) else {
            return Ok(false);
        };
        let parameters = [("Rules", rules.as_str())];
        let answer = upstream
            .query("cloudformation", "SlipwayTasksFail", &parameters)
            .await?
            .success()?;
        let happened = xml::find(&answer.text(), "Happened").context("no answer about tasks")?;
        let happened: Value = serde_json::from_str(&happened)?;
        self.faults.tasks(|rules| rules.count(&happened["uses"]));
        for failed in happened["triggered"].as_array().into_iter().flatten() {
            let part = |name: &str| failed[name].as_str().unwrap_or_default().to_owned();
            let (service, deployment) = (part("service"), part("deployment"));
            let region = service.split(':').nth(3).unwrap_or_default().to_owned();
            let event = bus::deployment_failed(&service, &deployment, &region, &self.account);
            self.emit(&event, &region);
        }
        Ok(true)
    }

    /// Whether new tasks of a service fail without an end, for which CloudFormation waits.
    pub(crate) async fn waits_for(
        self: &Arc<Self>,
        upstream: &Upstream,
        services: &[String],
    ) -> Result<bool> {
        for service in services {
            // arn:…:service/{cluster}/{service}
            let cluster = service.split('/').nth(1).unwrap_or_default();
            let ask = json!({ "cluster": cluster, "services": [service] });
            let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
            let answer = upstream.json("ecs", target, &ask).await?;
            let primary = &answer["services"][0]["deployments"][0];
            if primary["rolloutState"] == "IN_PROGRESS" && primary["failedTasks"] != 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
